//! The log, for a program that asks for it.

use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering::SeqCst};

use lanparty::*;

use crate::support::*;
use crate::venue::*;

/// Who listens; static, so that a line after its release is seen, and not a crash.
#[derive(Debug)]
struct Listener {
    lines: AtomicU32,
    releases: AtomicU32,
    finest: AtomicU32,
    odd: AtomicBool,
}

impl Listener {
    const fn new() -> Self {
        let [lines, releases, finest] = [const { AtomicU32::new(0) }; 3];
        Self { lines, releases, finest, odd: AtomicBool::new(false) }
    }

    fn listens(&'static self, level: u32) -> Answer {
        let user_data = ptr::from_ref(self).cast_mut().cast();
        call!(lanparty_log_set_callback(level, Some(line), user_data, Some(release)))
    }

    fn lines(&self) -> u32 {
        self.lines.load(SeqCst)
    }

    #[track_caller]
    fn is_released(&self, times: u32) {
        until("the listener is released", || self.releases.load(SeqCst) >= times);
        assert_eq!(self.releases.load(SeqCst), times);
    }
}

unsafe extern "C-unwind" fn line(
    user_data: *mut c_void,
    level: u32,
    target: lanparty_str,
    message: lanparty_str,
) {
    let listener = unsafe { &*user_data.cast::<Listener>() };
    let utf8 = |text: lanparty_str| {
        let bytes = unsafe { std::slice::from_raw_parts(text.ptr.cast::<u8>(), text.len) };
        str::from_utf8(bytes).is_ok_and(|text| !text.is_empty())
    };
    let known = (LANPARTY_LEVEL_ERROR..=LANPARTY_LEVEL_TRACE).contains(&level);
    if !known || !utf8(target) || !utf8(message) {
        listener.odd.store(true, SeqCst);
    }
    listener.finest.fetch_max(level, SeqCst);
    listener.lines.fetch_add(1, SeqCst);
}

unsafe extern "C-unwind" fn release(user_data: *mut c_void) {
    let listener = unsafe { &*user_data.cast::<Listener>() };
    listener.releases.fetch_add(1, SeqCst);
}

fn nobody_listens() {
    call!(lanparty_log_set_callback(LANPARTY_LEVEL_INFO, None, ptr::null_mut(), None)).ok();
}

fn a_short_party() {
    let venue = Venue::open();
    venue.join(c"Ann").leave();
    venue.relay.close().ok();
}

#[test]
fn log_callback() {
    static FINE: Listener = Listener::new();
    static COARSE: Listener = Listener::new();
    static WRONG: Listener = Listener::new();
    let _turn = alone();
    // The user data are given back if there is no such level, too.
    for (times, level) in (1..).zip([0, 6, u32::MAX]) {
        WRONG.listens(level).is(LANPARTY_E_INVALID_ARG);
        WRONG.is_released(times);
    }
    a_short_party();
    assert_eq!(WRONG.lines(), 0);

    FINE.listens(LANPARTY_LEVEL_DEBUG).ok();
    a_short_party();
    assert!(FINE.lines() > 0);
    let finest = FINE.finest.load(SeqCst);
    assert!((LANPARTY_LEVEL_INFO..=LANPARTY_LEVEL_DEBUG).contains(&finest), "{finest}");
    assert_eq!(FINE.releases.load(SeqCst), 0);

    // Another takes its place.
    COARSE.listens(LANPARTY_LEVEL_WARN).ok();
    FINE.is_released(1);
    let lines = FINE.lines();
    a_short_party();
    assert_eq!(FINE.lines(), lines, "after the release");
    assert!(COARSE.finest.load(SeqCst) <= LANPARTY_LEVEL_WARN);
    nobody_listens();
    COARSE.is_released(1);
    let lines = COARSE.lines();
    a_short_party();
    assert_eq!(COARSE.lines(), lines, "after it was taken away");

    // And it can be had again.
    COARSE.listens(LANPARTY_LEVEL_TRACE).ok();
    a_short_party();
    assert!(COARSE.lines() > lines);
    nobody_listens();
    COARSE.is_released(2);
    FINE.is_released(1);
    assert!(![&FINE, &COARSE].iter().any(|listener| listener.odd.load(SeqCst)));
}

/// The relay that the callback below asks, and how often it did.
static ASKED: AtomicPtr<lanparty_relay> = AtomicPtr::new(ptr::null_mut());
static ANSWERS: AtomicU32 = AtomicU32::new(0);

unsafe extern "C-unwind" fn ask(_: *mut c_void, _: u32, _: lanparty_str, _: lanparty_str) {
    let relay = ASKED.load(SeqCst);
    let (mut stats, mut count) = (sized(), 0);
    let size = size_of::<lanparty_room>();
    let answers = [
        call!(lanparty_relay_stats_get(relay, &raw mut stats)).status,
        call!(lanparty_relay_rooms(relay, ptr::null_mut(), size, 0, &raw mut count)).status,
    ];
    if answers[0] == LANPARTY_OK && [LANPARTY_OK, LANPARTY_TRUNCATED].contains(&answers[1]) {
        ANSWERS.fetch_add(1, SeqCst);
    }
}

/// Lines are written under locks of the library, and of QUIC's at the finest level: a callback must not meet them.
#[test]
fn a_log_callback_asks_the_library() {
    static ENDED: Listener = Listener::new();
    let _turn = alone();
    let venue = Venue::open();
    ASKED.store(venue.relay.ptr(), SeqCst);
    let user_data = ptr::from_ref(&ENDED).cast_mut().cast();
    call!(lanparty_log_set_callback(LANPARTY_LEVEL_TRACE, Some(ask), user_data, Some(release))).ok();
    let ann = venue.join(c"Ann");
    venue.join(c"Bob").leave();
    until("the callback was answered", || ANSWERS.load(SeqCst) > 100);
    nobody_listens();
    ENDED.is_released(1);
    ann.leave();
}
