//! What a pin does, and what it leaves.

use super::kit::{Computer, RELAY, RELAY6, install};
use crate::route::{PinPlan, PinState, PlanError, RouteError};

const DEFAULT: &str = "route 47000003000000 0.0.0.0/0 192.168.1.1 metric=0";
const PIN: &str = "route 47000003000000 203.0.113.7/32 192.168.1.1 metric=0";

#[test]
fn a_pin_outlives_a_default_route_of_the_tunnel() {
    let Some(computer) = Computer::new() else { return };
    let before = computer.state();
    let mut pin = install(RELAY).unwrap();
    let PinPlan::Add { pin: route, beneath } = pin.plan() else { panic!("{pin:?}") };
    assert_eq!(route.to_string(), "203.0.113.7/32 via 192.168.1.1 dev Wi-Fi");
    assert_eq!(beneath.to_string(), "0.0.0.0/0 via 192.168.1.1 dev Wi-Fi");
    assert!(computer.has(PIN));
    assert_eq!(pin.check().unwrap(), PinState::Intact);

    let tunnel = "route 6000007000000 0.0.0.0/0 10.9.0.1 metric=0";
    computer.add(tunnel);
    assert_eq!(pin.check().unwrap(), PinState::Intact);
    computer.replace(tunnel, "");
    drop(pin);
    assert_eq!(computer.state(), before);
}

#[test]
fn an_ipv6_relay_is_pinned_and_a_mapped_one_as_ipv4() {
    let Some(computer) = Computer::new() else { return };
    let before = computer.state();
    let mut pin = install(RELAY6).unwrap();
    assert!(computer.has("route 47000003000000 2001:db8::7/128 fe80::1 metric=0"));
    assert_eq!(pin.check().unwrap(), PinState::Intact);
    drop(pin);
    let pin = install("::ffff:203.0.113.7").unwrap();
    assert!(computer.has(PIN));
    drop(pin);
    assert_eq!(computer.state(), before);
}

#[test]
fn a_changed_gateway_is_followed() {
    let Some(computer) = Computer::new() else { return };
    let before = computer.state();
    let mut pin = install(RELAY).unwrap();
    computer.replace(DEFAULT, "route 47000003000000 0.0.0.0/0 192.168.1.254 metric=0");
    assert_eq!(pin.check().unwrap(), PinState::Repinned);
    assert!(!computer.has(PIN));
    assert!(computer.has("route 47000003000000 203.0.113.7/32 192.168.1.254 metric=0"));
    assert_eq!(pin.check().unwrap(), PinState::Intact);
    computer.replace("route 47000003000000 0.0.0.0/0 192.168.1.254 metric=0", DEFAULT);
    drop(pin);
    assert_eq!(computer.state(), before);
}

#[test]
fn the_interface_with_the_lower_sum_of_metrics_is_followed() {
    let Some(computer) = Computer::new() else { return };
    computer.add("interface 6000009000000 9 {00000001-0000-0000-0000-000000000009} Ethernet");
    computer.add("ip 6000009000000 4 connected=1 automatic=25 metric=- mtu=1500 ignore=0");
    let mut pin = install(RELAY).unwrap();
    // 25 + 30 is more than 45 + 0, although 25 is less than 45.
    let other = "route 6000009000000 0.0.0.0/0 172.16.0.1 metric=30";
    computer.add(other);
    assert_eq!(pin.check().unwrap(), PinState::Intact);
    computer.replace(other, "route 6000009000000 0.0.0.0/0 172.16.0.1 metric=10");
    assert_eq!(pin.check().unwrap(), PinState::Repinned);
    assert!(computer.has("route 6000009000000 203.0.113.7/32 172.16.0.1 metric=0"));
    // Its cable is pulled.
    let ip = "ip 6000009000000 4 connected=1 automatic=25 metric=- mtu=1500 ignore=0";
    computer.replace(ip, &ip.replace("connected=1", "connected=0"));
    assert_eq!(pin.check().unwrap(), PinState::Repinned);
    assert!(computer.has(PIN));
}

#[test]
fn a_lost_pin_is_renewed() {
    let Some(computer) = Computer::new() else { return };
    let before = computer.state();
    let mut pin = install(RELAY).unwrap();
    computer.replace(PIN, "");
    assert_eq!(pin.check().unwrap(), PinState::Repinned);
    assert!(computer.has(PIN));
    drop(pin);
    assert_eq!(computer.state(), before);
}

#[test]
fn a_route_of_somebody_else_is_borrowed_and_left() {
    let Some(computer) = Computer::new() else { return };
    // Even with a metric that we would not choose.
    let foreign = "route 47000003000000 203.0.113.7/32 192.168.1.1 metric=7";
    computer.add(foreign);
    let before = computer.state();
    let mut pin = install(RELAY).unwrap();
    assert!(matches!(pin.plan(), PinPlan::Borrow(_)), "{pin:?}");
    assert_eq!(pin.check().unwrap(), PinState::Intact);
    assert_eq!(computer.log(), "");
    computer.replace(foreign, "");
    assert_eq!(pin.check().unwrap(), PinState::Repinned);
    assert!(matches!(pin.plan(), PinPlan::Add { .. }), "{pin:?}");
    drop(pin);
    computer.add(foreign);
    assert_eq!(computer.state(), before);
}

#[test]
fn two_pins_of_one_relay_stand_and_fall_one_by_one() {
    let Some(computer) = Computer::new() else { return };
    let before = computer.state();
    let first = install(RELAY).unwrap();
    let mut second = install(RELAY).unwrap();
    assert!(matches!(second.plan(), PinPlan::Borrow(_)), "{second:?}");
    drop(first);
    assert_eq!(second.check().unwrap(), PinState::Repinned);
    drop(second);
    assert_eq!(computer.state(), before);
}

#[test]
fn no_way_but_the_tunnel_is_told() {
    let Some(computer) = Computer::new() else { return };
    let mut pin = install(RELAY).unwrap();
    computer.replace(DEFAULT, "");
    assert_eq!(pin.check().unwrap(), PinState::Intact);
    computer.replace(PIN, "");
    assert_eq!(pin.check().unwrap(), PinState::NoRoute);
    let tunnel = "route 6000007000000 0.0.0.0/0 10.9.0.1 metric=0";
    computer.add(tunnel);
    assert_eq!(pin.check().unwrap(), PinState::ThroughTunnel);
    let error = install(RELAY).unwrap_err();
    assert!(matches!(error, RouteError::Plan(PlanError::AlreadyThroughTunnel { .. })), "{error:?}");
    // Default routes of an adapter that ignores them are no way.
    let ip = "ip 6000007000000 4 connected=1 automatic=25 metric=- mtu=1500 ignore=0";
    computer.replace(ip, &ip.replace("ignore=0", "ignore=1"));
    let error = install(RELAY).unwrap_err();
    assert!(matches!(error, RouteError::Plan(PlanError::NoRoute { .. })), "{error:?}");
    assert_eq!(pin.check().unwrap(), PinState::NoRoute);
}

#[test]
fn a_relay_on_this_computer_needs_no_pin() {
    let Some(computer) = Computer::new() else { return };
    computer.add("route 18000001000000 192.168.1.5/32 0.0.0.0 metric=0");
    for relay in ["127.0.0.1", "::1", "192.168.1.5"] {
        let mut pin = install(relay).unwrap();
        assert_eq!(*pin.plan(), PinPlan::Unneeded, "{relay}");
        assert_eq!(pin.check().unwrap(), PinState::Intact, "{relay}");
    }
    assert_eq!(computer.log(), "");
}

#[test]
fn a_missing_permission_is_named() {
    let Some(computer) = Computer::new() else { return };
    computer.add("fail CreateIpForwardEntry2 5");
    let before = computer.state();
    let error = install(RELAY).unwrap_err();
    assert!(matches!(error, RouteError::NotPermitted(_)), "{error:?}");
    assert!(error.to_string().contains("Run as administrator"), "{error}");
    assert_eq!(computer.state(), before);
    assert_eq!(computer.log(), "refuse CreateIpForwardEntry2\n");
}
