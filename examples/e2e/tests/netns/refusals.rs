//! What cannot work is said in one line and a number, and nothing half-open is left behind.

use std::process::Command;

use libtest_mimic::Trial;

use crate::host::Host;
use crate::party::{ALICE, LAN_HOST, Party, TAP, ping, trial};
use crate::program::{Program, path};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("refusals::by_the_room", by_the_room),
        trial("refusals::of_relays_that_are_not_trusted", of_relays_that_are_not_trusted),
        trial("refusals::of_a_relay_that_is_not_there", of_a_relay_that_is_not_there),
        trial("refusals::of_interfaces", of_interfaces),
        trial("refusals::of_adapters", of_adapters),
        trial("refusals::without_privilege", without_privilege),
        trial("refusals::not_of_a_gateway_with_one_capability", not_of_a_gateway_with_one_capability),
    ]
}

/// Exit codes, as `--help` lists them.
const USAGE: i32 = 2;
const NOT_PERMITTED: i32 = 4;
const ADAPTER: i32 = 5;
const UNREACHABLE: i32 = 7;
const UNTRUSTED: i32 = 8;
const REFUSED: i32 = 9;

/// The program ends by itself, with this code and words of this kind.
fn refused(host: &Host, name: &str, arguments: &[String], exit: i32, words: &str) {
    ends(Program::start(host, name, arguments), exit, words);
}

fn ends(mut program: Program, exit: i32, words: &str) {
    let status = program.ended();
    let text = program.text();
    assert_eq!(status.code(), Some(exit), "{text}");
    let last = text.lines().last().unwrap_or_default();
    assert!(last.starts_with("error: ") && last.contains(words), "{words:?} is not in {text}");
}

fn by_the_room() {
    let party = Party::new();
    let _relay = party.start_relay(&["--max-clients-per-room", "2"]);
    let mut gateway = party.start_gateway(&[]);
    let second = party.gateway_arguments("PARTY", &["--identity", &party.file("second-gateway")]);
    refused(&party.gw, "lanparty-gateway", &second, REFUSED, "gateway");
    let mac = "02:00:5e:00:00:01";
    let alice = party.start_client(&party.alice, &["--virtual-mac", mac]);
    let same = party.client_arguments(&party.bob, "PARTY", &["--virtual-mac", mac]);
    refused(&party.bob, "lanparty-client", &same, REFUSED, "MAC");
    let _bob = party.start_client(&party.bob, &[]);
    let third = ["--tap", "lanparty1", "--identity", &party.file("third")];
    let third = party.client_arguments(&party.bob, "PARTY", &third);
    refused(&party.bob, "lanparty-client", &third, REFUSED, "full");
    assert!(!party.bob.has("lanparty1"));
    let typo = party.client_arguments(&party.bob, "PARTY!", &[]);
    let mut typo = Program::start(&party.bob, "lanparty-client", &typo);
    assert_eq!(typo.ended().code(), Some(USAGE), "{}", typo.text());
    assert!(typo.text().contains("PARTY!"), "{}", typo.text());
    assert!(gateway.is_running());
    drop(alice);
}

fn of_relays_that_are_not_trusted() {
    let party = Party::new();
    let _relay = party.start_relay(&[]);
    let wrong_name = party.client_arguments(&party.alice, "PARTY", &["--server-name", "relay.example.org"]);
    refused(&party.alice, "lanparty-client", &wrong_name, UNTRUSTED, "relay.example.org");
    assert!(!party.alice.has(TAP));
    party.write_certificate(); // which this relay does not use
    let other = party.gateway_arguments("PARTY", &[]);
    refused(&party.gw, "lanparty-gateway", &other, UNTRUSTED, "certificate");
}

fn of_a_relay_that_is_not_there() {
    let party = Party::new();
    party.write_certificate();
    let arguments = party.client_arguments(&party.alice, "PARTY", &[]);
    refused(&party.alice, "lanparty-client", &arguments, UNREACHABLE, "10.9.0.1");
    assert!(!party.alice.has(TAP));
}

fn of_interfaces() {
    let party = Party::new();
    party.write_certificate();
    let no = |iface: &str, words: &str| {
        let arguments = party.gateway_arguments("PARTY", &["--iface", iface]);
        refused(&party.gw, "lanparty-gateway", &arguments, ADAPTER, words);
    };
    no("lan9", "no interface called lan9");
    no("lo", "loopback");
    party.gw.ip("tuntap add tun9 mode tun");
    no("tun9", "not an Ethernet interface");
    party.switches.ip("link set l-gw down");
    no("lan0", "lan0 has no carrier");
    party.gw.ip("link set lan0 down");
    no("lan0", "lan0 is down");
}

fn of_adapters() {
    let party = Party::new();
    party.write_certificate();
    party.alice.ip(&format!("tuntap add {TAP} mode tap"));
    let no = |tap: &str, exit, words: &str| {
        let arguments = party.client_arguments(&party.alice, "PARTY", &["--tap", tap]);
        refused(&party.alice, "lanparty-client", &arguments, exit, words);
    };
    no(TAP, ADAPTER, "exists already");
    no("a-name-that-is-too-long", ADAPTER, "cannot be the name");
    assert!(party.alice.has(TAP), "it belongs to somebody else");
}

/// One of our programs with only these capabilities.
fn with_capabilities(host: &Host, name: &str, arguments: &[String], capabilities: &str) -> Program {
    let mut command = Command::new("setpriv");
    let set = ["-all", capabilities].join(if capabilities.is_empty() { "" } else { "," });
    command.args(["--bounding-set", &set, "--inh-caps", &set, "--ambient-caps", &set]);
    command.arg(path(name)).args(arguments);
    Program::spawn(host, command)
}

fn without_privilege() {
    let party = Party::new();
    party.write_certificate();
    let gateway = party.gateway_arguments("PARTY", &[]);
    ends(with_capabilities(&party.gw, "lanparty-gateway", &gateway, ""), NOT_PERMITTED, "cap_net_raw");
    let client = party.client_arguments(&party.alice, "PARTY", &[]);
    ends(with_capabilities(&party.alice, "lanparty-client", &client, ""), NOT_PERMITTED, "cap_net_admin");
}

fn not_of_a_gateway_with_one_capability() {
    let party = Party::new();
    let _relay = party.start_relay(&[]);
    let arguments = party.gateway_arguments("PARTY", &[]);
    let gateway = with_capabilities(&party.gw, "lanparty-gateway", &arguments, "+net_raw");
    gateway.line(crate::party::JOINED);
    let _alice = party.start_client(&party.alice, &["--address", &format!("{ALICE}/24")]);
    ping(&party.alice, LAN_HOST);
    ping(&party.lanhost, ALICE);
}
