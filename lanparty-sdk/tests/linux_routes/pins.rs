//! What a pin does, and what it leaves.

use std::io::{BufRead, BufReader, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, Stdio};

use lanparty_sdk::route::{PinPlan, PinState, PlanError, RouteError, RoutePin};
use libtest_mimic::Trial;

use crate::kit::{Link, RELAY, RELAY6, TAP, install, ip, pins, run, state, state_of, trial, way};
use crate::namespace::{HOLD, WEAK, copy};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("a_pin_outlives_the_move_of_the_default_route", pin_outlives_the_move),
        trial("a_pin_outlives_the_move_of_the_ipv6_default_route", pin_outlives_the_move_of_ipv6),
        trial("a_mapped_address_is_pinned_as_ipv4", mapped_address),
        trial("a_relay_on_the_link_is_pinned_without_gateway", relay_on_the_link),
        trial("unusual_gateways_are_kept", unusual_gateways),
        trial("one_next_hop_of_several_is_pinned", multipath),
        trial("the_source_address_is_kept", source_address),
        trial("a_borrowed_route_is_left", borrowed),
        trial("a_borrowed_route_that_goes_is_replaced_by_a_pin", borrowed_goes),
        trial("a_stale_pin_is_taken_over", stale),
        trial("the_pin_of_a_killed_run_is_taken_over", killed),
        trial("a_changed_gateway_is_followed", changed_gateway),
        trial("a_changed_ipv6_gateway_is_followed", changed_gateway_ipv6),
        trial("another_interface_is_followed", another_interface),
        trial("a_lost_pin_is_renewed", lost_pin),
        trial("an_interface_that_goes_down_is_told", interface_down),
        trial("an_interface_that_vanishes_is_told", interface_vanishes),
        trial("a_way_through_the_tunnel_is_refused", through_the_tunnel),
        trial("without_a_route_nothing_is_pinned", no_route),
        trial("a_relay_on_this_host_needs_no_pin", this_host),
        trial("policy_rules_are_respected", policy_rules),
        trial("a_rule_into_the_tunnel_is_told", rule_into_the_tunnel),
        trial("a_foreign_host_route_is_never_removed", foreign_host_route),
        trial("a_panic_restores_the_routes", panic),
        trial("an_error_midway_restores_the_routes", error_midway),
        trial("a_pin_belongs_to_its_namespace", other_namespace),
        trial("many_routes_are_read_whole", many_routes),
        trial("a_missing_permission_is_named", not_permitted),
    ]
}

fn pin_outlives_the_move() {
    let before = state();
    let mut pin = install(RELAY);
    assert_eq!(way(RELAY), "via 10.1.0.1 dev wan0");
    assert!(state().contains("203.0.113.7 via 10.1.0.1 dev wan0 proto 76"), "{}", state());
    let PinPlan::Add { pin: route, beneath } = pin.plan() else { panic!("{pin:?}") };
    assert_eq!(route.to_string(), "203.0.113.7/32 via 10.1.0.1 dev wan0");
    assert_eq!((beneath.to_string().as_str(), beneath.metric), ("0.0.0.0/0 via 10.1.0.1 dev wan0", 100));

    // The lease of the party's router adds its default route, and then takes the other one's place.
    run("ip route add default via 10.9.0.1 dev tap0 metric 50");
    assert_eq!(way("198.51.100.1"), "via 10.9.0.1 dev tap0");
    assert_eq!(way(RELAY), "via 10.1.0.1 dev wan0");
    assert_eq!(pin.check().unwrap(), PinState::Intact);
    run("ip route del default dev wan0");
    assert_eq!(way(RELAY), "via 10.1.0.1 dev wan0");
    assert_eq!(pin.check().unwrap(), PinState::Intact);
    // Nor does a network of the party that has the relay's address in it.
    run("ip route add 203.0.113.0/24 dev tap0");
    assert_eq!(way(RELAY), "via 10.1.0.1 dev wan0");
    assert_eq!(pin.check().unwrap(), PinState::Intact);

    run("ip route del 203.0.113.0/24 dev tap0");
    run("ip route del default dev tap0");
    run("ip route add default via 10.1.0.1 dev wan0 metric 100");
    assert_ne!(state(), before);
    drop(pin);
    assert_eq!(state(), before);
}

fn pin_outlives_the_move_of_ipv6() {
    for gateway in ["fd01::1", "fe80::1"] {
        run("ip -6 route flush default");
        run(&format!("ip -6 route add default via {gateway} dev wan0 metric 300"));
        let before = state();
        let mut pin = install(RELAY6);
        let expected = format!("via {gateway} dev wan0");
        assert_eq!(way(RELAY6), expected);
        run("ip -6 route add default via fd09::1 dev tap0 metric 1");
        run("ip -6 route add 2001:db8::/32 dev tap0");
        assert_eq!(way("2001:db8::8"), "dev tap0");
        assert_eq!(way("2001:dead::1"), "via fd09::1 dev tap0");
        assert_eq!(way(RELAY6), expected);
        assert_eq!(pin.check().unwrap(), PinState::Intact);
        run("ip -6 route del 2001:db8::/32 dev tap0");
        run("ip -6 route del default dev tap0");
        assert_ne!(state(), before);
        drop(pin);
        assert_eq!(state(), before);
    }
}

fn mapped_address() {
    let before = state();
    let pin = install(&format!("::ffff:{RELAY}"));
    assert_eq!(pin.relay(), ip(RELAY));
    run("ip route add default via 10.9.0.1 dev tap0 metric 50");
    assert_eq!(way(RELAY), "via 10.1.0.1 dev wan0");
    run("ip route del default dev tap0");
    drop(pin);
    assert_eq!(state(), before);
}

fn relay_on_the_link() {
    for (relay, party) in [("10.1.0.77", "10.1.0.9/25"), ("fd01::77", "fd01::9/80")] {
        let before = state();
        let mut pin = install(relay);
        assert_eq!(way(relay), "dev wan0");
        // The party's network has the same numbers, more specifically even.
        run(&format!("ip address add {party} dev tap0 nodad"));
        assert_eq!(way(relay), "dev wan0");
        assert_eq!(pin.check().unwrap(), PinState::Intact);
        run(&format!("ip address del {party} dev tap0"));
        drop(pin);
        assert_eq!(state(), before);
    }
}

fn unusual_gateways() {
    for gateway in ["via 172.31.1.1 dev wan0 onlink", "via inet6 fe80::1 dev wan0"] {
        run(&format!("ip route replace default {gateway} metric 100"));
        let before = state();
        let mut pin = install(RELAY);
        run("ip route add default via 10.9.0.1 dev tap0 metric 50");
        assert!(way(RELAY).ends_with("dev wan0"), "{}", way(RELAY));
        assert_eq!(pin.check().unwrap(), PinState::Intact);
        run("ip route del default dev tap0");
        drop(pin);
        assert_eq!(state(), before);
    }
}

fn multipath() {
    let wlan = Link::new("wlan0", "10.2.0.2/24", "fd02::2/64");
    for (relay, default, one, other) in [
        (RELAY, "ip route replace default metric 100", "10.1.0.1", "10.2.0.1"),
        (RELAY6, "ip -6 route replace default metric 1024", "fd01::1", "fd02::1"),
    ] {
        run(&format!("{default} nexthop via {one} dev wan0 nexthop via {other} dev wlan0"));
        let before = state();
        let mut pin = install(relay);
        let chosen = way(relay);
        assert!(
            chosen == format!("via {one} dev wan0") || chosen == format!("via {other} dev wlan0"),
            "{chosen}"
        );
        for _ in 0..3 {
            assert_eq!(pin.check().unwrap(), PinState::Intact);
        }
        drop(pin);
        assert_eq!(state(), before);
    }
    drop(wlan);
}

fn source_address() {
    run("ip address add 10.1.0.3/24 dev wan0");
    run("ip route replace default via 10.1.0.1 dev wan0 src 10.1.0.3 metric 100");
    let before = state();
    let mut pin = install(RELAY);
    assert!(run(&format!("ip route get {RELAY}")).contains("src 10.1.0.3"));
    assert_eq!(pin.check().unwrap(), PinState::Intact);
    drop(pin);
    assert_eq!(state(), before);

    let mut pin = install(RELAY);
    run("ip route replace default via 10.1.0.1 dev wan0 src 10.1.0.2 metric 100");
    assert_eq!(pin.check().unwrap(), PinState::Repinned);
    assert!(run(&format!("ip route get {RELAY}")).contains("src 10.1.0.2"));
    assert_eq!(pins(), 1);
}

fn borrowed() {
    for (relay, route) in [
        (RELAY, "ip route add 203.0.113.7 via 10.1.0.1 dev wan0 proto static"),
        (RELAY6, "ip -6 route add 2001:db8::7 via fd01::1 dev wan0 proto static"),
    ] {
        run(route);
        let before = state();
        let mut pin = install(relay);
        assert!(matches!(pin.plan(), PinPlan::Borrow(_)), "{pin:?}");
        assert_eq!(state(), before);
        assert_eq!(pin.check().unwrap(), PinState::Intact);
        drop(pin);
        assert_eq!(state(), before);
    }
}

fn borrowed_goes() {
    let before = state();
    run("ip route add 203.0.113.7 via 10.1.0.1 dev wan0");
    let mut pin = install(RELAY);
    run("ip route del 203.0.113.7");
    run("ip route add default via 10.9.0.1 dev tap0 metric 50");
    assert_eq!(pin.check().unwrap(), PinState::Repinned);
    assert!(matches!(pin.plan(), PinPlan::Add { .. }), "{pin:?}");
    assert_eq!(way(RELAY), "via 10.1.0.1 dev wan0");
    run("ip route del default dev tap0");
    drop(pin);
    assert_eq!(state(), before);
}

fn stale() {
    let before = state();
    for (relay, left) in [
        // It may lead where the network has been, or where it still is.
        (RELAY, "ip route add 203.0.113.7 via 10.1.0.99 dev wan0 proto 76"),
        (RELAY, "ip route add 203.0.113.7 via 10.1.0.1 dev wan0 proto 76"),
        (RELAY, "ip route add 203.0.113.7 via 10.9.0.1 dev tap0 proto 76"),
        (RELAY6, "ip -6 route add 2001:db8::7 via fd01::99 dev wan0 proto 76"),
    ] {
        run(left);
        let mut pin = install(relay);
        assert!(matches!(pin.plan(), PinPlan::Add { .. }), "{pin:?}");
        assert!(
            way(relay).ends_with("01::1 dev wan0") || way(relay) == "via 10.1.0.1 dev wan0",
            "{}",
            way(relay)
        );
        assert_eq!(pins(), 1);
        assert_eq!(pin.check().unwrap(), PinState::Intact);
        drop(pin);
        assert_eq!(state(), before, "{left}");
    }
    // The pin for another relay is not this one's business.
    run("ip route add 203.0.113.8 via 10.1.0.1 dev wan0 proto 76");
    let with_other = state();
    drop(install(RELAY));
    assert_eq!(state(), with_other);
}

fn killed() {
    let before = state();
    let mut holder = copy(HOLD).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert_eq!(pins(), 1);
    drop(install(RELAY));
    assert_eq!(state(), before);
}

fn changed_gateway() {
    let before = state();
    let mut pin = install(RELAY);
    run("ip route replace default via 10.1.0.254 dev wan0 metric 100");
    run("ip route add default via 10.9.0.1 dev tap0 metric 50");
    assert_eq!(pin.check().unwrap(), PinState::Repinned);
    assert_eq!(way(RELAY), "via 10.1.0.254 dev wan0");
    assert_eq!(pins(), 1);
    assert_eq!(pin.plan().route().unwrap().to_string(), "203.0.113.7/32 via 10.1.0.254 dev wan0");
    assert_eq!(pin.check().unwrap(), PinState::Intact);
    run("ip route del default dev tap0");
    run("ip route replace default via 10.1.0.1 dev wan0 metric 100");
    drop(pin);
    assert_eq!(state(), before);
}

fn changed_gateway_ipv6() {
    let before = state();
    let mut pin = install(RELAY6);
    run("ip -6 route replace default via fd01::fe dev wan0");
    run("ip -6 route add default via fd09::1 dev tap0 metric 50");
    assert_eq!(pin.check().unwrap(), PinState::Repinned);
    assert_eq!(way(RELAY6), "via fd01::fe dev wan0");
    assert_eq!(pins(), 1);
    assert_eq!(pin.check().unwrap(), PinState::Intact);
    run("ip -6 route del default dev tap0");
    run("ip -6 route replace default via fd01::1 dev wan0");
    drop(pin);
    assert_eq!(state(), before);
}

fn another_interface() {
    let before = state();
    let mut held = [install(RELAY), install(RELAY6)];
    let eth = Link::new("eth0", "10.3.0.2/24", "fd03::2/64");
    run("ip route add default via 10.3.0.1 dev eth0 metric 10");
    run("ip -6 route add default via fd03::1 dev eth0 metric 10");
    for pin in &mut held {
        assert_eq!(pin.check().unwrap(), PinState::Repinned);
        assert_eq!(pin.check().unwrap(), PinState::Intact);
    }
    assert_eq!(
        (way(RELAY).as_str(), way(RELAY6).as_str()),
        ("via 10.3.0.1 dev eth0", "via fd03::1 dev eth0")
    );
    assert_eq!(pins(), 2);
    drop(held);
    drop(eth);
    assert_eq!(state(), before);
}

fn lost_pin() {
    for (relay, flush) in [(RELAY, "ip route flush proto 76"), (RELAY6, "ip -6 route flush proto 76")] {
        let before = state();
        let mut pin = install(relay);
        run(flush);
        assert_eq!(state(), before);
        assert_eq!(pin.check().unwrap(), PinState::Repinned);
        assert_eq!(pins(), 1);
        drop(pin);
        assert_eq!(state(), before);
    }
}

fn interface_down() {
    let before = state();
    let mut pin = install(RELAY);
    run("ip link set wan0 down");
    assert_eq!(pin.check().unwrap(), PinState::NoRoute);
    run("ip route add default via 10.9.0.1 dev tap0 metric 50");
    assert_eq!(pin.check().unwrap(), PinState::ThroughTunnel);
    run("ip link set wan0 up");
    assert_eq!(pin.check().unwrap(), PinState::ThroughTunnel, "there is no default route yet");
    run("ip route add default via 10.1.0.1 dev wan0 metric 100");
    assert_eq!(pin.check().unwrap(), PinState::Repinned);
    assert_eq!(way(RELAY), "via 10.1.0.1 dev wan0");
    run("ip route del default dev tap0");
    drop(pin);
    // IPv6 addresses do not survive that, and are not part of this test.
    assert_eq!(state_of("-4"), before.split("IPv6").next().unwrap());
}

fn interface_vanishes() {
    let mut held = [install(RELAY), install(RELAY6)];
    run("ip link del wan0");
    for pin in &mut held {
        assert_eq!(pin.check().unwrap(), PinState::NoRoute);
    }
    let eth = Link::new("eth0", "10.3.0.2/24", "fd03::2/64");
    run("ip route add default via 10.3.0.1 dev eth0");
    run("ip -6 route add default via fd03::1 dev eth0");
    let before = state();
    for pin in &mut held {
        assert_eq!(pin.check().unwrap(), PinState::Repinned);
    }
    drop(held);
    assert_eq!(state(), before);
    drop(eth);
}

fn through_the_tunnel() {
    run("ip route replace default via 10.9.0.1 dev tap0 metric 50");
    let before = state();
    let error = RoutePin::install(ip(RELAY), TAP).unwrap_err();
    assert!(matches!(error, RouteError::Plan(PlanError::AlreadyThroughTunnel { .. })), "{error:?}");
    assert_eq!(
        error.to_string(),
        "the way to 203.0.113.7 leads into the tunnel tap0 itself: no other network is connected"
    );
    assert_eq!(state(), before);

    // A tunnel that is named later is known by its new name from then on.
    let mut pin = RoutePin::install(ip(RELAY), None).unwrap();
    assert_eq!(pin.check().unwrap(), PinState::Intact);
    pin.set_tunnel("tap0");
    assert_eq!(pin.check().unwrap(), PinState::Repinned, "there is a way around it, by a higher metric");
    assert_eq!(way(RELAY), "via 10.1.0.1 dev wan0");
}

fn no_route() {
    for prepare in [
        "ip route del default dev wan0",
        "ip route add unreachable default",
        "ip route add blackhole 203.0.113.0/24",
        "ip route add prohibit 203.0.113.4/30",
    ] {
        run(prepare);
        let before = state();
        let error = RoutePin::install(ip(RELAY), TAP).unwrap_err();
        assert!(matches!(error, RouteError::Plan(PlanError::NoRoute { .. })), "{prepare}: {error:?}");
        assert_eq!(state(), before);
    }
    run("ip -6 route flush default");
    for prepare in
        ["ip route show", "ip -6 route add unreachable default", "ip -6 route add blackhole 2001:db8::/32"]
    {
        run(prepare);
        let error = RoutePin::install(ip(RELAY6), TAP).unwrap_err();
        assert!(matches!(error, RouteError::Plan(PlanError::NoRoute { .. })), "{prepare}: {error:?}");
    }
}

fn this_host() {
    let before = state();
    for relay in ["127.0.0.1", "::1", "10.1.0.2", "fd01::2", "fe80::77"] {
        let mut pin = install(relay);
        assert_eq!(*pin.plan(), PinPlan::Unneeded, "{relay}");
        assert_eq!(state(), before);
        assert_eq!(pin.check().unwrap(), PinState::Intact);
        drop(pin);
        assert_eq!(state(), before);
    }
}

fn policy_rules() {
    let vpn = Link::new("vpn0", "10.4.0.2/24", "fd04::2/64");
    run("ip route add default dev vpn0 table 7");
    run("ip rule add lookup main suppress_prefixlength 0 priority 100");
    run("ip rule add lookup 7 priority 101");
    let before = state();
    let mut pin = install(RELAY);
    assert_eq!(way(RELAY), "dev vpn0");
    run("ip route add default via 10.9.0.1 dev tap0 metric 50");
    run("ip route add 203.0.113.0/24 dev tap0");
    assert_eq!(way(RELAY), "dev vpn0", "the pin stands where the tunnel's routes are");
    assert_eq!(pin.check().unwrap(), PinState::Intact);
    run("ip route del 203.0.113.0/24 dev tap0");
    run("ip route del default dev tap0");
    drop(pin);
    assert_eq!(state(), before);

    let mut pin = install(RELAY);
    drop(vpn);
    assert_eq!(pin.check().unwrap(), PinState::Repinned, "the VPN has ended");
    assert_eq!(way(RELAY), "via 10.1.0.1 dev wan0");
}

fn rule_into_the_tunnel() {
    let mut pin = install(RELAY);
    run("ip route add default dev tap0 table 7");
    run("ip rule add to 203.0.113.7 lookup 7 priority 100");
    assert_eq!(way(RELAY), "dev tap0");
    assert_eq!(pin.check().unwrap(), PinState::ThroughTunnel);
    run("ip rule del priority 100");
    assert_eq!(pin.check().unwrap(), PinState::Intact);
}

fn foreign_host_route() {
    let before = state();
    let mut pin = install(RELAY);
    // Somebody adds a host route of their own beside the pin, by the same way and by another one.
    run("ip route append 203.0.113.7 via 10.1.0.1 dev wan0 proto static metric 7");
    assert_eq!(pin.check().unwrap(), PinState::Intact);
    run("ip route del 203.0.113.7 metric 7");
    run("ip route append 203.0.113.7 via 10.1.0.55 dev wan0 proto static");
    assert_eq!(pin.check().unwrap(), PinState::Repinned);
    assert!(matches!(pin.plan(), PinPlan::Borrow(_)), "{pin:?}");
    assert_eq!(pins(), 0);
    drop(pin);
    assert_eq!(way(RELAY), "via 10.1.0.55 dev wan0");
    run("ip route del 203.0.113.7");
    assert_eq!(state(), before);

    // Where rules look elsewhere first, it may lead another way than the pin.
    run("ip route add default via 10.1.0.200 dev wan0 table 7");
    run("ip rule add lookup 7 priority 100");
    run("ip route add 203.0.113.7 via 10.1.0.55 dev wan0");
    let before = state();
    let mut pin = install(RELAY);
    assert_eq!(pin.plan().route().unwrap().gateway, Some(ip("10.1.0.200")));
    assert_eq!(pin.check().unwrap(), PinState::Intact);
    drop(pin);
    assert_eq!(state(), before);
}

fn panic() {
    let before = state();
    let caught = catch_unwind(AssertUnwindSafe(|| {
        let _pins = [install(RELAY), install(RELAY6)];
        assert_eq!(pins(), 2);
        std::panic::resume_unwind(Box::new("the session's own fault"));
    }));
    assert!(caught.is_err());
    assert_eq!(state(), before);
}

fn error_midway() {
    fn start() -> Result<(), RouteError> {
        let _first = RoutePin::install(ip(RELAY), TAP)?;
        assert_eq!(pins(), 1);
        let _second = RoutePin::install(ip(RELAY6), TAP)?;
        unreachable!("there is no route to it");
    }
    run("ip -6 route flush default");
    let before = state();
    start().unwrap_err();
    assert_eq!(state(), before);

    // A new pin that the kernel refuses, since its gateway is in no network any more, leaves the old one.
    let mut pin = install(RELAY);
    run("ip address add 10.5.0.2/24 dev wan0");
    run("ip route replace default via 10.5.0.1 dev wan0 metric 100");
    run("ip address del 10.5.0.2/24 dev wan0");
    let error = pin.check().unwrap_err();
    assert!(matches!(error, RouteError::Add { .. }), "{error:?}");
    assert_eq!(error.to_string(), "cannot add the route 203.0.113.7/32 via 10.5.0.1 dev wan0");
    assert_eq!(way(RELAY), "via 10.1.0.1 dev wan0");
    assert_eq!(pin.plan().route().unwrap().gateway, Some(ip("10.1.0.1")));
    run("ip route replace default via 10.1.0.1 dev wan0 metric 100");
    assert_eq!(pin.check().unwrap(), PinState::Intact);
    drop(pin);
    assert_eq!(state(), before);
}

fn other_namespace() {
    let before = state();
    let pin = install(RELAY);
    std::thread::spawn(move || {
        nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET).unwrap();
        drop(pin);
    })
    .join()
    .unwrap();
    assert_eq!(state(), before);
}

fn many_routes() {
    let mut lines = String::new();
    for n in 0..5000 {
        lines += &format!("route add 100.{}.{}.0/24 via 10.1.0.1\n", 64 + n / 256, n % 256);
    }
    let mut batch = Command::new("ip").args(["-batch", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    batch.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    assert!(batch.wait().unwrap().success());
    // The last of them all, in the kernel's order.
    run("ip route add 203.0.113.0/24 via 10.1.0.33");
    let before = state();
    let mut pin = install(RELAY);
    assert_eq!(way(RELAY), "via 10.1.0.33 dev wan0");
    assert_eq!(pin.check().unwrap(), PinState::Intact);
    run("ip route replace 203.0.113.0/24 via 10.1.0.34");
    assert_eq!(pin.check().unwrap(), PinState::Repinned);
    run("ip route replace 203.0.113.0/24 via 10.1.0.33");
    drop(pin);
    assert_eq!(state(), before);
}

fn not_permitted() {
    let before = state();
    assert!(copy(WEAK).status().unwrap().success());
    assert_eq!(state(), before);
}
