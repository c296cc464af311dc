use super::*;
use crate::switch::{Limits, Rate};

fn limited(limits: Limits) -> (Desk, PeerId, PeerId) {
    let mut desk = Desk::with(1500, RoomConfig { client_limits: limits, ..RoomConfig::default() });
    let gateway = desk.gateway();
    (desk, gateway, PeerId::new(2).unwrap())
}

fn passed(results: impl Iterator<Item = Result<Vec<PeerId>, DropReason>>, reason: DropReason) -> usize {
    let mut count = 0;
    for result in results {
        match result {
            Ok(_) => count += 1,
            Err(other) => assert_eq!(other, reason),
        }
    }
    count
}

#[test]
fn floods_are_limited_per_sender() {
    let (mut desk, gateway, clients) = Desk::party(2);
    let storm = frame(MacAddr::BROADCAST, mac(1));
    let send = |desk: &mut Desk, count| {
        let sent = (0..count).map(|_| desk.send(clients[0], Label::Flood, &storm));
        passed(sent, DropReason::FloodLimit)
    };
    assert_eq!(send(&mut desk, 1000), 400, "the burst");
    desk.wait_ms(100);
    assert_eq!(send(&mut desk, 1000), 20, "200 a second");
    assert!(desk.send(clients[1], Label::Flood, &frame(MacAddr::BROADCAST, mac(2))).is_ok());
    for _ in 0..1000 {
        let from_lan = frame(MacAddr::BROADCAST, PRINTER);
        desk.send(gateway, Label::Flood, &from_lan).unwrap(); // speaks for a whole LAN
    }
}

#[test]
fn unknown_unicast_is_limited_and_known_unicast_is_not() {
    let (mut desk, gateway, clients) = Desk::party(2);
    let sweep = frame(PRINTER, mac(1));
    let sent = (0..500).map(|_| desk.send(clients[0], Label::Gateway, &sweep));
    assert_eq!(passed(sent, DropReason::UnknownUnicastLimit), 200);
    desk.wait_ms(50);
    let sent = (0..500).map(|_| desk.send(clients[0], Label::Gateway, &sweep));
    assert_eq!(passed(sent, DropReason::UnknownUnicastLimit), 5, "100 a second");
    for _ in 0..500 {
        desk.send(clients[0], Label::Peer(clients[1]), &frame(mac(2), mac(1))).unwrap();
    }
    desk.send(gateway, Label::Flood, &frame(MacAddr::BROADCAST, PRINTER)).unwrap();
    for _ in 0..500 {
        desk.send(clients[0], Label::Gateway, &sweep).unwrap(); // the LAN has shown its address
    }
}

#[test]
fn a_learned_address_ages() {
    let (mut desk, gateway, client) =
        limited(Limits { unknown_unicast: Rate::new(0, 0), ..Limits::default() });
    desk.client(1);
    desk.send(gateway, Label::Flood, &frame(MacAddr::BROADCAST, PRINTER)).unwrap();
    desk.wait_ms(299_999);
    assert_eq!(desk.send(client, Label::Gateway, &frame(PRINTER, mac(1))), Ok(vec![gateway]));
    desk.wait_ms(1);
    let aged = desk.send(client, Label::Gateway, &frame(PRINTER, mac(1)));
    assert_eq!(aged, Err(DropReason::UnknownUnicastLimit));
}

#[test]
fn bytes_are_limited_to_four_mebibytes_and_two_a_second() {
    let (mut desk, _, clients) = Desk::party(2);
    let bulk = frame_of(mac(2), mac(1), 1016); // 1024 bytes as a datagram
    let send = |desk: &mut Desk| {
        let sent = (0..5000).map(|_| desk.send(clients[0], Label::Peer(clients[1]), &bulk));
        passed(sent, DropReason::ByteLimit)
    };
    assert_eq!(send(&mut desk), 4096);
    desk.wait_ms(1000);
    assert_eq!(send(&mut desk), 2048);
}

#[test]
fn second_halves_are_limited_like_frames() {
    let (mut desk, _, client) = limited(Limits { flood: Rate::new(0, 5), ..Limits::default() });
    desk.client(1);
    let rest =
        desk.datagrams(client, Label::Flood, &frame_of(MacAddr::BROADCAST, mac(1), 1400), SMALL).remove(1);
    let sent = (0..50).map(|_| desk.outcome(client, &rest));
    assert_eq!(passed(sent, DropReason::FloodLimit), 5);

    let (mut desk, _, client) = limited(Limits { bytes: Rate::new(0, 3 * 712), ..Limits::default() });
    desk.client(1);
    let rest = desk.datagrams(client, Label::Gateway, &frame_of(PRINTER, mac(1), 1400), SMALL).remove(1);
    let sent = (0..50).map(|_| desk.outcome(client, &rest));
    assert_eq!(passed(sent, DropReason::ByteLimit), 3);
}

#[test]
fn probes_are_limited() {
    let (mut desk, _, clients) = Desk::party(2);
    let sent = (0..200).map(|_| desk.probe(clients[0], clients[1]));
    assert_eq!(passed(sent, DropReason::ProbeLimit), 64);
}

#[test]
fn the_sixteenth_malformed_datagram_expels() {
    let (mut desk, _, clients) = Desk::party(1);
    for count in 1..=15 {
        assert_eq!(desk.judge(clients[0], b"junk").0, Verdict::Drop(DropReason::BadDatagram));
        assert_eq!(desk.member(clients[0]).malformed, count);
    }
    assert_eq!(desk.judge(clients[0], b"junk").0, Verdict::Expel(DropReason::BadDatagram));
}

#[test]
fn each_kind_of_malformed_datagram_is_told_apart() {
    let (mut desk, _, clients) = Desk::party(2);
    let good = desk.datagrams(clients[0], Label::Flood, &frame(MacAddr::BROADCAST, mac(1)), LARGE).remove(0);
    let changed = |at: usize, value: u8| {
        let mut bytes = good.to_vec();
        bytes[at] = value;
        bytes
    };
    let [_, own] = clients[0].number().to_be_bytes();
    for (bytes, reason) in [
        (changed(0, 0x21), DropReason::BadDatagram), // version
        (changed(0, 0x13), DropReason::BadDatagram), // sealed, in a plain room
        (changed(1, 0x01), DropReason::BadDatagram), // reserved flag
        (changed(7, 0xf3), DropReason::BadDatagram), // reserved label
        (changed(3, 8), DropReason::WrongRoom),
        (changed(5, own + 1), DropReason::WrongSource),
        (good[..20].to_vec(), DropReason::Runt),
    ] {
        assert_eq!(desk.outcome(clients[0], &bytes), Err(reason));
    }
    assert_eq!(desk.member(clients[0]).malformed, 7);
    assert_eq!(desk.dropped(clients[0], DropReason::BadDatagram), 4);
}

#[test]
fn filtered_and_limited_frames_never_expel() {
    let (mut desk, _, clients) = Desk::party(1);
    let tagged = ethernet(MacAddr::BROADCAST, mac(1), EtherType::VLAN, &[0; 46]);
    let storm = frame(MacAddr::BROADCAST, mac(1));
    for _ in 0..1000 {
        assert_eq!(desk.send(clients[0], Label::Flood, &tagged), Err(DropReason::VlanTag));
        let _ = desk.send(clients[0], Label::Flood, &storm);
    }
    let member = desk.member(clients[0]);
    assert_eq!(member.malformed, 0);
    assert_eq!(
        (member.drops.get(DropReason::VlanTag), member.drops.get(DropReason::FloodLimit)),
        (1000, 600)
    );
}

#[test]
fn last_seen_follows_authorised_frames_only() {
    let (mut desk, _, clients) = Desk::party(1);
    let joined = desk.now;
    desk.wait_ms(10);
    desk.judge(clients[0], b"junk");
    desk.send(clients[0], Label::Flood, &frame(MacAddr::BROADCAST, mac(9))).unwrap_err();
    assert_eq!(desk.member(clients[0]).last_seen, joined, "junk and forgeries are no sign of life");
    let filtered = ethernet(MacAddr::BROADCAST, mac(1), EtherType::LLDP, &[0; 46]);
    assert_eq!(desk.send(clients[0], Label::Flood, &filtered), Err(DropReason::SwitchControl));
    assert_eq!(desk.member(clients[0]).last_seen, desk.now);
    assert_eq!(desk.member(clients[0]).joined, joined);
}

#[test]
fn what_is_filtered_spends_no_budget() {
    let (mut desk, _, client) = limited(Limits { bytes: Rate::new(0, 68), ..Limits::default() });
    desk.client(1);
    for _ in 0..10 {
        let tagged = ethernet(MacAddr::BROADCAST, mac(1), EtherType::VLAN, &[0; 46]);
        assert_eq!(desk.send(client, Label::Flood, &tagged), Err(DropReason::VlanTag));
    }
    assert!(desk.send(client, Label::Flood, &frame(MacAddr::BROADCAST, mac(1))).is_ok());
}
