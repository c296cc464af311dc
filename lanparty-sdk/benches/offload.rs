//! What cutting a super-frame into frames costs, and putting them together again.
#![allow(missing_docs, reason = "criterion's macros make undocumented items")]

use std::hint::black_box;

use bytes::{Bytes, BytesMut};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use lanparty_sdk::port::offload::{Runs, Segments, SuperFrame, VnetHeader};

/// Headers of Ethernet, IPv4 and TCP with timestamps.
const HEADER_LEN: usize = 66;
const SIZE: u16 = 1368;
const SEGMENTS: usize = 46;

fn super_frame() -> (Vec<u8>, VnetHeader) {
    let payload = usize::from(SIZE) * SEGMENTS;
    let mut frame = vec![0x02, 0, 0, 0, 0, 2, 0x02, 0, 0, 0, 0, 1, 0x08, 0x00, 0x45, 0];
    let total = u16::try_from(HEADER_LEN - 14 + payload).expect("at most 64 KiB");
    frame.extend(total.to_be_bytes());
    frame.extend([0, 1, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    frame.extend([0x1f, 0x90, 0xc0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 0x80, 0x10, 1, 0, 0, 0, 0, 0]);
    frame.extend([1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2]);
    frame.extend((0..payload).map(|n| (n % 251) as u8));
    let header =
        VnetHeader { flags: 1, gso_type: 1, hdr_len: 66, gso_size: SIZE, csum_start: 34, csum_offset: 16 };
    (frame, header)
}

fn cut(frame: &[u8], header: &VnetHeader, mut place: impl FnMut(&[u8], &[u8])) {
    let mut segments = Segments::new(frame, header).expect("a good super-frame");
    while let Some((headers, payload)) = segments.next_segment() {
        place(headers, payload);
    }
}

fn offload(c: &mut Criterion) {
    let (frame, header) = super_frame();
    let mut frames: Vec<Bytes> = Vec::new();
    cut(&frame, &header, |headers, payload| frames.push([headers, payload].concat().into()));
    assert_eq!(frames.len(), SEGMENTS);
    assert_eq!(Runs::find(&frames).iter().count(), 1);

    let mut group = c.benchmark_group("offload");
    group.throughput(Throughput::Elements(SEGMENTS as u64));
    let mut buffer = BytesMut::with_capacity(1 << 16);
    group.bench_function("cut", |b| {
        b.iter(|| {
            cut(black_box(&frame), &header, |headers, payload| {
                buffer.clear();
                buffer.extend_from_slice(headers);
                buffer.extend_from_slice(payload);
                black_box(&buffer);
            });
        });
    });
    group.bench_function("merge", |b| {
        b.iter(|| {
            for run in Runs::find(black_box(&frames)).iter() {
                black_box(SuperFrame::new(&frames, run));
            }
        });
    });
    // What games send, among each other: nothing to be merged, and hardly looked at.
    let small: Vec<Bytes> = (0..64_u8)
        .map(|n| {
            let mut frame = frames[0].slice(..HEADER_LEN + 60).to_vec();
            frame[23] = 17;
            frame[37] = n;
            frame.into()
        })
        .collect();
    group.throughput(Throughput::Elements(small.len() as u64));
    group.bench_function("nothing_to_merge", |b| b.iter(|| Runs::find(black_box(&small)).iter().count()));
    group.finish();
}

criterion_group!(benches, offload);
criterion_main!(benches);
