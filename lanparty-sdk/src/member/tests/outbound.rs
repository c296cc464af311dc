use super::*;
use crate::switch::craft::{ipv4, tcp, udp4};
use crate::switch::ip::protocol::{TCP, UDP};
use crate::switch::vectors::safety_vectors;

#[test]
fn a_client_labels_its_frames() {
    let mut desk = Desk::client();
    let label = |desk: &mut Desk, dst| desk.port(&frame(dst, OWN)).map(|(label, _)| label);
    assert_eq!(label(&mut desk, mac(2)), Ok(Label::Peer(peer(ANN))));
    assert_eq!(label(&mut desk, MacAddr::BROADCAST), Ok(Label::Flood));
    assert_eq!(label(&mut desk, PRINTER), Ok(Label::Gateway));
    assert_eq!(label(&mut desk, CARD), Ok(Label::Gateway));
    assert_eq!(label(&mut desk, OWN), Err(DropReason::Reflection));
    desk.hear(&RelayMessage::PeerLeft {
        peer: peer(GATEWAY),
        reason: LeaveReason::Lost,
        text: String::new(),
    });
    assert_eq!(label(&mut desk, PRINTER), Err(DropReason::NoGateway));
}

#[test]
fn a_client_sends_from_its_own_address_only() {
    let mut desk = Desk::client();
    for src in [mac(2), mac(3), CARD, PRINTER] {
        let foreign = frame(MacAddr::BROADCAST, src);
        assert_eq!(desk.port(&foreign), Err(DropReason::UnauthorizedSourceMac), "{src}");
    }
}

#[test]
fn a_gateway_sends_only_what_is_for_members() {
    let mut desk = Desk::gateway();
    let label = |desk: &mut Desk, dst, src| desk.port(&frame(dst, src)).map(|(label, _)| label);
    assert_eq!(label(&mut desk, mac(2), PRINTER), Ok(Label::Peer(peer(ANN))));
    assert_eq!(label(&mut desk, MacAddr::BROADCAST, PRINTER), Ok(Label::Flood));
    for dst in [CARD, mac(3)] {
        assert_eq!(label(&mut desk, dst, PRINTER), Err(DropReason::UnknownDestination));
    }
    let looped = label(&mut desk, MacAddr::BROADCAST, mac(2));
    assert_eq!(looped, Err(DropReason::UnauthorizedSourceMac), "a member's own frame came round the LAN");
}

#[test]
fn safety_holds_before_anything_is_sent() {
    for vector in safety_vectors(OWN, mac(2), 1500) {
        let mut desk = Desk::client();
        assert_eq!(desk.port(&vector.frame).map(drop), vector.from_client, "{} from a client", vector.name);
    }
    for vector in safety_vectors(PRINTER, mac(2), 1500) {
        let mut desk = Desk::gateway();
        assert_eq!(desk.port(&vector.frame).map(drop), vector.from_lan, "{} from the LAN", vector.name);
    }
}

#[test]
fn frames_over_the_rooms_mtu_stay_here() {
    for (role, src) in [(PeerRole::Client, OWN), (PeerRole::Gateway, PRINTER)] {
        let mut desk = Desk::new(config(role));
        desk.connect();
        desk.hear(&RelayMessage::Welcome(Welcome { mtu: 1400, ..welcome() }));
        assert!(desk.port(&frame_of(MacAddr::BROADCAST, src, 1414)).is_ok());
        assert_eq!(desk.port(&frame_of(MacAddr::BROADCAST, src, 1415)), Err(DropReason::OverMtu));
        assert_eq!(desk.port(&frame_of(MacAddr::BROADCAST, src, 9000)), Err(DropReason::Jumbo));
    }
}

#[test]
fn a_frame_that_is_refused_stops_nothing() {
    let mut desk = Desk::client();
    let runt = [0; 13];
    for bad in [&frame_of(mac(2), OWN, 9000)[..], &runt, &[], &frame(mac(2), MacAddr::ZERO)] {
        assert!(desk.port(bad).is_err());
        assert!(desk.port(&frame(mac(2), OWN)).is_ok());
    }
    assert_eq!((desk.dropped(DropReason::Jumbo), desk.dropped(DropReason::Runt)), (1, 2));
    assert!(desk.outputs().is_empty());
}

#[test]
fn nothing_leaves_before_the_room_is_joined_or_while_paused() {
    let mut desk = Desk::new(config(PeerRole::Client));
    assert_eq!(desk.port(&frame(MacAddr::BROADCAST, OWN)), Err(DropReason::NotJoined));
    desk.connect();
    assert_eq!(desk.port(&frame(MacAddr::BROADCAST, OWN)), Err(DropReason::NotJoined));
    desk.hear(&RelayMessage::Welcome(welcome()));
    desk.member.set_paused(true);
    assert_eq!(desk.port(&frame(MacAddr::BROADCAST, OWN)), Err(DropReason::Paused));
    desk.member.set_paused(false);
    assert!(desk.port(&frame(MacAddr::BROADCAST, OWN)).is_ok());
}

#[test]
fn a_frame_over_the_budget_leaves_in_two_halves() {
    let mut desk = Desk::client();
    assert_eq!(desk.port(&frame_of(mac(2), OWN, 1426)).unwrap().1, [1434]);
    assert_eq!(desk.port(&frame_of(mac(2), OWN, 1427)).unwrap().1, [726, 725]);
    assert_eq!(desk.member.stats().tx_fragmented, 1);
    desk.member.handle_budget(SMALL);
    assert_eq!(desk.port(&frame_of(mac(2), OWN, 1426)).unwrap().1, [725, 725], "the path shrank");
}

#[test]
fn frames_are_cut_to_what_their_receiver_can_take() {
    let mut desk = Desk::client();
    desk.hear(&RelayMessage::PeerJoined(PeerInfo { budget: 1200, ..client_info(3) }));
    let sizes = |desk: &mut Desk, dst| desk.port(&frame_of(dst, OWN, 1300)).unwrap().1.len();
    let now = [mac(2), mac(3), PRINTER, MacAddr::BROADCAST].map(|dst| sizes(&mut desk, dst));
    assert_eq!(now, [1, 2, 1, 2], "a flood is cut for the poorest");
    desk.hear(&RelayMessage::PeerBudget { peer: peer(3), budget: 1434 });
    assert_eq!(sizes(&mut desk, mac(3)), 1);
    assert_eq!(sizes(&mut desk, MacAddr::BROADCAST), 1);
    desk.hear(&RelayMessage::PeerBudget { peer: peer(GATEWAY), budget: 1162 });
    assert_eq!((sizes(&mut desk, PRINTER), sizes(&mut desk, MacAddr::BROADCAST)), (2, 2));
    desk.hear(&RelayMessage::PeerLeft {
        peer: peer(GATEWAY),
        reason: LeaveReason::Lost,
        text: String::new(),
    });
    assert_eq!(sizes(&mut desk, MacAddr::BROADCAST), 1, "it is gone");
}

#[test]
fn what_crosses_in_no_way_is_counted() {
    let mut desk = Desk::client();
    desk.hear(&RelayMessage::PeerBudget { peer: peer(ANN), budget: 0 });
    assert_eq!(desk.port(&frame(mac(2), OWN)), Err(DropReason::OverBudget));
    assert_eq!(desk.port(&frame_of(mac(2), OWN, 1500)), Err(DropReason::OverBudget));
    assert_eq!(desk.dropped(DropReason::OverBudget), 2);
}

#[test]
fn tcp_is_kept_within_one_datagram() {
    let mut desk = Desk::client();
    let syn = ipv4(TCP, &tcp(false, 0x02, &[2, 4, 0x05, 0xb4], &[]));
    let mut sent = Vec::new();
    let opening = ethernet(mac(2), OWN, EtherType::IPV4, &syn);
    desk.member.handle_port_frame(PortFrame::copy_from(&opening), &mut sent).unwrap();
    let mss = u16::from_be_bytes(sent[0][8 + 14 + 20 + 22..][..2].try_into().unwrap());
    assert_eq!(mss, 1372, "1434 - 8 - 14 - 20 - 20");
    assert_eq!(desk.member.stats().mss_clamped, 1);
    let other = ipv4(UDP, &udp4(5000, 27015, b"game"));
    desk.port(&ethernet(mac(2), OWN, EtherType::IPV4, &other)).unwrap();
    assert_eq!(desk.member.stats().mss_clamped, 1);
}

#[test]
fn what_leaves_is_counted() {
    let mut desk = Desk::client();
    desk.port(&frame(mac(2), OWN)).unwrap();
    desk.port(&frame_of(MacAddr::BROADCAST, OWN, 1500)).unwrap();
    desk.port(&frame(MacAddr::BROADCAST, mac(2))).unwrap_err();
    let stats = desk.member.stats();
    assert_eq!((stats.tx_frames, stats.tx_bytes, stats.tx_flood_frames), (2, 1560, 1));
    assert_eq!((stats.tx_fragmented, stats.drops.total()), (1, 1));
}
