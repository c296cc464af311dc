use super::*;

#[test]
fn who_left_may_return_with_the_same_address() {
    let (mut desk, _, clients) = Desk::party(1);
    desk.leave(clients[0]);
    assert_eq!(desk.room.table.member(mac(1)), None);
    let again = desk.client(1);
    assert_ne!(again, clients[0], "datagrams still in flight must not reach a newcomer");
    assert_eq!(desk.room.table.member(mac(1)), Some(again));
}

#[test]
fn nothing_refers_to_a_member_after_it_left() {
    let (mut desk, gateway, clients) = Desk::party(2);
    desk.leave(clients[0]);
    let to_it = frame(mac(1), PRINTER);
    assert_eq!(
        desk.send(gateway, Label::Peer(clients[0]), &to_it),
        Err(DropReason::UnknownDestination),
        "its address is nobody's"
    );
    assert_eq!(desk.probe(clients[1], clients[0]), Err(DropReason::UnknownPeer));
    assert_eq!(desk.send(clients[1], Label::Flood, &frame(MacAddr::BROADCAST, mac(2))), Ok(vec![gateway]));
    assert_eq!(
        desk.send(clients[0], Label::Flood, &frame(MacAddr::BROADCAST, mac(1))),
        Err(DropReason::WrongSource)
    );
    assert!(desk.room.leave(desk.now, clients[0], false).is_none(), "nobody leaves twice");
}

#[test]
fn clients_stay_when_the_gateway_leaves() {
    let (mut desk, gateway, clients) = Desk::party(2);
    desk.lose(gateway);
    assert_eq!(desk.room.gateway(), None);
    assert_eq!(desk.room.members().count(), 2);
    let to_lan = frame(PRINTER, mac(1));
    assert_eq!(desk.send(clients[0], Label::Gateway, &to_lan), Err(DropReason::NoGateway));
    let between = frame(mac(2), mac(1));
    assert_eq!(desk.send(clients[0], Label::Peer(clients[1]), &between), Ok(vec![clients[1]]));
    let another = Hello { mac: None, token: IdentityToken([201; 16]), ..gateway_hello() };
    assert!(desk.admit(&another).is_ok(), "a gateway's place is never kept");
}

#[test]
fn a_room_is_empty_when_the_last_member_left() {
    let (mut desk, gateway, clients) = Desk::party(1);
    desk.leave(gateway);
    assert!(!desk.room.is_empty());
    desk.lose(clients[0]);
    assert!(desk.room.is_empty(), "a kept place holds no room open");
}

#[test]
fn a_broken_connection_keeps_its_place_for_a_while() {
    let (mut desk, _, clients) = Desk::party(2);
    desk.lose(clients[0]);
    desk.wait_ms(29_999);
    let thief = Hello { mac: Some(mac(1)), ..hello(9) };
    assert_eq!(desk.refusal(&thief), RejectReason::DuplicateMac);
    assert_ne!(desk.client(3), clients[0], "nobody else gets the number");
    assert_eq!(desk.client(1), clients[0], "the same number back");
}

#[test]
fn a_full_room_keeps_the_place_of_who_fell_out() {
    let mut desk = Desk::with(1500, RoomConfig { max_clients: 2, ..RoomConfig::default() });
    let first = desk.client(1);
    desk.client(2);
    desk.lose(first);
    assert_eq!(desk.refusal(&hello(3)), RejectReason::RoomFull);
    assert_eq!(desk.client(1), first);
    assert_eq!(desk.refusal(&hello(3)), RejectReason::RoomFull);
}

#[test]
fn a_kept_place_expires() {
    let mut desk = Desk::with(1500, RoomConfig { max_clients: 1, ..RoomConfig::default() });
    let first = desk.client(1);
    desk.lose(first);
    desk.wait_ms(30_000);
    let thief = Hello { mac: Some(mac(1)), ..hello(9) };
    desk.admit(&thief).unwrap();
    assert_eq!(desk.refusal(&hello(1)), RejectReason::RoomFull);
}

#[test]
fn who_leaves_on_purpose_keeps_no_place() {
    let mut desk = Desk::with(1500, RoomConfig { max_clients: 1, ..RoomConfig::default() });
    let first = desk.client(1);
    desk.leave(first);
    desk.client(2);
}

#[test]
fn no_place_is_kept_without_a_grace() {
    let config = RoomConfig { max_clients: 1, place_grace_ms: 0, ..RoomConfig::default() };
    let mut desk = Desk::with(1500, config);
    let first = desk.client(1);
    desk.lose(first);
    desk.client(2);
}

#[test]
fn a_returning_member_may_bring_another_address() {
    let (mut desk, _, clients) = Desk::party(1);
    desk.lose(clients[0]);
    let moved = desk.admit(&Hello { mac: Some(mac(9)), ..hello(1) }).unwrap();
    assert_eq!(moved.info.peer, clients[0]);
    let heir = Hello { mac: Some(mac(1)), ..hello(2) };
    assert!(desk.admit(&heir).is_ok(), "the former address is free at once");
}

#[test]
fn what_the_gateway_taught_is_forgotten_with_it() {
    let (mut desk, gateway, _) = Desk::party(1);
    desk.send(gateway, Label::Flood, &frame(MacAddr::BROADCAST, PRINTER)).unwrap();
    assert_eq!(desk.room.table.learned(), 1);
    desk.leave(gateway);
    assert_eq!(desk.room.table.learned(), 0);
}
