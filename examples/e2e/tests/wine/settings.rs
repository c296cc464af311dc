//! What is changed on the computer while a session lives, and that it is put back, by whom ever.

use libtest_mimic::Trial;

use crate::host::eventually;
use crate::life::interrupt;
use crate::party::{Party, RELAY, trial};
use crate::player;
use crate::windows::{ADAPTER_LUID, WIFI_LUID, Windows};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("settings::the_registry_is_as_before", the_registry_is_as_before),
        trial("settings::the_registry_of_a_killed_client_is_put_back", the_registry_of_a_killed_client),
        trial("settings::routes_and_metrics_are_as_before", routes_and_metrics_are_as_before),
        trial("settings::those_of_a_killed_client_are_put_back", those_of_a_killed_client),
        trial("settings::nothing_is_touched_on_request", nothing_is_touched_on_request),
    ]
}

/// The value of the adapter's class key that the client changes.
const MAC_VALUE: &str = "NetworkAddress";

fn the_registry_is_as_before() {
    let party = Party::new();
    let _relay = party.start_relay(&[]);
    for before in [None, Some("02AABBCCDDEE")] {
        let windows = Windows::boot(&party.alice);
        match before {
            None => windows.add(&[]),
            Some(mac) => windows.add(&[&format!("mac={mac}")]),
        }
        windows.tapctl("set 7 reload=1");
        let registry = || windows.tapctl("registry 7");
        let all = registry();
        let mut client = player::join(&windows, &party, &[]);
        let mac = windows.status("mac");
        assert_eq!(windows.registry(MAC_VALUE).map(plain), Some(plain(mac)));
        interrupt(&mut client);
        assert_eq!(registry(), all);
    }
}

fn the_registry_of_a_killed_client() {
    let party = Party::new();
    let _relay = party.start_relay(&[]);
    let windows = Windows::with_adapter(&party.alice);
    let registry = || windows.tapctl("registry 7");
    let before = registry();
    let mut client = player::join(&windows, &party, &[]);
    windows.terminate("lanparty-client.exe");
    client.ended();
    assert_ne!(registry(), before, "a killed client puts nothing back");
    windows.wait("open=0");
    // The next one does, though it wants another address itself.
    let mut next = player::join(&windows, &party, &["--virtual-mac", "02:00:00:00:00:07"]);
    assert_eq!(windows.registry(MAC_VALUE).as_deref(), Some("020000000007"));
    interrupt(&mut next);
    assert_eq!(registry(), before);
}

/// Whether the way to the relay is held, and the adapter set up.
fn is_set_up(computer: &str) -> bool {
    let has = |start: &str| computer.lines().any(|line| line.starts_with(start));
    let adapter = computer.lines().find(|line| line.starts_with(&format!("ip {ADAPTER_LUID} 4 ")));
    has(&format!("route {WIFI_LUID} {RELAY}/32 "))
        && adapter.is_some_and(|line| !line.contains("metric=-") && line.ends_with("ignore=1"))
}

fn routes_and_metrics_are_as_before() {
    let party = Party::new();
    let _relay = party.start_relay(&[]);
    let windows = Windows::with_adapter(&party.alice);
    let before = windows.computer();
    let mut client = player::join(&windows, &party, &[]);
    eventually("everything is set up", || is_set_up(&windows.computer()));
    interrupt(&mut client);
    assert_eq!(windows.computer(), before);
}

fn those_of_a_killed_client() {
    let party = Party::new();
    let _relay = party.start_relay(&[]);
    let windows = Windows::with_adapter(&party.alice);
    let before = windows.computer();
    let mut client = player::join(&windows, &party, &[]);
    eventually("everything is set up", || is_set_up(&windows.computer()));
    client.kill_9();
    windows.wait("open=0");
    assert!(is_set_up(&windows.computer()), "a killed client puts nothing back");
    let mut next = player::join(&windows, &party, &["--no-route-pin", "--no-adapter-settings"]);
    assert_eq!(windows.computer(), before, "the next one does, before it begins");
    interrupt(&mut next);
    assert_eq!(windows.computer(), before);
}

fn nothing_is_touched_on_request() {
    let party = Party::new();
    let _relay = party.start_relay(&[]);
    let windows = Windows::with_adapter(&party.alice);
    let before = windows.computer();
    let mut client = player::join(&windows, &party, &["--no-route-pin", "--no-adapter-settings"]);
    interrupt(&mut client);
    assert_eq!(windows.computer(), before);
    assert_eq!(windows.computer_log(), "", "not even for a moment");
}

fn plain(mac: String) -> String {
    mac.replace(':', "").to_uppercase()
}
