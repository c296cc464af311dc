//! What it costs a datagram to wait in an outbox: classified, queued, and scheduled.
#![allow(missing_docs, reason = "criterion's macros make undocumented items")]

mod gate;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use bytes::{Bytes, BytesMut};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use lanparty_sdk::frame::{EtherType, MacAddr};
use lanparty_sdk::proto::{FragmentId, HEADROOM, Label, PeerId, RoomId, encode_frame};
use lanparty_sdk::quic::{Outbox, OutboxLimits};
use lanparty_sdk::switch::craft::{ethernet, ipv4, ipv6, options6, udp4, udp6};
use lanparty_sdk::switch::ip::protocol::{DESTINATION_OPTIONS, HOP_BY_HOP, UDP};

use gate::Gate;

const SRC: MacAddr = MacAddr([0x02, 0, 0, 0, 0, 1]);
const DST: MacAddr = MacAddr([0x02, 0, 0, 0, 0, 2]);
/// Datagrams that wait at a time.
const BATCH: usize = 256;

fn datagram(from: u16, frame: &[u8]) -> Bytes {
    let mut buffer = BytesMut::zeroed(HEADROOM);
    buffer.extend_from_slice(frame);
    let (room, from) = (RoomId::new(7).expect("valid"), PeerId::new(from).expect("valid"));
    let mut datagram = Bytes::new();
    encode_frame(room, from, Label::Flood, buffer, 65535, &mut FragmentId::default(), |whole| {
        datagram = whole
    })
    .expect("fits");
    datagram
}

fn udp(port: u16, len: usize) -> Vec<u8> {
    ethernet(DST, SRC, EtherType::IPV4, &ipv4(UDP, &udp4(port, 27015, &vec![0x5a; len - 42])))
}

fn udp_behind_options(port: u16, len: usize) -> Vec<u8> {
    let udp = udp6(port, 27015, &vec![0x5a; len - 78]);
    ethernet(
        DST,
        SRC,
        EtherType::IPV6,
        &ipv6(HOP_BY_HOP, &options6(DESTINATION_OPTIONS, &options6(UDP, &udp))),
    )
}

/// Lets `datagrams` wait together, and leave together.
fn rounds(c: &mut Criterion, name: &str, parameter: &str, datagrams: &[Bytes]) {
    let gate = Gate::default();
    let outbox = Arc::new(Outbox::<Gate>::new(OutboxLimits::new(1 << 20, 2 * datagrams.len())));
    let mut sender: Pin<Box<dyn Future<Output = ()>>> = Box::pin(Arc::clone(&outbox).run(gate.clone()));
    let mut cx = Context::from_waker(Waker::noop());
    let mut batch = Vec::with_capacity(datagrams.len());
    let mut group = c.benchmark_group(name);
    group.throughput(Throughput::Elements(datagrams.len() as u64));
    group.bench_function(BenchmarkId::from_parameter(parameter), |b| {
        b.iter(|| {
            gate.set(false);
            batch.extend_from_slice(datagrams);
            outbox.push_batch(&mut batch);
            let _ = sender.as_mut().poll(&mut cx);
            gate.set(true);
            let _ = sender.as_mut().poll(&mut cx);
        });
    });
    group.finish();
    let stats = outbox.stats();
    assert_eq!((stats.drops.total(), stats.queued_datagrams), (0, 0), "{stats:?}");
    assert_eq!(stats.sent_datagrams, gate.taken());
}

fn waiting(c: &mut Criterion) {
    for (name, len) in [("outbox_1400", 1400), ("outbox_120", 120)] {
        for flows in [1, 8, 64] {
            let ports = (0..BATCH).map(|at| (at % flows) as u16);
            let datagrams: Vec<_> = ports.map(|port| datagram(1, &udp(port, len))).collect();
            rounds(c, name, &format!("{flows} flows"), &datagrams);
        }
        let members = (0..BATCH).map(|at| (1 + at % 8) as u16);
        let datagrams: Vec<_> = members.map(|member| datagram(member, &udp(1, len))).collect();
        rounds(c, name, "8 members", &datagrams);
    }
}

/// The same but for what there is to read: the difference is the classifier's.
fn headers(c: &mut Criterion) {
    let unread = vec![Bytes::from(vec![0; 1400]); BATCH];
    rounds(c, "outbox_headers", "none", &unread);
    let udp4 = vec![datagram(1, &udp(1, 1400)); BATCH];
    rounds(c, "outbox_headers", "udp4", &udp4);
    let udp6 = vec![datagram(1, &udp_behind_options(1, 1400)); BATCH];
    rounds(c, "outbox_headers", "udp6 behind options", &udp6);
}

/// A flood that never fits: every datagram displaces another, from one flow or from as many as there are.
fn overflow(c: &mut Criterion) {
    let mut group = c.benchmark_group("outbox_overflow");
    for flows in [1, 1000] {
        let datagrams: Vec<_> = (0..2048_u16).map(|at| datagram(1, &udp(at % flows, 120))).collect();
        let outbox = Outbox::<Gate>::new(OutboxLimits::new(1 << 20, 1024));
        let mut batch = Vec::with_capacity(datagrams.len());
        group.throughput(Throughput::Elements(datagrams.len() as u64));
        group.bench_function(BenchmarkId::from_parameter(format!("{flows} flows")), |b| {
            b.iter(|| {
                batch.extend_from_slice(&datagrams);
                outbox.push_batch(&mut batch);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, waiting, headers, overflow);
criterion_main!(benches);
