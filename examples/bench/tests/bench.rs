//! Every scenario runs, and tells what it should. How fast is nobody's promise.

use std::process::{Command, Output};

use serde_json::Value;

fn bench(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lanparty-bench")).args(args).output().expect("the program runs")
}

fn measure(args: &[&str]) -> Value {
    let output = bench(&[args, &["--seconds", "0.3", "--json"]].concat());
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("one JSON document and nothing else")
}

/// Checks what holds for every scenario.
fn check(document: &Value, flows: usize) {
    let lines = document["flows"].as_array().expect("flows");
    assert_eq!(lines.len(), flows, "{document:#}");
    for line in lines {
        for key in ["name", "size", "lost", "reordered", "refused", "frames_per_second", "mbit_per_second"] {
            assert!(!line[key].is_null(), "no {key}: {line:#}");
        }
        assert!(line["sent"].as_u64() > Some(0), "{line:#}");
        assert!(line["received"].as_u64() > Some(0), "{line:#}");
        for key in ["min", "p50", "p99", "p99_9", "max"] {
            assert!(line["delay_us"][key].as_f64() > Some(0.0), "no {key}: {line:#}");
        }
    }
    assert!(document["machine"].as_str().is_some_and(|machine| machine.contains("cores")));
    for key in ["relay_drops", "member_drops", "pacer_late_us"] {
        assert!(document[key].is_object(), "no {key}");
    }
    if cfg!(target_os = "linux") {
        assert!(document["member"]["cpu_us_per_frame"].as_f64() > Some(0.0), "{document:#}");
        assert!(document["member"]["rss_mib"].as_f64() > Some(0.0), "{document:#}");
    }
}

#[test]
fn unicast() {
    let document = measure(&["unicast", "--rate", "500", "--size", "60"]);
    check(&document, 1);
    assert!(cfg!(not(target_os = "linux")) || document["relay"]["rss_mib"].as_f64() > Some(0.0));
}

#[test]
fn unicast_as_fast_as_it_goes_in_one_process() {
    let document = measure(&["unicast", "--processes", "1", "--size", "1514"]);
    check(&document, 1);
    assert!(document["relay"].is_null());
}

#[test]
fn flood() {
    let document = measure(&["flood", "--members", "3", "--rate", "100"]);
    check(&document, 1);
    let line = &document["flows"][0];
    assert!(line["received"].as_u64() > line["sent"].as_u64(), "a broadcast has several receivers");
}

#[test]
fn idle() {
    check(&measure(&["idle", "--members", "2"]), 2);
}

#[test]
fn loaded() {
    check(&measure(&["loaded", "--members", "2"]), 5);
}

#[test]
fn rooms() {
    let document =
        measure(&["rooms", "--rooms", "3", "--members", "2", "--runtime", "multi", "--workers", "2"]);
    check(&document, 1);
    assert_eq!(document["workers"], 2);
    assert_eq!(document["rooms"], 3);
}

#[test]
fn wrong_arguments_are_told() {
    for args in [
        vec!["unicast", "--size", "9000"],
        vec!["unicast", "--seconds", "0"],
        vec!["unicast", "--rate", "-1"],
        vec!["unicast", "--processes", "3"],
        vec!["swim"],
        vec![],
    ] {
        let output = bench(&args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty(), "{args:?}");
    }
    let output = bench(&["rooms", "--members", "1"]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("--members"));
}
