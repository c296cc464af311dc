//! Relay and sessions on loopback QUIC with memory ports: no root, no device.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use lanparty_sdk::ctrl::{LeaveReason, PeerRole};
use lanparty_sdk::frame::MacAddr;
use lanparty_sdk::identity::Identity;
use lanparty_sdk::obs::{Events, SessionEvent};
use lanparty_sdk::port::memory::{self, MemoryPort};
use lanparty_sdk::quic::{ServerCert, Trust};
use lanparty_sdk::relay::{Relay, RelayOptions};
use lanparty_sdk::room::Room;
use lanparty_sdk::session::{MemberSession, Session, SessionBuilder};

const PATIENCE: Duration = Duration::from_secs(20);

struct Party {
    relay: Relay,
    trust: Trust,
}

impl Party {
    fn new() -> Self {
        let cert = ServerCert::development("party.test").unwrap();
        let relay = Relay::bind(loopback(), &cert, RelayOptions::default()).unwrap();
        Self { relay, trust: Trust::certificates(cert.cert_der()).unwrap() }
    }

    fn builder(&self, role: PeerRole, room: &str) -> SessionBuilder {
        let addr = self.relay.local_addr().unwrap().to_string().parse().unwrap();
        let (trust, room, identity) =
            (self.trust.clone(), room.parse().unwrap(), Identity::generate().unwrap());
        match role {
            PeerRole::Client => SessionBuilder::client(addr, trust, room, identity),
            PeerRole::Gateway => SessionBuilder::gateway(addr, trust, room, identity),
        }
        .server_name("party.test")
    }
}

fn loopback() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

fn frame(dst: MacAddr, src: MacAddr, len: usize) -> Vec<u8> {
    let mut frame = Vec::new();
    frame.extend_from_slice(&dst.octets());
    frame.extend_from_slice(&src.octets());
    frame.extend_from_slice(&0x88b6_u16.to_be_bytes());
    frame.resize(len, 0x5a);
    frame
}

async fn wait_for<T: Clone>(events: &mut Events<T>, wanted: impl Fn(&T) -> bool) -> T {
    tokio::time::timeout(PATIENCE, async {
        loop {
            let event = events.next().await.expect("the session lives");
            if wanted(&event) {
                return event;
            }
        }
    })
    .await
    .expect("the event comes in time")
}

async fn receive(port: &mut MemoryPort) -> bytes::Bytes {
    tokio::time::timeout(PATIENCE, port.recv())
        .await
        .expect("a frame comes in time")
        .expect("the port is open")
}

async fn wait_for_peers(session: &MemberSession, count: usize) {
    let room = session.room();
    let mut events = room.subscribe();
    tokio::time::timeout(PATIENCE, async {
        while room.peers().len() < count {
            events.next().await;
        }
    })
    .await
    .expect("everybody is there in time");
}

#[tokio::test]
async fn frames_of_every_length_cross_between_a_client_and_the_lan() {
    let party = Party::new();
    let (mut lan, gateway_port) = memory::pair(256);
    let (mut game, client_port) = memory::pair(256);
    let gateway =
        party.builder(PeerRole::Gateway, "ROOM1").port(gateway_port.into_port()).connect().await.unwrap();
    let builder = party.builder(PeerRole::Client, "ROOM1").port(client_port.into_port());
    let client = builder.name("Ann").connect().await.unwrap();
    wait_for_peers(&client, 1).await;
    wait_for_peers(&gateway, 1).await;
    let mac = gateway.room().peers()[0].info.mac.unwrap();
    let host = MacAddr([0, 0x1b, 0x21, 0, 0, 7]);

    for len in [60, 590, 1154, 1155, 1400, 1426, 1427, 1500, 1514] {
        let query = frame(MacAddr::BROADCAST, mac, len);
        game.send(&query).await.unwrap();
        assert_eq!(receive(&mut lan).await, query, "to the LAN, {len} bytes");
        let answer = frame(mac, host, len);
        lan.send(&answer).await.unwrap();
        assert_eq!(receive(&mut game).await, answer, "from the LAN, {len} bytes");
    }
    assert_eq!(client.stats().drops.total(), 0, "{:?}", client.stats());
    client.close(LeaveReason::Normal, "good night").await;
    let mut events = gateway.events();
    drop(events.try_next());
    gateway.close(LeaveReason::Normal, "").await;
    party.relay.close("done").await;
}

#[tokio::test]
async fn the_reason_of_a_leave_reaches_the_others() {
    let party = Party::new();
    let ann = party.builder(PeerRole::Client, "ROOM1").name("Ann").connect().await.unwrap();
    let bob = party.builder(PeerRole::Client, "ROOM1").connect().await.unwrap();
    wait_for_peers(&bob, 1).await;
    let mut events = bob.events();
    ann.close(LeaveReason::Normal, "dinner").await;
    let left = wait_for(&mut events, |event| matches!(event, SessionEvent::PeerLeft { .. })).await;
    let SessionEvent::PeerLeft { info, reason, text } = left else { unreachable!() };
    assert_eq!((info.name.as_deref(), reason, text.as_str()), (Some("Ann"), LeaveReason::Normal, "dinner"));
}
