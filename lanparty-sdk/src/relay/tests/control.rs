use super::*;
use crate::ctrl::{MAX_MESSAGE_LEN, MemberStats};

fn stats() -> Vec<u8> {
    encode(&MemberMessage::Stats(MemberStats::default())).unwrap()
}

fn json(text: &str) -> Vec<u8> {
    [&u32::try_from(text.len()).unwrap().to_be_bytes()[..], text.as_bytes()].concat()
}

#[test]
fn what_a_member_reports_is_kept() {
    let (mut desk, _, clients) = Desk::party(1);
    let mut report = MemberStats { relay_rtt_us: Some(12_345), ..MemberStats::default() };
    report.traffic.drop(DropReason::Jumbo);
    desk.say(clients[0], &MemberMessage::Stats(report.clone()));
    assert_eq!(desk.relay.snapshot()[0].members[1].reported, Some(report));
    assert!(desk.log().is_empty(), "it is nobody else's business");
}

#[test]
fn messages_may_come_in_any_pieces() {
    let mut desk = Desk::new();
    let conn = desk.connect();
    for byte in encode(&MemberMessage::Hello(hello(1))).unwrap() {
        assert!(desk.log().is_empty());
        desk.bytes(conn, &[byte]);
    }
    assert_eq!(desk.log()[1], "a < welcome 1");
    let both = [stats(), encode(&MemberMessage::Pause { paused: true }).unwrap()].concat();
    desk.bytes(conn, &both);
    assert_eq!(desk.log(), ["! paused 1 true"]);
    assert!(desk.relay.snapshot()[0].members[0].reported.is_some());
}

#[test]
fn a_hello_must_come_in_time() {
    let mut desk = Desk::new();
    let conn = desk.connect();
    let bytes = encode(&MemberMessage::Hello(hello(1))).unwrap();
    desk.bytes(conn, &bytes[..bytes.len() - 1]);
    desk.wait_ms(4999);
    assert!(desk.log().is_empty());
    assert_eq!(desk.relay.poll_timeout(), Some(desk.now + Duration::from_millis(1)));
    desk.wait_ms(1);
    assert_eq!(desk.log(), ["! refused TooSlow", "a < disconnect Protocol", "a x TooSlow"]);
    assert_eq!(desk.relay.poll_timeout(), None);
}

#[test]
fn a_message_that_has_begun_must_end() {
    let (mut desk, _, clients) = Desk::party(1);
    desk.bytes(clients[0], &stats()[..3]);
    desk.wait_ms(3000);
    desk.bytes(clients[0], &stats()[3..5]); // one byte now and then does not buy time
    desk.wait_ms(1999);
    assert!(desk.log().is_empty());
    desk.wait_ms(1);
    assert_eq!(
        desk.log(),
        ["a < left 2 Protocol", "! left 2 Protocol", "b < disconnect Protocol", "b x TooSlow"]
    );
}

#[test]
fn a_message_in_two_pieces_leaves_no_deadline_behind() {
    let (mut desk, _, clients) = Desk::party(1);
    desk.bytes(clients[0], &stats()[..10]);
    desk.wait_ms(4000);
    // The rest, and the beginning of the next.
    desk.bytes(clients[0], &[&stats()[10..], &stats()[..2]].concat());
    desk.wait_ms(4000);
    assert!(desk.log().is_empty(), "the next message has a clock of its own");
    desk.bytes(clients[0], &stats()[2..]);
    desk.wait_ms(60_000);
    assert!(desk.log().is_empty());
    assert_eq!(desk.relay.poll_timeout(), None);
}

#[test]
fn a_member_that_says_nothing_may_stay() {
    let (mut desk, _, _) = Desk::party(1);
    desk.wait_ms(86_400_000);
    assert!(desk.log().is_empty());
}

#[test]
fn a_length_beyond_the_limit_ends_the_connection() {
    let over = u32::try_from(MAX_MESSAGE_LEN + 1).unwrap().to_be_bytes();
    let mut desk = Desk::new();
    let conn = desk.connect();
    desk.bytes(conn, &over);
    assert_eq!(desk.log(), ["! refused Protocol", "a < disconnect Protocol", "a x Protocol"]);
    let (mut desk, _, clients) = Desk::party(1);
    desk.bytes(clients[0], &over);
    assert_eq!(desk.log()[0], "a < left 2 Protocol");
}

#[test]
fn what_is_no_message_ends_the_connection() {
    for bad in [
        "",
        "{}",
        "[]",
        r#"{"type":"teleport"}"#,
        r#"{"type":"hello","version":1}"#,
        r#"{"type":"hello","version":1,"role":"client","room":"no spaces","token":"00","budget":1}"#,
        r#"{"type":"disconnect","reason":"normal","text":"\u0007"}"#,
        "\u{0}\u{0}",
    ] {
        let mut desk = Desk::new();
        let conn = desk.connect();
        desk.bytes(conn, &json(bad));
        assert_eq!(desk.log().last().unwrap(), "a x Protocol", "{bad}");
    }
}

#[test]
fn a_message_out_of_turn_ends_the_connection() {
    for early in [
        MemberMessage::Stats(MemberStats::default()),
        MemberMessage::Pause { paused: true },
        MemberMessage::Disconnect { reason: LeaveReason::Normal, text: String::new() },
    ] {
        let mut desk = Desk::new();
        let conn = desk.connect();
        desk.say(conn, &early);
        assert_eq!(desk.log(), ["! refused Protocol", "a < disconnect Protocol", "a x Protocol"]);
    }
    let (mut desk, _, clients) = Desk::party(1);
    desk.say(clients[0], &MemberMessage::Hello(hello(1)));
    assert_eq!(
        desk.log(),
        ["a < left 2 Protocol", "! left 2 Protocol", "b < disconnect Protocol", "b x Protocol"]
    );
}

#[test]
fn a_control_stream_that_ends_ends_the_connection() {
    let (mut desk, _, clients) = Desk::party(1);
    desk.relay.handle_control_end(desk.now, clients[0]);
    assert_eq!(desk.log().last().unwrap(), "b x Protocol");
}

#[test]
fn a_flood_of_messages_is_ignored_and_then_punished() {
    let (mut desk, _, clients) = Desk::party(1);
    let pause = |desk: &mut Desk, paused| desk.say(clients[0], &MemberMessage::Pause { paused });
    for round in 0..19 {
        pause(&mut desk, round % 2 == 0); // the Hello was the first of 20
    }
    assert_eq!(desk.log().len(), 2 * 19);
    pause(&mut desk, false);
    assert!(desk.log().is_empty(), "ignored");
    desk.wait_ms(500);
    pause(&mut desk, false);
    assert_eq!(desk.log().len(), 2, "two a second pass, and each takes a strike back");
    for _ in 0..99 {
        pause(&mut desk, true);
    }
    assert!(desk.log().is_empty());
    pause(&mut desk, true);
    assert_eq!(desk.log(), ["a < left 2 Abuse", "! left 2 Abuse", "b < disconnect Abuse", "b x Abuse"]);
}

#[test]
fn a_patient_member_may_talk_for_ever() {
    let (mut desk, _, clients) = Desk::party(1);
    for round in 0..1000 {
        desk.wait_ms(500);
        desk.say(clients[0], &MemberMessage::Pause { paused: round % 2 == 0 });
        assert_eq!(desk.log().len(), 2);
    }
}

#[test]
fn too_many_malformed_datagrams_end_a_membership() {
    let (mut desk, _, clients) = Desk::party(1);
    let mut targets = Vec::new();
    for _ in 0..15 {
        desk.relay.handle_datagram(desk.now, clients[0], b"junk", &mut targets).unwrap_err();
    }
    assert!(desk.log().is_empty());
    desk.relay.handle_datagram(desk.now, clients[0], b"junk", &mut targets).unwrap_err();
    assert_eq!(desk.log(), ["a < left 2 Abuse", "! left 2 Abuse", "b < disconnect Abuse", "b x Abuse"]);
    assert_eq!(desk.flood(clients[0], 1, 2, mac(1)), Err(DropReason::NotJoined));
    assert!(targets.is_empty());
}

#[test]
fn datagrams_before_the_welcome_go_nowhere() {
    let (mut desk, _, _) = Desk::party(1);
    let conn = desk.connect();
    assert_eq!(desk.flood(conn, 1, 2, mac(1)), Err(DropReason::NotJoined));
    for _ in 0..100 {
        let _ = desk.relay.handle_datagram(desk.now, conn, b"junk", &mut Vec::new());
    }
    assert!(desk.log().is_empty(), "they may have overtaken it, so they are no offence");
}
