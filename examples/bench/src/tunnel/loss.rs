//! The scenario `loss`.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::thread;
use std::time::Duration;

use anyhow::Result;

use crate::tunnel::figures::{Better, Metric, Report, Samples};
use crate::tunnel::game::{self, Played};
use crate::tunnel::gauge::{self, Way};
use crate::tunnel::lab::{Host, Impairment, Lab};
use crate::tunnel::party::{Party, Programs};
use crate::tunnel::{Common, Tool, WireMode, say};

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Percent of the frames on alice's link that are lost, each way; one column each. With 0, this program's own wire is
    /// what limits TCP.
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_values_t = [0.0, 1.0, 3.0, 5.0], value_parser = percent)]
    percent: Vec<f64>,
    /// Milliseconds of delay on alice's link, there and back together.
    #[arg(long, value_name = "N", default_value_t = 40.0, value_parser = crate::tunnel::rtt)]
    rtt: f64,
    /// Frames of the game flow per second: more than a game's 60, so that few seconds tell how many are lost.
    #[arg(long, value_name = "N", default_value_t = 480.0, value_parser = game_rate)]
    game_rate: f64,
    /// How long a game is played, and how long a TCP stream runs: each twice, through the tunnel and without.
    #[arg(long, value_name = "N", default_value_t = 10.0, value_parser = crate::seconds)]
    seconds: f64,
    /// What decides which frames are lost.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    pub(crate) common: Common,
}

const SETTLE: Duration = Duration::from_secs(2);

const METRICS: &[Metric] = &[
    lower("bare_lost", "game lost there and back, bare path, %"),
    lower("lost", "game lost there and back, tunnel, %"),
    lower("bare_p50", "game p50, bare path, ms"),
    lower("p50", "game p50, tunnel, ms"),
    lower("bare_p99", "game p99, bare path, ms"),
    lower("p99", "game p99, tunnel, ms"),
    lower("bare_gap", "longest gap, bare path, ms"),
    lower("gap", "longest gap, tunnel, ms"),
    higher("bare_up", "TCP alice to bob, bare path, Mbit/s"),
    higher("up", "TCP alice to bob, tunnel, Mbit/s"),
    higher("up_ratio", "tunnel by bare path"),
    higher("bare_down", "TCP bob to alice, bare path, Mbit/s"),
    higher("down", "TCP bob to alice, tunnel, Mbit/s"),
    higher("down_ratio", "tunnel by bare path"),
];

const fn lower(key: &'static str, title: &'static str) -> Metric {
    Metric::new(key, title, 2, Better::Lower, &[])
}

const fn higher(key: &'static str, title: &'static str) -> Metric {
    Metric::new(key, title, 2, Better::Higher, &[])
}

pub(crate) fn run(args: &Args) -> Result<Report> {
    let programs = Programs::find(&args.common)?;
    let mut report = Report::new("loss", METRICS, args.common.reps);
    report.note("round trip", &format!("{} ms", args.rtt));
    report.note("game", &format!("{} frames/s", args.game_rate));
    for rep in 1..=args.common.reps {
        for percent in &args.percent {
            say(&format!("repetition {rep} of {}, {percent} % lost", args.common.reps));
            let seed = args.seed + u64::from(rep);
            let impairment = Impairment { delay_ms: args.rtt / 2.0, loss: percent / 100.0, seed };
            let lab = Lab::new(WireMode::Nic, Some(impairment))?;
            report.note("congestion control of TCP", &lab.congestion_control()?);
            measure(args, &lab, &programs, report.column(&format!("{percent} %")))?;
        }
    }
    Ok(report)
}

fn measure(args: &Args, lab: &Lab, programs: &Programs, samples: &mut Samples) -> Result<()> {
    let _echo = lab.start_tool(Host::Bob, &Tool::Echo { port: game::PORT })?;
    lab.set_bare(true)?;
    let bare = run_both(args, lab, Host::Bob.outer().0)?;
    lab.set_bare(false)?;

    let _party = Party::complete(lab, programs)?;
    thread::sleep(SETTLE);
    let tunnel = run_both(args, lab, Host::Bob.inner())?;
    for (key, value) in [
        ("bare_lost", bare.game.lost),
        ("lost", tunnel.game.lost),
        ("bare_p50", bare.game.p50),
        ("p50", tunnel.game.p50),
        ("bare_p99", bare.game.p99),
        ("p99", tunnel.game.p99),
        ("bare_gap", bare.game.gap),
        ("gap", tunnel.game.gap),
        ("bare_up", bare.up),
        ("up", tunnel.up),
        ("up_ratio", tunnel.up / bare.up),
        ("bare_down", bare.down),
        ("down", tunnel.down),
        ("down_ratio", tunnel.down / bare.down),
    ] {
        samples.add(key, value);
    }
    Ok(())
}

/// What one path does.
#[derive(Debug)]
struct Found {
    game: Played,
    up: f64,
    down: f64,
}

fn run_both(args: &Args, lab: &Lab, to: Ipv4Addr) -> Result<Found> {
    let tool = Tool::Game {
        to: SocketAddrV4::new(to, game::PORT),
        rate: args.game_rate,
        size: game::SIZE,
        seconds: args.seconds,
    };
    Ok(Found {
        game: serde_json::from_str(&lab.run_tool(Host::Alice, &tool)?)?,
        up: gauge::tcp(lab, to, Way::Up, args.seconds)?,
        down: gauge::tcp(lab, to, Way::Down, args.seconds)?,
    })
}

fn percent(text: &str) -> Result<f64, String> {
    crate::number(text, 0.0..=90.0)
}

fn game_rate(text: &str) -> Result<f64, String> {
    crate::number(text, 1.0..=10_000.0)
}
