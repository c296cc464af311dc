//! The peers' harness measures them and us, in turns and in the same way, and its figures are told as ours are.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use crate::tunnel::figures::{Metric, Report, Samples, US};
use crate::tunnel::party::Programs;
use crate::tunnel::{inside, path, say, slowlink};

/// What tells that harness how to start our programs.
const MODULE: &str = include_str!("peers.py");

pub(crate) fn tunnel(args: &path::Args, folder: &Path, programs: &Programs) -> Result<Report> {
    let mut report = Report::new("tunnel", path::METRICS, args.common.reps);
    report.note("wire", args.wire.as_str());
    report.note("measured by", "the peers' harness");
    args.note_busy(&mut report);
    let scratch = inside::scratch("compare")?;
    let out = scratch.join("results.jsonl");
    let seconds = args.seconds.ceil().max(2.0).to_string();
    let reps = args.common.reps.to_string();
    let mut arguments = vec!["--reps", &reps, "--dur", &seconds, "--offload", args.wire.as_str(), "--out"];
    arguments.push(out.to_str().context("a path that is no text")?);
    let pings = args.pings.to_string();
    arguments.extend(["--pings", &pings]);
    if !args.measures_datagrams() {
        arguments.push("--no-udp");
    }
    let mut command = harness(folder, programs, &scratch)?;
    // What it says on its standard output is progress; the figures are in its file.
    command.arg("tunnel").arg(names(&args.against.peers).join(",")).args(arguments).stdout(std::io::stderr());
    let status = command.status().context("python3")?;
    ensure!(status.success(), "the peers' harness: {status}");
    let text = std::fs::read_to_string(&out).context("the peers' harness wrote no figures")?;
    read(&text, path::METRICS, &mut report)?;
    Ok(report)
}

pub(crate) fn slowlink(args: &slowlink::Args, folder: &Path, programs: &Programs) -> Result<Report> {
    let harness_file = slowlink::harness(folder);
    ensure!(harness_file.is_file(), "there is no {}", harness_file.display());
    let mut report = slowlink::report(args);
    report.note("measured by", "the peers' harness");
    let scratch = inside::scratch("compare")?;
    let names = names(&args.against.peers);
    for rep in 1..=args.common.reps {
        // In turns, and not always in the same order.
        let mut names = names.clone();
        if rep.is_multiple_of(2) {
            names.reverse();
        }
        say(&format!("repetition {rep} of {}: {}", args.common.reps, names.join(", ")));
        let mut command = harness(folder, programs, &scratch)?;
        command.arg("slowlink").arg(names.join(","));
        command.args(["--rate", &args.rate.to_string(), "--secs", &args.seconds.ceil().to_string()]);
        let output = command.stderr(Stdio::inherit()).output().context("python3")?;
        ensure!(output.status.success(), "the peers' harness: {}", output.status);
        read(&String::from_utf8(output.stdout)?, slowlink::METRICS, &mut report)?;
    }
    report.each_column(slowlink::derive);
    Ok(report)
}

/// Ours first.
fn names(peers: &[String]) -> Vec<&str> {
    let others = peers.iter().map(String::as_str).filter(|name| *name != US);
    [US].into_iter().chain(others).collect()
}

fn harness(folder: &Path, programs: &Programs, scratch: &Path) -> Result<Command> {
    let folder = folder.canonicalize().with_context(|| format!("there is no {}", folder.display()))?;
    ensure!(folder.join("peerbench.py").is_file(), "there is no {}", folder.join("peerbench.py").display());
    let module = scratch.join("peers.py");
    std::fs::write(&module, MODULE)?;
    let mut command = Command::new("python3");
    command
        .arg(module)
        .env("LANPARTY_HARNESS", folder)
        .env("LANPARTY_PROGRAMS", programs.folder())
        .env("LANPARTY_CLIENT_OPTIONS", programs.client_options())
        .env("LANPARTY_RELAY_OPTIONS", programs.relay_options())
        .env("LANPARTY_SCRATCH", scratch)
        .stdin(Stdio::null());
    Ok(command)
}

/// Takes figures out of documents, one a line.
fn read(text: &str, metrics: &'static [Metric], report: &mut Report) -> Result<()> {
    for line in text.lines().filter(|line| line.starts_with('{')) {
        let document: Value =
            serde_json::from_str(line).context("the peers' harness printed something else")?;
        let peer = document["peer"].as_str().context("figures of nobody")?;
        if let Some(error) = document["error"].as_str() {
            if peer == US {
                bail!("the peers' harness could not measure us: {error}");
            }
            say(&format!("{peer} could not be measured: {error}"));
            continue;
        }
        add(&document, metrics, report.column(peer));
    }
    Ok(())
}

fn add(document: &Value, metrics: &'static [Metric], samples: &mut Samples) {
    for metric in metrics {
        for place in metric.peers {
            if let Some(value) = document.pointer(place).and_then(Value::as_f64) {
                samples.add(metric.key, value * metric.scale);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_found_where_the_harness_keeps_them() {
        let text = r#"
            {"peer": "lanparty", "tcp_up": {"mbps": 800, "ping": {"p50": 1.5, "p99": 2, "loss": 0.25}}, "udp172": 90000}
            {"peer": "other", "error": "RuntimeError: no"}
            {"peer": "third", "tcp_up": {"mbps": 400}}"#;
        let text: String = text.lines().map(|line| format!("{}\n", line.trim())).collect();
        let mut report = Report::new("tunnel", path::METRICS, 1);
        read(&text, path::METRICS, &mut report).expect("figures");
        let document = serde_json::to_value(&report).expect("a document");
        let samples = &document["samples"];
        assert_eq!(samples["lanparty"]["tcp_up"][0], 800.0);
        assert_eq!(samples["lanparty"]["load_lost"][0], 25.0);
        assert_eq!(samples["lanparty"]["udp172"][0], 90.0);
        assert_eq!(samples["third"]["tcp_up"][0], 400.0);
        assert!(samples["other"].is_null());
    }

    #[test]
    fn our_own_failure_is_one() {
        let mut report = Report::new("tunnel", path::METRICS, 1);
        let error = read(r#"{"peer": "lanparty", "error": "no reply"}"#, path::METRICS, &mut report);
        assert!(error.expect_err("a failure").to_string().contains("no reply"));
    }
}
