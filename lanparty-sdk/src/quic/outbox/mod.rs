//! The bounded queue in front of a connection.
//!
//! quinn's own datagram buffer is first in, first out, and kept small. Everything that does not fit it waits here, where
//! it can still be dropped: whoever pushes never waits, and a slow receiver loses its own oldest datagrams only.

mod queue;
mod transport;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use quinn::Connection;
use tokio::sync::Notify;

pub use transport::{DatagramTransport, TrySendDatagramError};

use crate::obs::{DropCounts, DropReason};
use queue::Queue;

/// How much an [`Outbox`] holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutboxLimits {
    /// Bytes of all datagrams together. Default: 256 KiB.
    pub bytes: usize,
    /// Datagrams. Default: 1024.
    pub datagrams: usize,
}

impl OutboxLimits {
    /// Room for this many bytes in this many datagrams.
    #[must_use]
    pub const fn new(bytes: usize, datagrams: usize) -> Self {
        Self { bytes, datagrams }
    }
}

impl Default for OutboxLimits {
    fn default() -> Self {
        Self::new(256 * 1024, 1024)
    }
}

/// What an [`Outbox`] has done so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutboxStats {
    /// Datagrams handed to the connection.
    pub sent_datagrams: u64,
    /// Bytes in them.
    pub sent_bytes: u64,
    /// Datagrams that wait now.
    pub queued_datagrams: usize,
    /// Bytes in them.
    pub queued_bytes: usize,
    /// Datagrams that were not sent: [`DropReason::OutboxFull`] if newer ones needed the room,
    /// [`DropReason::OverBudget`] if they did not fit the connection or the outbox, [`DropReason::NotJoined`] if there was
    /// no connection any more.
    pub drops: DropCounts,
}

/// A queue of datagrams for one connection, shared between any number of producers and the task that
/// [runs](Outbox::run) it.
///
/// Datagrams leave in the order in which they were pushed. While nothing waits, they go to the connection right from the
/// producer's context, so that on an idle connection a frame costs no switch to another task.
pub struct Outbox<T = Connection> {
    limits: OutboxLimits,
    state: Mutex<State<T>>,
    /// Wakes the sender. At most one sender waits.
    work: Notify,
    /// A datagram did not fit the connection's budget. Shared with the state, which is what notices.
    shrunk: Arc<Notify>,
}

struct State<T> {
    link: Link<T>,
    queue: Queue,
    sent_datagrams: u64,
    sent_bytes: u64,
    drops: DropCounts,
    shrunk: Arc<Notify>,
}

enum Link<T> {
    /// No connection yet: datagrams wait for it.
    Awaited,
    /// Nothing waits, nothing is under way: producers may send by themselves.
    Idle(T),
    /// The sender is at work, or has been woken: what is pushed must queue behind.
    Busy,
    /// The connection is gone.
    Lost,
}

impl<T: DatagramTransport> Outbox<T> {
    /// An empty outbox. What is pushed waits for [`Outbox::run`].
    #[must_use]
    pub fn new(limits: OutboxLimits) -> Self {
        let shrunk = Arc::new(Notify::new());
        let state = State {
            link: Link::Awaited,
            queue: Queue::new(limits),
            sent_datagrams: 0,
            sent_bytes: 0,
            drops: DropCounts::default(),
            shrunk: Arc::clone(&shrunk),
        };
        Self { limits, state: Mutex::new(state), work: Notify::new(), shrunk }
    }

    /// Sends or queues a datagram. Never waits; if the outbox is full the oldest datagrams give way.
    pub fn push(&self, datagram: Bytes) {
        let wake = self.lock().push(datagram);
        if wake {
            self.work.notify_one();
        }
    }

    /// [`Outbox::push`] for each of `datagrams` in order, which is empty afterwards: one lock and at most one wake-up for
    /// all of them.
    pub fn push_batch(&self, datagrams: &mut Vec<Bytes>) {
        if datagrams.is_empty() {
            return;
        }
        let mut state = self.lock();
        let mut wake = false;
        for datagram in datagrams.drain(..) {
            wake |= state.push(datagram);
        }
        drop(state);
        if wake {
            self.work.notify_one();
        }
    }

    /// Sends what is pushed on `transport` until that ends. Then, or if the future is dropped, whatever still waits is
    /// dropped, and so is everything pushed later, until `run` is called with the next connection.
    ///
    /// At most one `run` may be under way.
    pub async fn run(self: Arc<Self>, transport: T) {
        let _guard = DetachOnDrop(&self);
        {
            let mut state = self.lock();
            debug_assert!(matches!(state.link, Link::Awaited | Link::Lost), "one sender at a time");
            state.link = Link::Busy;
        }
        loop {
            let head = self.lock().drain(&transport);
            match head {
                Drained::Empty => tokio::select! {
                    () = self.work.notified() => {}
                    () = transport.closed() => return,
                },
                Drained::Waits(head) => {
                    let len = head.len();
                    let result = transport.send(head).await;
                    if !self.lock().account(len, &result) {
                        return;
                    }
                }
                Drained::Closed => return,
            }
        }
    }

    /// Waits until a datagram does not fit the connection: its budget has fallen, and whoever cuts frames must know.
    pub async fn shrunk(&self) {
        self.shrunk.notified().await;
    }

    /// What has been done so far.
    #[must_use]
    pub fn stats(&self) -> OutboxStats {
        let state = self.lock();
        OutboxStats {
            sent_datagrams: state.sent_datagrams,
            sent_bytes: state.sent_bytes,
            queued_datagrams: state.queue.len(),
            queued_bytes: state.queue.bytes(),
            drops: state.drops.clone(),
        }
    }

    /// Every operation leaves the state whole, so a producer that panicked elsewhere is no reason to stop.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: DatagramTransport> Default for Outbox<T> {
    fn default() -> Self {
        Self::new(OutboxLimits::default())
    }
}

impl<T> fmt::Debug for Outbox<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// How far [`State::drain`] came.
enum Drained {
    /// Everything is sent, and producers may send by themselves.
    Empty,
    /// This one needs room first.
    Waits(Bytes),
    /// The transport has ended.
    Closed,
}

impl<T: DatagramTransport> State<T> {
    /// Whether the sender must be woken.
    fn push(&mut self, datagram: Bytes) -> bool {
        let len = datagram.len();
        let (datagram, wake) = match &self.link {
            Link::Idle(transport) => match transport.try_send(datagram) {
                Err(TrySendDatagramError::Full(datagram)) => (datagram, true),
                result => {
                    self.account(len, &result);
                    return false;
                }
            },
            Link::Awaited | Link::Busy => (datagram, false),
            Link::Lost => {
                self.drops.add(DropReason::NotJoined);
                return false;
            }
        };
        if wake {
            self.link = Link::Busy;
        }
        self.queue.push(datagram, &mut self.drops);
        wake
    }

    /// Sends as much as there is room for.
    fn drain(&mut self, transport: &T) -> Drained {
        while let Some(datagram) = self.queue.pop() {
            let len = datagram.len();
            match transport.try_send(datagram) {
                Err(TrySendDatagramError::Full(datagram)) => return Drained::Waits(datagram),
                result => {
                    if !self.account(len, &result) {
                        return Drained::Closed;
                    }
                }
            }
        }
        self.link = Link::Idle(transport.clone());
        Drained::Empty
    }

    /// Counts what became of a datagram of `len` bytes. Whether the transport goes on.
    fn account(&mut self, len: usize, result: &Result<(), TrySendDatagramError>) -> bool {
        match result {
            Ok(()) => {
                self.sent_datagrams += 1;
                self.sent_bytes += len as u64;
                true
            }
            Err(TrySendDatagramError::TooLarge) => {
                self.drops.add(DropReason::OverBudget);
                self.shrunk.notify_one();
                true
            }
            Err(TrySendDatagramError::Full(_)) => {
                self.drops.add(DropReason::OutboxFull);
                true
            }
            Err(TrySendDatagramError::Closed) => {
                self.drops.add(DropReason::NotJoined);
                false
            }
        }
    }
}

/// Ends the sender's work however it ends.
struct DetachOnDrop<'a, T: DatagramTransport>(&'a Outbox<T>);

impl<T: DatagramTransport> Drop for DetachOnDrop<'_, T> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.link = Link::Lost;
        let purged = state.queue.len() as u64;
        state.drops.add_many(DropReason::NotJoined, purged);
        state.queue.clear();
    }
}

#[cfg(test)]
mod tests;
