//! Which flow a datagram belongs to, read from the datagram itself.
//!
//! Nothing here judges: whatever cannot be read is a flow as well. Each byte is read at most once, and not more than the
//! headers.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use crate::frame::EtherType;
use crate::proto::{Fragment, HEADER_LEN, Kind, Part, VERSION};
use crate::switch::ip::{Walk, protocol, walk};
use crate::switch::layers::Layers;

/// Longer datagrams never go first, whatever they claim to be: a DHCP message has at most 576 bytes unless both ends
/// agreed otherwise (RFC 2131, section 2).
const MAX_EXPRESS_LEN: usize = 640;
/// Where the addresses stand in an IPv4 and in an IPv6 header.
const IPV4_ADDRESSES: std::ops::Range<usize> = 12..20;
const IPV6_ADDRESSES: std::ops::Range<usize> = 8..40;
/// Source and destination address of Ethernet.
const MAC_PAIR_LEN: usize = 12;

/// What a datagram says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Class {
    /// Sender and label together: who shares with whom. On a relay's way down that is the sender, on a member's way up
    /// the receiver, since the other one is always the same there.
    pub(super) party: u32,
    /// A keyed hash of whatever tells one flow from another. Nobody can aim at somebody else's.
    pub(super) flow: u64,
    /// Few and small ones, without which nothing else works: address resolution, DHCP, probes.
    pub(super) express: bool,
    pub(super) half: Half,
}

/// Whether a datagram carries a whole frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Half {
    Whole,
    /// With the sender and the frame's number.
    First(u32),
    Second(u32),
}

/// Whether `datagram` is one of two halves, or pretends to be. Cheap.
pub(super) fn is_half(datagram: &[u8]) -> bool {
    datagram.first().is_some_and(|first| first & 0x0f == Kind::Fragment as u8)
}

/// Reads `datagram`. The flow of a second half is one of its own: only who saw the first half knows better.
pub(super) fn classify(datagram: &[u8], keys: &RandomState) -> Class {
    let Some((&[first, _, _, _, s1, s2, l1, l2], body)) = datagram.split_first_chunk::<HEADER_LEN>() else {
        return Class { party: 0, flow: 0, express: false, half: Half::Whole };
    };
    if first >> 4 != VERSION {
        return Class { party: 0, flow: 0, express: false, half: Half::Whole };
    }
    let party = u32::from_be_bytes([s1, s2, l1, l2]);
    let kind = first & 0x0f;
    let mut hasher = keys.build_hasher();
    hasher.write_u32(party);
    let (mut express, mut half) = (false, Half::Whole);
    if kind == Kind::Frame as u8 {
        express = frame(body, &mut hasher) && datagram.len() <= MAX_EXPRESS_LEN;
    } else if kind == Kind::Fragment as u8 {
        if let Ok(fragment) = Fragment::parse(body) {
            let [i1, i2] = fragment.id.to_be_bytes();
            let key = u32::from_be_bytes([s1, s2, i1, i2]);
            if fragment.part == Part::First {
                frame(fragment.bytes, &mut hasher);
                half = Half::First(key);
            } else {
                hasher.write_u32(key);
                half = Half::Second(key);
            }
        }
    } else {
        express = kind == Kind::Probe as u8 && datagram.len() <= MAX_EXPRESS_LEN;
        hasher.write_u8(kind);
    }
    Class { party, flow: hasher.finish(), express, half }
}

/// Feeds whatever tells the flow of `frame`. Whether it may go first.
///
/// All fragments of IP packets between two hosts are one flow, as only the first of a packet shows ports.
fn frame(frame: &[u8], hasher: &mut impl std::hash::Hasher) -> bool {
    let Some(layers) = Layers::read(frame) else {
        hasher.write(frame);
        return false;
    };
    let ethertype = layers.ethertype;
    hasher.write(frame.get(..MAC_PAIR_LEN).unwrap_or_default());
    // A length says nothing about the flow: IPX and other users of LLC.
    hasher.write_u16(if ethertype.is_length() { 0 } else { ethertype.0 });
    let packet = frame.get(layers.network_at..).unwrap_or_default();
    let (addresses, fragmented) = match ethertype {
        EtherType::IPV4 => (IPV4_ADDRESSES, packet.get(6).is_some_and(|flags| flags & 0x20 != 0)),
        EtherType::IPV6 => (IPV6_ADDRESSES, false),
        _ => return ethertype == EtherType::ARP,
    };
    hasher.write(packet.get(addresses).unwrap_or_default());
    let Walk::Transport { protocol, offset, .. } = walk(ethertype, packet) else { return false };
    if fragmented {
        return false;
    }
    hasher.write_u8(protocol);
    let header = packet.get(offset..).unwrap_or_default();
    match (protocol, header) {
        (protocol::TCP | protocol::UDP, &[f1, f2, t1, t2, ..]) => {
            hasher.write_u32(u32::from_be_bytes([f1, f2, t1, t2]));
            let ports = [u16::from_be_bytes([f1, f2]), u16::from_be_bytes([t1, t2])];
            protocol == protocol::UDP && is_dhcp(ports)
        }
        // Router solicitation to redirect (RFC 4861, section 4).
        (protocol::ICMPV6, &[kind, ..]) => matches!(kind, 133..=137),
        _ => false,
    }
}

fn is_dhcp(ports: [u16; 2]) -> bool {
    ports.iter().all(|port| matches!(port, 67 | 68)) || ports.iter().all(|port| matches!(port, 546 | 547))
}
