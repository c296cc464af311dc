//! The walk from the Ethernet header to the transport header.

use crate::frame::{ETHERNET_HEADER_LEN, EtherType, VLAN_TAG_LEN};

/// IP protocol numbers (IANA).
pub(super) mod protocol {
    pub(crate) const HOP_BY_HOP: u8 = 0;
    pub(crate) const ICMP: u8 = 1;
    pub(crate) const TCP: u8 = 6;
    pub(crate) const UDP: u8 = 17;
    pub(crate) const ROUTING: u8 = 43;
    pub(crate) const AUTHENTICATION: u8 = 51;
    pub(crate) const ICMPV6: u8 = 58;
    pub(crate) const DESTINATION_OPTIONS: u8 = 60;
}

pub(super) const IPV6_HEADER_LEN: usize = 40;
const IPV4_HEADER_LEN: usize = 20;
/// How many VLAN tags may stand in the frame: a stripped one comes on top of these.
const MAX_TAGS: usize = 2;
/// How many IPv6 extension headers are followed. Real frames have at most three or four.
const MAX_EXTENSIONS: usize = 8;

/// Which IP version a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IpVersion {
    V4,
    V6,
}

/// Where the headers of a frame stand. Every offset is inside the frame that was parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) version: IpVersion,
    /// Start of the IP header.
    pub(super) network: usize,
    /// Start of the transport header.
    pub(super) transport: usize,
    /// The transport protocol's number.
    pub(super) protocol: u8,
    /// End of the IP payload: what follows is padding.
    pub(super) end: usize,
}

impl Layout {
    /// Follows the headers of a whole, unfragmented IP frame. `None` for anything else, and for headers that do not add
    /// up.
    pub(super) fn parse(frame: &[u8]) -> Option<Self> {
        let mut network = ETHERNET_HEADER_LEN;
        let mut ethertype = EtherType(be16(frame, network - 2)?);
        for _ in 0..MAX_TAGS {
            if !ethertype.is_vlan() {
                break;
            }
            network += VLAN_TAG_LEN;
            ethertype = EtherType(be16(frame, network - 2)?);
        }
        match ethertype {
            EtherType::IPV4 => Self::parse_ipv4(frame, network),
            EtherType::IPV6 => Self::parse_ipv6(frame, network),
            _ => None,
        }
    }

    /// Source and destination address: the part of the pseudo header that stands in the frame.
    pub(super) fn addresses<'a>(&self, frame: &'a [u8]) -> &'a [u8] {
        let range = match self.version {
            IpVersion::V4 => self.network + 12..self.network + 20,
            IpVersion::V6 => self.network + 8..self.network + 40,
        };
        frame.get(range).unwrap_or_default()
    }

    fn parse_ipv4(frame: &[u8], network: usize) -> Option<Self> {
        let first = *frame.get(network)?;
        let header_len = usize::from(first & 0x0f) * 4;
        if first >> 4 != 4 || header_len < IPV4_HEADER_LEN {
            return None;
        }
        let more_fragments_or_offset = be16(frame, network + 6)? & 0x3fff;
        if more_fragments_or_offset != 0 {
            return None;
        }
        let total = usize::from(be16(frame, network + 2)?);
        let transport = network + header_len;
        let end = network + total;
        let protocol = *frame.get(network + 9)?;
        (transport <= end && end <= frame.len()).then_some(Self {
            version: IpVersion::V4,
            network,
            transport,
            protocol,
            end,
        })
    }

    fn parse_ipv6(frame: &[u8], network: usize) -> Option<Self> {
        if *frame.get(network)? >> 4 != 6 {
            return None;
        }
        let end = network + IPV6_HEADER_LEN + usize::from(be16(frame, network + 4)?);
        let mut protocol = *frame.get(network + 6)?;
        let mut transport = network + IPV6_HEADER_LEN;
        if end > frame.len() {
            return None;
        }
        for _ in 0..MAX_EXTENSIONS {
            let units = match protocol {
                protocol::HOP_BY_HOP | protocol::DESTINATION_OPTIONS => {
                    (usize::from(*frame.get(transport + 1)?) + 1) * 8
                }
                // With segments left, the checksum covers another destination than the one in the header.
                protocol::ROUTING if *frame.get(transport + 3)? == 0 => {
                    (usize::from(*frame.get(transport + 1)?) + 1) * 8
                }
                protocol::AUTHENTICATION => (usize::from(*frame.get(transport + 1)?) + 2) * 4,
                _ => break,
            };
            protocol = *frame.get(transport)?;
            transport += units;
            if transport > end {
                return None;
            }
        }
        Some(Self { version: IpVersion::V6, network, transport, protocol, end })
    }
}

/// Reads a big-endian field.
pub(super) fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().copied().map(u16::from_be_bytes)
}

/// Reads a big-endian field.
pub(super) fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_be_bytes)
}

/// Writes a field that is known to be there; does nothing if it is not.
pub(super) fn put(bytes: &mut [u8], at: usize, field: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at + field.len()) {
        place.copy_from_slice(field);
    }
}
