//! The queue's laws, one by one, and its bookkeeping against a naive model.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Duration;

use bytes::BytesMut;
use proptest::prelude::*;

use super::codel::{INTERVAL, MIN_BACKLOG, TARGET};
use super::*;
use crate::frame::{EtherType, MacAddr};
use crate::proto::{FragmentId, HEADROOM, Label, PeerId, Probe, ProbeKind, RoomId, encode_frame};
use crate::switch::craft::{
    ethernet, fragment6, icmpv6, ieee8023, ipv4, ipv4_with, ipv6, snap, tag, udp4, udp6,
};
use crate::switch::ip::protocol::{FRAGMENT, ICMPV6, UDP};

mod laws;

const SRC: MacAddr = MacAddr([0x02, 0, 0, 0, 0, 1]);
const DST: MacAddr = MacAddr([0x02, 0, 0, 0, 0, 2]);

fn peer(number: u16) -> PeerId {
    PeerId::new(number).unwrap()
}

/// The datagrams that carry a frame from `from`.
fn wrap(from: u16, frame: &[u8], id: u16, budget: usize) -> Vec<Bytes> {
    let mut buffer = BytesMut::zeroed(HEADROOM);
    buffer.extend_from_slice(frame);
    let (mut out, mut id) = (Vec::new(), FragmentId::starting_at(id));
    let room = RoomId::new(7).unwrap();
    encode_frame(room, peer(from), Label::Peer(peer(99)), buffer, budget, &mut id, |datagram| {
        out.push(datagram);
    })
    .unwrap();
    out
}

fn whole(from: u16, frame: &[u8]) -> Bytes {
    wrap(from, frame, 0, 65535).remove(0)
}

/// A frame of UDP from `port` that carries a number; `len` is the datagram's.
fn udp(from: u16, port: u16, number: u32, len: usize) -> Bytes {
    static HEADERS: OnceLock<Bytes> = OnceLock::new();
    let headers = HEADERS.get_or_init(|| {
        whole(1, &ethernet(DST, SRC, EtherType::IPV4, &ipv4(UDP, &udp4(1, 27015, &[0; 1450])))).slice(..50)
    });
    let mut bytes = vec![0; len];
    bytes[..50].copy_from_slice(headers);
    bytes[4..6].copy_from_slice(&from.to_be_bytes());
    bytes[42..44].copy_from_slice(&port.to_be_bytes());
    bytes[50..54].copy_from_slice(&number.to_be_bytes());
    bytes.into()
}

fn number(datagram: &[u8]) -> u32 {
    u32::from_be_bytes(datagram[50..54].try_into().unwrap())
}

/// What [`udp`] was given.
fn origin(datagram: &[u8]) -> (u16, u16) {
    let field = |at: usize| u16::from_be_bytes(datagram[at..at + 2].try_into().unwrap());
    (field(4), field(42))
}

/// A queue with a clock and its counts.
struct Bench {
    queue: Queue,
    now: Instant,
    drops: DropCounts,
}

impl Bench {
    fn new(limits: OutboxLimits) -> Self {
        Self {
            queue: Queue::new(limits, RandomState::new()),
            now: Instant::now(),
            drops: DropCounts::default(),
        }
    }

    fn push(&mut self, datagram: Bytes) {
        self.queue.push(datagram, self.now, &mut self.drops);
    }

    fn pop(&mut self) -> Option<Bytes> {
        self.queue.pop(self.now, &mut self.drops)
    }

    fn wait(&mut self, ms: u64) {
        self.now += Duration::from_millis(ms);
    }

    fn numbers(&mut self) -> Vec<u32> {
        std::iter::from_fn(|| self.pop()).map(|datagram| number(&datagram)).collect()
    }
}

impl Default for Bench {
    fn default() -> Self {
        Self::new(OutboxLimits::default())
    }
}

fn class(datagram: &[u8]) -> classify::Class {
    static KEYS: OnceLock<RandomState> = OnceLock::new();
    classify(datagram, KEYS.get_or_init(RandomState::new))
}

fn class_of(frame: &[u8]) -> classify::Class {
    class(&whole(1, frame))
}

#[test]
fn flows_are_told_by_addresses_and_ports() {
    let base = ethernet(DST, SRC, EtherType::IPV4, &ipv4(UDP, &udp4(5000, 6000, &[1; 20])));
    let same = ethernet(DST, SRC, EtherType::IPV4, &ipv4(UDP, &udp4(5000, 6000, &[2; 900])));
    assert_eq!(class_of(&base).flow, class_of(&same).flow);
    assert_ne!(class(&whole(1, &base)).flow, class(&whole(2, &base)).flow, "another sender");
    // Every byte of the addresses, the protocol and the ports makes another flow; no byte of the payload does.
    for at in 0..base.len() {
        let mut other = base.clone();
        other[at] ^= 0x40;
        let told = (0..12).contains(&at) || (26..38).contains(&at) || at == 23;
        let neither = matches!(at, 12..=22 | 24..=25);
        assert!(neither || (class_of(&other).flow != class_of(&base).flow) == told, "byte {at}");
    }
    let six = |port| ethernet(DST, SRC, EtherType::IPV6, &ipv6(UDP, &udp6(port, 6000, &[1; 20])));
    assert_ne!(class_of(&six(1)).flow, class_of(&six(2)).flow);
    assert_ne!(class_of(&six(1)).flow, class_of(&tagged(&six(1))).flow);
}

fn tagged(frame: &[u8]) -> Vec<u8> {
    let kind = EtherType(u16::from_be_bytes([frame[12], frame[13]]));
    let mut other = frame[..12].to_vec();
    other[0] ^= 4;
    other.extend(0x8100u16.to_be_bytes());
    other.extend(tag(7, kind, &frame[14..]));
    other
}

#[test]
fn what_has_no_ports_is_a_flow_by_its_addresses() {
    let ipx = |len| ieee8023(DST, SRC, &vec![0xff; len]);
    assert_eq!(class_of(&ipx(40)).flow, class_of(&ipx(400)).flow, "a length is no type");
    assert_ne!(class_of(&ipx(40)).flow, class_of(&ieee8023(SRC, DST, &[0xff; 40])).flow);
    let fragment = |offset, body| ethernet(DST, SRC, EtherType::IPV4, &ipv4_with(UDP, offset, &[], body));
    let (first, later) =
        (fragment(0x2000, &udp4(5000, 6000, &[1; 600])[..]), fragment(0x0040, &[9; 600][..]));
    assert_eq!(class_of(&first).flow, class_of(&later).flow, "fragments stay together");
    let six = |offset, more| {
        ethernet(DST, SRC, EtherType::IPV6, &ipv6(FRAGMENT, &fragment6(UDP, offset, more, &[7; 64])))
    };
    assert_eq!(class_of(&six(0, true)).flow, class_of(&six(8, false)).flow);
    let in_snap = ieee8023(DST, SRC, &snap(EtherType::IPV4, &ipv4(UDP, &udp4(5000, 6000, &[1; 20]))));
    let plain = ethernet(DST, SRC, EtherType::IPV4, &ipv4(UDP, &udp4(5000, 6000, &[1; 20])));
    assert_eq!(class_of(&in_snap).flow, class_of(&plain).flow);
}

#[test]
fn what_hosts_cannot_do_without_goes_first() {
    let nd = |kind| ethernet(DST, SRC, EtherType::IPV6, &ipv6(ICMPV6, &icmpv6(kind, &[0; 20])));
    let dhcp = |from, to| ethernet(DST, SRC, EtherType::IPV4, &ipv4(UDP, &udp4(from, to, &[0; 300])));
    let arp = ethernet(MacAddr::BROADCAST, SRC, EtherType::ARP, &[0; 46]);
    let six = ethernet(DST, SRC, EtherType::IPV6, &ipv6(UDP, &udp6(546, 547, &[0; 100])));
    for express in [&arp, &tagged(&arp), &nd(133), &nd(137), &dhcp(67, 68), &dhcp(68, 67), &six] {
        assert!(class_of(express).express, "{express:02x?}");
    }
    let long = ethernet(DST, SRC, EtherType::IPV4, &ipv4(UDP, &udp4(67, 68, &[0; 1200])));
    let garbage = ethernet(DST, SRC, EtherType::IPV4, &[0x45; 12]);
    for ordinary in [&nd(128), &nd(138), &dhcp(68, 53), &long, &garbage, &vec![0; 14], &vec![]] {
        assert!(!class_of(ordinary).express, "{ordinary:02x?}");
    }
    let probe = Probe { kind: ProbeKind::Request, token: 1 };
    let probe = probe.encode(RoomId::new(7).unwrap(), peer(1), peer(2));
    assert!(class(&probe).express);

    let mut bench = Bench::default();
    bench.push(udp(1, 1, 0, 1400));
    bench.push(udp(1, 2, 0, 100));
    bench.push(whole(1, &arp));
    bench.push(probe.clone());
    assert_eq!([bench.pop().unwrap(), bench.pop().unwrap()], [whole(1, &arp), probe]);
}

proptest! {
    #[test]
    fn any_bytes_are_a_flow(bytes in prop::collection::vec(any::<u8>(), 0..200), kind in 0u8..8, fix in any::<bool>()) {
        let mut bytes = bytes;
        if let (true, Some(first)) = (fix, bytes.first_mut()) {
            *first = 0x10 | kind;
        }
        prop_assert_eq!(class(&bytes), class(&bytes));
    }
}

#[test]
fn nobody_lives_on_going_first() {
    let arp = |number: u8| whole(1, &ethernet(DST, SRC, EtherType::ARP, &[number; 46]));
    let mut bench = Bench::default();
    (0..200).for_each(|number| bench.push(arp(number)));
    let express = bench.queue.express.len;
    assert_eq!(express, EXPRESS.burst as usize / arp(0).len());
    // What exceeds the rate queues behind, and then nothing of it overtakes.
    bench.wait(50);
    bench.push(arp(200));
    let order: Vec<_> = std::iter::from_fn(|| bench.pop()).map(|datagram| datagram[30]).collect();
    assert!(order.is_sorted() && order.len() == 201, "{order:?}");
    // In a second there is a second's worth, beside a flow that always has something waiting.
    let mut first = 0;
    for round in 0..1000 {
        bench.wait(1);
        bench.push(arp(0));
        bench.push(udp(2, 1, round, 1400));
        while bench.queue.express.len > 0 {
            first += bench.pop().unwrap().len();
        }
        bench.queue.pop(bench.now, &mut bench.drops);
    }
    assert!(first <= (EXPRESS.per_second + EXPRESS.burst) as usize, "{first}");
    assert!(first >= EXPRESS.per_second as usize * 9 / 10, "{first}");
}

#[test]
fn new_flows_go_first_and_old_ones_in_turns() {
    let mut bench = Bench::default();
    for number in 0..4 {
        bench.push(udp(1, 1, number, 1400));
        bench.push(udp(1, 2, 100 + number, 1400));
    }
    assert_eq!(number(&bench.pop().unwrap()), 0);
    bench.push(udp(1, 3, 200, 100));
    // Flow 2 is as new as flow 3 and was there before; both go before what is left of flow 1.
    assert_eq!(bench.numbers()[..2], [100, 200]);
}

#[test]
fn halves_stay_together() {
    let frame = ethernet(DST, SRC, EtherType::IPV4, &ipv4(UDP, &udp4(1, 27015, &[0; 1400])));
    let (one, two) = (wrap(1, &frame, 5, 1162), wrap(2, &frame, 5, 1162));
    let mut bench = Bench::default();
    for datagram in [&one[0], &two[0], &one[1], &two[1]] {
        bench.push(datagram.clone());
    }
    assert_eq!((bench.queue.parties.len(), bench.queue.new_len()), (2, 2), "a flow for each sender");
    let order: Vec<_> = std::iter::from_fn(|| bench.pop()).collect();
    let place = |datagram: &Bytes| order.iter().position(|other| other == datagram).unwrap();
    assert!(place(&one[0]) < place(&one[1]) && place(&two[0]) < place(&two[1]));
    // Without its first half, it is still a flow.
    bench.push(wrap(3, &frame, 6, 1162).remove(1));
    assert!(bench.pop().is_some() && bench.pop().is_none());
}

#[test]
fn half_a_frame_is_not_worth_keeping() {
    let frame = ethernet(DST, SRC, EtherType::IPV4, &ipv4(UDP, &udp4(1, 27015, &[0; 1400])));
    let mut bench = Bench::new(OutboxLimits::new(1 << 20, 4));
    for id in 0..2 {
        wrap(1, &frame, id, 1162).into_iter().for_each(|half| bench.push(half));
    }
    let third = wrap(1, &frame, 2, 1162);
    bench.push(third[0].clone());
    assert_eq!((bench.drops.get(DropReason::OutboxFull), bench.queue.len()), (2, 3), "both halves at once");
    // The first half gave way before the second came.
    let mut bench = Bench::new(OutboxLimits::new(1 << 20, 1));
    bench.push(third[0].clone());
    bench.push(udp(1, 1, 0, 100));
    assert_eq!((bench.drops.get(DropReason::OutboxFull), bench.queue.len()), (1, 1));
    bench.push(third[1].clone());
    assert_eq!((bench.drops.get(DropReason::OutboxFull), bench.queue.len()), (2, 1));
    assert_eq!(bench.numbers(), [0]);
}

#[test]
fn whoever_has_most_gives_way() {
    let mut bench = Bench::new(OutboxLimits::new(20_000, 1000));
    (0..3).for_each(|number| bench.push(udp(1, 1, number, 100)));
    // The second member spreads over many flows, and has most all the same.
    (0..30).for_each(|number| bench.push(udp(2, number as u16, number, 1000)));
    assert!(bench.queue.bytes() <= 20_000);
    assert_eq!(bench.drops.get(DropReason::OutboxFull), 11);
    let left: Vec<_> = std::iter::from_fn(|| bench.pop()).map(|datagram| origin(&datagram)).collect();
    assert_eq!(left.iter().filter(|(member, _)| *member == 1).count(), 3);
    // By number if the number is what does not fit.
    let mut bench = Bench::new(OutboxLimits::new(20_000, 10));
    (0..4).for_each(|number| bench.push(udp(1, 1, number, 1400)));
    (0..12).for_each(|number| bench.push(udp(2, 1, number, 60)));
    assert_eq!(bench.drops.get(DropReason::OutboxFull), 6);
    let left: Vec<_> = std::iter::from_fn(|| bench.pop()).filter(|left| origin(left).0 == 1).collect();
    assert_eq!(left.len(), 4);
    // Only express datagrams: the oldest of them.
    let arp = |number: u8| whole(1, &ethernet(DST, SRC, EtherType::ARP, &[number; 46]));
    let mut bench = Bench::new(OutboxLimits::new(20_000, 2));
    (0..3).for_each(|number| bench.push(arp(number)));
    assert_eq!(bench.pop(), Some(arp(1)));
}

#[test]
fn a_standing_queue_is_thinned_from_its_head() {
    let mut bench = Bench::new(OutboxLimits::default().max_age(Duration::MAX));
    let mut next = 0;
    let mut delivered = Vec::new();
    let mut max_wait = 0;
    // Sent at twice the rate at which it leaves: 1 datagram per ms.
    for ms in 0..1000_u64 {
        for _ in 0..if ms < 100 || ms % 50 == 0 { 2 } else { 1 } {
            bench.push(udp(1, 1, next, 1000));
            next += 1;
        }
        bench.wait(1);
        if let Some(datagram) = bench.pop() {
            delivered.push(number(&datagram));
            max_wait = max_wait.max(next - number(&datagram));
        }
        if ms < 100 {
            assert_eq!(bench.drops.total(), 0, "not within the first interval");
        }
    }
    assert!(delivered.is_sorted());
    let thinned = bench.drops.get(DropReason::QueueDelay);
    assert!(thinned > 0 && bench.drops.total() == thinned);
    // The pause shrinks with the root of the count: drops in 900 ms for 16 are 1 + 2 * sqrt(...) of the order of 50.
    assert!((10..120).contains(&thinned), "{thinned}");
}

#[test]
fn a_queue_stands_while_the_window_grows() {
    let mut bench = Bench::new(OutboxLimits::default());
    let mut next = 0;
    let mut push = |bench: &mut Bench| {
        bench.push(udp(1, 1, next, 1000));
        next += 1;
    };
    (0..20).for_each(|_| push(&mut bench));
    let mut dropped = Vec::new();
    for growing in [true, false] {
        bench.queue.set_growing(growing);
        for _ in 0..300 {
            push(&mut bench);
            bench.wait(1);
            bench.pop();
        }
        dropped.push(bench.drops.get(DropReason::QueueDelay));
    }
    assert_eq!(dropped[0], 0);
    assert!(dropped[1] > 0, "once the path is known, it stands for nothing");
}

#[test]
fn small_queues_are_left_alone() {
    let mut bench = Bench::new(OutboxLimits::default().max_age(Duration::MAX));
    // Three datagrams always wait, each for far longer than the target, and leave too little behind.
    for number in 0..100 {
        bench.push(udp(1, 1, number, 1000));
        bench.wait(20);
        if number >= 3 {
            bench.pop().unwrap();
        }
    }
    assert_eq!(bench.drops.total(), 0);
}

#[test]
fn nothing_leaves_beyond_its_age() {
    let arp = whole(1, &ethernet(DST, SRC, EtherType::ARP, &[0; 46]));
    let mut bench = Bench::default();
    bench.push(arp.clone());
    bench.push(udp(1, 1, 0, 100));
    bench.wait(150);
    bench.push(udp(1, 1, 1, 100));
    bench.wait(50);
    bench.push(udp(1, 2, 2, 100));
    assert_eq!(bench.pop(), Some(arp), "200 ms are not too many");
    bench.wait(1);
    assert_eq!(bench.numbers(), [1, 2]);
    assert_eq!(bench.drops.get(DropReason::Stale), 1);
    bench.push(whole(1, &ethernet(DST, SRC, EtherType::ARP, &[0; 46])));
    bench.wait(201);
    assert_eq!((bench.pop(), bench.drops.get(DropReason::Stale)), (None, 2));
}

#[test]
fn a_clock_that_goes_back_harms_nobody() {
    let mut bench = Bench::default();
    bench.wait(1000);
    bench.push(udp(1, 1, 0, 100));
    bench.now -= Duration::from_millis(900);
    bench.push(udp(1, 1, 1, 100));
    assert_eq!(bench.numbers(), [0, 1]);
}

#[test]
fn thousands_of_flows_are_forgotten_again() {
    let mut bench = Bench::default();
    for round in 0..50_u16 {
        for port in 0..100 {
            bench.push(udp(1 + port % 7, round * 100 + port, 0, 100));
        }
        while bench.pop().is_some() {}
    }
    assert!(bench.queue.flows.len() <= 256 && bench.queue.parties.len() <= 7);
    assert!(bench.queue.rotation.is_empty());
}

#[derive(Clone, Debug)]
enum Op {
    Push { member: u16, port: u16, len: usize },
    Arp(u16),
    Frame { member: u16, port: u16, id: u16, halves: u8 },
    Pop(usize),
    Wait(u64),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (1u16..4, 0u16..4, 60usize..1500).prop_map(|(member, port, len)| Op::Push { member, port, len }),
        1 => (1u16..4).prop_map(Op::Arp),
        2 => (1u16..4, 0u16..4, 0u16..6, 1u8..4)
            .prop_map(|(member, port, id, halves)| Op::Frame { member, port, id, halves }),
        4 => (1usize..6).prop_map(Op::Pop),
        2 => (0u64..90).prop_map(Op::Wait),
    ]
}

/// How long is the content from which flows are told apart: no payload follows.
const TOLD: usize = 54;

proptest! {
    #[test]
    fn the_books_are_right(ops in prop::collection::vec(op(), 0..200)) {
        let limits = OutboxLimits::new(20_000, 20);
        let mut bench = Bench::new(limits);
        // Everything that was pushed and has not left: its time, by its identity.
        let mut model: BTreeMap<u64, (Instant, Bytes)> = BTreeMap::new();
        let (mut serial, mut popped, mut last) = (0_u64, 0_u64, BTreeMap::new());
        for op in ops {
            let pushed = match op {
                Op::Push { member, port, len } => vec![udp(member, port, 0, len.max(TOLD + 8))],
                Op::Arp(member) => vec![whole(member, &ethernet(DST, SRC, EtherType::ARP, &[0; 60]))],
                Op::Frame { member, port, id, halves } => {
                    let frame = ethernet(DST, SRC, EtherType::IPV4, &ipv4(UDP, &udp4(port, 27015, &[0; 1400])));
                    let mut both = wrap(member, &frame, id, 1162);
                    both = both.into_iter().enumerate()
                        .filter(|(at, _)| halves & (1 << at) != 0).map(|(_, half)| half).collect();
                    both
                }
                Op::Pop(count) => {
                    for _ in 0..count {
                        let Some(datagram) = bench.pop() else {
                            prop_assert_eq!((bench.queue.len(), bench.queue.bytes()), (0, 0));
                            break;
                        };
                        popped += 1;
                        // The serial number stands at the end, where no header is.
                        let id = u64::from_be_bytes(datagram[datagram.len() - 8..].try_into().unwrap());
                        let (at, original) = model.remove(&id).expect("was pushed, and once");
                        prop_assert_eq!(&original, &datagram);
                        prop_assert!(bench.now - at <= limits.max_age);
                        // Whole frames of a flow keep their order; halves go with what their first half was.
                        if datagram[0] & 0x0f == 1 {
                            let flow = class(&datagram).flow;
                            prop_assert!(last.insert(flow, id).is_none_or(|before| before < id), "in order");
                        }
                    }
                    vec![]
                }
                Op::Wait(ms) => {
                    bench.wait(ms);
                    vec![]
                }
            };
            for datagram in pushed {
                serial += 1;
                let mut bytes = datagram.to_vec();
                let end = bytes.len();
                bytes[end - 8..].copy_from_slice(&serial.to_be_bytes());
                let datagram = Bytes::from(bytes);
                model.insert(serial, (bench.now, datagram.clone()));
                bench.push(datagram);
            }
            let queue = &bench.queue;
            prop_assert!(queue.bytes() <= limits.bytes && queue.len() <= limits.datagrams);
            prop_assert_eq!(queue.len() as u64 + popped + bench.drops.total(), serial);
            prop_assert_eq!(queue.counted(), (queue.len(), queue.bytes()));
        }
        bench.wait(1000);
        prop_assert_eq!(bench.pop(), None);
        prop_assert_eq!((bench.queue.len(), bench.queue.bytes(), bench.queue.counted()), (0, 0, (0, 0)));
        prop_assert_eq!(popped + bench.drops.total(), serial);
    }
}

impl Queue {
    /// Counts everything anew, and checks that each list holds what it should.
    fn counted(&self) -> (usize, usize) {
        let mut sum = (self.express.len, self.express.bytes);
        let mut new = BTreeMap::new();
        for (_, flow) in self.flows.iter(self.new) {
            assert!(flow.place == Place::New && self.parties[flow.party].active);
            *new.entry(flow.party).or_insert((0, 0, 0)) = {
                let (flows, len, bytes) = new.get(&flow.party).copied().unwrap_or_default();
                (flows + 1, len + flow.fifo.len, bytes + flow.fifo.bytes)
            };
        }
        for (at, party) in self.parties.iter().enumerate() {
            let (new_flows, mut len, mut bytes) = new.get(&at).copied().unwrap_or_default();
            assert_eq!(new_flows, party.new_flows);
            for (_, flow) in self.flows.iter(party.old) {
                assert!(flow.place == Place::Old && flow.party == at && party.active);
                len += flow.fifo.len;
                bytes += flow.fifo.bytes;
            }
            assert_eq!((len, bytes), (party.len, party.bytes));
            assert_eq!(party.active, self.rotation.iter().filter(|turn| **turn == at).count() == 1);
            assert!(party.deficit <= QUANTUM && party.deficit >= -MAX_DEBT - 16 * 1514 - 65536);
            sum = (sum.0 + len, sum.1 + bytes);
        }
        sum
    }

    fn new_len(&self) -> usize {
        self.flows.iter(self.new).count()
    }
}

#[test]
fn constants_are_those_of_the_standards() {
    assert_eq!((TARGET, INTERVAL, MIN_BACKLOG), (5_000_000, 100_000_000, 3028));
}

#[test]
fn as_much_may_wait_as_the_path_holds() {
    const LEN: usize = 1000;
    let mut bench = Bench::new(OutboxLimits::new(10 * LEN, 20));
    fn waiting(bench: &mut Bench, path_bytes: usize, len: usize) -> usize {
        bench.queue.set_path_bytes(path_bytes);
        for number in 0..200 {
            bench.push(udp(1, 27015, number, len));
        }
        bench.queue.len()
    }
    assert_eq!(waiting(&mut bench, 0, LEN), 10);
    assert_eq!(waiting(&mut bench, 25 * LEN, LEN), 25);
    // No more than four times the limit, however long the path.
    assert_eq!(waiting(&mut bench, usize::MAX, LEN), 40);
    // A path that stops seems to hold less, and what waits for it stays until it goes.
    assert_eq!(waiting(&mut bench, 0, LEN), 40);
    while bench.pop().is_some() {
        bench.queue.set_path_bytes(0);
    }
    assert_eq!(waiting(&mut bench, 0, LEN), 10);

    let mut small = Bench::new(OutboxLimits::new(10 * LEN, 20));
    assert_eq!(waiting(&mut small, 25 * LEN, LEN / 10), 60, "three times as many, too");
}
