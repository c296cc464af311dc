//! What each of a relay's workers does of it.

use std::collections::BTreeSet;

use super::*;
use crate::ctrl::RejectReason;

/// Codes of rooms that this worker serves.
fn codes(worker: Worker) -> impl Iterator<Item = String> {
    (0..).map(|number| format!("ROOM{number}")).filter(move |code| {
        let code: RoomCode = code.parse().unwrap();
        worker.serves(code.steering_byte())
    })
}

/// Joins without a letter: there are more members here than letters.
fn enter(desk: &mut Desk, code: &str) -> ConnId {
    let conn = desk.greet(&in_room(code, hello(1)));
    let sent = desk.sent(conn);
    assert!(matches!(sent[..], [RelayMessage::Welcome(_)]), "{sent:?}");
    conn
}

fn is_refused(desk: &mut Desk, conn: ConnId, why: RejectReason) -> bool {
    matches!(&desk.sent(conn)[..], [RelayMessage::Reject(reject)] if reject.reason == why)
}

#[test]
fn a_worker_lets_nobody_into_a_room_that_is_anothers() {
    for worker in Worker::all(3) {
        let mut desk = Desk::of_worker(RelayConfig::default(), worker);
        for other in Worker::all(3) {
            let code = codes(other).next().unwrap();
            if other == worker {
                enter(&mut desk, &code);
                continue;
            }
            let conn = desk.greet(&in_room(&code, hello(1)));
            let sent = desk.sent(conn);
            let [RelayMessage::Reject(reject)] = &sent[..] else { panic!("{sent:?}") };
            assert_eq!(reject.reason, RejectReason::Other);
            assert!(reject.detail.contains("did not name the room"), "{reject:?}");
            assert!(desk.relay.room(&code.parse().unwrap()).is_none());
        }
    }
}

#[test]
fn the_only_worker_takes_whoever_comes() {
    let mut desk = Desk::of_worker(RelayConfig::default(), Worker::ONLY);
    for (number, code) in (1..).zip(Worker::all(5).map(|worker| codes(worker).next().unwrap())) {
        desk.join(&in_room(&code, hello(number)));
    }
}

#[test]
fn rooms_of_all_workers_have_different_numbers() {
    let mut numbers = BTreeSet::new();
    for worker in Worker::all(4) {
        let mut desk = Desk::of_worker(RelayConfig::default(), worker);
        for code in codes(worker).take(50) {
            enter(&mut desk, &code);
        }
        numbers.extend(desk.relay.snapshot().iter().map(|room| room.id));
    }
    assert_eq!(numbers.len(), 4 * 50);
}

#[test]
fn a_worker_has_its_share_of_rooms_and_connections() {
    let worker = Worker::all(3).nth(1).unwrap();
    let config = RelayConfig { max_rooms: 4, max_connections: 7, ..RelayConfig::default() };
    let mut desk = Desk::of_worker(config, worker);
    let mut codes = codes(worker);
    for _ in 0..2 {
        enter(&mut desk, &codes.next().unwrap());
    }
    let third = desk.greet(&in_room(&codes.next().unwrap(), hello(1)));
    assert!(is_refused(&mut desk, third, RejectReason::RelayFull), "two of four rooms, rounded up");
    let fourth = desk.connect();
    assert!(is_refused(&mut desk, fourth, RejectReason::RelayFull), "three of seven connections, rounded up");
}

#[test]
fn numbers_are_used_again_and_a_worker_may_have_all_of_its_own() {
    // The last worker has one number less than its share is.
    let worker = Worker::all(64).nth(63).unwrap();
    let config = RelayConfig { max_rooms: u16::MAX, max_connections: u32::MAX, ..RelayConfig::default() };
    let mut desk = Desk::of_worker(config, worker);
    let mut codes = codes(worker);
    let own: Vec<_> = (0..).map_while(|nth| worker.room(nth)).collect();
    let conns: Vec<_> = own.iter().map(|_| enter(&mut desk, &codes.next().unwrap())).collect();
    assert!(desk.relay.snapshot().iter().map(|room| room.id).eq(own.iter().copied()));
    let beyond = desk.greet(&in_room(&codes.next().unwrap(), hello(1)));
    assert!(is_refused(&mut desk, beyond, RejectReason::RelayFull));
    desk.close(conns[500], LeaveReason::Normal);
    desk.outputs();
    let code = codes.next().unwrap();
    enter(&mut desk, &code);
    assert_eq!(desk.relay.room(&code.parse().unwrap()).unwrap().id, own[500]);
}
