//! Measures a relay and its members on loopback. Frames enter through ports of real sessions, cross QUIC twice, and
//! leave through ports of real sessions; each carries a number and the time at which it entered.
//!
//! On Linux also the programs, on real paths between network namespaces: see `tunnel`.

mod flow;
mod load;
mod meter;
mod probe;
mod relay;
mod report;
mod run;
mod scenario;
mod swarm;
#[cfg(target_os = "linux")]
mod tunnel;
mod usage;

use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::{Parser, Subcommand, ValueEnum};

use crate::relay::RelayHost;
use crate::scenario::{Scenario, default_members, min_members};
use crate::swarm::SwarmCommand;

/// Measures a relay and its members on loopback: throughput, delay, processor time, memory.
#[derive(Clone, Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
struct Cli {
    #[command(flatten)]
    args: Option<Args>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Clone, Debug, clap::Args)]
struct Args {
    /// What to measure.
    #[arg(value_enum)]
    scenario: Scenario,
    /// Clients in each room; the default depends on the scenario.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=200))]
    members: Option<u16>,
    /// Rooms, for the scenario `rooms`.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=1000))]
    rooms: u16,
    /// Bytes of a frame, Ethernet header included; the default depends on the scenario.
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u16).range(60..=1514))]
    size: Option<u16>,
    /// Frames per second of each flow, sent whatever becomes of them. 0 keeps --window frames on their way instead, which
    /// finds what is carried without loss. The default depends on the scenario.
    #[arg(long, value_name = "N", value_parser = rate)]
    rate: Option<f64>,
    /// Frames on their way in a flow without a rate.
    #[arg(long, value_name = "N", default_value_t = 96, value_parser = clap::value_parser!(u64).range(1..=4096))]
    window: u64,
    /// How long to measure, after a warm-up of a second.
    #[arg(long, value_name = "N", default_value_t = 5.0, value_parser = seconds)]
    seconds: f64,
    /// 2 gives the relay a process of its own, so that its costs can be told apart.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=2))]
    processes: u8,
    // Not as one argument group: clap does not see one within another that may be missing.
    /// What the relay and the members run on: one thread each, or one for each processor.
    #[arg(long, value_enum, default_value_t = Flavour::Current)]
    runtime: Flavour,
    /// Threads that serve the relay's rooms, each room by one of them.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    workers: u16,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

impl Args {
    fn engine(&self) -> Engine {
        Engine { runtime: self.runtime, workers: self.workers }
    }

    fn members(&self) -> u16 {
        self.members.unwrap_or_else(|| default_members(self.scenario))
    }
}

/// What a relay runs on.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Engine {
    /// What the relay runs on: one thread, or one for each processor.
    #[arg(long, value_enum, default_value_t = Flavour::Current)]
    runtime: Flavour,
    /// Threads that serve the relay's rooms, each room by one of them.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    workers: u16,
}

/// A tokio runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Flavour {
    /// One thread.
    Current,
    /// A thread for each processor.
    Multi,
}

impl Flavour {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Multi => "multi",
        }
    }
}

/// What is not measured with real sessions on loopback, and what this program calls itself for.
#[derive(Clone, Debug, Subcommand)]
enum Command {
    #[command(flatten)]
    Swarm(SwarmCommand),
    #[cfg(target_os = "linux")]
    #[command(flatten)]
    Tunnel(tunnel::Command),
    /// Be the relay of another process.
    #[command(name = relay::COMMAND, hide = true)]
    Relay {
        #[command(flatten)]
        engine: Engine,
    },
}

fn main() -> ExitCode {
    match work(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr().lock(), "error: {error:#}"); // nobody may be there to read it
            ExitCode::FAILURE
        }
    }
}

fn work(cli: Cli) -> Result<()> {
    match cli.command {
        Some(Command::Relay { engine }) => return relay::process(engine),
        Some(Command::Swarm(command)) => {
            let text = command.work()?;
            return Ok(writeln!(io::stdout().lock(), "{text}")?);
        }
        #[cfg(target_os = "linux")]
        Some(Command::Tunnel(command)) => return tunnel::run(command),
        None => {}
    }
    let Some(args) = cli.args else { return Ok(()) }; // clap insists on one of them
    ensure!(
        args.members() >= min_members(args.scenario),
        "this scenario needs {} clients or more: raise --members",
        min_members(args.scenario)
    );
    let relay = match args.processes {
        1 => RelayHost::thread(args.engine())?,
        _ => RelayHost::process(args.engine())?,
    };
    let report = relay::runtime(args.runtime)?.block_on(run::run(&args, relay))?;
    let text = if args.json { serde_json::to_string_pretty(&report)? } else { report.to_string() };
    Ok(writeln!(io::stdout().lock(), "{text}")?)
}

fn rate(text: &str) -> Result<f64, String> {
    number(text, 0.0..=10_000_000.0)
}

fn seconds(text: &str) -> Result<f64, String> {
    number(text, 0.1..=3600.0)
}

fn number(text: &str, range: std::ops::RangeInclusive<f64>) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| format!("{text} is no number"))?;
    if range.contains(&number) {
        Ok(number)
    } else {
        Err(format!("{number} is not in {}..={}", range.start(), range.end()))
    }
}
