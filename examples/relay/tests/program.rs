//! The relay as its operator meets it.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::net::UdpSocket;
use std::path::Path;
use std::time::Duration;

use lanparty_cli::testing::{Running, assert_fails, assert_helps, output};
use lanparty_cli::{Exit, Failure};
use lanparty_sdk::ctrl::LeaveReason;
use lanparty_sdk::identity::Identity;
use lanparty_sdk::member::SessionEvent;
use lanparty_sdk::quic::Trust;
use lanparty_sdk::session::{Session, SessionBuilder};

const RELAY: &str = env!("CARGO_BIN_EXE_lanparty-relay");
const PATIENCE: Duration = Duration::from_secs(30);

/// A relay on a port of the system's choice, and where that is.
fn start(folder: &Path, more: &[&str]) -> (Running, String) {
    let cert = folder.join("made/relay.der");
    let mut args = vec!["--listen", "127.0.0.1:0", "--dev-cert-der-out", cert.to_str().unwrap()];
    args.extend(more);
    let mut relay = Running::start(RELAY, &args);
    let line = relay.line("listening on ");
    let addr = line.split("listening on ").nth(1).unwrap().split('/').next().unwrap().to_owned();
    (relay, addr)
}

fn client(folder: &Path, addr: &str, identity: Identity) -> SessionBuilder {
    let trust = Trust::certificate_file(folder.join("made/relay.der")).unwrap();
    SessionBuilder::client(addr.parse().unwrap(), trust, "room1".parse().unwrap(), identity)
        .server_name("lanparty-relay.local")
}

fn gateway(folder: &Path, addr: &str) -> SessionBuilder {
    let trust = Trust::certificate_file(folder.join("made/relay.der")).unwrap();
    let identity = Identity::generate().unwrap();
    SessionBuilder::gateway(addr.parse().unwrap(), trust, "ROOM1".parse().unwrap(), identity)
        .server_name("lanparty-relay.local")
}

#[test]
fn help_names_everything() {
    assert_helps(
        RELAY,
        &[
            "--listen",
            "--workers",
            "--cert ",
            "--key ",
            "--dev-cert-der-out",
            "--dev-cert-name",
            "--max-clients-per-room",
            "--limit-mtu",
            "--limit-client-bytes",
            "--limit-client-flood",
            "--limit-client-probes",
            "--limit-client-unknown-unicast",
            "--limit-gateway-bytes",
            "--limit-gateway-flood",
            "--limit-gateway-probes",
            "--limit-gateway-unknown-unicast",
            "--limit-malformed",
            "--limit-place-grace",
            "--limit-table-members",
            "--limit-table-learned",
            "--limit-table-ageing",
            "--limit-rooms",
            "--limit-connections ",
            "--limit-hello-timeout",
            "--limit-message-timeout",
            "--limit-control-messages",
            "--limit-control-strikes",
            "--limit-handshake-retry",
            "--limit-handshake-calm",
            "--limit-handshakes-per-address",
            "--limit-connections-per-address",
            "--limit-handshake-addresses",
            "--limit-handshake-timeout",
            "--limit-outbox-bytes",
            "--limit-outbox-datagrams",
            "--limit-receive-queue",
            "--limit-send-queue",
            "--keep-alive",
            "--socket-receive-buffer",
            "--socket-send-buffer",
            "--segmentation-offload",
        ],
    );
}

#[test]
fn what_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("garbage.pem"), "garbage").unwrap();
    std::fs::write(path("file"), "").unwrap();
    let usage: [(&[&str], &str); 11] = [
        (&["--listen", "nowhere"], "not a port"),
        (&["--listen", "443/tcp"], "only /udp may follow"),
        (&["--listen", "localhost:443"], "not a local address to listen on"),
        (&["--workers", "65"], "65 is not in 1..=64"),
        (&["--max-clients-per-room", "0"], "0 is not in 1..=65535"),
        (&["--limit-client-bytes", "2MiB"], "PER_SECOND:BURST"),
        (&["--limit-hello-timeout", "5"], "not a time"),
        (&["--idle-timeout", "2s"], "--keep-alive 1500ms does not fit the idle-timeout of 2s"),
        (&["--cert", "relay.pem"], "--key <FILE>"),
        (&["--key", "relay.key"], "--cert <FILE>"),
        (&["--unheard-of"], "--unheard-of"),
    ];
    for (args, wanted) in usage {
        assert_fails(RELAY, &[&["--check-config"], args].concat(), 2, &[wanted]);
    }
    let listen = ["--listen", "127.0.0.1:0"];
    let name = [listen[0], listen[1], "--dev-cert-name", "a b"];
    assert_fails(RELAY, &name, 2, &["\"a b\" cannot stand in a certificate"]);
    let files: [(&str, &str, &str); 2] = [
        ("missing.pem", "missing.key", "missing.pem: check the path"),
        ("garbage.pem", "garbage.pem", "no usable certificate"),
    ];
    for (cert, key, wanted) in files {
        let (cert, key) = (path(cert), path(key));
        assert_fails(RELAY, &[listen[0], listen[1], "--cert", &cert, "--key", &key], 6, &[wanted]);
    }
    let below_a_file = path("file/relay.der");
    assert_fails(RELAY, &[listen[0], listen[1], "--dev-cert-der-out", &below_a_file], 6, &["relay.der"]);
}

#[test]
fn a_configuration_file_has_the_same_keys() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("relay.toml");
    let config = path.to_str().unwrap();
    let write = |text: &str| std::fs::write(&path, text).unwrap();
    write(
        "listen = \"127.0.0.1:0\"\nworkers = 2\nmax-clients-per-room = 4\nlimit-client-bytes = \"2MiB/s:4MiB\"\n\
         limit-outbox-bytes = 4096\nlimit-handshake-retry = \"always\"\nlog-format = \"json\"\nlog-level = \"debug\"\n",
    );
    assert_eq!(output(RELAY, &["--config", config, "--check-config"]).status.code(), Some(0));
    let bad: [(&str, &str); 6] = [
        ("listen = \"127.0.0.1:0\"\nmax-clients = 4\n", "relay.toml:2: unknown key `max-clients`"),
        ("max-clients-per-room = \"4\"\n", "relay.toml:1: wrong value for `max-clients-per-room`"),
        ("\nmax-clients-per-room = 0\n", "relay.toml:2: wrong value for `max-clients-per-room`: 0 is not in"),
        ("limit-client-bytes = 5\n", "relay.toml:1: wrong value for `limit-client-bytes`"),
        ("log-level = \"lanparty=loud\"\n", "relay.toml:1: wrong value for `log-level`"),
        ("listen = \n", "relay.toml:1: "),
    ];
    for (text, wanted) in bad {
        write(text);
        assert_fails(RELAY, &["--config", config, "--check-config"], 3, &[wanted]);
    }
    let missing = folder.path().join("missing.toml");
    assert_fails(RELAY, &["--config", missing.to_str().unwrap()], 3, &["missing.toml: check the path"]);
    // What the command line says counts more.
    write("listen = \"192.0.2.1:443\"\n");
    let relay = Running::start(RELAY, &["--config", config, "--listen", "127.0.0.1:0"]);
    end(listening(relay));
}

fn listening(mut relay: Running) -> Running {
    relay.line("listening on 127.0.0.1:");
    relay
}

fn end(relay: Running) -> Vec<String> {
    relay.signal("SIGTERM");
    let (status, lines) = relay.end();
    assert_eq!(status.code(), Some(0), "{lines:#?}");
    lines
}

#[test]
fn a_port_in_use_is_named() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let addr = socket.local_addr().unwrap().to_string();
    assert_fails(RELAY, &["--listen", &addr], 5, &[&addr, "another program uses this UDP port"]);
}

#[tokio::test]
async fn members_come_and_go_and_are_told_of_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let (mut relay, addr) = start(folder.path(), &[]);
    let ann =
        client(folder.path(), &addr, Identity::generate().unwrap()).name("Ann").connect().await.unwrap();
    relay.line("room ROOM1 opened");
    relay.line("Ann joined room ROOM1 (client, ");
    let bob =
        client(folder.path(), &addr, Identity::generate().unwrap()).name("Bob").connect().await.unwrap();
    relay.line("Bob joined room ROOM1");
    bob.close(LeaveReason::Normal, "dinner").await;
    relay.line("Bob left room ROOM1: dinner");

    let mut events = ann.events();
    relay.signal("SIGTERM");
    let told = tokio::time::timeout(PATIENCE, async {
        loop {
            if let SessionEvent::Disconnected { cause, .. } = events.next().await.unwrap() {
                return cause;
            }
        }
    });
    assert!(told.await.unwrap().contains("shut"));
    let (status, lines) = tokio::task::spawn_blocking(|| relay.end()).await.unwrap();
    assert_eq!(status.code(), Some(0), "{lines:#?}");
    let traffic = lines.iter().find(|line| line.contains(" datagrams to members, dropped "));
    assert!(traffic.is_some(), "{lines:#?}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn workers_have_rooms_of_their_own_and_end_together() {
    let folder = tempfile::tempdir().unwrap();
    let (mut relay, addr) = start(folder.path(), &["--workers", "2"]);
    let trust = Trust::certificate_file(folder.path().join("made/relay.der")).unwrap();
    let mut sessions = Vec::new();
    for room in ["ROOM1", "ROOM2", "ROOM3", "ROOM4"] {
        let (relay_addr, code) = (addr.parse().unwrap(), room.parse().unwrap());
        let identity = Identity::generate().unwrap();
        let builder = SessionBuilder::client(relay_addr, trust.clone(), code, identity);
        sessions.push(builder.server_name("lanparty-relay.local").connect().await.unwrap());
        relay.line(&format!("room {room} opened"));
    }
    relay.signal("SIGTERM");
    let (status, lines) = tokio::task::spawn_blocking(|| relay.end()).await.unwrap();
    assert_eq!(status.code(), Some(0), "{lines:#?}");
    let socket = UdpSocket::bind(&addr);
    assert!(socket.is_ok(), "the port is free: {socket:?}");
}

#[test]
fn a_room_that_will_not_fit_is_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    // Workers share a port on Linux only.
    let several = if cfg!(target_os = "linux") { "2" } else { "1" };
    for (workers, connections, warns) in
        [("1", "32", true), ("1", "33", false), (several, "64", several == "2"), (several, "66", false)]
    {
        let (relay, _) = start(folder.path(), &["--workers", workers, "--limit-connections", connections]);
        relay.signal("SIGTERM");
        let (status, lines) = relay.end();
        assert_eq!(status.code(), Some(0), "{lines:#?}");
        let warning = "warning: a worker takes fewer connections than a full room and its gateway need";
        assert_eq!(lines.iter().any(|line| line.contains(warning)), warns, "{lines:#?}");
    }
}

#[tokio::test]
async fn refusals_reach_the_member_with_their_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let (mut relay, addr) = start(folder.path(), &["--max-clients-per-room", "2"]);
    let [ann, bob, eve] = [(); 3].map(|()| Identity::generate().unwrap());
    let same_mac = eve.clone().with_mac(ann.mac()).unwrap();
    let _ann = client(folder.path(), &addr, ann).connect().await.unwrap();
    let _lan = gateway(folder.path(), &addr).connect().await.unwrap();
    let refused = async |builder: SessionBuilder, wanted: &str| {
        let failure = Failure::from(builder.connect().await.unwrap_err());
        assert_eq!(failure.exit(), Exit::Refused, "{failure}");
        assert!(failure.to_string().contains(wanted), "{failure}");
    };
    refused(gateway(folder.path(), &addr), "the room already has a gateway").await;
    refused(client(folder.path(), &addr, same_mac), "already uses this MAC address").await;
    let _bob = client(folder.path(), &addr, bob).connect().await.unwrap();
    refused(client(folder.path(), &addr, eve), "the room is full").await;
    for wanted in ["has a gateway", "uses this MAC address", "the room is full"] {
        let line = relay.line("refused a newcomer to room ROOM1: ");
        assert!(line.contains(wanted), "{line}");
    }
}

#[tokio::test]
async fn a_restarted_relay_is_still_trusted() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let (relay, addr) = start(folder.path(), &[]);
        let session = client(folder.path(), &addr, Identity::generate().unwrap()).connect().await.unwrap();
        // The certificate of the first round, which is the only one that a member would have been given.
        std::fs::copy(folder.path().join("made/relay.der"), folder.path().join("given.der")).unwrap();
        session.close(LeaveReason::Normal, "").await;
        drop(relay);
    }
    let made = std::fs::read(folder.path().join("made/relay.der")).unwrap();
    assert_eq!(made, std::fs::read(folder.path().join("given.der")).unwrap());
}

#[tokio::test]
async fn every_json_line_is_an_object() {
    let folder = tempfile::tempdir().unwrap();
    let (mut relay, addr) = {
        let cert = folder.path().join("made/relay.der");
        let args = ["--listen", "127.0.0.1:0", "--dev-cert-der-out", cert.to_str().unwrap()];
        let mut relay = Running::start(RELAY, &[&args[..], &["--log-format", "json"]].concat());
        let line: serde_json::Value = serde_json::from_str(&relay.line("\"listening\"")).unwrap();
        (relay, line["addr"].as_str().unwrap().to_owned())
    };
    let ann =
        client(folder.path(), &addr, Identity::generate().unwrap()).name("Ann").connect().await.unwrap();
    let line: serde_json::Value = serde_json::from_str(&relay.line("\"joined\"")).unwrap();
    assert_eq!((line["room"].as_str(), line["name"].as_str()), (Some("ROOM1"), Some("Ann")));
    assert_eq!(line["role"].as_str(), Some("client"));
    ann.close(LeaveReason::Normal, "").await;
    relay.line("\"room_closed\"");
    for line in end(relay) {
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert!(line["message"].is_string() && line["level"].is_string() && line["timestamp"].is_string());
    }
}

#[test]
fn a_renewed_certificate_is_read_on_sighup() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let key = rcgen::KeyPair::generate().unwrap();
    let cert = rcgen::CertificateParams::new(["relay.test".to_owned()]).unwrap().self_signed(&key).unwrap();
    std::fs::write(path("cert.pem"), cert.pem()).unwrap();
    std::fs::write(path("key.pem"), key.serialize_pem()).unwrap();
    let args = ["--listen", "127.0.0.1:0", "--cert", &path("cert.pem"), "--key", &path("key.pem")];
    let mut relay = listening(Running::start(RELAY, &args));
    relay.signal("SIGHUP");
    relay.line("read the certificate again");
    std::fs::write(path("cert.pem"), "garbage").unwrap();
    relay.signal("SIGHUP");
    relay.line("warning: the certificate stays as it was: no usable certificate");
    end(relay);
}

#[test]
fn without_any_certificate_file_it_says_that_nobody_can_trust_it() {
    let mut relay = Running::start(RELAY, &["--listen", "127.0.0.1:0"]);
    relay.line("warning: nobody can trust this relay");
    relay.signal("SIGINT");
    assert_eq!(relay.end().0.code(), Some(0));
}
