//! The Internet checksum (RFC 1071), fast, and where the transport protocols keep it.

use super::headers::{Layout, protocol, put};
use crate::obs::DropReason;

/// Where UDP keeps its checksum. No other transport protocol has it there.
pub(super) const UDP_CHECKSUM_OFFSET: usize = 6;
/// Where TCP keeps its checksum.
pub(super) const TCP_CHECKSUM_OFFSET: usize = 16;
const ICMPV6_CHECKSUM_OFFSET: usize = 2;
/// Length of the UDP header.
pub(super) const UDP_HEADER_LEN: usize = 8;
/// Length of the TCP header without options.
pub(super) const TCP_HEADER_LEN: usize = 20;

/// A one's complement sum under way.
///
/// The sum is taken over native-endian 64-bit words: it is independent of byte order until it is read (RFC 1071,
/// section 2 B), and 2^64 is 1 modulo 2^16 - 1.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sum(u64);

impl Sum {
    /// Adds `bytes`. Only the last piece of a sum may have an odd length: it is padded by a zero.
    pub(super) fn add(self, bytes: &[u8]) -> Self {
        // Four independent accumulators, so that no addition waits for the one before it.
        let mut lanes = [self.0, 0, 0, 0];
        let (blocks, rest) = bytes.as_chunks::<32>();
        for block in blocks {
            let (words, _) = block.as_chunks::<8>();
            for (lane, word) in lanes.iter_mut().zip(words) {
                *lane = add_with_carry(*lane, u64::from_ne_bytes(*word));
            }
        }
        let mut sum = lanes.into_iter().fold(0, add_with_carry);
        let (words, tail) = rest.as_chunks::<8>();
        for word in words {
            sum = add_with_carry(sum, u64::from_ne_bytes(*word));
        }
        let mut last = [0; 8];
        for (place, byte) in last.iter_mut().zip(tail) {
            *place = *byte;
        }
        Self(add_with_carry(sum, u64::from_ne_bytes(last)))
    }

    /// Adds one big-endian 16-bit word.
    pub(super) fn add_word(self, word: u16) -> Self {
        Self(add_with_carry(self.0, u64::from(u16::from_ne_bytes(word.to_be_bytes()))))
    }

    /// Adds the pseudo header of a transport protocol (RFC 9293 section 3.1, RFC 8200 section 8.1).
    pub(super) fn add_pseudo_header(self, addresses: &[u8], protocol: u8, length: usize) -> Self {
        let length = u32::try_from(length).unwrap_or_default();
        self.add(addresses).add(&length.to_be_bytes()).add_word(u16::from(protocol))
    }

    /// The checksum: the complement of the folded sum.
    pub(super) fn finish(self) -> u16 {
        let mut sum = self.0;
        for bits in [32, 16, 16, 16] {
            sum = (sum & ((1 << bits) - 1)) + (sum >> bits);
        }
        #[expect(clippy::cast_possible_truncation, reason = "four folds leave sixteen bits")]
        let folded = sum as u16;
        !u16::from_be_bytes(folded.to_ne_bytes())
    }
}

/// The Internet checksum of `bytes` (RFC 1071): zero over bytes that contain their own right checksum.
#[must_use]
pub fn internet_checksum(bytes: &[u8]) -> u16 {
    Sum::default().add(bytes).finish()
}

/// Completes a checksum that a kernel left to the network card.
///
/// The field at `csum_start + csum_offset` holds the sum of the pseudo header already; the checksum is taken from
/// `csum_start` to the end of `frame`. A UDP checksum that comes out as zero is written as 0xffff, since zero means
/// "none" there (RFC 768).
///
/// # Errors
/// [`DropReason::BadOffload`] if the field is not inside the frame.
pub fn complete_checksum(frame: &mut [u8], csum_start: usize, csum_offset: usize) -> Result<(), DropReason> {
    let covered = frame.get_mut(csum_start..).ok_or(DropReason::BadOffload)?;
    if covered.len() < csum_offset.saturating_add(2) {
        return Err(DropReason::BadOffload);
    }
    let checksum = internet_checksum(covered);
    put(covered, csum_offset, &stored(checksum, csum_offset).to_be_bytes());
    Ok(())
}

/// Computes the checksum of a TCP, UDP or ICMPv6 frame anew, wherever its headers put it: behind IPv4 options, IPv6
/// extension headers and VLAN tags.
///
/// For frames of which is only known that the checksum was left to the network card. Returns whether there was
/// something to complete: other protocols and fragments are left as they are.
///
/// # Errors
/// [`DropReason::BadOffload`] if the transport header is cut short.
pub fn complete_transport_checksum(frame: &mut [u8]) -> Result<bool, DropReason> {
    let Some(layout) = Layout::parse(frame) else { return Ok(false) };
    let Some(offset) = checksum_offset(&layout) else { return Ok(false) };
    let length = layout.end - layout.transport;
    if length < offset + 2 {
        return Err(DropReason::BadOffload);
    }
    put(frame, layout.transport + offset, &[0, 0]);
    let checksum = Sum::default()
        .add_pseudo_header(layout.addresses(frame), layout.protocol, length)
        .add(frame.get(layout.transport..layout.end).unwrap_or_default())
        .finish();
    put(frame, layout.transport + offset, &stored(checksum, offset).to_be_bytes());
    Ok(true)
}

/// What stands in the field for `checksum`.
pub(super) const fn stored(checksum: u16, offset: usize) -> u16 {
    if checksum == 0 && offset == UDP_CHECKSUM_OFFSET { 0xffff } else { checksum }
}

fn checksum_offset(layout: &Layout) -> Option<usize> {
    match (layout.protocol, layout.version) {
        (protocol::TCP, _) => Some(TCP_CHECKSUM_OFFSET),
        (protocol::UDP, _) => Some(UDP_CHECKSUM_OFFSET),
        (protocol::ICMPV6, super::headers::IpVersion::V6) => Some(ICMPV6_CHECKSUM_OFFSET),
        _ => None,
    }
}

const fn add_with_carry(left: u64, right: u64) -> u64 {
    let (sum, carry) = left.overflowing_add(right);
    // Cannot overflow again: a sum that wrapped is at most u64::MAX - 1.
    sum + carry as u64
}
