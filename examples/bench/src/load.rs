//! The sending half of a measured port.
//!
//! A paced flow is an open loop: its frames come when they are due, whatever became of the earlier ones, from a thread
//! of their own, and wait in a memory port like those of any device. A saturating flow is a closed loop: it keeps a
//! number of frames on their way, and so finds what can be carried without loss.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll};
use std::thread;
use std::time::Instant;

use hdrhistogram::Histogram;
use lanparty_sdk::port::memory::{MemorySink, MemorySource};
use lanparty_sdk::port::{FrameBatch, FrameSource};

use crate::flow::nanos_histogram;
use crate::meter::Bench;
use crate::probe::Template;

/// The name of the thread that paces; its processor time is not the SDK's.
pub(crate) const PACER: &str = "pacer";
/// After this long without progress the frames on their way are taken for lost.
const STALL_NANOS: u64 = 250_000_000;

/// A flow whose frames come at a fixed rate.
#[derive(Debug)]
pub(crate) struct Paced {
    pub(crate) flow: usize,
    pub(crate) template: Template,
    pub(crate) port: MemorySink,
    pub(crate) period: u64,
}

/// Sends paced flows from a thread until the measurement is over. The thread gives a histogram of how late it was.
pub(crate) fn pace(
    bench: Arc<Bench>,
    mut flows: Vec<Paced>,
) -> io::Result<thread::JoinHandle<Histogram<u64>>> {
    let run = move || {
        let begun = bench.clock.now();
        let count = flows.len().max(1) as u64;
        // Members do not send at the same moment, just because they are measured together.
        let phase = |(index, flow): (usize, &Paced)| begun + flow.period * index as u64 / count;
        let mut due: BinaryHeap<_> =
            flows.iter().enumerate().map(|flow| Reverse((phase(flow), flow.0, 0_u64))).collect();
        let mut lateness = nanos_histogram();
        while let Some(Reverse((at, index, sequence))) = due.pop() {
            if at >= bench.span.end() {
                continue;
            }
            thread::sleep(bench.clock.instant(at).saturating_duration_since(Instant::now()));
            let paced = &mut flows[index];
            let now = bench.clock.now();
            let taken = paced.port.try_send_copy(paced.template.stamp(sequence, now)).is_ok();
            if bench.span.contains(now) {
                let flow = &bench.flows[paced.flow];
                let counter = if taken { &flow.sent } else { &flow.refused };
                counter.fetch_add(1, Relaxed);
                lateness.saturating_record((now - at).max(1));
            }
            due.push(Reverse((at + paced.period, index, sequence + 1)));
        }
        lateness
    };
    thread::Builder::new().name(PACER.to_owned()).spawn(run)
}

/// A flow that always has something to send.
#[derive(Debug)]
pub(crate) struct Saturating {
    pub(crate) flow: usize,
    pub(crate) template: Template,
    /// Frames that may be on their way.
    pub(crate) window: u64,
    /// The number of the next frame.
    pub(crate) next: u64,
    /// How far the receivers were when it was last looked at, and since when they are there.
    pub(crate) progress: (u64, u64),
}

impl Saturating {
    pub(crate) const fn new(flow: usize, template: Template, window: u64) -> Self {
        Self { flow, template, window, next: 0, progress: (0, 0) }
    }

    /// Adds what may be on its way to `batch`.
    fn fill(&mut self, bench: &Bench, cx: &mut Context<'_>, batch: &mut FrameBatch) {
        let flow = &bench.flows[self.flow];
        // Before the look at the receivers, so that no progress in between is missed.
        flow.wait(cx.waker());
        let now = bench.clock.now();
        if !bench.span.is_set() || now >= bench.span.end() {
            return;
        }
        let reached = flow.reached();
        if reached != self.progress.0 || reached == self.next {
            self.progress = (reached, now);
        } else if now - self.progress.1 > STALL_NANOS {
            self.progress = (self.next, now);
            flow.give_up(self.next);
        }
        let limit = flow.reached() + self.window;
        while self.next < limit && !batch.is_full() {
            batch.push(self.template.port_frame(self.next, now));
            self.next += 1;
            flow.sent.fetch_add(u64::from(bench.span.contains(now)), Relaxed);
        }
    }
}

/// A port's read half: what the pacer put there, and behind it a saturating flow, if there is one.
#[derive(Debug)]
pub(crate) struct Feed {
    bench: Arc<Bench>,
    paced: MemorySource,
    saturating: Option<Saturating>,
}

impl Feed {
    pub(crate) fn new(bench: &Arc<Bench>, paced: MemorySource, saturating: Option<Saturating>) -> Self {
        Self { bench: Arc::clone(bench), paced, saturating }
    }
}

impl FrameSource for Feed {
    fn poll_recv(&mut self, cx: &mut Context<'_>, batch: &mut FrameBatch) -> Poll<io::Result<()>> {
        let paced = self.paced.poll_recv(cx, batch);
        if let Some(saturating) = &mut self.saturating {
            saturating.fill(&self.bench, cx, batch);
        }
        if batch.is_empty() { paced } else { Poll::Ready(Ok(())) }
    }
}
