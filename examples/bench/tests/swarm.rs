//! What is measured with a swarm runs, and tells what it should. How fast is nobody's promise.

use std::process::{Command, Output};

use serde_json::Value;

fn bench(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lanparty-bench")).args(args).output().expect("the program runs")
}

fn measure(args: &[&str]) -> Value {
    let output = bench(&[args, &["--json"]].concat());
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("one JSON document and nothing else")
}

/// What comes in one batch comes at the same time, so a gap may be none.
fn check_delays(line: &Value) {
    for key in ["min", "p50", "p99", "p99_9", "max"] {
        assert!(line[key].as_f64() >= Some(0.0), "no {key}: {line:#}");
    }
    assert!(line["max"].as_f64() > Some(0.0), "{line:#}");
}

/// Checks one line of a game.
fn check_game(line: &Value) {
    assert!(line["sent"].as_u64() > Some(0), "{line:#}");
    assert!(line["received"].as_u64() > Some(0), "{line:#}");
    check_delays(&line["delay_us"]);
    check_delays(&line["gap_us"]);
    assert!(line["relay_drops"].is_object());
    if cfg!(target_os = "linux") {
        assert!(line["relay"]["cpu_us_per_frame"].as_f64() > Some(0.0), "{line:#}");
        assert!(line["swarm"]["rss_mib"].as_f64() > Some(0.0), "{line:#}");
    }
}

#[test]
fn scale() {
    let document = measure(&["scale", "--rooms", "1,2", "--members", "3", "--seconds", "0.3"]);
    let lines = document["lines"].as_array().expect("lines");
    assert_eq!(lines.iter().map(|line| line["rooms"].as_u64()).collect::<Vec<_>>(), [Some(1), Some(2)]);
    lines.iter().for_each(check_game);
    assert!(document["machine"].as_str().is_some_and(|machine| machine.contains("cores")));
}

#[test]
fn scale_with_workers() {
    let document =
        measure(&["scale", "--rooms", "6", "--members", "3", "--seconds", "0.3", "--workers", "3"]);
    assert_eq!(document["workers"], 3);
    check_game(&document["lines"][0]);
}

#[test]
fn gaps() {
    let document =
        measure(&["gaps", "--members", "4", "--rate", "100", "--seconds", "0.3", "--runtime", "multi"]);
    assert_eq!(document["runtime"], "multi");
    check_game(&document["lines"][0]);
}

#[test]
fn sessions() {
    let document = measure(&["sessions", "--sessions", "20", "--churns", "2", "--seconds", "0.1"]);
    assert_eq!(document["sessions"], 20);
    if cfg!(target_os = "linux") {
        assert_eq!(document["rss_mib"].as_array().map(Vec::len), Some(3), "at first, and after each round");
        assert!(document["kib_per_session"][1].is_number());
    }
}

#[test]
fn reconnect() {
    let document =
        measure(&["reconnect", "--clients", "20", "--rooms", "1", "--members", "2", "--seconds", "0.3"]);
    assert_eq!(document["players"], 2);
    check_delays(&document["back_ms"]);
    for part in ["calm", "rush"] {
        assert!(document[part]["sent"].as_u64() > Some(0), "{document:#}");
        check_delays(&document[part]["delay_us"]);
    }
}

#[test]
fn they_print_text_as_well() {
    let output = bench(&["scale", "--rooms", "1", "--members", "2", "--seconds", "0.2"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("scale") && text.contains("frames/s"), "{text}");
}

#[test]
fn wrong_arguments_are_told() {
    for args in [
        vec!["scale", "--rooms", "0"],
        vec!["scale", "--members", "1"],
        vec!["gaps", "--size", "1500"],
        vec!["sessions", "--sessions", "0"],
        vec!["reconnect", "--seconds", "0"],
    ] {
        let output = bench(&args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty(), "{args:?}");
    }
}
