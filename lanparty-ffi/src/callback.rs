//! Calls into the caller's code.
#![cfg_attr(
    windows,
    allow(
        clippy::missing_const_for_thread_local,
        reason = "it is const, behind what Windows makes of the macro"
    )
)]

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::Failure;
use crate::signal::Deadline;
use crate::status::LANPARTY_E_REENTRANT;

thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Runs a callback of the caller's. `None` if it panicked, which a callback that is written in Rust may do.
pub(crate) fn call<T>(callback: impl FnOnce() -> T) -> Option<T> {
    struct Outside(bool);
    impl Drop for Outside {
        fn drop(&mut self) {
            INSIDE.set(self.0);
        }
    }
    let _outside = Outside(INSIDE.replace(true));
    catch_unwind(AssertUnwindSafe(callback)).ok()
}

/// Whether this thread is inside a callback.
pub(crate) fn is_inside() -> bool {
    INSIDE.get()
}

/// Refuses what must not be done inside a callback: the library's thread waits for it to return.
pub(crate) fn must_be_outside(what: &str) -> Result<(), Failure> {
    if !is_inside() {
        return Ok(());
    }
    let message = format!("{what} inside a callback would wait for the callback itself: leave it first");
    Err(Failure::usage(LANPARTY_E_REENTRANT, message))
}

/// The deadline of a call that may wait, which it may not inside a callback.
pub(crate) fn deadline(timeout_ms: u32) -> Result<Deadline, Failure> {
    if timeout_ms > 0 {
        must_be_outside("waiting")?;
    }
    Ok(Deadline::after_ms(timeout_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_is_refused_inside_only() {
        assert!(deadline(1).is_ok());
        let inside = call(|| (deadline(1).is_err(), deadline(0).is_ok()));
        assert_eq!(inside, Some((true, true)));
        assert!(deadline(1).is_ok());
    }

    #[test]
    fn a_panic_ends_at_the_call() {
        assert_eq!(call(|| -> u8 { panic!("on purpose") }), None);
        assert!(!is_inside());
    }
}
