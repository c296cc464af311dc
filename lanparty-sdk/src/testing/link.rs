//! What a path between a member and its relay does to what travels on it.

use std::time::Duration;

use super::rng::{Ppm, SimRng};

/// Paths with the physics of a kind of access network, relay included. Numbers are what such a path does on an ordinary
/// evening, not its best or worst; each direction has them for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum LinkPreset {
    /// LTE with a fair signal: 45 ms, wide jitter from the scheduler, losses hidden by link-layer retries, a deep buffer.
    Cellular,
    /// A shared uplink in the evening: 2 Mbit/s left, the others' queue felt as wide jitter, losses in bursts.
    Congested,
    /// A cable to a relay in the same building: 0.3 ms, a gigabit, no loss.
    Lan,
    /// A geostationary satellite: 270 ms, no larger datagrams than QUIC's minimum.
    Satellite,
    /// Home Wi-Fi near the access point, then fibre: 12 ms, rare single losses.
    Wifi,
    /// Wi-Fi two walls away: jitter as large as the latency, losses in bursts, now and then a duplicate.
    WifiLossy,
}

impl LinkPreset {
    /// All presets, by name.
    pub const ALL: [Self; 6] =
        [Self::Cellular, Self::Congested, Self::Lan, Self::Satellite, Self::Wifi, Self::WifiLossy];

    /// The name, as tables write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cellular => "cellular",
            Self::Congested => "congested",
            Self::Lan => "lan",
            Self::Satellite => "satellite",
            Self::Wifi => "wifi",
            Self::WifiLossy => "wifi_lossy",
        }
    }

    /// Its numbers.
    pub const fn physics(self) -> Physics {
        let ms = Duration::from_millis;
        let kib = 1024;
        match self {
            Self::Cellular => Physics::ideal(ms(45))
                .jitter(ms(25))
                .bursts(Bursts { enter: 2_000, leave: 400_000, loss: 300_000 })
                .loss(1_000)
                .rate(12_000_000, 256 * kib)
                .budget(1334),
            Self::Congested => Physics::ideal(ms(30))
                .jitter(ms(30))
                .bursts(Bursts { enter: 10_000, leave: 250_000, loss: 500_000 })
                .loss(10_000)
                .duplicate(500)
                .reorder(5_000)
                .rate(2_000_000, 64 * kib),
            Self::Lan => Physics::ideal(Duration::from_micros(300))
                .jitter(Duration::from_micros(100))
                .rate(1_000_000_000, 512 * kib),
            Self::Satellite => Physics::ideal(ms(270))
                .jitter(ms(20))
                .bursts(Bursts { enter: 1_000, leave: 200_000, loss: 500_000 })
                .loss(3_000)
                .rate(20_000_000, 512 * kib)
                .budget(1162),
            Self::Wifi => {
                Physics::ideal(ms(12)).jitter(ms(6)).loss(2_000).reorder(1_000).rate(50_000_000, 128 * kib)
            }
            Self::WifiLossy => Physics::ideal(ms(15))
                .jitter(ms(15))
                .bursts(Bursts { enter: 10_000, leave: 300_000, loss: 400_000 })
                .loss(5_000)
                .duplicate(1_000)
                .reorder(3_000)
                .rate(20_000_000, 128 * kib),
        }
    }
}

impl From<LinkPreset> for Physics {
    fn from(preset: LinkPreset) -> Self {
        preset.physics()
    }
}

/// Losses in bursts, after Gilbert and Elliott: the path is good or bad, and changes with every datagram at these
/// chances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bursts {
    /// The chance that a good path turns bad.
    pub enter: Ppm,
    /// The chance that a bad path turns good: its inverse is the mean length of a burst in datagrams.
    pub leave: Ppm,
    /// The chance of loss while it is bad.
    pub loss: Ppm,
}

/// One direction of a path in numbers. Starts with [`Physics::ideal`] or a [`LinkPreset`]; setters add what spoils it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Physics {
    pub(super) latency: Duration,
    pub(super) jitter: Duration,
    pub(super) loss: Ppm,
    pub(super) bursts: Option<Bursts>,
    pub(super) duplicate: Ppm,
    pub(super) reorder: Ppm,
    /// Bits per second, and how many bytes may wait; `None` if nothing ever waits.
    pub(super) rate: Option<(u64, usize)>,
    pub(super) budget: usize,
}

impl Physics {
    /// The datagram budget of a path with Ethernet's MTU, once QUIC has found it.
    pub const WIDE_BUDGET: usize = 1434;
    /// The datagram budget of a path on which QUIC finds nothing larger than its minimum of 1200 bytes.
    pub const NARROW_BUDGET: usize = 1162;

    /// A path that does nothing but take `latency`.
    pub const fn ideal(latency: Duration) -> Self {
        Self {
            latency,
            jitter: Duration::ZERO,
            loss: 0,
            bursts: None,
            duplicate: 0,
            reorder: 0,
            rate: None,
            budget: Self::WIDE_BUDGET,
        }
    }

    /// Adds up to this much to the latency of each datagram; order is kept.
    pub const fn jitter(mut self, jitter: Duration) -> Self {
        self.jitter = jitter;
        self
    }

    /// The chance that a datagram is lost by itself.
    pub const fn loss(mut self, loss: Ppm) -> Self {
        self.loss = loss;
        self
    }

    /// Losses in bursts, on top of the others.
    pub const fn bursts(mut self, bursts: Bursts) -> Self {
        self.bursts = Some(bursts);
        self
    }

    /// The chance that a datagram comes twice.
    pub const fn duplicate(mut self, duplicate: Ppm) -> Self {
        self.duplicate = duplicate;
        self
    }

    /// The chance that a datagram is overtaken by those after it.
    pub const fn reorder(mut self, reorder: Ppm) -> Self {
        self.reorder = reorder;
        self
    }

    /// Bits per second, and how many bytes wait before the tail is dropped.
    pub const fn rate(mut self, bits_per_second: u64, queue_bytes: usize) -> Self {
        self.rate = Some((bits_per_second, queue_bytes));
        self
    }

    /// The largest datagram that passes.
    pub const fn budget(mut self, bytes: usize) -> Self {
        self.budget = bytes;
        self
    }
}

/// What a direction of a path did so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LinkCounts {
    /// Datagrams that were handed to it.
    pub sent: u64,
    /// Datagrams that came out, duplicates included.
    pub delivered: u64,
    /// Of those, how many came a second time.
    pub duplicated: u64,
    /// Of those, how many were overtaken.
    pub reordered: u64,
    /// Lost by chance.
    pub lost: u64,
    /// Lost because the queue was full.
    pub queue_full: u64,
    /// Lost because the path did not pass so large a datagram although its sender still thought so.
    pub black_holed: u64,
    /// Lost in a partition, or because nobody was there to receive it.
    pub cut: u64,
}

impl LinkCounts {
    /// Everything that was sent and did not come out.
    #[must_use]
    pub const fn missing(&self) -> u64 {
        self.lost + self.queue_full + self.black_holed + self.cut
    }
}

/// One direction of a path at work.
#[derive(Debug)]
pub(super) struct Pipe {
    pub(super) physics: Physics,
    pub(super) counts: LinkCounts,
    /// When the last bit of the queue will have left.
    busy_until: Duration,
    /// When the latest datagram arrives that was not overtaken.
    latest: Duration,
    bad: bool,
}

/// Ethernet, IP, UDP, QUIC and its tag around a datagram, roughly.
const OVERHEAD_BYTES: usize = 80;
/// How far an overtaken datagram falls behind.
const REORDER_GAP: Duration = Duration::from_millis(8);
/// How often a lost part of the control stream is sent again before the simulator lets it through.
const MAX_RESENDS: u32 = 6;

impl Pipe {
    pub(super) const fn new(physics: Physics) -> Self {
        Self {
            physics,
            counts: LinkCounts {
                sent: 0,
                delivered: 0,
                duplicated: 0,
                reordered: 0,
                lost: 0,
                queue_full: 0,
                black_holed: 0,
                cut: 0,
            },
            busy_until: Duration::ZERO,
            latest: Duration::ZERO,
            bad: false,
        }
    }

    /// When a datagram of `len` bytes comes out: not at all, once or twice.
    pub(super) fn carry(&mut self, now: Duration, len: usize, rng: &mut SimRng) -> [Option<Duration>; 2] {
        self.counts.sent += 1;
        let lost = self.is_lost(rng);
        let delay = self.physics.latency + rng.jitter(self.physics.jitter);
        let (twice, overtaken) = (rng.chance(self.physics.duplicate), rng.chance(self.physics.reorder));
        let Some(left) = self.queue(now, len) else {
            self.counts.queue_full += 1;
            return [None, None];
        };
        if lost {
            self.counts.lost += 1;
            return [None, None];
        }
        let mut arrival = (left + delay).max(self.latest);
        if overtaken {
            self.counts.reordered += 1;
            arrival += REORDER_GAP;
        } else {
            self.latest = arrival;
        }
        self.counts.duplicated += u64::from(twice);
        [Some(arrival), twice.then_some(arrival + self.physics.jitter + Duration::from_micros(50))]
    }

    /// How long a part of the control stream takes: what is lost is sent again, about one round trip and a half later
    /// each time, since what else is on its way shows QUIC that only this was lost.
    pub(super) fn carry_reliably(&mut self, now: Duration, rng: &mut SimRng) -> Duration {
        let mut delay = self.busy_until.saturating_sub(now);
        let wait = self.physics.latency * 3 + self.physics.jitter + Duration::from_millis(25);
        for _ in 0..MAX_RESENDS {
            if !self.is_lost(rng) {
                break;
            }
            delay += wait;
        }
        delay + self.physics.latency + rng.jitter(self.physics.jitter)
    }

    fn is_lost(&mut self, rng: &mut SimRng) -> bool {
        let alone = rng.chance(self.physics.loss);
        let Some(bursts) = self.physics.bursts else { return alone };
        let turns = rng.chance(if self.bad { bursts.leave } else { bursts.enter });
        self.bad ^= turns;
        let burst = rng.chance(bursts.loss) && self.bad;
        alone || burst
    }

    /// When the last bit has left, or `None` if the queue is full.
    fn queue(&mut self, now: Duration, len: usize) -> Option<Duration> {
        let Some((bits_per_second, queue_bytes)) = self.physics.rate else { return Some(now) };
        let start = self.busy_until.max(now);
        let waiting_bits = start.saturating_sub(now).as_nanos() * u128::from(bits_per_second) / 1_000_000_000;
        if waiting_bits / 8 + len as u128 > queue_bytes as u128 {
            return None;
        }
        let bits = (len + OVERHEAD_BYTES) as u64 * 8;
        self.busy_until = start + Duration::from_nanos(bits * 1_000_000_000 / bits_per_second.max(1));
        Some(self.busy_until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn carry_many(physics: Physics, count: u64, gap: Duration) -> (Pipe, Vec<Option<Duration>>) {
        let (mut pipe, mut rng) = (Pipe::new(physics), SimRng::new(3));
        let arrivals = (0..count)
            .map(|index| gap * u32::try_from(index).unwrap())
            .map(|at| pipe.carry(at, 1200, &mut rng)[0].map(|arrival| arrival - at))
            .collect();
        (pipe, arrivals)
    }

    #[test]
    fn a_full_queue_drops_its_tail_and_a_part_waits() {
        let physics = Physics::ideal(Duration::from_millis(1)).rate(1_024_000, 6000);
        let (pipe, arrivals) = carry_many(physics, 10, Duration::ZERO);
        assert_eq!(arrivals.iter().flatten().count(), 4);
        assert_eq!(pipe.counts.queue_full, 6);
        let wait: Vec<_> = arrivals.iter().flatten().map(Duration::as_millis).collect();
        assert_eq!(wait, [11, 21, 31, 41], "1280 bytes take 10 ms each");
    }

    #[test]
    fn bursts_cluster_losses() {
        let even = Physics::ideal(Duration::ZERO).loss(50_000);
        let bursts =
            Physics::ideal(Duration::ZERO).bursts(Bursts { enter: 10_526, leave: 200_000, loss: 1_000_000 });
        let runs = |physics| {
            let (pipe, arrivals) = carry_many(physics, 100_000, Duration::ZERO);
            let begins = arrivals.windows(2).filter(|pair| pair[0].is_some() && pair[1].is_none()).count();
            (pipe.counts.lost, pipe.counts.lost / begins as u64)
        };
        let ((even_lost, even_run), (burst_lost, burst_run)) = (runs(even), runs(bursts));
        assert!((4700..5300).contains(&even_lost) && (4000..6000).contains(&burst_lost));
        assert!(even_run <= 1 && burst_run >= 4, "{even_run} {burst_run}");
    }

    #[test]
    fn jitter_keeps_order_unless_a_datagram_is_overtaken() {
        let gap = Duration::from_millis(1);
        let jitter = Physics::ideal(Duration::from_millis(5)).jitter(Duration::from_millis(20));
        let order = |physics| {
            let (_, delays) = carry_many(physics, 2000, gap);
            let arrivals: Vec<_> =
                (0_u32..).zip(delays).map(|(index, delay)| gap * index + delay.unwrap()).collect();
            arrivals.is_sorted()
        };
        assert!(order(jitter));
        assert!(!order(jitter.reorder(10_000)));
    }
}
