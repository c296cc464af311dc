//! Pins and an adapter's settings on a computer that a library plays: see `tests/windows/iphlpapi`.

mod adapters;
mod kit;
mod pins;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};

use super::{AdapterSettings, SystemHost, SystemLease, addresses, registry};
use crate::lease::{Setting, Value};
use crate::route::AdapterPolicy;
use kit::{ALIAS, Computer, GUID, RELAY, install, other_process};

/// Does everything that a client does, says so, and waits until its input ends.
fn play() {
    let settings = AdapterSettings::apply(GUID, AdapterPolicy::default()).unwrap();
    settings.add_address("10.77.0.2/24".parse().unwrap()).unwrap();
    let pin = install(RELAY).unwrap();
    settings.set_mtu(1400).unwrap();
    settings.link_changed();
    let state = std::env::var_os("LANPARTY_IPHLPAPI_STATE").unwrap();
    let mut complete = false;
    for _ in 0..1000 {
        let lines = kit::read(&state).unwrap_or_default();
        complete = lines.contains("6000007000000 ff00::/8 :: metric=0");
        if complete {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert!(complete, "the routes do not come");
    std::io::stdout().write_all(b"\nready\n").unwrap();
    let _ = std::io::stdin().read(&mut [0]);
    drop((pin, settings));
}

/// Not a test: what the other process does.
#[test]
#[ignore = "played by other tests, in a process of its own"]
fn hold() {
    play();
}

#[test]
fn a_run_that_is_killed_at_any_change_is_made_good_by_the_next() {
    let Some(computer) = Computer::new() else { return };
    let before = computer.state();
    for changes in 0..40 {
        let kill = format!("kill {changes}");
        computer.add(&kill);
        let mut other = other_process();
        let mut lines = BufReader::new(other.stdout.take().unwrap()).lines();
        let is_ready = lines.any(|line| line.is_ok_and(|line| line == "ready"));
        if is_ready {
            // It has made all its changes; now it is killed from outside.
            other.kill().unwrap();
        }
        other.wait().unwrap();
        let state = computer.state();
        let left: String =
            state.lines().filter(|line| !line.starts_with("kill")).map(|line| format!("{line}\n")).collect();
        assert!((left == before) == (changes == 0), "killed at {changes}:\n{left}");
        computer.write(&left);

        drop(SystemLease::open(SystemHost).unwrap());
        assert_eq!(computer.state(), before, "killed at {changes}");
        if is_ready {
            assert!(changes > 8, "{changes} changes");
            return;
        }
    }
    panic!("it never gets ready");
}

#[test]
fn an_end_puts_everything_back() {
    let Some(computer) = Computer::new() else { return };
    let before = computer.state();
    let mut other = other_process();
    let mut lines = BufReader::new(other.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.is_ok_and(|line| line == "ready")));
    assert_ne!(computer.state(), before);
    // A process that runs is not disturbed by the start of another one.
    let meanwhile = computer.state();
    drop(SystemLease::open(SystemHost).unwrap());
    assert_eq!(computer.state(), meanwhile);
    drop(other.stdin.take());
    assert!(other.wait().unwrap().success());
    assert_eq!(computer.state(), before);
}

#[test]
fn an_adapters_address_is_leased() {
    let Some(_computer) = Computer::new() else { return };
    let key = r"HKLM\SYSTEM\CurrentControlSet\Control\Class\{4D36E972-E325-11CE-BFC1-08002BE10318}\9876";
    let reg = |arguments: &[&str]| {
        let ran = std::process::Command::new("reg").args(arguments).output().unwrap();
        assert!(ran.status.success(), "{arguments:?}");
    };
    let setting = || Setting::AdapterMac { class_key: "9876".into() };
    let wanted = || Some(Value::Text("0233445566AA".into()));
    let mut lease = SystemLease::open(SystemHost).unwrap();
    let missing = lease.change(setting(), wanted()).unwrap_err();
    assert_eq!(missing.kind(), std::io::ErrorKind::NotFound);
    for before in [None, Some("020000000001")] {
        reg(&["add", key, "/f"]);
        if let Some(before) = before {
            reg(&["add", key, "/v", "NetworkAddress", "/d", before, "/f"]);
        }
        assert!(lease.change(setting(), wanted()).unwrap());
        assert!(!lease.change(setting(), wanted()).unwrap());
        assert_eq!(registry::network_address("9876").unwrap().as_deref(), Some("0233445566AA"));
        lease.undo(&setting()).unwrap();
        assert_eq!(registry::network_address("9876").unwrap().as_deref(), before);
        reg(&["delete", key, "/f"]);
    }
}

#[test]
fn an_adapters_addresses_are_told() {
    let Some(computer) = Computer::new() else { return };
    computer.add("address 6000007000000 fe80::7/64");
    let expected: Vec<std::net::IpAddr> = vec!["10.9.0.2".parse().unwrap(), "fe80::7".parse().unwrap()];
    assert_eq!(addresses(ALIAS), expected);
    assert_eq!(addresses("Ethernet 3"), [] as [std::net::IpAddr; 0]);
}
