//! The way to the relay changes under a running session.

use std::time::Duration;

use libtest_mimic::Trial;

use crate::host::{Host, within};
use crate::party::{ALICE, LAN_HOST, Party, TAP, ping, trial};

/// How long frames of any size may get lost after the path has become narrower.
const RECOVERED: Duration = Duration::from_secs(20);
/// An address of the relay that is not in the players' own network.
const FAR_RELAY: &str = "198.51.100.1";

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("path::a_narrower_path_is_found", a_narrower_path_is_found),
        trial(
            "path::a_default_route_through_the_tunnel_does_not_carry_it",
            a_default_route_through_the_tunnel,
        ),
    ]
}

fn a_narrower_path_is_found() {
    let party = Party::new();
    // Super-frames would slip through.
    for host in [&party.relay, &party.gw, &party.alice] {
        host.sh("ethtool -K wan0 gso off tso off gro off");
    }
    let (_relay, _gateway) = party.start_lan();
    let mut alice = party.start_client(&party.alice, &["--address", &format!("{ALICE}/24")]);
    let answered = |host: &Host, size: u16, to: &str| {
        host.try_sh(&format!("ping -M do -c 2 -i 0.05 -W 1 -s {size} {to}"))
            .is_ok_and(|text| text.contains(" 0% packet loss"))
    };
    let all = || {
        [56, 1200, 1300, 1400, 1472]
            .iter()
            .all(|&size| answered(&party.alice, size, LAN_HOST) && answered(&party.lanhost, size, ALICE))
    };
    within(RECOVERED, "full frames cross", all);
    // Neither side is told: what is too large vanishes, both ways.
    party.switches.ip("link set w-alice mtu 1280");
    let took = within(RECOVERED, "full frames cross the narrower path", all);
    eprintln!("a path of 1280 bytes instead of 1500 was found after {took:?}");
    assert!(alice.is_running());
    assert!(!alice.text().contains("relay lost"), "the session did not survive");
}

fn a_default_route_through_the_tunnel() {
    let party = Party::new();
    party.relay.ip(&format!("addr add {FAR_RELAY}/32 dev lo"));
    party.alice.ip("route add default via 10.9.0.1");
    let routes = || party.alice.ip("route show");
    let before = routes();
    let _programs = party.start_lan();
    let mut alice =
        party.start_client(&party.alice, &["--relay", FAR_RELAY, "--address", &format!("{ALICE}/24")]);
    ping(&party.alice, LAN_HOST);
    // What a DHCP client does with the LAN's router.
    party.alice.ip(&format!("route replace default via {LAN_HOST} dev {TAP}"));
    assert!(party.alice.ip(&format!("route get {FAR_RELAY}")).contains("dev wan0"));
    assert!(party.alice.ip("route get 203.0.113.5").contains(TAP));
    let seen = alice.lines();
    party.alice.sh(&format!("ping -c 60 -i 0.2 -w 20 {LAN_HOST}"));
    assert!(!alice.text().contains("relay lost"), "after {seen} lines");
    assert!(alice.terminate().success());
    party.alice.ip("route add default via 10.9.0.1");
    assert_eq!(routes(), before, "the pin is gone");
}
