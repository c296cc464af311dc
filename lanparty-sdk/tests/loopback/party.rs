//! A relay with members on loopback, and patience with a limit.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use lanparty_sdk::ctrl::PeerRole;
use lanparty_sdk::frame::MacAddr;
use lanparty_sdk::identity::Identity;
use lanparty_sdk::member::EndReason;
use lanparty_sdk::obs::Events;
use lanparty_sdk::port::memory::{self, MemoryPort};
use lanparty_sdk::quic::{ServerCert, Trust};
use lanparty_sdk::relay::{Relay, RelayOptions};
use lanparty_sdk::room::Room;
use lanparty_sdk::session::{MemberSession, Session, SessionBuilder};

/// Far longer than anything takes; only a failure meets it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
pub(crate) const NAME: &str = "party.test";
pub(crate) const HOST: MacAddr = MacAddr([0, 0x1b, 0x21, 0, 0, 7]);

pub(crate) struct Party {
    pub(crate) relay: Relay,
    pub(crate) cert: ServerCert,
}

impl Party {
    pub(crate) fn new() -> Self {
        Self::with(RelayOptions::default())
    }

    pub(crate) fn with(options: RelayOptions) -> Self {
        let cert = ServerCert::development(NAME).unwrap();
        Self { relay: Relay::bind((Ipv4Addr::LOCALHOST, 0).into(), &cert, options).unwrap(), cert }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.relay.local_addr().unwrap()
    }

    pub(crate) fn trust(&self) -> Trust {
        Trust::certificates(self.cert.cert_der()).unwrap()
    }

    pub(crate) fn member(&self, role: PeerRole, room: &str, identity: Identity) -> SessionBuilder {
        let relay = self.addr().to_string().parse().unwrap();
        let room = room.parse().unwrap();
        match role {
            PeerRole::Client => SessionBuilder::client(relay, self.trust(), room, identity),
            PeerRole::Gateway => SessionBuilder::gateway(relay, self.trust(), room, identity),
        }
        .server_name(NAME)
    }

    pub(crate) fn client(&self, room: &str) -> SessionBuilder {
        self.member(PeerRole::Client, room, Identity::generate().unwrap())
    }

    pub(crate) fn gateway(&self, room: &str) -> SessionBuilder {
        self.member(PeerRole::Gateway, room, Identity::generate().unwrap())
    }
}

/// A joined member and the other end of its cable.
pub(crate) struct Seat {
    pub(crate) session: MemberSession,
    pub(crate) cable: MemoryPort,
    pub(crate) mac: MacAddr,
}

impl Party {
    pub(crate) async fn seat(&self, role: PeerRole, room: &str) -> Seat {
        let identity = Identity::generate().unwrap();
        let mac = identity.mac();
        let (cable, port) = memory::pair(1024);
        let session = self.member(role, room, identity).port(port.into_port()).connect().await.unwrap();
        Seat { session, cable, mac }
    }
}

pub(crate) async fn in_time<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("{what} does not come"))
}

pub(crate) async fn event<T: Clone + std::fmt::Debug>(
    events: &mut Events<T>,
    wanted: impl Fn(&T) -> bool,
) -> T {
    let mut seen = Vec::new();
    in_time("the event", async {
        loop {
            let Some(event) = events.next().await else { panic!("the session is over; seen: {seen:?}") };
            if wanted(&event) {
                return event;
            }
            seen.push(event);
        }
    })
    .await
}

pub(crate) async fn receive(cable: &mut MemoryPort) -> Bytes {
    in_time("a frame", cable.recv()).await.expect("the port is open")
}

pub(crate) async fn peers(session: &MemberSession, count: usize) {
    let room = session.room();
    let mut changes = room.subscribe();
    in_time("everybody", async {
        while room.peers().len() != count {
            changes.next().await;
        }
    })
    .await;
}

pub(crate) async fn ended(session: &MemberSession) -> EndReason {
    in_time("the end", session.ended()).await
}

pub(crate) fn frame(dst: MacAddr, src: MacAddr, len: usize, mark: u8) -> Vec<u8> {
    let mut frame = [dst.octets(), src.octets()].concat();
    frame.extend_from_slice(&0x88b6_u16.to_be_bytes());
    frame.resize(len, mark);
    frame
}
