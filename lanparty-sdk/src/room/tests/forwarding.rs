use super::*;

#[test]
fn known_unicast_goes_to_its_owner_only() {
    let (mut desk, gateway, clients) = Desk::party(3);
    let between = frame(mac(2), mac(1));
    assert_eq!(desk.send(clients[0], Label::Peer(clients[1]), &between), Ok(vec![clients[1]]));
    let from_lan = frame(mac(3), PRINTER);
    assert_eq!(desk.send(gateway, Label::Peer(clients[2]), &from_lan), Ok(vec![clients[2]]));
}

#[test]
fn floods_go_to_everybody_but_the_sender() {
    let (mut desk, gateway, clients) = Desk::party(3);
    for dst in [MacAddr::BROADCAST, MacAddr([0x01, 0x00, 0x5e, 0, 0, 0xfb])] {
        let from_client = frame(dst, mac(1));
        assert_eq!(
            desk.send(clients[0], Label::Flood, &from_client),
            Ok(vec![gateway, clients[1], clients[2]])
        );
        assert_eq!(desk.send(gateway, Label::Flood, &frame(dst, PRINTER)), Ok(clients.clone()));
    }
}

#[test]
fn unknown_unicast_goes_to_the_gateway_only() {
    let (mut desk, gateway, clients) = Desk::party(2);
    assert_eq!(desk.send(clients[0], Label::Gateway, &frame(PRINTER, mac(1))), Ok(vec![gateway]));
    assert_eq!(desk.send(clients[0], Label::Gateway, &frame(CARD, mac(1))), Ok(vec![gateway]));
}

#[test]
fn unknown_unicast_from_the_lan_goes_nowhere() {
    let (mut desk, gateway, clients) = Desk::party(1);
    let stranger = frame(CARD, PRINTER);
    for label in [Label::Flood, Label::Gateway, Label::Peer(clients[0])] {
        assert_eq!(desk.send(gateway, label, &stranger), Err(DropReason::UnknownDestination), "{label:?}");
    }
}

#[test]
fn nothing_goes_back_to_where_it_came_from() {
    let (mut desk, gateway, clients) = Desk::party(1);
    let to_self = frame(mac(1), mac(1));
    assert_eq!(desk.send(clients[0], Label::Peer(clients[0]), &to_self), Err(DropReason::Reflection));
    assert_eq!(desk.probe(clients[0], clients[0]), Err(DropReason::Reflection));
    let rest = desk.datagrams(gateway, Label::Gateway, &frame_of(mac(1), PRINTER, 1400), SMALL).remove(1);
    assert_eq!(desk.outcome(gateway, &rest), Err(DropReason::Reflection));
}

#[test]
fn a_label_must_say_what_the_destination_says() {
    let (mut desk, gateway, clients) = Desk::party(3);
    let wrong = Err(DropReason::WrongLabel);
    let to_two = frame(mac(2), mac(1));
    for label in [Label::Flood, Label::Gateway, Label::Peer(clients[2]), Label::Peer(gateway)] {
        assert_eq!(desk.send(clients[0], label, &to_two), wrong, "{label:?}");
    }
    let to_all = frame(MacAddr::BROADCAST, mac(1));
    for label in [Label::Gateway, Label::Peer(clients[1])] {
        assert_eq!(desk.send(clients[0], label, &to_all), wrong, "{label:?}");
    }
    let to_lan = frame(PRINTER, mac(1));
    for label in [Label::Flood, Label::Peer(clients[1]), Label::Peer(gateway)] {
        assert_eq!(desk.send(clients[0], label, &to_lan), wrong, "{label:?}");
    }
    assert_eq!(desk.dropped(clients[0], DropReason::WrongLabel), 9);
    assert_eq!(desk.member(clients[0]).malformed, 0, "a label may be late; that is no attack");
}

#[test]
fn a_half_without_headers_obeys_its_label() {
    let (mut desk, gateway, clients) = Desk::party(2);
    let big = frame_of(PRINTER, mac(1), 1400);
    let nobody = PeerId::new(99).unwrap();
    for (label, expected) in [
        (Label::Gateway, Ok(vec![gateway])),
        (Label::Peer(clients[1]), Ok(vec![clients[1]])),
        (Label::Flood, Ok(vec![gateway, clients[1]])),
        (Label::Peer(nobody), Err(DropReason::UnknownPeer)),
        (Label::Peer(clients[0]), Err(DropReason::Reflection)),
    ] {
        let rest = desk.datagrams(clients[0], label, &big, SMALL).remove(1);
        assert_eq!(desk.outcome(clients[0], &rest), expected, "{label:?}");
    }
}

#[test]
fn both_halves_go_where_the_whole_frame_would() {
    let (mut desk, gateway, clients) = Desk::party(2);
    for (label, dst, expected) in [
        (Label::Peer(clients[1]), mac(2), vec![clients[1]]),
        (Label::Gateway, PRINTER, vec![gateway]),
        (Label::Flood, MacAddr::BROADCAST, vec![gateway, clients[1]]),
    ] {
        let halves = desk.datagrams(clients[0], label, &frame_of(dst, mac(1), 1514), SMALL);
        assert_eq!(halves.len(), 2);
        for half in halves {
            assert_eq!(desk.outcome(clients[0], &half), Ok(expected.clone()));
        }
    }
}

#[test]
fn the_lan_is_out_of_reach_without_a_gateway() {
    let mut desk = Desk::new();
    let client = desk.client(1);
    assert_eq!(desk.send(client, Label::Gateway, &frame(PRINTER, mac(1))), Err(DropReason::NoGateway));
    let rest = desk.datagrams(client, Label::Gateway, &frame_of(PRINTER, mac(1), 1400), SMALL).remove(1);
    assert_eq!(desk.outcome(client, &rest), Err(DropReason::NoGateway));
}

#[test]
fn who_pauses_neither_sends_nor_hears_frames() {
    let (mut desk, gateway, clients) = Desk::party(2);
    assert!(desk.room.set_paused(clients[0], true));
    assert!(!desk.room.set_paused(clients[0], true), "nothing new");
    let paused = Err(DropReason::Paused);
    assert_eq!(desk.send(clients[0], Label::Flood, &frame(MacAddr::BROADCAST, mac(1))), paused);
    let rest = desk.datagrams(clients[0], Label::Flood, &frame_of(PRINTER, mac(1), 1400), SMALL).remove(1);
    assert_eq!(desk.outcome(clients[0], &rest), paused);
    assert_eq!(desk.send(clients[1], Label::Peer(clients[0]), &frame(mac(1), mac(2))), paused);
    assert_eq!(desk.probe(clients[1], clients[0]), paused);
    assert_eq!(desk.send(clients[1], Label::Flood, &frame(MacAddr::BROADCAST, mac(2))), Ok(vec![gateway]));
    assert!(desk.room.set_paused(clients[0], false));
    assert_eq!(desk.send(clients[1], Label::Peer(clients[0]), &frame(mac(1), mac(2))), Ok(vec![clients[0]]));
}

#[test]
fn probes_go_to_one_member_or_to_the_gateway() {
    let (mut desk, gateway, clients) = Desk::party(2);
    assert_eq!(desk.probe(clients[0], clients[1]), Ok(vec![clients[1]]));
    assert_eq!(desk.probe(clients[0], gateway), Ok(vec![gateway]));
    assert_eq!(desk.probe(clients[0], PeerId::new(99).unwrap()), Err(DropReason::UnknownPeer));
}

#[test]
fn traffic_is_counted_for_both_ends() {
    let (mut desk, _, clients) = Desk::party(2);
    for _ in 0..3 {
        desk.send(clients[0], Label::Peer(clients[1]), &frame(mac(2), mac(1))).unwrap();
    }
    desk.send(clients[0], Label::Flood, &frame(mac(2), mac(1))).unwrap_err();
    let (sender, receiver) = (desk.member(clients[0]), desk.member(clients[1]));
    assert_eq!((sender.sent_datagrams, sender.sent_bytes), (4, 4 * 68));
    assert_eq!((receiver.received_datagrams, receiver.received_bytes), (3, 3 * 68));
    assert_eq!(sender.drops.total(), 1, "every decision that is no forwarding has its reason");
}

#[test]
fn targets_that_were_there_before_stay() {
    let (mut desk, _, clients) = Desk::party(2);
    let earlier = ConnId { index: 99, generation: 9 };
    let mut targets = vec![earlier];
    let good = desk.datagrams(clients[0], Label::Peer(clients[1]), &frame(mac(2), mac(1)), LARGE).remove(0);
    desk.room.judge(desk.now, clients[0], &good, &mut targets);
    desk.room.judge(desk.now, clients[0], &[0xff; 40], &mut targets);
    assert_eq!((targets.len(), targets[0]), (2, earlier), "a batch shares one list");
}
