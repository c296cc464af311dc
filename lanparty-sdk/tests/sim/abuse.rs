//! Members and strangers that break the rules, and how long they get away with it.

use lanparty_sdk::ctrl::{CloseCode, LeaveReason, MAX_MESSAGE_LEN, MemberMessage, RelayMessage, encode};
use lanparty_sdk::member::EndReason;
use lanparty_sdk::member::SessionEvent;
use lanparty_sdk::obs::DropReason;
use lanparty_sdk::testing::{Flow, LinkPreset, MemberId, Physics, RelayId, Target};

use crate::{Sim, ms, secs};

fn party(net: &mut Sim) -> (RelayId, MemberId, MemberId) {
    let relay = net.relay("relay");
    let link = Physics::ideal(ms(10));
    let mallory = net.client(relay, "mallory", "PARTY", link);
    let bob = net.client(relay, "bob", "PARTY", link);
    net.settled(secs(3));
    (relay, mallory, bob)
}

/// With which code the relay ended a member's session.
fn expelled(net: &Sim, member: MemberId) -> Option<CloseCode> {
    match net.end(member) {
        Some(EndReason::Closed { code, .. }) => Some(*code),
        _ => None,
    }
}

#[test]
fn malformed_datagrams_are_counted_and_then_end_the_session() {
    let mut net = Sim::new(80);
    let (relay, mallory, bob) = party(&mut net);
    let malformed: [&[u8]; 6] = [
        b"",
        b"\x00",
        b"\x11\x01\x00\x01\x00\x01\x00\x02",
        &[0xff; 40],
        b"\x13\0\0\x01\0\x01\0\x02",
        &[0x11; 7],
    ];
    for datagram in malformed.iter().cycle().take(15) {
        net.inject_datagram(mallory, datagram.to_vec());
        net.run_for(ms(30));
    }
    assert!(net.is_joined(mallory), "fifteen are forgiven");
    assert_eq!(net.room(relay, "PARTY").unwrap().members[0].malformed, 15);
    net.inject_datagram(mallory, vec![0; 3]);
    net.until(secs(1), |net| net.end(mallory).is_some());
    assert_eq!(expelled(&net, mallory), Some(CloseCode::Abuse));
    let left = net
        .events(bob)
        .iter()
        .any(|(_, event)| matches!(event, SessionEvent::PeerLeft { reason: LeaveReason::Abuse, .. }));
    assert!(left, "bob hears why");
    net.run_for(secs(60));
    assert!(!net.is_joined(mallory), "it does not come back by itself");
    net.audited();
}

#[test]
fn what_filters_and_limits_stop_never_ends_a_session() {
    let mut net = Sim::new(81);
    let (relay, mallory, bob) = party(&mut net);
    let (room, peer, _) = net.seat(mallory).unwrap();
    let mut forged = vec![0xff; 6];
    forged.extend(net.mac(bob).octets());
    forged.extend([0x88, 0xb5, 0, 0]);
    for _ in 0..500 {
        for datagram in
            lanparty_sdk::testing::SimNet::forge(room, peer, lanparty_sdk::proto::Label::Flood, &forged, 1434)
        {
            net.inject_datagram(mallory, datagram);
        }
        net.run_for(ms(1));
    }
    let storm = net.flow(Flow::new(mallory, Target::Everybody).count(5000).every(ms(1)));
    net.run_for(secs(6));
    let drops = &net.relay_counts(relay).drops;
    assert_eq!(drops.get(DropReason::UnauthorizedSourceMac), 500);
    // 400 at once and 200 a second are let through.
    let through = net.report(storm).at(bob);
    assert!((1350..=1450).contains(&through), "{through}");
    assert_eq!(drops.get(DropReason::FloodLimit), u64::from(5000 - through));
    assert!(net.is_settled());
    net.audited();
}

#[test]
fn a_hello_that_does_not_come_costs_the_connection() {
    for bytes in [&b""[..], b"\0\0", b"\0\0\0\x20{\"type\":"] {
        let mut net = Sim::new(82);
        let relay = net.relay("relay");
        let loris = net.stranger(relay, "loris", Physics::ideal(ms(10)));
        net.run_for(ms(100));
        if !bytes.is_empty() {
            net.inject_control(loris, bytes);
        }
        let took = net.until(secs(7), |net| !net.closes(loris).is_empty());
        assert!(took > secs(4) && took < secs(6), "{took:?}");
        assert_eq!(net.closes(loris)[0].1, Some(CloseCode::TooSlow));
        assert_eq!(net.relay_machine(relay).unwrap().connections(), 0);
    }
}

#[test]
fn a_message_that_drips_costs_the_session_and_a_slow_whole_one_does_not() {
    let mut net = Sim::new(83);
    let (_, mallory, bob) = party(&mut net);
    let message = encode(&MemberMessage::Pause { paused: true }).unwrap();
    // In three pieces within four seconds: slow, but honest.
    for piece in message.chunks(message.len().div_ceil(3)) {
        net.inject_control(bob, piece);
        net.run_for(ms(1300));
    }
    net.run_for(secs(10));
    assert!(net.closes(bob).is_empty(), "a message that was finished in time has no deadline any more");

    // Pieces of ever new messages keep no deadline alive: each message has its own.
    for byte in message.iter().cycle().take(60) {
        net.inject_control(bob, &[*byte]);
        net.run_for(ms(50));
    }
    net.run_for(secs(3));
    assert!(net.is_joined(bob) && net.closes(bob).is_empty());

    let begin = net.now();
    for byte in &message[..10] {
        net.inject_control(mallory, &[*byte]);
        net.run_for(secs(1));
        if let [(at, code), ..] = net.closes(mallory) {
            assert_eq!(*code, Some(CloseCode::TooSlow));
            assert!(*at >= begin + secs(5) && *at <= begin + ms(5100), "{begin:?} {at:?}");
            return;
        }
    }
    panic!("ten seconds for one message");
}

#[test]
fn an_oversize_length_is_refused_before_its_bytes_come() {
    let mut net = Sim::new(84);
    let (relay, mallory, _) = party(&mut net);
    net.inject_control(mallory, &(u32::try_from(MAX_MESSAGE_LEN).unwrap() + 1).to_be_bytes());
    net.until(secs(1), |net| net.end(mallory).is_some());
    assert_eq!(expelled(&net, mallory), Some(CloseCode::Protocol));

    let stranger = net.stranger(relay, "stranger", LinkPreset::Lan);
    net.run_for(ms(50));
    net.inject_control(stranger, &[0xff; 4]);
    net.until(secs(1), |net| !net.closes(stranger).is_empty());
    assert_eq!(net.closes(stranger)[0].1, Some(CloseCode::Protocol));
    let told = net.heard_messages(stranger);
    assert!(matches!(told[..], [RelayMessage::Disconnect { reason: LeaveReason::Protocol, .. }]), "{told:?}");
}

#[test]
fn messages_out_of_turn_and_an_ended_stream_cost_the_session() {
    let mut net = Sim::new(85);
    let (relay, mallory, bob) = party(&mut net);
    let hello =
        encode(&RelayMessage::Disconnect { reason: LeaveReason::Normal, text: String::new() }).unwrap();
    net.inject_control(mallory, &hello); // a Disconnect is a member's message too
    net.until(secs(1), |net| !net.is_joined(mallory));
    net.end_control(bob);
    net.until(secs(1), |net| net.end(bob).is_some());
    assert_eq!(expelled(&net, bob), Some(CloseCode::Protocol));

    let stranger = net.stranger(relay, "stranger", LinkPreset::Lan);
    net.run_for(ms(50));
    net.inject_control(stranger, &encode(&MemberMessage::Pause { paused: true }).unwrap());
    net.until(secs(1), |net| !net.closes(stranger).is_empty());
    assert_eq!(net.closes(stranger)[0].1, Some(CloseCode::Protocol));
}

#[test]
fn too_many_control_messages_end_the_session() {
    let mut net = Sim::new(86);
    let (_, mallory, bob) = party(&mut net);
    for index in 0..200 {
        net.pause(mallory, index % 2 == 0);
        net.run_for(ms(5));
    }
    net.run_for(secs(1));
    assert_eq!(expelled(&net, mallory), Some(CloseCode::Abuse));
    let told = net.events(bob).iter().filter(|(_, event)| matches!(event, SessionEvent::PeerPaused { .. }));
    assert!(told.count() < 30, "the others are spared");
}

#[test]
fn a_relay_that_breaks_the_protocol_is_left_and_tried_again() {
    let mut net = Sim::new(87);
    let (_, _, bob) = party(&mut net);
    let ghost = RelayMessage::PeerLeft {
        peer: lanparty_sdk::proto::PeerId::new(77).unwrap(),
        reason: LeaveReason::Normal,
        text: String::new(),
    };
    net.inject_from_relay(bob, &ghost);
    net.run_for(secs(1));
    assert!(net.is_settled(), "somebody unknown may leave");
    let reject = lanparty_sdk::ctrl::Reject {
        reason: lanparty_sdk::ctrl::RejectReason::RoomFull,
        detail: String::new(),
    };
    net.inject_from_relay(bob, &RelayMessage::Reject(reject));
    net.until(secs(1), |net| !net.is_joined(bob));
    net.settled(secs(5));
    assert_eq!(net.machine(bob).unwrap().stats().reconnects, 1);
}
