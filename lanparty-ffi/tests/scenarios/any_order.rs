//! Calls in any order, by one thread and by several: nothing crashes, nothing hangs, nothing is left.
//!
//! What is called follows from a seed, which a failure names. `LANPARTY_ORDER_SEED` runs one again, `LANPARTY_ORDER_RUNS`
//! runs more of them than usual.

use std::env;
use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use lanparty::*;

use crate::support::*;
use crate::venue::*;

/// Sinks that are not released yet.
static SINKS: AtomicI64 = AtomicI64::new(0);

/// Numbers that follow from a seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((word ^ (word >> 31)) >> 33).unwrap() % sides
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.roll(choices.len())]
    }

    /// Not at all, hardly, or as long as it takes.
    fn timeout(&mut self) -> u32 {
        self.one_of(&[0, 1, PATIENCE])
    }
}

unsafe extern "C-unwind" fn sink_send(user_data: *mut c_void, frame: *const u8, len: usize) -> i32 {
    // Both are read, so that a tool that watches the memory sees if one of them is gone.
    let answer = unsafe { *user_data.cast::<i32>() };
    let sum: u32 =
        unsafe { std::slice::from_raw_parts(frame, len) }.iter().map(|byte| u32::from(*byte)).sum();
    if sum == 0 { LANPARTY_END } else { answer }
}

unsafe extern "C-unwind" fn sink_release(user_data: *mut c_void) {
    drop(unsafe { Box::from_raw(user_data.cast::<i32>()) });
    SINKS.fetch_sub(1, SeqCst);
}

fn sink_port(answer: i32) -> Port {
    SINKS.fetch_add(1, SeqCst);
    let user_data = Box::into_raw(Box::new(answer)).cast();
    let sink =
        lanparty_frame_sink { user_data, send: Some(sink_send), release: Some(sink_release), ..sized() };
    Port::from(|port| call!(lanparty_port_new_sink(&raw const sink, port)))
}

/// What may become of a session's beginning while others close it, or its port, or the relay throws it out.
const JOIN_OUTCOMES: [i32; 4] = [LANPARTY_OK, LANPARTY_E_CANCELLED, LANPARTY_E_PORT, LANPARTY_E_PEER_CLOSED];

/// What is called about: handles come and go, and are freed by whoever is the last to use them.
struct World {
    venue: Venue,
    sessions: [Mutex<Option<Arc<Session>>>; 2],
    ports: [Mutex<Option<Arc<Port>>>; 2],
    /// The address of each session, or of the one that was there before.
    macs: [Mutex<[u8; 6]>; 2],
    /// What was done, for whoever has to find out.
    diary: Mutex<Vec<String>>,
}

impl World {
    fn new() -> Self {
        let (sessions, ports, macs, diary) = Default::default();
        Self { venue: Venue::open(), sessions, ports, macs, diary }
    }

    /// One step, whatever it is.
    fn step(&self, dice: &mut Dice) {
        let (at_session, at_port) = (dice.roll(2), dice.roll(2));
        let session = self.sessions[at_session].lock().unwrap().clone();
        let port = self.ports[at_port].lock().unwrap().clone();
        let done = match (session, port) {
            (None, port) if dice.roll(2) == 0 => self.start(at_session, port.as_deref(), dice),
            (_, None) if dice.roll(2) == 0 => self.make_port(at_port, dice),
            (Some(session), port) if dice.roll(2) == 0 => {
                self.with_session(at_session, &session, port.as_deref(), dice)
            }
            (_, Some(port)) => self.with_port(at_port, &port, dice),
            (_, None) => return,
        };
        self.diary.lock().unwrap().push(format!("session {at_session}, port {at_port}: {done}"));
    }

    fn start(&self, at: usize, port: Option<&Port>, dice: &mut Dice) -> String {
        let config = self.venue.config(LANPARTY_ROLE_CLIENT, ROOM, c"Ann");
        if let Some(port) = port {
            config.set_port(port).ok();
        }
        let identity = Identity::generate();
        call!(lanparty_session_config_set_identity(config.ptr(), identity.ptr())).ok();
        *self.macs[at].lock().unwrap() = identity.mac();
        let mut session = ptr::null_mut();
        let answer = call!(lanparty_session_start(config.ptr(), &raw mut session));
        let status = answer.among(&[LANPARTY_OK, LANPARTY_E_PORT_IN_USE, LANPARTY_E_CLOSED]);
        assert_eq!(session.is_null(), status != LANPARTY_OK);
        if !session.is_null() {
            let session = Session::from(|to| {
                unsafe { to.write(session) };
                Answer::new("lanparty_session_start", status, ptr::null_mut())
            });
            let session = Arc::new(session);
            *self.sessions[at].lock().unwrap() = Some(Arc::clone(&session));
            // Or else hardly any would come as far as to a room.
            if dice.roll(3) > 0 {
                call!(lanparty_session_wait_joined(session.ptr(), PATIENCE)).among(&JOIN_OUTCOMES);
            }
        }
        format!("start with port: {}: {status}", port.is_some())
    }

    fn make_port(&self, at: usize, dice: &mut Dice) -> String {
        let (kind, port) = match dice.roll(3) {
            0 => ("sink", sink_port(dice.one_of(&[LANPARTY_OK, LANPARTY_WOULD_BLOCK, LANPARTY_END, -1]))),
            1 => ("virtual", virtual_port()),
            _ => ("small", Port::from(|port| call!(lanparty_port_new_virtual(1, 0, port)))),
        };
        *self.ports[at].lock().unwrap() = Some(Arc::new(port));
        format!("new {kind} port")
    }

    fn with_session(&self, at: usize, session: &Session, port: Option<&Port>, dice: &mut Dice) -> String {
        let timeout = dice.timeout();
        // With patience, nothing may be left undone.
        let in_time = |answer: Answer, others: &[i32]| {
            let undone = if timeout == PATIENCE { LANPARTY_OK } else { LANPARTY_WOULD_BLOCK };
            let expected = [&[LANPARTY_OK, undone], others].concat();
            answer.among(&expected)
        };
        let session_ptr = session.ptr();
        let (closed, over) = (LANPARTY_E_CLOSED, LANPARTY_E_SESSION_OVER);
        match dice.roll(14) {
            0..=3 => {
                let Some(port) = port else { return "no port to bridge".to_owned() };
                let answer = call!(lanparty_session_bridge(session_ptr, port.ptr(), timeout));
                let status = in_time(answer, &[closed, over, LANPARTY_E_PORT_IN_USE]);
                format!("bridge within {timeout}: {status}")
            }
            4 | 5 => {
                let answer = call!(lanparty_session_unbridge(session_ptr, timeout));
                format!("unbridge within {timeout}: {}", in_time(answer, &[closed, over]))
            }
            6 => {
                let answer = call!(lanparty_session_close(session_ptr, ptr::null(), 0, timeout));
                format!("close the session within {timeout}: {}", in_time(answer, &[]))
            }
            7 => {
                *self.sessions[at].lock().unwrap() = None;
                "free the session".to_owned()
            }
            8 => {
                let answer = call!(lanparty_session_wait_joined(session_ptr, timeout));
                format!("wait_joined within {timeout}: {}", in_time(answer, &JOIN_OUTCOMES))
            }
            9 | 10 => {
                let (mut event, timeout) = (sized::<lanparty_event>(), timeout.min(20));
                let answer = call!(lanparty_session_next_event(session_ptr, timeout, &raw mut event));
                let status = answer.among(&[LANPARTY_OK, LANPARTY_WOULD_BLOCK, LANPARTY_END]);
                format!("event {}: {status}", event.kind)
            }
            11 => {
                let paused = u8::from(dice.roll(2) == 0);
                let answer = call!(lanparty_session_set_paused(session_ptr, paused));
                format!("pause {paused}: {}", answer.among(&[LANPARTY_OK, closed]))
            }
            12 => {
                let number = session.room().self_peer;
                let answer = self.venue.relay.kick(ROOM, number, c"out");
                format!("kick {number}: {}", answer.among(&[LANPARTY_OK, LANPARTY_E_NOT_FOUND]))
            }
            _ => {
                session.diagnostics();
                session.peers();
                session.drops();
                format!("phase {}", session.phase())
            }
        }
    }

    fn with_port(&self, at: usize, port: &Port, dice: &mut Dice) -> String {
        match dice.roll(8) {
            0..=2 => {
                let from = *self.macs[dice.roll(2)].lock().unwrap();
                let frames = vec![frame(BROADCAST, from, 60, 1); dice.roll(5)];
                let Sent(answer, sent) = send(port, &frames);
                let status = answer.among(&[LANPARTY_OK, LANPARTY_WOULD_BLOCK, LANPARTY_END]);
                format!("send {sent} of {}: {status}", frames.len())
            }
            3 | 4 => {
                let (answer, _, frames) = try_receive(port, 4096, 4, dice.one_of(&[0, 1, 20]));
                let expected = [LANPARTY_OK, LANPARTY_WOULD_BLOCK, LANPARTY_END, LANPARTY_E_WRONG_PORT];
                format!("receive {}: {}", frames.len(), answer.among(&expected))
            }
            5 => {
                call!(lanparty_port_close(port.ptr())).ok();
                assert_eq!(port_flags(port), LANPARTY_FLAG_CLOSED);
                "close the port".to_owned()
            }
            6 => {
                *self.ports[at].lock().unwrap() = None;
                "free the port".to_owned()
            }
            _ => {
                let mut handle = -1;
                let answer = call!(lanparty_port_wait_handle(port.ptr(), &raw mut handle));
                format!("wait handle: {}", answer.among(&[LANPARTY_OK, LANPARTY_E_WRONG_PORT]))
            }
        }
    }

    /// Whatever came before: sessions close, ports are free then, and nothing is left of them.
    fn ends(self, handles: u64) {
        let Self { venue, sessions, ports, .. } = self;
        let sessions = sessions.map(|place| place.into_inner().unwrap());
        let ports = ports.map(|place| place.into_inner().unwrap());
        for session in sessions.iter().flatten() {
            session.close().ok();
        }
        // A session that was freed while it was open may still be leaving.
        for port in ports.iter().flatten() {
            until("no session uses the port", || port_flags(port) & LANPARTY_FLAG_BRIDGED == 0);
        }
        until("all have left", || venue.relay.stats().connections == 0);
        assert_eq!(venue.relay.stats().panics, 0);
        drop((sessions, ports));
        venue.relay.close().ok();
        drop(venue);
        assert_eq!(lanparty_live_handles(), handles, "handles that are left");
        until("all sinks are released", || SINKS.load(SeqCst) == 0);
    }
}

/// Runs sequences of calls, each by so many threads.
fn sequences(threads: u64, usual_runs: u64) {
    let number = |name| env::var(name).ok().map(|text: String| text.parse().unwrap());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let seed = number("LANPARTY_ORDER_SEED");
    let runs = number("LANPARTY_ORDER_RUNS").unwrap_or(usual_runs);
    let first = seed.unwrap_or_else(|| u64::try_from(now.as_nanos() >> 10).unwrap());
    for seed in (first..).take(usize::try_from(runs).unwrap()) {
        let handles = lanparty_live_handles();
        let world = Arc::new(World::new());
        let callers: Vec<_> = (0..threads)
            .map(|thread| {
                let world = Arc::clone(&world);
                let mut dice = Dice(seed ^ (thread << 48));
                Bounded::spawn("a sequence of calls", move || {
                    for _ in 0..60 {
                        world.step(&mut dice);
                    }
                })
            })
            .collect();
        let failed = |what: &str, world: &World| -> ! {
            let diary = world.diary.lock().unwrap().join("\n");
            panic!("{what}; seed {seed}, {threads} threads, so far:\n{diary}")
        };
        for caller in callers {
            if let Err(what) = caller.wait(60_000) {
                failed(&what, &world);
            }
        }
        let diary = world.diary.lock().unwrap().clone();
        let world = Arc::into_inner(world).expect("the callers are done");
        let end = Bounded::spawn("the end", move || world.ends(handles));
        if let Err(what) = end.wait(60_000) {
            panic!("{what}; seed {seed}, {threads} threads, after:\n{}", diary.join("\n"));
        }
    }
}

#[test]
fn calls_in_any_order() {
    let _turn = alone();
    sequences(1, 8);
}

#[test]
fn calls_by_several_threads() {
    let _turn = alone();
    sequences(3, 8);
}
