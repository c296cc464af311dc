//! The scenario `slowlink`.

use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Result, anyhow};

use crate::tunnel::figures::{Aim, Better, Metric, Report, Samples, US};
use crate::tunnel::game::{self, Played};
use crate::tunnel::gauge::{self, Way};
use crate::tunnel::lab::{Host, Impairment, Lab};
use crate::tunnel::party::{Party, Programs};
use crate::tunnel::{Against, Common, Tool, WireMode, compare, say};

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Mbit/s of alice's link.
    #[arg(long, value_name = "N", default_value_t = RATE, value_parser = mbit)]
    pub(crate) rate: f64,
    /// Mbit/s towards alice, if that is another rate, as with most lines at home.
    #[arg(long, value_name = "N", value_parser = mbit, conflicts_with = "compare")]
    rate_down: Option<f64>,
    /// Milliseconds of delay on alice's link, there and back together.
    #[arg(long, value_name = "N", default_value_t = 0.0, value_parser = crate::tunnel::rtt, conflicts_with = "compare")]
    rtt: f64,
    /// How long the game is played on the idle link, and then on the full one.
    #[arg(long, value_name = "N", default_value_t = 12.0, value_parser = crate::seconds)]
    pub(crate) seconds: f64,
    /// What fills the link. A stream of UDP is half as fast again as the link, and nothing answers it.
    #[arg(long, default_value = "tcp-up", conflicts_with = "compare")]
    bulk: Bulk,
    #[command(flatten)]
    pub(crate) against: Against,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Bulk {
    /// Alice sends TCP
    TcpUp,
    /// Alice receives TCP
    TcpDown,
    /// Alice sends UDP
    UdpUp,
    /// Alice receives UDP
    UdpDown,
}

impl Bulk {
    /// What arrives, in Mbit/s.
    fn run(self, lab: &Lab, args: &Args) -> Result<f64> {
        let (to, seconds) = (Host::Bob.inner(), args.seconds + HEAD.as_secs_f64());
        match self {
            Self::TcpUp => gauge::tcp(lab, to, Way::Up, seconds),
            Self::TcpDown => gauge::tcp(lab, to, Way::Down, seconds),
            Self::UdpUp => gauge::udp(lab, to, Way::Up, seconds, args.rate * UDP_FACTOR),
            Self::UdpDown => gauge::udp(lab, to, Way::Down, seconds, args.rate_down() * UDP_FACTOR),
        }
    }
}

impl Args {
    fn rate_down(&self) -> f64 {
        self.rate_down.unwrap_or(self.rate)
    }

    /// Whether it is the link that the aims are meant for.
    fn is_usual(&self) -> bool {
        [self.rate, self.rate_down()] == [RATE; 2] && self.rtt == 0.0
    }
}

/// Mbit/s of the usual link.
const RATE: f64 = 20.0;
/// A stream of UDP by what the link carries.
const UDP_FACTOR: f64 = 1.5;
/// How long the bulk runs before the game begins: the queue is full.
const HEAD: Duration = Duration::from_secs(3);
const SETTLE: Duration = Duration::from_secs(2);

pub(crate) const METRICS: &[Metric] = &[
    Metric::new("idle_p50", "game idle p50, ms", 2, Better::Lower, &["/idle/p50"]),
    Metric::new("idle_p99", "game idle p99, ms", 2, Better::Lower, &["/idle/p99"]),
    Metric::new("load_p50", "game on the full link p50, ms", 2, Better::Lower, &["/load/p50"]),
    Metric::new("load_p99", "game on the full link p99, ms", 2, Better::Lower, &["/load/p99"]),
    Metric::new("load_max", "game on the full link max, ms", 2, Better::Lower, &["/load/max"]),
    Metric::new("added_p99", "added p99, ms", 2, Better::Lower, &[]).aims(Aim::Value(10.0), Aim::Value(4.0)),
    Metric::new("lost", "game lost, %", 2, Better::Lower, &["/load/loss_pct"]),
    Metric::new("bulk", "bulk, Mbit/s", 2, Better::Higher, &["/bulk_mbps"])
        .aims(Aim::Value(16.5), Aim::Value(18.0)),
];

pub(crate) fn run(args: &Args) -> Result<Report> {
    let programs = Programs::find(&args.common)?;
    if let Some(folder) = &args.against.compare {
        return compare::slowlink(args, folder, &programs);
    }
    let mut report = report(args);
    for rep in 1..=args.common.reps {
        say(&format!("repetition {rep} of {}", args.common.reps));
        measure(args, &programs, report.column(US))?;
    }
    Ok(report)
}

pub(crate) fn report(args: &Args) -> Report {
    let mut report = Report::new("slowlink", METRICS, args.common.reps);
    let bulk = clap::ValueEnum::to_possible_value(&args.bulk);
    report.note("bulk", bulk.as_ref().map_or("", |value| value.get_name()));
    let rates = args.rate_down.map_or_else(String::new, |down| format!(" up, {down} Mbit/s down"));
    report.note("link", &format!("{} Mbit/s{rates}, a queue of 400 ms", args.rate));
    if args.rtt > 0.0 {
        report.note("round trip", &format!("{} ms", args.rtt));
    }
    if !args.is_usual() {
        report.without_aims();
    }
    report
}

fn measure(args: &Args, programs: &Programs, samples: &mut Samples) -> Result<()> {
    let delay = Impairment { delay_ms: args.rtt / 2.0, loss: 0.0, seed: 0 };
    let lab = Lab::new(WireMode::Nic, (args.rtt > 0.0).then_some(delay))?;
    let _party = Party::complete(&lab, programs)?;
    let _echo = lab.start_tool(Host::Bob, &Tool::Echo { port: game::PORT })?;
    thread::sleep(SETTLE);
    lab.throttle(args.rate, args.rate_down())?;
    let idle = play(&lab, args.seconds)?;
    let (bulk, load) = thread::scope(|scope| {
        let bulk = scope.spawn(|| args.bulk.run(&lab, args));
        thread::sleep(HEAD);
        let load = play(&lab, args.seconds);
        let bulk = bulk.join().map_err(|_| anyhow!("the thread of the bulk panicked"))?;
        Ok::<_, anyhow::Error>((bulk?, load?))
    })?;
    for (key, value) in [
        ("idle_p50", idle.p50),
        ("idle_p99", idle.p99),
        ("load_p50", load.p50),
        ("load_p99", load.p99),
        ("load_max", load.max),
        ("added_p99", load.p99 - idle.p99),
        ("lost", load.lost),
        ("bulk", bulk),
    ] {
        samples.add(key, value);
    }
    Ok(())
}

fn play(lab: &Lab, seconds: f64) -> Result<Played> {
    let to = std::net::SocketAddrV4::new(Host::Bob.inner(), game::PORT);
    let tool = Tool::Game { to, rate: game::RATE, size: game::SIZE, seconds };
    Ok(serde_json::from_str(&lab.run_tool(Host::Alice, &tool)?)?)
}

fn mbit(text: &str) -> Result<f64, String> {
    crate::number(text, 0.1..=10_000.0)
}

/// What the peers' harness does not tell by itself.
pub(crate) fn derive(samples: &mut Samples) {
    samples.derive("added_p99", "load_p99", "idle_p99", |load, idle| load - idle);
}

/// Where the peers' harness keeps this scenario.
pub(crate) fn harness(folder: &Path) -> std::path::PathBuf {
    folder.join("slowlink.py")
}
