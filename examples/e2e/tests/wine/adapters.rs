//! Which adapter is taken, and what is said of one that cannot be.

use libtest_mimic::Trial;

use crate::party::{Party, trial};
use crate::player;
use crate::windows::{ADAPTER, ADAPTER_MAC, ADAPTER_NAME, Windows};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("adapters::the_right_one_of_several_is_taken", the_right_one_of_several),
        trial("adapters::none_is_missed", none_is_missed),
        trial("adapters::an_old_driver_is_refused", an_old_driver_is_refused),
        trial("adapters::a_disabled_one_is_named", a_disabled_one_is_named),
        trial("adapters::one_in_use_is_named", one_in_use_is_named),
        trial("adapters::one_with_another_mac_is_not_used", one_with_another_mac),
    ]
}

/// As `--help` lists it.
const EXIT: i32 = 5;

/// The client ends by itself and says all of these words; nobody has seen it in the room.
fn refused(windows: &Windows<'_>, party: &Party, more: &[&str], expected: &[&str]) {
    let registry = || windows.host.run(|| windows.tapctl(&format!("registry {ADAPTER}")));
    let before = registry();
    let mut client = player::start(windows, party, more);
    let status = client.ended();
    let text = client.text();
    assert_eq!(status.code(), Some(EXIT), "{text}");
    let error = text.split("error: ").nth(1).unwrap_or_else(|| panic!("no error in {text}"));
    for word in expected {
        assert!(error.contains(word), "{word:?} is not in {error}");
    }
    assert_eq!(registry(), before);
}

fn the_right_one_of_several() {
    let party = Party::new();
    let _relay = party.start_relay(&[]);
    let windows = Windows::with_adapter(&party.alice);
    let other = windows.tapctl("add 8 name=Second").trim().to_owned();
    windows.tapctl("set 8 reload=1");
    // Another product's is not one of them.
    windows.tapctl("add 9 name=Foreign component=tapoas driver=0");
    let ours = windows.status("guid");
    refused(&windows, &party, &[], &[ADAPTER_NAME, "Second", &ours, &other, "--tap"]);
    refused(&windows, &party, &["--tap", "Third"], &["Third", ADAPTER_NAME, "Second"]);
    for choice in [["--tap", "second"], ["--tap-instance-id", &other]] {
        let client = player::start(&windows, &party, &choice);
        client.line_after(0, player::JOIN, crate::party::JOINED);
        windows.tapctl("wait 8 15 media=1");
        assert_eq!(windows.status("opens"), "0", "the other one");
        crate::life::interrupt(&mut { client });
    }
}

fn none_is_missed() {
    let party = Party::new();
    party.write_certificate();
    let windows = Windows::boot(&party.alice);
    windows.tapctl("add 7 name=Foreign component=tapoas driver=0");
    refused(&windows, &party, &[], &["TAP-Windows6", "install"]);
}

fn an_old_driver_is_refused() {
    let party = Party::new();
    party.write_certificate();
    // Its device tells its version, whatever the registry says.
    for registry in ["driver-version=9.21.2.0", "driver-version=9.26.0.0"] {
        let windows = Windows::boot(&party.alice);
        windows.add(&[registry, "version=9.21.2"]);
        windows.tapctl("set 7 reload=1");
        refused(&windows, &party, &[], &["9.21", "9.26"]);
        assert_eq!((windows.status("open"), windows.status("media")), ("0".to_owned(), "0".to_owned()));
    }
}

fn a_disabled_one_is_named() {
    let party = Party::new();
    party.write_certificate();
    let windows = Windows::boot(&party.alice);
    windows.add(&["disabled=1"]);
    refused(&windows, &party, &[], &[ADAPTER_NAME, "switched off"]);
}

fn one_in_use_is_named() {
    let party = Party::new();
    party.write_certificate();
    let windows = Windows::with_adapter(&party.alice);
    let mut other = windows.start("tapctl.exe", &["hold".to_owned(), ADAPTER.to_owned()]);
    other.line("held");
    refused(&windows, &party, &[], &[ADAPTER_NAME, "another program"]);
    other.say_no_more();
    assert!(other.ended().success());
}

fn one_with_another_mac() {
    let party = Party::new();
    let relay = party.start_relay(&[]);
    let windows = Windows::boot(&party.alice);
    windows.add(&[]);
    refused(&windows, &party, &[], &[ADAPTER_NAME, ADAPTER_MAC]);
    assert!(!relay.text().contains("joined"), "{}", relay.text());
    assert_eq!((windows.status("open"), windows.status("media")), ("0".to_owned(), "0".to_owned()));
    // One that has the right one already needs no restart.
    windows.tapctl("remove 7");
    windows.add(&["permanent-mac=020000000007"]);
    let mut client = player::join(&windows, &party, &["--virtual-mac", "02:00:00:00:00:07"]);
    crate::life::interrupt(&mut client);
}
