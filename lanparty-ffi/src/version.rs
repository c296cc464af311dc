//! Which library this is.

use std::ffi::c_char;

use crate::error::lanparty_error;
use crate::handle::{boundary, on};
use crate::session::lanparty_session;
use crate::status::lanparty_status;

/// The version of this interface: raised whenever something that was there changes or goes. Compare it with
/// lanparty_abi_version() before the first call if the library was not shipped together with the program.
pub const LANPARTY_ABI_VERSION: u32 = 1;

/// The library's version, first number.
pub const LANPARTY_VERSION_MAJOR: u32 = 0;

/// The library's version, second number.
pub const LANPARTY_VERSION_MINOR: u32 = 1;

/// The library's version, third number.
pub const LANPARTY_VERSION_PATCH: u32 = 0;

/// LANPARTY_ABI_VERSION of the library that is loaded.
#[unsafe(no_mangle)]
pub extern "C" fn lanparty_abi_version() -> u32 {
    LANPARTY_ABI_VERSION
}

/// The version of the library that is loaded, as in "0.1.0": static, NUL-terminated.
#[unsafe(no_mangle)]
pub extern "C" fn lanparty_version() -> *const c_char {
    const TEXT: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    TEXT.as_ptr().cast()
}

/// Panics inside on purpose, so that an embedder's tests can see what a bug in the library would look like: the answer is
/// LANPARTY_E_PANIC.
///
/// @param session borrowed; if it is not NULL it is poisoned: every later call on it answers LANPARTY_E_PANIC, and all
///     that can be done with it is to free it.
/// @param err out, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_test_panic(
    session: *const lanparty_session,
    err: *mut *mut lanparty_error,
) -> lanparty_status {
    let body = || -> i32 { panic!("asked for by lanparty_test_panic") };
    if session.is_null() {
        // SAFETY: `err` is as this function asks.
        return unsafe { boundary(err, || Ok(body())) };
    }
    // SAFETY: the arguments are as this function asks.
    unsafe { on(session, err, |_| Ok(body())) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CStr;

    #[test]
    fn the_numbers_are_those_of_the_package() {
        let numbers = format!("{LANPARTY_VERSION_MAJOR}.{LANPARTY_VERSION_MINOR}.{LANPARTY_VERSION_PATCH}");
        assert_eq!(numbers, env!("CARGO_PKG_VERSION"));
        // SAFETY: the text is static and ends with a NUL.
        let text = unsafe { CStr::from_ptr(lanparty_version()) };
        assert_eq!(text.to_str().unwrap(), numbers);
    }
}
