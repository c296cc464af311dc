//! A path made of numbers: one bottleneck with a buffer, random loss, and a peer that acknowledges as ours do.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::*;
use crate::quic::TransportOptions;

pub(super) const MTU: u16 = 1400;

/// Who acknowledges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    /// A relay answers a member's uplink.
    Relay,
    /// A member answers its downlink.
    Member,
}

impl Peer {
    /// How long it keeps an acknowledgement back, by default; tokio's clock adds half a millisecond on average.
    fn ack_delay_ms(self) -> f64 {
        let options = TransportOptions::default();
        let delay = match self {
            Self::Relay => options.ack_max_delay,
            Self::Member => options.ack_max_delay_of_members,
        };
        delay.as_secs_f64() * 1e3 + 0.5
    }
}

/// Everything in nanoseconds since the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// A datagram reaches the peer.
    Arrival(u64),
    /// The peer has kept its acknowledgement back for as long as it may.
    AckTimer(u64),
    /// An acknowledgement reaches the sender: the newest datagram in it.
    Ack(u64),
    /// Nothing was heard for long.
    Timeout(u64),
    /// The sender has something to send again.
    Offer,
}

pub(super) struct Path {
    pub(super) window: TunnelWindow,
    /// The length of every datagram.
    full: u64,
    peer: Peer,
    ack_threshold: usize,
    pub(super) rtt_ms: f64,
    pub(super) mbit: f64,
    pub(super) buffer_bytes: u64,
    pub(super) loss: f64,
    /// How much there is to send; everything if not given.
    pub(super) offered_mbit: Option<f64>,
    /// Up to how much more than it should a round trip takes, evenly spread: radios and schedulers.
    pub(super) jitter_ms: f64,
    /// What was delivered, and the queue that each datagram met, since they were last reset.
    pub(super) delivered_bytes: u64,
    pub(super) queues_ms: Vec<f64>,
    epoch: Instant,
    now: u64,
    events: BinaryHeap<Reverse<(u64, Event)>>,
    next: u64,
    sent: BTreeMap<u64, u64>,
    largest_acked: u64,
    link_free: u64,
    ack_free: u64,
    smoothed: Option<u64>,
    unacked: Vec<u64>,
    newest: (u64, u64),
    acks: BTreeMap<u64, (Vec<u64>, u64)>,
    last_heard: u64,
    credit: f64,
    seed: u64,
}

impl Path {
    pub(super) fn new(rtt_ms: f64, mbit: f64) -> Self {
        Self::with_mtu(rtt_ms, mbit, MTU)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "any instant serves as the beginning of a made-up timeline"
    )]
    pub(super) fn with_mtu(rtt_ms: f64, mbit: f64, mtu: u16) -> Self {
        let epoch = Instant::now();
        Self {
            window: TunnelWindow::new(TunnelConfig::default(), epoch, mtu),
            full: mtu.into(),
            peer: Peer::Relay,
            ack_threshold: TransportOptions::default().ack_eliciting_threshold as usize,
            rtt_ms,
            mbit,
            buffer_bytes: 1 << 30,
            loss: 0.0,
            offered_mbit: None,
            jitter_ms: 0.0,
            delivered_bytes: 0,
            queues_ms: Vec::new(),
            epoch,
            now: 0,
            events: BinaryHeap::from([Reverse((0, Event::Offer))]),
            next: 1,
            sent: BTreeMap::new(),
            largest_acked: 0,
            link_free: 0,
            ack_free: 0,
            smoothed: None,
            unacked: Vec::new(),
            newest: (0, 0),
            acks: BTreeMap::new(),
            last_heard: 0,
            credit: 0.0,
            seed: 0x9e37_79b9_7f4a_7c15,
        }
    }

    pub(super) fn to(mut self, peer: Peer) -> Self {
        self.peer = peer;
        self
    }

    pub(super) fn bdp(&self) -> u64 {
        (self.mbit * 125.0 * self.rtt_ms) as u64
    }

    pub(super) fn at(&self) -> Instant {
        self.epoch + Duration::from_nanos(self.now)
    }

    /// Lets time pass, and forgets what was measured before.
    pub(super) fn run(&mut self, time: Duration) {
        self.delivered_bytes = 0;
        self.queues_ms.clear();
        let end = self.now + time.as_nanos() as u64;
        while let Some(&Reverse((at, event))) = self.events.peek() {
            if at > end {
                break;
            }
            self.events.pop();
            self.now = at;
            self.handle(event);
            self.send();
        }
        self.now = end;
    }

    pub(super) fn utilisation(&self, time: Duration) -> f64 {
        self.delivered_bytes as f64 / (time.as_secs_f64() * self.mbit * 125_000.0)
    }

    /// The queue that all but a hundredth of the datagrams met at most.
    pub(super) fn queue_p99_ms(&mut self) -> f64 {
        self.queues_ms.sort_by(f64::total_cmp);
        self.queues_ms.get(self.queues_ms.len() * 99 / 100).copied().unwrap_or_default()
    }

    fn chance(&mut self) -> f64 {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        (self.seed >> 11) as f64 / (1u64 << 53) as f64
    }

    fn after(&mut self, delay_ms: f64, event: Event) {
        self.events.push(Reverse((self.now + (delay_ms * 1e6) as u64, event)));
    }

    fn send(&mut self) {
        // As quinn does it: a full datagram must fit the window with something to spare. But it paces as well.
        while (self.sent.len() as u64 + 1) * self.full < self.window.pacing_bytes() {
            if self.offered_mbit.is_some() {
                if self.credit < self.full as f64 {
                    break;
                }
                self.credit -= self.full as f64;
            }
            let number = self.next;
            self.next += 1;
            if self.sent.is_empty() {
                self.last_heard = self.now;
                let patience = 3 * self.smoothed.unwrap_or(300_000_000) + 10_000_000;
                self.events.push(Reverse((self.now + patience, Event::Timeout(number))));
            }
            self.sent.insert(number, self.now);
            let bytes_per_ns = self.mbit / 8e3;
            let queue = self.link_free.saturating_sub(self.now);
            self.queues_ms.push(queue as f64 / 1e6);
            if (queue as f64 * bytes_per_ns) as u64 + self.full > self.buffer_bytes {
                continue;
            }
            self.link_free = self.link_free.max(self.now) + (self.full as f64 / bytes_per_ns) as u64;
            if self.chance() >= self.loss {
                let way = (self.rtt_ms / 2.0 * 1e6) as u64;
                self.events.push(Reverse((self.link_free + way, Event::Arrival(number))));
            }
        }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Offer => {
                self.credit = (self.credit + self.offered_mbit.unwrap_or_default() * 125.0)
                    .min(64.0 * self.full as f64);
                self.after(1.0, Event::Offer);
            }
            Event::Arrival(number) => {
                self.delivered_bytes += self.full;
                let gap = number != self.newest.0 + 1;
                if number > self.newest.0 {
                    self.newest = (number, self.now);
                }
                if self.unacked.is_empty() {
                    self.after(self.peer.ack_delay_ms(), Event::AckTimer(number));
                }
                self.unacked.push(number);
                if gap || self.unacked.len() > self.ack_threshold {
                    self.acknowledge();
                }
            }
            Event::AckTimer(oldest) => {
                if self.unacked.first() == Some(&oldest) {
                    self.acknowledge();
                }
            }
            Event::Ack(number) => self.acknowledged(number),
            Event::Timeout(number) => {
                let patience = 3 * self.smoothed.unwrap_or(300_000_000) + 10_000_000;
                if self.now - self.last_heard >= patience {
                    let lost = self.sent.len() as u64 * self.full;
                    self.sent.clear();
                    if lost > 0 {
                        self.window.on_lost(self.at(), lost, false);
                    }
                } else if !self.sent.is_empty() {
                    self.events.push(Reverse((self.last_heard + patience, Event::Timeout(number))));
                }
            }
        }
    }

    fn acknowledge(&mut self) {
        let acked = std::mem::take(&mut self.unacked);
        let (number, since) = self.newest;
        self.acks.insert(number, (acked, self.now - since));
        let jitter = self.chance() * self.jitter_ms;
        // Late, but in order.
        self.ack_free = self.ack_free.max(self.now + ((self.rtt_ms / 2.0 + jitter) * 1e6) as u64);
        self.events.push(Reverse((self.ack_free, Event::Ack(number))));
    }

    fn acknowledged(&mut self, newest: u64) {
        let Some((acked, kept_back)) = self.acks.remove(&newest) else { return };
        self.last_heard = self.now;
        let flight = self.sent.len() as u64 * self.full;
        let (mut bytes, mut shortest) = (0, u64::MAX);
        for number in acked {
            if let Some(at) = self.sent.remove(&number) {
                bytes += self.full;
                shortest = shortest.min(self.now - at);
                self.largest_acked = self.largest_acked.max(number);
            }
        }
        if bytes == 0 {
            return;
        }
        let sample = shortest.saturating_sub(kept_back);
        let smoothed = self.smoothed.map_or(sample, |smoothed| (7 * smoothed + sample) / 8);
        self.smoothed = Some(smoothed);
        self.window.on_acked(
            self.at(),
            Acks {
                bytes,
                flight_bytes: flight,
                shortest: Duration::from_nanos(shortest),
                smoothed: Duration::from_nanos(smoothed),
            },
        );
        let mut lost = 0;
        while self.sent.first_key_value().is_some_and(|(number, _)| number + 3 <= self.largest_acked) {
            self.sent.pop_first();
            lost += self.full;
        }
        if lost > 0 {
            self.window.on_lost(self.at(), lost, false);
        }
    }
}
