//! Streams of recognisable frames, and what became of them.

use std::collections::BTreeSet;
use std::time::Duration;

use super::MemberId;
use crate::frame::{ETHERNET_HEADER_LEN, EtherType, Frame, MacAddr};
use crate::obs::{DropCounts, DropReason};

/// Where a [`Flow`] goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Broadcast.
    Everybody,
    /// A client's address, or the LAN host behind a gateway.
    Host(MemberId),
    /// Any address.
    Mac(MacAddr),
}

impl From<MemberId> for Target {
    fn from(member: MemberId) -> Self {
        Self::Host(member)
    }
}

impl From<MacAddr> for Target {
    fn from(mac: MacAddr) -> Self {
        Self::Mac(mac)
    }
}

/// Frames that a host sends at an even pace. Each carries the flow's number and its own, so that every delivery can be
/// told from every other. Default: 100 frames of 128 bytes, one every 20 ms.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Flow {
    pub(super) from: MemberId,
    pub(super) to: Target,
    pub(super) count: u32,
    pub(super) every: Duration,
    pub(super) len: usize,
}

impl Flow {
    /// The shortest frame of a flow: the header and both numbers.
    pub const MIN_LEN: usize = ETHERNET_HEADER_LEN + 8;

    /// From the host of `from` to `to`, with all defaults.
    pub fn new(from: MemberId, to: impl Into<Target>) -> Self {
        Self { from, to: to.into(), count: 100, every: Duration::from_millis(20), len: 128 }
    }

    /// How many frames.
    pub const fn count(mut self, count: u32) -> Self {
        self.count = count;
        self
    }

    /// One frame each time this much passes.
    pub const fn every(mut self, every: Duration) -> Self {
        self.every = every;
        self
    }

    /// Length of each frame in bytes, at least [`Flow::MIN_LEN`].
    pub const fn len(mut self, len: usize) -> Self {
        self.len = if len < Self::MIN_LEN { Self::MIN_LEN } else { len };
        self
    }
}

/// Names a flow of one [`super::SimNet`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FlowId(pub(super) u32);

/// What became of a flow so far.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FlowReport {
    /// Frames that the host sent.
    pub sent: u32,
    /// Frames that its member refused, by reason.
    pub refused: DropCounts,
    /// Frames that came out at each host that got any; a duplicate counts once.
    pub delivered: Vec<(MemberId, u32)>,
    /// Deliveries of what had been delivered there before.
    pub duplicates: u32,
    /// Deliveries after a later frame of the flow.
    pub out_of_order: u32,
    /// The time from host to host that half of the deliveries did not exceed.
    pub p50: Duration,
    /// The time from host to host that 99 of 100 deliveries did not exceed.
    pub p99: Duration,
}

impl FlowReport {
    /// How many different frames came out at `member`.
    #[must_use]
    pub fn at(&self, member: MemberId) -> u32 {
        self.delivered.iter().find(|(at, _)| *at == member).map_or(0, |(_, count)| *count)
    }

    /// How many different frames came out anywhere, copies at several hosts counted each.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.delivered.iter().map(|(_, count)| count).sum()
    }
}

/// A flow at work.
#[derive(Debug)]
pub(super) struct FlowState {
    pub(super) spec: Flow,
    sent_at: Vec<Duration>,
    refused: DropCounts,
    seen: BTreeSet<(MemberId, u32)>,
    latencies: Vec<Duration>,
    duplicates: u32,
    out_of_order: u32,
}

impl FlowState {
    pub(super) const fn new(spec: Flow, refused: DropCounts) -> Self {
        Self {
            spec,
            sent_at: Vec::new(),
            refused,
            seen: BTreeSet::new(),
            latencies: Vec::new(),
            duplicates: 0,
            out_of_order: 0,
        }
    }

    pub(super) fn sent(&mut self, now: Duration) {
        self.sent_at.push(now);
    }

    pub(super) fn refused(&mut self, reason: DropReason) {
        self.refused.add(reason);
    }

    pub(super) fn delivered(&mut self, now: Duration, at: MemberId, number: u32) {
        let Some(sent_at) = self.sent_at.get(number as usize) else { return };
        let latest = self.seen.range((at, 0)..=(at, u32::MAX)).next_back().copied();
        if !self.seen.insert((at, number)) {
            self.duplicates += 1;
            return;
        }
        self.out_of_order += u32::from(latest.is_some_and(|(_, latest)| latest > number));
        self.latencies.push(now.saturating_sub(*sent_at));
    }

    /// The numbers of the frames that came out at `at`.
    pub(super) fn numbers(&self, at: MemberId) -> Vec<u32> {
        self.seen.range((at, 0)..=(at, u32::MAX)).map(|(_, number)| *number).collect()
    }

    /// When the frame of this number was sent.
    pub(super) fn sent_at(&self, number: u32) -> Option<Duration> {
        self.sent_at.get(number as usize).copied()
    }

    pub(super) fn report(&self) -> FlowReport {
        let mut delivered: Vec<(MemberId, u32)> = Vec::new();
        for (member, _) in &self.seen {
            match delivered.last_mut().filter(|(at, _)| at == member) {
                Some((_, count)) => *count += 1,
                None => delivered.push((*member, 1)),
            }
        }
        let mut latencies = self.latencies.clone();
        latencies.sort_unstable();
        let rank = |percent: usize| {
            let last = latencies.len().saturating_sub(1);
            latencies.get((latencies.len() * percent / 100).min(last)).copied().unwrap_or_default()
        };
        FlowReport {
            sent: u32::try_from(self.sent_at.len()).unwrap_or(u32::MAX),
            refused: self.refused.clone(),
            delivered,
            duplicates: self.duplicates,
            out_of_order: self.out_of_order,
            p50: rank(50),
            p99: rank(99),
        }
    }
}

/// IEEE's second local experimental EtherType: no frame of the product carries it.
const ETHERTYPE: EtherType = EtherType(0x88b6);

/// The frame of this number.
pub(super) fn frame(dst: MacAddr, src: MacAddr, flow: FlowId, number: u32, len: usize) -> Vec<u8> {
    let mut frame = Vec::with_capacity(len);
    frame.extend_from_slice(&dst.octets());
    frame.extend_from_slice(&src.octets());
    frame.extend_from_slice(&ETHERTYPE.0.to_be_bytes());
    frame.extend_from_slice(&flow.0.to_be_bytes());
    frame.extend_from_slice(&number.to_be_bytes());
    let [.., fill] = number.to_be_bytes();
    frame.resize(len.max(Flow::MIN_LEN), fill);
    frame
}

/// Reads the flow and the number back.
pub(super) fn recognise(frame: &[u8]) -> Option<(FlowId, u32)> {
    Frame::parse(frame).ok().filter(|frame| frame.ethertype() == ETHERTYPE)?;
    let numbers = frame.get(ETHERNET_HEADER_LEN..)?.first_chunk::<8>()?;
    let [f0, f1, f2, f3, n0, n1, n2, n3] = *numbers;
    Some((FlowId(u32::from_be_bytes([f0, f1, f2, f3])), u32::from_be_bytes([n0, n1, n2, n3])))
}
