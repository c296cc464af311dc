//! What the codecs cost: datagram headers, frames into datagrams, control messages.
#![allow(missing_docs, reason = "criterion's macros make undocumented items")]

use std::hint::black_box;

use bytes::BytesMut;
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use lanparty_sdk::ctrl::{
    Decoder, LeaveReason, MemberMessage, MemberStats, PeerInfo, PeerRole, RelayMessage, encode,
};
use lanparty_sdk::frame::MacAddr;
use lanparty_sdk::proto::{
    Datagram, FragmentId, HEADROOM, Header, Kind, Label, PeerId, RoomId, encode_frame,
};

const BUDGET: usize = 1434;

fn ids() -> (RoomId, PeerId) {
    (RoomId::new(7).expect("valid"), PeerId::new(2).expect("valid"))
}

fn header(c: &mut Criterion) {
    let (room, source) = ids();
    let header = Header { kind: Kind::Frame, room, source, label: Label::Flood };
    let mut bytes = vec![0x5a; 1434];
    header.write(&mut bytes);
    let mut group = c.benchmark_group("header");
    group.bench_function("parse", |b| b.iter(|| Datagram::parse(black_box(&bytes))));
    group.bench_function("write", |b| b.iter(|| black_box(header).write(black_box(&mut bytes))));
    group.finish();
}

fn frames(c: &mut Criterion) {
    let (room, source) = ids();
    let mut group = c.benchmark_group("encode_frame");
    for (name, len) in [("whole", 60), ("whole", 1426), ("halves", 1427), ("halves", 1514)] {
        group.throughput(Throughput::Bytes(len as u64));
        group.bench_function(BenchmarkId::new(name, len), |b| {
            let mut id = FragmentId::default();
            b.iter_batched(
                || BytesMut::zeroed(HEADROOM + len),
                |buffer| {
                    encode_frame(room, source, Label::Gateway, buffer, BUDGET, &mut id, |datagram| {
                        drop(black_box(datagram))
                    })
                },
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

fn messages(c: &mut Criterion) {
    let joined = RelayMessage::PeerJoined(PeerInfo {
        peer: PeerId::new(3).expect("valid"),
        role: PeerRole::Client,
        mac: Some(MacAddr([2, 0, 0, 0, 0, 3])),
        name: Some("Ann".into()),
        budget: 1434,
        paused: false,
    });
    let stats = MemberMessage::Stats(MemberStats::default());
    let goodbye = MemberMessage::Disconnect { reason: LeaveReason::Normal, text: "good night".into() };
    let mut group = c.benchmark_group("message");
    group.bench_function("encode/peer_joined", |b| b.iter(|| encode(black_box(&joined))));
    group.bench_function("encode/stats", |b| b.iter(|| encode(black_box(&stats))));
    let bytes = encode(&joined).expect("short");
    group.bench_function("decode/peer_joined", |b| b.iter(|| decode::<RelayMessage>(black_box(&bytes))));
    for (name, message) in [("stats", &stats), ("disconnect", &goodbye)] {
        let bytes = encode(message).expect("short");
        group.bench_function(BenchmarkId::new("decode", name), |b| {
            b.iter(|| decode::<MemberMessage>(black_box(&bytes)))
        });
    }
    group.finish();
}

fn decode<M: serde::de::DeserializeOwned + lanparty_sdk::ctrl::Validate>(bytes: &[u8]) -> Option<M> {
    let mut decoder = Decoder::default();
    decoder.push(bytes);
    decoder.next_message().expect("valid")
}

criterion_group!(benches, header, frames, messages);
criterion_main!(benches);
