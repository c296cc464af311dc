//! Getting into a network namespace, and starting the test again in other roles.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};

use lanparty_sdk::route::{RouteError, RoutePin};

use crate::kit::{RELAY, TAP, ip};

const INSIDE: &str = "LANPARTY_TEST_INSIDE_NETNS";
const REQUIRE: &str = "LANPARTY_REQUIRE_NETNS";
/// Tells a started copy of the test what it is there for.
pub(crate) const ROLE: &str = "LANPARTY_TEST_ROLE";
/// The role of a copy that holds a pin until it is killed.
pub(crate) const HOLD: &str = "hold";
/// The role of a copy that may not change routes.
pub(crate) const WEAK: &str = "weak";

pub(crate) fn is_inside() -> bool {
    std::env::var_os(INSIDE).is_some()
}

/// Replaces this process by one inside a fresh namespace. Returns only if that is impossible.
pub(crate) fn enter() -> ExitCode {
    let plain = ["--net"].as_slice();
    let user = ["--net", "--user", "--map-root-user"].as_slice();
    for flags in [plain, user] {
        let probe = Command::new("unshare").args(flags).args(["ip", "link"]).stdout(Stdio::null()).status();
        if probe.is_ok_and(|status| status.success()) {
            let error = Command::new("unshare")
                .args(flags)
                .arg(std::env::current_exe().expect("the path of this test"))
                .args(std::env::args_os().skip(1))
                .env(INSIDE, "1")
                .exec();
            eprintln!("linux_routes: unshare worked once and then failed: {error}");
            return ExitCode::FAILURE;
        }
    }
    if std::env::var_os(REQUIRE).is_some_and(|value| value == "1") {
        eprintln!("linux_routes: FAILED: no network namespace can be made here, and {REQUIRE}=1 demands one");
        return ExitCode::FAILURE;
    }
    eprintln!(
        "linux_routes: SKIPPED, NOTHING WAS TESTED: no network namespace can be made here (see unshare above)"
    );
    ExitCode::SUCCESS
}

/// Does what a started copy is there for.
pub(crate) fn play(role: &str) -> ExitCode {
    let installed = RoutePin::install(ip(RELAY), TAP);
    match role {
        HOLD => {
            let _pin = installed.unwrap();
            println!("ready");
            let _ = std::io::stdin().read(&mut [0]);
            unreachable!("killed before that");
        }
        WEAK => {
            let error = installed.unwrap_err();
            assert!(matches!(error, RouteError::NotPermitted(_)), "{error:?}");
            assert_eq!(error.to_string(), "not root: run with sudo, or give this binary cap_net_admin");
            RoutePin::install(ip("127.0.0.1"), TAP).expect("a relay on this host needs no permission");
        }
        other => panic!("no such role: {other}"),
    }
    ExitCode::SUCCESS
}

/// This test again, in a role and in the namespace of the calling thread.
pub(crate) fn copy(role: &str) -> Command {
    let myself = std::env::current_exe().unwrap();
    let mut command = if role == WEAK {
        let mut command = Command::new("setpriv");
        command.args(["--bounding-set", "-net_admin", "--inh-caps", "-net_admin"]).arg(myself);
        command
    } else {
        Command::new(myself)
    };
    command.env(ROLE, role);
    command
}
