//! A frame that may be part of a super-frame.

use std::ops::Range;

use super::super::checksum::{Sum, TCP_HEADER_LEN, internet_checksum};
use super::super::headers::{IPV6_HEADER_LEN, IpVersion, be16, be32, protocol};
use crate::frame::{ETHERNET_HEADER_LEN, EtherType};

/// Where TCP keeps its flags.
pub(super) const FLAGS: usize = 13;
/// The sender has nothing more to send for the moment.
pub(super) const PUSH: u8 = 0x08;
const ACK: u8 = 0x10;

const NETWORK: usize = ETHERNET_HEADER_LEN;
const IPV4_HEADER_LEN: usize = 20;
const DO_NOT_FRAGMENT: u16 = 0x4000;
/// From the addresses of either IP to the end of TCP's ports: they follow each other.
const FLOW_V4: Range<usize> = NETWORK + 12..NETWORK + IPV4_HEADER_LEN + PORTS_LEN;
const FLOW_V6: Range<usize> = NETWORK + 8..NETWORK + IPV6_HEADER_LEN + PORTS_LEN;
const PORTS_LEN: usize = 4;

/// A TCP segment with payload, without anything unusual: IPv4 without options or IPv6 without extensions, not tagged, not
/// a fragment, not padded, and no flags but ACK and PSH.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment<'a> {
    pub(super) frame: &'a [u8],
    pub(super) version: IpVersion,
    /// Start of the TCP header.
    pub(super) transport: usize,
    /// Length of all headers.
    pub(super) header_len: usize,
    pub(super) sequence: u32,
    /// Of IPv4; always zero for IPv6, which has none.
    pub(super) identification: u16,
    pub(super) push: bool,
}

impl<'a> Segment<'a> {
    pub(super) fn parse(frame: &'a [u8]) -> Option<Self> {
        let version = version(frame)?;
        let (transport, packet_len, identification) = match version {
            IpVersion::V4 => {
                let fragment = be16(frame, NETWORK + 6)?;
                if *frame.get(NETWORK)? != 0x45
                    || *frame.get(NETWORK + 9)? != protocol::TCP
                    || fragment & !DO_NOT_FRAGMENT != 0
                {
                    return None;
                }
                (NETWORK + IPV4_HEADER_LEN, be16(frame, NETWORK + 2)?.into(), be16(frame, NETWORK + 4)?)
            }
            IpVersion::V6 => {
                if *frame.get(NETWORK)? >> 4 != 6 || *frame.get(NETWORK + 6)? != protocol::TCP {
                    return None;
                }
                (NETWORK + IPV6_HEADER_LEN, IPV6_HEADER_LEN + usize::from(be16(frame, NETWORK + 4)?), 0)
            }
        };
        let header_len = transport + usize::from(*frame.get(transport + 12)? >> 4) * 4;
        let flags = *frame.get(transport + FLAGS)?;
        let plain = NETWORK + packet_len == frame.len()
            && header_len >= transport + TCP_HEADER_LEN
            && header_len < frame.len()
            && flags & !PUSH == ACK
            && *frame.get(transport + 12)? & 0x0f == 0;
        plain.then_some(Self {
            frame,
            version,
            transport,
            header_len,
            sequence: be32(frame, transport + 4)?,
            identification,
            push: flags & PUSH != 0,
        })
    }

    pub(super) const fn payload_len(&self) -> usize {
        self.frame.len() - self.header_len
    }

    /// The sequence number of the segment that follows.
    pub(super) fn next_sequence(&self) -> u32 {
        self.sequence.wrapping_add(u32::try_from(self.payload_len()).unwrap_or_default())
    }

    /// Whether nobody may cut the packet to pieces, so that its identification means nothing. That of IPv6 is never
    /// written either.
    pub(super) fn is_atomic(&self) -> bool {
        match self.version {
            IpVersion::V4 => be16(self.frame, NETWORK + 6) == Some(DO_NOT_FRAGMENT),
            IpVersion::V6 => true,
        }
    }

    /// Whether both are of one flow.
    pub(super) fn is_of_flow(&self, other: &Segment<'_>) -> bool {
        self.version == other.version && self.frame.get(self.flow()) == other.frame.get(self.flow())
    }

    /// Whether `frame`, which is no [`Segment`], may be of the same flow, so that it must not be sent before this one.
    ///
    /// Whatever is between the same stations may be, unless it says something else.
    pub(super) fn precedes(&self, frame: &[u8]) -> bool {
        if version(frame) != Some(self.version) {
            return false;
        }
        let (protocol, is_bare) = match self.version {
            IpVersion::V4 => (NETWORK + 9, frame.get(NETWORK) == Some(&0x45)),
            IpVersion::V6 => (NETWORK + 6, true),
        };
        let flow = self.flow();
        let end = match frame.get(protocol) {
            Some(&(protocol::UDP | protocol::ICMP | protocol::ICMPV6)) => return false,
            Some(&protocol::TCP) if is_bare => flow.end,
            _ => flow.end - PORTS_LEN,
        };
        // A frame that is cut off says only so much.
        let said = flow.start..end.min(frame.len());
        frame.get(said.clone()) == self.frame.get(said)
    }

    /// Whether all that must be equal in the headers of two frames of one super-frame is equal.
    pub(super) fn has_headers_of(&self, other: &Segment<'_>) -> bool {
        let at = self.transport;
        // What stands between: the length, for IPv4 also the identification and its checksum; then sequence number,
        // flags and checksum.
        let before: &[Range<usize>] = match self.version {
            IpVersion::V4 => &[0..NETWORK + 2, NETWORK + 6..NETWORK + 10, FLOW_V4],
            IpVersion::V6 => &[0..NETWORK + 4, NETWORK + 6..FLOW_V6.end],
        };
        let tcp = [at + 8..at + 13, at + 14..at + 16, at + 18..self.header_len];
        self.header_len == other.header_len
            && before
                .iter()
                .chain(&tcp)
                .all(|part| self.frame.get(part.clone()) == other.frame.get(part.clone()))
    }

    /// Whether the frame's checksums are right.
    pub(super) fn is_right(&self) -> bool {
        let header = self.frame.get(NETWORK..self.transport).unwrap_or_default();
        if self.version == IpVersion::V4 && internet_checksum(header) != 0 {
            return false;
        }
        let (Some(segment), Some(addresses)) =
            (self.frame.get(self.transport..), addresses(self.frame, self.version))
        else {
            return false;
        };
        Sum::default().add_pseudo_header(addresses, protocol::TCP, segment.len()).add(segment).finish() == 0
    }

    const fn flow(&self) -> Range<usize> {
        match self.version {
            IpVersion::V4 => FLOW_V4,
            IpVersion::V6 => FLOW_V6,
        }
    }
}

/// Both addresses of a packet that stands directly behind the Ethernet header.
pub(super) fn addresses(frame: &[u8], version: IpVersion) -> Option<&[u8]> {
    let flow = match version {
        IpVersion::V4 => FLOW_V4,
        IpVersion::V6 => FLOW_V6,
    };
    frame.get(flow.start..flow.end - PORTS_LEN)
}

fn version(frame: &[u8]) -> Option<IpVersion> {
    match EtherType(be16(frame, ETHERNET_HEADER_LEN - 2)?) {
        EtherType::IPV4 => Some(IpVersion::V4),
        EtherType::IPV6 => Some(IpVersion::V6),
        _ => None,
    }
}
