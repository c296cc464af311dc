use super::*;
use crate::switch::vectors::safety_vectors;

fn label_for(desk: &Desk, frame: &[u8], from: PeerId) -> Label {
    let dst = crate::frame::Frame::parse(frame).map_or(MacAddr::ZERO, |frame| frame.dst());
    match desk.room.table.member(dst) {
        _ if dst.is_group() => Label::Flood,
        Some(owner) => Label::Peer(owner),
        None if Some(from) == desk.room.gateway() => Label::Flood,
        None => Label::Gateway,
    }
}

#[test]
fn every_safety_vector_is_judged_as_the_table_says() {
    for mtu in [1280, 1500] {
        for vector in safety_vectors(mac(1), mac(2), mtu) {
            let mut desk = Desk::with(mtu, RoomConfig::default());
            let gateway = desk.gateway();
            let sender = desk.client(1);
            let _receiver = desk.client(2);
            let label = label_for(&desk, &vector.frame, sender);
            let result = desk.send(sender, label, &vector.frame);
            assert_eq!(result.map(drop), vector.from_client, "{} from a client", vector.name);
            desk.leave(sender); // now its address may be a station's of the LAN
            let label = label_for(&desk, &vector.frame, gateway);
            let result = desk.send(gateway, label, &vector.frame);
            assert_eq!(result.map(drop), vector.from_lan, "{} from the LAN", vector.name);
        }
    }
}

#[test]
fn the_first_half_shows_enough_to_be_judged() {
    for vector in safety_vectors(mac(1), mac(2), 1500) {
        let mut long = vector.frame.clone();
        long.resize(1400, 0);
        let mut desk = Desk::new();
        desk.gateway();
        let sender = desk.client(1);
        desk.client(2);
        let label = label_for(&desk, &long, sender);
        let first = desk.datagrams(sender, label, &long, SMALL).remove(0);
        let whole = desk.send(sender, label, &long);
        let half = desk.outcome(sender, &first);
        assert_eq!(half.map(drop), whole.map(drop), "{}", vector.name);
    }
}

#[test]
fn sources_must_be_valid_and_owned() {
    let (mut desk, gateway, clients) = Desk::party(2);
    let unauthorized = Err(DropReason::UnauthorizedSourceMac);
    for src in [mac(2), mac(9), PRINTER, CARD] {
        let forged = frame(MacAddr::BROADCAST, src);
        assert_eq!(desk.send(clients[0], Label::Flood, &forged), unauthorized, "{src}");
    }
    for from in [clients[0], gateway] {
        for src in [MacAddr::ZERO, MacAddr::BROADCAST, MacAddr([0x01, 0, 0x5e, 0, 0, 1])] {
            let invalid = frame(MacAddr::BROADCAST, src);
            assert_eq!(desk.send(from, Label::Flood, &invalid), Err(DropReason::InvalidSourceMac), "{src}");
        }
    }
}

#[test]
fn a_gateway_may_not_use_a_members_address() {
    let (mut desk, gateway, clients) = Desk::party(2);
    let looped = frame(MacAddr::BROADCAST, mac(1));
    assert_eq!(desk.send(gateway, Label::Flood, &looped), Err(DropReason::UnauthorizedSourceMac));
    let forged = frame(mac(2), mac(1));
    assert_eq!(desk.send(gateway, Label::Peer(clients[1]), &forged), Err(DropReason::UnauthorizedSourceMac));
    assert_eq!(desk.room.table.learned(), 0, "and teaches nothing by it");
}

#[test]
fn a_frame_over_the_rooms_mtu_is_filtered() {
    let mut desk = Desk::with(1400, RoomConfig::default());
    let gateway = desk.gateway();
    let client = desk.client(1);
    for (from, src) in [(client, mac(1)), (gateway, PRINTER)] {
        let (fits, over) = (frame_of(MacAddr::BROADCAST, src, 1414), frame_of(MacAddr::BROADCAST, src, 1415));
        assert!(desk.send(from, Label::Flood, &fits).is_ok());
        assert_eq!(desk.send(from, Label::Flood, &over), Err(DropReason::OverMtu));
        let first = desk.datagrams(from, Label::Flood, &over, SMALL).remove(0);
        assert_eq!(desk.outcome(from, &first), Err(DropReason::OverMtu), "by the length it announces");
    }
}
