//! What the queue promises, on a link of a fixed rate and a clock of the test's own.

use super::*;
use crate::testing::SimRng;

/// When each datagram was pushed: by where it comes from and its number.
type Pushed = BTreeMap<((u16, u16), u32), Duration>;

/// A link that takes a datagram when the last one has left.
struct Link {
    bench: Bench,
    begin: Instant,
    bits_per_second: u64,
    /// When it is free again.
    free: Instant,
    sent: Vec<Sent>,
}

struct Sent {
    from: (u16, u16),
    number: u32,
    len: usize,
    /// When the first bit leaves.
    at: Duration,
}

/// Whoever sends.
#[derive(Clone, Copy)]
struct Source {
    from: (u16, u16),
    len: usize,
    every: Duration,
    /// Up to this much later, as chance has it.
    jitter: Duration,
}

impl Source {
    /// A flow of `bits_per_second` in datagrams of `len` bytes.
    fn rate(from: (u16, u16), len: usize, bits_per_second: u64) -> Self {
        let every = Duration::from_nanos(len as u64 * 8 * 1_000_000_000 / bits_per_second);
        Self { from, len, every, jitter: every / 4 }
    }

    /// 60 frames of 120 bytes per second.
    fn game(member: u16) -> Self {
        Self { from: (member, 27015), len: 128, every: Duration::from_micros(16_667), jitter: Duration::ZERO }
    }
}

impl Link {
    fn new(bits_per_second: u64) -> Self {
        let bench = Bench::default();
        let begin = bench.now;
        Self { bench, begin, bits_per_second, free: begin, sent: Vec::new() }
    }

    /// Serves until `until`.
    fn serve(&mut self, until: Instant) {
        while self.free < until {
            let Some(datagram) = self.bench.queue.pop(self.free, &mut self.bench.drops) else {
                self.free = until;
                return;
            };
            let sent = Sent {
                from: origin(&datagram),
                number: number(&datagram),
                len: datagram.len(),
                at: self.free - self.begin,
            };
            self.free += self.time(sent.len);
            self.sent.push(sent);
        }
    }

    fn time(&self, len: usize) -> Duration {
        Duration::from_nanos(len as u64 * 8 * 1_000_000_000 / self.bits_per_second)
    }

    /// Lets the sources send for so long. Gives the time at which each datagram was pushed.
    fn run(&mut self, sources: &[Source], time: Duration, seed: u64) -> Pushed {
        let (mut rng, mut pushed) = (SimRng::new(seed), BTreeMap::new());
        let mut due: BTreeMap<(Duration, usize), u32> = BTreeMap::new();
        for at in 0..sources.len() {
            due.insert((rng.jitter(Duration::from_millis(10)), at), 0);
        }
        while let Some(((at, index), number)) = due.pop_first() {
            if at > time {
                continue;
            }
            let Source { from, len, every, jitter } = sources[index];
            let now = self.begin + at;
            self.serve(now);
            self.bench.queue.push(udp(from.0, from.1, number, len), now, &mut self.bench.drops);
            pushed.insert((from, number), at);
            due.insert((at + every + rng.jitter(jitter), index), number + 1);
        }
        self.serve(self.begin + time);
        pushed
    }

    /// Bytes that left from those who `which` tells, after the first half second.
    fn share(&self, which: impl Fn((u16, u16)) -> bool) -> usize {
        let counted = |sent: &&Sent| sent.at > Duration::from_millis(500) && which(sent.from);
        self.sent.iter().filter(counted).map(|sent| sent.len).sum()
    }

    fn assert_in_order(&self) {
        let mut last = BTreeMap::new();
        for sent in &self.sent {
            assert!(last.insert(sent.from, sent.number).is_none_or(|before| before < sent.number));
        }
    }
}

/// The longest of those that left after `begin`.
fn longest_wait(link: &Link, pushed: &Pushed, from: (u16, u16), begin: Duration) -> Duration {
    let sent = link.sent.iter().filter(|sent| sent.from == from && sent.at > begin);
    sent.map(|sent| sent.at - pushed[&(sent.from, sent.number)]).max().unwrap()
}

const SECONDS: Duration = Duration::from_secs(3);
const RATE: u64 = 20_000_000;

#[test]
fn a_game_waits_less_than_a_round_whoever_downloads() {
    for downloads in [1, 4, 16] {
        for members in [1, 4] {
            let mut sources: Vec<_> = (0..downloads * members)
                .map(|at| {
                    Source::rate(
                        (1 + at % members, at / members),
                        1400,
                        2 * RATE / u64::from(downloads * members),
                    )
                })
                .collect();
            sources.extend((1..=members).map(Source::game));
            let mut link = Link::new(RATE);
            let pushed = link.run(&sources, SECONDS, 1);
            link.assert_in_order();
            // What is being sent already, and the other games' frames.
            let limit = link.time(1400) + link.time(128) * u32::from(members);
            // While all begin, all are new, and there are as many as this.
            let round = link.time(1400) * u32::from(downloads * members);
            for member in 1..=members {
                let from = (member, 27015);
                for begin in [Duration::ZERO, Duration::from_millis(100)] {
                    let limit = if begin.is_zero() { limit + round } else { limit };
                    let wait = longest_wait(&link, &pushed, from, begin);
                    assert!(wait <= limit, "{downloads} downloads, {members} members: {wait:?} > {limit:?}");
                }
                let sent = link.sent.iter().filter(|sent| sent.from == from).count();
                assert!(
                    pushed.keys().filter(|(source, _)| *source == from).count() - sent <= 1,
                    "all of them"
                );
            }
            let busy: Duration = link.sent.iter().map(|sent| link.time(sent.len)).sum();
            assert!(busy > SECONDS * 99 / 100, "never idle");
        }
    }
}

#[test]
fn equals_get_equal_shares() {
    for (first, second) in [(20, 20), (20, 60), (12, 100)] {
        for lens in [(1400, 1400), (1400, 700), (1400, 300)] {
            let mut link = Link::new(RATE);
            let sources = [
                Source::rate((1, 1), lens.0, first * 1_000_000),
                Source::rate((1, 2), lens.1, second * 1_000_000),
            ];
            link.run(&sources, SECONDS, 2);
            link.assert_in_order();
            let (a, b) = (link.share(|from| from.1 == 1), link.share(|from| from.1 == 2));
            assert!(
                a.abs_diff(b) * 10 < a.max(b),
                "{a} and {b} bytes at {first} and {second} Mbit/s of {lens:?}"
            );
        }
    }
}

#[test]
fn whoever_never_waits_gets_no_more_either() {
    // More than a fair share of frames that are gone before the next one comes.
    for len in [128, 375, 1400] {
        let mut link = Link::new(RATE);
        let mut sources: Vec<_> = (1..4).map(|port| Source::rate((1, port), 1400, RATE)).collect();
        sources.push(Source { jitter: Duration::ZERO, ..Source::rate((1, 9), len, RATE * 6 / 10) });
        link.run(&sources, SECONDS, 6);
        let (fast, all) = (link.share(|from| from.1 == 9), link.share(|_| true));
        // Four flows; the small ones cost half.
        let share = if len <= SMALL_LEN { all * 2 / 5 } else { all / 4 };
        assert!(fast < share * 11 / 10 && fast > share * 9 / 10, "{fast} of {all} bytes in frames of {len}");
    }
}

#[test]
fn a_flood_takes_no_more_than_a_members_share() {
    // One flow, many flows, and a flow for each datagram: all the same.
    for flows in [1, 64, u16::MAX] {
        let mut link = Link::new(RATE);
        link.bench = Bench::new(SMALL);
        let (mut number, mut rng) = (0, SimRng::new(3));
        let begin = link.begin;
        for step in 0..40_000_u32 {
            let now = begin + Duration::from_micros(100) * step;
            link.serve(now);
            // 60 Mbit/s against 24 Mbit/s.
            for _ in 0..2 {
                number += 1;
                let port = (rng.next_u64() % u64::from(flows)) as u16;
                link.bench.queue.push(udp(1, port, number, 375), now, &mut link.bench.drops);
            }
            if step % 5 == 0 {
                link.bench.queue.push(udp(2, 1, step, 1400), now, &mut link.bench.drops);
            }
        }
        let (flood, victim) = (link.share(|from| from.0 == 1), link.share(|from| from.0 == 2));
        assert!(flood.abs_diff(victim) * 10 < flood.max(victim), "{flows} flows: {flood} and {victim} bytes");
        let known = link.bench.queue.flows.len();
        assert!(known <= KNOWN, "{flows} flows: {known} are known");
    }
}

/// The most flows that are known at a time.
const KNOWN: usize = SMALL.datagrams + 256;
/// Little room, so that floods meet its end.
const SMALL: OutboxLimits = OutboxLimits::new(256 * 1024, 1024);

#[test]
fn a_flood_that_nothing_leaves_is_forgotten() {
    let mut bench = Bench::new(SMALL);
    for number in 0..20_000_u32 {
        bench.push(udp(1 + (number % 3) as u16, (number / 3) as u16, number, 375));
    }
    let known = bench.queue.flows.len();
    assert!(known <= KNOWN, "{known} are known");
    assert_eq!(bench.queue.len() as u64 + bench.drops.total(), 20_000);

    // Nor do those stay that a long path has let in.
    bench.queue.set_path_bytes(usize::MAX);
    for number in 0..20_000_u32 {
        bench.push(udp(4, number as u16, number, 60));
    }
    let known = bench.queue.flows.len();
    assert!(known > KNOWN && known <= OutboxLimits::GROWTH * SMALL.datagrams + 256, "{known} are known");
    while bench.pop().is_some() {}
    bench.queue.shed();
    assert_eq!(bench.queue.flows.len(), 0);
}

/// Of one member, a download and a flood of flows that have one datagram each: as many as fill the member's half of the
/// link, and three times that.
#[test]
fn new_flows_do_not_starve_the_old_ones_of_their_party() {
    for every in [Duration::from_micros(300), Duration::from_micros(100)] {
        let mut link = Link::new(RATE);
        link.bench = Bench::new(SMALL);
        let mut now = link.begin;
        let mut download = now;
        for step in 0..4_000_000 / every.as_micros() as u32 {
            link.serve(now);
            let mut push = |from: (u16, u16), len| {
                link.bench.queue.push(udp(from.0, from.1, step, len), now, &mut link.bench.drops);
            };
            push((1, (1000 + step % 60_000) as u16), 375);
            // More than enough of everything else.
            if download <= now {
                push((1, 1), 1400);
                push((2, 1), 1400);
                download += Duration::from_micros(500);
            }
            now += every;
        }
        // With hundreds of flows its turns are few, but they come.
        let turns = link.sent.iter().filter(|sent| sent.from == (1, 1)).count();
        assert!(turns > 8, "{turns} datagrams of the download left beside one flow in {every:?}");
        let (one, other) = (link.share(|from| from.0 == 1), link.share(|from| from.0 == 2));
        assert!(one.abs_diff(other) * 10 < one.max(other), "{one} and {other} bytes, {every:?}");
    }
}

#[test]
fn a_flood_of_new_flows_delays_no_game() {
    let mut link = Link::new(RATE);
    let begin = link.begin;
    let mut pushed = BTreeMap::new();
    for step in 0..40_000_u32 {
        let now = begin + Duration::from_micros(100) * step;
        link.serve(now);
        for half in 0..2 {
            link.bench.queue.push(udp(1, (2 * step + half) as u16, step, 375), now, &mut link.bench.drops);
        }
        if step % 167 == 0 {
            link.bench.queue.push(udp(2, 27015, step, 128), now, &mut link.bench.drops);
            pushed.insert(((2, 27015), step), now - begin);
        }
    }
    let wait = longest_wait(&link, &pushed, (2, 27015), Duration::ZERO);
    // As many flows as may be new at a time, and what is being sent already.
    let flows = (MAX_DEBT / QUANTUM) as usize + 1;
    assert!(wait <= link.time((flows + 1) * 375), "{wait:?}");
    let sent = link.sent.iter().filter(|sent| sent.from.0 == 2).count();
    assert!(sent >= pushed.len() - 1);
}

#[test]
fn queues_stand_no_longer_than_codel_allows() {
    // A little more than there is room for, as TCP sends once it has found the rate.
    let mut link = Link::new(RATE);
    let source = Source { jitter: Duration::ZERO, ..Source::rate((1, 1), 1400, RATE * 101 / 100) };
    let pushed = link.run(&[source], SECONDS, 4);
    let late = link.sent.iter().filter(|sent| sent.at > Duration::from_secs(2));
    let waits: Vec<_> = late.map(|sent| sent.at - pushed[&(sent.from, sent.number)]).collect();
    let mean = waits.iter().sum::<Duration>() / u32::try_from(waits.len()).unwrap();
    assert!(mean < Duration::from_millis(10), "{mean:?}");
    assert!(link.bench.drops.get(DropReason::QueueDelay) > 0);
    assert_eq!(link.bench.drops.get(DropReason::Stale) + link.bench.drops.get(DropReason::OutboxFull), 0);
}

#[test]
fn after_a_pause_nothing_is_older_than_allowed() {
    let mut link = Link::new(RATE);
    link.run(&[Source::rate((1, 1), 1400, RATE / 2), Source::game(1)], Duration::from_secs(1), 5);
    // The link takes nothing for 250 ms.
    let begin = link.begin + Duration::from_secs(1);
    let mut pushed = BTreeMap::new();
    for ms in 0..250_u32 {
        let now = begin + Duration::from_millis(1) * ms;
        link.bench.queue.push(udp(1, 9, ms, 500), now, &mut link.bench.drops);
        pushed.insert(((1, 9), ms), now - link.begin);
    }
    link.free = begin + Duration::from_millis(250);
    link.serve(link.free + Duration::from_secs(1));
    let wait = longest_wait(&link, &pushed, (1, 9), Duration::ZERO);
    assert!(wait <= OutboxLimits::MAX_AGE && wait > OutboxLimits::MAX_AGE * 3 / 4, "{wait:?}");
    assert!(link.bench.drops.get(DropReason::Stale) > 0);
    link.assert_in_order();
}
