//! Keeps TCP out of the fragment path: lowers the maximum segment size that hosts announce to each other.
//!
//! The option is only ever lowered, never raised and never added. A SYN without it stays as it is; its receiver assumes
//! 536 bytes (IPv4) or 1220 (IPv6), and what is still too long for one datagram travels as two.

use crate::frame::{ETHERNET_HEADER_LEN, EtherType, VLAN_TAG_LEN};

use super::ip::{self, IPV4_HEADER_LEN, IPV6_HEADER_LEN, Walk, protocol};
use super::layers::Layers;

/// Length of a TCP header without options.
pub const TCP_HEADER_LEN: usize = 20;
/// Segments are never clamped below this, the size that every IPv4 host takes (RFC 9293, section 3.7.1).
pub const MIN_MSS: u16 = 536;

/// The largest segment whose frame is at most `budget_frame_len` bytes long, never below [`MIN_MSS`].
///
/// Options of IP and TCP are not subtracted: senders make room for their own (RFC 6691).
#[must_use]
pub fn mss_for_budget(budget_frame_len: usize, ipv6: bool, tagged: bool) -> u16 {
    let header_len = ETHERNET_HEADER_LEN + if tagged { VLAN_TAG_LEN } else { 0 };
    mss_behind(header_len, budget_frame_len, ipv6)
}

/// Lowers the maximum segment size in a SYN or SYN-ACK to `max`, and mends the checksum. Says whether it changed
/// anything.
///
/// All other frames, and all that are malformed, stay untouched. The checksum must be complete, not left to a network
/// card: mend offloaded frames first.
pub fn clamp_mss(frame: &mut [u8], max: u16) -> bool {
    syn(frame).is_some_and(|syn| clamp_options(syn.tcp, max))
}

/// [`clamp_mss`] to what makes the connection's frames at most `budget_frame_len` bytes long, whichever IP version and
/// tag this SYN has.
pub fn clamp_mss_to_budget(frame: &mut [u8], budget_frame_len: usize) -> bool {
    syn(frame).is_some_and(|syn| {
        let max = mss_behind(syn.network_at, budget_frame_len, syn.ipv6);
        clamp_options(syn.tcp, max)
    })
}

fn mss_behind(network_at: usize, budget_frame_len: usize, ipv6: bool) -> u16 {
    let ip_len = if ipv6 { IPV6_HEADER_LEN } else { IPV4_HEADER_LEN };
    let room = budget_frame_len.saturating_sub(network_at + ip_len + TCP_HEADER_LEN);
    u16::try_from(room).unwrap_or(u16::MAX).max(MIN_MSS)
}

/// A TCP segment that opens a connection.
struct Syn<'a> {
    network_at: usize,
    ipv6: bool,
    /// The TCP header, exactly, options included.
    tcp: &'a mut [u8],
}

fn syn(frame: &mut [u8]) -> Option<Syn<'_>> {
    let Layers { ethertype, network_at, .. } = Layers::read(frame)?;
    let Walk::Transport { protocol: protocol::TCP, offset, end } =
        ip::walk(ethertype, frame.get(network_at..)?)
    else {
        return None;
    };
    let tcp = frame.get_mut(network_at + offset..network_at + end)?;
    let header = tcp.first_chunk::<TCP_HEADER_LEN>()?;
    if header[FLAGS] & SYN == 0 {
        return None;
    }
    let header_len = usize::from(header[12] >> 4) * 4;
    let tcp = tcp.get_mut(..header_len)?;
    Some(Syn { network_at, ipv6: ethertype == EtherType::IPV6, tcp })
}

/// Walks the options of a TCP header. Stops at the first malformed one, as receivers do.
fn clamp_options(tcp: &mut [u8], max: u16) -> bool {
    let mut at = TCP_HEADER_LEN;
    let mut changed = false;
    while let Some(&kind) = tcp.get(at) {
        let len = match (kind, tcp.get(at + 1)) {
            (OPTION_END, _) | (_, None) => break,
            (OPTION_NOP, _) => 1,
            (_, Some(&len)) => usize::from(len),
        };
        let is_whole = len >= 2 && at + len <= tcp.len();
        if kind != OPTION_NOP && !is_whole {
            break;
        }
        if kind == OPTION_MSS {
            if len != OPTION_MSS_LEN {
                break;
            }
            changed |= lower(tcp, at + 2, max);
        }
        at += len;
    }
    changed
}

/// Lowers the 16-bit field at `at` to `max` and updates the checksum by the difference (RFC 1624, equation 3).
fn lower(tcp: &mut [u8], at: usize, max: u16) -> bool {
    let Some(before) = read_u16(tcp, at) else { return false };
    let Some(checksum) = read_u16(tcp, CHECKSUM) else { return false };
    if before <= max {
        return false;
    }
    // The sum is over 16-bit words from the header's start; a field across two words counts with its bytes swapped.
    let weigh = |value: u16| if at.is_multiple_of(2) { value } else { value.swap_bytes() };
    let sum = u32::from(!checksum) + u32::from(!weigh(before)) + u32::from(weigh(max));
    let folded = (sum & 0xffff) + (sum >> 16);
    let folded = (folded & 0xffff) + (folded >> 16);
    let [_, _, high, low] = (!folded).to_be_bytes();
    write_u16(tcp, CHECKSUM, u16::from_be_bytes([high, low]));
    write_u16(tcp, at, max);
    true
}

fn read_u16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|field| u16::from_be_bytes(*field))
}

fn write_u16(bytes: &mut [u8], at: usize, value: u16) {
    if let Some(field) = bytes.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
        *field = value.to_be_bytes();
    }
}

/// Where the flags of a TCP header are, and the one that asks for a connection.
const FLAGS: usize = 13;
const SYN: u8 = 0x02;
/// Where the checksum of a TCP header is.
const CHECKSUM: usize = 16;

const OPTION_END: u8 = 0;
const OPTION_NOP: u8 = 1;
const OPTION_MSS: u8 = 2;
const OPTION_MSS_LEN: usize = 4;

#[cfg(test)]
mod tests;
