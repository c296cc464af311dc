//! The overlay datagram: what stands in one QUIC DATAGRAM.
//!
//! `docs/wire.md` is normative. Every datagram starts with the same eight bytes; a fragment adds four:
//!
//! ```text
//!  0       4       8               16                              32
//! +-------+-------+---------------+-------------------------------+
//! |version| kind  |   flags = 0   |             room              |
//! +-------+-------+---------------+-------------------------------+
//! |            source             |             label             |
//! +-------------------------------+-------------------------------+
//! |         fragment id           |P|0 0 0 0|    total length     |   fragments only
//! +-------------------------------+-------------------------------+
//! |  Ethernet frame, half of one, or a probe ...
//! ```
//!
//! The relay forwards these bytes unchanged to every receiver. That is why no field differs by receiver.

mod fragment;
mod header;
mod probe;
mod reassembly;
mod worker;

pub use fragment::{
    FRAGMENT_HEADER_LEN, Fragment, FragmentId, MAX_FRAGMENTED_LEN, MIN_FRAGMENTED_LEN, Part, split_at,
};
pub use header::{Datagram, HEADER_LEN, Header, Kind, Label, PeerId, RoomId, VERSION};
pub use probe::{PROBE_LEN, Probe, ProbeKind};
pub use reassembly::{Reassembler, ReassemblyConfig};
pub use worker::Worker;

use bytes::{Buf, Bytes, BytesMut};

use crate::frame::{ETHERNET_HEADER_LEN, VLAN_TAG_LEN};

/// Spare bytes that a port leaves before a frame: the longest overlay header.
pub const HEADROOM: usize = HEADER_LEN + FRAGMENT_HEADER_LEN;

/// The bytes break the rules of the wire. Whoever sent them is broken or hostile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProtoError {
    /// Fewer bytes than the header or the body needs.
    #[error("datagram of {0} bytes is too short")]
    TooShort(usize),
    /// Another version of the overlay header.
    #[error("unknown overlay version {0}")]
    Version(u8),
    /// A kind that this version does not know, or may not receive in a plain room.
    #[error("unknown datagram kind {0}")]
    Kind(u8),
    /// Reserved flags are set.
    #[error("reserved flags 0x{0:02x} are set")]
    Flags(u8),
    /// A reserved room number.
    #[error("reserved room number {0}")]
    Room(u16),
    /// A reserved peer number.
    #[error("reserved peer number {0}")]
    Peer(u16),
    /// A reserved label.
    #[error("reserved label 0x{0:04x}")]
    Label(u16),
    /// The fragment's length fields contradict each other, or the frame need not have been cut.
    #[error("fragment lengths contradict each other")]
    Fragment,
    /// A probe of the wrong length, of an unknown kind, or to everybody.
    #[error("malformed probe")]
    Probe,
}

/// The largest frame that crosses as one datagram when a datagram may hold `budget` bytes.
#[must_use]
pub const fn max_whole_frame(budget: usize) -> usize {
    budget.saturating_sub(HEADER_LEN)
}

/// The largest frame that crosses at all, in one part or in two.
#[must_use]
pub const fn max_frame(budget: usize) -> usize {
    let halves = budget.saturating_sub(HEADROOM) * 2;
    if halves > MAX_FRAGMENTED_LEN { MAX_FRAGMENTED_LEN } else { halves }
}

/// The datagram budget a connection must offer so that every frame of a room with this layer-2 MTU crosses, tagged
/// ones included: the longest in two halves, and what is too short to be cut ([`MIN_FRAGMENTED_LEN`]) whole.
#[must_use]
pub const fn required_budget(mtu: u16) -> usize {
    let halves = (mtu as usize + ETHERNET_HEADER_LEN + VLAN_TAG_LEN).div_ceil(2) + HEADROOM;
    let whole = MIN_FRAGMENTED_LEN - 1 + HEADER_LEN;
    if halves > whole { halves } else { whole }
}

/// Turns a frame behind [`HEADROOM`] spare bytes into the datagrams that carry it: one, or two if it exceeds `budget`.
/// Only the second half of a cut frame is copied. Hands the datagrams to `emit` in order.
///
/// # Errors
/// [`TooLarge`] if two datagrams of `budget` bytes cannot carry the frame.
pub fn encode_frame(
    room: RoomId,
    source: PeerId,
    label: Label,
    mut buffer: BytesMut,
    budget: usize,
    next_fragment: &mut FragmentId,
    mut emit: impl FnMut(Bytes),
) -> Result<(), TooLarge> {
    debug_assert!(buffer.len() >= HEADROOM, "a port leaves headroom");
    let len = buffer.len().saturating_sub(HEADROOM);
    if len + HEADER_LEN <= budget {
        Header { kind: Kind::Frame, room, source, label }.write(&mut buffer[FRAGMENT_HEADER_LEN..HEADROOM]);
        buffer.advance(FRAGMENT_HEADER_LEN);
        emit(buffer.freeze());
        return Ok(());
    }
    if len > max_frame(budget) || len < MIN_FRAGMENTED_LEN {
        return Err(TooLarge { len, budget });
    }
    let id = next_fragment.take();
    let header = Header { kind: Kind::Fragment, room, source, label };
    let second = buffer.split_off(HEADROOM + split_at(len));
    let mut first = buffer;
    header.write(&mut first[..HEADER_LEN]);
    Fragment::write_header(id, Part::First, len, &mut first[HEADER_LEN..HEADROOM]);
    let mut last = BytesMut::with_capacity(HEADROOM + second.len());
    last.resize(HEADROOM, 0);
    header.write(&mut last[..HEADER_LEN]);
    Fragment::write_header(id, Part::Second, len, &mut last[HEADER_LEN..HEADROOM]);
    last.extend_from_slice(&second);
    emit(first.freeze());
    emit(last.freeze());
    Ok(())
}

/// A frame exceeds what two datagrams of the present budget carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a frame of {len} bytes does not cross in two datagrams of {budget} bytes")]
pub struct TooLarge {
    /// Length of the frame.
    pub len: usize,
    /// Bytes that one datagram may hold.
    pub budget: usize,
}

#[cfg(test)]
mod tests;
