//! The bounded queue in front of a connection.
//!
//! quinn's own datagram buffer is first in, first out, and gets only what it can send soon. Everything else waits here, where
//! it can still be scheduled and dropped: whoever pushes never waits, a game's frames do not wait behind a download, and
//! a slow receiver loses its own datagrams only. What goes when is the queue's affair, see [`queue`].
#![expect(clippy::disallowed_methods, reason = "waits are measured where they happen")]

mod queue;
mod transport;

use std::fmt;
use std::hash::RandomState;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::Notify;

pub use transport::{ConnectionTransport, DatagramTransport, TrySendDatagramError};

use crate::obs::{DropCounts, DropReason};
use queue::Queue;

/// How much an [`Outbox`] holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutboxLimits {
    /// Bytes of all datagrams together. Default: 1 MiB: what TCP over a long path sends at once at hundreds of Mbit/s.
    /// Wherever less can wait it falls to a fraction of that. Standing queues are kept far below it.
    ///
    /// On a path that holds more by itself (its bandwidth-delay product) it is as much as the path holds, up to
    /// [`OutboxLimits::GROWTH`] times this, and as many times as many datagrams. So a member that takes much and then stops
    /// reading costs its relay 4 MiB of frames, and up to as much for keeping them apart, until it is given up.
    pub bytes: usize,
    /// Datagrams. Default: 4096.
    pub datagrams: usize,
    /// How long a datagram may wait at all. Default: [`OutboxLimits::MAX_AGE`].
    pub max_age: Duration,
}

impl OutboxLimits {
    /// 200 ms. Queues that stand are kept far below it; this is for paths that stop for a while, as wireless ones do.
    /// After that long no game wants its frames any more, and TCP has begun to send its own again (the least that hosts
    /// wait is 200 ms). Less would cost TCP a whole window at pauses that it would have sat out.
    pub const MAX_AGE: Duration = Duration::from_millis(200);

    /// 4: at most 4 MiB by default, which serves 800 Mbit/s over 40 ms.
    pub const GROWTH: usize = 4;

    /// Room for this many bytes in this many datagrams.
    #[must_use]
    pub const fn new(bytes: usize, datagrams: usize) -> Self {
        Self { bytes, datagrams, max_age: Self::MAX_AGE }
    }

    /// How long a datagram may wait at all.
    #[must_use]
    pub const fn max_age(mut self, max_age: Duration) -> Self {
        self.max_age = max_age;
        self
    }
}

impl Default for OutboxLimits {
    fn default() -> Self {
        Self::new(1024 * 1024, 4096)
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
    /// Datagrams that were not sent: [`DropReason::OutboxFull`] if others needed the room, [`DropReason::QueueDelay`] and
    /// [`DropReason::Stale`] if they waited for too long, [`DropReason::OverBudget`] if they did not fit the connection or
    /// the outbox, [`DropReason::NotJoined`] if there was no connection any more.
    pub drops: DropCounts,
}

/// A queue of datagrams for one connection, shared between any number of producers and the task that
/// [runs](Outbox::run) it.
///
/// Datagrams of one flow leave in the order in which they were pushed. While nothing waits, they go to the connection
/// right from the producer's context, so that on an idle connection a frame costs no switch to another task, and nobody
/// looks at what it carries.
///
/// What has to wait is sorted by its headers into flows, which share what the connection carries: fairly by sender (or by
/// receiver, where there is one sender), then fairly by flow, and a flow that had nothing waiting goes first. A flow that
/// keeps a standing queue loses some of it (FQ-CoDel, RFC 8290, with a target of 5 ms and an interval of 100 ms). Address
/// resolution, DHCP and probes go before all others, at most 8 KiB of them per second.
pub struct Outbox<T = ConnectionTransport> {
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
    /// Whether a datagram is neither in the queue nor sent: it waits for the transport's room.
    in_hand: bool,
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
            queue: Queue::new(limits, RandomState::new()),
            in_hand: false,
            sent_datagrams: 0,
            sent_bytes: 0,
            drops: DropCounts::default(),
            shrunk: Arc::clone(&shrunk),
        };
        Self { limits, state: Mutex::new(state), work: Notify::new(), shrunk }
    }

    /// Sends or queues a datagram. Never waits; if the outbox is full, the oldest datagrams of the flow that has most
    /// waiting give way.
    pub fn push(&self, datagram: Bytes) {
        let wake = self.lock().push(datagram, &mut None);
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
        let (mut wake, mut now) = (false, None);
        for datagram in datagrams.drain(..) {
            wake |= state.push(datagram, &mut now);
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
    pub async fn run(self: Arc<Self>, transport: impl Into<T>) {
        let mut transport = transport.into();
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
                Drained::Held => {
                    if !transport.room_changed().await {
                        return;
                    }
                }
                Drained::Waits(head) => {
                    let len = head.len();
                    let result = transport.send(head).await;
                    if !self.lock().account(len, &result) {
                        return;
                    }
                    transport.has_waited();
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
    /// The transport had better not be given more now.
    Held,
    /// This one needs room first.
    Waits(Bytes),
    /// The transport has ended.
    Closed,
}

impl<T: DatagramTransport> State<T> {
    /// Whether the sender must be woken. `now` is for the batch, and looked up only if something has to wait.
    fn push(&mut self, datagram: Bytes, now: &mut Option<Instant>) -> bool {
        let len = datagram.len();
        let (datagram, wake) = match &self.link {
            Link::Idle(transport) => {
                self.queue.note_direct(&datagram);
                match transport.try_send(datagram) {
                    Err(TrySendDatagramError::Full(datagram)) => (datagram, true),
                    result => {
                        self.account(len, &result);
                        return false;
                    }
                }
            }
            Link::Awaited | Link::Busy => (datagram, false),
            Link::Lost => {
                self.drops.add(DropReason::NotJoined);
                return false;
            }
        };
        if wake {
            self.link = Link::Busy;
        }
        self.queue.push(datagram, *now.get_or_insert_with(Instant::now), &mut self.drops);
        wake
    }

    /// Sends as much as there is room for.
    fn drain(&mut self, transport: &T) -> Drained {
        let now = Instant::now();
        self.queue.set_path_bytes(transport.path_bytes());
        self.queue.set_growing(transport.is_growing());
        let mut room = transport.room();
        while self.queue.len() > 0 {
            if room == 0 {
                room = transport.room();
            }
            if room == 0 {
                return Drained::Held;
            }
            let Some(datagram) = self.queue.pop(now, &mut self.drops) else { break };
            room = room.saturating_sub(datagram.len().max(1));
            let len = datagram.len();
            match transport.try_send(datagram) {
                Err(TrySendDatagramError::Full(datagram)) => {
                    self.in_hand = true;
                    return Drained::Waits(datagram);
                }
                result => {
                    if !self.account(len, &result) {
                        return Drained::Closed;
                    }
                }
            }
        }
        self.queue.shed();
        self.link = Link::Idle(transport.clone());
        Drained::Empty
    }

    /// Counts what became of a datagram of `len` bytes. Whether the transport goes on.
    fn account(&mut self, len: usize, result: &Result<(), TrySendDatagramError>) -> bool {
        self.in_hand = false;
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
        let purged = state.queue.len() as u64 + u64::from(std::mem::take(&mut state.in_hand));
        state.drops.add_many(DropReason::NotJoined, purged);
        state.queue.clear();
    }
}

#[cfg(test)]
mod tests;
