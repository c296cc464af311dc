//! How a relay is to be.

use std::ffi::c_char;
use std::sync::Mutex;

use lanparty_sdk::quic::ServerCert;
use lanparty_sdk::settings::RelaySettings;

use crate::error::lanparty_error;
use crate::handle::{Handle, boundary, free, on, opaque, writable, write_owned};
use crate::lock::lock;
use crate::status::*;
use crate::text::{bytes, text};

/// How a relay is to be: filled by its setters, used by lanparty_relay_bind any number of times, freed with
/// lanparty_relay_config_free. For one thread at a time.
#[derive(Debug)]
pub struct lanparty_relay_config(Handle<Mutex<Plan>>);

opaque!(lanparty_relay_config => Mutex<Plan>, "configuration");

/// What a relay is started from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    pub(super) settings: RelaySettings,
    pub(super) certificate: Option<ServerCert>,
}

/// Makes a configuration with all defaults: port 443 on every address, and a self-made certificate for lanparty-relay.local.
///
/// @param config out: freed with lanparty_relay_config_free.
/// @param err out, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_relay_config_new(
    config: *mut *mut lanparty_relay_config,
    err: *mut *mut lanparty_error,
) -> lanparty_status {
    let body = || {
        writable(config, "config")?;
        let made = lanparty_relay_config(Handle::new(Mutex::default()));
        // SAFETY: not NULL, and the caller may write it.
        unsafe { write_owned(config, made) };
        Ok(LANPARTY_OK)
    };
    // SAFETY: `err` is as this function asks.
    unsafe { boundary(err, body) }
}

/// Sets one value by its key. The keys are those of lanparty-relay's long options and configuration files: listen, cert, key
/// (files), dev-cert-name, dev-cert-der-out (a file), workers, max-clients-per-room, limit-client-bytes and so on;
/// docs/abi.md lists them all with their defaults.
///
/// @param config borrowed; unchanged if this fails.
/// @param key borrowed.
/// @param key_len its length in bytes, or LANPARTY_NUL_TERMINATED.
/// @param value borrowed: as it would be written on a command line: 127.0.0.1:0, 64, 2Mi:4Mi, unlimited, 10s.
/// @param value_len its length in bytes, or LANPARTY_NUL_TERMINATED.
/// @param err out, or NULL: LANPARTY_E_UNKNOWN_KEY names the nearest key, LANPARTY_E_BAD_VALUE what is wanted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_relay_config_set(
    config: *mut lanparty_relay_config,
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

/// Sets any number of values from a TOML text with the keys of lanparty_relay_config_set.
///
/// @param config borrowed; unchanged if this fails.
/// @param toml borrowed.
/// @param toml_len its length in bytes, or LANPARTY_NUL_TERMINATED.
/// @param err out, or NULL: names the line.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_relay_config_load_toml(
    config: *mut lanparty_relay_config,
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

/// Sets the certificate from memory. Goes before all keys that name certificates.
///
/// @param config borrowed; unchanged if this fails.
/// @param chain borrowed: the chain in PEM, the relay's own certificate first.
/// @param chain_len how many bytes.
/// @param key borrowed: the private key in PEM.
/// @param key_len how many bytes.
/// @param err out, or NULL: LANPARTY_E_CERTIFICATE_FILE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_relay_config_set_certificate_pem(
    config: *mut lanparty_relay_config,
    chain: *const u8,
    chain_len: usize,
    key: *const u8,
    key_len: usize,
    err: *mut *mut lanparty_error,
) -> lanparty_status {
    let body = |plan: &Mutex<Plan>| {
        // SAFETY: the bytes are as this function asks.
        let (chain, key) = unsafe { (bytes(chain, chain_len, "chain")?, bytes(key, key_len, "key")?) };
        let certificate = ServerCert::from_pem(chain, key)?;
        lock(plan).certificate = Some(certificate);
        Ok(LANPARTY_OK)
    };
    // SAFETY: the arguments are as this function asks.
    unsafe { on(config, err, body) }
}

/// Frees a configuration. Relays that were started from it live on.
///
/// @param config consumed; NULL does nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_relay_config_free(config: *mut lanparty_relay_config) {
    // SAFETY: NULL or a configuration that nobody uses any more.
    unsafe { free(config) }
}
