use proptest::prelude::*;

use super::*;
use crate::frame::MacAddr;
use crate::switch::craft::{self, DST4, DST6, SRC4, SRC6, ethernet, ipv4, ipv6, options6, tag, tcp};
use crate::switch::vectors::safety_vectors;

const SRC: MacAddr = MacAddr([0x02, 0x11, 0x22, 0x33, 0x44, 0x55]);
const DST: MacAddr = MacAddr([0x02, 0x66, 0x77, 0x88, 0x99, 0xaa]);
const SYN_ACK: u8 = 0x12;
/// What Linux sends: MSS 1460, SACK, timestamps, no-op, window scale.
const LINUX: [u8; 20] = [2, 4, 0x05, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7];

fn frame4(segment: &[u8]) -> Vec<u8> {
    ethernet(DST, SRC, EtherType::IPV4, &ipv4(protocol::TCP, segment))
}

fn frame6(segment: &[u8]) -> Vec<u8> {
    ethernet(DST, SRC, EtherType::IPV6, &ipv6(protocol::TCP, segment))
}

fn sum4(frame: &[u8], at: usize, len: usize) -> u16 {
    craft::transport_checksum(&SRC4, &DST4, protocol::TCP, &frame[at..at + len])
}

fn sum6(frame: &[u8], at: usize, len: usize) -> u16 {
    craft::transport_checksum(&SRC6, &DST6, protocol::TCP, &frame[at..at + len])
}

#[test]
fn a_literal_syn_is_lowered() {
    // 192.168.1.2:52000 -> 192.168.1.10:80, SYN, MSS 1460, SACK permitted, window scale 8.
    let mut frame = [
        0x02, 0x66, 0x77, 0x88, 0x99, 0xaa, 0x02, 0x11, 0x22, 0x33, 0x44, 0x55, 0x08, 0x00, 0x45, 0x00, 0x00,
        0x34, 0x1a, 0x2b, 0x40, 0x00, 0x40, 0x06, 0x9d, 0x39, 0xc0, 0xa8, 0x01, 0x02, 0xc0, 0xa8, 0x01, 0x0a,
        0xcb, 0x20, 0x00, 0x50, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x80, 0x02, 0xfa, 0xf0, 0x00,
        0x00, 0x00, 0x00, 0x02, 0x04, 0x05, 0xb4, 0x01, 0x03, 0x03, 0x08, 0x01, 0x01, 0x04, 0x02,
    ];
    let sum = |frame: &[u8]| craft::transport_checksum(&frame[26..30], &frame[30..34], 6, &frame[34..66]);
    let checksum = sum(&frame);
    frame[50..52].copy_from_slice(&checksum.to_be_bytes());
    let before = frame;
    assert!(clamp_mss(&mut frame, 1360));
    assert_eq!(frame[54..58], [2, 4, 0x05, 0x50]);
    assert_eq!(sum(&frame), 0, "valid");
    // 1460 - 1360 = 100 less in the data is 100 more in the complement.
    let moved = u32::from(checksum) + 100;
    let expected = u16::try_from((moved & 0xffff) + (moved >> 16)).unwrap();
    assert_eq!(frame[50..52], expected.to_be_bytes());
    let mut restored = frame;
    restored[50..52].copy_from_slice(&before[50..52]);
    restored[56..58].copy_from_slice(&before[56..58]);
    assert_eq!(restored, before, "nothing else is touched");
}

#[test]
fn syn_and_syn_ack_of_both_versions() {
    for flags in [SYN, SYN_ACK] {
        let mut v4 = frame4(&tcp(false, flags, &LINUX, b""));
        assert!(clamp_mss(&mut v4, 1352));
        assert_eq!(v4[54..58], [2, 4, 0x05, 0x48]);
        assert_eq!(sum4(&v4, 34, 40), 0);
        let mut v6 = frame6(&tcp(true, flags, &LINUX, b""));
        assert!(clamp_mss(&mut v6, 1332));
        assert_eq!(v6[74..78], [2, 4, 0x05, 0x34]);
        assert_eq!(sum6(&v6, 54, 40), 0);
    }
}

#[test]
fn tags_and_extension_headers_are_looked_through() {
    let packet = ipv6(protocol::HOP_BY_HOP, &options6(protocol::TCP, &tcp(true, SYN, &LINUX, b"")));
    let mut frame = ethernet(DST, SRC, EtherType::VLAN, &tag(7, EtherType::IPV6, &packet));
    assert!(clamp_mss_to_budget(&mut frame, 1414));
    let at = 14 + 4 + 40 + 8;
    assert_eq!(frame[at + 22..at + 24], mss_for_budget(1414, true, true).to_be_bytes());
    assert_eq!(sum6(&frame, at, 40), 0);
}

#[test]
fn an_option_at_an_odd_place_keeps_the_checksum_valid() {
    let options = [1, 2, 4, 0x05, 0xb4, 1, 1, 0];
    let mut frame = frame4(&tcp(false, SYN, &options, b""));
    assert!(clamp_mss(&mut frame, 1200));
    assert_eq!(frame[57..59], 1200_u16.to_be_bytes());
    assert_eq!(sum4(&frame, 34, 28), 0);
}

#[test]
fn what_needs_no_clamping_is_untouched() {
    let untouched: [(&str, Vec<u8>); 9] = [
        ("small enough", frame4(&tcp(false, SYN, &[2, 4, 0x02, 0x18], b""))),
        ("no option", frame4(&tcp(false, SYN, &[4, 2, 1, 1], b""))),
        ("no options at all", frame6(&tcp(true, SYN, &[], b""))),
        ("not a SYN", frame4(&tcp(false, 0x10, &LINUX, b"data"))),
        ("behind the end of the list", frame4(&tcp(false, SYN, &[0, 0, 0, 0, 2, 4, 5, 0xb4], b""))),
        ("wrong option length", frame4(&tcp(false, SYN, &[2, 3, 5, 0xb4], b""))),
        ("option without a length", frame4(&tcp(false, SYN, &[1, 1, 1, 2], b""))),
        ("option beyond the header", frame4(&tcp(false, SYN, &[3, 9, 2, 4], b""))),
        ("option of no length", frame4(&tcp(false, SYN, &[9, 0, 2, 4, 5, 0xb4, 0, 0], b""))),
    ];
    for (name, frame) in untouched {
        let mut clamped = frame.clone();
        assert!(!clamp_mss(&mut clamped, 536), "{name}");
        assert_eq!(clamped, frame, "{name}");
    }
    let mut lying = frame4(&tcp(false, SYN, &LINUX, b""));
    lying[46] = 0xf0;
    let before = lying.clone();
    assert!(!clamp_mss(&mut lying, 536), "header beyond the packet");
    assert_eq!(lying, before);
}

#[test]
fn budgets_are_plain_arithmetic() {
    assert_eq!(mss_for_budget(1514, false, false), 1460);
    assert_eq!(mss_for_budget(1514, true, false), 1440);
    assert_eq!(mss_for_budget(1518, false, true), 1460);
    assert_eq!(mss_for_budget(1150, true, true), 1072);
    assert_eq!(mss_for_budget(0, false, false), MIN_MSS);
    assert_eq!(mss_for_budget(usize::MAX, true, false), u16::MAX);
}

proptest! {
    #[test]
    fn any_bytes_keep_their_length_and_twice_is_once(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        max in any::<u16>(),
    ) {
        let mut frame = bytes.clone();
        clamp_mss(&mut frame, max);
        prop_assert_eq!(frame.len(), bytes.len());
        let once = frame.clone();
        prop_assert!(!clamp_mss(&mut frame, max));
        prop_assert_eq!(frame, once);
    }

    #[test]
    fn frames_other_than_syns_are_unchanged(
        index in 0_usize..200,
        flags in any::<u8>().prop_map(|flags| flags & !SYN),
        options in proptest::collection::vec(any::<u8>(), 0..10),
    ) {
        let options = options.repeat(4);
        let vectors = safety_vectors(SRC, DST, 1400);
        let vector = &vectors[index % vectors.len()];
        let segments = [frame4(&tcp(false, flags, &options, b"x")), frame6(&tcp(true, flags, &options, b"x"))];
        let others = (vector.name != "tcp_syn").then(|| vector.frame.clone());
        for frame in segments.into_iter().chain(others) {
            let mut clamped = frame.clone();
            prop_assert!(!clamp_mss(&mut clamped, 0));
            prop_assert_eq!(clamped, frame);
        }
    }

    /// Whatever the options are, a valid checksum stays valid and no announcement grows.
    #[test]
    fn checksums_survive_any_options(
        options in proptest::collection::vec(prop_oneof![Just(1_u8), Just(2), Just(4), any::<u8>()], 0..40),
        mss in any::<u16>(),
        max in any::<u16>(),
        at in 0_usize..36,
    ) {
        let mut options = options;
        options.truncate(options.len() / 4 * 4);
        let field = [&[2, 4][..], &mss.to_be_bytes()].concat();
        if let Some(place) = options.get_mut(at..at + 4) {
            place.copy_from_slice(&field);
        }
        let len = TCP_HEADER_LEN + options.len();
        let before = frame4(&tcp(false, SYN, &options, b"payload"));
        let mut frame = before.clone();
        clamp_mss(&mut frame, max);
        prop_assert_eq!(sum4(&frame, 34, len + 7), 0);
        prop_assert_eq!(&frame[..50], &before[..50]);
        prop_assert_eq!(&frame[34 + len..], &before[34 + len..]);
    }
}
