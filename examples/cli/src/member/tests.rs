use std::collections::BTreeSet;

use clap::{CommandFactory as _, Parser};
use lanparty_sdk::port::PortKind;
use lanparty_sdk::settings::SessionSettings;

use super::*;

/// What all members' programs have, as a program.
#[derive(Parser)]
struct Member {
    #[command(flatten)]
    _options: MemberOptions,
}

#[test]
fn options_are_the_keys_of_the_library_s_settings() {
    // The client has options for these, or they are for an embedder only.
    let others = [
        "adapter-metric",
        "agent",
        "backoff-max",
        "backoff-min",
        "identity",
        "mtu",
        "no-adapter-settings",
        "no-private-network",
        "no-route-pin",
        "probe-interval",
        "refresh-interval",
        "stats-interval",
        "welcome-timeout",
        "workers",
    ];
    let command = Member::command();
    let options: BTreeSet<_> = command.get_arguments().filter_map(|arg| arg.get_long()).collect();
    let all: BTreeSet<_> = options.iter().copied().chain(others).collect();
    assert_eq!(all, SessionSettings::KEYS.iter().copied().collect());
    assert_eq!(all.len(), options.len() + others.len(), "no exception that is none");
}

#[test]
fn options_and_settings_have_the_same_defaults() {
    let untouched = format!("{:?}", SessionSettings::new(PeerRole::Client));
    let mut settings = SessionSettings::new(PeerRole::Client);
    let command = Member::command();
    let mut found = 0;
    for arg in command.get_arguments() {
        let (Some(key), [default]) = (arg.get_long(), arg.get_default_values()) else { continue };
        settings.set(key, default.to_str().unwrap()).unwrap();
        assert_eq!(format!("{settings:?}"), untouched, "{key}");
        found += 1;
    }
    assert_eq!(found, 10, "options with a default");
}

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
