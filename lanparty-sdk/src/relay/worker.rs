//! One of a relay's workers with what runs it: the caller's runtime, or a thread of its own.

use std::io;
use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use quinn::Endpoint;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::driver::{Core, accept, keep_time};
use crate::ctrl::CloseCode;
use crate::port::prefer_latency;
use crate::quic::BindError;

/// How long members may take to acknowledge a relay's farewell.
pub(super) const FAREWELL_TIMEOUT: Duration = Duration::from_secs(2);

/// A worker that runs. Dropping it closes its connections at once.
#[derive(Debug)]
pub(super) struct RelayWorker {
    pub(super) core: Arc<Core>,
    pub(super) endpoint: Endpoint,
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// On the runtime from which it was begun.
    Here([JoinHandle<()>; 2]),
    /// On a thread of its own.
    Aside(Thread),
}

#[derive(Debug)]
struct Thread {
    /// Ends the thread at once. If it is dropped, the thread says goodbye first.
    stop: Mutex<Option<oneshot::Sender<()>>>,
    /// Nothing is ever said here. It is over when the thread has nothing left to do but end.
    ended: watch::Receiver<()>,
    /// The thread itself, until somebody has waited for its end.
    handle: Mutex<Option<thread::JoinHandle<()>>>,
}

impl RelayWorker {
    /// Begins a worker on the tokio runtime from which this is called.
    pub(super) fn here(
        core: Core,
        open: impl FnOnce() -> Result<Endpoint, BindError>,
    ) -> Result<Self, BindError> {
        let (core, endpoint) = (Arc::new(core), open()?);
        let place = Place::Here(spawn(&core, &endpoint));
        Ok(Self { core, endpoint, place })
    }

    /// Begins a worker on a thread of its own.
    pub(super) fn aside(
        addr: SocketAddr,
        core: Core,
        open: impl FnOnce() -> Result<Endpoint, BindError>,
    ) -> Result<Self, BindError> {
        let failed = |source| BindError::Workers { addr, source };
        let runtime = OwnRuntime::new().map_err(failed)?;
        let (core, endpoint) = (Arc::new(core), {
            let _inside = runtime.enter();
            open()?
        });
        let (stop, stopped) = oneshot::channel();
        let (ending, ended) = watch::channel(());
        let work = {
            let (core, endpoint) = (Arc::clone(&core), endpoint.clone());
            move || {
                prefer_latency();
                runtime.block_on(async {
                    let _tasks = spawn(&core, &endpoint);
                    if stopped.await.is_err() {
                        endpoint.close(CloseCode::Shutdown.code().into(), b"");
                        let _ = timeout(FAREWELL_TIMEOUT, endpoint.wait_idle()).await;
                    }
                });
                drop((endpoint, core, runtime));
                drop(ending); // the last thing: nothing of the worker runs any more
            }
        };
        // Linux keeps 15 characters.
        let name = format!("lanparty-w{}", core.worker().index());
        let handle = thread::Builder::new().name(name).spawn(work).map_err(failed)?;
        let place =
            Place::Aside(Thread { stop: Mutex::new(Some(stop)), ended, handle: Mutex::new(Some(handle)) });
        Ok(Self { core, endpoint, place })
    }

    /// Closes its connections.
    pub(super) fn close(&self) {
        self.endpoint.close(CloseCode::Shutdown.code().into(), b"");
    }

    /// Ends its thread, if it has one, once everything has been said.
    pub(super) async fn end(&self) {
        let Place::Aside(thread) = &self.place else { return };
        if let Some(stop) = take(&thread.stop) {
            let _ = stop.send(()); // it may have ended by itself
        }
        let _ = thread.ended.clone().changed().await; // an error is what is waited for
        if let Some(handle) = take(&thread.handle) {
            // A moment at most. Only now may the program unload the code that the thread ran.
            let _ = handle.join();
        }
    }
}

impl Drop for RelayWorker {
    fn drop(&mut self) {
        self.close();
        if let Place::Here(tasks) = &self.place {
            for task in tasks {
                task.abort();
            }
        }
    }
}

fn take<T>(place: &Mutex<Option<T>>) -> Option<T> {
    place.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// Begins what a worker does, on the runtime from which this is called.
fn spawn(core: &Arc<Core>, endpoint: &Endpoint) -> [JoinHandle<()>; 2] {
    [tokio::spawn(accept(Arc::clone(core), endpoint.clone())), tokio::spawn(keep_time(Arc::clone(core)))]
}

/// A single-threaded runtime that may be dropped anywhere, within another one too.
#[derive(Debug)]
struct OwnRuntime(Option<Runtime>);

impl OwnRuntime {
    fn new() -> io::Result<Self> {
        Ok(Self(Some(Builder::new_current_thread().enable_all().build()?)))
    }
}

impl Deref for OwnRuntime {
    type Target = Runtime;

    fn deref(&self) -> &Runtime {
        self.0.as_ref().expect("only taken when dropped")
    }
}

impl Drop for OwnRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::super::driver::Shared;
    use super::super::{HandshakeConfig, RelayConfig, RelayState};
    use super::*;
    use crate::proto::Worker;
    use crate::quic::OutboxLimits;

    /// A runtime that is dropped within another one in the ordinary way panics.
    #[tokio::test]
    async fn a_worker_that_cannot_begin_is_an_error() {
        let worker = Worker::all(2).last().expect("there are two");
        let state = RelayState::of_worker(RelayConfig::default(), 0, worker);
        let shared = Arc::new(Shared::new(HandshakeConfig::default(), 1));
        let core = Core::new(worker, state, shared, Duration::ZERO, OutboxLimits::default());
        let addr = (Ipv4Addr::LOCALHOST, 0).into();
        let failed = RelayWorker::aside(addr, core, || Err(BindError::NoRuntime));
        assert!(matches!(failed, Err(BindError::NoRuntime)), "{failed:?}");
    }
}
