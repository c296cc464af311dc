use clap::Command;
use lanparty_sdk::port::PortKind;
use lanparty_sdk::settings::SessionSettings;

use super::*;

fn texts(lines: Vec<UserLine>) -> Vec<String> {
    lines.into_iter().map(|line| line.text).collect()
}

fn joined() -> Diagnostics {
    let mut diagnostics = Diagnostics::default();
    diagnostics.relay_reachable = true;
    diagnostics.joined = true;
    diagnostics.port = Some("lanparty0".to_owned());
    diagnostics.port_kind = Some(PortKind::Tap);
    diagnostics.relay_rtt = Some(Duration::from_millis(20));
    diagnostics
}

#[test]
fn a_line_is_told_once_until_it_changes() {
    let mut teller = Teller::default();
    let mut diagnostics = joined();
    assert_eq!(
        texts(teller.news(&diagnostics)),
        [
            "connected to the relay, 20.0 ms away",
            "waiting for the LAN's gateway",
            "lanparty0 has no address yet: waiting for the LAN's DHCP server"
        ]
    );
    diagnostics.relay_rtt = Some(Duration::from_millis(30));
    assert!(teller.news(&diagnostics).is_empty(), "a measurement is no news");
    diagnostics.port_addresses = vec!["10.0.0.5".parse().unwrap()];
    assert_eq!(texts(teller.news(&diagnostics)), ["lanparty0 has the address 10.0.0.5"]);
    diagnostics.traffic.rx_flood_frames = 3;
    assert_eq!(texts(teller.news(&diagnostics)), ["broadcasts flow: 3 in, 0 out"]);
    diagnostics.traffic.rx_flood_frames = 9;
    assert!(teller.news(&diagnostics).is_empty());
}

#[test]
fn names_have_their_bounds() {
    assert!(parse_name("Änn ☺").is_ok() && parse_name(&"x".repeat(32)).is_ok());
    assert!(parse_name("").is_err() && parse_name(&"x".repeat(33)).is_err() && parse_name("a\nb").is_err());
}

#[test]
fn every_option_is_a_key_of_the_library_s_settings() {
    // What only an embedder decides, and what the programs ask for together with their port.
    let others = [
        "agent",
        "backoff-max",
        "backoff-min",
        "identity",
        "mtu",
        "no-route-pin",
        "probe-interval",
        "refresh-interval",
        "stats-interval",
        "welcome-timeout",
        "workers",
    ];
    let command = MemberOptions::augment_args(Command::new("member"));
    let mut options: Vec<_> =
        command.get_arguments().filter_map(|arg| arg.get_long()).chain(others).collect();
    let mut keys = SessionSettings::keys();
    options.sort_unstable();
    keys.sort_unstable();
    assert_eq!(options, keys);
}
