//! What a measurement found, as text and as a document.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::sync::atomic::Ordering::Relaxed;

use hdrhistogram::Histogram;
use lanparty_sdk::obs::DropCounts;
use serde::Serialize;

use crate::Args;
use crate::meter::Bench;
use crate::relay::RelayEnd;
use crate::scenario::Scenario;
use crate::usage::{Usage, machine};

/// The document that `--json` prints.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    scenario: Scenario,
    machine: String,
    /// Whether the optimiser was on; figures without it mean nothing.
    optimised: bool,
    runtime: &'static str,
    workers: u16,
    processes: u8,
    rooms: u16,
    members: u16,
    seconds: f64,
    flows: Vec<ClassLine>,
    /// Frames at their receivers, all flows together.
    received: u64,
    frames_per_second: f64,
    mbit_per_second: f64,
    /// What the relay costs; missing if it shares the members' process.
    relay: Option<CostLine>,
    /// What the members cost, the measuring included, and the relay if it shares their process.
    member: Option<CostLine>,
    /// How late the pacing thread was, in microseconds: what is far above it is not the pacer's fault.
    pacer_late_us: DelayLine,
    relay_datagrams: u64,
    relay_drops: BTreeMap<String, u64>,
    member_drops: BTreeMap<String, u64>,
}

/// Flows of one kind.
#[derive(Debug, Serialize)]
struct ClassLine {
    name: &'static str,
    size: usize,
    /// Frames that entered a port.
    sent: u64,
    /// Frames that found their own port full.
    refused: u64,
    /// Frames at their receivers. A broadcast counts once for each.
    received: u64,
    lost: u64,
    reordered: u64,
    frames_per_second: f64,
    mbit_per_second: f64,
    /// From port to port.
    delay_us: DelayLine,
}

#[derive(Debug, Serialize)]
pub(crate) struct DelayLine {
    pub(crate) min: f64,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) p99_9: f64,
    pub(crate) max: f64,
}

#[derive(Debug, Serialize)]
pub(crate) struct CostLine {
    /// Processor time for each frame at a receiver.
    pub(crate) cpu_us_per_frame: f64,
    /// Processors that were busy on average.
    pub(crate) cores: f64,
    pub(crate) rss_mib: f64,
}

/// What everything had used before and after.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Costs {
    pub(crate) members: Option<(Usage, Usage)>,
    pub(crate) relay: Option<(Usage, Usage)>,
}

impl Report {
    pub(crate) fn new(
        args: &Args,
        bench: &Bench,
        costs: Costs,
        lateness: &Histogram<u64>,
        drops: &[DropCounts],
        end: &RelayEnd,
    ) -> Self {
        let seconds = (bench.span.end() - bench.span.start()) as f64 / 1e9;
        let flows: Vec<_> =
            (0..bench.classes.len()).map(|class| ClassLine::new(bench, class, seconds)).collect();
        let received = flows.iter().map(|line| line.received).sum();
        let mut member_drops = BTreeMap::new();
        for (reason, count) in drops.iter().flat_map(DropCounts::iter) {
            *member_drops.entry(reason.as_str().to_owned()).or_insert(0) += count;
        }
        let cost = |used: Option<(Usage, Usage)>| used.map(|used| CostLine::new(used, received, seconds));
        Self {
            scenario: args.scenario,
            machine: machine(),
            optimised: cfg!(not(debug_assertions)),
            runtime: args.runtime.as_str(),
            workers: args.workers,
            processes: args.processes,
            rooms: if args.scenario == Scenario::Rooms { args.rooms } else { 1 },
            members: args.members(),
            seconds,
            received,
            frames_per_second: flows.iter().map(|line| line.frames_per_second).sum(),
            mbit_per_second: flows.iter().map(|line| line.mbit_per_second).sum(),
            flows,
            relay: cost(costs.relay),
            member: cost(costs.members),
            pacer_late_us: DelayLine::new(lateness),
            relay_datagrams: end.sent_datagrams,
            relay_drops: end.drops.clone(),
            member_drops,
        }
    }
}

impl ClassLine {
    fn new(bench: &Bench, index: usize, seconds: f64) -> Self {
        let class = &bench.classes[index];
        let flows = || bench.flows.iter().filter(|flow| flow.class == index);
        let sent = flows().map(|flow| flow.sent.load(Relaxed)).sum();
        let expected: u64 = flows().map(|flow| flow.sent.load(Relaxed) * flow.arrivals.len() as u64).sum();
        let arrivals = || flows().flat_map(|flow| &flow.arrivals);
        let received: u64 = arrivals().map(|arrivals| arrivals.received.load(Relaxed)).sum();
        Self {
            name: class.name,
            size: class.size,
            sent,
            refused: flows().map(|flow| flow.refused.load(Relaxed)).sum(),
            received,
            lost: expected.saturating_sub(received),
            reordered: arrivals().map(|arrivals| arrivals.reordered.load(Relaxed)).sum(),
            frames_per_second: rounded(received as f64 / seconds),
            mbit_per_second: rounded((received * class.size as u64 * 8) as f64 / seconds / 1e6),
            delay_us: DelayLine::new(&class.delays()),
        }
    }
}

impl DelayLine {
    pub(crate) fn new(nanos: &Histogram<u64>) -> Self {
        Self::scaled(nanos, 1e3)
    }

    /// In units of so many nanoseconds.
    pub(crate) fn scaled(nanos: &Histogram<u64>, unit: f64) -> Self {
        let scaled = |value: u64| rounded(value as f64 / unit);
        Self {
            min: scaled(nanos.min()),
            p50: scaled(nanos.value_at_quantile(0.5)),
            p99: scaled(nanos.value_at_quantile(0.99)),
            p99_9: scaled(nanos.value_at_quantile(0.999)),
            max: scaled(nanos.max()),
        }
    }
}

impl CostLine {
    pub(crate) fn new((before, after): (Usage, Usage), frames: u64, seconds: f64) -> Self {
        let nanos = after.cpu_nanos.saturating_sub(before.cpu_nanos) as f64;
        Self {
            cpu_us_per_frame: (nanos / frames.max(1) as f64 / 10.0).round() / 100.0,
            cores: (nanos / 1e7 / seconds).round() / 100.0,
            rss_mib: rounded(after.rss_bytes as f64 / 1024.0 / 1024.0),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scenario = format!("{:?}", self.scenario).to_lowercase();
        let plural = if self.rooms == 1 { "room" } else { "rooms" };
        writeln!(
            f,
            "{scenario}: {} {plural} of {} clients, {} s, {} runtime, {} worker(s), {} process(es)",
            self.rooms, self.members, self.seconds, self.runtime, self.workers, self.processes
        )?;
        writeln!(f, "{}{}\n", self.machine, if self.optimised { "" } else { ", not optimised" })?;
        let width = self.flows.iter().map(|line| line.name.len()).max().unwrap_or(0);
        writeln!(
            f,
            "{:width$}  bytes     sent  received    lost  reord   frames/s    Mbit/s   p50 us   p99 us  p99.9 us",
            "flow"
        )?;
        for line in &self.flows {
            writeln!(
                f,
                "{:width$}  {:>5} {:>8}  {:>8} {:>7}  {:>5} {:>10.0} {:>9.1} {:>8.0} {:>8.0}  {:>8.0}",
                line.name,
                line.size,
                line.sent,
                line.received,
                line.lost,
                line.reordered,
                line.frames_per_second,
                line.mbit_per_second,
                line.delay_us.p50,
                line.delay_us.p99,
                line.delay_us.p99_9
            )?;
        }
        writeln!(f)?;
        for (name, cost) in [("relay", &self.relay), ("members", &self.member)] {
            if let Some(cost) = cost {
                writeln!(
                    f,
                    "{name:8} {:>7.2} us of processor per frame, {:.2} cores, {:.1} MiB",
                    cost.cpu_us_per_frame, cost.cores, cost.rss_mib
                )?;
            }
        }
        writeln!(f, "pacer    p99 {:.0} us late", self.pacer_late_us.p99)?;
        let refused: u64 = self.flows.iter().map(|line| line.refused).sum();
        write!(f, "drops    relay: {}; members: {}", list(&self.relay_drops), list(&self.member_drops))?;
        if refused > 0 {
            write!(f, "; {refused} frames found their own port full")?;
        }
        Ok(())
    }
}

pub(crate) fn list(drops: &BTreeMap<String, u64>) -> String {
    let mut text = String::new();
    for (reason, count) in drops {
        let comma = if text.is_empty() { "" } else { ", " };
        let _ = write!(text, "{comma}{reason} {count}"); // a string takes everything
    }
    if text.is_empty() { "none".into() } else { text }
}

fn rounded(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}
