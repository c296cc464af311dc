//! Every scenario on a real path runs, tells what it should, and leaves nothing behind. How fast is nobody's promise.
//!
//! Where the system forbids network namespaces or lacks a tool, the tests say so and pass; with `LANPARTY_REQUIRE_NETNS=1`
//! they fail instead.
#![cfg(target_os = "linux")]
#![allow(clippy::print_stderr, reason = "a test that was skipped has to say so")]

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use serde_json::Value;

const BENCH: &str = env!("CARGO_BIN_EXE_lanparty-bench");
const REQUIRE: &str = "LANPARTY_REQUIRE_NETNS";
/// What it says where nothing can be measured.
const REFUSALS: [&str; 3] = ["apt-get install", "no network namespaces", "no TAP adapter"];

/// Builds the programs that are measured. A test of another package does not depend on them, so cargo has not done it.
static PROGRAMS: LazyLock<()> = LazyLock::new(|| {
    let Some(cargo) = std::env::var_os("CARGO") else { return };
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--locked", "-p", "lanparty-relay", "-p", "lanparty-client"]);
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    let status = command.status().expect("cargo");
    assert!(status.success(), "cargo build of the programs: {status}");
});

fn bench(args: &[&str]) -> Command {
    LazyLock::force(&PROGRAMS);
    let mut command = Command::new(BENCH);
    command.args(args);
    command
}

/// `None`, loudly, where nothing can be measured.
fn measure(args: &[&str]) -> Option<Value> {
    let output = bench(&[args, &["--reps", "1", "--json"]].concat()).output().expect("the program runs");
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() && REFUSALS.iter().any(|refusal| said.contains(refusal)) {
        assert!(std::env::var_os(REQUIRE).is_none_or(|value| value != "1"), "{said}{REQUIRE}=1 demands it");
        eprintln!("SKIPPED, NOTHING WAS TESTED: {said}");
        return None;
    }
    assert!(output.status.success(), "{args:?}: {said}");
    Some(serde_json::from_slice(&output.stdout).expect("one JSON document and nothing else"))
}

/// The figure under a key, which must be there once.
fn figure(document: &Value, column: &str, key: &str) -> f64 {
    let rows = document["rows"].as_array().expect("rows");
    let row = rows.iter().find(|row| row["key"] == key).unwrap_or_else(|| panic!("no {key}: {document:#}"));
    let figure = &row["figures"][column];
    assert_eq!(figure["count"], 1, "{key}: {row:#}");
    figure["median"].as_f64().unwrap_or_else(|| panic!("{key}: {row:#}"))
}

#[test]
fn tunnel() {
    let args = ["tunnel", "--part", "tcp,ping,setup", "--seconds", "1", "--pings", "20"];
    let Some(document) = measure(&args) else { return };
    for key in ["tcp_up", "tcp_down", "idle_p50", "idle_p99", "up_p50", "up_p99", "down_p99", "rss", "setup"]
    {
        assert!(figure(&document, "lanparty", key) > 0.0, "{key}: {document:#}");
    }
    let samples = &document["samples"]["lanparty"];
    for key in ["cpu_hub", "cpu_alice", "cpu_bob", "cpu_machine", "load_lost"] {
        assert_eq!(samples[key].as_array().map(Vec::len), Some(2), "one for each way, {key}: {document:#}");
    }
    assert!(samples["udp172"].is_null(), "it was not asked for");
    assert!(document["machine"].as_str().is_some_and(|machine| machine.contains("cores")));
}

#[test]
fn datagrams_through_a_tunnel() {
    let Some(document) = measure(&["tunnel", "--part", "udp", "--trial-ms", "100"]) else { return };
    for key in ["udp172", "udp64"] {
        assert!(figure(&document, "lanparty", key) > 0.0, "{key}: {document:#}");
    }
}

#[test]
fn slowlink() {
    let home = ["--rate-down", "15", "--rtt", "20"].as_slice();
    for (bulk, line, carries, trip) in [("tcp-up", &[][..], 10.0, 0.0), ("udp-down", home, 15.0, 20.0)] {
        let args = [&["slowlink", "--rate", "10", "--seconds", "1", "--bulk", bulk], line].concat();
        let Some(document) = measure(&args) else { return };
        assert_eq!(document["notes"]["bulk"], bulk);
        assert!(figure(&document, "lanparty", "idle_p50") >= trip, "{bulk}: {document:#}");
        for key in ["idle_p50", "load_p50", "load_p99", "load_max"] {
            assert!(figure(&document, "lanparty", key) > 0.0, "{bulk}, {key}: {document:#}");
        }
        let came = figure(&document, "lanparty", "bulk");
        assert!(
            came > 0.0 && came <= carries * 1.05,
            "{bulk}: the link carries {carries} Mbit/s, and {came} came"
        );
    }
}

#[test]
fn loss() {
    let args = ["loss", "--percent", "4", "--rtt", "20", "--seconds", "1", "--game-rate", "500"];
    let Some(document) = measure(&args) else { return };
    for key in ["bare_p50", "p50"] {
        assert!(figure(&document, "4 %", key) >= 20.0, "the delay is {key}'s: {document:#}");
    }
    // 8 % of 500 are lost on the way there and back; five standard deviations are 6 %.
    for key in ["bare_lost", "lost"] {
        let lost = figure(&document, "4 %", key);
        assert!((2.0..=14.0).contains(&lost), "{key}: {document:#}");
    }
    for key in ["bare_up", "up", "bare_down", "down"] {
        assert!(figure(&document, "4 %", key) > 0.0, "{key}: {document:#}");
    }
}

#[test]
fn whoever_ends_it_ends_everything() {
    const MARK: &str = "LANPARTY_BENCH_TEST_MARK";
    let mark = format!("{MARK}={}", std::process::id());
    let mut child = bench(&["tunnel", "--part", "setup", "--reps", "100"])
        .env(MARK, std::process::id().to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
    let mut said = String::new();
    while !said.contains("repetition 2 of") {
        if stderr.read_line(&mut said).expect("text") == 0 {
            assert!(REFUSALS.iter().any(|refusal| said.contains(refusal)), "{said}");
            eprintln!("SKIPPED, NOTHING WAS TESTED: {said}");
            child.wait().expect("it has ended");
            return;
        }
    }
    assert!(!processes_with(&mark).is_empty(), "something runs");
    // Nothing that a program could do about it.
    child.kill().expect("it runs");
    child.wait().expect("it has ended");
    // The last one that has this pipe is the one that waits for the end of all the others.
    stderr.read_to_string(&mut said).expect("text");
    assert_eq!(processes_with(&mark), Vec::<String>::new(), "after {said}");
}

/// The processes with something in their environment.
fn processes_with(mark: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").expect("/proc").flatten() {
        let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
        if environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes()) {
            let command = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            found.push(String::from_utf8_lossy(&command).replace('\0', " "));
        }
    }
    found
}

#[test]
fn wrong_arguments_are_told() {
    for args in [
        vec!["tunnel", "--part", "sleep"],
        vec!["tunnel", "--reps", "0"],
        vec!["tunnel", "--peers", "somebody"],
        vec!["slowlink", "--rate", "0"],
        vec!["loss", "--percent", "100"],
    ] {
        let output = Command::new(BENCH).args(&args).output().expect("the program runs");
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty(), "{args:?}");
    }
}
