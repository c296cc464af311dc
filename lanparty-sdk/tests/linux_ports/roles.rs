//! Starting the test again in other roles.

use std::io::Read;
use std::process::{Command, ExitCode};

use lanparty_sdk::port::af_packet::{AfPacketError, AfPacketOptions, AfPacketPort};
use lanparty_sdk::port::tap_linux::{TapError, TapOptions, TapPort};

/// Tells a started copy of the test what it is there for.
pub(crate) const ROLE: &str = "LANPARTY_TEST_ROLE";
/// The role of a copy that holds a TAP adapter until it is killed.
pub(crate) const HOLD_TAP: &str = "hold-tap";
/// The role of a copy that may not open anything.
pub(crate) const NOT_PERMITTED: &str = "not-permitted";

/// Makes the namespace quiet, and lets sysfs describe it.
pub(crate) fn prepare() {
    let mounted = Command::new("mount").args(["-t", "sysfs", "sysfs", "/sys"]).status();
    if !mounted.is_ok_and(|status| status.success()) {
        eprintln!("linux_ports: sysfs cannot be mounted here, and describes another namespace");
    }
    quieten();
}

/// Keeps the kernel from sending IPv6 frames of its own on new interfaces of this namespace.
pub(crate) fn quieten() {
    for which in ["default", "all"] {
        let _ = std::fs::write(format!("/proc/sys/net/ipv6/conf/{which}/disable_ipv6"), "1");
    }
}

/// Starts this test again in a role, without the privileges that ports need if `weak`.
pub(crate) fn start(role: &str, argument: &str, weak: bool) -> Command {
    let myself = std::env::current_exe().unwrap();
    let mut command = if weak {
        let mut command = Command::new("setpriv");
        let without = "-net_raw,-net_admin";
        command.args(["--bounding-set", without, "--inh-caps", without]).arg(myself);
        command
    } else {
        Command::new(myself)
    };
    command.env(ROLE, role).env("LANPARTY_TEST_ARGUMENT", argument);
    command
}

/// Does what the role demands.
pub(crate) fn play(role: &str) -> ExitCode {
    let argument = std::env::var("LANPARTY_TEST_ARGUMENT").unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _guard = runtime.enter();
    match role {
        HOLD_TAP => {
            let _port = TapPort::open(&TapOptions::new(argument)).unwrap();
            println!("ready");
            let _ = std::io::stdin().read(&mut [0]);
            unreachable!("killed before that");
        }
        NOT_PERMITTED => {
            let raw = AfPacketPort::open(&argument, &AfPacketOptions::new()).unwrap_err();
            assert!(matches!(raw, AfPacketError::NotPermitted { .. }), "{raw:?}");
            assert_eq!(raw.to_string(), "not root: run with sudo, or give this binary cap_net_raw");
            let tap = TapPort::open(&TapOptions::new("lpnever")).unwrap_err();
            assert!(matches!(tap, TapError::NotPermitted { .. }), "{tap:?}");
            assert_eq!(tap.to_string(), "not root: run with sudo, or give this binary cap_net_admin");
        }
        other => panic!("no such role: {other}"),
    }
    ExitCode::SUCCESS
}
