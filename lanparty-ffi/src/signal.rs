//! Waiting: for a while, by any number of threads at once, or with poll and its like.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Wake;
use std::time::{Duration, Instant};

use crate::error::Failure;
use crate::lock::lock;

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

/// Counts what happened, wakes whoever waits for it, and makes a file descriptor readable for those who poll.
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
        self.set_readable(true);
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

    /// The descriptor to poll, made when it is first asked for. The caller says afterwards whether it is readable.
    pub(crate) fn descriptor(&self) -> Result<i64, Failure> {
        if let Some(handle) = self.handle.get() {
            return Ok(handle.raw());
        }
        let handle = WaitHandle::new()?;
        // Of two threads that ask at once, the first one's stands.
        Ok(self.handle.get_or_init(|| handle).raw())
    }

    /// Whether anybody polls.
    pub(crate) fn is_polled(&self) -> bool {
        self.handle.get().is_some()
    }

    /// Says whether the descriptor is readable. Does nothing if nobody polls.
    pub(crate) fn set_readable(&self, readable: bool) {
        if let Some(handle) = self.handle.get() {
            handle.set(readable);
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

#[cfg(target_os = "linux")]
#[derive(Debug)]
struct WaitHandle(nix::sys::eventfd::EventFd);

#[cfg(target_os = "linux")]
impl WaitHandle {
    fn new() -> Result<Self, Failure> {
        use nix::sys::eventfd::{EfdFlags, EventFd};
        EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)
            .map(Self)
            .map_err(|error| Failure::system("no descriptor to wait on can be made", &error.into()))
    }

    fn raw(&self) -> i64 {
        use std::os::fd::{AsFd as _, AsRawFd as _};
        self.0.as_fd().as_raw_fd().into()
    }

    fn set(&self, readable: bool) {
        // An eventfd that is full is readable, and one that is empty is not: neither needs anything done.
        let _ = if readable { self.0.write(1).map(drop) } else { self.0.read().map(drop) };
    }
}

#[cfg(not(target_os = "linux"))]
#[derive(Debug)]
struct WaitHandle;

#[cfg(not(target_os = "linux"))]
impl WaitHandle {
    fn new() -> Result<Self, Failure> {
        let code = lanparty_sdk::error::code::UNSUPPORTED;
        Err(Failure::coded(code, "this system has no wait handles yet: use timeouts"))
    }

    fn raw(&self) -> i64 {
        -1
    }

    fn set(&self, _readable: bool) {}
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
