//! Measures the programs themselves on a real path: alice - hub - bob, three network namespaces with veth cables between
//! them. Alice and bob have no route to each other; the relay runs at the hub, a client with a TAP adapter at either end.
//!
//! All of it happens inside namespaces of this program's own (see [`inside`]): nothing touches the machine's network, and
//! whatever was started ends with the measurement, however that ends.

mod blast;
mod compare;
mod figures;
mod game;
mod gauge;
mod inside;
mod lab;
mod loss;
mod party;
mod path;
mod slowlink;
mod wire;

use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::PathBuf;

use anyhow::Result;
use clap::{Subcommand, ValueEnum, value_parser};
use serde::Serialize;

use crate::tunnel::figures::Report;

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// A tunnel on fast links: one TCP stream each way, ping idle and under it, small frames, costs, set-up time.
    Tunnel(path::Args),
    /// A player's slow access link with a deep buffer, filled by TCP through the tunnel: what a game flow feels.
    Slowlink(slowlink::Args),
    /// A player's lossy access link: what a game flow and TCP make of it through the tunnel and without.
    Loss(loss::Args),
    /// What runs on one of the hosts.
    #[command(name = TOOL, hide = true, subcommand)]
    Tool(Tool),
}

/// The hidden command under which this program is a tool on one of the hosts.
const TOOL: &str = "on-host";

/// What this program does on a host.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Tool {
    /// Counts datagrams and answers questions about them, until it is killed.
    Serve { port: u16 },
    /// Sends datagrams at a rate and asks how many came.
    Send { to: SocketAddrV4, size: usize, rate: f64, millis: u64, trial: u32 },
    /// Asks until it is answered.
    Probe { to: SocketAddrV4, millis: u64 },
    /// Sends back what comes, until it is killed.
    Echo { port: u16 },
    /// A game flow to an echo.
    Game { to: SocketAddrV4, rate: f64, size: usize, seconds: f64 },
    /// A cable with delay and loss between two interfaces, until it is killed.
    Wire { left: String, right: String, delay_ms: f64, loss: f64, seed: u64 },
}

/// Options of all measurements on a path.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Common {
    /// How often it is measured, each time on a path made anew. Figures are medians.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = value_parser!(u16).range(1..=100))]
    reps: u16,
    /// The folder with lanparty-relay and lanparty-client; by default the one that this program is in.
    #[arg(long, value_name = "FOLDER")]
    programs: Option<PathBuf>,
    /// More options for both clients, separated by spaces.
    #[arg(long, value_name = "OPTIONS", default_value = "", allow_hyphen_values = true)]
    client_options: String,
    /// More options for the relay, separated by spaces.
    #[arg(long, value_name = "OPTIONS", default_value = "", allow_hyphen_values = true)]
    relay_options: String,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

/// Against whom it is measured.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Against {
    /// Let the harness in this folder (peerbench.py and slowlink.py) measure both us and --peers, in turns.
    #[arg(long, value_name = "FOLDER", requires = "peers")]
    compare: Option<PathBuf>,
    /// The peers, by that harness's names.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', requires = "compare")]
    peers: Vec<String>,
}

/// What crosses the cables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WireMode {
    /// Packets of at most 1500 bytes, as between network cards: no segmentation offload, receivers may coalesce.
    #[default]
    Nic,
    /// Whatever veth lets through.
    Veth,
}

impl WireMode {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Nic => "nic",
            Self::Veth => "veth",
        }
    }
}

/// Does it: here if this already is the inside, else there.
pub(crate) fn run(command: Command) -> Result<()> {
    if let Command::Tool(tool) = command {
        return tool.run();
    }
    let needs = match &command {
        Command::Tunnel(args) if args.against.compare.is_some() => inside::Needs::Harness,
        Command::Slowlink(args) if args.against.compare.is_some() => inside::Needs::Harness,
        _ => inside::Needs::Lab,
    };
    if !inside::is_inside() {
        return inside::enter(needs);
    }
    inside::prepare()?;
    let (report, json) = match command {
        Command::Tunnel(args) => (path::run(&args)?, args.common.json),
        Command::Slowlink(args) => (slowlink::run(&args)?, args.common.json),
        Command::Loss(args) => (loss::run(&args)?, args.common.json),
        Command::Tool(_) => return Ok(()), // it was run above
    };
    print(&report, json)
}

impl Tool {
    fn run(self) -> Result<()> {
        match self {
            Self::Serve { port } => blast::serve(port),
            Self::Send { to, size, rate, millis, trial } => {
                print_line(&blast::send(to.into(), size, rate, millis, trial)?)
            }
            Self::Probe { to, millis } => {
                blast::probe(to.into(), millis)?;
                print_line(&"answered")
            }
            Self::Echo { port } => game::echo(port),
            Self::Game { to, rate, size, seconds } => {
                print_line(&game::play(to.into(), rate, size, seconds)?)
            }
            Self::Wire { left, right, delay_ms, loss, seed } => {
                wire::run(&left, &right, delay_ms, loss, seed)
            }
        }
    }
}

/// Reads milliseconds there and back.
fn rtt(text: &str) -> Result<f64, String> {
    crate::number(text, 0.0..=2000.0)
}

fn print(report: &Report, json: bool) -> Result<()> {
    let text = if json { serde_json::to_string_pretty(report)? } else { report.to_string() };
    Ok(writeln!(io::stdout().lock(), "{text}")?)
}

fn print_line(document: &impl Serialize) -> Result<()> {
    let mut output = io::stdout().lock();
    writeln!(output, "{}", serde_json::to_string(document)?)?;
    Ok(output.flush()?)
}

/// Tells a waiting user how far it is.
fn say(what: &str) {
    let _ = writeln!(io::stderr().lock(), "lanparty-bench: {what}"); // nobody may be there to read it
}

const ANY: Ipv4Addr = Ipv4Addr::UNSPECIFIED;
