//! What judging and switching one frame costs.
#![allow(missing_docs, reason = "criterion's macros make undocumented items")]
#![expect(clippy::disallowed_methods, reason = "any instant will do as the beginning")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use lanparty_sdk::frame::{EtherType, MacAddr};
use lanparty_sdk::switch::craft::{ethernet, icmpv6, ipv4, ipv6, options6, routing6, tcp, udp4};
use lanparty_sdk::switch::ip::protocol::{DESTINATION_OPTIONS, HOP_BY_HOP, ICMPV6, ROUTING, TCP, UDP};
use lanparty_sdk::switch::{
    Limits, MacTable, MemberLimits, Origin, Rate, TableConfig, TokenBucket, clamp_mss, classify,
};

const SRC: MacAddr = MacAddr([0x02, 0x11, 0x22, 0x33, 0x44, 0x55]);
const DST: MacAddr = MacAddr([0x02, 0x66, 0x77, 0x88, 0x99, 0xaa]);

fn classifier(c: &mut Criterion) {
    let mut group = c.benchmark_group("classify");
    let udp = |len: usize| ipv4(UDP, &udp4(5000, 27015, &vec![0x5a; len - 42]));
    let chain = options6(ROUTING, &routing6(DESTINATION_OPTIONS, &options6(ICMPV6, &icmpv6(128, &[0; 32]))));
    let frames = [
        ("udp4_64", ethernet(DST, SRC, EtherType::IPV4, &udp(64))),
        ("udp4_1400", ethernet(DST, SRC, EtherType::IPV4, &udp(1400))),
        ("arp", ethernet(MacAddr::BROADCAST, SRC, EtherType::ARP, &[0; 28])),
        ("ipv6_three_extensions", ethernet(DST, SRC, EtherType::IPV6, &ipv6(HOP_BY_HOP, &chain))),
    ];
    for (name, frame) in &frames {
        for (side, origin) in [("client", Origin::Client), ("lan", Origin::Lan)] {
            group.bench_with_input(BenchmarkId::new(*name, side), frame, |b, frame| {
                b.iter(|| classify(black_box(frame), frame.len(), origin, 1500));
            });
        }
    }
    group.finish();
}

/// Spreads the numbers over the address space, as vendors do.
fn mac(number: u32) -> MacAddr {
    let [a, b, c, d] = number.wrapping_mul(0x9e37_79b1).to_be_bytes();
    MacAddr([0x00, 0x1b, a, b, c, d])
}

fn table(c: &mut Criterion) {
    let mut group = c.benchmark_group("table");
    let now = Instant::now();
    for size in [16_u32, 1_024, 4_096] {
        let mut table = MacTable::<u32>::new(TableConfig::default(), 7);
        for number in 0..size {
            table.learn(mac(number), 1, now);
        }
        let mut number = 0;
        let mut next = |offset| {
            number = (number + 7) % size;
            mac(number + offset)
        };
        group.bench_function(BenchmarkId::new("hit", size), |b| b.iter(|| table.lookup(next(0), now)));
        group.bench_function(BenchmarkId::new("miss", size), |b| b.iter(|| table.lookup(next(1 << 20), now)));
        let mut refreshed = table.clone();
        group.bench_function(BenchmarkId::new("refresh", size), |b| {
            b.iter(|| refreshed.learn(next(0), 1, now));
        });
    }
    let mut full = MacTable::<u32>::new(TableConfig::default(), 7);
    let mut number = 0;
    group.bench_function("learn_evicting", |b| {
        b.iter(|| {
            number += 1;
            full.learn(mac(number), 1, now)
        });
    });
    group.finish();
}

fn limiter(c: &mut Criterion) {
    let mut group = c.benchmark_group("limit");
    let start = Instant::now();
    let mut now = start;
    let mut bucket = TokenBucket::new(Rate::new(2 << 20, 4 << 20), start);
    group.bench_function("bucket", |b| {
        b.iter(|| {
            now += Duration::from_micros(300);
            bucket.try_take(black_box(1_400), now)
        });
    });
    let mut now = start;
    let mut member = MemberLimits::new(&Limits::default(), start);
    group.bench_function("member_bytes_and_flood", |b| {
        b.iter(|| {
            now += Duration::from_micros(300);
            member.admit_bytes(black_box(400), now).and_then(|()| member.admit_flood(now))
        });
    });
    group.finish();
}

fn mss(c: &mut Criterion) {
    let mut group = c.benchmark_group("mss");
    let options = [2, 4, 0x05, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7];
    let mut data = ethernet(DST, SRC, EtherType::IPV4, &ipv4(TCP, &tcp(false, 0x10, &[], &[0x5a; 1_300])));
    group.bench_function("data", |b| b.iter(|| clamp_mss(black_box(&mut data), 1_360)));
    let mut udp = ethernet(DST, SRC, EtherType::IPV4, &ipv4(UDP, &udp4(5000, 27015, &[0x5a; 100])));
    group.bench_function("udp", |b| b.iter(|| clamp_mss(black_box(&mut udp), 1_360)));
    let syn = ethernet(DST, SRC, EtherType::IPV4, &ipv4(TCP, &tcp(false, 0x02, &options, &[])));
    let mut frame = syn.clone();
    group.bench_function("syn", |b| {
        b.iter(|| {
            frame.copy_from_slice(&syn);
            clamp_mss(black_box(&mut frame), 1_360)
        });
    });
    group.finish();
}

criterion_group!(benches, classifier, table, limiter, mss);
criterion_main!(benches);
