//! Crafts frames for tests, byte by byte and with valid checksums.
//!
//! Functions build from the inside out: `ethernet(dst, src, EtherType::IPV4, &ipv4(17, &udp4(67, 68, b"...")))`. All
//! packets use the same documentation addresses. Not for production use: lengths that do not fit are cut to the field.

use crate::frame::{EtherType, MacAddr};

use super::ip::protocol;

/// 192.0.2.1 (RFC 5737).
pub const SRC4: [u8; 4] = [192, 0, 2, 1];
/// 192.0.2.2 (RFC 5737).
pub const DST4: [u8; 4] = [192, 0, 2, 2];
/// fe80::1
pub const SRC6: [u8; 16] = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
/// ff02::1, all nodes.
pub const DST6: [u8; 16] = [0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
/// The flag of an IPv4 fragment that is not the last.
pub const MORE_FRAGMENTS: u16 = 0x2000;

/// An Ethernet II frame, padded to the 60 bytes that every network card sends.
#[must_use]
pub fn ethernet(dst: MacAddr, src: MacAddr, ethertype: EtherType, payload: &[u8]) -> Vec<u8> {
    let mut frame = [&dst.0[..], &src.0, &ethertype.0.to_be_bytes(), payload].concat();
    frame.resize(frame.len().max(60), 0);
    frame
}

/// An IEEE 802.3 frame, whose type field is the payload's length.
#[must_use]
pub fn ieee8023(dst: MacAddr, src: MacAddr, payload: &[u8]) -> Vec<u8> {
    ethernet(dst, src, EtherType(len16(payload.len())), payload)
}

/// LLC and SNAP headers of RFC 1042 before `payload`.
#[must_use]
pub fn snap(ethertype: EtherType, payload: &[u8]) -> Vec<u8> {
    [&[0xaa, 0xaa, 0x03, 0, 0, 0][..], &ethertype.0.to_be_bytes(), payload].concat()
}

/// What follows a tag's EtherType: the tag's own two bytes and the inner type.
#[must_use]
pub fn tag(vlan: u16, ethertype: EtherType, payload: &[u8]) -> Vec<u8> {
    [&vlan.to_be_bytes()[..], &ethertype.0.to_be_bytes(), payload].concat()
}

/// A whole IPv4 packet.
#[must_use]
pub fn ipv4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    ipv4_with(protocol, 0, &[], payload)
}

/// An IPv4 packet with the given flags and fragment offset, and with options (a multiple of four bytes).
#[must_use]
pub fn ipv4_with(protocol: u8, fragment: u16, options: &[u8], payload: &[u8]) -> Vec<u8> {
    let header_len = 20 + options.len();
    let [_, words] = len16(header_len / 4).to_be_bytes();
    let mut header = vec![0x40 | words, 0];
    header.extend(len16(header_len + payload.len()).to_be_bytes());
    header.extend([0x12, 0x34]);
    header.extend(fragment.to_be_bytes());
    header.extend([64, protocol, 0, 0]);
    header.extend(SRC4);
    header.extend(DST4);
    header.extend(options);
    let sum = checksum(&[&header]);
    put16(&mut header, 10, sum);
    header.extend(payload);
    header
}

/// An IPv6 packet; `payload` begins with the header that `next` names.
#[must_use]
pub fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend(len16(payload.len()).to_be_bytes());
    packet.extend([next, 255]);
    packet.extend(SRC6);
    packet.extend(DST6);
    packet.extend(payload);
    packet
}

/// An IPv6 extension header (hop-by-hop or destination options) of eight bytes, filled with PadN, before `payload`.
#[must_use]
pub fn options6(next: u8, payload: &[u8]) -> Vec<u8> {
    [&[next, 0, 1, 4, 0, 0, 0, 0][..], payload].concat()
}

/// An IPv6 routing header with no segments left before `payload`.
#[must_use]
pub fn routing6(next: u8, payload: &[u8]) -> Vec<u8> {
    [&[next, 0, 253, 0, 0, 0, 0, 0][..], payload].concat()
}

/// An IPv6 fragment header before `payload`. `offset` is in bytes.
#[must_use]
pub fn fragment6(next: u8, offset: u16, more: bool, payload: &[u8]) -> Vec<u8> {
    let [high, low] = ((offset & !7) | u16::from(more)).to_be_bytes();
    [&[next, 0, high, low, 0, 0, 0, 1][..], payload].concat()
}

/// A UDP datagram over IPv4.
#[must_use]
pub fn udp4(from: u16, to: u16, payload: &[u8]) -> Vec<u8> {
    let mut datagram = udp(from, to, payload);
    let sum = transport_checksum(&SRC4, &DST4, protocol::UDP, &datagram);
    put16(&mut datagram, 6, sum);
    datagram
}

/// A UDP datagram over IPv6.
#[must_use]
pub fn udp6(from: u16, to: u16, payload: &[u8]) -> Vec<u8> {
    let mut datagram = udp(from, to, payload);
    let sum = transport_checksum(&SRC6, &DST6, protocol::UDP, &datagram);
    put16(&mut datagram, 6, sum);
    datagram
}

/// An ICMPv6 message.
#[must_use]
pub fn icmpv6(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut message = [&[kind, 0, 0, 0][..], body].concat();
    let sum = transport_checksum(&SRC6, &DST6, protocol::ICMPV6, &message);
    put16(&mut message, 2, sum);
    message
}

/// A TCP segment; `options` must be a multiple of four bytes.
#[must_use]
pub fn tcp(ipv6: bool, flags: u8, options: &[u8], payload: &[u8]) -> Vec<u8> {
    let [_, words] = len16(5 + options.len() / 4).to_be_bytes();
    let mut segment = vec![0xc0, 0x00, 0x00, 0x50, 0, 0, 0, 1, 0, 0, 0, 0];
    segment.extend([words << 4, flags, 0xff, 0xff, 0, 0, 0, 0]);
    segment.extend(options);
    segment.extend(payload);
    let sum = if ipv6 {
        transport_checksum(&SRC6, &DST6, protocol::TCP, &segment)
    } else {
        transport_checksum(&SRC4, &DST4, protocol::TCP, &segment)
    };
    put16(&mut segment, 16, sum);
    segment
}

/// The checksum of a transport header with its pseudo-header. Over a segment whose checksum is right, it is zero.
#[must_use]
pub fn transport_checksum(src: &[u8], dst: &[u8], protocol: u8, segment: &[u8]) -> u16 {
    let [high, low] = len16(segment.len()).to_be_bytes();
    checksum(&[src, dst, &[0, protocol, high, low], segment])
}

/// The Internet checksum (RFC 1071) over parts of which all but the last have an even length.
#[must_use]
pub fn checksum(parts: &[&[u8]]) -> u16 {
    let mut sum = 0_u64;
    for word in parts.iter().flat_map(|part| part.chunks(2)) {
        let [high, low] = [word.first(), word.get(1)].map(|byte| byte.copied().unwrap_or(0));
        sum += u64::from(u16::from_be_bytes([high, low]));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(0)
}

fn udp(from: u16, to: u16, payload: &[u8]) -> Vec<u8> {
    let len = len16(8 + payload.len());
    [&from.to_be_bytes()[..], &to.to_be_bytes(), &len.to_be_bytes(), &[0, 0], payload].concat()
}

fn put16(bytes: &mut [u8], at: usize, value: u16) {
    if let Some(field) = bytes.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
        *field = value.to_be_bytes();
    }
}

fn len16(len: usize) -> u16 {
    u16::try_from(len).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_verify() {
        assert_eq!(checksum(&[&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]]), !0xddf2, "RFC 1071");
        assert_eq!(checksum(&[&ipv4_with(17, 0, &[1; 4], &[])]), 0);
        assert_eq!(transport_checksum(&SRC4, &DST4, 17, &udp4(68, 67, b"odd")), 0);
        assert_eq!(transport_checksum(&SRC6, &DST6, 58, &icmpv6(134, &[7; 12])), 0);
        assert_eq!(transport_checksum(&SRC6, &DST6, 6, &tcp(true, 2, &[2, 4, 5, 0xb4], b"")), 0);
    }
}
