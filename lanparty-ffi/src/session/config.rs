//! How a session is to be.

use std::ffi::c_char;
use std::sync::{Arc, Mutex};

use lanparty_sdk::ctrl::PeerRole;
use lanparty_sdk::identity::Identity;
use lanparty_sdk::quic::Trust;
use lanparty_sdk::settings::SessionSettings;

use crate::error::{Failure, lanparty_error};
use crate::event::{LANPARTY_ROLE_CLIENT, LANPARTY_ROLE_GATEWAY};
use crate::handle::{Handle, boundary, free, on, opaque, value_of, writable, write_owned};
use crate::identity::lanparty_identity;
use crate::lock::lock;
use crate::port::{Device, lanparty_port};
use crate::status::*;
use crate::text::{bytes, optional_text, text};

/// How a session is to be: filled by its setters, used by lanparty_session_start any number of times, freed with
/// lanparty_session_config_free. For one thread at a time.
#[derive(Debug)]
pub struct lanparty_session_config(Handle<Mutex<Plan>>);

opaque!(lanparty_session_config => Mutex<Plan>, "configuration");

/// What a session is started from.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(super) settings: SessionSettings,
    pub(super) identity: Option<Identity>,
    pub(super) trust: Option<Trust>,
    pub(super) device: Option<Arc<Device>>,
}

/// Makes a configuration.
///
/// @param role LANPARTY_ROLE_CLIENT or LANPARTY_ROLE_GATEWAY.
/// @param relay borrowed: HOST or HOST:PORT, 443 unless given; NULL if it comes later, by the key "relay".
/// @param relay_len its length in bytes, or LANPARTY_NUL_TERMINATED.
/// @param room borrowed: the room's code, 3 to 64 letters, digits, '-' and '_'; NULL if it comes later, by the key "room".
/// @param room_len its length in bytes, or LANPARTY_NUL_TERMINATED.
/// @param config out: freed with lanparty_session_config_free.
/// @param err out, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_session_config_new(
    role: u32,
    relay: *const c_char,
    relay_len: usize,
    room: *const c_char,
    room_len: usize,
    config: *mut *mut lanparty_session_config,
    err: *mut *mut lanparty_error,
) -> lanparty_status {
    let body = || {
        writable(config, "config")?;
        let role = match role {
            LANPARTY_ROLE_CLIENT => PeerRole::Client,
            LANPARTY_ROLE_GATEWAY => PeerRole::Gateway,
            other => {
                let message = format!("there is no role {other}: it is 1 for a client, 2 for a gateway");
                return Err(Failure::usage(LANPARTY_E_INVALID_ARG, message));
            }
        };
        // SAFETY: the texts are as this function asks.
        let (relay, room) =
            unsafe { (optional_text(relay, relay_len, "relay")?, optional_text(room, room_len, "room")?) };
        let mut settings = SessionSettings::new(role);
        if let Some(relay) = relay {
            settings.relay = Some(relay.parse().map_err(Failure::from)?);
        }
        if let Some(room) = room {
            settings.room = Some(room.parse().map_err(Failure::from)?);
        }
        let plan = Plan { settings, identity: None, trust: None, device: None };
        // SAFETY: not NULL, and the caller may write it.
        unsafe { write_owned(config, lanparty_session_config(Handle::new(Mutex::new(plan)))) };
        Ok(LANPARTY_OK)
    };
    // SAFETY: `err` is as this function asks.
    unsafe { boundary(err, body) }
}

/// Sets one value by its key. The keys are those of the programs' long options and configuration files: relay, room,
/// server-name, relay-ca-cert (a file), name, agent, mtu, retry, identity (a file), workers, no-route-pin, idle-timeout,
/// keep-alive, limit-outbox-bytes and so on; docs/abi.md lists them all with their defaults.
///
/// @param config borrowed; unchanged if this fails.
/// @param key borrowed.
/// @param key_len its length in bytes, or LANPARTY_NUL_TERMINATED.
/// @param value borrowed: as it would be written on a command line: 1500, true, 250ms, 256Ki.
/// @param value_len its length in bytes, or LANPARTY_NUL_TERMINATED.
/// @param err out, or NULL: LANPARTY_E_UNKNOWN_KEY names the nearest key, LANPARTY_E_BAD_VALUE what is wanted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_session_config_set(
    config: *mut lanparty_session_config,
    key: *const c_char,
    key_len: usize,
    value: *const c_char,
    value_len: usize,
    err: *mut *mut lanparty_error,
) -> lanparty_status {
    let body = |plan: &Mutex<Plan>| {
        // SAFETY: the texts are as this function asks.
        let (key, value) = unsafe { (text(key, key_len, "key")?, text(value, value_len, "value")?) };
        lock(plan).settings.set(key, value)?;
        Ok(LANPARTY_OK)
    };
    // SAFETY: the arguments are as this function asks.
    unsafe { on(config, err, body) }
}

/// Sets any number of values from a TOML text with the keys of lanparty_session_config_set.
///
/// @param config borrowed; unchanged if this fails.
/// @param toml borrowed.
/// @param toml_len its length in bytes, or LANPARTY_NUL_TERMINATED.
/// @param err out, or NULL: names the line.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_session_config_load_toml(
    config: *mut lanparty_session_config,
    toml: *const c_char,
    toml_len: usize,
    err: *mut *mut lanparty_error,
) -> lanparty_status {
    let body = |plan: &Mutex<Plan>| {
        // SAFETY: the text is as this function asks.
        let toml = unsafe { text(toml, toml_len, "toml") }?;
        lock(plan).settings.load_toml(toml)?;
        Ok(LANPARTY_OK)
    };
    // SAFETY: the arguments are as this function asks.
    unsafe { on(config, err, body) }
}

/// Sets who the member is. Without it, and without the key "identity", every start makes a new identity.
///
/// @param config borrowed.
/// @param identity borrowed: it is copied.
/// @param err out, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_session_config_set_identity(
    config: *mut lanparty_session_config,
    identity: *const lanparty_identity,
    err: *mut *mut lanparty_error,
) -> lanparty_status {
    let body = |plan: &Mutex<Plan>| {
        // SAFETY: the identity is as this function asks.
        let known = unsafe { value_of(identity) }?;
        lock(plan).identity = Some(known.identity.clone());
        Ok(LANPARTY_OK)
    };
    // SAFETY: the arguments are as this function asks.
    unsafe { on(config, err, body) }
}

/// Sets the port that is bridged from the start. Without one the session sees who comes and goes, and no frames;
/// lanparty_session_bridge can bring one later.
///
/// @param config borrowed.
/// @param port borrowed: the configuration keeps it alive by itself.
/// @param err out, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_session_config_set_port(
    config: *mut lanparty_session_config,
    port: *const lanparty_port,
    err: *mut *mut lanparty_error,
) -> lanparty_status {
    let body = |plan: &Mutex<Plan>| {
        // SAFETY: the port is as this function asks.
        let device = unsafe { value_of(port) }?;
        let old = lock(plan).device.replace(Arc::clone(device));
        drop(old); // without the lock: a sink's release is the caller's code
        Ok(LANPARTY_OK)
    };
    // SAFETY: the arguments are as this function asks.
    unsafe { on(config, err, body) }
}

/// Trusts these certificates and nothing else: the relay's own, or the authority's that signed it. Without it the key
/// "relay-ca-cert" counts, which names a file that is read at the start, and without that what the system trusts. The name in
/// the relay's certificate must be its host's, or that of the key "server-name".
///
/// @param config borrowed; unchanged if this fails.
/// @param certificates borrowed: one certificate in DER, or any number in PEM. Copied.
/// @param len how many bytes.
/// @param err out, or NULL: LANPARTY_E_CERTIFICATE_FILE if there is no usable one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_session_config_trust_certificates(
    config: *mut lanparty_session_config,
    certificates: *const u8,
    len: usize,
    err: *mut *mut lanparty_error,
) -> lanparty_status {
    let body = |plan: &Mutex<Plan>| {
        // SAFETY: the bytes are as this function asks.
        let trust = Trust::certificates(unsafe { bytes(certificates, len, "certificates") }?)?;
        lock(plan).trust = Some(trust);
        Ok(LANPARTY_OK)
    };
    // SAFETY: the arguments are as this function asks.
    unsafe { on(config, err, body) }
}

/// Trusts anybody. Whoever sits between the member and the relay can then read and change everything: for tests only.
///
/// @param config borrowed.
/// @param err out, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_session_config_dangerous_accept_any(
    config: *mut lanparty_session_config,
    err: *mut *mut lanparty_error,
) -> lanparty_status {
    let body = |plan: &Mutex<Plan>| {
        lock(plan).trust = Some(Trust::dangerous_accept_any());
        Ok(LANPARTY_OK)
    };
    // SAFETY: the arguments are as this function asks.
    unsafe { on(config, err, body) }
}

/// Frees a configuration. Sessions that were started from it live on.
///
/// @param config consumed; NULL does nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_session_config_free(config: *mut lanparty_session_config) {
    // SAFETY: NULL or a configuration that nobody uses any more.
    unsafe { free(config) }
}
