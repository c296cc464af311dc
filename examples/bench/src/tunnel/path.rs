//! The scenario `tunnel`.

use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::ValueEnum;

use crate::tunnel::blast::{self, Search};
use crate::tunnel::figures::{Aim, Better, Metric, Report, Samples};
use crate::tunnel::gauge::{self, Pings, Way, Window};
use crate::tunnel::lab::{Host, Lab};
use crate::tunnel::party::{Party, Programs};
use crate::tunnel::{Against, Common, Tool, WireMode, compare, say};

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// What is measured; everything by default. Set-up time and memory are always told.
    #[arg(long = "part", value_name = "PARTS", value_enum, value_delimiter = ',')]
    parts: Vec<Part>,
    /// How long a TCP stream runs.
    #[arg(long, value_name = "N", default_value_t = 8.0, value_parser = crate::seconds)]
    pub(crate) seconds: f64,
    /// Keep so many threads busy with nothing meanwhile, as a game or a compiler would.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(..=256))]
    pub(crate) busy: u16,
    /// Pings on the idle path, a hundred a second.
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) pings: u32,
    /// How long datagrams are sent at one rate, in milliseconds.
    #[arg(long, value_name = "N", default_value_t = 900, value_parser = clap::value_parser!(u64).range(10..=60_000))]
    trial_ms: u64,
    /// What crosses the cables.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) wire: WireMode,
    #[command(flatten)]
    pub(crate) against: Against,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// One stream each way, with pings meanwhile and the costs.
    Tcp,
    /// Pings while nothing else happens.
    Ping,
    /// The highest rates of datagrams of 172 and 64 bytes of which less than 1 % is lost.
    Udp,
    /// From the start of alice's client to the first answer through the tunnel.
    Setup,
}

impl Args {
    fn measures(&self, part: Part) -> bool {
        self.parts.is_empty() || self.parts.contains(&part)
    }

    pub(crate) fn measures_datagrams(&self) -> bool {
        self.measures(Part::Udp)
    }

    pub(crate) fn note_busy(&self, report: &mut Report) {
        if self.busy > 0 {
            report.note("threads busy with nothing", &self.busy.to_string());
        }
    }
}

/// After the first answer: the search for the path's MTU ends, windows grow.
const SETTLE: Duration = Duration::from_secs(2);
const PROBE_MILLIS: u64 = 25_000;
/// Bytes of the larger datagrams: voice, and what games send under load.
const LARGE: usize = 172;
const SMALL: usize = 64;

/// What is told. The second names are where the peers' harness keeps it.
pub(crate) const METRICS: &[Metric] = &[
    Metric::new("tcp_up", "TCP alice to bob, Mbit/s", 0, Better::Higher, &["/tcp_up/mbps"])
        .aims(Aim::Best(1.1), Aim::Best(1.5)),
    Metric::new("tcp_down", "TCP bob to alice, Mbit/s", 0, Better::Higher, &["/tcp_down/mbps"])
        .aims(Aim::Best(1.1), Aim::Best(1.5)),
    Metric::new("udp172", "172-byte datagrams, < 1 % lost, kpps", 0, Better::Higher, &["/udp172"])
        .aims(Aim::Best(1.2), Aim::Peer("vxlan", 1.0))
        .scaled(1e-3),
    Metric::new("udp64", "64-byte datagrams, < 1 % lost, kpps", 0, Better::Higher, &["/udp64"]).scaled(1e-3),
    Metric::new("idle_p50", "ping idle p50, ms", 2, Better::Lower, &["/ping_idle/p50"])
        .aims(Aim::Best(1.0), Aim::Value(0.23)),
    Metric::new("idle_p90", "ping idle p90, ms", 2, Better::Lower, &["/ping_idle/p90"]),
    Metric::new("idle_p99", "ping idle p99, ms", 2, Better::Lower, &["/ping_idle/p99"])
        .aims(Aim::Best(1.0), Aim::Value(0.5)),
    Metric::new("up_p50", "ping under TCP up p50, ms", 2, Better::Lower, &["/tcp_up/ping/p50"])
        .aims(Aim::Best(1.0), Aim::Value(0.4)),
    Metric::new("up_p99", "ping under TCP up p99, ms", 2, Better::Lower, &["/tcp_up/ping/p99"])
        .aims(Aim::Best(1.0), Aim::Value(1.0)),
    Metric::new("down_p50", "ping under TCP down p50, ms", 2, Better::Lower, &["/tcp_down/ping/p50"])
        .aims(Aim::Best(1.0), Aim::Value(0.4)),
    Metric::new("down_p99", "ping under TCP down p99, ms", 2, Better::Lower, &["/tcp_down/ping/p99"])
        .aims(Aim::Best(1.0), Aim::Value(1.0)),
    Metric::new(
        "load_lost",
        "pings lost under TCP, %",
        2,
        Better::Lower,
        &["/tcp_up/ping/loss", "/tcp_down/ping/loss"],
    )
    .aims(Aim::Value(0.0), Aim::Value(0.0))
    .scaled(100.0),
    cost(
        "cpu_machine",
        "whole machine, CPU s/GB",
        &["/tcp_up/cpu_machine_per_gb", "/tcp_down/cpu_machine_per_gb"],
    )
    .aims(Aim::Best(1.0), Aim::Value(6.5)),
    cost("cpu_hub", "hub, CPU s/GB", &["/tcp_up/cpu_hub_per_gb", "/tcp_down/cpu_hub_per_gb"])
        .aims(Aim::Best(1.0), Aim::Value(2.2)),
    cost("cpu_alice", "alice, CPU s/GB", &["/tcp_up/cpu_alice_per_gb", "/tcp_down/cpu_alice_per_gb"]),
    cost("cpu_bob", "bob, CPU s/GB", &["/tcp_up/cpu_bob_per_gb", "/tcp_down/cpu_bob_per_gb"]),
    Metric::new(
        "busy",
        "busy processors under TCP",
        2,
        Better::Neither,
        &["/tcp_up/busy_cores", "/tcp_down/busy_cores"],
    ),
    Metric::new("rss_idle", "hub memory idle, MiB", 1, Better::Lower, &["/rss_hub_idle"]),
    Metric::new("rss", "hub memory peak, MiB", 1, Better::Lower, &["/rss_hub"])
        .aims(Aim::Value(14.0), Aim::Value(9.0)),
    Metric::new("setup", "set-up to the first answer, ms", 0, Better::Lower, &["/setup_ms"])
        .aims(Aim::Value(30.0), Aim::Value(10.0)),
];

const fn cost(key: &'static str, title: &'static str, peers: &'static [&'static str]) -> Metric {
    Metric::new(key, title, 2, Better::Lower, peers)
}

pub(crate) fn run(args: &Args) -> Result<Report> {
    let programs = Programs::find(&args.common)?;
    let _busy = Busy::threads(args.busy)?;
    if let Some(folder) = &args.against.compare {
        return compare::tunnel(args, folder, &programs);
    }
    let mut report = Report::new("tunnel", METRICS, args.common.reps);
    report.note("wire", args.wire.as_str());
    args.note_busy(&mut report);
    for rep in 1..=args.common.reps {
        say(&format!("repetition {rep} of {}", args.common.reps));
        let lab = Lab::new(args.wire, None)?;
        report.note("congestion control of TCP", &lab.congestion_control()?);
        measure(args, &lab, &programs, rep, report.column("lanparty"))?;
    }
    Ok(report)
}

/// Threads that want all the time there is, until this is dropped.
struct Busy(Arc<AtomicBool>);

impl Busy {
    fn threads(count: u16) -> Result<Self> {
        let busy = Self(Arc::default());
        for number in 0..count {
            let ended = Arc::clone(&busy.0);
            thread::Builder::new().name(format!("busy-{number}")).spawn(move || {
                while !ended.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            })?;
        }
        Ok(busy)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn measure(args: &Args, lab: &Lab, programs: &Programs, rep: u16, samples: &mut Samples) -> Result<()> {
    let mut party = Party::start(lab, programs)?;
    party.join(Host::Bob)?;
    party.wait_until_ready(Host::Bob)?;
    let _counter = lab.start_tool(Host::Bob, &Tool::Serve { port: blast::PORT })?;
    samples.add("setup", set_up(lab, &mut party)?);
    if args.parts == [Part::Setup] {
        return Ok(());
    }
    thread::sleep(SETTLE);
    samples.add("rss_idle", party.relay_peak_mib()?);
    let bob = Host::Bob.inner();
    if args.measures(Part::Ping) {
        let Pings { p50, p90, p99, .. } = gauge::ping(lab, bob, args.pings)?;
        samples.add("idle_p50", p50);
        samples.add("idle_p90", p90);
        samples.add("idle_p99", p99);
    }
    if args.measures(Part::Tcp) {
        let mut ways =
            [(Way::Up, ["tcp_up", "up_p50", "up_p99"]), (Way::Down, ["tcp_down", "down_p50", "down_p99"])];
        if rep.is_multiple_of(2) {
            ways.reverse();
        }
        for (way, [rate, p50, p99]) in ways {
            let window = Window::open(lab, &party)?;
            let (mbit, pings) = gauge::tcp_with_pings(lab, bob, way, args.seconds)?;
            let cost = window.close()?;
            let costs = [
                ("cpu_hub", cost.hub),
                ("cpu_alice", cost.alice),
                ("cpu_bob", cost.bob),
                ("cpu_machine", cost.machine),
                ("busy", cost.busy),
            ];
            let figures = [(rate, mbit), (p50, pings.p50), (p99, pings.p99), ("load_lost", pings.lost)];
            figures.into_iter().chain(costs).for_each(|(key, value)| samples.add(key, value));
        }
    }
    if args.measures(Part::Udp) {
        let large = datagrams(args, lab, LARGE, Search { start: 4000.0, halvings: 5 })?;
        let small = datagrams(args, lab, SMALL, Search { start: (large * 0.85).max(1000.0), halvings: 3 })?;
        samples.add("udp172", large / 1e3);
        samples.add("udp64", small / 1e3);
    }
    samples.add("rss", party.relay_peak_mib()?);
    Ok(())
}

/// Milliseconds from the start of alice's client to the first answer.
fn set_up(lab: &Lab, party: &mut Party<'_>) -> Result<f64> {
    let tool = Tool::Probe { to: blast::at(Host::Bob.inner()), millis: PROBE_MILLIS };
    let (mut probe, mut output) = lab.start_tool_to_read(Host::Alice, &tool)?;
    // So that its own start is not measured.
    thread::sleep(Duration::from_millis(50));
    let start = Instant::now();
    party.join(Host::Alice)?;
    // A line comes with the answer, or an end without one.
    let answered = output.read(&mut [0])? == 1;
    let took = start.elapsed();
    ensure!(answered, "nobody answered through the tunnel");
    probe.wait()?;
    party.wait_until_ready(Host::Alice)?;
    Ok(took.as_secs_f64() * 1e3)
}

fn datagrams(args: &Args, lab: &Lab, size: usize, search: Search) -> Result<f64> {
    let mut trial = u32::try_from(size)? << 16;
    search.run(|rate| {
        trial += 1;
        let to = blast::at(Host::Bob.inner());
        let tool = Tool::Send { to, size, rate, millis: args.trial_ms, trial };
        Ok(serde_json::from_str(&lab.run_tool(Host::Alice, &tool)?)?)
    })
}
