//! The runtime behind a session or a relay: its own threads, and their orderly end.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::runtime::{Builder, Handle as Spawner, Runtime};
use tokio::task::JoinHandle as TaskHandle;

use crate::error::Failure;
use crate::lock::lock;
use crate::signal::{Deadline, Signal};

/// How long a farewell may take. The library's own is shorter; this only bounds what should not happen.
const FAREWELL_LIMIT_MS: u32 = 6_000;
/// How long threads may take to notice that they are to end.
const THREADS_LIMIT: Duration = Duration::from_secs(2);

/// A runtime of its own, so that several sessions and relays of one process have nothing to do with each other.
///
/// A runtime cannot be dropped just anywhere: that waits for its threads, and panics inside an asynchronous program. So a
/// thread of its own does it, and whoever closes may wait for that.
#[derive(Debug)]
pub(crate) struct Host {
    state: Mutex<State>,
    spawner: Spawner,
    gone: Arc<Signal>,
}

#[derive(Debug)]
struct State {
    runtime: Option<Runtime>,
    ending: Option<JoinHandle<()>>,
    gone: bool,
}

impl Host {
    /// Starts `workers` threads.
    pub(crate) fn new(workers: usize, name: &str) -> Result<Arc<Self>, Failure> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(workers.max(1))
            .thread_name(name)
            .on_thread_start(|| {
                lanparty_sdk::port::prefer_latency();
            })
            .enable_all()
            .build()
            .map_err(|error| Failure::system("no threads can be started", &error))?;
        let spawner = runtime.handle().clone();
        let state = Mutex::new(State { runtime: Some(runtime), ending: None, gone: false });
        Ok(Arc::new(Self { state, spawner, gone: Arc::default() }))
    }

    /// Runs a future on the runtime and waits for its result. If the time runs out it goes on by itself.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        deadline: Deadline,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, NoResult> {
        let done = Arc::new(Done { signal: Signal::default(), result: Mutex::new(Running::Yes) });
        let sender = Sender(Arc::clone(&done));
        self.spawner.spawn(async move {
            let result = future.await;
            sender.0.set(Running::Done(result));
        });
        done.signal.until(deadline, || done.take()).unwrap_or(Err(NoResult::Late))
    }

    /// Starts something in the background.
    pub(crate) fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) -> TaskHandle<()> {
        self.spawner.spawn(future)
    }

    /// Calls something that wants to be inside a runtime.
    pub(crate) fn inside<T>(&self, body: impl FnOnce() -> T) -> T {
        let _guard = self.spawner.enter();
        body()
    }

    /// Begins the end, once: first the farewell, then the threads. `epilogue` is dropped when everything has stopped.
    ///
    /// A callback of the program's that does not return keeps its thread, and with it whatever waits for that. So neither
    /// the farewell nor the threads are waited for without an end.
    pub(crate) fn end(
        self: &Arc<Self>,
        farewell: impl Future<Output = ()> + Send + 'static,
        epilogue: impl Send + 'static,
    ) {
        let mut state = self.state();
        let Some(runtime) = state.runtime.take() else { return };
        let host = Arc::clone(self);
        let kept = Arc::new(Mutex::new(Some(runtime)));
        let handed = Arc::clone(&kept);
        let work = move || {
            let runtime = lock(&handed).take();
            if let Some(runtime) = runtime {
                // Not by the runtime's own clock, which stands still while all of its threads are kept.
                let _ = host.run(Deadline::after_ms(FAREWELL_LIMIT_MS), farewell);
                runtime.shutdown_timeout(THREADS_LIMIT);
            }
            drop(epilogue);
            host.state().gone = true;
            host.gone.notify();
        };
        match thread::Builder::new().name("lanparty-end".to_owned()).spawn(work) {
            Ok(thread) => state.ending = Some(thread),
            // No thread is left to say goodbye with.
            Err(_) => {
                if let Some(runtime) = lock(&kept).take() {
                    runtime.shutdown_background();
                }
                state.gone = true;
                self.gone.notify();
            }
        }
    }

    /// Waits until everything has stopped and no thread is left. `false` if that takes longer.
    pub(crate) fn wait_gone(&self, deadline: Deadline) -> bool {
        let gone = || self.state().gone.then_some(());
        if self.gone.until(deadline, gone).is_none() {
            return false;
        }
        let thread = self.state().ending.take();
        if let Some(thread) = thread {
            let _ = thread.join(); // it has nothing left to do
        }
        true
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// Why there is no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoResult {
    /// It does not come in time.
    Late,
    /// The runtime ended before it came.
    Gone,
}

enum Running<T> {
    Yes,
    Done(T),
    /// The runtime ended first.
    Never,
}

struct Done<T> {
    signal: Signal,
    result: Mutex<Running<T>>,
}

impl<T> Done<T> {
    fn set(&self, result: Running<T>) {
        *lock(&self.result) = result;
        self.signal.notify();
    }

    fn take(&self) -> Option<Result<T, NoResult>> {
        let mut result = lock(&self.result);
        match std::mem::replace(&mut *result, Running::Never) {
            Running::Yes => {
                *result = Running::Yes;
                None
            }
            Running::Done(value) => Some(Ok(value)),
            Running::Never => Some(Err(NoResult::Gone)),
        }
    }
}

/// Tells who waits when the future is dropped without a result.
struct Sender<T>(Arc<Done<T>>);

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let mut result = lock(&self.0.result);
        if matches!(*result, Running::Yes) {
            *result = Running::Never;
            drop(result);
            self.0.signal.notify();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;

    #[test]
    fn a_result_comes_or_the_time_runs_out() {
        let host = Host::new(1, "test").unwrap();
        assert_eq!(host.run(Deadline::Never, async { 7 }), Ok(7));
        assert_eq!(host.run(Deadline::after_ms(1), pending::<u8>()), Err(NoResult::Late));
        host.end(async {}, ());
        assert!(host.wait_gone(Deadline::Never));
        assert!(host.wait_gone(Deadline::Now), "as often as one likes");
        assert_eq!(host.run(Deadline::Never, async { 7 }), Err(NoResult::Gone), "nothing runs any more");
    }

    #[test]
    fn what_waits_for_a_lost_future_is_told() {
        let host = Host::new(1, "test").unwrap();
        let other = Arc::clone(&host);
        let waiter = thread::spawn(move || other.run(Deadline::Never, pending::<u8>()));
        host.end(async {}, ());
        assert_eq!(waiter.join().unwrap(), Err(NoResult::Gone));
    }
}
