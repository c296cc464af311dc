//! Descriptors to wait on.

use std::os::fd::BorrowedFd;

use lanparty::*;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::support::*;
use crate::venue::*;

fn readable(handle: i64, timeout_ms: u16) -> bool {
    // It belongs to the library, and lives as long as the handle that it was asked of.
    let fd = unsafe { BorrowedFd::borrow_raw(i32::try_from(handle).unwrap()) };
    let mut fds = [PollFd::new(fd, PollFlags::POLLIN)];
    let ready = poll(&mut fds, PollTimeout::from(timeout_ms)).unwrap();
    ready == 1 && fds[0].revents() == Some(PollFlags::POLLIN)
}

fn soon(handle: i64) -> bool {
    readable(handle, 10_000)
}

#[test]
fn wait_handles() {
    let _turn = beside_others();
    let venue = Venue::open();
    let [ann, bob] = venue.party([c"Ann", c"Bob"]);
    let [mut port, mut session, mut relay, mut again] = [-1; 4];
    call!(lanparty_port_wait_handle(ann.port.ptr(), &raw mut port)).ok();
    call!(lanparty_session_wait_handle(ann.session.ptr(), &raw mut session)).ok();
    call!(lanparty_relay_wait_handle(venue.relay.ptr(), &raw mut relay)).ok();
    call!(lanparty_port_wait_handle(ann.port.ptr(), &raw mut again)).ok();
    assert_eq!(again, port);

    assert!(!readable(port, 0));
    for round in 0..3 {
        bob.send(ann.mac, 60, round);
        bob.send(ann.mac, 60, round + 100);
        assert!(soon(port));
        ann.expect(ann.mac, &bob, 60, round);
        assert!(soon(port));
        ann.expect(ann.mac, &bob, 60, round + 100);
        assert!(!readable(port, 0));
    }

    assert!(soon(session));
    ann.session.drain();
    assert!(!readable(session, 0));
    bob.session.pause(true);
    assert!(soon(session));
    let mut event: lanparty_event = sized();
    call!(lanparty_session_next_event(ann.session.ptr(), 0, &raw mut event)).ok();
    assert_eq!(event.kind, LANPARTY_EVENT_PEER_PAUSED);
    assert!(!readable(session, 0));

    assert!(soon(relay));
    assert_eq!(venue.relay.wait_event(LANPARTY_EVENT_MEMBER_PAUSED).peer, bob.number);
    assert!(!readable(relay, 0));

    // The end is something to be read, and stays so.
    ann.session.close().ok();
    assert!(soon(session) && soon(port));
    assert_eq!(ann.session.drain(), LANPARTY_END);
    assert!(readable(session, 0));
    try_receive(&ann.port, 64, 1, 0).0.is(LANPARTY_END);
    assert!(readable(port, 0));
    venue.relay.close().ok();
    assert!(soon(relay));
}
