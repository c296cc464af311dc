//! What is counted: the steps of a frame's way from one player to another, and the whole way.

use std::hint::black_box;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use bytes::Bytes;
use lanparty_sdk::frame::MacAddr;
use lanparty_sdk::port::PortFrame;
use lanparty_sdk::port::offload::{Runs, Segments, SuperFrame, VnetHeader, internet_checksum};
use lanparty_sdk::quic::{Outbox, OutboxLimits};

use crate::gate::Gate;
use crate::party::{Party, mac, udp};

pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// Runs so many rounds.
    pub(crate) run: fn(u64),
}

const fn case(name: &'static str, run: fn(u64)) -> Case {
    Case { name, run }
}

/// A game's frame, one that fills a datagram, and one that needs two.
const GAME_LEN: usize = 114;
const FULL_LEN: usize = 1426;
const SPLIT_LEN: usize = 1514;
/// Segments of a super-frame.
const SEGMENTS: usize = 44;

pub(crate) const CASES: &[Case] = &[
    case("member/send/game", |rounds| send(GAME_LEN, rounds)),
    case("member/send/full", |rounds| send(FULL_LEN, rounds)),
    case("member/send/split", |rounds| send(SPLIT_LEN, rounds)),
    case("member/receive/game", |rounds| receive(GAME_LEN, rounds)),
    case("member/receive/full", |rounds| receive(FULL_LEN, rounds)),
    case("member/receive/split", |rounds| receive(SPLIT_LEN, rounds)),
    case("relay/unicast", |rounds| relay(2, mac(1), rounds)),
    case("relay/flood_to_7", |rounds| relay(8, MacAddr::BROADCAST, rounds)),
    case("player_to_player/game", |rounds| player_to_player(GAME_LEN, rounds)),
    case("player_to_player/full", |rounds| player_to_player(FULL_LEN, rounds)),
    case("offload/checksum_1460", checksum),
    case("offload/cut_a_super_frame", cut),
    case("offload/merge_a_super_frame", merge),
    case("outbox/64_wait_and_leave", wait),
];

fn send(len: usize, rounds: u64) {
    let mut party = Party::new(2);
    let frame = udp(mac(1), len);
    let mut datagrams = Vec::new();
    for _ in 0..rounds {
        let frame = PortFrame::copy_from(black_box(&frame));
        party.members[0].handle_port_frame(frame, &mut datagrams).expect("it may");
        black_box(&datagrams);
        datagrams.clear();
    }
}

fn receive(len: usize, rounds: u64) {
    let mut party = Party::new(2);
    // Made once, so that their making costs few rounds as much as many; the halves of each have a number of their own.
    let sent: Vec<_> = (0..64).map(|_| party.datagrams(&udp(mac(1), len))).collect();
    let mut frames = Vec::new();
    for (_, datagrams) in (0..rounds).zip(sent.iter().cycle()) {
        for datagram in datagrams {
            party.members[1].handle_datagram(party.now, black_box(datagram), &mut frames).expect("it may");
        }
        assert_eq!(frames.len(), 1);
        black_box(&frames);
        frames.clear();
    }
}

fn relay(clients: u8, dst: MacAddr, rounds: u64) {
    let mut party = Party::new(clients);
    let datagram = party.datagrams(&udp(dst, GAME_LEN)).remove(0);
    let mut targets = Vec::new();
    for _ in 0..rounds {
        targets.clear();
        let sender = party.conns[0];
        party
            .relay
            .handle_datagram(party.now, sender, black_box(&datagram), &mut targets)
            .expect("forwarded");
        black_box(&targets);
    }
}

fn player_to_player(len: usize, rounds: u64) {
    let mut party = Party::new(2);
    let frame = udp(mac(1), len);
    let (mut datagrams, mut targets, mut frames) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let frame = PortFrame::copy_from(black_box(&frame));
        party.members[0].handle_port_frame(frame, &mut datagrams).expect("it may");
        for datagram in datagrams.drain(..) {
            targets.clear();
            let sender = party.conns[0];
            party.relay.handle_datagram(party.now, sender, &datagram, &mut targets).expect("forwarded");
            assert_eq!(targets[..], party.conns[1..]);
            party.members[1].handle_datagram(party.now, &datagram, &mut frames).expect("it may");
        }
        black_box(&frames);
        frames.clear();
    }
}

fn checksum(rounds: u64) {
    let payload = vec![0x5a; 1460];
    for _ in 0..rounds {
        black_box(internet_checksum(black_box(&payload)));
    }
}

/// What a host's TCP hands over at once: 44 segments of 1460 bytes.
fn super_frame() -> (Vec<u8>, VnetHeader) {
    let mut frame = [&mac(1).octets()[..], &mac(0).octets(), &[0x08, 0x00]].concat();
    frame.extend([0x45, 0, 0xfb, 0x18, 0, 0, 0x40, 0, 64, 6, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2]);
    frame.extend([0x13, 0x88, 0x69, 0x87, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 0xff, 0xff, 0, 0, 0, 0]);
    frame.resize(14 + 40 + SEGMENTS * 1460, 0x5a);
    let header =
        VnetHeader { flags: 1, gso_type: 1, hdr_len: 54, gso_size: 1460, csum_start: 34, csum_offset: 16 };
    (frame, header)
}

fn cut(rounds: u64) {
    let (frame, header) = super_frame();
    for _ in 0..rounds {
        let mut segments = Segments::new(black_box(&frame), &header).expect("a super-frame");
        let mut count = 0;
        while let Some(segment) = segments.next_segment() {
            black_box(segment);
            count += 1;
        }
        assert_eq!(count, SEGMENTS);
    }
}

fn merge(rounds: u64) {
    let (frame, header) = super_frame();
    let mut segments = Segments::new(&frame, &header).expect("a super-frame");
    let mut frames: Vec<Bytes> = Vec::new();
    while let Some((headers, payload)) = segments.next_segment() {
        frames.push([headers, payload].concat().into());
    }
    for _ in 0..rounds {
        let runs = Runs::find(black_box(&frames));
        assert_eq!(runs.iter().count(), 1);
        for run in runs.iter() {
            black_box(SuperFrame::new(&frames, run));
        }
    }
}

/// The outbox of a connection that has no room, with frames of a download and of a game.
fn wait(rounds: u64) {
    let mut party = Party::new(2);
    let datagrams: Vec<_> = (0..64)
        .flat_map(|at| party.datagrams(&udp(mac(1), if at % 8 == 0 { GAME_LEN } else { FULL_LEN })))
        .collect();
    let gate = Gate::default();
    let outbox = Arc::new(Outbox::<Gate>::new(OutboxLimits::default()));
    let mut sender: Pin<Box<dyn Future<Output = ()>>> = Box::pin(Arc::clone(&outbox).run(gate.clone()));
    let mut cx = Context::from_waker(Waker::noop());
    let mut batch = Vec::with_capacity(datagrams.len());
    for _ in 0..rounds {
        gate.set(false);
        batch.extend_from_slice(&datagrams);
        outbox.push_batch(&mut batch);
        let _ = sender.as_mut().poll(&mut cx);
        gate.set(true);
        let _ = sender.as_mut().poll(&mut cx);
    }
    assert_eq!(gate.taken(), rounds * 64);
}
