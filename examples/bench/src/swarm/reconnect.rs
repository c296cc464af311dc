//! Everybody comes back at the same moment, while others play on.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use hdrhistogram::Histogram;
use serde::Serialize;

use super::Run;
use super::client::Seat;
use super::engine::Swarm;
use super::game::{AT_ONCE, Game, Score};
use crate::flow::nanos_histogram;
use crate::probe::{Clock, nanos};
use crate::report::{CostLine, DelayLine};
use crate::usage::machine;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// The name of the thread in which the others play.
const PLAYERS: &str = "players";

/// So many come back, and so many others play.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reconnect {
    pub(super) clients: u32,
    pub(super) game: Game,
    pub(super) seconds: f64,
}

/// The document of the scenario `reconnect`.
#[derive(Debug, Serialize)]
pub(super) struct ReconnectReport {
    scenario: &'static str,
    machine: String,
    optimised: bool,
    runtime: &'static str,
    workers: u16,
    clients: u32,
    /// When each was back, counted from the moment at which all of them began.
    back_ms: DelayLine,
    /// Attempts that failed and were made again.
    failed_attempts: u64,
    players: u32,
    /// The others' game while nobody comes, and while everybody does.
    calm: GameShare,
    rush: GameShare,
    /// The relay while they came.
    relay_cores: Option<f64>,
}

/// One part of the others' game.
#[derive(Debug, Serialize)]
struct GameShare {
    sent: u64,
    lost: u64,
    delay_us: DelayLine,
    gap_us: DelayLine,
}

impl GameShare {
    fn new(score: &Score) -> Self {
        Self {
            sent: score.sent,
            lost: score.sent.saturating_sub(score.received),
            delay_us: DelayLine::new(&score.delays),
            gap_us: DelayLine::new(&score.gaps),
        }
    }
}

impl Reconnect {
    pub(super) fn run(self, run: &Run) -> Result<ReconnectReport> {
        let relay = run.relay()?;
        let players = self.game.rooms * self.game.members;
        let comers = (0..self.clients)
            .map(|number| Seat { room: self.game.rooms + number / 8, number: players + number });
        let mut comers = Swarm::new(relay.invitation(), comers)?;
        comers.gather(0..comers.clients.len(), AT_ONCE, Instant::now() + PATIENCE)?;
        let mut others = Swarm::new(relay.invitation(), self.game.seats())?;
        others.gather(0..others.clients.len(), AT_ONCE, Instant::now() + PATIENCE)?;
        others.rest(Instant::now() + Duration::from_secs_f64(self.seconds.min(1.0)), &mut |_, _, _| {})?;

        let clock = Clock::start();
        let calm = self.play(&mut others, clock, &mut |elapsed| elapsed >= self.seconds)?;

        let over = AtomicBool::new(false);
        let (rush, back, used, took) = thread::scope(|scope| {
            let game = thread::Builder::new().name(PLAYERS.to_owned()).spawn_scoped(scope, || {
                self.play(&mut others, clock, &mut |elapsed| elapsed >= self.seconds && over.load(Relaxed))
            })?;
            thread::sleep(Duration::from_millis(100));
            let before = relay.usage();
            let begun = Instant::now();
            let back = rush(&mut comers);
            let used = before.zip(relay.usage());
            let took = begun.elapsed();
            over.store(true, Relaxed);
            let rush = game.join().map_err(|_| anyhow!("the players panicked"))??;
            anyhow::Ok((rush, back?, used, took))
        })?;
        let failed_attempts = comers.failed_attempts;
        relay.finish().context("the relay did not end well")?;
        Ok(ReconnectReport {
            scenario: "reconnect",
            machine: machine(),
            optimised: cfg!(not(debug_assertions)),
            runtime: run.engine.runtime.as_str(),
            workers: run.engine.workers,
            clients: self.clients,
            back_ms: DelayLine::scaled(&back, 1e6),
            failed_attempts,
            players,
            calm: GameShare::new(&calm),
            rush: GameShare::new(&rush),
            relay_cores: used.map(|used| CostLine::new(used, 0, took.as_secs_f64()).cores),
        })
    }

    fn play(self, others: &mut Swarm, clock: Clock, over: &mut dyn FnMut(f64) -> bool) -> Result<Score> {
        let start = clock.now();
        self.game.play(others, clock, start, &mut |now| over((now - start) as f64 / 1e9))
    }
}

/// Everybody vanishes without a word, as if their relay had been restarted, and begins anew at once. Gives when each was
/// back.
fn rush(swarm: &mut Swarm) -> Result<Histogram<u64>> {
    let begun = Instant::now();
    let mut back = nanos_histogram();
    let mut waiting: Vec<_> = (0..swarm.clients.len()).collect();
    for client in &waiting {
        swarm.knock(*client)?;
    }
    while !waiting.is_empty() {
        anyhow::ensure!(begun.elapsed() < PATIENCE, "{} did not come back", waiting.len());
        swarm.turn(Instant::now(), &mut |_, _, _| {})?;
        let elapsed = nanos(begun.elapsed());
        waiting.retain(|client| {
            let is_back = swarm.clients[*client].is_in();
            if is_back {
                back.saturating_record(elapsed);
            }
            !is_back
        });
    }
    Ok(back)
}

impl fmt::Display for ReconnectReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "reconnect: {} at once, while {} play, {} runtime, {} worker(s)",
            self.clients, self.players, self.runtime, self.workers
        )?;
        writeln!(f, "{}{}\n", self.machine, if self.optimised { "" } else { ", not optimised" })?;
        writeln!(
            f,
            "back      p50 {:.0} ms, p99 {:.0} ms, all {:.0} ms; {} attempts failed; relay {:.2} cores",
            self.back_ms.p50,
            self.back_ms.p99,
            self.back_ms.max,
            self.failed_attempts,
            self.relay_cores.unwrap_or(f64::NAN)
        )?;
        for (name, share) in [("calm", &self.calm), ("rush", &self.rush)] {
            write!(
                f,
                "{}players   {name}: {} frames, {} lost, delay p50 {:.0} us, p99 {:.0} us, p99.9 {:.0} us, longest gap {:.1} ms",
                if name == "rush" { "\n" } else { "" },
                share.sent,
                share.lost,
                share.delay_us.p50,
                share.delay_us.p99,
                share.delay_us.p99_9,
                share.gap_us.max / 1e3
            )?;
        }
        Ok(())
    }
}
