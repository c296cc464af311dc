use super::*;

fn texts(lines: Vec<UserLine>) -> Vec<String> {
    lines.into_iter().map(|line| line.text).collect()
}

fn joined() -> Diagnostics {
    let mut diagnostics = Diagnostics::default();
    diagnostics.relay_reachable = true;
    diagnostics.joined = true;
    diagnostics.port = Some("lanparty0".to_owned());
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
