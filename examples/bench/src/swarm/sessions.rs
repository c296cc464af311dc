//! Thousands of sessions that do nothing: what one costs, and whether what comes and goes leaves something behind.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde::Serialize;

use super::Run;
use super::client::Seat;
use super::engine::Swarm;
use super::game::AT_ONCE;
use crate::relay::RelayHost;
use crate::report::CostLine;
use crate::usage::{Usage, machine};

/// How long all of them may take to come.
const MEETING: Duration = Duration::from_secs(120);
/// Each round of comings and goings replaces one in so many.
const SHARE: usize = 10;

/// A number of sessions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sessions {
    pub(super) count: u32,
    pub(super) members: u32,
    pub(super) churns: u32,
    pub(super) seconds: f64,
}

/// The document of the scenario `sessions`.
#[derive(Debug, Serialize)]
pub(super) struct SessionsReport {
    scenario: &'static str,
    machine: String,
    optimised: bool,
    runtime: &'static str,
    workers: u16,
    sessions: u32,
    members: u32,
    /// How long all of them took to come.
    gathering_seconds: f64,
    /// The relay's memory before anybody came, in MiB.
    empty_mib: Option<f64>,
    /// With all of them, and after each round in which one in ten left and came again.
    rss_mib: Vec<f64>,
    /// What a session costs beyond the empty relay, at first and after all rounds.
    kib_per_session: Option<[f64; 2]>,
    /// What the relay costs while nothing happens.
    idle_cores: Option<f64>,
}

impl Sessions {
    pub(super) fn run(self, run: &Run) -> Result<SessionsReport> {
        let relay = run.relay()?;
        let empty = rss(&relay);
        let seats = (0..self.count).map(|number| Seat { room: number / self.members, number });
        let mut swarm = Swarm::new(relay.invitation(), seats)?;
        let begun = Instant::now();
        swarm.gather(0..swarm.clients.len(), AT_ONCE, begun + MEETING)?;
        let gathering = begun.elapsed();
        let pause = Duration::from_secs_f64(self.seconds);
        let mut sizes = Vec::new();
        let mut idle = None;
        for churn in 0..=self.churns as usize {
            if churn > 0 {
                // Not always the same ones.
                let chosen = || (churn % SHARE..self.count as usize).step_by(SHARE);
                for client in chosen() {
                    swarm.leave(client);
                }
                swarm.rest(Instant::now() + pause.min(Duration::from_secs(1)), &mut |_, _, _| {})?;
                swarm.gather(chosen(), AT_ONCE, Instant::now() + MEETING)?;
            }
            let before = relay.usage();
            swarm.rest(Instant::now() + pause, &mut |_, _, _| {})?;
            idle = before.zip(relay.usage());
            sizes.extend(rss(&relay));
        }
        let everybody = swarm.clients.iter().filter(|client| client.is_in()).count();
        anyhow::ensure!(everybody == self.count as usize, "only {everybody} sessions are left");
        relay.finish().context("the relay did not end well")?;
        let share = |size: &f64| {
            let bytes = (size - empty?) * 1024.0;
            Some((bytes / f64::from(self.count) * 10.0).round() / 10.0)
        };
        Ok(SessionsReport {
            scenario: "sessions",
            machine: machine(),
            optimised: cfg!(not(debug_assertions)),
            runtime: run.engine.runtime.as_str(),
            workers: run.engine.workers,
            sessions: self.count,
            members: self.members,
            gathering_seconds: (gathering.as_secs_f64() * 100.0).round() / 100.0,
            empty_mib: empty,
            kib_per_session: sizes
                .first()
                .and_then(share)
                .zip(sizes.last().and_then(share))
                .map(|(first, last)| [first, last]),
            rss_mib: sizes,
            idle_cores: idle.map(|used| CostLine::new(used, 0, self.seconds).cores),
        })
    }
}

fn rss(relay: &RelayHost) -> Option<f64> {
    let mib = |usage: Usage| (usage.rss_bytes as f64 / 1024.0 / 102.4).round() / 10.0;
    relay.usage().map(mib)
}

impl fmt::Display for SessionsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "sessions: {} in rooms of {}, {} runtime, {} worker(s)",
            self.sessions, self.members, self.runtime, self.workers
        )?;
        writeln!(f, "{}{}\n", self.machine, if self.optimised { "" } else { ", not optimised" })?;
        writeln!(f, "all came within   {:.2} s", self.gathering_seconds)?;
        writeln!(f, "empty relay       {:.1} MiB", self.empty_mib.unwrap_or(f64::NAN))?;
        for (round, size) in self.rss_mib.iter().enumerate() {
            match round {
                0 => writeln!(f, "with all          {size:.1} MiB")?,
                _ => writeln!(f, "round {round:<3}         {size:.1} MiB")?,
            }
        }
        if let Some([first, last]) = self.kib_per_session {
            writeln!(f, "each session      {first:.1} KiB at first, {last:.1} KiB at last")?;
        }
        write!(f, "idle relay        {:.2} cores", self.idle_cores.unwrap_or(f64::NAN))
    }
}
