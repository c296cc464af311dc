use std::time::Duration;

use crate::frame::MacAddr;

use super::*;

const MAC: MacAddr = MacAddr([0x02, 0, 0, 0, 0, 7]);

fn info(role: PeerRole, name: Option<&str>) -> PeerInfo {
    let name = name.map(str::to_owned);
    PeerInfo { peer: peer(), role, mac: Some(MAC), name, budget: 1200, paused: false }
}

fn peer() -> PeerId {
    PeerId::new(3).unwrap()
}

fn say(event: &SessionEvent) -> String {
    say_to(PeerRole::Client, event)
}

fn say_to(role: PeerRole, event: &SessionEvent) -> String {
    session_sentence(event, role, &"ROOM1".parse().unwrap(), |peer| format!("member {peer}")).unwrap()
}

fn left(info: PeerInfo, reason: LeaveReason, text: &str) -> SessionEvent {
    SessionEvent::PeerLeft { info, reason, text: text.to_owned() }
}

#[test]
fn members_come_and_go() {
    let ann = info(PeerRole::Client, Some("Ann"));
    let gateway = info(PeerRole::Gateway, None);
    assert_eq!(say(&SessionEvent::PeerJoined(ann.clone())), "Ann joined (client, 02:00:00:00:00:07)");
    assert_eq!(
        say(&SessionEvent::PeerJoined(gateway.clone())),
        "the LAN's gateway joined (02:00:00:00:00:07)"
    );
    assert_eq!(say(&left(ann.clone(), LeaveReason::Normal, "")), "Ann left");
    assert_eq!(say(&left(ann, LeaveReason::Normal, "dinner")), "Ann left: dinner");
    assert_eq!(say(&left(gateway, LeaveReason::TimedOut, "")), "the LAN's gateway left: timed out");
    assert_eq!(
        say(&left(info(PeerRole::Client, None), LeaveReason::Kicked, "rude")),
        "member 3 left: was kicked (rude)"
    );
    assert_eq!(say(&SessionEvent::PeerPaused { peer: peer(), paused: true }), "member 3 paused");
}

#[test]
fn losing_the_relay_says_when_it_is_tried_again() {
    let event =
        SessionEvent::Disconnected { cause: "no answer".to_owned(), retry_in: Duration::from_millis(812) };
    assert_eq!(say(&event), "relay lost: no answer; trying again in 0.8 s");
}

#[test]
fn joining_tells_what_the_room_is_like() {
    let joined = |gateway_present, again| SessionEvent::Joined {
        room: RoomId::new(1).unwrap(),
        peer: peer(),
        mtu: 1500,
        gateway_present,
        again,
    };
    assert_eq!(say(&joined(false, false)), "joined room ROOM1 (MTU 1500); no gateway yet");
    assert_eq!(say_to(PeerRole::Gateway, &joined(false, false)), "joined room ROOM1 (MTU 1500)");
    assert_eq!(say(&joined(true, true)), "back in room ROOM1 (MTU 1500)");
}

#[test]
fn an_operator_reads_which_room_it_was() {
    let room = RoomId::new(1).unwrap();
    let say = |event: &RelayEvent| relay_sentence(event, |_| "ROOM1".to_owned()).unwrap();
    let ann = info(PeerRole::Client, Some("Ann"));
    assert_eq!(
        say(&RelayEvent::Joined { room, info: ann.clone() }),
        "Ann joined room ROOM1 (client, 02:00:00:00:00:07)"
    );
    let event = RelayEvent::Left { room, info: ann, reason: LeaveReason::Lost, text: String::new() };
    assert_eq!(say(&event), "Ann left room ROOM1: lost the connection");
}

#[test]
fn drops_are_told_by_reason() {
    use crate::obs::DropReason;

    let mut traffic = TrafficStats { rx_frames: 2, tx_frames: 5, ..TrafficStats::default() };
    assert_eq!(traffic_sentence(&traffic), "2 frames came from the room, 5 went into it");
    traffic.drops.add_many(DropReason::Jumbo, 3);
    traffic.drops.add(DropReason::Runt);
    assert_eq!(
        traffic_sentence(&traffic),
        "2 frames came from the room, 5 went into it; dropped 4: runt 1, jumbo 3"
    );
}
