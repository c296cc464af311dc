//! Why a function failed: inside the library, and as an object for the caller.

use std::any::Any;
use std::ffi::{CString, c_char};
use std::io;

use lanparty_sdk::error::{Coded, ErrorKind};

use crate::handle::{Handle, free, opaque, write_owned};
use crate::status::*;

/// A failure on its way to the caller.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) status: i32,
    kind: u32,
    os_error: i32,
    message: String,
}

impl Failure {
    /// A mistake of the caller's.
    pub(crate) fn usage(status: i32, message: impl Into<String>) -> Self {
        Self { status, kind: LANPARTY_KIND_USAGE, os_error: 0, message: message.into() }
    }

    /// An error that has a number and a kind in the SDK.
    pub(crate) fn coded(code: u32, message: impl Into<String>) -> Self {
        let kind = kind_number(ErrorKind::of(code));
        Self { status: status_of(code), kind, os_error: 0, message: message.into() }
    }

    /// The host refused something.
    pub(crate) fn system(what: &str, error: &io::Error) -> Self {
        Self {
            os_error: error.raw_os_error().unwrap_or(0),
            ..Self::coded(lanparty_sdk::error::code::SYSTEM, format!("{what}: {error}"))
        }
    }

    pub(crate) fn closed(what: &str) -> Self {
        Self::usage(LANPARTY_E_CLOSED, format!("the {what} has been closed"))
    }

    /// A caught panic.
    pub(crate) fn panicked(panic: &(dyn Any + Send)) -> Self {
        let text = panic.downcast_ref::<&str>().copied().map(str::to_owned);
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        let text = text.unwrap_or_else(|| "no message".to_owned());
        Self {
            status: LANPARTY_E_PANIC,
            kind: LANPARTY_KIND_INTERNAL,
            os_error: 0,
            message: format!("a bug in the library, please report it: {text}"),
        }
    }

    pub(crate) fn poisoned() -> Self {
        Self {
            status: LANPARTY_E_PANIC,
            kind: LANPARTY_KIND_INTERNAL,
            os_error: 0,
            message: "an earlier call on this handle met a bug in the library: free it".to_owned(),
        }
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// Leaves the failure with the caller, if it wants to know.
    ///
    /// # Safety
    /// `err` is NULL or may be written.
    pub(crate) unsafe fn report(self, err: *mut *mut lanparty_error) -> i32 {
        let status = self.status;
        if !err.is_null() {
            // SAFETY: not NULL, and the caller may write it.
            unsafe { write_owned(err, lanparty_error(Handle::new(ErrorParts::from(self)))) };
        }
        status
    }
}

impl<E: Coded + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut os_error = 0;
        let mut source = error.source();
        while let Some(cause) = source {
            message.push_str(": ");
            message.push_str(&cause.to_string());
            let errno = cause.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error);
            os_error = errno.unwrap_or(os_error);
            source = cause.source();
        }
        Self { status: status_of(error.code()), kind: kind_number(error.kind()), os_error, message }
    }
}

/// Why a function failed. It belongs to the caller, who frees it with `lanparty_error_free`; any thread may do so.
#[derive(Debug)]
pub struct lanparty_error(Handle<ErrorParts>);

opaque!(lanparty_error => ErrorParts, "error");

#[derive(Debug)]
pub(crate) struct ErrorParts {
    status: i32,
    kind: u32,
    os_error: i32,
    message: CString,
}

impl From<Failure> for ErrorParts {
    fn from(failure: Failure) -> Self {
        let Failure { status, kind, os_error, mut message } = failure;
        message.retain(|char| char != '\0');
        Self { status, kind, os_error, message: CString::new(message).unwrap_or_default() }
    }
}

/// The status that the failed function answered.
///
/// @param error borrowed; NULL gives LANPARTY_E_NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_error_status(error: *const lanparty_error) -> i32 {
    // SAFETY: NULL or an error that is alive, as every function asks.
    unsafe { error.as_ref() }.map_or(LANPARTY_E_NULL, |error| error.0.value().status)
}

/// What the failure is about, in one of a few words: `LANPARTY_KIND_*`. More may come.
///
/// @param error borrowed; NULL gives LANPARTY_KIND_USAGE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_error_kind(error: *const lanparty_error) -> u32 {
    // SAFETY: as above.
    unsafe { error.as_ref() }.map_or(LANPARTY_KIND_USAGE, |error| error.0.value().kind)
}

/// The operating system's number behind the failure (`errno`), or 0 if there is none.
///
/// @param error borrowed; NULL gives 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_error_os_error(error: *const lanparty_error) -> i32 {
    // SAFETY: as above.
    unsafe { error.as_ref() }.map_or(0, |error| error.0.value().os_error)
}

/// What went wrong and what to do about it, for people: UTF-8, NUL-terminated.
///
/// @param error borrowed; NULL gives an empty text.
/// @return borrowed from the error until it is freed; never NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_error_message(error: *const lanparty_error) -> *const c_char {
    // SAFETY: as above.
    unsafe { error.as_ref() }.map_or(c"", |error| error.0.value().message.as_c_str()).as_ptr()
}

/// Frees an error.
///
/// @param error consumed; NULL does nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_error_free(error: *mut lanparty_error) {
    // SAFETY: NULL or an error that nobody uses any more.
    unsafe { free(error) }
}
