//! Sessions: one member's life in a room.

pub(crate) mod config;

pub(crate) mod report;

mod run;

use std::ffi::c_char;
use std::sync::Mutex;

use lanparty_sdk::room::Room as _;
use lanparty_sdk::session::Session as _;

use crate::callback;
use crate::error::{Failure, lanparty_error};
use crate::event::lanparty_event;
use crate::handle::{Handle, free, on, opaque, value_of, writable, write_owned};
use crate::lock::lock;
use crate::port::lanparty_port;
use crate::room::lanparty_room;
use crate::status::*;
use crate::text::{fill, fill_list, optional_text};
use config::{Plan, lanparty_session_config};
use report::{lanparty_diagnostics, lanparty_drop, lanparty_peer, lanparty_stats, lanparty_user_line};
use run::Running;

/// One member's life in a room, as a client or a gateway, with threads of its own. It survives the loss of its relay by
/// itself, keeps its port meanwhile, and says so through its events.
///
/// All functions may be called by several threads at once; lanparty_session_free must be the last call.
#[derive(Debug)]
pub struct lanparty_session(Handle<Running>);

opaque!(lanparty_session => Running, "session");

/// Starts a session. Reads the files that are named in the configuration and opens its port, and does not wait for the
/// network: lanparty_session_wait_joined and the events tell how it goes.
///
/// @param config borrowed: it may be changed, used again or freed afterwards.
/// @param session out: freed with lanparty_session_free.
/// @param err out, or NULL: LANPARTY_E_MISSING names what must be set, LANPARTY_E_PORT_IN_USE, or why the port could not be
///     opened. Nothing half-open is left behind.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_session_start(
    config: *const lanparty_session_config,
    session: *mut *mut lanparty_session,
    err: *mut *mut lanparty_error,
) -> lanparty_status {
    let body = |plan: &Mutex<Plan>| {
        writable(session, "session")?;
        // A copy, so that no lock is held while the port is opened.
        let plan = lock(plan).clone();
        let started = lanparty_session(Handle::new(Running::start(&plan)?));
        // SAFETY: not NULL, and the caller may write it.
        unsafe { write_owned(session, started) };
        Ok(LANPARTY_OK)
    };
    // SAFETY: the arguments are as this function asks.
    unsafe { on(config, err, body) }
}

/// Waits until the member has been in its room once.
///
/// @param session borrowed.
/// @param timeout_ms how long: 0 does not wait, LANPARTY_FOREVER waits until it is decided.
/// @param err out, or NULL.
/// @return LANPARTY_OK, LANPARTY_WOULD_BLOCK if it is not decided yet, or why the session ended before that:
///     LANPARTY_E_UNREACHABLE, LANPARTY_E_CERTIFICATE_UNKNOWN, LANPARTY_E_GATEWAY_PRESENT and so on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_session_wait_joined(
    session: *const lanparty_session,
    timeout_ms: u32,
    err: *mut *mut lanparty_error,
) -> lanparty_status {
    let body = |running: &Running| running.wait_joined(callback::deadline(timeout_ms)?);
    // SAFETY: the arguments are as this function asks.
    unsafe { on(session, err, body) }
}

/// Takes the next event. Of those that nobody takes the last 1024 are kept.
///
/// @param session borrowed.
/// @param timeout_ms how long to wait for one: 0 does not wait, LANPARTY_FOREVER waits until there is one.
/// @param event out: its struct_size is set by the caller.
/// @param err out, or NULL.
/// @return LANPARTY_OK, LANPARTY_WOULD_BLOCK if none came in time, LANPARTY_END after LANPARTY_EVENT_ENDED was taken.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_session_next_event(
    session: *const lanparty_session,
    timeout_ms: u32,
    event: *mut lanparty_event,
    err: *mut *mut lanparty_error,
) -> lanparty_status {
    // SAFETY: the event is as this function asks.
    let body = |running: &Running| unsafe { running.events.next(callback::deadline(timeout_ms)?, event) };
    // SAFETY: the arguments are as this function asks.
    unsafe { on(session, err, body) }
}

/// What a loop of the program's own waits on: ready while lanparty_session_next_event would answer at once. On Linux it is a
/// file descriptor, readable then, for poll, select, epoll and the like; on Windows the HANDLE of an event object, signalled
/// then, for WaitForMultipleObjects and the like. It must not be read, written, set, reset or closed.
///
/// @param session borrowed.
/// @param handle out: a file descriptor, or a HANDLE as a number; valid until the session is freed.
/// @param err out, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_session_wait_handle(
    session: *const lanparty_session,
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
    unsafe { on(session, err, body) }
}

/// How far the session has come.
///
/// @param session borrowed.
/// @param phase out: LANPARTY_PHASE_*.
/// @param err out, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_session_phase(
    session: *const lanparty_session,
    phase: *mut u32,
    err: *mut *mut lanparty_error,
) -> lanparty_status {
    let body = |running: &Running| {
        writable(phase, "phase")?;
        // SAFETY: not NULL, and the caller may write it.
        unsafe { phase.write(report::phase_number(running.session.phase())) };
        Ok(LANPARTY_OK)
    };
    // SAFETY: the arguments are as this function asks.
    unsafe { on(session, err, body) }
}

/// The room as this member sees it.
///
/// @param session borrowed.
/// @param room out: its struct_size is set by the caller.
/// @param err out, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_session_room(
    session: *const lanparty_session,
    room: *mut lanparty_room,
    err: *mut *mut lanparty_error,
) -> lanparty_status {
    // SAFETY: the struct is as this function asks.
    let body =
        |running: &Running| unsafe { fill(room, "room", report::room(&running.session, running.role)) };
    // SAFETY: the arguments are as this function asks.
    unsafe { on(session, err, body) }
}

/// The fellow members, by number; this one is not among them.
///
/// @param session borrowed.
/// @param peers out: a list; may be NULL if `cap` is 0.
/// @param peer_size sizeof(lanparty_peer).
/// @param cap how many elements the list has.
/// @param count out: how many fellow members there are.
/// @param err out, or NULL.
/// @return LANPARTY_OK, or LANPARTY_TRUNCATED if there are more than `cap`: the first ones are written then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_session_peers(
    session: *const lanparty_session,
    peers: *mut lanparty_peer,
    peer_size: usize,
    cap: usize,
    count: *mut usize,
    err: *mut *mut lanparty_error,
) -> lanparty_status {
    let body = |running: &Running| {
        let values = || running.session.room().peers().iter().map(report::peer).collect();
        // SAFETY: the list is as this function asks.
        unsafe { fill_list(peers, peer_size, cap, count, values) }
    };
    // SAFETY: the arguments are as this function asks.
    unsafe { on(session, err, body) }
}

/// Connects a port with the room. It replaces the port that was there, if any, which can be used again then. An adapter of
/// this host (TAP) must be set in the configuration instead, because the way to the relay is kept out of it from the start,
/// and a gateway's interface should be, because the room learns its address then.
///
/// @param session borrowed.
/// @param port borrowed: the session keeps it alive by itself.
/// @param timeout_ms how long to wait until it is done, which is soon; it is done in any case.
/// @param err out, or NULL: LANPARTY_E_PORT_IN_USE, LANPARTY_E_MTU if the port carries smaller frames than the session has
///     promised, LANPARTY_E_WRONG_PORT for an adapter that was not set from the start, LANPARTY_E_CLOSED,
///     LANPARTY_E_SESSION_OVER, or why the port could not be opened. Nothing has changed then; but if the session ends at
///     that very moment, the port ends with it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_session_bridge(
    session: *const lanparty_session,
    port: *const lanparty_port,
    timeout_ms: u32,
    err: *mut *mut lanparty_error,
) -> lanparty_status {
    let body = |running: &Running| {
        // SAFETY: the port is as this function asks.
        let device = unsafe { value_of(port) }?;
        running.bridge(device, callback::deadline(timeout_ms)?)
    };
    // SAFETY: the arguments are as this function asks.
    unsafe { on(session, err, body) }
}

/// Takes the port away, which can be used again then. Nothing happens if there is none.
///
/// @param session borrowed.
/// @param timeout_ms how long to wait until it is done, which is soon; it is done in any case.
/// @param err out, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_session_unbridge(
    session: *const lanparty_session,
    timeout_ms: u32,
    err: *mut *mut lanparty_error,
) -> lanparty_status {
    let body = |running: &Running| running.unbridge(callback::deadline(timeout_ms)?);
    // SAFETY: the arguments are as this function asks.
    unsafe { on(session, err, body) }
}

/// Stops or resumes the data plane while the session stays up: frames are dropped on both sides, and counted. The others see
/// it.
///
/// @param session borrowed.
/// @param paused 1 or 0.
/// @param err out, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_session_set_paused(
    session: *const lanparty_session,
    paused: u8,
    err: *mut *mut lanparty_error,
) -> lanparty_status {
    let body = |running: &Running| {
        running.must_be_open()?;
        if paused > 1 {
            return Err(Failure::usage(LANPARTY_E_INVALID_ARG, format!("paused is {paused}: it is 0 or 1")));
        }
        running.session.set_paused(paused == 1);
        Ok(LANPARTY_OK)
    };
    // SAFETY: the arguments are as this function asks.
    unsafe { on(session, err, body) }
}

/// What has been moved so far.
///
/// @param session borrowed.
/// @param stats out: its struct_size is set by the caller.
/// @param err out, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_session_stats(
    session: *const lanparty_session,
    stats: *mut lanparty_stats,
    err: *mut *mut lanparty_error,
) -> lanparty_status {
    // SAFETY: the struct is as this function asks.
    let body = |running: &Running| unsafe { fill(stats, "stats", report::stats(&running.session.stats())) };
    // SAFETY: the arguments are as this function asks.
    unsafe { on(session, err, body) }
}

/// One counter, so that a binding never needs a larger struct.
///
/// @param session borrowed.
/// @param id LANPARTY_STAT_*.
/// @param value out.
/// @param err out, or NULL: LANPARTY_E_INVALID_ARG for a number that this version does not know.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_session_stat(
    session: *const lanparty_session,
    id: u32,
    value: *mut u64,
    err: *mut *mut lanparty_error,
) -> lanparty_status {
    let body = |running: &Running| {
        writable(value, "value")?;
        let Some(counter) = report::stat(&running.session.stats(), id) else {
            return Err(Failure::usage(LANPARTY_E_INVALID_ARG, format!("there is no counter {id}")));
        };
        // SAFETY: not NULL, and the caller may write it.
        unsafe { value.write(counter) };
        Ok(LANPARTY_OK)
    };
    // SAFETY: the arguments are as this function asks.
    unsafe { on(session, err, body) }
}

/// What went no further and why: the reasons that happened at least once.
///
/// @param session borrowed.
/// @param drops out: a list; may be NULL if `cap` is 0.
/// @param drop_size sizeof(lanparty_drop).
/// @param cap how many elements the list has.
/// @param count out: how many reasons there are.
/// @param err out, or NULL.
/// @return LANPARTY_OK, or LANPARTY_TRUNCATED if there are more than `cap`: the first ones are written then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_session_drops(
    session: *const lanparty_session,
    drops: *mut lanparty_drop,
    drop_size: usize,
    cap: usize,
    count: *mut usize,
    err: *mut *mut lanparty_error,
) -> lanparty_status {
    let body = |running: &Running| {
        let values = || report::drops(&running.session.stats());
        // SAFETY: the list is as this function asks.
        unsafe { fill_list(drops, drop_size, cap, count, values) }
    };
    // SAFETY: the arguments are as this function asks.
    unsafe { on(session, err, body) }
}

/// What the session knows about itself now.
///
/// @param session borrowed.
/// @param diagnostics out: its struct_size is set by the caller.
/// @param err out, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_session_diagnostics(
    session: *const lanparty_session,
    diagnostics: *mut lanparty_diagnostics,
    err: *mut *mut lanparty_error,
) -> lanparty_status {
    let body = |running: &Running| {
        let known = report::diagnostics(&running.session.diagnostics(), running.session.phase());
        // SAFETY: the struct is as this function asks.
        unsafe { fill(diagnostics, "diagnostics", known) }
    };
    // SAFETY: the arguments are as this function asks.
    unsafe { on(session, err, body) }
}

/// The same as a few lines that a player understands, as the programs print them.
///
/// @param session borrowed.
/// @param lines out: a list; may be NULL if `cap` is 0. Ten elements are enough.
/// @param line_size sizeof(lanparty_user_line).
/// @param cap how many elements the list has.
/// @param count out: how many lines there are.
/// @param err out, or NULL.
/// @return LANPARTY_OK, or LANPARTY_TRUNCATED if there are more than `cap`: the first ones are written then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_session_user_lines(
    session: *const lanparty_session,
    lines: *mut lanparty_user_line,
    line_size: usize,
    cap: usize,
    count: *mut usize,
    err: *mut *mut lanparty_error,
) -> lanparty_status {
    let body = |running: &Running| {
        let values = || running.session.diagnostics().user_lines().iter().map(report::user_line).collect();
        // SAFETY: the list is as this function asks.
        unsafe { fill_list(lines, line_size, cap, count, values) }
    };
    // SAFETY: the arguments are as this function asks.
    unsafe { on(session, err, body) }
}

/// Leaves the room, and waits until the relay knows and the session's threads have ended. Everybody who waits for the session
/// is woken. The first call decides; later ones only wait. What the session knows can still be asked afterwards, and its
/// events taken.
///
/// @param session borrowed.
/// @param text borrowed: a word for the others, 200 characters at most; NULL for none.
/// @param text_len its length in bytes, or LANPARTY_NUL_TERMINATED.
/// @param timeout_ms how long to wait; a few seconds at most are needed. 0 only begins.
/// @param err out, or NULL: LANPARTY_E_REENTRANT inside a callback.
/// @return LANPARTY_OK once everything has stopped, LANPARTY_WOULD_BLOCK if that takes longer: it goes on by itself.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_session_close(
    session: *const lanparty_session,
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
    unsafe { on(session, err, body) }
}

/// Frees a session. Never waits: if it was not closed, it leaves in the background.
///
/// @param session consumed; NULL does nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_session_free(session: *mut lanparty_session) {
    // SAFETY: NULL or a session that nobody uses any more.
    unsafe { free(session) }
}
