//! What is set on an adapter, kept, and put back.

use std::io;

use super::super::AdapterSettings;
use super::kit::{Computer, GUID};
use crate::route::{AdapterPolicy, RouteError};

const FOUR: &str = "ip 6000007000000 4 connected=1 automatic=25 metric=- mtu=1500 ignore=0";
const SIX: &str = "ip 6000007000000 6 connected=1 automatic=25 metric=- mtu=1500 ignore=0";

/// How one of the two above is while a session lives.
fn held(ip: &str, mtu: u16) -> String {
    ip.replace("metric=-", "metric=120")
        .replace("mtu=1500", &format!("mtu={mtu}"))
        .replace("ignore=0", "ignore=1")
}

#[test]
fn a_policy_is_applied_and_put_back() {
    let Some(computer) = Computer::new() else { return };
    let before = computer.state();
    let settings = AdapterSettings::apply(GUID, AdapterPolicy::default()).unwrap();
    assert!(computer.has(&held(FOUR, 1500)) && computer.has(&held(SIX, 1500)), "{}", computer.state());
    settings.set_mtu(1400).unwrap();
    assert!(computer.has(&held(FOUR, 1400)) && computer.has(&held(SIX, 1400)), "{}", computer.state());
    settings.set_mtu(1300).unwrap();
    assert!(computer.has(&held(FOUR, 1300)));
    settings.add_address("10.77.0.2/24".parse().unwrap()).unwrap();
    settings.add_address("fd00::2/64".parse().unwrap()).unwrap();
    assert!(computer.has("address 6000007000000 10.77.0.2/24"));
    assert!(computer.has("address 6000007000000 fd00::2/64"));
    settings.link_changed();
    for route in ["255.255.255.255/32 0.0.0.0", "224.0.0.0/4 0.0.0.0", "ff00::/8 ::"] {
        computer.expect(&format!("route 6000007000000 {route} metric=0"));
    }
    // Those of the other adapter are as they were.
    assert!(computer.has("route 47000003000000 255.255.255.255/32 0.0.0.0 metric=256"));
    drop(settings);
    assert_eq!(computer.state(), before);
}

#[test]
fn broadcasts_leave_by_the_adapter() {
    let Some(computer) = Computer::new() else { return };
    let way = || super::super::rows::best_route("255.255.255.255".parse().unwrap()).unwrap().unwrap().index;
    let settings = AdapterSettings::apply(GUID, AdapterPolicy::default()).unwrap();
    assert_eq!(way(), 3, "the adapter's metric is the higher one by now");
    settings.link_changed();
    computer.expect("route 6000007000000 255.255.255.255/32 0.0.0.0 metric=0");
    assert_eq!(way(), 7);
}

#[test]
fn broadcasts_leave_by_the_adapter_even_if_windows_keeps_its_routes() {
    let Some(computer) = Computer::new() else { return };
    let before = computer.state();
    computer.add("fail SetIpForwardEntry2 87");
    let settings = AdapterSettings::apply(GUID, AdapterPolicy::default()).unwrap();
    settings.link_changed();
    computer.expect(&FOUR.replace("metric=-", "metric=1").replace("ignore=0", "ignore=1"));
    let way = super::super::rows::best_route("255.255.255.255".parse().unwrap()).unwrap().unwrap();
    assert_eq!(way.index, 7);
    drop(settings);
    computer.replace("fail SetIpForwardEntry2 87", "");
    assert_eq!(computer.state(), before);
}

#[test]
fn hands_off_changes_nothing() {
    let Some(computer) = Computer::new() else { return };
    let settings = AdapterSettings::apply("no id at all", AdapterPolicy::HANDS_OFF).unwrap();
    settings.set_mtu(1400).unwrap();
    settings.link_changed();
    let error = settings.add_address("10.77.0.2/24".parse().unwrap()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::Unsupported);
    drop(settings);
    assert_eq!(computer.log(), "");
}

#[test]
fn what_windows_forgets_is_set_again() {
    let Some(computer) = Computer::new() else { return };
    let before = computer.state();
    let settings = AdapterSettings::apply(GUID, AdapterPolicy::default()).unwrap();
    settings.set_mtu(1400).unwrap();
    settings.link_changed();
    computer.expect("route 6000007000000 255.255.255.255/32 0.0.0.0 metric=0");
    computer.expect("route 6000007000000 ff00::/8 :: metric=0");
    // The cable is pulled and plugged in again.
    computer.write(&before);
    settings.link_changed();
    computer.expect(&held(FOUR, 1400));
    computer.expect(&held(SIX, 1400));
    computer.expect("route 6000007000000 255.255.255.255/32 0.0.0.0 metric=0");
    drop(settings);
    assert_eq!(computer.state(), before);
}

#[test]
fn what_the_user_has_changed_stays() {
    let Some(computer) = Computer::new() else { return };
    let settings = AdapterSettings::apply(GUID, AdapterPolicy::default()).unwrap();
    let own = FOUR.replace("metric=-", "metric=50").replace("ignore=0", "ignore=1");
    computer.replace(&held(FOUR, 1500), &own);
    drop(settings);
    assert!(computer.has(&own.replace("ignore=1", "ignore=0")), "{}", computer.state());
    assert!(computer.has(SIX));
}

#[test]
fn an_adapter_without_ipv6_will_do() {
    let Some(computer) = Computer::new() else { return };
    computer.replace(SIX, "");
    let before = computer.state();
    let settings = AdapterSettings::apply(GUID, AdapterPolicy::default()).unwrap();
    settings.set_mtu(1400).unwrap();
    assert!(computer.has(&held(FOUR, 1400)));
    drop(settings);
    assert_eq!(computer.state(), before);
}

#[test]
fn a_refused_setting_is_named_and_nothing_is_left() {
    let Some(computer) = Computer::new() else { return };
    let before = computer.state();
    computer.add("fail SetIpInterfaceEntry 87");
    let error = AdapterSettings::apply(GUID, AdapterPolicy::default()).unwrap_err();
    assert!(matches!(error, RouteError::Setting { .. }), "{error:?}");
    computer.replace("fail SetIpInterfaceEntry 87", "fail SetIpInterfaceEntry 5");
    let error = AdapterSettings::apply(GUID, AdapterPolicy::default()).unwrap_err();
    assert!(matches!(error, RouteError::NotPermitted(_)), "{error:?}");
    computer.replace("fail SetIpInterfaceEntry 5", "");
    assert_eq!(computer.state(), before);
}

#[test]
fn an_adapter_that_is_not_there_is_told_in_time() {
    let Some(_computer) = Computer::new() else { return };
    let other = GUID.replace("0001}", "0002}");
    let error = AdapterSettings::apply(&other, AdapterPolicy::default()).unwrap_err();
    assert!(matches!(error, RouteError::Setting { .. }), "{error:?}");
}

#[test]
fn an_adapter_that_goes_away_leaves_no_complaint() {
    let Some(computer) = Computer::new() else { return };
    let settings = AdapterSettings::apply(GUID, AdapterPolicy::default()).unwrap();
    let state = computer.state();
    let rest: String = state
        .lines()
        .filter(|line| !line.contains("6000007000000"))
        .map(|line| format!("{line}\n"))
        .collect();
    computer.write(&rest);
    assert_eq!(settings.set_mtu(1400).unwrap_err().kind(), io::ErrorKind::NotFound);
    drop(settings);
    assert_eq!(computer.state(), rest);
    // Nothing is left to be undone.
    computer.write(&state);
    drop(super::SystemLease::open(super::SystemHost).unwrap());
    assert_eq!(computer.state(), state);
}
