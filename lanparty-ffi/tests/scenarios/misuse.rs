//! Sizes and buffers that are wrong: a status, and an unchanged world.

use std::ffi::{CStr, c_char, c_void};
use std::ptr;

use lanparty::*;

use crate::support::*;
use crate::venue::*;

/// A struct of the caller's with more behind it than this version knows, all of it marked.
struct Marked(Vec<u64>);

impl Marked {
    const MARK: u64 = 0xaaaa_aaaa_aaaa_aaaa;

    fn new(bytes: usize) -> Self {
        Self(vec![Self::MARK; bytes.div_ceil(8)])
    }

    fn as_ptr<T>(&mut self) -> *mut T {
        self.0.as_mut_ptr().cast()
    }

    fn set_size(&mut self, size: usize) {
        unsafe { self.as_ptr::<u32>().write(u32::try_from(size).unwrap()) };
    }

    /// That nothing was written from a byte on.
    #[track_caller]
    fn is_untouched(&self, from: usize) {
        let bytes: Vec<_> = self.0.iter().flat_map(|word| word.to_ne_bytes()).skip(from).collect();
        assert!(bytes.iter().all(|byte| *byte == 0xaa), "written from byte {from} on: {bytes:x?}");
    }
}

const TAIL: usize = 64;

/// A call that fills a struct, with every size that it may be told.
#[track_caller]
fn sizes<T>(fill: impl Fn(*mut T) -> Answer) {
    let size = size_of::<T>();
    for small in [0, 4, size - 4, size - 1] {
        let mut place = Marked::new(size + TAIL);
        place.set_size(small);
        fill(place.as_ptr()).says(LANPARTY_E_STRUCT_SIZE, "struct_size");
        place.is_untouched(4);
    }
    for enough in [size, size + 4, size + TAIL] {
        let mut place = Marked::new(size + TAIL);
        place.set_size(enough);
        fill(place.as_ptr()).ok();
        assert_eq!(unsafe { place.as_ptr::<u32>().read() } as usize, enough, "the size is the caller's");
        place.is_untouched(size);
    }
}

/// A call that fills a list, whose elements may be larger than this version knows, too.
#[track_caller]
fn elements<T>(fill: impl Fn(*mut T, usize, usize, *mut usize) -> Answer) {
    const CAP: usize = 8;
    let size = size_of::<T>();
    let mut count = 0;
    for small in [0, 1, size - 4, size - 1] {
        let mut place = Marked::new(size * CAP);
        fill(place.as_ptr(), small, CAP, &raw mut count).says(LANPARTY_E_STRUCT_SIZE, "size of an element");
        place.is_untouched(0);
    }
    let mut place = Marked::new((size + TAIL) * CAP);
    fill(place.as_ptr(), size + TAIL, CAP, &raw mut count).ok();
    assert!((1..CAP).contains(&count), "{count} elements");
    place.is_untouched(count * (size + TAIL));
    let bytes: Vec<_> = place.0.iter().flat_map(|word| word.to_ne_bytes()).collect();
    for element in bytes.chunks(size + TAIL) {
        assert!(element[size..].iter().all(|byte| *byte == 0xaa), "written behind an element");
    }
}

unsafe extern "C-unwind" fn take(_: *mut c_void, _: *const u8, _: usize) -> i32 {
    LANPARTY_OK
}

#[test]
fn wrong_struct_size() {
    let _turn = beside_others();
    let venue = Venue::open();
    let [ann, bob] = venue.party([c"Ann", c"Bob"]);
    let (session, relay) = (ann.session.ptr(), venue.relay.ptr());
    sizes::<lanparty_event>(|to| call!(lanparty_session_next_event(session, PATIENCE, to)));
    sizes::<lanparty_event>(|to| call!(lanparty_relay_next_event(relay, PATIENCE, to)));
    sizes::<lanparty_room>(|to| call!(lanparty_session_room(session, to)));
    sizes::<lanparty_stats>(|to| call!(lanparty_session_stats(session, to)));
    sizes::<lanparty_diagnostics>(|to| call!(lanparty_session_diagnostics(session, to)));
    sizes::<lanparty_port_info>(|to| call!(lanparty_port_info_get(ann.port.ptr(), to)));
    sizes::<lanparty_relay_stats>(|to| call!(lanparty_relay_stats_get(relay, to)));

    bob.session.pause(true);
    bob.send(ann.mac, 60, 1);
    until("a reason to drop", || bob.session.drops_for("paused") == 1);
    elements::<lanparty_peer>(|to, size, cap, count| {
        call!(lanparty_session_peers(session, to, size, cap, count))
    });
    elements::<lanparty_drop>(|to, size, cap, count| {
        call!(lanparty_session_drops(bob.session.ptr(), to, size, cap, count))
    });
    elements::<lanparty_user_line>(|to, size, cap, count| {
        call!(lanparty_session_user_lines(session, to, size, cap, count))
    });
    elements::<lanparty_room>(|to, size, cap, count| {
        call!(lanparty_relay_rooms(relay, to, size, cap, count))
    });
    elements::<lanparty_member>(|to, size, cap, count| {
        call!(lanparty_relay_members(relay, ROOM.as_ptr(), NUL, to, size, cap, count))
    });

    let mut sink = lanparty_frame_sink { send: Some(take), ..sized() };
    let mut port = ptr::null_mut();
    for small in [0, 8, sink.struct_size - 1] {
        let sink = lanparty_frame_sink { struct_size: small, ..sink };
        call!(lanparty_port_new_sink(&raw const sink, &raw mut port)).is(LANPARTY_E_STRUCT_SIZE);
        assert!(port.is_null());
    }
    sink.struct_size += 32;
    let larger = (sink, [0usize; 4]);
    Port::from(|port| call!(lanparty_port_new_sink((&raw const larger).cast(), port)));
}

/// A copy of bytes into a buffer of every interesting size.
#[track_caller]
fn copies(expected: &[u8], copy: impl Fn(*mut u8, usize, *mut usize) -> Answer) {
    let len = expected.len();
    let mut needed = 0;
    copy(ptr::null_mut(), 0, &raw mut needed).is(LANPARTY_TRUNCATED);
    assert_eq!(needed, len);
    for small in [0, 1.min(len - 1), len - 1] {
        let mut buf = Marked::new(len + TAIL);
        needed = 0;
        copy(buf.as_ptr(), small, &raw mut needed).is(LANPARTY_TRUNCATED);
        assert_eq!(needed, len);
        buf.is_untouched(0);
    }
    let mut exact = vec![0; len];
    copy(exact.as_mut_ptr(), len, &raw mut needed).ok();
    assert_eq!((needed, &exact[..]), (len, expected));
}

#[test]
fn tiny_buffers() {
    let _turn = beside_others();
    let venue = Venue::open();
    let relay = venue.relay.ptr();
    copies(venue.address.as_bytes_with_nul(), |buf, cap, needed| {
        call!(lanparty_relay_address(relay, buf.cast::<c_char>(), cap, needed))
    });
    copies(&venue.certificate, |buf, cap, needed| call!(lanparty_relay_certificate(relay, buf, cap, needed)));
    let identity = Identity::generate();
    copies(b"\0", |buf, cap, needed| {
        call!(lanparty_identity_warning(identity.ptr(), buf.cast::<c_char>(), cap, needed))
    });

    let ann = venue.join(c"Ann");
    let mut count = 99;
    let size = size_of::<lanparty_peer>();
    let mut no_peers =
        || call!(lanparty_session_peers(ann.session.ptr(), ptr::null_mut(), size, 0, &raw mut count));
    no_peers().ok();
    let bob = venue.join(c"Bob");
    ann.session.wait_peers(1);
    bob.session.wait_peers(1);
    no_peers().is(LANPARTY_TRUNCATED);
    assert_eq!(count, 1);

    let size = size_of::<lanparty_member>();
    let room = ROOM.as_ptr();
    for cap in [0, 1] {
        let mut members = Marked::new(2 * size);
        let to = members.as_ptr::<lanparty_member>();
        call!(lanparty_relay_members(relay, room, NUL, to, size, cap, &raw mut count)).is(LANPARTY_TRUNCATED);
        assert_eq!(count, 2);
        members.is_untouched(cap * size);
    }
    let size = size_of::<lanparty_room>();
    call!(lanparty_relay_rooms(relay, ptr::null_mut(), size, 0, &raw mut count)).is(LANPARTY_TRUNCATED);
    assert_eq!(count, 1);

    // Frames: what does not fit waits, and none is lost or cut.
    bob.send(ann.mac, 100, 1);
    bob.send(ann.mac, 200, 2);
    bob.send(ann.mac, 60, 3);
    until("all frames are there", || ann.session.stat(LANPARTY_STAT_RX_FRAMES) == 3);
    for small in [0, 1, 99] {
        let (answer, needed, _) = try_receive(&ann.port, small, 4, PATIENCE);
        answer.is(LANPARTY_TRUNCATED);
        assert_eq!(needed, 100);
    }
    let (answer, _, frames) = try_receive(&ann.port, 200, 4, PATIENCE);
    answer.ok();
    assert_eq!(frames, [frame(ann.mac, bob.mac, 100, 1)]);
    let (answer, needed, _) = try_receive(&ann.port, 199, 4, PATIENCE);
    answer.is(LANPARTY_TRUNCATED);
    assert_eq!(needed, 200);
    ann.expect(ann.mac, &bob, 200, 2);
    ann.expect(ann.mac, &bob, 60, 3);
    try_receive(&ann.port, 2048, 0, 0).0.is(LANPARTY_E_INVALID_ARG);
}

#[test]
fn bad_config() {
    let _turn = beside_others();
    let venue = Venue::open();
    let address = venue.address.as_ptr();
    let none = |role: u32, relay: *const c_char, room: *const c_char| {
        let mut config = ptr::null_mut();
        let answer = call!(lanparty_session_config_new(role, relay, NUL, room, NUL, &raw mut config));
        assert!(config.is_null());
        answer
    };
    for role in [0, 3, u32::MAX] {
        none(role, ptr::null(), ptr::null()).is(LANPARTY_E_INVALID_ARG);
    }
    let room = ROOM.as_ptr();
    none(LANPARTY_ROLE_CLIENT, c"not an address".as_ptr(), room).is(LANPARTY_E_ADDRESS);
    none(LANPARTY_ROLE_CLIENT, address, c"no room!".as_ptr()).is(LANPARTY_E_ROOM_CODE);

    let (role, nothing) = (LANPARTY_ROLE_CLIENT, ptr::null());
    let config = SessionConfig::from(|config| {
        call!(lanparty_session_config_new(role, nothing, 0, nothing, 0, config))
    });
    config.start_fails().says(LANPARTY_E_MISSING, "relay");
    config.set(c"relay", &venue.address).ok();
    config.start_fails().says(LANPARTY_E_MISSING, "room");
    config.set(c"nmae", c"Ann").says(LANPARTY_E_UNKNOWN_KEY, "name");
    config.set(c"", c"Ann").is(LANPARTY_E_UNKNOWN_KEY);
    for (key, value) in [(c"retry", c"perhaps"), (c"idle-timeout", c"soon"), (c"mtu", c"tall")] {
        config.set(key, value).is(LANPARTY_E_BAD_VALUE);
    }

    // A mistake anywhere leaves everything as it was: the room is still missing.
    let mistakes: [(&CStr, i32, &str); 3] = [
        (c"room = \"PARTY\"\nname = \"Ann\"\nmtu = = 3\n", LANPARTY_E_BAD_VALUE, "line 3"),
        (c"room = \"PARTY\"\nroom-code = \"PARTY\"\n", LANPARTY_E_UNKNOWN_KEY, "room"),
        (c"room = \"PARTY\"\nretry = \"perhaps\"\n", LANPARTY_E_BAD_VALUE, "retry"),
    ];
    for (toml, status, part) in mistakes {
        config.load(toml).says(status, part);
        config.start_fails().says(LANPARTY_E_MISSING, "room");
    }
    let junk = b"no certificate";
    call!(lanparty_session_config_trust_certificates(config.ptr(), junk.as_ptr(), junk.len()))
        .is(LANPARTY_E_CERTIFICATE_FILE);

    // And it is of use still.
    config.load(c"room = \"PARTY\"\nname = \"Ann\"\nretry = true\n").ok();
    let (bytes, len) = (venue.certificate.as_ptr(), venue.certificate.len());
    call!(lanparty_session_config_trust_certificates(config.ptr(), bytes, len)).ok();
    config.set(c"server-name", c"lanparty-relay.local").ok();
    Player::join(config).leave();

    let config = RelayConfig::new();
    config.set(c"lisen", c"127.0.0.1:0").says(LANPARTY_E_UNKNOWN_KEY, "listen");
    config.set(c"limit-client-bytes", c"lots").is(LANPARTY_E_BAD_VALUE);
    config.set(c"max-clients-per-room", c"0").is(LANPARTY_E_BAD_VALUE);
    config.load(c"listen = \"127.0.0.1:0\"\n\n[nonsense\n").says(LANPARTY_E_BAD_VALUE, "line 3");
    config.set(c"listen", &venue.address).ok();
    config.bind_fails().is(LANPARTY_E_ADDRESS_IN_USE);
    call!(lanparty_relay_config_set_certificate_pem(config.ptr(), b"x".as_ptr(), 1, b"y".as_ptr(), 1))
        .is(LANPARTY_E_CERTIFICATE_FILE);
    config.set(c"listen", c"127.0.0.1:0").ok();
    config.set(c"cert", c"/nowhere/cert.pem").ok();
    config.bind_fails().says(LANPARTY_E_MISSING, "key");
    config.set(c"key", c"/nowhere/key.pem").ok();
    config.bind_fails().says(LANPARTY_E_CERTIFICATE_FILE, "/nowhere");
}
