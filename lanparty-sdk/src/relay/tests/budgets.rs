use super::*;

#[test]
fn nobody_can_claim_more_than_quic_negotiated() {
    let (mut desk, gateway, _) = Desk::party(0);
    let conn = desk.connect_with(Some(SMALL));
    desk.say(conn, &MemberMessage::Hello(Hello { budget: u32::MAX, ..hello(1) }));
    let messages = desk.sent(gateway);
    let RelayMessage::PeerJoined(info) = &messages[0] else { panic!("{messages:?}") };
    assert_eq!(info.budget, 1162);
}

#[test]
fn a_member_may_claim_less() {
    let (mut desk, gateway, _) = Desk::party(0);
    let conn = desk.greet(&Hello { budget: 1200, ..hello(1) });
    let messages = desk.sent(gateway);
    let RelayMessage::PeerJoined(info) = &messages[0] else { panic!("{messages:?}") };
    assert_eq!(info.budget, 1200);
    desk.relay.handle_budget(conn, 1450);
    assert!(desk.log().is_empty(), "what it said holds, however large the path grows");
    desk.relay.handle_budget(conn, 1100);
    assert_eq!(desk.log(), ["a < budget 2 1100"]);
}

#[test]
fn the_others_learn_of_each_change() {
    let (mut desk, _, clients) = Desk::party(2);
    desk.relay.handle_budget(clients[0], SMALL);
    assert_eq!(desk.log(), ["a < budget 2 1162", "c < budget 2 1162"]);
    desk.relay.handle_budget(clients[0], SMALL);
    assert!(desk.log().is_empty(), "nothing new");
    let late = desk.greet(&hello(3));
    let known =
        |message: &RelayMessage| matches!(message, RelayMessage::PeerJoined(info) if info.budget == 1162);
    assert!(desk.sent(late).iter().any(known), "who comes later knows");
}

#[test]
fn a_change_before_the_hello_counts_and_after_the_end_does_not() {
    let (mut desk, _, clients) = Desk::party(1);
    let conn = desk.connect();
    desk.relay.handle_budget(conn, SMALL);
    assert!(desk.log().is_empty());
    desk.say(conn, &MemberMessage::Hello(hello(2)));
    desk.log();
    let budgets: Vec<_> = desk.relay.snapshot()[0].members.iter().map(|member| member.info.budget).collect();
    assert_eq!(budgets, [1434, 1434, 1162]);
    desk.close(clients[0], LeaveReason::Lost);
    desk.log();
    desk.relay.handle_budget(clients[0], 1300);
    assert!(desk.log().is_empty());
}
