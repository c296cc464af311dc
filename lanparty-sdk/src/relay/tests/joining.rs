use super::*;
use crate::ctrl::{ConnectionMode, RejectReason};
use crate::room::RoomConfig;

fn refused(log: &[String], letter: char, reason: RejectReason) {
    let expected = [
        format!("! rejected {reason:?}"),
        format!("{letter} < reject {reason:?}"),
        format!("{letter} x Rejected"),
    ];
    assert_eq!(log, expected);
}

#[test]
fn the_first_member_opens_the_room() {
    let mut desk = Desk::new();
    desk.greet(&Hello { mtu: 1400, ..hello(1) });
    assert_eq!(desk.log(), ["! opened PARTY 1400", "a < welcome 1", "! joined 1"]);
}

#[test]
fn others_hear_of_a_newcomer_before_it_is_welcome() {
    let (mut desk, _, _) = Desk::party(1);
    desk.greet(&hello(2));
    let order =
        ["a < joined 3", "b < joined 3", "c < welcome 3", "c < joined 1", "c < joined 2", "! joined 3"];
    assert_eq!(desk.log(), order, "the gateway must know the address before its first DHCP request comes");
}

#[test]
fn a_welcome_says_what_the_newcomer_finds() {
    let mut desk = Desk::new();
    let first = desk.greet(&Hello { mtu: 1400, ..gateway_hello() });
    let messages = desk.sent(first);
    let RelayMessage::Welcome(alone) = &messages[0] else { panic!("{messages:?}") };
    assert!(!alone.gateway_present, "it is the gateway itself");
    let second = desk.greet(&Hello { name: Some("Ann".into()), ..hello(1) });
    let messages = desk.sent(second);
    let RelayMessage::Welcome(welcome) = &messages[0] else { panic!("{messages:?}") };
    assert_eq!((welcome.mode, welcome.gateway_present), (ConnectionMode::Relay, true));
    assert_eq!((welcome.mtu, welcome.members), (1400, 1));
    let RelayMessage::PeerJoined(info) = &messages[1] else { panic!("{messages:?}") };
    assert_eq!((info.role, info.mac, info.budget, info.paused), (PeerRole::Gateway, Some(CARD), 1434, false));
}

#[test]
fn a_welcome_that_cannot_be_written_is_taken_back() {
    let (mut desk, _, _) = Desk::party(1);
    let broken = desk.greet(&hello(2));
    desk.log();
    desk.close(broken, LeaveReason::Lost);
    assert_eq!(desk.log(), ["a < left 3 Lost", "b < left 3 Lost", "! left 3 Lost"]);
    assert_eq!(desk.relay.connections(), 2);
    desk.greet(&hello(2));
    assert!(desk.log().contains(&"d < welcome 3".to_owned()), "and it may try again");
}

#[test]
fn rooms_do_not_hear_each_other() {
    let mut desk = Desk::new();
    desk.join(&hello(1));
    desk.greet(&in_room("OTHER", hello(1)));
    assert_eq!(desk.log(), ["! opened OTHER 1500", "b < welcome 1", "! joined 1"]);
    assert_eq!(desk.flood(desk.letters[1], 2, 1, mac(1)), Ok(String::new()));
    assert_eq!(desk.flood(desk.letters[1], 1, 1, mac(1)), Err(DropReason::WrongRoom));
}

#[test]
fn a_rooms_code_has_no_case() {
    let mut desk = Desk::new();
    desk.join(&in_room("Party", hello(1)));
    desk.join(&in_room("pARTY", hello(2)));
    assert_eq!(desk.relay.snapshot().len(), 1);
}

#[test]
fn a_second_gateway_is_refused() {
    let (mut desk, _, _) = Desk::party(0);
    desk.greet(&Hello { mac: None, token: IdentityToken([201; 16]), ..gateway_hello() });
    refused(&desk.log(), 'b', RejectReason::GatewayPresent);
}

#[test]
fn a_full_room_and_a_twin_are_refused() {
    let room = RoomConfig { max_clients: 2, ..RoomConfig::default() };
    let mut desk = Desk::with(RelayConfig { room, ..RelayConfig::default() });
    desk.join(&hello(1));
    desk.greet(&Hello { mac: Some(mac(1)), ..hello(2) });
    refused(&desk.log(), 'b', RejectReason::DuplicateMac);
    desk.join(&hello(2));
    desk.greet(&hello(3));
    refused(&desk.log(), 'd', RejectReason::RoomFull);
}

#[test]
fn an_address_that_no_client_may_have_is_refused() {
    for bad in [None, Some(CARD), Some(MacAddr::BROADCAST), Some(MacAddr::ZERO)] {
        let mut desk = Desk::new();
        desk.greet(&Hello { mac: bad, ..hello(1) });
        refused(&desk.log(), 'a', RejectReason::BadMac);
        assert!(desk.relay.snapshot().is_empty(), "a refusal opens no room");
    }
    let mut desk = Desk::new();
    desk.greet(&Hello { mac: Some(MacAddr::BROADCAST), ..gateway_hello() });
    refused(&desk.log(), 'a', RejectReason::BadMac);
}

#[test]
fn another_version_is_refused_before_anything_else() {
    for version in [0, 2, 255] {
        let mut desk = Desk::new();
        desk.greet(&Hello { version, mac: None, ..hello(1) });
        refused(&desk.log(), 'a', RejectReason::VersionMismatch);
    }
}

#[test]
fn an_mtu_that_no_room_may_have_is_refused() {
    for mtu in [0, 1279, 1501, u16::MAX] {
        let mut desk = Desk::new();
        desk.greet(&Hello { mtu, ..hello(1) });
        refused(&desk.log(), 'a', RejectReason::MtuTooSmall);
    }
}

#[test]
fn a_later_port_that_carries_less_is_refused() {
    let mut desk = Desk::new();
    desk.join(&hello(1));
    desk.greet(&Hello { mtu: 1499, ..hello(2) });
    refused(&desk.log(), 'b', RejectReason::MtuTooSmall);
    assert_eq!(desk.relay.snapshot()[0].mtu, 1500, "the room is not shrunk");
}

#[test]
fn a_connection_without_datagrams_is_refused() {
    let mut desk = Desk::new();
    let conn = desk.connect_with(None);
    desk.say(conn, &MemberMessage::Hello(hello(1)));
    refused(&desk.log(), 'a', RejectReason::BudgetTooSmall);
}

#[test]
fn a_budget_below_the_rooms_need_is_refused() {
    let mut desk = Desk::new();
    let conn = desk.connect_with(Some(1030));
    desk.say(conn, &MemberMessage::Hello(hello(1)));
    refused(&desk.log(), 'a', RejectReason::BudgetTooSmall);
    desk.greet(&Hello { budget: 1030, ..hello(1) });
    refused(&desk.log(), 'b', RejectReason::BudgetTooSmall);
}

#[test]
fn a_relay_has_only_so_many_rooms() {
    let mut desk = Desk::with(RelayConfig { max_rooms: 2, ..RelayConfig::default() });
    let first = desk.join(&in_room("ONE", hello(1)));
    desk.join(&in_room("TWO", hello(1)));
    desk.greet(&in_room("THREE", hello(1)));
    refused(&desk.log(), 'c', RejectReason::RelayFull);
    desk.close(first, LeaveReason::Normal);
    desk.log();
    desk.join(&in_room("THREE", hello(1)));
}

#[test]
fn a_relay_has_only_so_many_connections() {
    let mut desk = Desk::with(RelayConfig { max_connections: 2, ..RelayConfig::default() });
    let first = desk.connect();
    desk.connect();
    desk.connect();
    assert_eq!(desk.log(), ["c < reject RelayFull", "c x Rejected", "! refused Rejected"]);
    desk.close(first, LeaveReason::Lost);
    desk.close(desk.letters[2], LeaveReason::Normal);
    desk.join(&hello(1));
}

#[test]
fn what_comes_after_a_refusal_is_not_heard() {
    let mut desk = Desk::new();
    let conn = desk.greet(&Hello { version: 9, ..hello(1) });
    desk.log();
    desk.say(conn, &MemberMessage::Hello(hello(1)));
    desk.bytes(conn, &[0xff; 4096]);
    desk.relay.handle_control_end(desk.now, conn);
    assert!(desk.log().is_empty());
    assert_eq!(desk.flood(conn, 1, 1, mac(1)), Err(DropReason::NotJoined));
}

#[test]
fn the_same_identity_replaces_its_older_connection() {
    let (mut desk, _, _) = Desk::party(1);
    desk.greet(&hello(1));
    assert_eq!(
        desk.log(),
        [
            "b < disconnect Replaced",
            "b x Replaced",
            "a < left 2 Replaced",
            "! left 2 Replaced",
            "a < joined 2",
            "c < welcome 2",
            "c < joined 1",
            "! joined 2",
        ]
    );
    desk.close(desk.letters[1], LeaveReason::Replaced);
    assert!(desk.log().is_empty(), "the end of the older one touches nobody");
    assert_eq!(desk.flood(desk.letters[2], 1, 2, mac(1)), Ok("a".to_owned()));
    assert_eq!(desk.flood(desk.letters[1], 1, 2, mac(1)), Err(DropReason::NotJoined));
}
