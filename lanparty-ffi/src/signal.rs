//! Waiting: for a while, by any number of threads at once, or in the loop of the program.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Wake;
use std::time::{Duration, Instant};

use crate::error::Failure;
use crate::lock::lock;
use crate::wait_handle::WaitHandle;

/// As a timeout in milliseconds: for ever.
pub const LANPARTY_FOREVER: u32 = u32::MAX;

/// When a call has waited long enough.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Deadline {
    Never,
    At(Instant),
    /// It may not wait at all.
    Now,
}

impl Deadline {
    /// A caller's timeout.
    pub(crate) fn after_ms(timeout_ms: u32) -> Self {
        match timeout_ms {
            0 => Self::Now,
            LANPARTY_FOREVER => Self::Never,
            millis => Self::At(Instant::now() + Duration::from_millis(millis.into())),
        }
    }
}

/// Counts what happened, wakes whoever waits for it, and tells those who wait on its handle.
#[derive(Debug, Default)]
pub(crate) struct Signal {
    count: Mutex<u64>,
    happened: Condvar,
    handle: OnceLock<WaitHandle>,
}

impl Signal {
    /// How often it was notified so far. What is looked at afterwards and changes later notifies again.
    pub(crate) fn count(&self) -> u64 {
        *self.lock()
    }

    /// Wakes everybody who waits.
    pub(crate) fn notify(&self) {
        *self.lock() += 1;
        self.happened.notify_all();
        self.set_ready(true);
    }

    /// Waits until it was notified more than `seen` times. `false` if that did not happen in time.
    pub(crate) fn wait(&self, seen: u64, deadline: Deadline) -> bool {
        let mut count = self.lock();
        while *count == seen {
            count = match deadline {
                Deadline::Now => return false,
                Deadline::Never => self.happened.wait(count).unwrap_or_else(PoisonError::into_inner),
                Deadline::At(at) => {
                    let left = at.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return false;
                    }
                    self.happened.wait_timeout(count, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        true
    }

    /// Asks `look` now and whenever something happened, until it has an answer or the time is over.
    pub(crate) fn until<T>(&self, deadline: Deadline, mut look: impl FnMut() -> Option<T>) -> Option<T> {
        loop {
            let seen = self.count();
            if let Some(answer) = look() {
                return Some(answer);
            }
            if !self.wait(seen, deadline) {
                return None;
            }
        }
    }

    /// What to wait on, made when it is first asked for. The caller says afterwards whether it is ready.
    pub(crate) fn wait_handle(&self) -> Result<i64, Failure> {
        if let Some(handle) = self.handle.get() {
            return Ok(handle.raw());
        }
        let handle = WaitHandle::new()?;
        // Of two threads that ask at once, the first one's stands.
        Ok(self.handle.get_or_init(|| handle).raw())
    }

    /// Whether anybody waits on the handle.
    pub(crate) fn is_waited_for(&self) -> bool {
        self.handle.get().is_some()
    }

    /// Says whether there is something to take. Does nothing if nobody waits on the handle.
    pub(crate) fn set_ready(&self, ready: bool) {
        if let Some(handle) = self.handle.get() {
            handle.set(ready);
        }
    }

    fn lock(&self) -> MutexGuard<'_, u64> {
        lock(&self.count)
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.notify();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.notify();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn everybody_who_waits_is_woken() {
        let signal = Arc::new(Signal::default());
        let seen = signal.count();
        let waiters: Vec<_> = (0..4)
            .map(|_| {
                let signal = Arc::clone(&signal);
                thread::spawn(move || signal.wait(seen, Deadline::Never))
            })
            .collect();
        signal.notify();
        assert!(waiters.into_iter().all(|waiter| waiter.join().unwrap()));
    }

    #[test]
    fn time_runs_out() {
        let signal = Signal::default();
        assert!(!signal.wait(signal.count(), Deadline::Now));
        assert!(!signal.wait(signal.count(), Deadline::after_ms(1)));
        assert_eq!(signal.until(Deadline::after_ms(1), || None::<()>), None);
        assert_eq!(signal.until(Deadline::Now, || Some(1)), Some(1));
    }
}
