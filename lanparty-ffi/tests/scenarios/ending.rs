//! Leaving, losing the relay, being thrown out, and what is left afterwards.

use std::ffi::CString;
use std::fs;
use std::ptr;
use std::sync::Arc;

use lanparty::*;

use crate::support::*;
use crate::venue::*;

#[test]
fn relay_killed_and_back() {
    let _turn = beside_others();
    killed_and_back(1);
    killed_and_back(3);
}

fn killed_and_back(workers: usize) {
    let folder = tempfile::tempdir().unwrap();
    let certificate = folder.path().join("relay.der");
    let toml = CString::new(format!("dev-cert-der-out = {certificate:?}\nworkers = {workers}\n")).unwrap();
    let venue = Venue::open_at(c"127.0.0.1:0", &toml);
    assert_eq!(fs::read(&certificate).unwrap(), venue.certificate);
    let [ann, bob] = venue.party([c"Ann", c"Bob"]);

    // Closed, so that the address is free at once.
    venue.relay.close().ok();
    let event = ann.session.wait_event(LANPARTY_EVENT_DISCONNECTED);
    assert!(text_of(&event.text).contains("closing time"), "{}", text_of(&event.text));
    bob.session.wait_event(LANPARTY_EVENT_DISCONNECTED);
    assert!(![LANPARTY_PHASE_JOINED, LANPARTY_PHASE_ENDED].contains(&ann.session.phase()));

    let back = Venue::open_at(&venue.address, &toml);
    assert_eq!((&back.address, &back.certificate), (&venue.address, &venue.certificate));
    for player in [&ann, &bob] {
        let event = player.session.wait_event(LANPARTY_EVENT_JOINED);
        assert_eq!(event.flags & LANPARTY_FLAG_AGAIN, LANPARTY_FLAG_AGAIN);
        player.session.wait_peers(1);
    }
    ann.meets(&bob, 9);
    assert_eq!(ann.session.stat(LANPARTY_STAT_RECONNECTS), 1);
}

#[test]
fn kick() {
    let _turn = beside_others();
    let venue = Venue::open();
    let [ann, bob] = venue.party([c"Ann", c"Bob"]);
    for (room, peer) in [(ROOM, 60_000), (ROOM, u32::MAX), (ROOM, 0), (c"ELSEWHERE", ann.number)] {
        venue.relay.kick(room, peer, c"").is(LANPARTY_E_NOT_FOUND);
    }
    venue.relay.kick(ROOM, ann.number, c"no cheating").ok();

    let event = ann.session.wait_event(LANPARTY_EVENT_ENDED);
    assert_eq!(event.status, LANPARTY_E_PEER_CLOSED);
    assert!(text_of(&event.text).contains("no cheating"), "{}", text_of(&event.text));
    try_receive(&ann.port, 64, 1, PATIENCE).0.is(LANPARTY_END);
    let event = bob.session.wait_event(LANPARTY_EVENT_PEER_LEFT);
    assert_eq!((event.peer, event.reason), (ann.number, LANPARTY_REASON_KICKED));
    assert_eq!(text_of(&event.name), "Ann");
    venue.relay.kick(ROOM, ann.number, c"twice").is(LANPARTY_E_NOT_FOUND);
    let event = venue.relay.wait_event(LANPARTY_EVENT_MEMBER_LEFT);
    assert_eq!((event.peer, event.reason), (ann.number, LANPARTY_REASON_KICKED));
    assert_eq!(bob.session.phase(), LANPARTY_PHASE_JOINED);
}

#[test]
fn close_while_waiting() {
    let _turn = beside_others();
    let venue = Arc::new(Venue::open());
    let ann = Arc::new(venue.join(c"Ann"));
    // Nobody listens on the discard port, and it tries for ever.
    let config = venue.config(LANPARTY_ROLE_CLIENT, ROOM, c"Never");
    config.set(c"relay", c"127.0.0.1:9").ok();
    config.set(c"retry", c"true").ok();
    let never = Arc::new(config.start());
    assert_eq!(venue.relay.wait_event(LANPARTY_EVENT_MEMBER_JOINED).peer, ann.number);
    assert_eq!(ann.session.drain(), LANPARTY_WOULD_BLOCK);

    let (at_ann, at_port, at_never, at_relay) =
        (Arc::clone(&ann), Arc::clone(&ann), Arc::clone(&never), Arc::clone(&venue));
    let events = Bounded::spawn("next_event of a session", move || {
        let mut event: lanparty_event = sized();
        let next = |event: &mut _| {
            call!(lanparty_session_next_event(at_ann.session.ptr(), LANPARTY_FOREVER, event)).status
        };
        let mut last = None;
        while next(&mut event) == LANPARTY_OK {
            last = Some((event.kind, event.status));
        }
        (last, next(&mut event))
    });
    let frames = Bounded::spawn("recv of a port", move || {
        try_receive(&at_port.port, 2048, 1, LANPARTY_FOREVER).0.status
    });
    let joined = Bounded::spawn("wait_joined", move || {
        call!(lanparty_session_wait_joined(at_never.ptr(), LANPARTY_FOREVER)).status
    });
    let relay = Bounded::spawn("next_event of a relay", move || {
        let mut event: lanparty_event = sized();
        loop {
            let answer =
                call!(lanparty_relay_next_event(at_relay.relay.ptr(), LANPARTY_FOREVER, &raw mut event));
            if answer.status != LANPARTY_OK {
                break (event.kind, answer.status);
            }
        }
    });
    call!(lanparty_session_close(ann.session.ptr(), c"bye".as_ptr(), NUL, PATIENCE)).ok();
    assert_eq!(events.join(), (Some((LANPARTY_EVENT_ENDED, LANPARTY_OK)), LANPARTY_END));
    assert_eq!(frames.join(), LANPARTY_END);
    never.close().ok();
    assert_eq!(joined.join(), LANPARTY_E_CANCELLED);
    venue.relay.close().ok();
    assert_eq!(relay.join(), (LANPARTY_EVENT_ENDED, LANPARTY_END));
}

#[test]
fn double_close() {
    let _turn = beside_others();
    let venue = Venue::open();
    let ann = venue.join(c"Ann");
    call!(lanparty_port_close(ann.port.ptr())).ok();
    // A port that its owner closes takes the session with it.
    assert_eq!(ann.session.wait_event(LANPARTY_EVENT_ENDED).status, LANPARTY_E_PORT);
    for _ in 0..3 {
        call!(lanparty_port_close(ann.port.ptr())).ok();
        ann.session.close().ok();
        venue.relay.close().ok();
    }

    // Without time it only begins, and goes on by itself.
    let venue = Venue::open();
    let ann = venue.join(c"Ann");
    let begun = [LANPARTY_OK, LANPARTY_WOULD_BLOCK];
    call!(lanparty_session_close(ann.session.ptr(), ptr::null(), 0, 0)).among(&begun);
    assert_eq!(ann.session.wait_event(LANPARTY_EVENT_ENDED).status, LANPARTY_OK);
    ann.session.close().ok();
    call!(lanparty_relay_close(venue.relay.ptr(), ptr::null(), 0, 0)).among(&begun);
    assert_eq!(venue.relay.wait_event(LANPARTY_EVENT_ENDED).status, LANPARTY_OK);
    venue.relay.close().ok();

    // By several threads at once.
    let venue = Arc::new(Venue::open());
    let ann = Arc::new(venue.join(c"Ann"));
    let closers = [(); 4].map(|()| {
        let (ann, venue) = (Arc::clone(&ann), Arc::clone(&venue));
        Bounded::spawn("a close beside others", move || {
            [ann.session.close().status, venue.relay.close().status]
        })
    });
    for closer in closers {
        assert_eq!(closer.join(), [LANPARTY_OK; 2]);
    }
}

/// The library's own threads.
#[cfg(target_os = "linux")]
fn threads() -> usize {
    let tasks = fs::read_dir("/proc/self/task").unwrap().map(|task| task.unwrap().path().join("comm"));
    // Some end while they are looked at.
    tasks.filter(|name| fs::read_to_string(name).is_ok_and(|name| name.starts_with("lanparty"))).count()
}

#[cfg(not(target_os = "linux"))]
fn threads() -> usize {
    0 // not counted here
}

#[test]
fn a_hundred_sessions() {
    let _turn = alone();
    until("what others have freed is gone", || threads() == 0);
    let venue = Venue::open();
    let (handles, before) = (lanparty_live_handles(), threads());
    for _ in 0..100 {
        venue.join(c"Ann").leave();
        assert_eq!(lanparty_live_handles(), handles);
    }
    // A close that answered OK has taken its threads with it.
    assert_eq!(threads(), before);
    for _ in 0..10 {
        let ten = [(); 10].map(|()| venue.join(c"Ann"));
        ten.into_iter().for_each(Player::leave);
    }
    assert_eq!((lanparty_live_handles(), threads()), (handles, before));
    until("the relay is empty", || venue.relay.stats().connections == 0);

    // Freed without a close they leave by themselves, and nobody waits for that.
    drop([(); 10].map(|()| venue.join(c"Ann")));
    assert_eq!(lanparty_live_handles(), handles);
    until("the relay is empty again", || venue.relay.stats().connections == 0);
    until("all threads have ended", || threads() == before);
}
