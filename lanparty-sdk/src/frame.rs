//! Ethernet frames: addresses, EtherTypes and a checked view over bytes.
//!
//! A *frame* here starts with the destination address and ends with the payload: no preamble, no frame check
//! sequence, exactly what a TAP device or an `AF_PACKET` socket hands over.

use crate::error::{Coded, code};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Length of an untagged Ethernet header: destination, source, EtherType (IEEE 802.3, clause 3.2).
pub const ETHERNET_HEADER_LEN: usize = 14;
/// Length of one IEEE 802.1Q tag.
pub const VLAN_TAG_LEN: usize = 4;
/// Largest untagged frame of standard Ethernet: header and 1500 bytes of payload.
pub const MAX_FRAME_LEN: usize = ETHERNET_HEADER_LEN + 1500;
/// Largest frame of standard Ethernet that carries one VLAN tag.
pub const MAX_TAGGED_FRAME_LEN: usize = MAX_FRAME_LEN + VLAN_TAG_LEN;
/// Payload of standard Ethernet, and the layer-2 MTU that a room has unless its first member asks for less.
pub const DEFAULT_MTU: u16 = 1500;
/// The smallest layer-2 MTU a room may have: IPv6 needs 1280 (RFC 8200, section 5).
pub const MIN_MTU: u16 = 1280;

/// A 48-bit Ethernet address.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddr(pub [u8; 6]);

impl MacAddr {
    /// `ff:ff:ff:ff:ff:ff`: every station.
    pub const BROADCAST: Self = Self([0xff; 6]);
    /// `00:00:00:00:00:00`: no station at all.
    pub const ZERO: Self = Self([0; 6]);

    /// Makes a unicast, locally administered address out of six random bytes, as every client identity needs.
    #[must_use]
    pub const fn from_random(mut bytes: [u8; 6]) -> Self {
        bytes[0] = (bytes[0] & 0xfc) | 0x02;
        Self(bytes)
    }

    /// The six bytes in transmission order.
    #[must_use]
    pub const fn octets(self) -> [u8; 6] {
        self.0
    }

    /// Whether the group bit is set: multicast or broadcast.
    #[must_use]
    pub const fn is_group(self) -> bool {
        self.0[0] & 0x01 != 0
    }

    /// Whether this is `ff:ff:ff:ff:ff:ff`.
    #[must_use]
    pub fn is_broadcast(self) -> bool {
        self == Self::BROADCAST
    }

    /// Whether this can be the address of one station: neither a group nor all zeros.
    #[must_use]
    pub fn is_unicast(self) -> bool {
        !self.is_group() && self != Self::ZERO
    }

    /// Whether the address was chosen locally instead of being assigned by a vendor.
    #[must_use]
    pub const fn is_local(self) -> bool {
        self.0[0] & 0x02 != 0
    }

    /// Whether a client may own this address: unicast and locally administered, so that it never collides with what a
    /// vendor gave to a network card on the party's LAN. Virtual machines there may still have such an address; a relay
    /// refuses those that it has heard from.
    #[must_use]
    pub fn is_client_identity(self) -> bool {
        self.is_unicast() && self.is_local()
    }
}

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not an Ethernet address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an Ethernet address: write six two-digit hexadecimal bytes, as in 02:1a:2b:3c:4d:5e")]
pub struct ParseMacError;

impl FromStr for MacAddr {
    type Err = ParseMacError;

    /// Reads six bytes of exactly two hexadecimal digits, separated by `:` throughout or by `-` throughout.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let separator = match text.as_bytes().get(2) {
            Some(b':') => ':',
            Some(b'-') => '-',
            _ => return Err(ParseMacError),
        };
        let mut octets = [0; 6];
        let mut parts = text.split(separator);
        for octet in &mut octets {
            let part = parts.next().ok_or(ParseMacError)?;
            if part.len() != 2 || !part.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return Err(ParseMacError);
            }
            *octet = u8::from_str_radix(part, 16).map_err(|_| ParseMacError)?;
        }
        if parts.next().is_some() {
            return Err(ParseMacError);
        }
        Ok(Self(octets))
    }
}

impl Serialize for MacAddr {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MacAddr {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// The EtherType field. Values up to 1500 are the length of an IEEE 802.3 frame instead (IPX and other LLC protocols).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct EtherType(pub u16);

impl EtherType {
    /// IPv4 (RFC 894).
    pub const IPV4: Self = Self(0x0800);
    /// ARP (RFC 826).
    pub const ARP: Self = Self(0x0806);
    /// IEEE 802.1Q customer tag.
    pub const VLAN: Self = Self(0x8100);
    /// Novell IPX in Ethernet II frames.
    pub const IPX: Self = Self(0x8137);
    /// IPv6 (RFC 2464).
    pub const IPV6: Self = Self(0x86dd);
    /// IEEE 802.3 pause and other MAC control.
    pub const MAC_CONTROL: Self = Self(0x8808);
    /// IEEE 802.3 slow protocols: LACP, marker, OAM.
    pub const SLOW_PROTOCOLS: Self = Self(0x8809);
    /// IEEE 802.1X.
    pub const EAPOL: Self = Self(0x888e);
    /// IEEE 802.1ad service tag.
    pub const SERVICE_VLAN: Self = Self(0x88a8);
    /// IEEE local experimental EtherType 1; the gateway's refresh frames carry it.
    pub const LOCAL_EXPERIMENTAL_1: Self = Self(0x88b5);
    /// LLDP.
    pub const LLDP: Self = Self(0x88cc);
    /// The tag that older switches use for stacked VLANs.
    pub const OLD_QINQ: Self = Self(0x9100);

    /// Whether the value is an IEEE 802.3 length instead of a type.
    #[must_use]
    pub const fn is_length(self) -> bool {
        self.0 <= 1500
    }

    /// Whether the value announces a VLAN tag.
    #[must_use]
    pub const fn is_vlan(self) -> bool {
        matches!(self, Self::VLAN | Self::SERVICE_VLAN | Self::OLD_QINQ)
    }
}

impl fmt::Display for EtherType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:04x}", self.0)
    }
}

impl fmt::Debug for EtherType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The bytes are too short to hold an Ethernet header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("shorter than an Ethernet header of {ETHERNET_HEADER_LEN} bytes")]
pub struct Runt;

/// A view over the bytes of one frame. After [`Frame::parse`] no accessor can panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a>(&'a [u8]);

impl<'a> Frame<'a> {
    /// Checks that the header is there.
    ///
    /// # Errors
    /// [`Runt`] if there are fewer than [`ETHERNET_HEADER_LEN`] bytes.
    pub const fn parse(bytes: &'a [u8]) -> Result<Self, Runt> {
        if bytes.len() < ETHERNET_HEADER_LEN { Err(Runt) } else { Ok(Self(bytes)) }
    }

    /// Where the frame goes.
    #[must_use]
    pub fn dst(self) -> MacAddr {
        MacAddr(self.array(0))
    }

    /// Where the frame comes from.
    #[must_use]
    pub fn src(self) -> MacAddr {
        MacAddr(self.array(6))
    }

    /// The first type or length field: the tag's own type for a tagged frame.
    #[must_use]
    pub fn ethertype(self) -> EtherType {
        EtherType(u16::from_be_bytes(self.array(12)))
    }

    /// Everything after the 14-byte header, a VLAN tag's remainder included.
    #[must_use]
    pub fn payload(self) -> &'a [u8] {
        &self.0[ETHERNET_HEADER_LEN..]
    }

    /// The whole frame.
    #[must_use]
    pub const fn bytes(self) -> &'a [u8] {
        self.0
    }

    fn array<const N: usize>(self, at: usize) -> [u8; N] {
        let mut field = [0; N];
        field.copy_from_slice(&self.0[at..at + N]);
        field
    }
}

impl Coded for ParseMacError {
    fn code(&self) -> u32 {
        code::MAC_ADDRESS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mac_text_round_trips() {
        let mac = MacAddr([0x02, 0x1a, 0x2b, 0x3c, 0x4d, 0xff]);
        assert_eq!(mac.to_string(), "02:1a:2b:3c:4d:ff");
        assert_eq!("02:1A:2b:3C:4d:FF".parse(), Ok(mac));
        assert_eq!("02-1a-2b-3c-4d-ff".parse(), Ok(mac));
    }

    #[test]
    fn mac_text_is_strict() {
        for bad in [
            "",
            "02",
            "02:1a:2b:3c:4d",
            "02:1a:2b:3c:4d:5e:6f",
            "2:1a:2b:3c:4d:5e",
            "02:1a:2b:3c:4d:5g",
            "02:1a-2b:3c:4d:5e",
            "+2:1a:2b:3c:4d:5e",
            " 02:1a:2b:3c:4d:5e",
            "021a2b3c4d5e",
            "é2:1a:2b:3c:4d:5e",
        ] {
            assert_eq!(bad.parse::<MacAddr>(), Err(ParseMacError), "{bad:?}");
        }
    }

    #[test]
    fn identity_rule_refuses_group_and_vendor_addresses() {
        assert!(MacAddr([0x02, 0, 0, 0, 0, 1]).is_client_identity());
        assert!(!MacAddr([0x03, 0, 0, 0, 0, 1]).is_client_identity(), "multicast");
        assert!(!MacAddr([0x00, 0x1b, 0x21, 0, 0, 1]).is_client_identity(), "vendor-assigned");
        assert!(!MacAddr::BROADCAST.is_client_identity());
        assert!(!MacAddr::ZERO.is_client_identity());
    }

    #[test]
    fn random_bytes_always_give_an_identity() {
        for first in 0..=u8::MAX {
            assert!(MacAddr::from_random([first, 1, 2, 3, 4, 5]).is_client_identity());
        }
    }

    #[test]
    fn frame_view_reads_the_header_and_refuses_runts() {
        let bytes = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0x08, 0x06, 0xaa];
        for short in 0..ETHERNET_HEADER_LEN {
            assert_eq!(Frame::parse(&bytes[..short]), Err(Runt));
        }
        let frame = Frame::parse(&bytes).expect("long enough");
        assert_eq!(frame.dst(), MacAddr([1, 2, 3, 4, 5, 6]));
        assert_eq!(frame.src(), MacAddr([7, 8, 9, 10, 11, 12]));
        assert_eq!(frame.ethertype(), EtherType::ARP);
        assert_eq!(frame.payload(), [0xaa]);
        assert!(Frame::parse(&bytes[..14]).expect("header only").payload().is_empty());
    }

    #[test]
    fn ethertype_tells_length_from_type() {
        assert!(EtherType(1500).is_length());
        assert!(!EtherType(0x0600).is_length());
        assert!(
            EtherType::VLAN.is_vlan() && EtherType::SERVICE_VLAN.is_vlan() && EtherType::OLD_QINQ.is_vlan()
        );
    }
}
