use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::switch::craft::{self, ethernet, ieee8023, ipv4, ipv6, udp4, udp6};
use crate::switch::vectors::safety_vectors;

const SRC: MacAddr = MacAddr([0x02, 0x11, 0x22, 0x33, 0x44, 0x55]);
const DST: MacAddr = MacAddr([0x02, 0x66, 0x77, 0x88, 0x99, 0xaa]);

fn hint(frame: &[u8], origin: Origin) -> Result<Hint, DropReason> {
    classify(frame, frame.len(), origin, 1500).map(|class| class.hint)
}

#[test]
fn the_table_holds_in_both_directions() {
    for mtu in [1280, 1400, 1499, 1500] {
        for vector in safety_vectors(SRC, DST, mtu) {
            let judge = |origin| classify(&vector.frame, vector.frame.len(), origin, mtu).map(|_| ());
            assert_eq!(judge(Origin::Client), vector.from_client, "{} from client, {mtu}", vector.name);
            assert_eq!(judge(Origin::Lan), vector.from_lan, "{} from lan, {mtu}", vector.name);
        }
    }
}

#[test]
fn vector_names_are_unique_and_every_reason_occurs() {
    let vectors = safety_vectors(SRC, DST, 1400);
    let names: BTreeSet<_> = vectors.iter().map(|vector| vector.name).collect();
    assert_eq!(names.len(), vectors.len());
    let reasons: BTreeSet<_> = vectors.iter().filter_map(|vector| vector.from_client.err()).collect();
    assert_eq!(reasons.len(), 10, "{reasons:?}");
}

#[test]
fn the_first_of_two_fragments_is_enough() {
    for vector in safety_vectors(SRC, DST, 1500) {
        // What does not fit a datagram is cut into even halves; nothing shorter than 1000 bytes is ever cut.
        if vector.frame.len() < 1_000 {
            continue;
        }
        let half = &vector.frame[..vector.frame.len().div_ceil(2)];
        let judge = |origin| classify(half, vector.frame.len(), origin, 1500).map(|_| ());
        assert_eq!(judge(Origin::Client), vector.from_client, "{} from client", vector.name);
        assert_eq!(judge(Origin::Lan), vector.from_lan, "{} from lan", vector.name);
    }
}

#[test]
fn the_order_of_the_rules_decides_the_reason() {
    let zero = MacAddr::ZERO;
    let long = ethernet(MacAddr([1, 0x80, 0xc2, 0, 0, 0]), zero, EtherType::VLAN, &[0; 2_000]);
    let judge = |frame: &[u8], mtu| classify(frame, frame.len(), Origin::Client, mtu).unwrap_err();
    assert_eq!(judge(&long[..13], 1500), DropReason::Runt);
    assert_eq!(judge(&long, 1500), DropReason::InvalidSourceMac);
    let mut long = long;
    long[6] = 2;
    assert_eq!(judge(&long, 1500), DropReason::Jumbo);
    assert_eq!(judge(&long[..1518], 1400), DropReason::OverMtu);
    assert_eq!(judge(&long[..1418], 1400), DropReason::SwitchControl);
    long[5] = 0x10;
    assert_eq!(judge(&long[..1418], 1400), DropReason::VlanTag);
}

#[test]
fn hints_tell_the_same_on_both_sides() {
    let frames = [
        (ethernet(DST, SRC, EtherType::ARP, &[0; 28]), Hint::Arp),
        (ethernet(DST, SRC, EtherType::IPV4, &ipv4(17, &udp4(68, 67, b""))), Hint::Dhcp),
        (ethernet(DST, SRC, EtherType::IPV6, &ipv6(17, &udp6(546, 547, b""))), Hint::Dhcp),
        (ethernet(DST, SRC, EtherType::IPV4, &ipv4(17, &udp4(1, 2, b""))), Hint::Ip),
        (ethernet(DST, SRC, EtherType::IPX, &[0; 40]), Hint::Other),
        (ieee8023(DST, SRC, &[0xe0, 0xe0, 3, 0]), Hint::Other),
    ];
    for (frame, expected) in frames {
        for origin in [Origin::Client, Origin::Lan] {
            assert_eq!(hint(&frame, origin), Ok(expected));
        }
    }
    let reply = ethernet(DST, SRC, EtherType::IPV4, &ipv4(17, &udp4(67, 68, b"")));
    assert_eq!(hint(&reply, Origin::Lan), Ok(Hint::Dhcp));
    let broken = ethernet(DST, SRC, EtherType::IPV6, &[0; 40]);
    assert_eq!(hint(&broken, Origin::Lan), Ok(Hint::Ip));
}

#[test]
fn classes_tell_groups_from_stations() {
    let class = |dst| {
        let frame = ethernet(dst, SRC, EtherType::ARP, &[0; 28]);
        classify(&frame, frame.len(), Origin::Client, 1500).unwrap()
    };
    assert!(!class(DST).is_group());
    assert!(class(MacAddr::BROADCAST).is_group());
    assert!(class(MacAddr([0x01, 0, 0x5e, 0, 0, 1])).is_group());
}

#[test]
fn a_total_below_the_visible_bytes_changes_nothing() {
    let frame = ethernet(DST, SRC, EtherType::ARP, &[0; 1_501]);
    assert_eq!(classify(&frame, 0, Origin::Lan, 1500), Err(DropReason::Jumbo));
}

/// Frames that look like something: a vector with some bytes changed and some length.
fn near_misses() -> impl Strategy<Value = Vec<u8>> {
    let count = safety_vectors(SRC, DST, 1400).len();
    let changes = proptest::collection::vec((12_usize..120, any::<u8>()), 0..4);
    (0..count, changes, 0_usize..1_600).prop_map(|(index, changes, len)| {
        let mut frame = safety_vectors(SRC, DST, 1400).swap_remove(index).frame;
        for (at, value) in changes {
            if let Some(byte) = frame.get_mut(at) {
                *byte = value;
            }
        }
        frame.resize(len, 0x5a);
        frame
    })
}

/// IPv6 packets with long chains of headers of all sizes.
fn long_chains() -> impl Strategy<Value = Vec<u8>> {
    let header = (prop_oneof![Just(0_u8), Just(43), Just(60), Just(51)], 0_u8..40);
    let last = prop_oneof![
        Just((58, craft::icmpv6(134, &[0; 12]))),
        Just((58, craft::icmpv6(128, &[0; 12]))),
        Just((17, udp6(547, 546, b"x"))),
        Just((17, udp6(546, 547, b"x"))),
        Just((44, vec![17, 0, 0, 0, 0, 0, 0, 0])),
    ];
    (proptest::collection::vec(header, 0..10), last).prop_map(|(headers, (mut next, mut packet))| {
        for (kind, words) in headers.into_iter().rev() {
            let len = if kind == 51 { (usize::from(words) + 2) * 4 } else { (usize::from(words) + 1) * 8 };
            let mut header = vec![0; len];
            header[..2].copy_from_slice(&[next, words]);
            packet = [header, packet].concat();
            next = kind;
        }
        let mut frame = ethernet(DST, SRC, EtherType::IPV6, &ipv6(next, &packet));
        frame.truncate(MAX_FRAME_LEN);
        frame
    })
}

proptest! {
    #[test]
    fn any_bytes_are_judged(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        total_len in prop_oneof![0_usize..2_000, any::<usize>()],
        mtu in any::<u16>(),
    ) {
        for origin in [Origin::Client, Origin::Lan] {
            let _ = classify(&bytes, total_len, origin, mtu);
        }
        let _ = source_mac(&bytes);
    }

    /// The fragment rule: what the whole frame is refused for, its first half is refused for as well.
    #[test]
    fn a_prefix_is_never_admitted_when_the_whole_is_refused(
        frame in prop_oneof![near_misses(), long_chains()],
        cut in 512_usize..1_600,
    ) {
        let visible = &frame[..cut.min(frame.len())];
        for origin in [Origin::Client, Origin::Lan] {
            if let Err(reason) = classify(&frame, frame.len(), origin, 1400) {
                let part = classify(visible, frame.len(), origin, 1400);
                prop_assert!(part.is_err(), "{} passes when cut at {}", reason, visible.len());
            }
        }
    }

    /// Nothing from a client passes that a LAN may not send either.
    #[test]
    fn clients_may_less_than_the_lan(frame in prop_oneof![near_misses(), long_chains()]) {
        if let Ok(class) = classify(&frame, frame.len(), Origin::Client, 1400) {
            prop_assert_eq!(classify(&frame, frame.len(), Origin::Lan, 1400), Ok(class));
        }
    }
}
