//! NULL for every pointer of every function, one at a time.
//!
//! NULL is allowed for the error object, for a text that says why somebody leaves or is thrown out, for a relay, a room or an
//! address that need not be given, and for bytes of which there are none.

use std::ffi::{CStr, c_void};
use std::ptr::{null, null_mut};

use lanparty::*;

use crate::support::*;
use crate::venue::*;

/// Calls that must be refused, with and without a place for the error.
macro_rules! refused {
    ($($function:ident($($argument:expr),* $(,)?);)+) => { $(
        call!($function($($argument),*)).is(LANPARTY_E_NULL);
        assert_eq!(unsafe { $function($($argument,)* null_mut()) }, LANPARTY_E_NULL);
    )+ };
}

const BYTES: [u8; 4] = [1, 2, 3, 4];

unsafe extern "C-unwind" fn take(_: *mut c_void, _: *const u8, _: usize) -> i32 {
    LANPARTY_OK
}

#[test]
fn null_everywhere() {
    let _turn = alone();
    let handles = lanparty_live_handles();
    let venue = Venue::open();
    let ann = venue.join(c"Ann");
    let identity = Identity::generate();
    let relay_config = RelayConfig::new();
    relay_config.set(c"listen", c"127.0.0.1:0").ok();
    let config = venue.config(LANPARTY_ROLE_CLIENT, ROOM, c"Bob");
    let port = virtual_port();

    errors_and_log();
    identities(&identity);
    ports(&port);
    session_configs(&config, &identity, &port);
    sessions(&ann.session, &port);
    relay_configs(&relay_config);
    relays(&venue.relay);

    // Nothing of all that was of consequence.
    assert_eq!(ann.session.phase(), LANPARTY_PHASE_JOINED);
    assert_eq!(port_flags(&port), 0);
    drop((venue, ann, identity, relay_config, config, port));
    assert_eq!(lanparty_live_handles(), handles);
}

fn errors_and_log() {
    unsafe {
        assert_eq!(lanparty_error_status(null()), LANPARTY_E_NULL);
        assert_eq!(lanparty_error_kind(null()), LANPARTY_KIND_USAGE);
        assert_eq!(lanparty_error_os_error(null()), 0);
        assert_eq!(CStr::from_ptr(lanparty_error_message(null())), c"");
        lanparty_error_free(null_mut());
        // No session is meant here, and no callback takes away the one that is not there.
        assert_eq!(lanparty_test_panic(null(), null_mut()), LANPARTY_E_PANIC);
        assert_eq!(lanparty_log_set_callback(LANPARTY_LEVEL_INFO, None, null_mut(), None, null_mut()), 0);
    }
    call!(lanparty_log_set_callback(LANPARTY_LEVEL_INFO, None, null_mut(), None)).ok();
}

fn identities(identity: &Identity) {
    let identity = identity.ptr();
    let (mut other, mut mac, mut text, mut needed) = (null_mut(), [2, 0, 0, 0, 0, 1], [0; 64], 0);
    let (place, mac, text, cap, needed) =
        (&raw mut other, mac.as_mut_ptr(), text.as_mut_ptr(), text.len(), &raw mut needed);
    refused! {
        lanparty_identity_generate(null_mut());
        lanparty_identity_load_or_create(null(), NUL, place);
        lanparty_identity_load_or_create(null(), 4, place);
        lanparty_identity_load_or_create(c"/nowhere/at/all".as_ptr(), NUL, null_mut());
        lanparty_identity_with_mac(null(), mac, place);
        lanparty_identity_with_mac(identity, null(), place);
        lanparty_identity_with_mac(identity, mac, null_mut());
        lanparty_identity_mac(null(), mac);
        lanparty_identity_mac(identity, null_mut());
        lanparty_identity_warning(null(), text, cap, needed);
        lanparty_identity_warning(identity, null_mut(), cap, needed);
        lanparty_identity_warning(identity, text, cap, null_mut());
    }
    unsafe { lanparty_identity_free(null_mut()) };
    assert!(other.is_null());
}

fn ports(port: &Port) {
    let port = port.ptr();
    let mut other = null_mut();
    let place = &raw mut other;
    let sink = lanparty_frame_sink { send: Some(take), ..sized() };
    let deaf = lanparty_frame_sink { send: None, ..sink };
    let (lan0, address) = (c"lan0".as_ptr(), c"10.0.0.5/24".as_ptr());
    refused! {
        lanparty_port_new_virtual(0, 0, null_mut());
        lanparty_port_new_sink(null(), place);
        lanparty_port_new_sink(&raw const sink, null_mut());
        lanparty_port_new_sink(&raw const deaf, place);
        lanparty_port_new_tap(null(), NUL, null(), 0, 0, place);
        lanparty_port_new_tap(lan0, NUL, address, NUL, 0, null_mut());
        lanparty_port_new_af_packet(null(), NUL, place);
        lanparty_port_new_af_packet(c"lo".as_ptr(), NUL, null_mut());
    }
    assert!(other.is_null());

    let mut buffer = [0u8; 64];
    let mut frame = lent(&BYTES);
    frame.len = 60;
    let empty_frame = lanparty_frame { data: null(), ..frame };
    let (mut count, mut handle) = (0, 0);
    let mut info: lanparty_port_info = sized();
    let (buf, len, frame, count) = (buffer.as_mut_ptr(), buffer.len(), &raw mut frame, &raw mut count);
    refused! {
        lanparty_port_send(null(), frame, 1, count);
        lanparty_port_send(port, null(), 1, count);
        lanparty_port_send(port, frame, 1, null_mut());
        lanparty_port_send(port, &raw const empty_frame, 1, count);
        lanparty_port_recv(null(), buf, len, frame, 1, count, 0);
        lanparty_port_recv(port, null_mut(), len, frame, 1, count, 0);
        lanparty_port_recv(port, buf, len, null_mut(), 1, count, 0);
        lanparty_port_recv(port, buf, len, frame, 1, null_mut(), 0);
        lanparty_port_wait_handle(null(), &raw mut handle);
        lanparty_port_wait_handle(port, null_mut());
        lanparty_port_info_get(null(), &raw mut info);
        lanparty_port_info_get(port, null_mut());
        lanparty_port_close(null());
    }
    unsafe { lanparty_port_free(null_mut()) };
}

fn session_configs(config: &SessionConfig, identity: &Identity, port: &Port) {
    let (config, identity, port) = (config.ptr(), identity.ptr(), port.ptr());
    let (name, ann) = (c"name".as_ptr(), c"Ann".as_ptr());
    let mut session = null_mut();
    refused! {
        lanparty_session_config_new(LANPARTY_ROLE_CLIENT, null(), 0, null(), 0, null_mut());
        lanparty_session_config_set(null_mut(), name, NUL, ann, NUL);
        lanparty_session_config_set(config, null(), NUL, ann, NUL);
        lanparty_session_config_set(config, name, NUL, null(), NUL);
        lanparty_session_config_load_toml(null_mut(), c"".as_ptr(), 0);
        lanparty_session_config_load_toml(config, null(), NUL);
        lanparty_session_config_set_identity(null_mut(), identity);
        lanparty_session_config_set_identity(config, null());
        lanparty_session_config_set_port(null_mut(), port);
        lanparty_session_config_set_port(config, null());
        lanparty_session_config_trust_certificates(null_mut(), BYTES.as_ptr(), BYTES.len());
        lanparty_session_config_trust_certificates(config, null(), BYTES.len());
        lanparty_session_config_dangerous_accept_any(null_mut());
        lanparty_session_start(null(), &raw mut session);
        lanparty_session_start(config, null_mut());
    }
    // No text, no settings.
    call!(lanparty_session_config_load_toml(config, null(), 0)).ok();
    unsafe { lanparty_session_config_free(null_mut()) };
    assert!(session.is_null());
}

fn sessions(session: &Session, port: &Port) {
    let (session, port) = (session.ptr(), port.ptr());
    let (mut handle, mut phase, mut count, mut value) = (0, 0, 0, 0);
    let (mut event, mut room) = (sized::<lanparty_event>(), sized::<lanparty_room>());
    let (mut stats, mut known) = (sized::<lanparty_stats>(), sized::<lanparty_diagnostics>());
    let (mut peer, mut drop, mut line) =
        (empty::<lanparty_peer>(), empty::<lanparty_drop>(), empty::<lanparty_user_line>());
    let (peer_size, drop_size, line_size) = (size_of_val(&peer), size_of_val(&drop), size_of_val(&line));
    let (peer, drop, line, count) = (&raw mut peer, &raw mut drop, &raw mut line, &raw mut count);
    refused! {
        lanparty_session_wait_joined(null(), 0);
        lanparty_session_next_event(null(), 0, &raw mut event);
        lanparty_session_next_event(session, 0, null_mut());
        lanparty_session_wait_handle(null(), &raw mut handle);
        lanparty_session_wait_handle(session, null_mut());
        lanparty_session_phase(null(), &raw mut phase);
        lanparty_session_phase(session, null_mut());
        lanparty_session_room(null(), &raw mut room);
        lanparty_session_room(session, null_mut());
        lanparty_session_peers(null(), peer, peer_size, 1, count);
        lanparty_session_peers(session, null_mut(), peer_size, 1, count);
        lanparty_session_peers(session, peer, peer_size, 1, null_mut());
        lanparty_session_bridge(null(), port, 0);
        lanparty_session_bridge(session, null(), 0);
        lanparty_session_unbridge(null(), 0);
        lanparty_session_set_paused(null(), 0);
        lanparty_session_stats(null(), &raw mut stats);
        lanparty_session_stats(session, null_mut());
        lanparty_session_stat(null(), LANPARTY_STAT_DROPS, &raw mut value);
        lanparty_session_stat(session, LANPARTY_STAT_DROPS, null_mut());
        lanparty_session_drops(null(), drop, drop_size, 1, count);
        lanparty_session_drops(session, null_mut(), drop_size, 1, count);
        lanparty_session_drops(session, drop, drop_size, 1, null_mut());
        lanparty_session_diagnostics(null(), &raw mut known);
        lanparty_session_diagnostics(session, null_mut());
        lanparty_session_user_lines(null(), line, line_size, 1, count);
        lanparty_session_user_lines(session, null_mut(), line_size, 1, count);
        lanparty_session_user_lines(session, line, line_size, 1, null_mut());
        lanparty_session_close(null(), null(), 0, 0);
    }
    unsafe { lanparty_session_free(null_mut()) };
}

fn relay_configs(config: &RelayConfig) {
    let config = config.ptr();
    let (listen, address) = (c"listen".as_ptr(), c"127.0.0.1:0".as_ptr());
    let mut relay = null_mut();
    refused! {
        lanparty_relay_config_new(null_mut());
        lanparty_relay_config_set(null_mut(), listen, NUL, address, NUL);
        lanparty_relay_config_set(config, null(), NUL, address, NUL);
        lanparty_relay_config_set(config, listen, NUL, null(), NUL);
        lanparty_relay_config_load_toml(null_mut(), c"".as_ptr(), 0);
        lanparty_relay_config_load_toml(config, null(), NUL);
        lanparty_relay_config_set_certificate_pem(null_mut(), BYTES.as_ptr(), 4, BYTES.as_ptr(), 4);
        lanparty_relay_config_set_certificate_pem(config, null(), 4, BYTES.as_ptr(), 4);
        lanparty_relay_config_set_certificate_pem(config, BYTES.as_ptr(), 4, null(), 4);
        lanparty_relay_bind(null(), &raw mut relay);
        lanparty_relay_bind(config, null_mut());
    }
    unsafe { lanparty_relay_config_free(null_mut()) };
    assert!(relay.is_null());
}

fn relays(relay: &Relay) {
    let relay = relay.ptr();
    let (mut text, mut bytes, mut needed, mut handle) = ([0; 64], [0; 64], 0, 0);
    let (mut stats, mut event) = (sized::<lanparty_relay_stats>(), sized::<lanparty_event>());
    let (mut room, mut member) = (empty::<lanparty_room>(), empty::<lanparty_member>());
    let (room_size, member_size, code) = (size_of_val(&room), size_of_val(&member), ROOM.as_ptr());
    let (text, bytes, needed) = (text.as_mut_ptr(), bytes.as_mut_ptr(), &raw mut needed);
    let (room, member) = (&raw mut room, &raw mut member);
    refused! {
        lanparty_relay_address(null(), text, 64, needed);
        lanparty_relay_address(relay, null_mut(), 64, needed);
        lanparty_relay_address(relay, text, 64, null_mut());
        lanparty_relay_certificate(null(), bytes, 64, needed);
        lanparty_relay_certificate(relay, null_mut(), 64, needed);
        lanparty_relay_certificate(relay, bytes, 64, null_mut());
        lanparty_relay_set_certificate_pem(null(), BYTES.as_ptr(), 4, BYTES.as_ptr(), 4);
        lanparty_relay_set_certificate_pem(relay, null(), 4, BYTES.as_ptr(), 4);
        lanparty_relay_set_certificate_pem(relay, BYTES.as_ptr(), 4, null(), 4);
        lanparty_relay_rooms(null(), room, room_size, 1, needed);
        lanparty_relay_rooms(relay, null_mut(), room_size, 1, needed);
        lanparty_relay_rooms(relay, room, room_size, 1, null_mut());
        lanparty_relay_members(null(), code, NUL, member, member_size, 1, needed);
        lanparty_relay_members(relay, null(), NUL, member, member_size, 1, needed);
        lanparty_relay_members(relay, code, NUL, null_mut(), member_size, 1, needed);
        lanparty_relay_members(relay, code, NUL, member, member_size, 1, null_mut());
        lanparty_relay_kick(null(), code, NUL, 1, null(), 0);
        lanparty_relay_kick(relay, null(), NUL, 1, null(), 0);
        lanparty_relay_stats_get(null(), &raw mut stats);
        lanparty_relay_stats_get(relay, null_mut());
        lanparty_relay_next_event(null(), 0, &raw mut event);
        lanparty_relay_next_event(relay, 0, null_mut());
        lanparty_relay_wait_handle(null(), &raw mut handle);
        lanparty_relay_wait_handle(relay, null_mut());
        lanparty_relay_close(null(), null(), 0, 0);
    }
    unsafe { lanparty_relay_free(null_mut()) };
}
