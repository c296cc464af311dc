use super::*;
use crate::switch::vectors::safety_vectors;

const TO_ME: Label = Label::Peer(match PeerId::new(ME) {
    Ok(me) => me,
    Err(_) => panic!("not reserved"),
});

#[test]
fn a_client_takes_what_is_for_it() {
    let mut desk = Desk::client();
    assert_eq!(desk.frame(ANN, TO_ME, &frame(OWN, mac(2))), Ok(()));
    assert_eq!(desk.frame(ANN, Label::Flood, &frame(MacAddr::BROADCAST, mac(2))), Ok(()));
    assert_eq!(desk.frame(GATEWAY, TO_ME, &frame(OWN, PRINTER)), Ok(()));
    assert_eq!(desk.frame(GATEWAY, Label::Flood, &frame(MacAddr::BROADCAST, CARD)), Ok(()));
}

#[test]
fn a_gateway_takes_what_is_for_the_lan() {
    let mut desk = Desk::gateway();
    assert_eq!(desk.frame(ANN, Label::Gateway, &frame(PRINTER, mac(2))), Ok(()));
    assert_eq!(desk.frame(ANN, Label::Flood, &frame(MacAddr::BROADCAST, mac(2))), Ok(()));
    desk.hear(&RelayMessage::PeerJoined(client_info(3)));
    let between = frame(mac(3), mac(2));
    assert_eq!(desk.frame(ANN, Label::Gateway, &between), Err(DropReason::Misdirected), "not the LAN's");
}

#[test]
fn a_stranger_is_refused_and_so_is_who_has_left() {
    for (mut desk, label) in [(Desk::client(), TO_ME), (Desk::gateway(), Label::Gateway)] {
        let early = frame(MacAddr::BROADCAST, mac(3));
        assert_eq!(desk.frame(3, Label::Flood, &early), Err(DropReason::UnknownPeer));
        desk.hear(&RelayMessage::PeerJoined(client_info(3)));
        assert_eq!(desk.frame(3, Label::Flood, &early), Ok(()));
        let left = RelayMessage::PeerLeft { peer: peer(3), reason: LeaveReason::Normal, text: String::new() };
        desk.hear(&left);
        assert_eq!(desk.frame(3, label, &frame(OWN, mac(3))), Err(DropReason::UnknownPeer));
    }
}

#[test]
fn headers_must_be_of_this_room_and_of_others() {
    let mut desk = Desk::client();
    let good = desk.datagrams(ANN, TO_ME, &frame(OWN, mac(2)), LARGE).remove(0);
    let with = |at: usize, value: u8| {
        let mut bytes = good.to_vec();
        bytes[at] = value;
        Bytes::from(bytes)
    };
    assert_eq!(desk.datagram(&with(3, 8)), Err(DropReason::WrongRoom));
    assert_eq!(desk.datagram(&with(5, 1)), Err(DropReason::Reflection), "my own number");
    assert_eq!(desk.datagram(&with(1, 1)), Err(DropReason::BadDatagram), "a reserved flag");
    assert_eq!(desk.datagram(&with(0, 0x21)), Err(DropReason::BadDatagram));
    assert_eq!(desk.datagram(&good.slice(..20)), Err(DropReason::Runt));
    assert!(desk.datagram(&good).is_ok());
    assert_eq!((desk.member.stats().rx_datagrams, desk.member.stats().drops.total()), (6, 5));
}

#[test]
fn a_label_for_somebody_else_is_refused() {
    let mut desk = Desk::client();
    for label in [Label::Gateway, Label::Peer(peer(3))] {
        assert_eq!(desk.frame(ANN, label, &frame(OWN, mac(2))), Err(DropReason::Misdirected));
    }
    let mut desk = Desk::gateway();
    let other = desk.frame(ANN, Label::Peer(peer(3)), &frame(PRINTER, mac(2)));
    assert_eq!(other, Err(DropReason::Misdirected));
}

#[test]
fn unicast_to_somebody_else_is_refused() {
    let mut desk = Desk::client();
    for dst in [mac(2), mac(3), PRINTER] {
        assert_eq!(desk.frame(GATEWAY, TO_ME, &frame(dst, PRINTER)), Err(DropReason::Misdirected), "{dst}");
    }
}

#[test]
fn a_peer_may_use_its_own_address_only() {
    let unauthorized = Err(DropReason::UnauthorizedSourceMac);
    let mut desk = Desk::client();
    for (from, src) in [(ANN, mac(3)), (ANN, PRINTER), (ANN, OWN), (GATEWAY, mac(2)), (GATEWAY, OWN)] {
        assert_eq!(desk.frame(from, TO_ME, &frame(OWN, src)), unauthorized, "{src} from {from}");
    }
    let mut desk = Desk::gateway();
    desk.hear(&RelayMessage::PeerJoined(PeerInfo { peer: peer(5), ..gateway_info() }));
    for (from, src) in [(ANN, mac(3)), (ANN, PRINTER), (ANN, CARD), (5, PRINTER)] {
        assert_eq!(desk.frame(from, Label::Flood, &frame(MacAddr::BROADCAST, src)), unauthorized, "{src}");
    }
}

#[test]
fn safety_holds_before_anything_is_written() {
    for vector in safety_vectors(mac(2), OWN, 1500) {
        let label = label_for(&vector.frame, TO_ME);
        let result = Desk::client().frame(ANN, label, &vector.frame);
        assert_eq!(result, vector.from_client, "{} from a client", vector.name);
    }
    for vector in safety_vectors(PRINTER, OWN, 1500) {
        let label = label_for(&vector.frame, TO_ME);
        let result = Desk::client().frame(GATEWAY, label, &vector.frame);
        assert_eq!(result, vector.from_lan, "{} from the LAN", vector.name);
    }
    for vector in safety_vectors(mac(2), PRINTER, 1500) {
        let label = label_for(&vector.frame, Label::Gateway);
        let result = Desk::gateway().frame(ANN, label, &vector.frame);
        assert_eq!(result, vector.from_client, "{} onto the LAN", vector.name);
    }
}

fn label_for(frame: &[u8], unicast: Label) -> Label {
    if frame[0] & 1 == 1 { Label::Flood } else { unicast }
}

#[test]
fn frames_over_the_rooms_mtu_are_not_written() {
    for role in [PeerRole::Client, PeerRole::Gateway] {
        let mut desk = Desk::new(config(role));
        desk.connect();
        desk.hear(&RelayMessage::Welcome(Welcome { mtu: 1400, ..welcome() }));
        desk.hear(&RelayMessage::PeerJoined(client_info(ANN)));
        let over = frame_of(MacAddr::BROADCAST, mac(2), 1415);
        assert_eq!(desk.frame(ANN, Label::Flood, &over), Err(DropReason::OverMtu));
        let halves = desk.datagrams(ANN, Label::Flood, &over, SMALL);
        assert_eq!(desk.datagram(&halves[0]), Ok(vec![]));
        assert_eq!(desk.datagram(&halves[1]), Err(DropReason::OverMtu), "nor behind a cut");
    }
}

#[test]
fn halves_are_joined_and_judged_as_a_whole() {
    let mut desk = Desk::client();
    let good = frame_of(OWN, mac(2), 1400);
    let halves = desk.datagrams(ANN, TO_ME, &good, SMALL);
    assert_eq!(desk.datagram(&halves[1]), Ok(vec![]));
    assert_eq!(desk.datagram(&halves[0]), Ok(vec![good.into()]));
    let forged = desk.datagrams(ANN, TO_ME, &frame_of(OWN, mac(3), 1400), SMALL);
    assert_eq!(desk.datagram(&forged[0]), Ok(vec![]));
    assert_eq!(desk.datagram(&forged[1]), Err(DropReason::UnauthorizedSourceMac));
    assert_eq!(desk.member.stats().rx_reassembled, 2);
}

#[test]
fn a_lonely_half_is_forgotten() {
    let mut desk = Desk::client();
    let halves = desk.datagrams(ANN, TO_ME, &frame_of(OWN, mac(2), 1400), SMALL);
    assert_eq!(desk.datagram(&halves[0]), Ok(vec![]));
    assert_eq!(desk.member.poll_timeout(), Some(desk.now + Duration::from_millis(100)));
    desk.wait_ms(100);
    assert_eq!(desk.datagram(&halves[1]), Ok(vec![]), "too late");
    assert_eq!(desk.dropped(DropReason::FragmentTimeout), 1);
    let left = RelayMessage::PeerLeft { peer: peer(ANN), reason: LeaveReason::Normal, text: String::new() };
    desk.hear(&left);
    assert!(desk.member.reassembler.is_empty(), "what its sender leaves behind goes with it");
}

#[test]
fn nothing_arrives_before_the_room_is_joined_or_while_paused() {
    let mut desk = Desk::new(config(PeerRole::Client));
    assert_eq!(desk.frame(ANN, TO_ME, &frame(OWN, mac(2))), Err(DropReason::NotJoined));
    let mut desk = Desk::client();
    desk.member.set_paused(true);
    assert_eq!(desk.frame(ANN, TO_ME, &frame(OWN, mac(2))), Err(DropReason::Paused));
    let half = desk.datagrams(ANN, TO_ME, &frame_of(OWN, mac(2), 1400), SMALL).remove(0);
    assert_eq!(desk.datagram(&half), Err(DropReason::Paused));
}

#[test]
fn what_arrives_is_counted() {
    let mut desk = Desk::client();
    desk.frame(ANN, TO_ME, &frame(OWN, mac(2))).unwrap();
    desk.frame(ANN, Label::Flood, &frame(MacAddr::BROADCAST, mac(2))).unwrap();
    let stats = desk.member.stats();
    assert_eq!((stats.rx_frames, stats.rx_bytes, stats.rx_flood_frames, stats.rx_datagrams), (2, 120, 1, 2));
}
