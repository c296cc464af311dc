//! What a frame costs that travels in two halves: cut, parse, join.
#![allow(missing_docs, reason = "criterion's macros make undocumented items")]
#![expect(clippy::disallowed_methods, reason = "any instant will do as the beginning")]

use std::hint::black_box;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use lanparty_sdk::proto::{
    Datagram, FragmentId, HEADROOM, Label, PeerId, Reassembler, ReassemblyConfig, RoomId, encode_frame,
};

fn peer(number: u16) -> PeerId {
    PeerId::new(number).expect("valid")
}

fn cut(source: PeerId, len: usize, id: &mut FragmentId) -> [Bytes; 2] {
    let mut halves = [const { Bytes::new() }; 2];
    let mut at = 0;
    let room = RoomId::new(7).expect("valid");
    encode_frame(room, source, Label::Flood, BytesMut::zeroed(HEADROOM + len), 1162, id, |datagram| {
        halves[at] = datagram;
        at += 1;
    })
    .expect("fits in two");
    halves
}

fn push(table: &mut Reassembler, now: Instant, datagram: &Bytes) -> Option<Bytes> {
    let Ok((header, Datagram::Fragment(fragment))) = Datagram::parse(datagram) else { return None };
    table.push(now, header.source, header.label, &fragment)
}

fn joined(c: &mut Criterion) {
    let now = Instant::now();
    let mut group = c.benchmark_group("fragment");
    for len in [1200, 1514] {
        group.throughput(Throughput::Bytes(len as u64));
        group.bench_function(BenchmarkId::new("cut_and_join", len), |b| {
            let mut table = Reassembler::new(ReassemblyConfig::default());
            let mut id = FragmentId::default();
            b.iter(|| {
                let [first, second] = cut(peer(2), len, &mut id);
                push(&mut table, now, &first);
                push(&mut table, now, black_box(&second)).expect("both are here")
            });
        });
    }
    // As full as it gets: every sender has lost second halves on the way.
    let mut full = Reassembler::new(ReassemblyConfig::default());
    for source in 1..=4 {
        let mut id = FragmentId::default();
        for _ in 0..16 {
            push(&mut full, now, &cut(peer(source), 1514, &mut id)[0]);
        }
    }
    assert_eq!(full.len(), 64);
    let mut id = FragmentId::starting_at(99);
    group.bench_function("join_in_a_full_table", |b| {
        b.iter_batched(
            || cut(peer(9), 1514, &mut id),
            |[first, second]| {
                push(&mut full, now, &first);
                push(&mut full, now, &second).expect("both are here")
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

criterion_group!(benches, joined);
criterion_main!(benches);
