//! Starting the test again in other roles.

use std::io::Read;
use std::process::{Command, ExitCode};

use lanparty_sdk::route::{RouteError, RoutePin};

use crate::kit::{RELAY, TAP, ip};

/// Tells a started copy of the test what it is there for.
pub(crate) const ROLE: &str = "LANPARTY_TEST_ROLE";
/// The role of a copy that holds a pin until it is killed.
pub(crate) const HOLD: &str = "hold";
/// The role of a copy that may not change routes.
pub(crate) const WEAK: &str = "weak";

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
