//! The gateway as the party's host meets it, without a LAN.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::process::Command;

use lanparty_cli::testing::{assert_fails, assert_helps, output};
use lanparty_sdk::port::af_packet::preflight;

const GATEWAY: &str = env!("CARGO_BIN_EXE_lanparty-gateway");
const BASE: [&str; 4] = ["--relay", "127.0.0.1", "--room", "ROOM1"];

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&BASE[..], more].concat()
}

#[test]
fn help_names_everything() {
    assert_helps(
        GATEWAY,
        &[
            "--iface",
            "--identity",
            "--capture-buffer",
            "--relay ",
            "--server-name",
            "--relay-ca-cert",
            "--room",
            "--name",
            "--retry",
        ],
    );
}

#[test]
fn a_wrong_command_line_is_named() {
    for (args, wanted) in [
        (vec!["--room", "ROOM1", "--iface", "eth0"], "--relay <HOST[:PORT]>"),
        (
            vec!["--relay", "https://relay.example", "--room", "ROOM1", "--iface", "eth0"],
            "leave out the scheme",
        ),
        (vec!["--relay", "relay.example:0", "--room", "ROOM1", "--iface", "eth0"], "not a port"),
        (
            vec!["--relay", "relay.example", "--room", "my room", "--iface", "eth0"],
            "' ' may not stand in a room code",
        ),
        (with(&["--iface", "eth0", "--name", ""]), "1 to 32 characters"),
    ] {
        assert_fails(GATEWAY, &args, 2, &[wanted]);
    }
}

#[test]
fn a_configuration_file_has_the_same_keys() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gateway.toml");
    let config = ["--config", path.to_str().unwrap(), "--check-config"];
    std::fs::write(&path, "relay = \"relay.example\"\nroom = \"ROOM1\"\niface = \"eth0\"\nretry = true\n")
        .unwrap();
    assert_eq!(output(GATEWAY, &config).status.code(), Some(0));
    std::fs::write(&path, "relay = \"relay.example\"\nroom = \"ROOM1\"\niface = \"eth0\"\nretry = 1\n")
        .unwrap();
    assert_fails(GATEWAY, &config, 3, &["gateway.toml:4: wrong value for `retry`: write true or false"]);
}

#[test]
fn an_interface_that_is_no_lan_is_named() {
    for (iface, wanted) in [
        ("lo", "lo is the loopback interface"),
        ("lanparty-none", "there is no interface called lanparty-none: `ip link` lists them"),
        ("a/b", "\"a/b\" cannot be the name of an interface"),
    ] {
        assert_fails(GATEWAY, &with(&["--iface", iface]), 5, &[wanted]);
    }
}

#[test]
fn without_permission_it_says_what_to_do() {
    let names = std::fs::read_dir("/sys/class/net").unwrap().map(|entry| entry.unwrap().file_name());
    let Some(iface) = names.filter_map(|name| name.into_string().ok()).find(|name| preflight(name).is_ok())
    else {
        eprintln!("SKIPPED: this host has no wired interface that is up");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let identity = folder.path().join("identity.json");
    let cert = folder.path().join("relay.der");
    let made = lanparty_sdk::quic::ServerCert::development("relay.test").unwrap();
    made.write_der(&cert).unwrap();
    let more = [
        "--iface",
        &iface,
        "--identity",
        identity.to_str().unwrap(),
        "--relay-ca-cert",
        cert.to_str().unwrap(),
    ];
    if !nix::unistd::geteuid().is_root() {
        assert_fails(GATEWAY, &with(&more), 4, &["not root: run with sudo, or give this binary cap_net_raw"]);
        return;
    }
    // Root without capabilities is not permitted either.
    let mut command = Command::new("setpriv");
    command.args(["--bounding-set=-all", "--inh-caps=-all", GATEWAY]).args(with(&more));
    let Ok(output) = command.output() else {
        eprintln!("SKIPPED: root, and there is no setpriv");
        return;
    };
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{stderr}");
    assert!(stderr.contains("error: not root: run with sudo, or give this binary cap_net_raw"), "{stderr}");
}
