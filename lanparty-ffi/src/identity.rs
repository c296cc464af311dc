//! Identities: who a member is, from one party to the next.

use std::ffi::c_char;

use lanparty_sdk::frame::MacAddr;
use lanparty_sdk::identity::{Identity, LoadedIdentity};

use crate::error::lanparty_error;
use crate::handle::{Handle, boundary, free, on, opaque, writable, write_owned};
use crate::status::*;
use crate::text::{copy_text_out, text};

/// The Ethernet address and the secret by which a relay knows a member again. Made once and only read after that: any
/// number of threads may use it.
#[derive(Debug)]
pub struct lanparty_identity(Handle<Known>);

opaque!(lanparty_identity => Known, "identity");

#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) identity: Identity,
    warning: String,
}

impl lanparty_identity {
    fn new(identity: Identity, warning: String) -> Self {
        Self(Handle::new(Known { identity, warning }))
    }
}

/// Makes a new identity: a random address and a random secret. Kept nowhere.
///
/// @param identity out: freed with lanparty_identity_free.
/// @param err out, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_identity_generate(
    identity: *mut *mut lanparty_identity,
    err: *mut *mut lanparty_error,
) -> lanparty_status {
    let body = || {
        writable(identity, "identity")?;
        let made = lanparty_identity::new(Identity::generate()?, String::new());
        // SAFETY: not NULL, and the caller may write it.
        unsafe { write_owned(identity, made) };
        Ok(LANPARTY_OK)
    };
    // SAFETY: `err` is as this function asks.
    unsafe { boundary(err, body) }
}

/// Reads the identity from a file, or makes one and writes it there (mode 0600, folders included) if there is no such file,
/// so that a player is the same at every party. A file that cannot be used is never replaced.
///
/// @param path borrowed: the file.
/// @param path_len its length in bytes, or LANPARTY_NUL_TERMINATED.
/// @param identity out: freed with lanparty_identity_free.
/// @param err out, or NULL: LANPARTY_E_IDENTITY_FILE names the file and what to do.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_identity_load_or_create(
    path: *const c_char,
    path_len: usize,
    identity: *mut *mut lanparty_identity,
    err: *mut *mut lanparty_error,
) -> lanparty_status {
    let body = || {
        writable(identity, "identity")?;
        // SAFETY: the text is as this function asks.
        let path = unsafe { text(path, path_len, "path") }?;
        let LoadedIdentity { identity: found, warning, .. } = Identity::load_or_create(path)?;
        let warning = warning.map(|warning| warning.to_string()).unwrap_or_default();
        let known = lanparty_identity::new(found, warning);
        // SAFETY: not NULL, and the caller may write it.
        unsafe { write_owned(identity, known) };
        Ok(LANPARTY_OK)
    };
    // SAFETY: `err` is as this function asks.
    unsafe { boundary(err, body) }
}

/// The same secret with another address, for one run.
///
/// @param identity borrowed.
/// @param mac borrowed: 6 bytes, unicast and locally administered.
/// @param changed out: another identity, freed with lanparty_identity_free.
/// @param err out, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_identity_with_mac(
    identity: *const lanparty_identity,
    mac: *const u8,
    changed: *mut *mut lanparty_identity,
    err: *mut *mut lanparty_error,
) -> lanparty_status {
    let body = |known: &Known| {
        writable(changed, "changed")?;
        writable(mac.cast_mut(), "mac")?;
        // SAFETY: not NULL, and the caller says that 6 bytes are there.
        let octets = unsafe { mac.cast::<[u8; 6]>().read_unaligned() };
        let other = known.identity.clone().with_mac(MacAddr(octets))?;
        // SAFETY: not NULL, and the caller may write it.
        unsafe { write_owned(changed, lanparty_identity::new(other, String::new())) };
        Ok(LANPARTY_OK)
    };
    // SAFETY: the arguments are as this function asks.
    unsafe { on(identity, err, body) }
}

/// The address that a client with this identity has in every room.
///
/// @param identity borrowed.
/// @param mac out: 6 bytes.
/// @param err out, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_identity_mac(
    identity: *const lanparty_identity,
    mac: *mut u8,
    err: *mut *mut lanparty_error,
) -> lanparty_status {
    let body = |known: &Known| {
        writable(mac, "mac")?;
        // SAFETY: not NULL, and the caller says that 6 bytes may be written.
        unsafe { mac.cast::<[u8; 6]>().write_unaligned(known.identity.mac().octets()) };
        Ok(LANPARTY_OK)
    };
    // SAFETY: the arguments are as this function asks.
    unsafe { on(identity, err, body) }
}

/// What the user should know about the file that the identity came from, although it could be read: an empty text if
/// nothing.
///
/// @param identity borrowed.
/// @param buf out: the text with a NUL; may be NULL if `cap` is 0.
/// @param cap how many bytes `buf` has.
/// @param needed out: how many bytes it takes, the NUL included. LANPARTY_TRUNCATED if that is more than `cap`; nothing
///     is written to `buf` then.
/// @param err out, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_identity_warning(
    identity: *const lanparty_identity,
    buf: *mut c_char,
    cap: usize,
    needed: *mut usize,
    err: *mut *mut lanparty_error,
) -> lanparty_status {
    // SAFETY: the buffer is as this function asks.
    let body = |known: &Known| unsafe { copy_text_out(&known.warning, buf, cap, needed) };
    // SAFETY: the arguments are as this function asks.
    unsafe { on(identity, err, body) }
}

/// Frees an identity. Configurations that it was given to keep their own copy.
///
/// @param identity consumed; NULL does nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_identity_free(identity: *mut lanparty_identity) {
    // SAFETY: NULL or an identity that nobody uses any more.
    unsafe { free(identity) }
}
