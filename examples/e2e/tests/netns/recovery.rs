//! What happens when programs die, and when they leave as they should.

use std::process::Command;
use std::time::Duration;

use libtest_mimic::Trial;

use crate::host::{DEADLINE, Host, eventually};
use crate::party::{ALICE, BACK, LAN_HOST, Party, TAP, ping, trial};
use crate::program::Program;

/// How long a room may not know that a member is dead.
const DEAD_PEER_KNOWN: Duration = Duration::from_secs(12);

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("recovery::a_killed_player_comes_back_as_the_same", a_killed_player_comes_back),
        trial("recovery::a_killed_gateway_comes_back", a_killed_gateway_comes_back),
        trial("recovery::a_killed_relay_is_survived", a_killed_relay_is_survived),
        trial("recovery::who_is_told_to_leave_says_goodbye", who_is_told_to_leave_says_goodbye),
    ]
}

fn a_killed_player_comes_back() {
    let party = Party::new();
    let _programs = party.start_lan();
    let _dnsmasq = party.start_dhcp();
    let bob = party.start_client(&party.bob, &[]);
    let routes = || party.alice.ip("route show dev wan0");
    let before = routes();
    let mut alice = party.start_client(&party.alice, &[]);
    bob.line("member 3 joined");
    let (mac, lease) = (party.alice.mac(TAP), party.lease(&party.alice));
    alice.kill_9();
    assert!(!party.alice.has(TAP), "the adapter outlives its program");
    bob.line_after(0, DEAD_PEER_KNOWN, "member 3 left");
    let mut alice = party.start_client(&party.alice, &[]);
    assert_eq!(party.alice.mac(TAP), mac);
    assert_eq!(party.lease(&party.alice), lease);
    ping(&party.alice, LAN_HOST);
    // The pin that could not be removed then is removed now.
    assert_ne!(routes(), before);
    assert!(alice.terminate().success());
    assert_eq!(routes(), before);
}

fn a_killed_gateway_comes_back() {
    let party = Party::new();
    let (_relay, mut gateway) = party.start_lan();
    let alice = party.start_client(&party.alice, &["--address", &format!("{ALICE}/24")]);
    ping(&party.alice, LAN_HOST);
    gateway.kill_9();
    alice.line_after(0, DEAD_PEER_KNOWN, "the LAN's gateway left");
    let mut gateway = party.start_gateway(&[]);
    ping(&party.alice, LAN_HOST);
    // Nor need it wait until it is known to be dead.
    gateway.kill_9();
    let _gateway = party.start_gateway(&[]);
    ping(&party.alice, LAN_HOST);
    ping(&party.lanhost, ALICE);
}

fn a_killed_relay_is_survived() {
    let party = Party::new();
    let certificate = party.write_certificate();
    let certificate: Vec<&str> = certificate.iter().map(String::as_str).collect();
    let mut relay = party.start_relay(&certificate);
    let gateway = party.start_gateway(&[]);
    let alice = party.start_client(&party.alice, &["--address", &format!("{ALICE}/24")]);
    let adapter = ifindex(&party.alice);
    let mut command = Command::new("ping");
    command.args(["-i", "0.2", LAN_HOST]);
    let ping = Program::spawn(&party.alice, command);
    ping.line("icmp_seq=3 ");
    relay.kill_9();
    let _relay = party.start_relay(&certificate);
    for member in [&alice, &gateway] {
        member.line_after(0, DEADLINE * 2, "relay lost");
        member.line_after(0, DEADLINE * 2, BACK);
    }
    ping.line_after(ping.lines(), DEADLINE, "bytes from");
    assert_eq!(ifindex(&party.alice), adapter, "the adapter is another one");
}

fn ifindex(host: &Host) -> String {
    host.run(|| std::fs::read_to_string(format!("/sys/class/net/{TAP}/ifindex"))).unwrap()
}

fn who_is_told_to_leave_says_goodbye() {
    let party = Party::new();
    let (mut relay, mut gateway) = party.start_lan();
    let mut bob = party.start_client(&party.bob, &[]);
    let routes = || {
        let lists = ["route show table all dev wan0", "-6 route show table all dev wan0", "rule", "-6 rule"];
        lists.map(|list| party.alice.ip(list)).concat()
    };
    let before = routes();
    let mut alice = party.start_client(&party.alice, &["--address", &format!("{ALICE}/24")]);
    assert_ne!(routes(), before, "the way to the relay is pinned");
    bob.line("member 3 joined");
    assert!(alice.terminate().success());
    bob.line("member 3 left: shut down");
    assert!(!party.alice.has(TAP));
    eventually("the routes are as before", || routes() == before);

    assert!(gateway.terminate().success());
    bob.line("the LAN's gateway left: shut down");
    assert!(relay.terminate().success());
    bob.line("relay lost: the relay shut down");
    assert!(bob.is_running() && party.bob.has(TAP));
    assert!(bob.terminate().success(), "without a relay, too");
}
