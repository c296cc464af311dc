//! Relays: where members meet.

pub(crate) mod config;
pub(crate) mod report;
mod run;

use std::ffi::c_char;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use lanparty_sdk::ctrl::RoomCode;
use lanparty_sdk::proto::PeerId;
use lanparty_sdk::quic::ServerCert;
use lanparty_sdk::relay::RelayRoom;

use crate::callback;
use crate::error::{Failure, lanparty_error};
use crate::event::lanparty_event;
use crate::handle::{Handle, free, on, opaque, writable, write_owned};
use crate::lock::lock;
use crate::room::lanparty_room;
use crate::status::*;
use crate::text::{bytes, copy_out, copy_text_out, fill, fill_list, optional_text, text as required};
use config::{Plan, lanparty_relay_config};
use report::{lanparty_member, lanparty_relay_stats};
use run::Running;

/// A relay on a UDP socket, with threads of its own.
///
/// All functions may be called by several threads at once; lanparty_relay_free must be the last call.
#[derive(Debug)]
pub struct lanparty_relay(Handle<Running>);

opaque!(lanparty_relay => Running, "relay");

/// Opens the socket and serves it.
///
/// @param config borrowed: it may be changed, used again or freed afterwards.
/// @param relay out: freed with lanparty_relay_free.
/// @param err out, or NULL: LANPARTY_E_ADDRESS_IN_USE, LANPARTY_E_NOT_PERMITTED, LANPARTY_E_CERTIFICATE_FILE and so on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_relay_bind(
    config: *const lanparty_relay_config,
    relay: *mut *mut lanparty_relay,
    err: *mut *mut lanparty_error,
) -> lanparty_status {
    let body = |plan: &Mutex<Plan>| {
        writable(relay, "relay")?;
        let plan = lock(plan).clone();
        let bound = lanparty_relay(Handle::new(Running::bind(&plan)?));
        // SAFETY: not NULL, and the caller may write it.
        unsafe { write_owned(relay, bound) };
        Ok(LANPARTY_OK)
    };
    // SAFETY: the arguments are as this function asks.
    unsafe { on(config, err, body) }
}

/// Where the relay listens, as in `192.0.2.7:443` or `[2001:db8::7]:443`.
///
/// @param relay borrowed.
/// @param buf out: the text with a NUL; may be NULL if `cap` is 0. 64 bytes are enough.
/// @param cap how many bytes `buf` has.
/// @param needed out: how many bytes it takes, the NUL included. LANPARTY_TRUNCATED if that is more than `cap`; nothing
///     is written to `buf` then.
/// @param err out, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_relay_address(
    relay: *const lanparty_relay,
    buf: *mut c_char,
    cap: usize,
    needed: *mut usize,
    err: *mut *mut lanparty_error,
) -> lanparty_status {
    let body = |running: &Running| {
        let address = running.open()?.local_addr();
        let address = address.map_err(|error| Failure::system("the relay's address is unknown", &error))?;
        // SAFETY: the buffer is as this function asks.
        unsafe { copy_text_out(&address.to_string(), buf, cap, needed) }
    };
    // SAFETY: the arguments are as this function asks.
    unsafe { on(relay, err, body) }
}

/// The relay's own certificate in DER, for members to trust. A self-made one is for the name of the key dev-cert-name,
/// lanparty-relay.local unless set: members set their key server-name to it.
///
/// @param relay borrowed.
/// @param buf out; may be NULL if `cap` is 0.
/// @param cap how many bytes `buf` has.
/// @param needed out: how many bytes it takes. LANPARTY_TRUNCATED if that is more than `cap`; nothing is written to `buf`
///     then.
/// @param err out, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_relay_certificate(
    relay: *const lanparty_relay,
    buf: *mut u8,
    cap: usize,
    needed: *mut usize,
    err: *mut *mut lanparty_error,
) -> lanparty_status {
    let body = |running: &Running| {
        running.open()?;
        // SAFETY: the buffer is as this function asks.
        unsafe { copy_out(running.certificate().cert_der(), buf, cap, needed) }
    };
    // SAFETY: the arguments are as this function asks.
    unsafe { on(relay, err, body) }
}

/// Shows another certificate to whoever connects from now on, so that it can be renewed. Members that are in stay in.
///
/// @param relay borrowed.
/// @param chain borrowed: the chain in PEM, the relay's own certificate first.
/// @param chain_len how many bytes.
/// @param key borrowed: the private key in PEM.
/// @param key_len how many bytes.
/// @param err out, or NULL: LANPARTY_E_CERTIFICATE_FILE; the former certificate stays then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_relay_set_certificate_pem(
    relay: *const lanparty_relay,
    chain: *const u8,
    chain_len: usize,
    key: *const u8,
    key_len: usize,
    err: *mut *mut lanparty_error,
) -> lanparty_status {
    let body = |running: &Running| {
        running.open()?;
        // SAFETY: the bytes are as this function asks.
        let (chain, key) = unsafe { (bytes(chain, chain_len, "chain")?, bytes(key, key_len, "key")?) };
        running.set_certificate(ServerCert::from_pem(chain, key)?)?;
        Ok(LANPARTY_OK)
    };
    // SAFETY: the arguments are as this function asks.
    unsafe { on(relay, err, body) }
}

/// All rooms as they are now.
///
/// @param relay borrowed.
/// @param rooms out: a list; may be NULL if `cap` is 0.
/// @param room_size sizeof(lanparty_room).
/// @param cap how many elements the list has.
/// @param count out: how many rooms there are.
/// @param err out, or NULL.
/// @return LANPARTY_OK, or LANPARTY_TRUNCATED if there are more than `cap`: the first ones are written then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_relay_rooms(
    relay: *const lanparty_relay,
    rooms: *mut lanparty_room,
    room_size: usize,
    cap: usize,
    count: *mut usize,
    err: *mut *mut lanparty_error,
) -> lanparty_status {
    let body = |running: &Running| {
        let relay = running.open()?;
        let values = || relay.rooms().iter().map(report::room).collect();
        // SAFETY: the list is as this function asks.
        unsafe { fill_list(rooms, room_size, cap, count, values) }
    };
    // SAFETY: the arguments are as this function asks.
    unsafe { on(relay, err, body) }
}

/// All members of a room as they are now.
///
/// @param relay borrowed.
/// @param room borrowed: the room's code.
/// @param room_len its length in bytes, or LANPARTY_NUL_TERMINATED.
/// @param members out: a list; may be NULL if `cap` is 0.
/// @param member_size sizeof(lanparty_member).
/// @param cap how many elements the list has.
/// @param count out: how many members there are.
/// @param err out, or NULL: LANPARTY_E_NOT_FOUND if the room is not open.
/// @return LANPARTY_OK, or LANPARTY_TRUNCATED if there are more than `cap`: the first ones are written then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_relay_members(
    relay: *const lanparty_relay,
    room: *const c_char,
    room_len: usize,
    members: *mut lanparty_member,
    member_size: usize,
    cap: usize,
    count: *mut usize,
    err: *mut *mut lanparty_error,
) -> lanparty_status {
    let body = |running: &Running| {
        // SAFETY: the text is as this function asks.
        let snapshot = find(running, unsafe { required(room, room_len, "room") }?)?.snapshot();
        let now = Instant::now();
        let values = || {
            let members = snapshot.iter().flat_map(|room| &room.members);
            members.map(|member| report::member(member, now)).collect()
        };
        // SAFETY: the list is as this function asks.
        unsafe { fill_list(members, member_size, cap, count, values) }
    };
    // SAFETY: the arguments are as this function asks.
    unsafe { on(relay, err, body) }
}

/// Removes a member from a room. It will not come back by itself.
///
/// @param relay borrowed.
/// @param room borrowed: the room's code.
/// @param room_len its length in bytes, or LANPARTY_NUL_TERMINATED.
/// @param peer the member's number.
/// @param text borrowed: a word for it and the others, 200 characters at most; NULL for none.
/// @param text_len its length in bytes, or LANPARTY_NUL_TERMINATED.
/// @param err out, or NULL: LANPARTY_E_NOT_FOUND if there is no such room or member.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_relay_kick(
    relay: *const lanparty_relay,
    room: *const c_char,
    room_len: usize,
    peer: u32,
    text: *const c_char,
    text_len: usize,
    err: *mut *mut lanparty_error,
) -> lanparty_status {
    let body = |running: &Running| {
        // SAFETY: the texts are as this function asks.
        let (code, why) =
            unsafe { (required(room, room_len, "room")?, optional_text(text, text_len, "text")?) };
        let room = find(running, code)?;
        let number = u16::try_from(peer).ok().and_then(|number| PeerId::new(number).ok());
        if number.is_some_and(|number| room.kick(number, why.unwrap_or_default())) {
            return Ok(LANPARTY_OK);
        }
        Err(Failure::usage(LANPARTY_E_NOT_FOUND, format!("there is no member {peer} in room {code}")))
    };
    // SAFETY: the arguments are as this function asks.
    unsafe { on(relay, err, body) }
}

/// What the relay has done so far.
///
/// @param relay borrowed.
/// @param stats out: its struct_size is set by the caller.
/// @param err out, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_relay_stats_get(
    relay: *const lanparty_relay,
    stats: *mut lanparty_relay_stats,
    err: *mut *mut lanparty_error,
) -> lanparty_status {
    let body = |running: &Running| {
        let known = report::stats(&running.open()?.stats());
        // SAFETY: the struct is as this function asks.
        unsafe { fill(stats, "stats", known) }
    };
    // SAFETY: the arguments are as this function asks.
    unsafe { on(relay, err, body) }
}

/// Takes the next event. Of those that nobody takes the last 1024 are kept.
///
/// @param relay borrowed.
/// @param timeout_ms how long to wait for one: 0 does not wait, LANPARTY_FOREVER waits until there is one.
/// @param event out: its struct_size is set by the caller.
/// @param err out, or NULL.
/// @return LANPARTY_OK, LANPARTY_WOULD_BLOCK if none came in time, LANPARTY_END after LANPARTY_EVENT_ENDED was taken.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_relay_next_event(
    relay: *const lanparty_relay,
    timeout_ms: u32,
    event: *mut lanparty_event,
    err: *mut *mut lanparty_error,
) -> lanparty_status {
    // SAFETY: the event is as this function asks.
    let body = |running: &Running| unsafe { running.events.next(callback::deadline(timeout_ms)?, event) };
    // SAFETY: the arguments are as this function asks.
    unsafe { on(relay, err, body) }
}

/// What a loop of the program's own waits on: ready while lanparty_relay_next_event would answer at once. On Linux it is a
/// file descriptor, readable then, for poll, select, epoll and the like; on Windows the HANDLE of an event object, signalled
/// then, for WaitForMultipleObjects and the like. It must not be read, written, set, reset or closed.
///
/// @param relay borrowed.
/// @param handle out: a file descriptor, or a HANDLE as a number; valid until the relay is freed.
/// @param err out, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_relay_wait_handle(
    relay: *const lanparty_relay,
    handle: *mut i64,
    err: *mut *mut lanparty_error,
) -> lanparty_status {
    let body = |running: &Running| {
        writable(handle, "handle")?;
        let raw = running.events.wait_handle()?;
        // SAFETY: not NULL, and the caller may write it.
        unsafe { handle.write(raw) };
        Ok(LANPARTY_OK)
    };
    // SAFETY: the arguments are as this function asks.
    unsafe { on(relay, err, body) }
}

/// Tells every member that the relay goes away, and waits until its threads have ended. Members come back by themselves when
/// it does. The first call decides; later ones only wait.
///
/// @param relay borrowed.
/// @param text borrowed: a word for the members, 200 characters at most; NULL for none.
/// @param text_len its length in bytes, or LANPARTY_NUL_TERMINATED.
/// @param timeout_ms how long to wait; a few seconds at most are needed. 0 only begins.
/// @param err out, or NULL: LANPARTY_E_REENTRANT inside a callback.
/// @return LANPARTY_OK once everything has stopped, LANPARTY_WOULD_BLOCK if that takes longer: it goes on by itself.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_relay_close(
    relay: *const lanparty_relay,
    text: *const c_char,
    text_len: usize,
    timeout_ms: u32,
    err: *mut *mut lanparty_error,
) -> lanparty_status {
    let body = |running: &Running| {
        // SAFETY: the text is as this function asks.
        let text = unsafe { optional_text(text, text_len, "text") }?.unwrap_or_default();
        callback::must_be_outside("closing")?;
        running.close(text, callback::deadline(timeout_ms)?)
    };
    // SAFETY: the arguments are as this function asks.
    unsafe { on(relay, err, body) }
}

/// Frees a relay. Never waits: if it was not closed, it says goodbye in the background.
///
/// @param relay consumed; NULL does nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_relay_free(relay: *mut lanparty_relay) {
    // SAFETY: NULL or a relay that nobody uses any more.
    unsafe { free(relay) }
}

/// A room that is open now.
fn find(running: &Running, code: &str) -> Result<RelayRoom, Failure> {
    let relay: Arc<_> = running.open()?;
    let code: RoomCode = code.parse().map_err(Failure::from)?;
    relay.room(&code).ok_or_else(|| Failure::usage(LANPARTY_E_NOT_FOUND, format!("room {code} is not open")))
}
