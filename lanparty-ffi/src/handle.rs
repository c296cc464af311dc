//! The boundary: how handles live, and how every function enters and leaves the library.
//!
//! A handle is a box that the caller holds by its address. Each remembers its process, because after a fork the threads
//! behind it are gone, and whether a panic has left it in doubt.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::error::{Failure, lanparty_error};
use crate::status::*;

/// Handles that are not freed yet.
static LIVE: AtomicU64 = AtomicU64::new(0);

/// How many handles of all types, errors included, exist in this process: for tests that look for leaks.
#[unsafe(no_mangle)]
pub extern "C" fn lanparty_live_handles() -> u64 {
    LIVE.load(Ordering::SeqCst)
}

/// What every handle has.
#[derive(Debug)]
pub(crate) struct Handle<T> {
    process: u32,
    poisoned: AtomicBool,
    value: T,
}

impl<T> Handle<T> {
    pub(crate) fn new(value: T) -> Self {
        LIVE.fetch_add(1, Ordering::SeqCst);
        Self { process: process::id(), poisoned: AtomicBool::new(false), value }
    }

    /// The value, for what cannot fail and starts nothing.
    pub(crate) const fn value(&self) -> &T {
        &self.value
    }

    fn enter(&self) -> Result<&T, Failure> {
        if self.process != process::id() {
            return Err(Failure::usage(
                LANPARTY_E_FORKED,
                "the handle belongs to the process that this one was forked from: make a new one here",
            ));
        }
        if self.poisoned.load(Ordering::Acquire) { Err(Failure::poisoned()) } else { Ok(&self.value) }
    }
}

impl<T> Drop for Handle<T> {
    fn drop(&mut self) {
        LIVE.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A type that callers hold by address.
pub(crate) trait Opaque: Sized {
    /// What it holds.
    type Value;

    /// What it is called in messages.
    const NAME: &'static str;

    fn handle(&self) -> &Handle<Self::Value>;
}

macro_rules! opaque {
    ($type:ident => $value:ty, $name:literal) => {
        impl $crate::handle::Opaque for $type {
            type Value = $value;
            const NAME: &'static str = $name;

            fn handle(&self) -> &$crate::handle::Handle<$value> {
                &self.0
            }
        }
    };
}
pub(crate) use opaque;

/// Runs a function that needs no handle. Whatever happens inside, nothing unwinds into the caller.
///
/// # Safety
/// `err` is NULL or may be written.
pub(crate) unsafe fn boundary(
    err: *mut *mut lanparty_error,
    body: impl FnOnce() -> Result<i32, Failure>,
) -> i32 {
    let result = catch_unwind(AssertUnwindSafe(body));
    let failure = match result {
        Ok(Ok(status)) => return status,
        Ok(Err(failure)) => failure,
        Err(panic) => Failure::panicked(&*panic),
    };
    // SAFETY: as this function asks.
    unsafe { failure.report(err) }
}

/// Runs a function on a handle. A panic poisons it.
///
/// # Safety
/// `pointer` is NULL or a handle that is alive, and `err` is NULL or may be written.
pub(crate) unsafe fn on<T: Opaque>(
    pointer: *const T,
    err: *mut *mut lanparty_error,
    body: impl FnOnce(&T::Value) -> Result<i32, Failure>,
) -> i32 {
    let enter = || {
        // SAFETY: as this function asks.
        let handle = unsafe { borrowed(pointer) }?;
        let value = handle.enter()?;
        let result = catch_unwind(AssertUnwindSafe(|| body(value)));
        result.unwrap_or_else(|panic| {
            handle.poisoned.store(true, Ordering::Release);
            Err(Failure::panicked(&*panic))
        })
    };
    // SAFETY: as this function asks.
    unsafe { boundary(err, enter) }
}

/// The value of a second handle.
///
/// # Safety
/// `pointer` is NULL or a handle that is alive for as long as the value is used.
pub(crate) unsafe fn value_of<'a, T: Opaque + 'a>(pointer: *const T) -> Result<&'a T::Value, Failure> {
    // SAFETY: as this function asks.
    unsafe { borrowed(pointer) }?.enter()
}

unsafe fn borrowed<'a, T: Opaque + 'a>(pointer: *const T) -> Result<&'a Handle<T::Value>, Failure> {
    // SAFETY: the callers pass NULL or a handle that is alive.
    let object = unsafe { pointer.as_ref() };
    object.map(T::handle).ok_or_else(|| Failure::usage(LANPARTY_E_NULL, format!("the {} is NULL", T::NAME)))
}

/// Checks that a result can be written, before anything is done for it.
pub(crate) fn writable<T>(out: *mut T, what: &str) -> Result<(), Failure> {
    if out.is_null() { Err(Failure::usage(LANPARTY_E_NULL, format!("{what} is NULL"))) } else { Ok(()) }
}

/// Gives an object to the caller.
///
/// # Safety
/// `out` may be written.
pub(crate) unsafe fn write_owned<T>(out: *mut *mut T, object: T) {
    // SAFETY: as this function asks.
    unsafe { out.write(Box::into_raw(Box::new(object))) }
}

/// Takes an object back and drops it; NULL does nothing. In a forked process it is left alone: the locks inside it may be
/// held by threads that do not exist there.
///
/// # Safety
/// `pointer` is NULL or came from [`write_owned`], and nobody uses it any more.
pub(crate) unsafe fn free<T: Opaque>(pointer: *mut T) {
    // SAFETY: as this function asks.
    let Some(object) = (unsafe { pointer.as_ref() }) else { return };
    if object.handle().process != process::id() {
        return;
    }
    // A destructor that panics has nobody to tell.
    let _ = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: as this function asks, it came out of a box.
        drop(unsafe { Box::from_raw(pointer) });
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Thing(Handle<u8>);

    opaque!(Thing => u8, "thing");

    #[test]
    fn a_panic_poisons_its_handle_only() {
        let (bad, good) = (Thing(Handle::new(1)), Thing(Handle::new(2)));
        let mut err = std::ptr::null_mut();
        // SAFETY: live handles and a place for the error.
        unsafe {
            assert_eq!(on(&raw const bad, &raw mut err, |_| panic!("on purpose")), LANPARTY_E_PANIC);
            crate::error::lanparty_error_free(err);
            assert_eq!(on(&raw const bad, std::ptr::null_mut(), |_| Ok(0)), LANPARTY_E_PANIC);
            assert_eq!(on(&raw const good, std::ptr::null_mut(), |value| Ok(i32::from(*value))), 2);
        }
    }

    #[test]
    fn null_is_an_error_and_free_of_null_is_none() {
        // SAFETY: NULL is allowed.
        unsafe {
            assert_eq!(on(std::ptr::null::<Thing>(), std::ptr::null_mut(), |_| Ok(0)), LANPARTY_E_NULL);
            free(std::ptr::null_mut::<Thing>());
        }
    }
}
