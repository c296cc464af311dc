//! What is read off other programs and the system: TCP's throughput, round trips, processor time.

use std::net::Ipv4Addr;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::tunnel::game::percentile;
use crate::tunnel::lab::{Host, Lab, Process};
use crate::tunnel::party::{Party, TAP};

/// Round trips of pings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Pings {
    /// In milliseconds.
    pub(crate) p50: f64,
    pub(crate) p90: f64,
    pub(crate) p99: f64,
    /// Percent.
    pub(crate) lost: f64,
}

impl Pings {
    fn parse(output: &str) -> Result<Self> {
        let mut millis = Vec::new();
        let mut sent = 0;
        for line in output.lines().filter(|line| !line.contains("DUP!")) {
            let field = |name: &str| line.split(' ').find_map(|word| word.strip_prefix(name));
            let Some(number) = field("icmp_seq=").and_then(|text| text.parse::<u64>().ok()) else { continue };
            sent = sent.max(number);
            millis.extend(field("time=").and_then(|text| text.parse::<f64>().ok()));
        }
        anyhow::ensure!(!millis.is_empty(), "no ping came back: {output}");
        millis.sort_by(f64::total_cmp);
        let lost = 100.0 * (1.0 - millis.len() as f64 / sent as f64);
        Ok(Self {
            p50: percentile(&millis, 0.5),
            p90: percentile(&millis, 0.9),
            p99: percentile(&millis, 0.99),
            lost,
        })
    }
}

/// Pings from alice, a hundred a second.
pub(crate) fn ping(lab: &Lab, to: Ipv4Addr, count: u32) -> Result<Pings> {
    Pings::parse(&lab.run_anyway(Host::Alice, "ping", &format!("-n -i 0.01 -c {count} {to}"))?)
}

fn ping_for(lab: &Lab, to: Ipv4Addr, seconds: f64) -> Result<Pings> {
    // A kernel's answer counts, not a wait for one that is lost: the deadline ends it.
    let seconds = seconds.ceil().max(1.0);
    Pings::parse(&lab.run_anyway(Host::Alice, "ping", &format!("-n -i 0.01 -w {seconds} {to}"))?)
}

/// Which way the bytes of a stream go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// From alice to bob.
    Up,
    /// From bob to alice.
    Down,
}

/// How many seconds longer a stream may take, which a path that loses much can do without end.
const TCP_PATIENCE: f64 = 30.0;

/// Bob's end of a stream. One is for one stream: over a lossy path it does not know at once that a stream has ended,
/// and then refuses the next.
fn serve_stream(lab: &Lab) -> Result<Process> {
    let mut server =
        lab.start(Host::Bob, "iperf3".as_ref(), &["-s".to_owned(), "--forceflush".to_owned()])?;
    server.wait_for("listening")?;
    Ok(server)
}

/// One TCP stream between alice and bob: what arrives, in Mbit/s.
pub(crate) fn tcp(lab: &Lab, to: Ipv4Addr, way: Way, seconds: f64) -> Result<f64> {
    stream(lab, to, way, seconds, "")
}

/// Datagrams of 1200 bytes at a rate of `mbit`, with nothing that answers them: what arrives, in Mbit/s.
pub(crate) fn udp(lab: &Lab, to: Ipv4Addr, way: Way, seconds: f64, mbit: f64) -> Result<f64> {
    stream(lab, to, way, seconds, &format!("-u -l 1200 -b {mbit}M"))
}

fn stream(lab: &Lab, to: Ipv4Addr, way: Way, seconds: f64, more: &str) -> Result<f64> {
    let _server = serve_stream(lab)?;
    let reverse = if way == Way::Down { "-R" } else { "" };
    // It takes whole seconds only.
    let seconds = seconds.ceil().max(1.0);
    let arguments = format!(
        "-k 1 {} iperf3 -c {to} -t {seconds} -J --connect-timeout 10000 {reverse} {more}",
        seconds + TCP_PATIENCE
    );
    let output = lab.run_anyway(Host::Alice, "timeout", &arguments)?;
    throughput(&output)
}

fn throughput(output: &str) -> Result<f64> {
    let document: Value = serde_json::from_str(output).context("iperf3 printed no document")?;
    let rate = document.pointer("/end/sum_received/bits_per_second").and_then(Value::as_f64);
    let rate = rate.with_context(|| format!("iperf3: {}", document["error"]))?;
    Ok(rate / 1e6)
}

/// As [`tcp`], with pings from a second after its start on.
pub(crate) fn tcp_with_pings(lab: &Lab, to: Ipv4Addr, way: Way, seconds: f64) -> Result<(f64, Pings)> {
    thread::scope(|scope| {
        let pings = scope.spawn(|| {
            let head = Duration::from_secs(1).min(Duration::from_secs_f64(seconds / 4.0));
            thread::sleep(head);
            ping_for(lab, to, seconds - 1.0)
        });
        let tcp = tcp(lab, to, way, seconds);
        let pings = pings.join().map_err(|_| anyhow::anyhow!("the pinging thread panicked"))?;
        Ok((tcp?, pings?))
    })
}

/// What the tunnel and the machine have used up to a moment.
#[derive(Debug)]
pub(crate) struct Window<'a> {
    lab: &'a Lab,
    party: &'a Party<'a>,
    start: Instant,
    cpu: [u64; 3],
    machine: f64,
    bytes: u64,
}

/// Processor seconds per gigabyte that crossed bob's adapter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    pub(crate) hub: f64,
    pub(crate) alice: f64,
    pub(crate) bob: f64,
    /// Everything that runs on this machine.
    pub(crate) machine: f64,
    /// Processors that were busy.
    pub(crate) busy: f64,
}

impl<'a> Window<'a> {
    pub(crate) fn open(lab: &'a Lab, party: &'a Party<'a>) -> Result<Self> {
        Ok(Self {
            lab,
            party,
            start: Instant::now(),
            cpu: party.usage()?.map(|usage| usage.cpu_nanos),
            machine: machine_seconds()?,
            bytes: lab.bytes(Host::Bob, TAP)?,
        })
    }

    pub(crate) fn close(self) -> Result<Cost> {
        let took = self.start.elapsed().as_secs_f64();
        let bytes = self.lab.bytes(Host::Bob, TAP)?.saturating_sub(self.bytes);
        let gigabytes = bytes.max(1) as f64 / 1e9;
        let machine = machine_seconds()? - self.machine;
        let cpu = self.party.usage()?.map(|usage| usage.cpu_nanos);
        let of = |index: usize| cpu[index].saturating_sub(self.cpu[index]) as f64 / 1e9 / gigabytes;
        Ok(Cost { hub: of(0), alice: of(1), bob: of(2), machine: machine / gigabytes, busy: machine / took })
    }
}

/// Processor seconds of the machine that were not idle, nor another machine's.
fn machine_seconds() -> Result<f64> {
    let text = std::fs::read_to_string("/proc/stat")?;
    busy_ticks(&text).map(|ticks| ticks / TICKS_PER_SECOND).context("/proc/stat")
}

/// Fixed for all programs on Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// Of `user nice system idle iowait irq softirq steal`.
fn busy_ticks(stat: &str) -> Option<f64> {
    let numbers: Vec<f64> = stat
        .lines()
        .next()?
        .split_whitespace()
        .skip(1)
        .take(8)
        .map(str::parse)
        .collect::<Result<_, _>>()
        .ok()?;
    match numbers.as_slice() {
        [user, nice, system, _, _, irq, soft, _] => Some(user + nice + system + irq + soft),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pings_are_read() {
        let output = "PING 10.77.0.1 (10.77.0.1) 56(84) bytes of data.\n\
            64 bytes from 10.77.0.1: icmp_seq=1 ttl=64 time=0.300 ms\n\
            64 bytes from 10.77.0.1: icmp_seq=2 ttl=64 time=0.200 ms\n\
            64 bytes from 10.77.0.1: icmp_seq=2 ttl=64 time=0.900 ms (DUP!)\n\
            64 bytes from 10.77.0.1: icmp_seq=4 ttl=64 time=12.5 ms\n";
        let pings = Pings::parse(output).expect("pings");
        assert_eq!((pings.p50, pings.p99, pings.lost), (0.3, 12.5, 25.0));
        assert!(Pings::parse("nothing").is_err());
    }

    #[test]
    fn throughput_is_what_arrived() {
        let output =
            r#"{"end": {"sum_sent": {"bits_per_second": 2e6}, "sum_received": {"bits_per_second": 1e6}}}"#;
        assert_eq!(throughput(output).expect("a document"), 1.0);
        let refused = throughput(r#"{"error": "unable to connect"}"#).expect_err("no figures");
        assert!(refused.to_string().contains("unable to connect"), "{refused}");
    }

    #[test]
    fn idle_and_stolen_time_is_not_busy() {
        assert_eq!(busy_ticks("cpu  1 2 4 1000 2000 8 16 4000 0 0\n"), Some(31.0));
        assert_eq!(busy_ticks("cpu 1 2"), None);
    }
}
