//! The receiving half of a measured port.

use std::sync::Arc;

use bytes::Bytes;
use lanparty_sdk::port::{FrameSink, PortCaps, PortKind, TrySendError};

use crate::flow::{Class, Flow, Span};
use crate::probe::{Clock, Probe};

/// What all ports of a measurement share.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) clock: Clock,
    pub(crate) span: Span,
    pub(crate) classes: Vec<Class>,
    pub(crate) flows: Vec<Flow>,
}

/// Looks at each frame that leaves the room here, and keeps none.
#[derive(Debug)]
pub(crate) struct Meter {
    bench: Arc<Bench>,
    /// For each flow the place of this receiver among the flow's, if it is one.
    places: Vec<Option<usize>>,
}

impl Meter {
    pub(crate) fn new(bench: &Arc<Bench>, places: Vec<Option<usize>>) -> Self {
        Self { bench: Arc::clone(bench), places }
    }

    /// The flow that gets further by this frame.
    fn measure(&self, now: u64, frame: &[u8]) -> Option<usize> {
        let probe = Probe::parse(frame)?;
        let index = usize::try_from(probe.flow).ok()?;
        let place = (*self.places.get(index)?)?;
        let flow = self.bench.flows.get(index)?;
        let counts = self.bench.span.contains(probe.stamp);
        flow.arrivals.get(place)?.arrived(probe.sequence, counts);
        if counts {
            let class = self.bench.classes.get(flow.class)?;
            class.delays().saturating_record(now.saturating_sub(probe.stamp).max(1));
        }
        Some(index)
    }
}

impl FrameSink for Meter {
    fn caps(&self) -> PortCaps {
        PortCaps::new(PortKind::Custom, "bench")
    }

    fn try_send(&self, frame: Bytes) -> Result<(), TrySendError> {
        if let Some(flow) = self.measure(self.bench.clock.now(), &frame) {
            self.bench.flows[flow].wake();
        }
        Ok(())
    }

    /// One look at the clock and one wake-up for all of them.
    fn try_send_batch(&self, frames: &mut Vec<Bytes>, _: &mut dyn FnMut(TrySendError)) {
        let now = self.bench.clock.now();
        let mut last = None;
        for frame in frames.drain(..) {
            let flow = self.measure(now, &frame);
            if flow != last {
                self.wake(last);
                last = flow;
            }
        }
        self.wake(last);
    }
}

impl Meter {
    fn wake(&self, flow: Option<usize>) {
        if let Some(flow) = flow {
            self.bench.flows[flow].wake();
        }
    }
}
