//! What stands between the Ethernet addresses and the network header: VLAN tags and LLC/SNAP.

use crate::frame::{ETHERNET_HEADER_LEN, EtherType, VLAN_TAG_LEN};

/// How many stacked tags are followed. Frames of the LAN with more keep a tag as their effective type.
const MAX_TAGS: usize = 4;
/// The smallest value that is a type. Everything below is read as a length by receivers, 1501 to 1535 included.
const FIRST_TYPE: u16 = 0x0600;
/// LLC and SNAP together: two service access points, control, organisation, type.
const SNAP_LEN: usize = 8;

/// Where the network header of a frame is, and what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layers {
    /// The effective type: behind all tags, and behind an LLC/SNAP header if there is one.
    pub(crate) ethertype: EtherType,
    /// Length of the Ethernet header with its tags. What follows is the payload that the layer-2 MTU counts.
    pub(crate) header_len: usize,
    /// Where the header that `ethertype` announces begins. Never beyond the end of the frame.
    pub(crate) network_at: usize,
    /// Whether there is a VLAN tag anywhere, also one that hides in an LLC/SNAP header.
    pub(crate) tagged: bool,
}

impl Layers {
    /// Reads the layers of `frame`. `None` if the Ethernet header or a tag is cut off.
    ///
    /// Receivers take RFC 1042 encapsulation (LLC/SNAP with a plain EtherType) for the same protocol as an
    /// Ethernet II frame, so a filter that did not look through it could be walked around (CERT VU#855201).
    pub(crate) fn read(frame: &[u8]) -> Option<Self> {
        let mut header_len = ETHERNET_HEADER_LEN;
        let mut ethertype = type_before(frame, header_len)?;
        let mut tags = 0;
        while ethertype.is_vlan() && tags < MAX_TAGS {
            header_len += VLAN_TAG_LEN;
            ethertype = type_before(frame, header_len)?;
            tags += 1;
        }
        let mut layers = Self { ethertype, header_len, network_at: header_len, tagged: tags > 0 };
        if let Some(inner) = snap_type(ethertype, frame.get(header_len..)?) {
            layers.ethertype = inner;
            layers.network_at += SNAP_LEN;
            layers.tagged |= inner.is_vlan();
        }
        Some(layers)
    }
}

/// The type or length field that ends at `end`.
fn type_before(frame: &[u8], end: usize) -> Option<EtherType> {
    let field = frame.get(end - 2..end)?.first_chunk()?;
    Some(EtherType(u16::from_be_bytes(*field)))
}

/// The EtherType that an LLC/SNAP header carries. Other organisations' protocol numbers are not EtherTypes.
fn snap_type(length: EtherType, payload: &[u8]) -> Option<EtherType> {
    if length.0 >= FIRST_TYPE {
        return None;
    }
    let [dsap, ssap, control, o1, o2, o3, t1, t2] = *payload.first_chunk::<SNAP_LEN>()?;
    // The lowest bits say "group" and "response", the control byte's 0x10 says "poll": receivers differ on them.
    let is_snap = dsap | 1 == 0xab && ssap | 1 == 0xab && control & !0x10 == 0x03;
    let is_ethertype = matches!([o1, o2, o3], [0, 0, 0] | [0, 0, 0xf8]);
    (is_snap && is_ethertype).then_some(EtherType(u16::from_be_bytes([t1, t2])))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(tail: &[u8]) -> Vec<u8> {
        let mut bytes = vec![2; 12];
        bytes.extend_from_slice(tail);
        bytes
    }

    #[test]
    fn tags_and_snap_are_looked_through() {
        let plain = Layers::read(&frame(&[0x08, 0x00, 0x45])).expect("whole");
        assert_eq!((plain.ethertype, plain.header_len, plain.network_at), (EtherType::IPV4, 14, 14));
        assert!(!plain.tagged);

        let tagged = Layers::read(&frame(&[0x81, 0, 0, 7, 0x86, 0xdd])).expect("whole");
        assert_eq!((tagged.ethertype, tagged.header_len, tagged.network_at), (EtherType::IPV6, 18, 18));
        assert!(tagged.tagged);

        let snap = Layers::read(&frame(&[0, 9, 0xaa, 0xaa, 3, 0, 0, 0, 0x08, 0x00, 0x45])).expect("whole");
        assert_eq!((snap.ethertype, snap.header_len, snap.network_at), (EtherType::IPV4, 14, 22));

        let hidden = Layers::read(&frame(&[0, 8, 0xaa, 0xaa, 3, 0, 0, 0, 0x81, 0x00])).expect("whole");
        assert!(hidden.tagged);
    }

    #[test]
    fn foreign_snap_numbers_and_plain_llc_stay_lengths() {
        let cdp = Layers::read(&frame(&[0, 8, 0xaa, 0xaa, 3, 0, 0, 0x0c, 0x20, 0x00])).expect("whole");
        assert!(cdp.ethertype.is_length());
        let ipx_raw = Layers::read(&frame(&[0, 30, 0xff, 0xff, 0, 30, 0, 1, 2, 3])).expect("whole");
        assert!(ipx_raw.ethertype.is_length());
    }

    #[test]
    fn a_cut_off_tag_is_told() {
        let tagged = frame(&[0x81, 0, 0, 7, 0x88, 0xa8, 0, 7, 0x08, 0x06]);
        for short in 0..tagged.len() {
            assert_eq!(Layers::read(&tagged[..short]), None, "{short}");
        }
        assert_eq!(Layers::read(&tagged).expect("whole").ethertype, EtherType::ARP);
    }

    #[test]
    fn endless_tags_are_not_followed() {
        let layers = Layers::read(&frame(&[0x81, 0].repeat(40))).expect("whole");
        assert!(layers.tagged && layers.ethertype.is_vlan());
    }
}
