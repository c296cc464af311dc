use super::*;
use crate::room::RoomConfig;

fn disconnect(reason: LeaveReason, text: &str) -> MemberMessage {
    MemberMessage::Disconnect { reason, text: text.to_owned() }
}

#[test]
fn the_leavers_own_words_reach_the_others() {
    let (mut desk, gateway, clients) = Desk::party(1);
    desk.say(clients[0], &disconnect(LeaveReason::Normal, "good night"));
    let outputs = desk.outputs();
    let words = RelayMessage::PeerLeft {
        peer: PeerId::new(2).unwrap(),
        reason: LeaveReason::Normal,
        text: "good night".into(),
    };
    assert_eq!(outputs[0], RelayOutput::Send { conn: gateway, message: words });
    assert_eq!(desk.line(&outputs[1]), "! left 2 Normal");
    assert_eq!(desk.line(&outputs[2]), "b x Leave");
    desk.close(clients[0], LeaveReason::Normal);
    assert!(desk.log().is_empty(), "nobody leaves twice");
}

#[test]
fn a_leaver_may_not_blame_others() {
    for claimed in [LeaveReason::Kicked, LeaveReason::Abuse, LeaveReason::Replaced, LeaveReason::Lost] {
        let (mut desk, _, clients) = Desk::party(1);
        desk.say(clients[0], &disconnect(claimed, ""));
        assert_eq!(desk.log()[0], "a < left 2 Normal");
    }
    let (mut desk, _, clients) = Desk::party(1);
    desk.say(clients[0], &disconnect(LeaveReason::Shutdown, ""));
    assert_eq!(desk.log()[0], "a < left 2 Shutdown");
}

#[test]
fn clients_stay_when_the_gateway_leaves() {
    let (mut desk, gateway, clients) = Desk::party(2);
    desk.close(gateway, LeaveReason::TimedOut);
    assert_eq!(desk.log(), ["b < left 1 TimedOut", "c < left 1 TimedOut", "! left 1 TimedOut"]);
    assert_eq!(desk.flood(clients[0], 1, 2, mac(1)), Ok("c".to_owned()));
    desk.greet(&gateway_hello());
    assert_eq!(desk.log()[..3], ["b < joined 4", "c < joined 4", "d < welcome 4"]);
}

#[test]
fn a_room_ends_with_its_last_member() {
    let mut desk = Desk::new();
    let last = desk.join(&hello(1));
    desk.close(last, LeaveReason::Lost);
    assert_eq!(desk.log(), ["! left 1 Lost", "! closed PARTY"]);
    assert!(desk.relay.snapshot().is_empty());
    let code: RoomCode = "PARTY".parse().unwrap();
    assert!(desk.relay.room(&code).is_none());
    desk.greet(&Hello { mtu: 1300, ..hello(1) });
    assert_eq!(desk.log()[0], "! opened PARTY 1300", "a new room with an MTU of its own");
}

#[test]
fn a_lost_connection_keeps_its_place_and_a_goodbye_does_not() {
    let room = RoomConfig { max_clients: 2, ..RoomConfig::default() };
    let mut desk = Desk::with(RelayConfig { room, ..RelayConfig::default() });
    let first = desk.join(&hello(1));
    desk.join(&hello(2));
    desk.close(first, LeaveReason::TimedOut);
    desk.greet(&hello(3));
    assert!(desk.log().contains(&"c < reject RoomFull".to_owned()));
    desk.wait_ms(29_000);
    let again = desk.greet(&hello(1));
    assert!(desk.log().contains(&"d < welcome 1".to_owned()), "the same number");
    desk.say(again, &disconnect(LeaveReason::Normal, ""));
    desk.log();
    desk.join(&hello(3));
}

#[test]
fn an_operator_can_remove_a_member() {
    let (mut desk, _, _) = Desk::party(1);
    let (room, peer) = (RoomId::new(1).unwrap(), PeerId::new(2).unwrap());
    assert!(desk.relay.kick(desk.now, room, peer, "no\u{7} cheating"));
    let outputs = desk.outputs();
    let lines: Vec<_> = outputs.iter().map(|output| desk.line(output)).collect();
    assert_eq!(lines, ["a < left 2 Kicked", "! left 2 Kicked", "b < disconnect Kicked", "b x Kicked"]);
    let RelayOutput::Send { message: RelayMessage::Disconnect { text, .. }, .. } = &outputs[2] else {
        panic!("{outputs:?}")
    };
    assert_eq!(text, "no cheating", "made fit for the wire");
    assert!(!desk.relay.kick(desk.now, room, peer, ""), "it is out already");
    assert!(!desk.relay.kick(desk.now, RoomId::new(9).unwrap(), peer, ""));
}

#[test]
fn a_shutdown_tells_everybody() {
    let (mut desk, _, _) = Desk::party(1);
    desk.connect();
    desk.relay.shut_down(desk.now, "restart at noon");
    assert_eq!(
        desk.log(),
        [
            "b < left 1 Shutdown",
            "! left 1 Shutdown",
            "a < disconnect Shutdown",
            "a x Shutdown",
            "! left 2 Shutdown",
            "! closed PARTY",
            "b < disconnect Shutdown",
            "b x Shutdown",
            "! refused Shutdown",
            "c < disconnect Shutdown",
            "c x Shutdown",
        ]
    );
    assert!(desk.relay.poll_timeout().is_none());
}

#[test]
fn an_old_connections_number_never_finds_a_new_one() {
    let (mut desk, _, clients) = Desk::party(1);
    desk.close(clients[0], LeaveReason::Normal);
    desk.log();
    let next = desk.join(&hello(2));
    assert_ne!(next, clients[0]);
    assert_eq!(desk.flood(clients[0], 1, 2, mac(1)), Err(DropReason::NotJoined));
    desk.say(clients[0], &disconnect(LeaveReason::Normal, ""));
    desk.close(clients[0], LeaveReason::Lost);
    assert!(desk.log().is_empty());
    assert_eq!(desk.relay.connections(), 2);
}

#[test]
fn a_pause_is_told_once() {
    let (mut desk, _, clients) = Desk::party(2);
    desk.say(clients[0], &MemberMessage::Pause { paused: true });
    assert_eq!(desk.log(), ["a < paused 2 true", "c < paused 2 true", "! paused 2 true"]);
    desk.say(clients[0], &MemberMessage::Pause { paused: true });
    assert!(desk.log().is_empty());
    assert_eq!(desk.flood(clients[0], 1, 2, mac(1)), Err(DropReason::Paused));
    let late = desk.greet(&hello(3));
    let paused = |message: &RelayMessage| matches!(message, RelayMessage::PeerJoined(info) if info.paused);
    assert_eq!(desk.sent(late).iter().filter(|message| paused(message)).count(), 1, "who comes later knows");
    desk.say(clients[0], &MemberMessage::Pause { paused: false });
    assert_eq!(desk.log()[0], "a < paused 2 false");
    assert!(desk.flood(clients[0], 1, 2, mac(1)).is_ok());
}

#[test]
fn a_snapshot_shows_rooms_and_members() {
    let (mut desk, _, clients) = Desk::party(1);
    desk.join(&in_room("OTHER", hello(1)));
    let joined = desk.now;
    desk.wait_ms(500);
    desk.flood(clients[0], 1, 2, mac(1)).unwrap();
    let rooms = desk.relay.snapshot();
    assert_eq!(rooms.iter().map(|room| room.code.as_str()).collect::<Vec<_>>(), ["PARTY", "OTHER"]);
    let [gateway, client] = &rooms[0].members[..] else { panic!("{rooms:?}") };
    assert_eq!((gateway.last_seen, client.last_seen), (joined, desk.now));
    assert_eq!((client.sent_datagrams, gateway.received_datagrams), (1, 1));
}
