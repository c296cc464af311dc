//! Coming, going, and coming back.

use std::net::Ipv4Addr;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use lanparty_sdk::ctrl::{CloseCode, LeaveReason, PeerRole};
use lanparty_sdk::frame::MacAddr;
use lanparty_sdk::identity::Identity;
use lanparty_sdk::member::EndReason;
use lanparty_sdk::member::SessionEvent;
use lanparty_sdk::port::{FrameSink, Port, PortCaps, PortKind, TrySendError, memory};
use lanparty_sdk::relay::{Relay, RelayEvent, RelayOptions};
use lanparty_sdk::room::{Room, RoomEvent};
use lanparty_sdk::session::{MemberSession, Session};
use tokio::sync::Notify;

use crate::party::{PATIENCE, Party, ended, event, frame, in_time, peers, receive};

#[tokio::test]
async fn the_reason_of_a_leave_reaches_the_others_and_the_relay() {
    let party = Party::new();
    let mut operator = party.relay.events();
    let ann = party.client("ROOM1").name("Ann").connect().await.unwrap();
    let bob = party.client("ROOM1").connect().await.unwrap();
    peers(&bob, 1).await;
    let mut events = bob.events();
    ann.close(LeaveReason::Normal, "dinner").await;
    let left = event(&mut events, |event| matches!(event, SessionEvent::PeerLeft { .. })).await;
    let SessionEvent::PeerLeft { info, reason, text } = left else { unreachable!() };
    assert_eq!((info.name.as_deref(), reason, text.as_str()), (Some("Ann"), LeaveReason::Normal, "dinner"));
    event(&mut operator, |event| matches!(event, RelayEvent::Left { text, .. } if text == "dinner")).await;
    assert_eq!(ann.end_reason(), Some(EndReason::Left));
    ann.close(LeaveReason::Normal, "again").await;
}

#[tokio::test]
async fn dropping_the_last_handle_leaves() {
    let party = Party::new();
    let bob = party.client("ROOM1").connect().await.unwrap();
    let ann = party.client("ROOM1").connect().await.unwrap();
    peers(&bob, 1).await;
    let other_handle = ann.clone();
    drop(ann);
    assert_eq!(bob.room().peers().len(), 1);
    drop(other_handle);
    peers(&bob, 0).await;
}

#[tokio::test]
async fn sessions_come_back_when_the_relay_does_and_keep_their_ports() {
    let party = Party::new();
    let addr = party.addr();
    let mut gateway = party.seat(PeerRole::Gateway, "ROOM1").await;
    let client = party.seat(PeerRole::Client, "ROOM1").await;
    peers(&client.session, 1).await;
    let (mut at_client, mut at_gateway) = (client.session.events(), gateway.session.events());
    let Party { relay, cert } = party;
    relay.close("moving house").await;
    let lost = event(&mut at_client, |event| matches!(event, SessionEvent::Disconnected { .. })).await;
    assert!(matches!(lost, SessionEvent::Disconnected { cause, .. } if cause.contains("moving house")));
    event(&mut at_gateway, |event| matches!(event, SessionEvent::Disconnected { .. })).await;

    let relay = in_time("the port", async {
        loop {
            match Relay::bind(addr, &cert, RelayOptions::default()) {
                Ok(relay) => break relay,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    })
    .await;
    for events in [&mut at_client, &mut at_gateway] {
        event(events, |event| matches!(event, SessionEvent::Joined { again: true, .. })).await;
    }
    peers(&client.session, 1).await;
    peers(&gateway.session, 1).await;
    client.cable.send(&frame(MacAddr::BROADCAST, client.mac, 60, 3)).await.unwrap();
    assert_eq!(receive(&mut gateway.cable).await[59], 3);
    assert_eq!(client.session.stats().reconnects, 1);
    relay.close("done").await;
}

#[tokio::test]
async fn a_relay_that_was_killed_is_known_to_be_gone_as_soon_as_it_is_back() {
    let elsewhere =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (party, addr) = {
        let _inside = elsewhere.enter();
        let party = Party::new();
        let addr = party.addr();
        (party, addr)
    };
    let client = party.seat(PeerRole::Client, "ROOM1").await;
    let mut events = client.session.events();
    // No goodbye: its tasks vanish first, so that nothing is left that could say one.
    tokio::task::spawn_blocking(move || elsewhere.shutdown_timeout(PATIENCE)).await.unwrap();
    let Party { relay, cert } = party;
    drop(relay);
    let relay = in_time("the port", async {
        loop {
            match Relay::bind(addr, &cert, RelayOptions::default()) {
                Ok(relay) => break relay,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    })
    .await;
    let lost = event(&mut events, |event| matches!(event, SessionEvent::Disconnected { .. })).await;
    let SessionEvent::Disconnected { cause, .. } = lost else { unreachable!() };
    assert!(cause.contains("restarted"), "not by silence, but because the new relay said so: {cause}");
    event(&mut events, |event| matches!(event, SessionEvent::Joined { again: true, .. })).await;
    relay.close("done").await;
}

#[tokio::test]
async fn a_newer_connection_of_the_same_identity_replaces_the_older() {
    let party = Party::new();
    let identity = Identity::generate().unwrap();
    let bob = party.client("ROOM1").connect().await.unwrap();
    let older = party.member(PeerRole::Client, "ROOM1", identity.clone()).connect().await.unwrap();
    peers(&bob, 1).await;
    let number = bob.room().peers()[0].info.peer;
    let mut changes = bob.room().subscribe();
    let newer = party.member(PeerRole::Client, "ROOM1", identity).connect().await.unwrap();
    assert!(matches!(ended(&older).await, EndReason::Closed { code: CloseCode::Replaced, .. }));
    let left = event(&mut changes, |event| matches!(event, RoomEvent::PeerLeft { .. })).await;
    assert!(matches!(left, RoomEvent::PeerLeft { reason: LeaveReason::Replaced, .. }));
    event(&mut changes, |event| matches!(event, RoomEvent::PeerJoined(info) if info.peer == number)).await;
    assert_eq!(newer.end_reason(), None);
}

#[tokio::test]
async fn a_kick_is_final_and_says_why() {
    let party = Party::new();
    let ann = party.client("ROOM1").connect().await.unwrap();
    let room = party.relay.room(&"room1".parse().unwrap()).expect("the room is open");
    let number = room.peers()[0].info.peer;
    assert!(room.kick(number, "no cheating"));
    assert!(!room.kick(number, "twice"));
    let end = ended(&ann).await;
    assert_eq!(end, EndReason::Closed { code: CloseCode::Kicked, text: "no cheating".into() });
    assert!(party.relay.rooms().is_empty() && room.snapshot().is_none());
}

#[tokio::test]
async fn a_port_that_fails_ends_its_session() {
    let party = Party::new();
    let ann = party.seat(PeerRole::Client, "ROOM1").await;
    let bob = party.client("ROOM1").connect().await.unwrap();
    peers(&bob, 1).await;
    drop(ann.cable);
    assert!(matches!(ended(&ann.session).await, EndReason::PortClosed { .. }));
    peers(&bob, 0).await;
}

#[tokio::test]
async fn many_sessions_come_and_go_and_leave_nothing_behind() {
    let party = Party::new();
    for _ in 0..5 {
        let mut sessions = Vec::new();
        for number in 0..8 {
            let (_, port) = memory::pair(8);
            let session =
                party.client(&format!("ROOM{}", number % 3)).port(port.into_port()).start().unwrap();
            sessions.push(session);
        }
        for session in &sessions {
            // The other end of its cable is gone, so each session ends by itself, joined or not.
            ended(session).await;
        }
        for session in sessions {
            session.close(LeaveReason::Normal, "").await;
        }
    }
    in_time("emptiness", async {
        while party.relay.stats().connections > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(party.relay.rooms().is_empty());
}

#[tokio::test]
async fn a_session_that_is_closed_while_it_begins_says_so() {
    let party = Party::new();
    let addr = party.addr();
    drop(party);
    // Nobody listens there any more.
    let cert = lanparty_sdk::quic::ServerCert::development("party.test").unwrap();
    let silent = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let relay = silent.local_addr().unwrap();
    assert_ne!(relay, addr);
    let trust = lanparty_sdk::quic::Trust::certificates(cert.cert_der()).unwrap();
    let identity = Identity::generate().unwrap();
    let builder = lanparty_sdk::session::SessionBuilder::client(
        relay.to_string().parse().unwrap(),
        trust,
        "ROOM1".parse().unwrap(),
        identity,
    );
    let session = builder.retry_first(true).start().unwrap();
    session.close(LeaveReason::Normal, "").await;
    assert_eq!(session.end_reason(), Some(EndReason::Left));
    assert!(session.joined().await.is_err());
}

/// A port that does something of its own with each frame it is given.
#[derive(Debug)]
struct Curious {
    act: fn(&MemberSession),
    session: Arc<OnceLock<MemberSession>>,
    acted: Arc<Notify>,
}

impl FrameSink for Curious {
    fn caps(&self) -> PortCaps {
        PortCaps::new(PortKind::Custom, "curious")
    }

    fn try_send(&self, _frame: Bytes) -> Result<(), TrySendError> {
        self.acted.notify_one();
        (self.act)(self.session.get().expect("set before the first frame"));
        Ok(())
    }
}

/// Ann behind such a port, to which a frame is on its way; and what must be kept for as long as the test lasts.
async fn with_a_curious_port(act: fn(&MemberSession)) -> (MemberSession, Arc<Notify>, impl Sized) {
    let party = Party::new();
    let bob = party.seat(PeerRole::Client, "ROOM1").await;
    let ann = party.client("ROOM1").connect().await.unwrap();
    peers(&bob.session, 1).await;
    peers(&ann, 1).await;
    let (session, acted) = (Arc::new(OnceLock::new()), Arc::new(Notify::new()));
    session.set(ann.clone()).unwrap();
    let (quiet, other_end) = memory::pair(1);
    let (source, _) = quiet.split();
    ann.bridge(Port::new(source, Curious { act, session, acted: Arc::clone(&acted) })).await.unwrap();
    bob.cable.send(&frame(MacAddr::BROADCAST, bob.mac, 60, 1)).await.unwrap();
    (ann, acted, (party, bob, other_end))
}

#[tokio::test]
async fn a_port_may_ask_its_session_while_it_takes_a_frame() {
    let (ann, acted, _kept) = with_a_curious_port(|session| {
        assert_eq!(session.stats().rx_frames, 1);
        assert_eq!(session.room().peers().len(), 1);
    })
    .await;
    in_time("the frame", acted.notified()).await;
    ann.close(LeaveReason::Normal, "").await;
}

#[tokio::test]
async fn a_port_that_panics_ends_its_session_and_nobody_waits_for_ever() {
    let (ann, acted, _kept) = with_a_curious_port(|_| panic!("on purpose")).await;
    in_time("the frame", acted.notified()).await;
    assert!(matches!(ended(&ann).await, EndReason::PortClosed { .. }));
    in_time("the close", ann.close(LeaveReason::Normal, "")).await;
}
