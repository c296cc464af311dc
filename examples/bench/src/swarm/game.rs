//! Many small rooms in which everybody plays, and one room of many with a slower beat.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use hdrhistogram::Histogram;
use lanparty_sdk::proto::{Datagram, PeerId};
use serde::Serialize;

use super::Run;
use super::client::{Seat, Stage};
use super::engine::Swarm;
use crate::flow::nanos_histogram;
use crate::probe::{Clock, Probe, nanos};
use crate::relay::{RelayEnd, RelayHost};
use crate::report::{CostLine, DelayLine, list};
use crate::usage::{Usage, machine};

/// Flows run this long before they count.
const WARM_UP: Duration = Duration::from_secs(1);
/// How long what is on its way at the end may take.
const DRAIN: Duration = Duration::from_millis(300);
/// How long everybody may take to come.
const MEETING: Duration = Duration::from_secs(60);
/// Handshakes at a time while everybody comes.
pub(super) const AT_ONCE: usize = 32;

/// Everybody sends to the next one of its room at a fixed rate.
#[derive(Clone, Copy, Debug)]
pub(super) struct Game {
    pub(super) rooms: u32,
    pub(super) members: u32,
    pub(super) rate: f64,
    pub(super) size: usize,
}

/// What became of a game.
#[derive(Debug)]
pub(super) struct Score {
    pub(super) sent: u64,
    /// Frames that the sender's own connection did not take.
    pub(super) refused: u64,
    pub(super) received: u64,
    /// From the sender to the receiver.
    pub(super) delays: Histogram<u64>,
    /// Between two frames at one receiver.
    pub(super) gaps: Histogram<u64>,
    /// How late frames were sent.
    pub(super) lateness: Histogram<u64>,
}

impl Game {
    pub(super) fn seats(self) -> impl Iterator<Item = Seat> {
        (0..self.rooms * self.members).map(move |number| Seat { room: number / self.members, number })
    }

    fn next(self, index: usize) -> usize {
        let (index, members) = (index as u32, self.members);
        (index / members * members + (index + 1) % members) as usize
    }

    /// Plays until `over` says so, and counts frames that are sent between `start` and then. The swarm's first seats
    /// are those of the game.
    pub(super) fn play(
        self,
        swarm: &mut Swarm,
        clock: Clock,
        start: u64,
        over: &mut dyn FnMut(u64) -> bool,
    ) -> Result<Score> {
        let count = (self.rooms * self.members) as usize;
        let mut peers: Vec<Option<PeerId>> = Vec::with_capacity(count);
        for index in 0..count {
            let next = self.next(index);
            let mac = swarm.clients[next].seat.mac();
            swarm.clients[index].aim(mac, self.size);
            peers.push(match swarm.clients[next].stage {
                Stage::In(_, peer) => Some(peer),
                Stage::Out | Stage::Knocking => None,
            });
        }
        let mut score = Score {
            sent: 0,
            refused: 0,
            received: 0,
            delays: nanos_histogram(),
            gaps: nanos_histogram(),
            lateness: nanos_histogram(),
        };
        let mut last = vec![0_u64; count];
        let begun = clock.now();
        // Everybody's turn comes once per period, evenly spread: no two send at once because they are measured together.
        let step = 1e9 / self.rate / count as f64;
        let due = |turn: u64| begun + (turn as f64 * step) as u64;
        let (mut turn, mut is_over, mut end) = (0_u64, false, u64::MAX);
        loop {
            let now = clock.now();
            if !is_over && over(now) {
                (is_over, end) = (true, now);
            }
            if is_over && now > end + nanos(DRAIN) {
                return Ok(score);
            }
            while !is_over && due(turn) <= clock.now() {
                let index = (turn % count as u64) as usize;
                let stamp = clock.now();
                let taken = peers[index].is_some_and(|peer| swarm.clients[index].send(peer, stamp));
                swarm.touch(index);
                // At once: what waits for the others' frames would be as late as they are.
                swarm.flush(clock.instant(stamp), &mut |receiver, at, bytes| {
                    score.take(&mut last, receiver, clock.at(at), bytes, start);
                })?;
                if stamp >= start {
                    let counter = if taken { &mut score.sent } else { &mut score.refused };
                    *counter += 1;
                    score.lateness.saturating_record((stamp - due(turn)).max(1));
                }
                turn += 1;
                if turn.is_multiple_of(BURST) {
                    break;
                }
            }
            let until = if is_over { clock.now() + nanos(DRAIN) } else { due(turn) };
            swarm.turn(clock.instant(until), &mut |receiver, at, bytes| {
                score.take(&mut last, receiver, clock.at(at), bytes, start);
            })?;
        }
    }
}

/// Frames that a late sender sends before it looks at what came.
const BURST: u64 = 32;

impl Score {
    fn take(&mut self, last: &mut [u64], receiver: usize, now: u64, bytes: &[u8], start: u64) {
        let Ok((_, Datagram::Frame(frame))) = Datagram::parse(bytes) else { return };
        let (Some(probe), Some(last)) = (Probe::parse(frame), last.get_mut(receiver)) else { return };
        let before = std::mem::replace(last, now);
        if probe.stamp >= start {
            self.received += 1;
            self.delays.saturating_record(now.saturating_sub(probe.stamp).max(1));
            if before >= start {
                self.gaps.saturating_record((now - before).max(1));
            }
        }
    }
}

/// One game on a relay of its own.
#[derive(Debug, Serialize)]
pub(super) struct GameLine {
    rooms: u32,
    members: u32,
    rate: f64,
    size: usize,
    sent: u64,
    refused: u64,
    received: u64,
    lost: u64,
    frames_per_second: f64,
    /// From one client to the other.
    delay_us: DelayLine,
    /// Between two frames at one receiver.
    gap_us: DelayLine,
    /// How late frames were sent: what is far above it is not the swarm's fault.
    late_us: DelayLine,
    relay: Option<CostLine>,
    swarm: Option<CostLine>,
    relay_datagrams: u64,
    relay_drops: std::collections::BTreeMap<String, u64>,
}

impl Game {
    fn run(self, run: &Run, seconds: f64) -> Result<GameLine> {
        let relay = run.relay()?;
        let mut swarm = Swarm::new(relay.invitation(), self.seats())?;
        swarm.gather(0..swarm.clients.len(), AT_ONCE, Instant::now() + MEETING)?;
        // The search for the path's MTU ends before frames count.
        swarm.rest(Instant::now() + WARM_UP.mul_f64(seconds.min(1.0)), &mut |_, _, _| {})?;
        let clock = Clock::start();
        let start = nanos(WARM_UP.mul_f64(seconds.min(1.0)));
        let end = start + nanos(Duration::from_secs_f64(seconds));
        let mut before = None;
        let mut after = None;
        let score = self.play(&mut swarm, clock, start, &mut |now| {
            if now >= start && before.is_none() {
                before = Some(usage(&relay));
            }
            if now >= end {
                after = Some(usage(&relay));
            }
            now >= end
        })?;
        let end = relay.finish()?;
        Ok(self.line(score, seconds, before.zip(after), end))
    }

    fn line(self, score: Score, seconds: f64, costs: Option<(Used, Used)>, end: RelayEnd) -> GameLine {
        let cost = |pick: fn(&Used) -> Option<Usage>| {
            let (before, after) = costs.as_ref()?;
            Some(CostLine::new((pick(before)?, pick(after)?), score.received, seconds))
        };
        GameLine {
            rooms: self.rooms,
            members: self.members,
            rate: self.rate,
            size: self.size,
            sent: score.sent,
            refused: score.refused,
            received: score.received,
            lost: score.sent.saturating_sub(score.received),
            frames_per_second: (score.received as f64 / seconds).round(),
            delay_us: DelayLine::new(&score.delays),
            gap_us: DelayLine::new(&score.gaps),
            late_us: DelayLine::new(&score.lateness),
            relay: cost(|used| used.1),
            swarm: cost(|used| used.0),
            relay_datagrams: end.sent_datagrams,
            relay_drops: end.drops,
        }
    }
}

/// What this process and the relay's have used.
type Used = (Option<Usage>, Option<Usage>);

fn usage(relay: &RelayHost) -> Used {
    (Usage::own(), relay.usage())
}

/// The document of the scenarios `scale` and `gaps`.
#[derive(Debug, Serialize)]
pub(super) struct GameReport {
    scenario: &'static str,
    machine: String,
    optimised: bool,
    runtime: &'static str,
    workers: u16,
    seconds: f64,
    lines: Vec<GameLine>,
}

impl GameReport {
    pub(super) fn new(scenario: &'static str, run: &Run, games: &[Game], seconds: f64) -> Result<Self> {
        let mut lines = Vec::new();
        for game in games {
            ensure!(game.members >= 2, "a game needs two members");
            lines.push(game.run(run, seconds)?);
        }
        Ok(Self {
            scenario,
            machine: machine(),
            optimised: cfg!(not(debug_assertions)),
            runtime: run.engine.runtime.as_str(),
            workers: run.engine.workers,
            seconds,
            lines,
        })
    }
}

impl fmt::Display for GameReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}: {} s each, {} runtime, {} worker(s)",
            self.scenario, self.seconds, self.runtime, self.workers
        )?;
        writeln!(f, "{}{}\n", self.machine, if self.optimised { "" } else { ", not optimised" })?;
        writeln!(
            f,
            "rooms  members  frames/s    lost  p50 us  p99 us  p99.9 us  gap p99.9 ms  relay us  cores  MiB  swarm cores  late p99.9 us"
        )?;
        for line in &self.lines {
            let relay = line.relay.as_ref();
            writeln!(
                f,
                "{:>5}  {:>7}  {:>8.0}  {:>6}  {:>6.0}  {:>6.0}  {:>8.0}  {:>12.1}  {:>8.2}  {:>5.2}  {:>3.0}  {:>11.2}  {:>13.0}",
                line.rooms,
                line.members,
                line.frames_per_second,
                line.lost,
                line.delay_us.p50,
                line.delay_us.p99,
                line.delay_us.p99_9,
                line.gap_us.p99_9 / 1e3,
                relay.map_or(f64::NAN, |cost| cost.cpu_us_per_frame),
                relay.map_or(f64::NAN, |cost| cost.cores),
                relay.map_or(f64::NAN, |cost| cost.rss_mib),
                line.swarm.as_ref().map_or(f64::NAN, |cost| cost.cores),
                line.late_us.p99_9,
            )?;
        }
        for line in self.lines.iter().filter(|line| !line.relay_drops.is_empty() || line.refused > 0) {
            write!(
                f,
                "\n{} rooms: relay dropped {}, swarm {}",
                line.rooms,
                list(&line.relay_drops),
                line.refused
            )?;
        }
        Ok(())
    }
}
