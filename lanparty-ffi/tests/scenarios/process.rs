//! A process that forks.

use std::os::fd::{AsFd as _, OwnedFd};
use std::ptr::{null, null_mut};

use lanparty::*;
use nix::libc::_exit;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork, pipe, write};

use crate::support::*;
use crate::venue::*;

/// All that the child knows.
struct Inherited<'a> {
    venue: &'a Venue,
    ann: &'a Player,
    config: &'a SessionConfig,
    relay_config: &'a RelayConfig,
    identity: &'a Identity,
}

impl Inherited<'_> {
    /// The first call that was not refused. There are no threads here but this one: every call must answer at once, and wait
    /// for nobody.
    fn not_refused(&self) -> Option<u8> {
        let (mut mac, mut bytes, mut text) = ([0; 6], [0u8; 64], [0; 64]);
        let (mut count, mut handle, mut phase) = (0, 0, 0);
        let (mut event, mut room) = (sized::<lanparty_event>(), sized::<lanparty_room>());
        let (mut session, mut relay) = (null_mut(), null_mut());
        let mut frame = lent(&[0; 60]);
        let forever = LANPARTY_FOREVER;
        let (own, port, venue) = (self.ann.session.ptr(), self.ann.port.ptr(), self.venue.relay.ptr());
        let (config, relay_config) = (self.config.ptr(), self.relay_config.ptr());
        let (name, value) = (c"name".as_ptr(), c"Bob".as_ptr());
        let (listen, address) = (c"listen".as_ptr(), c"127.0.0.1:0".as_ptr());
        let err = null_mut();
        let (buf, frame, count) = (bytes.as_mut_ptr(), &raw mut frame, &raw mut count);
        let answers = unsafe {
            [
                lanparty_identity_mac(self.identity.ptr(), mac.as_mut_ptr(), err),
                lanparty_session_config_set(config, name, NUL, value, NUL, err),
                lanparty_session_config_set_port(config, port, err),
                lanparty_session_start(config, &raw mut session, err),
                lanparty_relay_config_set(relay_config, listen, NUL, address, NUL, err),
                lanparty_relay_bind(relay_config, &raw mut relay, err),
                lanparty_session_wait_joined(own, forever, err),
                lanparty_session_next_event(own, forever, &raw mut event, err),
                lanparty_session_wait_handle(own, &raw mut handle, err),
                lanparty_session_phase(own, &raw mut phase, err),
                lanparty_session_room(own, &raw mut room, err),
                lanparty_session_set_paused(own, 1, err),
                lanparty_session_bridge(own, port, forever, err),
                lanparty_session_unbridge(own, forever, err),
                lanparty_session_close(own, null(), 0, forever, err),
                lanparty_test_panic(own, err),
                lanparty_port_send(port, frame, 1, count, err),
                lanparty_port_recv(port, buf, 64, frame, 1, count, forever, err),
                lanparty_port_wait_handle(port, &raw mut handle, err),
                lanparty_port_close(port, err),
                lanparty_relay_address(venue, text.as_mut_ptr(), 64, count, err),
                lanparty_relay_kick(venue, ROOM.as_ptr(), NUL, self.ann.number, null(), 0, err),
                lanparty_relay_next_event(venue, forever, &raw mut event, err),
                lanparty_relay_close(venue, null(), 0, forever, err),
            ]
        };
        let wrong = answers.iter().position(|status| *status != LANPARTY_E_FORKED);
        wrong.map(|index| u8::try_from(index).unwrap_or(u8::MAX))
    }

    /// Frees everything, which must do nothing: what the handles hold is the parent's.
    unsafe fn free(&self) {
        unsafe {
            lanparty_session_free(self.ann.session.ptr());
            lanparty_port_free(self.ann.port.ptr());
            lanparty_relay_free(self.venue.relay.ptr());
            lanparty_session_config_free(self.config.ptr());
            lanparty_relay_config_free(self.relay_config.ptr());
            lanparty_identity_free(self.identity.ptr());
        }
    }

    /// The life of the child: no test framework, no exit handlers, and a byte that says how it went.
    unsafe fn live(&self, verdict: &OwnedFd) -> ! {
        const FINE: u8 = 200;
        let live = lanparty_live_handles();
        let mut said = self.not_refused().unwrap_or(FINE);
        // The error object is the child's own.
        let mut err = null_mut();
        let mut phase = 0;
        unsafe {
            lanparty_session_phase(self.ann.session.ptr(), &raw mut phase, &raw mut err);
            if lanparty_error_status(err) != LANPARTY_E_FORKED {
                said = 100;
            }
            lanparty_error_free(err);
            self.free();
        }
        if lanparty_live_handles() != live {
            said = 101;
        }
        let _ = write(verdict, &[said]);
        unsafe { _exit(0) }
    }
}

#[test]
fn fork_is_refused() {
    let _turn = alone();
    let venue = Venue::open();
    let [ann, bob] = venue.party([c"Ann", c"Bob"]);
    let (identity, relay_config) = (Identity::generate(), RelayConfig::new());
    let config = venue.config(LANPARTY_ROLE_CLIENT, ROOM, c"Cat");
    let handles = lanparty_live_handles();
    let inherited = Inherited {
        venue: &venue,
        ann: &ann,
        config: &config,
        relay_config: &relay_config,
        identity: &identity,
    };

    let (verdict, told) = pipe().unwrap();
    // The child calls the library, which takes no lock before it has refused, and leaves by `_exit`.
    let child = match unsafe { fork() }.unwrap() {
        ForkResult::Child => unsafe { inherited.live(&told) },
        ForkResult::Parent { child } => child,
    };
    drop(told);
    let mut fds = [PollFd::new(verdict.as_fd(), PollFlags::POLLIN)];
    if poll(&mut fds, PollTimeout::from(10_000u16)).unwrap() == 0 {
        kill(child, Signal::SIGKILL).unwrap();
    }
    let mut said = [0];
    let len = nix::unistd::read(&verdict, &mut said).unwrap();
    let end = waitpid(child, None).unwrap();
    assert_eq!((len, said), (1, [200]), "the child hung, crashed, or a call of it was not refused: {end:?}");
    assert_eq!(end, WaitStatus::Exited(child, 0));

    // The parent has lost nothing by it.
    assert_eq!(lanparty_live_handles(), handles);
    ann.meets(&bob, 1);
}
