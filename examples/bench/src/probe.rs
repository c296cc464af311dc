//! What a measured frame carries: which flow it belongs to, its number, and when it entered its port.

use std::time::{Duration, Instant};

use lanparty_sdk::frame::MacAddr;
use lanparty_sdk::port::PortFrame;

/// The smallest frame that carries a probe, as small as Ethernet's own smallest without its checksum.
pub(crate) const MIN_SIZE: usize = 60;
/// The largest: 1500 bytes behind an Ethernet header.
pub(crate) const MAX_SIZE: usize = 1514;

const ETHERNET_HEADER: usize = 14;
/// For local experiments (IEEE 802).
const ETHERTYPE: [u8; 2] = [0x88, 0xb5];
const FLOW: std::ops::Range<usize> = 14..18;
const SEQUENCE: std::ops::Range<usize> = 18..26;
const STAMP: std::ops::Range<usize> = 26..34;

/// The clock that all stamps of a process share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// Nanoseconds since the start.
    pub(crate) fn now(self) -> u64 {
        nanos(self.0.elapsed())
    }

    /// The same for a moment that is not now.
    pub(crate) fn at(self, instant: Instant) -> u64 {
        nanos(instant.saturating_duration_since(self.0))
    }

    pub(crate) fn instant(self, at: u64) -> Instant {
        self.0 + Duration::from_nanos(at)
    }
}

/// A probe as it was found in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Probe {
    pub(crate) flow: u32,
    pub(crate) sequence: u64,
    /// When it entered its port.
    pub(crate) stamp: u64,
}

impl Probe {
    /// `None` if the frame is somebody else's.
    pub(crate) fn parse(frame: &[u8]) -> Option<Self> {
        if frame.get(12..ETHERNET_HEADER)? != ETHERTYPE {
            return None;
        }
        Some(Self {
            flow: u32::from_be_bytes(frame.get(FLOW)?.try_into().ok()?),
            sequence: u64::from_be_bytes(frame.get(SEQUENCE)?.try_into().ok()?),
            stamp: u64::from_be_bytes(frame.get(STAMP)?.try_into().ok()?),
        })
    }
}

/// The frames of one flow, but for what differs between them.
#[derive(Clone, Debug)]
pub(crate) struct Template(Vec<u8>);

impl Template {
    /// Frames of `size` bytes, header included.
    pub(crate) fn new(dst: MacAddr, src: MacAddr, flow: u32, size: usize) -> Self {
        let mut frame = [&dst.octets()[..], &src.octets(), &ETHERTYPE, &flow.to_be_bytes()].concat();
        frame.resize(size.clamp(MIN_SIZE, MAX_SIZE), 0x5a);
        Self(frame)
    }

    /// The frame with this number, as of now.
    pub(crate) fn stamp(&mut self, sequence: u64, stamp: u64) -> &[u8] {
        self.0[SEQUENCE].copy_from_slice(&sequence.to_be_bytes());
        self.0[STAMP].copy_from_slice(&stamp.to_be_bytes());
        &self.0
    }

    /// The same behind headroom.
    pub(crate) fn port_frame(&mut self, sequence: u64, stamp: u64) -> PortFrame {
        PortFrame::copy_from(self.stamp(sequence, stamp))
    }
}

pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_survives_its_frame() {
        let (dst, src) = (MacAddr::BROADCAST, MacAddr([2, 0, 0, 0, 0, 1]));
        for size in [0, MIN_SIZE, 120, MAX_SIZE, 9000] {
            let mut template = Template::new(dst, src, 7, size);
            assert_eq!(template.0.len(), size.clamp(MIN_SIZE, MAX_SIZE));
            let probe = Probe { flow: 7, sequence: 1 << 40, stamp: 99 };
            assert_eq!(Probe::parse(template.stamp(probe.sequence, probe.stamp)), Some(probe));
        }
        assert_eq!(Probe::parse(&[0; 60]), None);
        assert_eq!(Probe::parse(b"short"), None);
    }
}
