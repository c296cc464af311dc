//! The demonstration as a newcomer runs it, and as a script does.

use std::process::{Command, Output};

use serde_json::Value;

fn demo(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lanparty-demo")).args(args).output().expect("the program runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What a list's members say of themselves under `key`.
fn column<'a>(document: &'a Value, list: &str, key: &str) -> Vec<&'a str> {
    let rows = document[list].as_array().unwrap_or_else(|| panic!("no list {list}: {document:#}"));
    rows.iter().map(|row| row[key].as_str().unwrap_or_else(|| panic!("no {key}: {row:#}"))).collect()
}

#[test]
fn the_whole_party_works_and_says_so_in_one_document() {
    let output = demo(&["--seconds", "1", "--json"]);
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    let document: Value = serde_json::from_slice(&output.stdout).expect("one JSON document and nothing else");
    assert_eq!(document["ok"], true);
    assert_eq!(document["failure"], Value::Null);
    assert_eq!(column(&document, "members", "name"), ["the LAN", "Ann", "Bob"]);
    assert_eq!(column(&document, "members", "role"), ["gateway", "client", "client"]);

    let leases = column(&document, "leases", "address");
    assert_eq!(leases.len(), 2);
    assert_ne!(leases[0], leases[1]);
    assert!(
        leases.iter().all(|lease| lease.starts_with("10.77.0.1") && lease.ends_with("/24")),
        "{leases:?}"
    );

    assert_eq!(column(&document, "games", "client"), ["Ann", "Bob", "Bob"]);
    let mut titles = column(&document, "games", "title");
    titles.sort_unstable();
    assert_eq!(titles, ["Ann's game", "Arena on the LAN", "Arena on the LAN"]);

    let pings = document["pings"].as_array().expect("pings");
    assert_eq!(pings.len(), 3, "every pair of the game host and two clients");
    for ping in pings {
        let quantile = |key: &str| ping[key].as_u64().unwrap_or_else(|| panic!("no {key}: {ping:#}"));
        assert!(0 < quantile("min_us") && quantile("min_us") <= quantile("median_us"), "{ping:#}");
        assert!(quantile("median_us") <= quantile("p99_us"), "{ping:#}");
        assert!(quantile("sent") > 0, "{ping:#}");
    }

    let transfers = document["transfers"].as_array().expect("transfers");
    assert_eq!(column(&document, "transfers", "from"), ["game host", "Ann"]);
    assert_eq!(column(&document, "transfers", "to"), ["Ann", "Bob"]);
    assert!(transfers.iter().all(|transfer| transfer["bytes"].as_u64() > Some(0)), "{transfers:#?}");

    assert_eq!(column(&document, "counters", "member"), ["the LAN", "Ann", "Bob"]);
    assert!(document["relay"]["datagrams"].as_u64() > Some(0));
}

#[test]
fn one_player_is_a_party_too_and_text_is_for_people() {
    let output = demo(&["--seconds", "1", "--clients", "1"]);
    let shown = text(&output.stdout);
    assert!(output.status.success(), "{shown}{}", text(&output.stderr));
    for heading in [
        "Who joined",
        "Leases",
        "Games found by broadcast",
        "Ping",
        "Bulk transfer",
        "Counters",
        "All of it worked",
    ] {
        assert!(shown.contains(heading), "no {heading} in\n{shown}");
    }
    assert!(!shown.contains('\x1b'), "colours only on a terminal");
}

#[test]
fn wrong_arguments_are_usage_errors() {
    for args in [["--clients", "0"], ["--clients", "17"], ["--seconds", "0"], ["--seconds", "soon"]] {
        let output = demo(&args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty(), "{args:?}");
        assert!(text(&output.stderr).contains(args[0]), "{args:?}: {}", text(&output.stderr));
    }
}

#[test]
fn help_tells_every_flag_and_the_exit_status() {
    let output = demo(&["--help"]);
    assert!(output.status.success());
    for word in ["--seconds", "--clients", "--json", "Exit status"] {
        assert!(text(&output.stdout).contains(word), "{word}");
    }
}
