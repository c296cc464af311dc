//! Putting frames of one TCP flow together into a super-frame: the inverse of cutting.
//!
//! A kernel's way from a device to a socket costs nearly the same for 60 bytes as for 64 KiB, so it likes to be handed
//! what belongs together in one piece. What may be put together follows the rules of the kernel's own GRO, and is
//! stricter where that loses something: the frames that [`Segments`](super::Segments) cuts out of a super-frame are the
//! ones that went in, byte by byte. Only where the identification of IPv4 means nothing (RFC 6864) it may differ.
//!
//! A super-frame is handed on without a checksum, so that of every frame in it is verified first. A frame that is wrong
//! stays alone, as it is: its receiver shall see the damage.

mod segment;

use smallvec::SmallVec;

use super::checksum::{Sum, TCP_CHECKSUM_OFFSET};
use super::headers::{IpVersion, protocol, put};
use super::vnet::{FLAG_NEEDS_CSUM, GSO_TCPV4, GSO_TCPV6, VnetHeader};
use crate::frame::ETHERNET_HEADER_LEN;
use segment::{FLAGS, PUSH, Segment};

/// How many frames are looked at together.
pub const MERGE_WINDOW: usize = 64;

/// How many runs may be open at a time: so many flows may alternate and still be merged.
const MAX_OPEN: usize = 4;
/// The largest IP packet, by the fields that hold its length.
const MAX_PACKET_LEN: usize = 0xffff;
/// No frame follows.
const NONE: u8 = u8::MAX;
const _: () = assert!(MERGE_WINDOW < NONE as usize);

/// Which frames of a batch belong together.
///
/// The frames of one flow stay in order. A frame that cannot be merged, of which games are made, may come before the
/// frames of another flow that stood before it.
///
/// ```
/// # use lanparty_sdk::port::offload::{MERGE_WINDOW, Runs, SuperFrame};
/// # fn send(_: &[&[u8]]) {}
/// # fn send_all(frames: &[bytes::Bytes]) {
/// for window in frames.chunks(MERGE_WINDOW) {
///     for run in Runs::find(window).iter() {
///         if let Some(merged) = SuperFrame::new(window, run) {
///             let mut pieces = vec![merged.headers()];
///             pieces.extend(run.map(|index| merged.payload(&window[index])));
///             send(&pieces);
///         } else {
///             run.for_each(|index| send(&[&window[index]]));
///         }
///     }
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct Runs {
    /// The first frame of each run, in the order in which the runs are to be sent.
    heads: SmallVec<[u8; MERGE_WINDOW]>,
    /// For each frame the one that follows it in its run.
    next: [u8; MERGE_WINDOW],
}

impl Runs {
    /// Looks at the first [`MERGE_WINDOW`] of `frames`. The others are in no run.
    #[must_use]
    pub fn find(frames: &[impl AsRef<[u8]>]) -> Self {
        let mut runs = Self { heads: SmallVec::new(), next: [NONE; MERGE_WINDOW] };
        let mut open: SmallVec<[Open<'_>; MAX_OPEN]> = SmallVec::new();
        for (index, frame) in (0_u8..).zip(frames.iter().take(MERGE_WINDOW)) {
            let frame = frame.as_ref();
            let Some(segment) = Segment::parse(frame) else {
                open.retain(|run| !run.first.precedes(frame) || runs.close(run));
                runs.heads.push(index);
                continue;
            };
            if let Some(at) = open.iter().position(|run| run.first.is_of_flow(&segment)) {
                let run = open.get_mut(at);
                let fate = run.map_or(Fate::Refused, |run| run.append(index, &segment, &mut runs.next));
                if fate != Fate::Open {
                    runs.close(&open.remove(at));
                }
                if fate != Fate::Refused {
                    continue;
                }
            }
            if segment.push {
                runs.heads.push(index);
                continue;
            }
            if open.len() == MAX_OPEN {
                runs.close(&open.remove(0));
            }
            open.push(Open::new(index, segment));
        }
        for run in &open {
            runs.close(run);
        }
        runs
    }

    /// The runs in the order in which they are to be sent. Many are of one frame.
    pub fn iter(&self) -> impl Iterator<Item = Run<'_>> {
        self.heads.iter().map(|head| Run { next: &self.next, at: *head })
    }

    /// Nothing is added to `run` any more. Returns that it is not open.
    fn close(&mut self, run: &Open<'_>) -> bool {
        self.heads.push(run.head);
        false
    }
}

/// The frames that belong together, by their indices.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    next: &'a [u8; MERGE_WINDOW],
    at: u8,
}

impl Iterator for Run<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let index = usize::from(self.at);
        self.at = *self.next.get(index)?;
        Some(index)
    }
}

/// A run that may still grow.
struct Open<'a> {
    head: u8,
    tail: u8,
    first: Segment<'a>,
    /// Whether the first frame was found to be right. It is not looked at before there is a second one.
    verified: bool,
    sequence: u32,
    identification: u16,
    /// From one identification to the next. Not known while there is one frame.
    step: Option<u16>,
    packet_len: usize,
}

impl<'a> Open<'a> {
    fn new(index: u8, first: Segment<'a>) -> Self {
        Self {
            head: index,
            tail: index,
            verified: false,
            sequence: first.next_sequence(),
            identification: first.identification,
            step: None,
            packet_len: first.frame.len() - ETHERNET_HEADER_LEN,
            first,
        }
    }

    /// Adds `segment` with this index, if it may follow, and notes that in `next`.
    fn append(&mut self, index: u8, segment: &Segment<'a>, next: &mut [u8; MERGE_WINDOW]) -> Fate {
        let step = segment.identification.wrapping_sub(self.identification);
        let fits = segment.sequence == self.sequence
            && segment.payload_len() <= self.first.payload_len()
            && self.packet_len + segment.payload_len() <= MAX_PACKET_LEN
            && (step == 1 || step == 0 && self.first.is_atomic())
            && self.step.is_none_or(|before| before == step)
            && self.first.has_headers_of(segment);
        if !fits {
            return Fate::Refused;
        }
        self.verified = self.verified || self.first.is_right();
        if !self.verified || !segment.is_right() {
            return Fate::Refused;
        }
        let Some(follows) = next.get_mut(usize::from(self.tail)) else { return Fate::Refused };
        *follows = index;
        self.tail = index;
        self.sequence = segment.next_sequence();
        self.identification = segment.identification;
        self.step = Some(step);
        self.packet_len += segment.payload_len();
        let is_last = segment.push || segment.payload_len() < self.first.payload_len();
        if is_last { Fate::Complete } else { Fate::Open }
    }
}

/// What becomes of a run to which a segment of its flow might be added.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It has the segment, and more may follow.
    Open,
    /// It has the segment, which is the last one.
    Complete,
    /// The segment cannot follow, and nothing else can then.
    Refused,
}

/// Several frames as one: how it is described to a kernel, and its headers. Its payload stays where it is.
#[derive(Debug)]
pub struct SuperFrame {
    header: VnetHeader,
    headers: SmallVec<[u8; 128]>,
}

impl SuperFrame {
    /// Puts the frames of `run` together, which [`Runs::find`] found among `frames`. `None` if it is a single one.
    #[must_use]
    pub fn new(frames: &[impl AsRef<[u8]>], run: Run<'_>) -> Option<Self> {
        let frame = |index| frames.get(index).map(AsRef::as_ref);
        let mut rest = run;
        let first = frame(rest.next()?)?;
        let mut last = frame(rest.next()?)?;
        let Segment { version, transport, header_len, .. } = Segment::parse(first)?;
        let mut payload = first.len() - header_len + last.len() - header_len;
        for index in rest {
            last = frame(index)?;
            payload += last.len() - header_len;
        }
        let mut headers: SmallVec<[u8; 128]> = SmallVec::from_slice(first.get(..header_len)?);
        let length = |from: usize| u16::try_from(header_len - from + payload).ok();
        match version {
            IpVersion::V4 => {
                let network = ETHERNET_HEADER_LEN;
                put(&mut headers, network + 2, &length(network)?.to_be_bytes());
                put(&mut headers, network + 10, &[0, 0]);
                let checksum = Sum::default().add(headers.get(network..transport)?).finish();
                put(&mut headers, network + 10, &checksum.to_be_bytes());
            }
            IpVersion::V6 => put(&mut headers, ETHERNET_HEADER_LEN + 4, &length(transport)?.to_be_bytes()),
        }
        let push = last.get(transport + FLAGS)? & PUSH;
        if let Some(flags) = headers.get_mut(transport + FLAGS) {
            *flags |= push;
        }
        let seed = Sum::default()
            .add_pseudo_header(
                segment::addresses(first, version)?,
                protocol::TCP,
                header_len - transport + payload,
            )
            .finish();
        put(&mut headers, transport + TCP_CHECKSUM_OFFSET, &(!seed).to_be_bytes());
        let small = |value: usize| u16::try_from(value).ok();
        let header = VnetHeader {
            flags: FLAG_NEEDS_CSUM,
            gso_type: if version == IpVersion::V4 { GSO_TCPV4 } else { GSO_TCPV6 },
            hdr_len: small(header_len)?,
            gso_size: small(first.len() - header_len)?,
            csum_start: small(transport)?,
            csum_offset: small(TCP_CHECKSUM_OFFSET)?,
        };
        Some(Self { header, headers })
    }

    /// What is to be told to the kernel.
    #[must_use]
    pub const fn vnet_header(&self) -> VnetHeader {
        self.header
    }

    /// Everything before the payload.
    #[must_use]
    pub fn headers(&self) -> &[u8] {
        &self.headers
    }

    /// What one of the frames, all of which are in the run, adds to the payload.
    #[must_use]
    pub fn payload<'a>(&self, frame: &'a [u8]) -> &'a [u8] {
        frame.get(self.headers.len()..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
