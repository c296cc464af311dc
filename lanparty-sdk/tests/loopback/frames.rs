//! What crosses, and what does not.

use lanparty_sdk::ctrl::{LeaveReason, PeerRole};
use lanparty_sdk::frame::MacAddr;
use lanparty_sdk::member::SessionEvent;
use lanparty_sdk::obs::DropReason;
use lanparty_sdk::port::memory;
use lanparty_sdk::room::Room;
use lanparty_sdk::session::Session;

use crate::party::{HOST, Party, event, frame, peers, receive};

#[tokio::test]
async fn frames_of_every_length_cross_between_a_client_and_the_lan() {
    let party = Party::new();
    let mut gateway = party.seat(PeerRole::Gateway, "ROOM1").await;
    let mut client = party.seat(PeerRole::Client, "ROOM1").await;
    peers(&client.session, 1).await;
    peers(&gateway.session, 1).await;

    for len in [14, 60, 590, 1154, 1155, 1400, 1426, 1427, 1500, 1514] {
        let query = frame(MacAddr::BROADCAST, client.mac, len, 1);
        client.cable.send(&query).await.unwrap();
        assert_eq!(receive(&mut gateway.cable).await, query, "broadcast to the LAN, {len} bytes");
        let answer = frame(client.mac, HOST, len, 2);
        gateway.cable.send(&answer).await.unwrap();
        assert_eq!(receive(&mut client.cable).await, answer, "from the LAN, {len} bytes");
        let request = frame(HOST, client.mac, len, 3);
        client.cable.send(&request).await.unwrap();
        assert_eq!(receive(&mut gateway.cable).await, request, "unicast to the LAN, {len} bytes");
    }
    assert_eq!(client.session.stats().drops.total(), 0, "{:?}", client.session.stats());
    assert!(client.session.stats().tx_fragmented > 0 && client.session.stats().rx_reassembled > 0);
    party.relay.close("done").await;
}

#[tokio::test]
async fn a_tagged_frame_of_the_lan_arrives_with_its_tag() {
    let party = Party::new();
    let gateway = party.seat(PeerRole::Gateway, "ROOM1").await;
    let mut client = party.seat(PeerRole::Client, "ROOM1").await;
    peers(&gateway.session, 1).await;
    let mut tagged = [client.mac.octets(), HOST.octets()].concat();
    tagged.extend_from_slice(&[0x81, 0x00, 0x00, 0x07, 0x08, 0x06]);
    tagged.resize(1518, 9);
    peers(&client.session, 1).await;
    gateway.cable.send(&tagged).await.unwrap();
    assert_eq!(receive(&mut client.cable).await, tagged);
}

#[tokio::test]
async fn rooms_of_one_relay_never_hear_each_other() {
    let party = Party::new();
    let mut rooms = Vec::new();
    for code in ["ROOM1", "ROOM2"] {
        let pair = (party.seat(PeerRole::Client, code).await, party.seat(PeerRole::Client, code).await);
        peers(&pair.0.session, 1).await;
        peers(&pair.1.session, 1).await;
        rooms.push(pair);
    }
    for (mark, (ann, _)) in (1..).zip(&rooms) {
        // Also to an address that lives in the other room.
        ann.cable.send(&frame(rooms[0].1.mac, ann.mac, 60, mark)).await.unwrap();
        ann.cable.send(&frame(rooms[1].1.mac, ann.mac, 60, mark)).await.unwrap();
        ann.cable.send(&frame(MacAddr::BROADCAST, ann.mac, 60, mark)).await.unwrap();
    }
    for (mark, (_, bob)) in (1_u8..).zip(&mut rooms) {
        for _ in 0..2 {
            assert_eq!(receive(&mut bob.cable).await[59], mark);
        }
        assert!(bob.cable.try_recv().is_err());
    }
}

#[tokio::test]
async fn a_frame_never_comes_back_to_its_sender() {
    let party = Party::new();
    let mut ann = party.seat(PeerRole::Client, "ROOM1").await;
    let mut bob = party.seat(PeerRole::Client, "ROOM1").await;
    peers(&ann.session, 1).await;
    peers(&bob.session, 1).await;
    ann.cable.send(&frame(MacAddr::BROADCAST, ann.mac, 60, 1)).await.unwrap();
    receive(&mut bob.cable).await;
    bob.cable.send(&frame(ann.mac, bob.mac, 60, 2)).await.unwrap();
    assert_eq!(receive(&mut ann.cable).await[59], 2, "the first thing Ann hears is Bob's answer");
}

#[tokio::test]
async fn a_refused_frame_is_counted_and_stops_nothing() {
    let party = Party::new();
    let mut gateway = party.seat(PeerRole::Gateway, "ROOM1").await;
    let client = party.seat(PeerRole::Client, "ROOM1").await;
    peers(&client.session, 1).await;
    peers(&gateway.session, 1).await;
    client.cable.send(&[0; 10]).await.unwrap();
    client.cable.send(&frame(MacAddr::BROADCAST, HOST, 60, 1)).await.unwrap();
    client.cable.send(&frame(MacAddr::BROADCAST, client.mac, 9014, 1)).await.unwrap();
    client.cable.send(&frame(MacAddr([0x01, 0x80, 0xc2, 0, 0, 0]), client.mac, 60, 1)).await.unwrap();
    client.cable.send(&frame(MacAddr::BROADCAST, client.mac, 60, 7)).await.unwrap();
    assert_eq!(receive(&mut gateway.cable).await[59], 7);
    let drops = client.session.stats().drops;
    for reason in
        [DropReason::Runt, DropReason::UnauthorizedSourceMac, DropReason::Jumbo, DropReason::SwitchControl]
    {
        assert_eq!(drops.get(reason), 1, "{reason}");
    }
}

#[tokio::test]
async fn pausing_stops_frames_and_not_the_session() {
    let party = Party::new();
    let ann = party.seat(PeerRole::Client, "ROOM1").await;
    let mut bob = party.seat(PeerRole::Client, "ROOM1").await;
    peers(&ann.session, 1).await;
    peers(&bob.session, 1).await;
    let mut events = bob.session.events();
    ann.session.set_paused(true);
    event(&mut events, |event| matches!(event, SessionEvent::PeerPaused { paused: true, .. })).await;
    ann.cable.send(&frame(MacAddr::BROADCAST, ann.mac, 60, 1)).await.unwrap();
    ann.session.set_paused(false);
    event(&mut events, |event| matches!(event, SessionEvent::PeerPaused { paused: false, .. })).await;
    // The port reads in its own time, so the first frame may have met the pause or not; what counts is that it goes on.
    ann.cable.send(&frame(MacAddr::BROADCAST, ann.mac, 60, 2)).await.unwrap();
    while receive(&mut bob.cable).await[59] != 2 {}
}

#[tokio::test]
async fn a_port_can_be_exchanged_while_the_session_lives() {
    let party = Party::new();
    let mut bob = party.seat(PeerRole::Client, "ROOM1").await;
    let ann = party.seat(PeerRole::Client, "ROOM1").await;
    peers(&ann.session, 1).await;
    peers(&bob.session, 1).await;
    let (cable, port) = memory::pair(16);
    ann.session.bridge(port.into_port()).await.unwrap();
    cable.send(&frame(MacAddr::BROADCAST, ann.mac, 60, 5)).await.unwrap();
    assert_eq!(receive(&mut bob.cable).await[59], 5);
    assert!(ann.session.unbridge().await.is_some());
    assert!(ann.session.unbridge().await.is_none());
    let (_, small) = memory::pair(16);
    assert_eq!(ann.session.promised_mtu(), 1500);
    let refused = ann.session.bridge(small.with_mtu(1400).into_port()).await.unwrap_err();
    assert!(refused.to_string().contains("1400"), "{refused}");
}

#[tokio::test]
async fn round_trip_times_are_measured_inside_the_room() {
    let party = Party::new();
    let gateway = party.seat(PeerRole::Gateway, "ROOM1").await;
    let client = party.seat(PeerRole::Client, "ROOM1").await;
    peers(&client.session, 1).await;
    let room = client.session.room();
    crate::party::in_time("a round-trip time", async {
        while room.gateway().and_then(|gateway| gateway.rtt).is_none() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let lines = client.session.diagnostics().user_lines();
    assert!(lines.iter().any(|line| line.text.starts_with("connected to the LAN's gateway, ")), "{lines:?}");
    gateway.session.close(LeaveReason::Normal, "").await;
}
