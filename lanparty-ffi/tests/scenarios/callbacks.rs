//! Devices that are functions of the program's.

use std::ffi::c_void;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;
use std::{ptr, slice};

use lanparty::*;

use crate::support::*;
use crate::venue::*;

/// What a device does with a frame, besides noting it.
type Inside = Box<dyn Fn() -> i32 + Send + Sync>;

/// A device that does as it is told, and notes what happens to it. It is never freed while the tests run, so that a call after
/// its release is seen, and not a crash.
#[derive(Default)]
struct Device {
    inside: Mutex<Option<Arc<Inside>>>,
    notes: Mutex<Notes>,
    changed: Condvar,
}

#[derive(Clone, Debug, Default)]
struct Notes {
    frames: Vec<Vec<u8>>,
    links: Vec<u8>,
    mtus: Vec<u32>,
    releases: usize,
    /// Calls after the release.
    late: usize,
}

/// All devices, so that none is a leak.
static DEVICES: Mutex<Vec<Arc<Device>>> = Mutex::new(Vec::new());

impl Device {
    fn new() -> Arc<Self> {
        let device = Arc::<Self>::default();
        DEVICES.lock().unwrap().push(Arc::clone(&device));
        device
    }

    /// How the library knows it.
    fn sink(self: &Arc<Self>) -> lanparty_frame_sink {
        lanparty_frame_sink {
            user_data: Arc::as_ptr(self).cast_mut().cast(),
            send: Some(device_send),
            set_mtu: Some(device_mtu),
            set_link: Some(device_link),
            release: Some(device_release),
            ..sized()
        }
    }

    fn port(self: &Arc<Self>) -> Port {
        let sink = self.sink();
        Port::from(|port| call!(lanparty_port_new_sink(&raw const sink, port)))
    }

    /// From now on it does this, and answers what this answers.
    fn does(&self, inside: impl Fn() -> i32 + Send + Sync + 'static) {
        *self.inside.lock().unwrap() = Some(Arc::new(Box::new(inside)));
    }

    fn notes(&self) -> Notes {
        self.notes.lock().unwrap().clone()
    }

    #[track_caller]
    fn wait(&self, what: &str, so: impl Fn(&Notes) -> bool) {
        let patience = Duration::from_millis(PATIENCE.into());
        let notes = self.notes.lock().unwrap();
        let (notes, time) = self.changed.wait_timeout_while(notes, patience, |notes| !so(notes)).unwrap();
        assert!(!time.timed_out(), "not in time: {what}: {notes:?}");
    }

    #[track_caller]
    fn wait_released(&self) {
        self.wait("the release", |notes| notes.releases > 0);
        let notes = self.notes();
        assert_eq!((notes.releases, notes.late), (1, 0));
    }

    /// # Safety
    /// `user_data` is one of [`DEVICES`].
    unsafe fn note(user_data: *mut c_void, note: impl FnOnce(&mut Notes)) -> &'static Self {
        let device = unsafe { &*user_data.cast::<Self>() };
        let mut notes = device.notes.lock().unwrap();
        notes.late += notes.releases;
        note(&mut notes);
        device.changed.notify_all();
        device
    }
}

unsafe extern "C-unwind" fn device_send(user_data: *mut c_void, frame: *const u8, len: usize) -> i32 {
    let frame = unsafe { slice::from_raw_parts(frame, len) }.to_vec();
    let device = unsafe { Device::note(user_data, |notes| notes.frames.push(frame)) };
    let inside = device.inside.lock().unwrap().clone();
    inside.map_or(LANPARTY_OK, |inside| inside())
}

unsafe extern "C-unwind" fn device_mtu(user_data: *mut c_void, mtu: u32) {
    unsafe { Device::note(user_data, |notes| notes.mtus.push(mtu)) };
}

unsafe extern "C-unwind" fn device_link(user_data: *mut c_void, up: u8) {
    unsafe { Device::note(user_data, |notes| notes.links.push(up)) };
}

unsafe extern "C-unwind" fn device_release(user_data: *mut c_void) {
    unsafe { Device::note(user_data, |notes| notes.releases += 1) };
}

/// Ann behind a device of her own, Bob behind a virtual port.
fn pair(venue: &Venue) -> (Player, Player, Arc<Device>) {
    let [mut ann, bob] = venue.party([c"Ann", c"Bob"]);
    let device = Device::new();
    ann.port = device.port();
    ann.session.bridge(&ann.port).ok();
    (ann, bob, device)
}

#[test]
fn panicking_callback() {
    let _turn = beside_others();
    let venue = Venue::open();
    let (ann, bob, device) = pair(&venue);
    // A real panic, which unwinds through the library's call.
    device.does(|| panic!("on purpose, by a device"));
    bob.send(ann.mac, 60, 0);
    until("the panic is a drop", || ann.session.drops_for("port_error") == 1);
    // Answers that are none.
    for (count, nonsense) in (2..).zip([12_345, LANPARTY_E_PANIC, i32::MIN, LANPARTY_TRUNCATED, LANPARTY_END])
    {
        device.does(move || nonsense);
        bob.send(ann.mac, 60, 1);
        until("nonsense is a drop", || ann.session.drops_for("port_error") == count);
    }
    device.does(|| LANPARTY_WOULD_BLOCK);
    bob.send(ann.mac, 60, 2);
    until("a full device is a drop", || ann.session.drops_for("port_full") == 1);
    assert_eq!(ann.session.drops_for("port_error"), 6);

    // The session lives on, in both directions.
    device.does(|| LANPARTY_OK);
    bob.send(ann.mac, 60, 6);
    device.wait("a frame", |notes| notes.frames.last() == Some(&frame(ann.mac, bob.mac, 60, 6)));
    ann.send(bob.mac, 60, 7);
    bob.expect(bob.mac, &ann, 60, 7);
    assert_eq!(ann.session.phase(), LANPARTY_PHASE_JOINED);
    ann.leave();
    device.wait_released();
}

#[test]
fn a_panic_inside_poisons_one_handle() {
    let _turn = beside_others();
    let venue = Venue::open();
    let [ann, bob, cat] = venue.party([c"Ann", c"Bob", c"Cat"]);
    call!(lanparty_test_panic(ptr::null())).is(LANPARTY_E_PANIC);
    call!(lanparty_test_panic(cat.session.ptr())).says(LANPARTY_E_PANIC, "lanparty_test_panic");
    let (mut phase, mut event) = (0, sized());
    let session = cat.session.ptr();
    call!(lanparty_session_phase(session, &raw mut phase)).is(LANPARTY_E_PANIC);
    call!(lanparty_session_next_event(session, LANPARTY_FOREVER, &raw mut event)).is(LANPARTY_E_PANIC);
    call!(lanparty_session_wait_joined(session, LANPARTY_FOREVER)).is(LANPARTY_E_PANIC);
    cat.session.unbridge().is(LANPARTY_E_PANIC);
    cat.session.close().is(LANPARTY_E_PANIC);
    ann.meets(&bob, 8);
    // Freed, it leaves like any other.
    let number = cat.number;
    drop(cat);
    let event = ann.session.wait_event(LANPARTY_EVENT_PEER_LEFT);
    assert_eq!((event.peer, event.reason), (number, LANPARTY_REASON_NORMAL));
}

/// What a callback may call, and what it may not: a line for everything that went otherwise.
fn call_everything(session: usize, port: usize, relay: usize, mac: [u8; 6]) -> Vec<String> {
    let (session, relay) = (session as *mut lanparty_session, relay as *mut lanparty_relay);
    let own = port as *mut lanparty_port;
    let mut wrong = Vec::new();
    let mut expect = |what: &str, answer: Answer, expected: &[i32]| {
        if !expected.contains(&answer.status) {
            wrong.push(format!("{what}: {answer:?}"));
        }
    };
    let (refused, fine) = ([LANPARTY_E_REENTRANT], [LANPARTY_OK]);
    let mut event: lanparty_event = sized();
    let event = &raw mut event;
    for timeout in [1, PATIENCE, LANPARTY_FOREVER] {
        expect("next_event", call!(lanparty_session_next_event(session, timeout, event)), &refused);
        expect("wait_joined", call!(lanparty_session_wait_joined(session, timeout)), &refused);
        expect("unbridge", call!(lanparty_session_unbridge(session, timeout)), &refused);
        expect("relay's next_event", call!(lanparty_relay_next_event(relay, timeout, event)), &refused);
    }
    for timeout in [0, PATIENCE] {
        expect("close", call!(lanparty_session_close(session, ptr::null(), 0, timeout)), &refused);
        expect("relay's close", call!(lanparty_relay_close(relay, ptr::null(), 0, timeout)), &refused);
    }
    let port = virtual_port();
    expect("bridge", call!(lanparty_session_bridge(session, port.ptr(), 1)), &refused);
    expect("recv", try_receive(&port, 64, 1, LANPARTY_FOREVER).0, &refused);
    expect("recv without time", try_receive(&port, 64, 1, 0).0, &[LANPARTY_WOULD_BLOCK]);
    // A port has nobody to wait for.
    expect("port_close", call!(lanparty_port_close(port.ptr())), &fine);
    drop(port);

    let taken = [LANPARTY_OK, LANPARTY_WOULD_BLOCK];
    expect("next_event without time", call!(lanparty_session_next_event(session, 0, event)), &taken);
    expect("wait_joined without time", call!(lanparty_session_wait_joined(session, 0)), &fine);
    let mut stats: lanparty_stats = sized();
    expect("stats", call!(lanparty_session_stats(session, &raw mut stats)), &fine);
    let (mut peer, mut count) = (empty::<lanparty_peer>(), 0);
    let peers = call!(lanparty_session_peers(session, &raw mut peer, size_of_val(&peer), 1, &raw mut count));
    expect("peers", peers, &fine);
    // An answer from inside.
    let bytes = frame(BROADCAST, mac, 60, 42);
    let out = lent(&bytes);
    expect("send", call!(lanparty_port_send(own, &raw const out, 1, &raw mut count)), &fine);
    wrong
}

#[test]
fn reentrant_callback() {
    let _turn = beside_others();
    let venue = Venue::open();
    let (ann, bob, device) = pair(&venue);
    let (session, port) = (ann.session.ptr() as usize, ann.port.ptr() as usize);
    let (relay, mac) = (venue.relay.ptr() as usize, ann.mac);
    let (found, findings): (Sender<_>, Receiver<Vec<String>>) = channel();
    device.does(move || {
        found.send(call_everything(session, port, relay, mac)).unwrap();
        LANPARTY_OK
    });
    bob.send(ann.mac, 60, 1);
    let wrong = findings.recv_timeout(Duration::from_millis(PATIENCE.into())).expect("the callback is over");
    assert!(wrong.is_empty(), "{wrong:#?}");
    bob.expect(BROADCAST, &ann, 60, 42);
    // On this thread all may wait again.
    ann.leave();
    device.wait_released();
}

#[test]
fn a_callback_closes_its_own_port() {
    let _turn = beside_others();
    let venue = Venue::open();
    let (ann, bob, device) = pair(&venue);
    let port = ann.port.ptr() as usize;
    let (closed, answers) = channel();
    device.does(move || {
        let answer = call!(lanparty_port_close(port as *const lanparty_port));
        closed.send(answer.status).unwrap();
        LANPARTY_END
    });
    bob.send(ann.mac, 60, 1);
    let patience = Duration::from_millis(PATIENCE.into());
    assert_eq!(answers.recv_timeout(patience), Ok(LANPARTY_OK));
    assert_eq!(ann.session.wait_event(LANPARTY_EVENT_ENDED).status, LANPARTY_E_PORT);
    ann.session.close().ok();
    device.wait_released();
}

#[test]
fn a_callback_that_does_not_return_keeps_nobody_for_ever() {
    let _turn = beside_others();
    let venue = Venue::open();
    let (ann, bob, device) = pair(&venue);
    let (way_out, stuck) = channel::<()>();
    let stuck = Mutex::new(stuck);
    device.does(move || {
        let _ = stuck.lock().unwrap().recv(); // until the other end is dropped
        LANPARTY_OK
    });
    bob.send(ann.mac, 60, 1);
    device.wait("a frame", |notes| !notes.frames.is_empty());
    let session = ann.session.ptr() as usize;
    let waiter = Bounded::spawn("taking events", move || {
        let mut event: lanparty_event = sized();
        loop {
            let next = lanparty_session_next_event;
            let answer = call!(next(session as *const lanparty_session, LANPARTY_FOREVER, &raw mut event));
            if answer.status != LANPARTY_OK {
                return answer.status;
            }
        }
    });
    call!(lanparty_session_close(ann.session.ptr(), ptr::null(), 0, 3 * PATIENCE)).ok();
    assert_eq!(waiter.wait(3 * PATIENCE), Ok(LANPARTY_END));
    drop(way_out);
    drop(ann);
    device.wait_released();
}

#[test]
fn release_exactly_once() {
    let _turn = beside_others();
    // Freed, or closed, without ever having been used.
    let device = Device::new();
    drop(device.port());
    device.wait_released();
    let device = Device::new();
    let port = device.port();
    call!(lanparty_port_close(port.ptr())).ok();
    device.wait_released();
    drop(port);
    device.wait_released();

    // It could not be made: whose memory it is would be unclear otherwise.
    for (mtu, place, status) in [(10, true, LANPARTY_E_INVALID_ARG), (0, false, LANPARTY_E_NULL)] {
        let device = Device::new();
        let sink = lanparty_frame_sink { mtu, ..device.sink() };
        let mut port = ptr::null_mut();
        let place = if place { &raw mut port } else { ptr::null_mut() };
        call!(lanparty_port_new_sink(&raw const sink, place)).is(status);
        assert!(port.is_null());
        device.wait_released();
    }

    let venue = Venue::open();
    for order in [Order::PortFirst, Order::SessionFirst, Order::FreeOnly, Order::Unbridge, Order::Replace] {
        let (ann, bob, device) = pair(&venue);
        bob.send(ann.mac, 60, 1);
        device.wait("a frame", |notes| !notes.frames.is_empty());
        let notes = device.notes();
        assert_eq!((notes.releases, notes.links, notes.mtus), (0, vec![1], vec![1500]), "{order:?}");
        // More may be on their way while all this goes: none may come after the release.
        for number in 0..20 {
            bob.send(ann.mac, 60, number);
        }
        order.ends(ann, &device);
        device.wait_released();
        bob.leave();
        until("the room is empty", || venue.relay.rooms().is_empty());
        device.wait_released();
    }
}

/// How a port and its session end.
#[derive(Clone, Copy, Debug)]
enum Order {
    PortFirst,
    SessionFirst,
    FreeOnly,
    Unbridge,
    Replace,
}

impl Order {
    fn ends(self, ann: Player, device: &Device) {
        let Player { session, port, .. } = ann;
        match self {
            Self::PortFirst => {
                call!(lanparty_port_close(port.ptr())).ok();
                drop(port);
                session.close().ok();
            }
            Self::SessionFirst => {
                session.close().ok();
                drop(session);
                drop(port);
            }
            Self::FreeOnly => {
                drop(port);
                drop(session);
            }
            Self::Unbridge => {
                session.unbridge().ok();
                assert_eq!(device.notes().releases, 0);
                drop(port);
                device.wait_released();
                session.close().ok();
            }
            Self::Replace => {
                drop(port);
                session.bridge(&virtual_port()).ok();
                device.wait_released();
                session.close().ok();
            }
        }
    }
}
