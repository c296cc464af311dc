//! Texts that are none.

use std::ffi::c_char;
use std::ptr;

use lanparty::*;

use crate::support::*;
use crate::venue::*;

/// A byte that never occurs, a character that is cut off, and one that is written too long; by length and by a NUL.
const BAD_TEXTS: [(&[u8], usize); 5] = [
    (b"\xff\xfe\0", NUL),
    (b"na\xc3\xafve", 3),
    (b"a\xc0\xaf", 3),
    (b"a\xc0\xaf\0", NUL),
    (b"\xed\xa0\x80", 3),
];

/// A call that gets a text.
#[track_caller]
fn refuses(call: impl Fn(*const c_char, usize) -> Answer) {
    for (text, len) in BAD_TEXTS {
        call(text.as_ptr().cast(), len).says(LANPARTY_E_NOT_UTF8, "UTF-8");
    }
}

#[test]
fn non_utf8() {
    let _turn = beside_others();
    let venue = Venue::open();
    let ann = venue.join(c"Ann");
    let config = venue.config(LANPARTY_ROLE_CLIENT, ROOM, c"Bob");
    let (of, name, room) = (config.ptr(), c"name".as_ptr(), ROOM.as_ptr());
    let mut made = ptr::null_mut();
    let made = &raw mut made;
    let (role, relay) = (LANPARTY_ROLE_CLIENT, c"[::1]:4433".as_ptr());
    refuses(|text, len| call!(lanparty_session_config_new(role, text, len, room, NUL, made)));
    refuses(|text, len| call!(lanparty_session_config_new(role, relay, NUL, text, len, made)));
    refuses(|text, len| call!(lanparty_session_config_set(of, text, len, c"Ann".as_ptr(), NUL)));
    refuses(|text, len| call!(lanparty_session_config_set(of, name, NUL, text, len)));
    refuses(|text, len| call!(lanparty_session_config_load_toml(of, text, len)));
    refuses(|text, len| call!(lanparty_session_close(ann.session.ptr(), text, len, 0)));
    assert!(unsafe { *made }.is_null());

    let (mut identity, mut port) = (ptr::null_mut(), ptr::null_mut());
    let (identity_place, place) = (&raw mut identity, &raw mut port);
    refuses(|text, len| call!(lanparty_identity_load_or_create(text, len, identity_place)));
    refuses(|text, len| call!(lanparty_port_new_tap(text, len, ptr::null(), 0, 0, place)));
    refuses(|text, len| call!(lanparty_port_new_tap(c"lan0".as_ptr(), NUL, text, len, 0, place)));
    refuses(|text, len| call!(lanparty_port_new_af_packet(text, len, place)));
    assert!(identity.is_null() && port.is_null());

    let of_relay = RelayConfig::new();
    let of = of_relay.ptr();
    refuses(|text, len| call!(lanparty_relay_config_set(of, text, len, c"1".as_ptr(), NUL)));
    refuses(|text, len| call!(lanparty_relay_config_set(of, c"listen".as_ptr(), NUL, text, len)));
    refuses(|text, len| call!(lanparty_relay_config_load_toml(of, text, len)));
    let relay = venue.relay.ptr();
    let (mut member, mut count): (lanparty_member, _) = (empty(), 0);
    let (member, size, count) = (&raw mut member, size_of::<lanparty_member>(), &raw mut count);
    refuses(|text, len| call!(lanparty_relay_members(relay, text, len, member, size, 1, count)));
    refuses(|text, len| call!(lanparty_relay_kick(relay, text, len, ann.number, ptr::null(), 0)));
    refuses(|text, len| call!(lanparty_relay_kick(relay, room, NUL, ann.number, text, len)));
    refuses(|text, len| call!(lanparty_relay_close(relay, text, len, 0)));

    // Nobody was thrown out, nothing was closed, and the length counts bytes of what is UTF-8.
    assert_eq!(ann.session.phase(), LANPARTY_PHASE_JOINED);
    let naive = "na\u{ef}ve".as_ptr().cast();
    call!(lanparty_session_config_set(config.ptr(), c"name!".as_ptr(), 4, naive, 4)).ok();
    let bob = Player::join(config);
    ann.session.wait_peers(1);
    assert_eq!(text_of(&ann.session.peers()[0].name), "na\u{ef}");
    bob.leave();
}
