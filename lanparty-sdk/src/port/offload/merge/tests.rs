use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::super::{MAX_SEGMENTS, Segments, complete_transport_checksum, internet_checksum};
use super::*;

const ACK: u8 = 0x10;
const PSH: u8 = 0x08;

/// A TCP flow and what its next segment looks like.
#[derive(Clone, Debug)]
struct Flow {
    v6: bool,
    port: u16,
    sequence: u32,
    identification: u16,
    do_not_fragment: bool,
    options: Vec<u8>,
}

impl Flow {
    fn new(v6: bool, port: u16) -> Self {
        Self {
            v6,
            port,
            sequence: 1000,
            identification: 7,
            do_not_fragment: true,
            options: vec![1, 1, 8, 10, 0, 0, 0, 9, 0, 0, 0, 8],
        }
    }

    /// The next segment, with right checksums.
    fn next(&mut self, payload: &[u8], flags: u8) -> Vec<u8> {
        let frame = self.frame(payload, flags);
        self.sequence = self.sequence.wrapping_add(payload.len() as u32);
        self.identification = self.identification.wrapping_add(1);
        frame
    }

    fn frame(&self, payload: &[u8], flags: u8) -> Vec<u8> {
        let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
        let length = (20 + self.options.len() + payload.len()) as u16;
        if self.v6 {
            frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
            frame.extend(length.to_be_bytes());
            frame.extend([6, 64]);
            frame.extend([[0xfd; 16], [0xfe; 16]].concat());
        } else {
            frame.extend([0x08, 0x00, 0x45, 0]);
            frame.extend((20 + length).to_be_bytes());
            frame.extend(self.identification.to_be_bytes());
            frame.extend([
                if self.do_not_fragment { 0x40 } else { 0 },
                0,
                64,
                6,
                0,
                0,
                10,
                0,
                0,
                1,
                10,
                0,
                0,
                2,
            ]);
            let checksum = internet_checksum(&frame[14..34]);
            frame[24..26].copy_from_slice(&checksum.to_be_bytes());
        }
        frame.extend(self.port.to_be_bytes());
        frame.extend([0x1f, 0x90]);
        frame.extend(self.sequence.to_be_bytes());
        frame.extend([0, 0, 0, 5, (5 + self.options.len() as u8 / 4) << 4, flags, 0xff, 0xff, 0, 0, 0, 0]);
        frame.extend(&self.options);
        frame.extend(payload);
        assert_eq!(complete_transport_checksum(&mut frame), Ok(true));
        frame
    }
}

/// What is sent: each super-frame with its description, each other frame by itself.
fn merge(frames: &[Vec<u8>]) -> Vec<(VnetHeader, Vec<u8>)> {
    let mut sent = Vec::new();
    for window in frames.chunks(MERGE_WINDOW) {
        for run in Runs::find(window).iter() {
            match SuperFrame::new(window, run) {
                Some(merged) => {
                    let mut bytes = merged.headers().to_vec();
                    run.for_each(|index| bytes.extend(merged.payload(&window[index])));
                    sent.push((merged.vnet_header(), bytes));
                }
                None => run.for_each(|index| sent.push((VnetHeader::default(), window[index].clone()))),
            }
        }
    }
    sent
}

fn cut(frame: &[u8], header: &VnetHeader) -> Vec<Vec<u8>> {
    let mut segments = Segments::new(frame, header).expect("a good super-frame");
    let mut frames = Vec::new();
    while let Some((headers, payload)) = segments.next_segment() {
        frames.push([headers, payload].concat());
    }
    frames
}

/// The frames again, in the order in which they were sent.
fn cut_all(sent: &[(VnetHeader, Vec<u8>)]) -> Vec<Vec<u8>> {
    let cut = |(header, bytes): &(VnetHeader, Vec<u8>)| match header.gso_type {
        0 => vec![bytes.clone()],
        _ => cut(bytes, header),
    };
    sent.iter().flat_map(cut).collect()
}

fn udp(fill: u8) -> Vec<u8> {
    let mut frame = Flow::new(false, 99).frame(&[fill; 60], ACK);
    frame[23] = 17;
    frame
}

#[test]
fn segments_of_a_flow_become_one() {
    for v6 in [false, true] {
        let mut flow = Flow::new(v6, 1);
        let mut frames: Vec<_> = (0..9).map(|n| flow.next(&[n; 1000], ACK)).collect();
        frames.push(flow.next(&[9; 10], ACK | PSH));
        let sent = merge(&frames);
        let (header, bytes) = &sent[0];
        let transport = if v6 { 54 } else { 34 };
        assert_eq!(sent.len(), 1);
        assert_eq!(bytes.len(), transport + 32 + 9010);
        assert_eq!(
            *header,
            VnetHeader {
                flags: 1,
                gso_type: if v6 { 4 } else { 1 },
                hdr_len: transport as u16 + 32,
                gso_size: 1000,
                csum_start: transport as u16,
                csum_offset: 16,
            }
        );
        assert_eq!(bytes[transport + 13], ACK | PSH);
        let mut whole = bytes.clone();
        super::super::complete_checksum(&mut whole, transport, 16).unwrap();
        let mut computed = bytes.clone();
        complete_transport_checksum(&mut computed).unwrap();
        assert_eq!(whole, computed, "the seed is the sum of the pseudo header");
        assert_eq!(cut_all(&sent), frames);
    }
}

#[test]
fn what_does_not_follow_stays_alone() {
    type Spoil = fn(&mut Flow) -> Option<Vec<u8>>;
    let spoils: [(&str, Spoil); 12] = [
        ("a gap", |flow| {
            flow.sequence += 1;
            None
        }),
        ("a repetition", |flow| {
            flow.sequence -= 100;
            None
        }),
        ("a jump of the identification", |flow| {
            flow.identification += 1;
            None
        }),
        ("another timestamp", |flow| {
            flow.options[7] ^= 1;
            None
        }),
        ("no options", |flow| {
            flow.options.clear();
            None
        }),
        ("may be fragmented", |flow| {
            flow.do_not_fragment = false;
            None
        }),
        ("larger", |flow| Some(flow.frame(&[1; 101], ACK))),
        ("empty", |flow| Some(flow.frame(&[], ACK))),
        ("the last one", |flow| Some(flow.frame(&[1; 100], ACK | 0x01))),
        ("congestion seen", |flow| Some(flow.frame(&[1; 100], ACK | 0x40))),
        ("padded", |flow| Some([flow.frame(&[1; 100], ACK), vec![0]].concat())),
        ("no acknowledgement", |flow| Some(flow.frame(&[1; 100], 0))),
    ];
    for (what, spoil) in spoils {
        let mut flow = Flow::new(false, 1);
        let first = flow.next(&[0; 100], ACK);
        let second = spoil(&mut flow).unwrap_or_else(|| flow.frame(&[1; 100], ACK));
        let frames = [first, second];
        let sent: Vec<_> = merge(&frames).into_iter().map(|(_, frame)| frame).collect();
        assert_eq!(sent, frames, "{what}");
    }
    // Every field that must be equal: also those that the flow above does not vary.
    for (v6, fields) in
        [(false, &[0, 6, 15, 22, 42, 46, 48, 52][..]), (true, &[0, 6, 14, 15, 16, 17, 21, 62, 66, 68, 72])]
    {
        for at in fields {
            let mut flow = Flow::new(v6, 1);
            let frames = [flow.next(&[0; 100], ACK), flow.next(&[1; 100], ACK)];
            assert_eq!(merge(&frames).len(), 1);
            let [first, mut second] = frames;
            second[*at] ^= 1;
            if !v6 {
                second[24..26].fill(0);
                let checksum = internet_checksum(&second[14..34]);
                second[24..26].copy_from_slice(&checksum.to_be_bytes());
            }
            let _ = complete_transport_checksum(&mut second);
            let frames = [first, second];
            assert_eq!(merge(&frames).len(), 2, "byte {at} of v6={v6}");
        }
    }
}

#[test]
fn constant_identification_is_merged_where_it_means_nothing() {
    let mut flow = Flow::new(false, 1);
    let mut frames: Vec<_> = (0..3)
        .map(|n| {
            flow.identification = 0;
            flow.next(&[n; 100], ACK)
        })
        .collect();
    assert_eq!(merge(&frames).len(), 1);
    flow.identification = 1;
    frames.push(flow.next(&[3; 100], ACK));
    assert_eq!(merge(&frames).len(), 2, "one that goes up is another kind");
    for frame in &mut frames {
        frame[20] = 0;
        frame[24..26].fill(0);
        let checksum = internet_checksum(&frame[14..34]);
        frame[24..26].copy_from_slice(&checksum.to_be_bytes());
    }
    assert_eq!(merge(&frames[..3]).len(), 3, "here it means something");
}

#[test]
fn damaged_frames_pass_alone_and_unchanged() {
    for v6 in [false, true] {
        let mut flow = Flow::new(v6, 1);
        let right: Vec<_> = (0..6).map(|n| flow.next(&[n; 200], ACK)).collect();
        for damaged in 0..right.len() {
            let mut frames = right.clone();
            *frames[damaged].last_mut().unwrap() ^= 1;
            let sent = merge(&frames);
            assert_eq!(cut_all(&sent), frames, "frame {damaged}");
            assert!(
                sent.iter().any(|(header, frame)| header.gso_type == 0 && *frame == frames[damaged]),
                "frame {damaged}"
            );
            assert!(sent.len() <= 3);
        }
    }
    let mut flow = Flow::new(false, 1);
    let mut frames = [flow.next(&[0; 200], ACK), flow.next(&[1; 200], ACK)];
    frames[1][25] ^= 1;
    assert_eq!(merge(&frames).len(), 2, "the checksum of the IP header");
}

#[test]
fn a_super_frame_is_at_most_64_kib() {
    for v6 in [false, true] {
        let mut flow = Flow::new(v6, 1);
        let frames: Vec<_> = (0..20).map(|n| flow.next(&[n; 8000], ACK)).collect();
        let sent = merge(&frames);
        assert_eq!(sent.len(), 3);
        assert!(sent.iter().all(|(_, frame)| frame.len() <= 14 + MAX_PACKET_LEN));
        assert_eq!(cut_all(&sent), frames);
    }
}

#[test]
fn flows_may_alternate() {
    let mut flows: Vec<_> = (0..4).map(|n| Flow::new(n % 2 == 1, n)).collect();
    let mut frames = Vec::new();
    for n in 0..8 {
        frames.extend(flows.iter_mut().map(|flow| flow.next(&[n; 500], ACK)));
    }
    let sent = merge(&frames);
    assert_eq!(sent.len(), 4);
    assert!(sent.iter().all(|(header, _)| header.gso_type != 0));
}

#[test]
fn games_do_not_wait_for_bulk_and_do_not_break_it() {
    let mut flow = Flow::new(false, 1);
    let frames = [
        flow.next(&[0; 500], ACK),
        udp(1),
        flow.next(&[1; 500], ACK),
        vec![0xff; 60],
        flow.next(&[2; 500], ACK),
    ];
    let sent = merge(&frames);
    assert_eq!(sent.len(), 3);
    assert_eq!((&sent[0].1, &sent[1].1), (&frames[1], &frames[3]));
    assert_eq!(sent[2].0.gso_type, 1);
}

#[test]
fn a_flow_keeps_its_order() {
    let mut flow = Flow::new(false, 1);
    let two = [flow.next(&[0; 500], ACK), flow.next(&[1; 500], ACK)];
    let fragment = {
        let mut fragment = flow.frame(&[2; 500], ACK);
        fragment[20] = 0x20;
        fragment
    };
    let options = {
        let mut options = flow.frame(&[2; 500], ACK);
        options[14] = 0x46;
        options
    };
    let cut_off_within_its_ports = flow.frame(&[2; 500], ACK)[..36].to_vec();
    for last in
        [flow.frame(&[], ACK | 0x01), flow.frame(&[], 0x04), fragment, options, cut_off_within_its_ports]
    {
        let mut frames = two.to_vec();
        frames.push(last);
        let sent = merge(&frames);
        assert_eq!(sent.len(), 2);
        assert_eq!(sent[1].1, frames[2]);
    }
    // The acknowledgement of another flow between the same hosts is not in the way.
    let frames = [two[0].clone(), Flow::new(false, 2).frame(&[], ACK), two[1].clone()];
    assert_eq!(merge(&frames).len(), 2);
}

#[test]
fn a_super_frame_is_cut_to_the_mtu() {
    let mut flow = Flow::new(false, 1);
    let frames: Vec<_> = (0..5).map(|n| flow.next(&[n; 1448], ACK)).collect();
    let sent = merge(&frames);
    let (header, bytes) = &sent[0];
    let mut segments = Segments::new(bytes, header).unwrap().at_most(1400);
    let mut payload = Vec::new();
    while let Some((headers, part)) = segments.next_segment() {
        assert!(headers.len() + part.len() <= 1414);
        payload.extend_from_slice(part);
    }
    assert_eq!(payload, bytes[66..]);
    for mtu in [0, 68] {
        let mut segments = Segments::new(bytes, header).unwrap().at_most(mtu);
        let mut count = 0;
        while segments.next_segment().is_some() {
            count += 1;
        }
        assert!(count <= MAX_SEGMENTS && count == bytes[66..].len().div_ceil(536));
    }
    let mut segments = Segments::new(bytes, header).unwrap().at_most(9000);
    assert_eq!(segments.next_segment().unwrap().1.len(), 1448);
}

/// One step of a batch: whose segment, how long, and what is done to it.
fn steps() -> impl Strategy<Value = Vec<(Index, usize, bool, u8)>> {
    vec(
        (
            any::<Index>(),
            prop_oneof![5 => Just(600_usize), 1 => 1_usize..700],
            prop::bool::weighted(0.1),
            0_u8..30,
        ),
        0..150,
    )
}

proptest! {
    #[test]
    fn cutting_undoes_merging(steps in steps(), v6: bool, start: u32) {
        let mut flows: Vec<_> =
            (0..6).map(|n| Flow { sequence: start, ..Flow::new(v6 ^ (n % 2 == 0), n) }).collect();
        let mut frames = Vec::new();
        for (flow, len, push, damage) in &steps {
            let flow = &mut flows[flow.index(6)];
            let mut frame = flow.next(&vec![*len as u8; *len], if *push { ACK | PSH } else { ACK });
            match damage {
                0 => *frame.last_mut().unwrap() ^= 1,
                1 => frame = udp(*len as u8),
                2 => frame = flow.frame(&[], ACK),
                3 => flow.sequence = flow.sequence.wrapping_add(1),
                4 => frame.truncate(*len),
                _ => {}
            }
            frames.push(frame);
        }
        let sent = merge(&frames);
        let cut = cut_all(&sent);
        // Each flow by itself is what it was, in its order.
        let of = |frames: &[Vec<u8>], which: usize| -> Vec<Vec<u8>> {
            let key = |frame: &Vec<u8>| {
                let at = if frame.get(12) == Some(&0x86) { 54 } else { 34 };
                frame.get(at..at + 2).map(<[u8]>::to_vec)
            };
            let wanted = Some((which as u16).to_be_bytes().to_vec());
            frames.iter().filter(|frame| key(frame) == wanted).cloned().collect()
        };
        for which in 0..6 {
            prop_assert_eq!(of(&cut, which), of(&frames, which));
        }
        let sorted = |mut frames: Vec<Vec<u8>>| {
            frames.sort();
            frames
        };
        prop_assert_eq!(sorted(cut), sorted(frames));
    }

    #[test]
    fn merging_undoes_cutting(
        v6: bool,
        identification: u16,
        sequence: u32,
        words in 0_usize..=10,
        payload in vec(any::<u8>(), 1001..60_000),
        size in 1000_u16..2000,
        push: bool,
    ) {
        let options = vec![1; words * 4];
        let flow = Flow { sequence, identification, options, ..Flow::new(v6, 1) };
        let transport = if v6 { 54 } else { 34 };
        let mut bytes = flow.frame(&payload, if push { ACK | PSH } else { ACK });
        let seed = Sum::default()
            .add_pseudo_header(
                segment::addresses(&bytes, if v6 { IpVersion::V6 } else { IpVersion::V4 }).unwrap(),
                6,
                bytes.len() - transport,
            )
            .finish();
        bytes[transport + 16..][..2].copy_from_slice(&(!seed).to_be_bytes());
        let header = VnetHeader {
            flags: 1,
            gso_type: if v6 { 4 } else { 1 },
            hdr_len: (transport + 20 + words * 4) as u16,
            gso_size: size,
            csum_start: transport as u16,
            csum_offset: 16,
        };
        prop_assume!(payload.len() > usize::from(size));
        prop_assert_eq!(merge(&cut(&bytes, &header)), [(header, bytes)]);
    }

    #[test]
    fn no_frames_panic(
        mut frames in vec(vec(any::<u8>(), 0..120), 0..200),
        kinds in vec(0_u8..4, 200),
    ) {
        for (frame, kind) in frames.iter_mut().zip(kinds) {
            if let Some(place) = frame.get_mut(12..24) {
                match kind {
                    0 => place.copy_from_slice(&[8, 0, 0x45, 0, 0, 100, 0, 0, 0x40, 0, 64, 6]),
                    1 => place.copy_from_slice(&[0x86, 0xdd, 0x60, 0, 0, 0, 0, 60, 6, 64, 0, 0]),
                    _ => {}
                }
            }
        }
        let count: usize = frames.chunks(MERGE_WINDOW).map(|window| Runs::find(window).iter().map(Iterator::count).sum::<usize>()).sum();
        prop_assert_eq!(count, frames.len());
    }
}
