use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;

use super::*;
use crate::obs::DropReason;

fn peer(number: u16) -> PeerId {
    PeerId::new(number).unwrap()
}

fn room(number: u16) -> RoomId {
    RoomId::new(number).unwrap()
}

fn with_headroom(frame: &[u8]) -> BytesMut {
    let mut buffer = BytesMut::zeroed(HEADROOM);
    buffer.extend_from_slice(frame);
    buffer
}

fn encode(frame: &[u8], label: Label, budget: usize) -> Result<Vec<Bytes>, TooLarge> {
    let mut out = Vec::new();
    let mut id = FragmentId::starting_at(0x0102);
    encode_frame(room(0x0a0b), peer(0x0c0d), label, with_headroom(frame), budget, &mut id, |datagram| {
        out.push(datagram);
    })?;
    Ok(out)
}

fn counting_frame(len: usize) -> Vec<u8> {
    (0..len).map(|index| (index % 251) as u8).collect()
}

#[test]
fn whole_frame_has_eight_bytes_before_it() {
    let out = encode(&[0xaa; 60], Label::Flood, 1162).unwrap();
    assert_eq!(out.len(), 1);
    assert_eq!(out[0][..HEADER_LEN], [0x11, 0x00, 0x0a, 0x0b, 0x0c, 0x0d, 0xff, 0xff]);
    assert_eq!(out[0][HEADER_LEN..], [0xaa; 60]);
}

#[test]
fn a_whole_frame_is_not_copied() {
    let buffer = with_headroom(&counting_frame(200));
    let frame_at = buffer[HEADROOM..].as_ptr();
    let mut seen = None;
    encode_frame(room(1), peer(1), Label::Flood, buffer, 1162, &mut FragmentId::default(), |datagram| {
        seen = Some(datagram[HEADER_LEN..].as_ptr());
    })
    .unwrap();
    assert_eq!(seen, Some(frame_at));
}

#[test]
fn frame_at_the_budget_is_whole_and_one_byte_more_is_cut_evenly() {
    let budget = 1434;
    assert_eq!(encode(&counting_frame(1426), Label::Gateway, budget).unwrap().len(), 1);
    let out = encode(&counting_frame(1427), Label::Gateway, budget).unwrap();
    assert_eq!(out.len(), 2);
    assert_eq!(out[0].len(), HEADROOM + 714);
    assert_eq!(out[1].len(), HEADROOM + 713);
    assert_eq!(out[0][..HEADROOM], [0x12, 0, 0x0a, 0x0b, 0x0c, 0x0d, 0xff, 0xfe, 0x01, 0x02, 0x05, 0x93]);
    assert_eq!(out[1][..HEADROOM], [0x12, 0, 0x0a, 0x0b, 0x0c, 0x0d, 0xff, 0xfe, 0x01, 0x02, 0x85, 0x93]);
}

#[test]
fn every_standard_frame_crosses_the_smallest_quic_path() {
    assert!(max_frame(1162) >= crate::frame::MAX_TAGGED_FRAME_LEN);
    assert_eq!(required_budget(1500), 1031);
    assert!(required_budget(1500) <= 1162);
    assert_eq!(encode(&counting_frame(1518), Label::Flood, 771).unwrap().len(), 2);
    assert_eq!(encode(&counting_frame(1518), Label::Flood, 770), Err(TooLarge { len: 1518, budget: 770 }));
    assert_eq!(encode(&counting_frame(1519), Label::Flood, 1200), Err(TooLarge { len: 1519, budget: 1200 }));
}

#[test]
fn a_budget_too_small_for_any_frame_is_an_error_and_no_panic() {
    for budget in 0..HEADROOM + 40 {
        assert!(encode(&counting_frame(100), Label::Flood, budget).is_err());
    }
}

#[test]
fn every_truncation_is_refused() {
    let whole = Probe { kind: ProbeKind::Request, token: 7 }.encode(room(1), peer(2), peer(3));
    assert!(Datagram::parse(&whole).is_ok());
    for len in 0..whole.len() {
        assert!(Datagram::parse(&whole[..len]).is_err(), "probe cut at {len}");
    }
    for part in encode(&counting_frame(1500), Label::Flood, 1162).unwrap() {
        for len in 0..part.len() {
            assert!(Datagram::parse(&part[..len]).is_err(), "fragment cut at {len}");
        }
    }
    for len in 0..HEADER_LEN {
        assert_eq!(Datagram::parse(&whole[..len]), Err(ProtoError::TooShort(len)));
    }
}

#[test]
fn trailing_bytes_are_refused() {
    let mut probe = Probe { kind: ProbeKind::Reply, token: 7 }.encode(room(1), peer(2), peer(3)).to_vec();
    probe.push(0);
    assert_eq!(Datagram::parse(&probe), Err(ProtoError::Probe));
    let mut half = encode(&counting_frame(1500), Label::Flood, 1162).unwrap()[1].to_vec();
    half.push(0);
    assert_eq!(Datagram::parse(&half), Err(ProtoError::Fragment));
}

#[test]
fn reserved_values_are_refused() {
    let good = [0x11, 0, 0, 1, 0, 2, 0, 3, 0xaa];
    assert!(Header::parse(&good).is_ok());
    let with = |at: usize, value: u8| {
        let mut bytes = good;
        bytes[at] = value;
        Header::parse(&bytes)
    };
    assert_eq!(with(0, 0x01), Err(ProtoError::Version(0)));
    assert_eq!(with(0, 0x21), Err(ProtoError::Version(2)));
    assert_eq!(with(0, 0x10), Err(ProtoError::Kind(0)));
    assert_eq!(with(0, 0x13), Err(ProtoError::Kind(3)), "sealed frames have no place in a plain room");
    for bit in 0..8 {
        assert_eq!(with(1, 1 << bit), Err(ProtoError::Flags(1 << bit)));
    }
    assert_eq!(with(3, 0), Err(ProtoError::Room(0)));
    assert_eq!(Header::parse(&[0x11, 0, 0xff, 0xff, 0, 2, 0, 3]), Err(ProtoError::Room(0xffff)));
    assert_eq!(with(5, 0), Err(ProtoError::Peer(0)));
    assert_eq!(Header::parse(&[0x11, 0, 0, 1, 0xff, 0xf0, 0, 3]), Err(ProtoError::Peer(0xfff0)));
    assert_eq!(with(7, 0), Err(ProtoError::Label(0)));
    assert_eq!(Header::parse(&[0x11, 0, 0, 1, 0, 2, 0xff, 0xf0]), Err(ProtoError::Label(0xfff0)));
    assert_eq!(
        Datagram::parse(&[0x14, 0, 0, 1, 0, 2, 0xff, 0xff, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        Err(ProtoError::Probe),
        "nobody may make a whole room answer"
    );
}

#[test]
fn a_short_frame_may_not_be_cut() {
    let mut half = vec![0x12, 0, 0, 1, 0, 2, 0, 3, 0, 9];
    half.extend_from_slice(&1023_u16.to_be_bytes());
    half.extend_from_slice(&[0; 512]);
    assert_eq!(Datagram::parse(&half), Err(ProtoError::Fragment));
}

fn halves(frame: &[u8], label: Label) -> [Bytes; 2] {
    encode(frame, label, 1162).unwrap().try_into().unwrap()
}

fn push(table: &mut Reassembler, now: Instant, datagram: &Bytes) -> Option<Bytes> {
    let (header, Datagram::Fragment(fragment)) = Datagram::parse(datagram).unwrap() else {
        panic!("a fragment")
    };
    table.push(now, header.source, header.label, &fragment)
}

#[test]
fn halves_join_in_either_order_and_duplicates_change_nothing() {
    let frame = counting_frame(1501);
    let [first, second] = halves(&frame, Label::Flood);
    let now = Instant::now();
    let mut table = Reassembler::new(ReassemblyConfig::default());
    for order in [[&first, &second], [&second, &first]] {
        assert_eq!(push(&mut table, now, order[0]), None);
        assert_eq!(push(&mut table, now, order[0]), None);
        assert_eq!(push(&mut table, now, order[1]).as_deref(), Some(&frame[..]));
        assert!(table.is_empty());
    }
    assert_eq!(table.take_drops().total(), 0);
}

#[test]
fn a_half_waits_for_its_deadline_only() {
    let [first, second] = halves(&counting_frame(1500), Label::Flood);
    let now = Instant::now();
    let mut table = Reassembler::new(ReassemblyConfig::default());
    push(&mut table, now, &first);
    assert_eq!(table.poll_timeout(), Some(now + Duration::from_millis(100)));
    assert_eq!(push(&mut table, now + Duration::from_millis(100), &second), None);
    assert_eq!(table.take_drops().get(DropReason::FragmentTimeout), 1);
    assert_eq!(table.len(), 1, "the late half waits in its turn");
}

#[test]
fn halves_of_different_frames_never_mix() {
    let now = Instant::now();
    let mut table = Reassembler::new(ReassemblyConfig::default());
    let [first, _] = halves(&counting_frame(1500), Label::Flood);
    let [_, second] = halves(&counting_frame(1499), Label::Flood);
    push(&mut table, now, &first);
    assert_eq!(push(&mut table, now, &second), None, "total lengths differ");
    let [_, elsewhere] = halves(&counting_frame(1499), Label::Gateway);
    assert_eq!(push(&mut table, now, &elsewhere), None, "labels differ");
    assert_eq!(table.take_drops().get(DropReason::FragmentEvicted), 2);
}

#[test]
fn one_sender_cannot_fill_the_table() {
    let now = Instant::now();
    let config = ReassemblyConfig { slots: 4, slots_per_source: 2, ..ReassemblyConfig::default() };
    let mut table = Reassembler::new(config);
    let bytes = counting_frame(750);
    let fragment = |id| Fragment { id, part: Part::First, total: 1500, bytes: &bytes };
    table.push(now, peer(9), Label::Flood, &fragment(0));
    for id in 0..100 {
        table.push(now, peer(1), Label::Flood, &fragment(id));
        assert!(table.len() <= 3);
    }
    let rest = Fragment { id: 0, part: Part::Second, total: 1500, bytes: &bytes };
    assert!(table.push(now, peer(9), Label::Flood, &rest).is_some(), "the other sender lost nothing");
    for number in 1..=20 {
        table.push(now, peer(number), Label::Flood, &fragment(7));
        assert!(table.len() <= 4);
    }
    table.forget(peer(20));
    assert_eq!(table.len(), 3);
}

proptest! {
    #[test]
    fn any_bytes_are_parsed_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..1600)) {
        let _ = Datagram::parse(&bytes);
    }

    #[test]
    fn headers_round_trip(kind in 0..3_usize, room_number in 1..=RoomId::MAX, source in 1..=PeerId::MAX, to in 0..=PeerId::MAX) {
        let label = match to { 0 => Label::Flood, number => Label::Peer(peer(number)) };
        let kind = [Kind::Frame, Kind::Fragment, Kind::Probe][kind];
        let header = Header { kind, room: room(room_number), source: peer(source), label };
        let mut bytes = [0xff; HEADER_LEN];
        header.write(&mut bytes);
        prop_assert_eq!(Header::parse(&bytes), Ok(header));
    }

    #[test]
    fn every_frame_crosses_every_budget_unchanged(len in 14..=1518_usize, budget in 1031..=1500_usize, swap in any::<bool>()) {
        let frame = counting_frame(len);
        let mut out = encode(&frame, Label::Gateway, budget).unwrap();
        prop_assert!(out.iter().all(|datagram| datagram.len() <= budget));
        if swap { out.reverse(); }
        let mut table = Reassembler::new(ReassemblyConfig::default());
        let mut arrived = None;
        for datagram in &out {
            match Datagram::parse(datagram).unwrap() {
                (_, Datagram::Frame(bytes)) => arrived = Some(Bytes::copy_from_slice(bytes)),
                _ => arrived = push(&mut table, Instant::now(), datagram),
            }
        }
        prop_assert_eq!(arrived.as_deref(), Some(&frame[..]));
    }

    #[test]
    fn reassembly_stays_bounded_and_never_mixes_frames(
        steps in proptest::collection::vec((1..4_u16, 0..6_u16, any::<bool>(), 0..60_u64), 0..200)
    ) {
        // Every half carries its sender and number in each byte, so a mixed frame would show.
        let config = ReassemblyConfig { slots: 5, slots_per_source: 3, ..ReassemblyConfig::default() };
        let mut table = Reassembler::new(config);
        let mut now = Instant::now();
        for (source, id, second, wait) in steps {
            now += Duration::from_millis(wait);
            let bytes = vec![(source * 16 + id) as u8; 600];
            let part = if second { Part::Second } else { Part::First };
            let fragment = Fragment { id, part, total: 1200, bytes: &bytes };
            if let Some(frame) = table.push(now, peer(source), Label::Flood, &fragment) {
                prop_assert!(frame.iter().all(|byte| *byte == bytes[0]));
                prop_assert_eq!(frame.len(), 1200);
            }
            prop_assert!(table.len() <= 5);
        }
    }
}
