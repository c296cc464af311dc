//! A relay to meet at, and players with a virtual port each.

use std::ffi::{CStr, CString, c_char};
use std::ptr;

use lanparty::*;

use crate::support::*;

pub(crate) const ROOM: &CStr = c"PARTY";
pub(crate) const BROADCAST: [u8; 6] = [0xff; 6];

/// Scenarios come and go faster than players do.
const LIMITS: &CStr = c"\
    limit-client-bytes = \"unlimited\"\n\
    limit-client-flood = \"unlimited\"\n\
    limit-client-unknown-unicast = \"unlimited\"\n\
    limit-handshakes-per-address = \"unlimited\"\n\
    limit-connections-per-address = 1000\n";

/// One nobody else uses, for frames of ours.
const ETHERTYPE: [u8; 2] = [0x88, 0xb5];

/// A relay on the loopback, and what a member must know of it.
#[derive(Debug)]
pub(crate) struct Venue {
    pub(crate) relay: Relay,
    pub(crate) address: CString,
    pub(crate) certificate: Vec<u8>,
}

impl Venue {
    pub(crate) fn open() -> Self {
        Self::open_at(c"127.0.0.1:0", c"")
    }

    pub(crate) fn open_at(listen: &CStr, toml: &CStr) -> Self {
        let config = RelayConfig::new();
        config.set(c"listen", listen).ok();
        config.load(LIMITS).ok();
        config.load(toml).ok();
        let relay = Relay::from(|relay| call!(lanparty_relay_bind(config.ptr(), relay)));
        let (mut address, mut certificate) = ([0u8; 64], vec![0; 4096]);
        let mut needed = 0;
        let buf = address.as_mut_ptr().cast::<c_char>();
        call!(lanparty_relay_address(relay.ptr(), buf, address.len(), &raw mut needed)).ok();
        let address = CStr::from_bytes_with_nul(&address[..needed]).unwrap().to_owned();
        let buf = certificate.as_mut_ptr();
        call!(lanparty_relay_certificate(relay.ptr(), buf, certificate.len(), &raw mut needed)).ok();
        certificate.truncate(needed);
        Self { relay, address, certificate }
    }

    /// What a member of it starts from.
    pub(crate) fn config(&self, role: u32, room: &CStr, name: &CStr) -> SessionConfig {
        self.config_with(&self.certificate, role, room, name)
    }

    pub(crate) fn config_with(
        &self,
        certificate: &[u8],
        role: u32,
        room: &CStr,
        name: &CStr,
    ) -> SessionConfig {
        let (relay, room) = (self.address.as_ptr(), room.as_ptr());
        let config = SessionConfig::from(|config| {
            call!(lanparty_session_config_new(role, relay, NUL, room, NUL, config))
        });
        let (bytes, len) = (certificate.as_ptr(), certificate.len());
        call!(lanparty_session_config_trust_certificates(config.ptr(), bytes, len)).ok();
        config.set(c"server-name", c"lanparty-relay.local").ok();
        config.set(c"name", name).ok();
        config
    }

    /// A client in the usual room.
    #[track_caller]
    pub(crate) fn join(&self, name: &CStr) -> Player {
        Player::join(self.config(LANPARTY_ROLE_CLIENT, ROOM, name))
    }

    /// So many clients that all see each other.
    #[track_caller]
    pub(crate) fn party<const N: usize>(&self, names: [&CStr; N]) -> [Player; N] {
        let players = names.map(|name| self.join(name));
        for player in &players {
            player.session.wait_peers(N - 1);
        }
        players
    }
}

/// A member with a virtual port.
#[derive(Debug)]
pub(crate) struct Player {
    pub(crate) session: Session,
    pub(crate) port: Port,
    pub(crate) mac: [u8; 6],
    pub(crate) number: u32,
}

impl Player {
    #[track_caller]
    pub(crate) fn join(config: SessionConfig) -> Self {
        let identity = Identity::generate();
        call!(lanparty_session_config_set_identity(config.ptr(), identity.ptr())).ok();
        let port = virtual_port();
        config.set_port(&port).ok();
        let session = config.start();
        call!(lanparty_session_wait_joined(session.ptr(), PATIENCE)).ok();
        let number = session.room().self_peer;
        assert_ne!(number, 0);
        Self { session, port, mac: identity.mac(), number }
    }

    #[track_caller]
    pub(crate) fn leave(self) {
        self.session.close().ok();
        call!(lanparty_port_close(self.port.ptr())).ok();
    }

    /// Sends one frame.
    #[track_caller]
    pub(crate) fn send(&self, to: [u8; 6], len: usize, number: u8) {
        send(&self.port, &[frame(to, self.mac, len, number)]).is((LANPARTY_OK, 1));
    }

    /// The next frame must be this one.
    #[track_caller]
    pub(crate) fn expect(&self, to: [u8; 6], from: &Self, len: usize, number: u8) {
        assert_eq!(receive(&self.port), frame(to, from.mac, len, number));
    }

    /// A frame there and one back.
    #[track_caller]
    pub(crate) fn meets(&self, other: &Self, number: u8) {
        self.send(other.mac, 60, number);
        other.expect(other.mac, self, 60, number);
        other.send(self.mac, 60, number);
        self.expect(self.mac, other, 60, number);
    }
}

pub(crate) fn virtual_port() -> Port {
    Port::from(|port| call!(lanparty_port_new_virtual(0, 0, port)))
}

pub(crate) fn port_flags(port: &Port) -> u32 {
    let mut info: lanparty_port_info = sized();
    call!(lanparty_port_info_get(port.ptr(), &raw mut info)).ok();
    info.flags & (LANPARTY_FLAG_BRIDGED | LANPARTY_FLAG_CLOSED)
}

/// A frame whose contents follow from a number.
pub(crate) fn frame(to: [u8; 6], from: [u8; 6], len: usize, number: u8) -> Vec<u8> {
    let payload = (0u8..=255).cycle().map(|byte| byte.wrapping_add(number.wrapping_mul(31)));
    let head = to.into_iter().chain(from).chain(ETHERTYPE);
    head.chain(payload).take(len).collect()
}

/// What became of frames that were sent: the status, and how many were taken.
#[derive(Debug)]
#[must_use]
pub(crate) struct Sent(pub(crate) Answer, pub(crate) usize);

impl Sent {
    #[track_caller]
    pub(crate) fn is(self, (status, count): (i32, usize)) {
        self.0.is(status);
        assert_eq!(self.1, count, "frames that were taken");
    }
}

pub(crate) fn send(port: &Port, frames: &[Vec<u8>]) -> Sent {
    let frames: Vec<_> = frames.iter().map(|bytes| lent(bytes)).collect();
    let mut sent = 0;
    let answer = call!(lanparty_port_send(port.ptr(), frames.as_ptr(), frames.len(), &raw mut sent));
    Sent(answer, sent)
}

pub(crate) fn lent(bytes: &[u8]) -> lanparty_frame {
    lanparty_frame { data: bytes.as_ptr(), len: u32::try_from(bytes.len()).unwrap(), reserved: 0 }
}

/// Receives frames into a buffer of `room` bytes. With an error or a hint, the count is as the function left it.
pub(crate) fn try_receive(
    port: &Port,
    room: usize,
    cap: usize,
    timeout: u32,
) -> (Answer, usize, Vec<Vec<u8>>) {
    const BEHIND: usize = 16;
    let mut buf = vec![0xaa; room + BEHIND];
    let none = lanparty_frame { data: ptr::null(), len: 0, reserved: 0 };
    let mut frames = vec![none; cap];
    let mut count = 0;
    let (to, list) = (buf.as_mut_ptr(), frames.as_mut_ptr());
    let answer = call!(lanparty_port_recv(port.ptr(), to, room, list, cap, &raw mut count, timeout));
    assert_eq!(buf[room..], [0xaa; BEHIND], "nothing is written behind the buffer");
    let mut got = Vec::new();
    if answer.status == LANPARTY_OK {
        assert!((1..=cap).contains(&count));
        for frame in &frames[..count] {
            let start = frame.data as usize - buf.as_ptr() as usize;
            let end = start + frame.len as usize;
            assert!(end <= room);
            got.push(buf[start..end].to_vec());
        }
    }
    (answer, count, got)
}

/// The next frame alone.
#[track_caller]
pub(crate) fn receive(port: &Port) -> Vec<u8> {
    let (answer, _, mut frames) = try_receive(port, 2048, 1, PATIENCE);
    answer.ok();
    frames.remove(0)
}
