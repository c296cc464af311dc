use super::*;

#[test]
fn members_get_numbers_in_order_and_are_listed() {
    let (desk, gateway, clients) = Desk::party(2);
    assert_eq!([gateway, clients[0], clients[1]].map(PeerId::number), [1, 2, 3]);
    assert_eq!(desk.room.gateway(), Some(gateway));
    let snapshot = desk.room.snapshot();
    assert_eq!((snapshot.id.number(), snapshot.code.as_str(), snapshot.mtu), (7, "PARTY", 1500));
    let macs: Vec<_> = snapshot.members.iter().map(|member| member.info.mac.unwrap()).collect();
    assert_eq!(macs, [CARD, mac(1), mac(2)]);
}

#[test]
fn a_second_gateway_is_refused_and_the_first_stays() {
    let (mut desk, gateway, _) = Desk::party(1);
    let second = Hello { mac: None, token: IdentityToken([201; 16]), ..gateway_hello() };
    assert_eq!(desk.refusal(&second), RejectReason::GatewayPresent);
    assert_eq!(desk.room.gateway(), Some(gateway));
    desk.leave(gateway);
    assert!(desk.admit(&second).is_ok(), "the slot is free again");
}

#[test]
fn a_full_room_refuses_clients_but_still_takes_its_gateway() {
    let mut desk = Desk::with(1500, RoomConfig { max_clients: 2, ..RoomConfig::default() });
    let first = desk.client(1);
    desk.client(2);
    let refused = desk.admit(&hello(3)).unwrap_err();
    assert_eq!(refused.reason, RejectReason::RoomFull);
    assert!(refused.detail.contains("2 of 2"), "{}", refused.detail);
    desk.gateway();
    assert_eq!(desk.refusal(&hello(3)), RejectReason::RoomFull, "the gateway takes no client's place");
    desk.leave(first);
    desk.client(3);
}

#[test]
fn an_address_belongs_to_one_member_only() {
    let (mut desk, _, clients) = Desk::party(1);
    let twin = Hello { mac: Some(mac(1)), ..hello(2) };
    assert_eq!(desk.refusal(&twin), RejectReason::DuplicateMac);
    let local = MacAddr([2, 0, 0, 0, 0, 0x99]);
    desk.leave(PeerId::new(1).unwrap());
    desk.admit(&Hello { mac: Some(local), ..gateway_hello() }).unwrap();
    let as_card = Hello { mac: Some(local), ..hello(3) };
    assert_eq!(desk.refusal(&as_card), RejectReason::DuplicateMac, "not the gateway card's either");
    desk.leave(clients[0]);
    assert!(desk.admit(&twin).is_ok());
}

#[test]
fn the_first_member_fixes_the_mtu_for_good() {
    let mut desk = Desk::with(1400, RoomConfig::default());
    let first = desk.admit(&Hello { mtu: 1400, ..hello(1) }).unwrap().info.peer;
    let refused = desk.admit(&Hello { mtu: 1399, ..hello(2) }).unwrap_err();
    assert_eq!(refused.reason, RejectReason::MtuTooSmall);
    assert_eq!(desk.room.mtu(), 1400);
    desk.client(3); // a port that carries more fits as well
    desk.leave(first);
    assert_eq!(desk.room.mtu(), 1400, "also when the first has left");
}

#[test]
fn a_rooms_mtu_is_capped_by_configuration() {
    let desk = Desk::with(1500, RoomConfig { max_mtu: 1300, ..RoomConfig::default() });
    assert_eq!(desk.room.mtu(), 1300);
}

#[test]
fn a_path_that_cannot_carry_the_rooms_frames_is_refused() {
    let mut desk = Desk::new();
    assert_eq!(desk.admit_with(&hello(1), 1030).unwrap_err().reason, RejectReason::BudgetTooSmall);
    assert!(desk.admit_with(&hello(1), 1031).is_ok(), "the least that QUIC offers is enough");
    assert_eq!(desk.room.members().count(), 1);
}

#[test]
fn a_budget_is_remembered_for_each_member() {
    let mut desk = Desk::new();
    let near = desk.admit_with(&hello(1), LARGE).unwrap().info;
    let far = desk.admit_with(&hello(2), SMALL).unwrap().info;
    assert_eq!((near.budget, far.budget), (1434, 1162));
    assert!(desk.room.set_budget(far.peer, LARGE));
    assert!(!desk.room.set_budget(far.peer, LARGE), "nothing new");
    assert_eq!(desk.member(far.peer).info.budget, 1434);
    assert!(!desk.room.set_budget(PeerId::new(99).unwrap(), LARGE));
}

#[test]
fn the_same_identity_replaces_its_older_connection_under_the_same_number() {
    let mut desk = Desk::with(1500, RoomConfig { max_clients: 1, ..RoomConfig::default() });
    let first = desk.client(1);
    let old = desk.room.members().next().unwrap().1;
    let again = desk.admit(&Hello { mac: Some(mac(9)), ..hello(1) }).unwrap();
    let replaced = again.replaced.expect("the older connection goes");
    assert_eq!((again.info.peer, replaced.info.peer, replaced.conn), (first, first, old));
    assert_eq!(desk.room.members().count(), 1, "a full room lets its own member back in");
    assert_eq!(desk.room.table.member(mac(1)), None, "the former address is free");
    assert_eq!(desk.room.table.member(mac(9)), Some(first));
}

#[test]
fn one_identity_may_be_gateway_and_client_at_once() {
    let mut desk = Desk::new();
    let gateway = desk.admit(&Hello { token: IdentityToken([1; 16]), ..gateway_hello() }).unwrap();
    let client = desk.admit(&hello(1)).unwrap();
    assert!(client.replaced.is_none());
    assert_ne!(gateway.info.peer, client.info.peer);
}

#[test]
fn a_refusal_changes_nothing() {
    let (mut desk, _, _) = Desk::party(2);
    let before = format!("{:?}", desk.room.snapshot());
    for refused in [
        Hello { mac: Some(mac(1)), ..hello(9) },
        Hello { mtu: 1280, ..hello(9) },
        // Replacing would be right, but the new address is somebody else's.
        Hello { mac: Some(mac(1)), ..hello(2) },
    ] {
        assert!(desk.admit(&refused).is_err());
        assert_eq!(format!("{:?}", desk.room.snapshot()), before);
    }
}

#[test]
fn more_clients_than_the_default_table_holds_are_all_reachable() {
    let config = RoomConfig { max_clients: 1100, ..RoomConfig::default() };
    let mut desk = Desk::with(1500, config);
    let address = |number: u16| MacAddr([2, 0, 0, 1, (number >> 8) as u8, number as u8]);
    let mut last = None;
    for number in 0..1100_u16 {
        let token = IdentityToken(u128::from(number).to_be_bytes());
        last = Some(desk.admit(&Hello { mac: Some(address(number)), token, ..hello(0) }).unwrap().info.peer);
    }
    assert_eq!(desk.room.table.member(address(1099)), last);
}
