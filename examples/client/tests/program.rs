//! The client as a player meets it, without an adapter.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::path::Path;
use std::process::Command;

use lanparty_cli::testing::{assert_fails, assert_helps, output};

const CLIENT: &str = env!("CARGO_BIN_EXE_lanparty-client");
const BASE: [&str; 4] = ["--relay", "127.0.0.1", "--room", "ROOM1"];

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&BASE[..], more].concat()
}

#[test]
fn help_names_everything() {
    assert_helps(
        CLIENT,
        &[
            "--tap",
            "--identity",
            "--virtual-mac",
            "--address",
            "--up-script",
            "--mtu",
            "--no-route-pin",
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
        (vec!["--relay", "relay.example"], "--room <CODE>"),
        (vec!["--relay", "relay.example", "--room", "a"], "a room code has 3 to 64 characters, not 1"),
        (with(&["--virtual-mac", "02:00"]), "--virtual-mac"),
        (with(&["--virtual-mac", "00:1b:21:00:00:01"]), "unicast and locally administered"),
        (with(&["--virtual-mac", "03:00:00:00:00:01"]), "unicast and locally administered"),
        (with(&["--address", "10.0.0.5"]), "10.77.0.2/24"),
        (with(&["--address", "10.0.0.5/24", "--up-script", "x"]), "cannot be used with"),
        (with(&["--tap-instance-id", "{}"]), "unexpected argument '--tap-instance-id'"),
        (vec!["service", "install"], "unexpected argument 'service'"),
        (with(&["--mtu", "9000"]), "9000 is not in 1280..=1500"),
    ] {
        assert_fails(CLIENT, &args, 2, &[wanted]);
    }
}

#[test]
fn a_configuration_file_has_the_same_keys() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("client.toml");
    let config = ["--config", path.to_str().unwrap(), "--check-config"];
    let good = "relay = \"relay.example\"\nroom = \"ROOM1\"\ntap = \"party\"\naddress = \"10.0.0.5/24\"\nmtu = 1400\n";
    std::fs::write(&path, good).unwrap();
    assert_eq!(output(CLIENT, &config).status.code(), Some(0));
    std::fs::write(&path, good.replace("tap", "tip")).unwrap();
    assert_fails(CLIENT, &config, 3, &["client.toml:3: unknown key `tip`"]);
    std::fs::write(&path, good.replace("/24", "/33")).unwrap();
    assert_fails(CLIENT, &config, 3, &["client.toml:4: wrong value for `address`"]);
}

#[test]
fn a_broken_identity_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("identity.json");
    std::fs::write(&path, "{\"version\":1,").unwrap();
    let args = with(&["--identity", path.to_str().unwrap()]);
    assert_fails(
        CLIENT,
        &args,
        6,
        &["identity.json cannot be used, it is cut off", "delete it to get a new identity"],
    );
    assert_eq!(std::fs::read(&path).unwrap(), b"{\"version\":1,");

    let output = output(CLIENT, &[&args[..], &["--log-format", "json"]].concat());
    let stderr = String::from_utf8(output.stderr).unwrap();
    let record: serde_json::Value = serde_json::from_str(stderr.lines().last().unwrap()).unwrap();
    assert_eq!((record["level"].as_str(), record["exit_code"].as_u64()), (Some("ERROR"), Some(6)));
}

#[test]
fn a_certificate_that_is_none_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("garbage.der"), "garbage").unwrap();
    for (cert, wanted) in [("missing.der", "missing.der: check the path"), ("garbage.der", "certificate")] {
        let args = ["--identity", &path("identity.json"), "--relay-ca-cert", &path(cert)];
        assert_fails(CLIENT, &with(&args), 6, &[wanted]);
    }
}

#[test]
fn without_permission_it_says_what_to_do() {
    if !Path::new("/dev/net/tun").exists() {
        eprintln!("SKIPPED: this host has no /dev/net/tun");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    lanparty_sdk::quic::ServerCert::development("relay.test").unwrap().write_der(path("relay.der")).unwrap();
    let (identity, cert) = (path("identity.json"), path("relay.der"));
    let args = with(&["--tap", "lptest0", "--identity", &identity, "--relay-ca-cert", &cert]);
    if !nix::unistd::geteuid().is_root() {
        assert_fails(CLIENT, &args, 4, &["not root: run with sudo, or give this binary cap_net_admin"]);
        return;
    }
    // Root without capabilities is not permitted either.
    let mut command = Command::new("setpriv");
    command.args(["--bounding-set=-all", "--inh-caps=-all", CLIENT]).args(args);
    let Ok(output) = command.output() else {
        eprintln!("SKIPPED: root, and there is no setpriv");
        return;
    };
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{stderr}");
    assert!(stderr.contains("error: not root: run with sudo, or give this binary cap_net_admin"), "{stderr}");
}
