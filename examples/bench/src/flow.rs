//! Flows: who sends what to whom, and what became of it.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use hdrhistogram::Histogram;

/// The longest delay that is told apart from longer ones.
const MAX_DELAY_NANOS: u64 = 60_000_000_000;

/// From when to when frames count, by their stamps. Set once everybody is ready.
#[derive(Debug)]
pub(crate) struct Span {
    start: AtomicU64,
    end: AtomicU64,
}

impl Span {
    pub(crate) const fn new() -> Self {
        Self { start: AtomicU64::new(u64::MAX), end: AtomicU64::new(u64::MAX) }
    }

    pub(crate) fn set(&self, start: u64, end: u64) {
        self.end.store(end, Relaxed);
        self.start.store(start, Relaxed);
    }

    pub(crate) fn is_set(&self) -> bool {
        self.start() != u64::MAX
    }

    pub(crate) fn start(&self) -> u64 {
        self.start.load(Relaxed)
    }

    pub(crate) fn end(&self) -> u64 {
        self.end.load(Relaxed)
    }

    pub(crate) fn contains(&self, stamp: u64) -> bool {
        self.start() <= stamp && stamp < self.end()
    }
}

/// Flows of one kind, which are reported together.
#[derive(Debug)]
pub(crate) struct Class {
    pub(crate) name: &'static str,
    pub(crate) size: usize,
    delays: Mutex<Histogram<u64>>,
}

impl Class {
    pub(crate) fn new(name: &'static str, size: usize) -> Self {
        Self { name, size, delays: Mutex::new(nanos_histogram()) }
    }

    pub(crate) fn delays(&self) -> MutexGuard<'_, Histogram<u64>> {
        self.delays.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One flow: one sender, one or more receivers.
#[derive(Debug)]
pub(crate) struct Flow {
    /// Index of its class.
    pub(crate) class: usize,
    /// Frames that entered the sender's port while they counted.
    pub(crate) sent: AtomicU64,
    /// Frames that did not, because the port was full.
    pub(crate) refused: AtomicU64,
    /// What came at each receiver.
    pub(crate) arrivals: Vec<Arrivals>,
    /// Numbers below this are waited for no longer.
    given_up: AtomicU64,
    waiting: Mutex<Option<Waker>>,
}

/// What came at one receiver of one flow.
#[derive(Debug, Default)]
pub(crate) struct Arrivals {
    pub(crate) received: AtomicU64,
    /// Frames that came after one with a higher number, or twice.
    pub(crate) reordered: AtomicU64,
    /// One more than the highest number.
    next: AtomicU64,
}

impl Flow {
    pub(crate) fn new(class: usize, receivers: usize) -> Self {
        Self {
            class,
            sent: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            arrivals: (0..receivers).map(|_| Arrivals::default()).collect(),
            given_up: AtomicU64::new(0),
            waiting: Mutex::new(None),
        }
    }

    /// One more than the highest number that every receiver has reached, or that was given up.
    pub(crate) fn reached(&self) -> u64 {
        let slowest = self.arrivals.iter().map(|arrivals| arrivals.next.load(Relaxed)).min();
        slowest.unwrap_or(0).max(self.given_up.load(Relaxed))
    }

    /// Takes everything below `next` for lost.
    pub(crate) fn give_up(&self, next: u64) {
        self.given_up.store(next, Relaxed);
    }

    /// Wakes the sender once a receiver has got further.
    pub(crate) fn wait(&self, waker: &Waker) {
        *self.waiting() = Some(waker.clone());
    }

    pub(crate) fn wake(&self) {
        let waker = self.waiting().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Option<Waker>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Arrivals {
    /// A frame came.
    pub(crate) fn arrived(&self, sequence: u64, counts: bool) {
        let next = self.next.fetch_max(sequence + 1, Relaxed);
        if counts {
            self.received.fetch_add(1, Relaxed);
            self.reordered.fetch_add(u64::from(sequence < next), Relaxed);
        }
    }
}

/// For times of up to a minute, to three digits.
pub(crate) fn nanos_histogram() -> Histogram<u64> {
    #[expect(clippy::unwrap_used, reason = "the bounds are constants that a histogram can have")]
    Histogram::new_with_bounds(1, MAX_DELAY_NANOS, 3).unwrap()
}
