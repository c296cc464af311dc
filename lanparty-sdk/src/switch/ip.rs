//! The way from an IP header to the transport header, with a bounded number of steps.
//!
//! Works on truncated views: the first half of a frame that travels in two datagrams shows fewer bytes than the IP
//! header announces.

use crate::frame::EtherType;

/// How many extension headers are followed. Real packets have one or two; hosts' own limits are of this size.
pub const MAX_EXTENSION_HEADERS: usize = 8;
/// Length of an IPv4 header without options.
pub const IPV4_HEADER_LEN: usize = 20;
/// Length of the fixed IPv6 header.
pub const IPV6_HEADER_LEN: usize = 40;

/// Protocol and next-header numbers that the switch knows (IANA, "Assigned Internet Protocol Numbers").
pub mod protocol {
    /// IPv6 hop-by-hop options.
    pub const HOP_BY_HOP: u8 = 0;
    /// TCP.
    pub const TCP: u8 = 6;
    /// UDP.
    pub const UDP: u8 = 17;
    /// IPv6 routing header.
    pub const ROUTING: u8 = 43;
    /// IPv6 fragment header.
    pub const FRAGMENT: u8 = 44;
    /// Authentication header.
    pub const AUTHENTICATION: u8 = 51;
    /// ICMP for IPv6.
    pub const ICMPV6: u8 = 58;
    /// IPv6 destination options.
    pub const DESTINATION_OPTIONS: u8 = 60;
    /// Mobility header.
    pub const MOBILITY: u8 = 135;
    /// Host Identity Protocol.
    pub const HOST_IDENTITY: u8 = 139;
    /// Shim6.
    pub const SHIM6: u8 = 140;
}

/// What a walk through the IP headers found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Walk {
    /// A fragment without a transport header to judge: a later one of IPv4, or any of IPv6, since IPv6 may put
    /// extension headers into later fragments.
    Fragment,
    /// The EtherType is neither IPv4 nor IPv6.
    NotIp,
    /// The transport header was reached. IPv4's first fragments are told as this too.
    Transport {
        /// The transport protocol, see [`protocol`].
        protocol: u8,
        /// Where the transport header begins, counted from the IP header. At most `end`.
        offset: usize,
        /// Where the packet ends, counted from the IP header: Ethernet padding is not part of it. At most the number
        /// of visible bytes.
        end: usize,
    },
    /// A header goes beyond the packet or the visible bytes.
    Truncated,
    /// A header contradicts itself, or there are more than [`MAX_EXTENSION_HEADERS`].
    Undeterminable,
}

/// Follows the IP headers at the start of `packet` (which may be cut off at its end) to the transport header.
#[must_use]
pub fn walk(ethertype: EtherType, packet: &[u8]) -> Walk {
    match ethertype {
        EtherType::IPV4 => walk_v4(packet),
        EtherType::IPV6 => walk_v6(packet),
        _ => Walk::NotIp,
    }
}

fn walk_v4(packet: &[u8]) -> Walk {
    let Some(header) = packet.first_chunk::<IPV4_HEADER_LEN>() else { return Walk::Truncated };
    let header_len = usize::from(header[0] & 0x0f) * 4;
    let total_len = usize::from(u16::from_be_bytes([header[2], header[3]]));
    if header[0] >> 4 != 4 || header_len < IPV4_HEADER_LEN || total_len < header_len {
        return Walk::Undeterminable;
    }
    let fragment_offset = u16::from_be_bytes([header[6], header[7]]) & 0x1fff;
    if fragment_offset != 0 {
        return Walk::Fragment;
    }
    let packet = packet.get(..total_len).unwrap_or(packet);
    if packet.len() < header_len {
        return Walk::Truncated;
    }
    // IPv4 has no extension headers, but an authentication header may stand before the transport header.
    follow(packet, header[9], header_len, |protocol, words| match protocol {
        protocol::AUTHENTICATION => Step::Header((words + 2) * 4),
        _ => Step::Transport,
    })
}

fn walk_v6(packet: &[u8]) -> Walk {
    let Some(header) = packet.first_chunk::<IPV6_HEADER_LEN>() else { return Walk::Truncated };
    if header[0] >> 4 != 6 {
        return Walk::Undeterminable;
    }
    let packet = match usize::from(u16::from_be_bytes([header[4], header[5]])) {
        // Perhaps a jumbogram (RFC 2675), which no frame of ours can hold: whatever is visible is judged.
        0 if header[6] == protocol::HOP_BY_HOP => packet,
        payload_len => packet.get(..IPV6_HEADER_LEN + payload_len).unwrap_or(packet),
    };
    follow(packet, header[6], IPV6_HEADER_LEN, |protocol, words| match protocol {
        protocol::FRAGMENT => Step::Fragment,
        protocol::AUTHENTICATION => Step::Header((words + 2) * 4),
        protocol::HOP_BY_HOP
        | protocol::ROUTING
        | protocol::DESTINATION_OPTIONS
        | protocol::MOBILITY
        | protocol::HOST_IDENTITY
        | protocol::SHIM6 => Step::Header((words + 1) * 8),
        _ => Step::Transport,
    })
}

/// What stands at a place in the chain of headers.
enum Step {
    Fragment,
    /// An extension header of so many bytes.
    Header(usize),
    Transport,
}

/// Follows the chain that begins with `protocol` at `offset`. `classify` gets a protocol and its header's length field.
fn follow(packet: &[u8], mut protocol: u8, mut offset: usize, classify: impl Fn(u8, usize) -> Step) -> Walk {
    let end = packet.len();
    for _ in 0..=MAX_EXTENSION_HEADERS {
        let head = packet.get(offset..).and_then(|rest| rest.first_chunk::<2>());
        match (classify(protocol, head.map_or(0, |head| usize::from(head[1]))), head) {
            (Step::Fragment, _) => return Walk::Fragment,
            (Step::Transport, _) => return Walk::Transport { protocol, offset, end },
            (Step::Header(len), Some(head)) if offset + len <= end => {
                protocol = head[0];
                offset += len;
            }
            (Step::Header(_), _) => return Walk::Truncated,
        }
    }
    Walk::Undeterminable
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn v4(ihl: u8, total_len: u16, fragment: u16, protocol: u8, visible: usize) -> Vec<u8> {
        let mut packet = vec![0; visible];
        packet[0] = 0x40 | ihl;
        packet[2..4].copy_from_slice(&total_len.to_be_bytes());
        packet[6..8].copy_from_slice(&fragment.to_be_bytes());
        packet[9] = protocol;
        packet
    }

    fn v6(next: u8, chain: &[u8]) -> Vec<u8> {
        let mut packet = vec![0; 40];
        packet[0] = 0x60;
        packet[4..6].copy_from_slice(&u16::try_from(chain.len()).unwrap().to_be_bytes());
        packet[6] = next;
        packet.extend_from_slice(chain);
        packet
    }

    #[test]
    fn ipv4_options_padding_and_truncation() {
        let udp = Walk::Transport { protocol: 17, offset: 20, end: 28 };
        assert_eq!(walk(EtherType::IPV4, &v4(5, 28, 0x4000, 17, 46)), udp, "padding is not packet");
        let options = Walk::Transport { protocol: 17, offset: 60, end: 68 };
        assert_eq!(walk(EtherType::IPV4, &v4(15, 68, 0, 17, 68)), options);
        let half = Walk::Transport { protocol: 6, offset: 20, end: 700 };
        assert_eq!(walk(EtherType::IPV4, &v4(5, 1400, 0, 6, 700)), half);
        assert_eq!(walk(EtherType::IPV4, &v4(15, 68, 0, 17, 59)), Walk::Truncated);
        assert_eq!(walk(EtherType::IPV4, &[0x45; 19]), Walk::Truncated);
    }

    #[test]
    fn ipv4_contradictions_are_undeterminable() {
        assert_eq!(walk(EtherType::IPV4, &v4(4, 28, 0, 17, 28)), Walk::Undeterminable, "header length");
        assert_eq!(walk(EtherType::IPV4, &v4(5, 19, 0, 17, 28)), Walk::Undeterminable, "total length");
        assert_eq!(walk(EtherType::IPV4, &v6(17, &[0; 8])), Walk::Undeterminable, "version");
        assert_eq!(walk(EtherType::IPV6, &v4(5, 60, 0, 17, 60)), Walk::Undeterminable, "version");
    }

    #[test]
    fn ipv4_first_fragment_shows_its_transport_and_later_ones_do_not() {
        let first = Walk::Transport { protocol: 17, offset: 20, end: 28 };
        assert_eq!(walk(EtherType::IPV4, &v4(5, 28, 0x2000, 17, 28)), first);
        assert_eq!(walk(EtherType::IPV4, &v4(5, 28, 0x2001, 17, 28)), Walk::Fragment);
        assert_eq!(walk(EtherType::IPV4, &v4(5, 28, 0x0001, 17, 28)), Walk::Fragment);
    }

    #[test]
    fn ipv4_authentication_header_is_followed_but_ipv6_options_are_not() {
        let mut packet = v4(5, 48, 0, protocol::AUTHENTICATION, 48);
        packet[20..22].copy_from_slice(&[17, 4]);
        let behind = Walk::Transport { protocol: 17, offset: 44, end: 48 };
        assert_eq!(walk(EtherType::IPV4, &packet), behind);
        let hopopt = Walk::Transport { protocol: 0, offset: 20, end: 48 };
        assert_eq!(walk(EtherType::IPV4, &v4(5, 48, 0, 0, 48)), hopopt);
    }

    #[test]
    fn ipv6_extension_headers_are_followed() {
        let mut chain = Vec::new();
        chain.extend([43, 0, 1, 4, 0, 0, 0, 0]); // hop-by-hop
        chain.extend([60, 1]); // routing, 16 bytes
        chain.extend([0; 14]);
        chain.extend([51, 0, 1, 4, 0, 0, 0, 0]); // destination options
        chain.extend([58, 4]); // authentication, 24 bytes
        chain.extend([0; 22]);
        chain.extend([134, 0, 0, 0]);
        let packet = v6(0, &chain);
        let found = Walk::Transport { protocol: 58, offset: 96, end: 100 };
        assert_eq!(walk(EtherType::IPV6, &packet), found);
        for visible in 0..96 {
            assert_eq!(walk(EtherType::IPV6, &packet[..visible]), Walk::Truncated, "{visible}");
        }
    }

    #[test]
    fn ipv6_fragments_are_told_wherever_they_stand() {
        assert_eq!(walk(EtherType::IPV6, &v6(44, &[17, 0, 0, 1, 0, 0, 0, 9])), Walk::Fragment);
        let behind = [44, 0, 1, 4, 0, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0, 9];
        assert_eq!(walk(EtherType::IPV6, &v6(60, &behind)), Walk::Fragment, "also atomic ones");
        assert_eq!(walk(EtherType::IPV6, &v6(44, &[])), Walk::Fragment, "even when cut off");
    }

    #[test]
    fn the_chain_is_bounded() {
        let mut chain = [60, 0, 1, 4, 0, 0, 0, 0].repeat(MAX_EXTENSION_HEADERS);
        *chain.iter_mut().rev().nth(7).unwrap() = 17;
        chain.extend([0; 8]);
        let last = Walk::Transport { protocol: 17, offset: 40 + 64, end: 40 + 72 };
        assert_eq!(walk(EtherType::IPV6, &v6(60, &chain)), last);
        let longer = [60, 0, 1, 4, 0, 0, 0, 0].repeat(MAX_EXTENSION_HEADERS + 2);
        assert_eq!(walk(EtherType::IPV6, &v6(60, &longer)), Walk::Undeterminable);
    }

    #[test]
    fn other_protocols_are_not_ip() {
        assert_eq!(walk(EtherType::ARP, &[0x45; 40]), Walk::NotIp);
        assert_eq!(walk(EtherType::IPX, &[]), Walk::NotIp);
    }

    proptest! {
        #[test]
        fn any_bytes_stay_in_bounds(
            packet in proptest::collection::vec(any::<u8>(), 0..300),
            v6 in any::<bool>(),
            fix_version in any::<bool>(),
        ) {
            let mut packet = packet;
            if let (true, Some(first)) = (fix_version, packet.first_mut()) {
                *first = if v6 { 0x60 } else { 0x45 };
            }
            let ethertype = if v6 { EtherType::IPV6 } else { EtherType::IPV4 };
            if let Walk::Transport { offset, end, .. } = walk(ethertype, &packet) {
                prop_assert!(offset <= end && end <= packet.len());
            }
        }

        /// Seeing less never changes a transport header into another one.
        #[test]
        fn a_shorter_view_never_disagrees(
            chain in proptest::collection::vec(
                prop_oneof![Just(0_u8), Just(60), Just(43), Just(58), any::<u8>()],
                0..200,
            ),
            next in prop_oneof![Just(0_u8), Just(60), Just(44), Just(51)],
            cut in 0_usize..240,
        ) {
            let packet = v6(next, &chain);
            let whole = walk(EtherType::IPV6, &packet);
            let part = walk(EtherType::IPV6, &packet[..cut.min(packet.len())]);
            match (whole, part) {
                (Walk::Transport { protocol: a, offset: x, .. }, Walk::Transport { protocol: b, offset: y, .. }) => {
                    prop_assert_eq!((a, x), (b, y));
                }
                (_, Walk::Truncated) => {}
                (whole, part) => prop_assert_eq!(whole, part),
            }
        }
    }
}
