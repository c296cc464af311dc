use super::*;

const RELAY: &str = "203.0.113.7";
const TAP: Option<&str> = Some("tap0");

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn relay() -> IpAddr {
    ip(RELAY)
}

/// `"203.0.113.0/24 via 10.0.0.1 dev eth0 metric 5 table 7"`, and the like: tests read as `ip route` does. An
/// interface's index is its last digit plus the length of its name.
fn route(text: &str) -> Route {
    let mut words = text.split_whitespace();
    let mut first = words.next().unwrap();
    let mut route = Route::new(relay(), 32, Interface::new(0, ""));
    match first {
        "local" => route.kind = RouteKind::Local,
        "unreachable" => route.kind = RouteKind::Refused,
        _ => {}
    }
    if route.kind != RouteKind::Unicast {
        first = words.next().unwrap();
    }
    let (destination, prefix_len) = match first {
        "default" => ("0.0.0.0", "0"),
        "default6" => ("::", "0"),
        other => other.split_once('/').unwrap(),
    };
    route.destination = ip(destination);
    route.prefix_len = prefix_len.parse().unwrap();
    while let Some(word) = words.next() {
        if word == "pin" {
            route.origin = RouteOrigin::Pin;
            continue;
        }
        let value = words.next().unwrap();
        match word {
            "via" => route.gateway = Some(ip(value)),
            "dev" => {
                let digit = u32::from(value.bytes().last().unwrap());
                route.interface = Interface::new(digit + 10 * u32::from(value.as_bytes()[0]), value);
            }
            "src" => route.source = Some(ip(value)),
            "metric" => route.metric = value.parse().unwrap(),
            "table" => route.table = value.parse().unwrap(),
            other => panic!("{other}"),
        }
    }
    route
}

fn routes(text: &[&str]) -> Vec<Route> {
    text.iter().map(|text| route(text)).collect()
}

fn plan(best: &str) -> PinPlan {
    PinPlan::new(relay(), Some(&route(best)), &[], TAP).unwrap()
}

#[test]
fn a_pin_is_the_best_route_for_one_host_alone() {
    for (best, expected) in [
        ("default via 10.0.0.1 dev eth0 metric 600", "203.0.113.7/32 via 10.0.0.1 dev eth0 pin"),
        (
            "default via 10.0.0.1 dev eth0 src 10.0.0.9",
            "203.0.113.7/32 via 10.0.0.1 dev eth0 src 10.0.0.9 pin",
        ),
        ("203.0.113.0/24 dev eth0", "203.0.113.7/32 dev eth0 pin"),
        // Wherever the system found it: a pin goes where the tunnel's routes will be.
        ("default dev wg0 table 51820", "203.0.113.7/32 dev wg0 pin"),
    ] {
        let PinPlan::Add { pin, beneath } = plan(best) else { panic!("{best}") };
        assert_eq!((pin, beneath), (route(expected), route(best)), "{best}");
    }
    let six =
        PinPlan::new(ip("2001:db8::7"), Some(&route("default6 via fe80::1 dev eth0")), &[], TAP).unwrap();
    assert_eq!(six.route(), Some(&route("2001:db8::7/128 via fe80::1 dev eth0 pin")));
}

#[test]
fn the_gateway_keeps_its_on_link_flag() {
    let best = Route { on_link: true, ..route("default via 172.31.1.1 dev eth0") };
    let plan = PinPlan::new(relay(), Some(&best), &[], None).unwrap();
    assert!(plan.route().unwrap().on_link);
}

#[test]
fn an_equal_host_route_is_borrowed() {
    let host = route("203.0.113.7/32 via 10.0.0.1 dev eth0 metric 20");
    assert_eq!(PinPlan::new(relay(), Some(&host), &[], TAP), Ok(PinPlan::Borrow(host.clone())));
    let best = route("default via 10.0.0.1 dev eth0 table 7");
    assert_eq!(
        PinPlan::new(relay(), Some(&best), std::slice::from_ref(&host), TAP),
        Ok(PinPlan::Borrow(host)),
        "also where policy rules look elsewhere first"
    );
    for unequal in [
        "203.0.113.7/32 via 10.0.0.2 dev eth0",
        "203.0.113.7/32 via 10.0.0.1 dev eth1",
        "203.0.113.6/31 via 10.0.0.1 dev eth0",
        "203.0.113.7/32 via 10.0.0.1 dev eth0 pin",
        "unreachable 203.0.113.7/32 via 10.0.0.1 dev eth0",
    ] {
        let plan = PinPlan::new(relay(), Some(&best), &routes(&[unequal]), TAP);
        assert!(matches!(plan, Ok(PinPlan::Add { .. })), "{unequal}");
    }
}

#[test]
fn what_cannot_enter_the_tunnel_needs_no_pin() {
    for here in ["127.0.0.1", "127.9.9.9", "::1", "fe80::1"] {
        assert_eq!(PinPlan::new(ip(here), None, &[], TAP), Ok(PinPlan::Unneeded), "{here}");
        let check = PinPlan::Unneeded.check(ip(here), None, &[], TAP);
        assert_eq!(check, PinCheck::Intact, "{here}");
    }
    assert_eq!(plan("local 203.0.113.7/32 dev eth0"), PinPlan::Unneeded);
}

#[test]
fn there_is_nothing_to_pin_without_a_way_around_the_tunnel() {
    let relay = relay();
    let no_route = Err(PlanError::NoRoute { relay });
    assert_eq!(PinPlan::new(relay, None, &[], TAP), no_route);
    assert_eq!(PinPlan::new(relay, Some(&route("unreachable default dev lo")), &[], TAP), no_route);
    let through = Err(PlanError::AlreadyThroughTunnel { relay, tunnel: "tap0".to_owned() });
    for best in ["default via 10.9.0.1 dev tap0", "203.0.113.7/32 dev tap0", "203.0.113.0/24 dev tap0"] {
        assert_eq!(PinPlan::new(relay, Some(&route(best)), &[], TAP), through, "{best}");
        assert!(
            PinPlan::new(relay, Some(&route(best)), &[], None).is_ok(),
            "{best}: nobody named the tunnel"
        );
    }
}

const DEFAULT: &str = "default via 10.0.0.1 dev eth0 metric 100";
const PIN: &str = "203.0.113.7/32 via 10.0.0.1 dev eth0 pin";
const TUNNEL: &str = "default via 10.9.0.1 dev tap0";

/// What the check says of a pin made from [`DEFAULT`].
fn check(present: Option<&str>, all: &[&str]) -> PinCheck {
    plan(DEFAULT).check(relay(), present.map(route).as_ref(), &routes(all), TAP)
}

fn repin(text: &str) -> PinCheck {
    PinCheck::Repin(route(text))
}

#[test]
fn a_pin_is_intact_while_the_best_way_beneath_is_the_same() {
    for all in [
        [DEFAULT, PIN].as_slice(),
        &[DEFAULT, PIN, TUNNEL],
        // Worse ways do not matter, and the tunnel's networks do not count.
        &[DEFAULT, PIN, "default via 10.1.0.1 dev wlan0 metric 600"],
        &[DEFAULT, PIN, "203.0.113.0/24 dev tap0"],
        &[DEFAULT, PIN, "203.0.113.0/24 via 10.1.0.1 dev wlan0 table 7"],
        &[DEFAULT, PIN, "198.51.100.0/24 via 10.1.0.1 dev wlan0"],
        // Another metric is the same way.
        &["default via 10.0.0.1 dev eth0 metric 5", PIN],
        // One of several equal ways is as good as the others.
        &["default via 10.1.0.1 dev wlan0 metric 100", DEFAULT, PIN],
        // The lease is being renewed: the pin is the way that remains.
        &[PIN, TUNNEL],
        &[PIN, "unreachable default dev lo metric 4294967295"],
    ] {
        assert_eq!(check(Some(PIN), all), PinCheck::Intact, "{all:?}");
    }
}

#[test]
fn a_changed_network_is_pinned_anew() {
    for (all, next) in [
        // Roamed: the gateway, the interface or the own address changed.
        (["default via 10.0.0.2 dev eth0", PIN, TUNNEL].as_slice(), "default via 10.0.0.2 dev eth0"),
        (&["default via 10.1.0.1 dev wlan0", PIN], "default via 10.1.0.1 dev wlan0"),
        (&["default via 10.0.0.1 dev eth0 src 10.0.0.8", PIN], "default via 10.0.0.1 dev eth0 src 10.0.0.8"),
        // A better one came up, by metric or by length.
        (
            &[DEFAULT, PIN, "default via 10.1.0.1 dev wlan0 metric 50"],
            "default via 10.1.0.1 dev wlan0 metric 50",
        ),
        (&[DEFAULT, PIN, "128.0.0.0/1 dev tun0"], "128.0.0.0/1 dev tun0"),
        (&[DEFAULT, PIN, "203.0.113.7/32 dev tun0 metric 9"], "203.0.113.7/32 dev tun0 metric 9"),
    ] {
        assert_eq!(check(Some(PIN), all), repin(next), "{all:?}");
    }
}

#[test]
fn a_lost_pin_is_renewed() {
    assert_eq!(check(Some(DEFAULT), &[DEFAULT]), repin(DEFAULT));
    assert_eq!(
        check(Some(TUNNEL), &[TUNNEL, DEFAULT]),
        repin(DEFAULT),
        "even if the tunnel was entered meanwhile"
    );
    assert_eq!(check(Some(TUNNEL), &[TUNNEL, DEFAULT, "203.0.113.7/32 dev eth1 pin"]), repin(DEFAULT));
    let ruled = "default dev wg0 table 7";
    assert_eq!(check(Some(ruled), &[ruled]), repin(ruled), "only a rule knows that way");
}

#[test]
fn without_another_way_the_tunnel_is_the_end() {
    for all in [[TUNNEL].as_slice(), &[TUNNEL, "unreachable default dev lo metric 9"]] {
        assert_eq!(check(Some(TUNNEL), all), PinCheck::ThroughTunnel, "{all:?}");
    }
    let forced = "203.0.113.7/32 dev tap0 table 7";
    let all = [DEFAULT, PIN, forced];
    assert_eq!(check(Some(forced), &all), PinCheck::ThroughTunnel, "a rule overrides the pin");
}

#[test]
fn no_network_is_not_the_tunnel() {
    assert_eq!(check(None, &[]), PinCheck::NoRoute);
    assert_eq!(check(None, &[PIN]), PinCheck::NoRoute);
    assert_eq!(check(Some("unreachable default dev lo"), &[]), PinCheck::NoRoute);
    assert_eq!(check(None, &[DEFAULT]), repin(DEFAULT));
}

#[test]
fn a_relay_that_moved_here_needs_no_pin_any_more() {
    let local = "local 203.0.113.7/32 dev lo";
    assert_eq!(check(Some(local), &[DEFAULT, PIN]), repin(local));
    let unneeded = PinPlan::Unneeded;
    assert_eq!(unneeded.check(relay(), Some(&route(local)), &[], TAP), PinCheck::Intact);
    let gone = unneeded.check(relay(), Some(&route(DEFAULT)), &routes(&[DEFAULT]), TAP);
    assert_eq!(gone, repin(DEFAULT));
}

#[test]
fn a_borrowed_route_is_held_as_long_as_it_stands() {
    let host = "203.0.113.7/32 via 10.0.0.1 dev eth0";
    let borrowed = plan(host);
    let check =
        |present: &str, all: &[&str]| borrowed.check(relay(), Some(&route(present)), &routes(all), TAP);
    assert_eq!(check(host, &[host, DEFAULT, TUNNEL]), PinCheck::Intact);
    assert_eq!(check(TUNNEL, &[DEFAULT, TUNNEL]), repin(DEFAULT));
    let moved = "203.0.113.7/32 via 10.0.0.2 dev eth0";
    assert_eq!(check(moved, &[moved, DEFAULT]), repin(moved));
    assert_eq!(check(TUNNEL, &[TUNNEL]), PinCheck::ThroughTunnel);
}

#[test]
fn the_table_that_decided_is_asked_before_the_main_one() {
    let vpn = "default dev wg0 table 51820";
    let pin = "203.0.113.7/32 dev wg0 pin";
    let plan = plan(vpn);
    let check = |present: &str, all: &[&str]| plan.check(relay(), Some(&route(present)), &routes(all), TAP);
    assert_eq!(check(pin, &[vpn, pin, DEFAULT]), PinCheck::Intact);
    assert_eq!(check(DEFAULT, &[DEFAULT]), repin(DEFAULT), "the VPN has ended");
}

#[test]
fn destinations_cover_their_hosts() {
    for (destination, host, expected) in [
        ("0.0.0.0/0", "203.0.113.7", true),
        ("::/0", "2001:db8::7", true),
        ("::/0", "203.0.113.7", false),
        ("0.0.0.0/0", "2001:db8::7", false),
        ("203.0.113.0/29", "203.0.113.7", true),
        ("203.0.113.0/30", "203.0.113.7", false),
        ("203.0.113.7/32", "203.0.113.7", true),
        ("203.0.113.6/32", "203.0.113.7", false),
        ("2001:db8::/32", "2001:db8::7", true),
        ("2001:db8::6/128", "2001:db8::7", false),
        ("2001:db8::7/128", "2001:db8::7", true),
        ("203.0.113.7/99", "203.0.113.7", true),
    ] {
        assert_eq!(
            route(&format!("{destination} dev eth0")).covers(ip(host)),
            expected,
            "{destination} {host}"
        );
    }
}
