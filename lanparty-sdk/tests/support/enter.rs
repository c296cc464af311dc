//! Getting into a network namespace of one's own; shared by the tests that need one.

use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};

const INSIDE: &str = "LANPARTY_TEST_INSIDE_NETNS";
const REQUIRE: &str = "LANPARTY_REQUIRE_NETNS";

pub(crate) fn is_inside() -> bool {
    std::env::var_os(INSIDE).is_some()
}

/// Replaces this process by one inside a fresh namespace, as root directly, otherwise inside a user namespace. Returns
/// only if that is impossible.
pub(crate) fn enter(test: &str) -> ExitCode {
    let plain = ["--net", "--mount"].as_slice();
    let user = ["--net", "--mount", "--user", "--map-root-user"].as_slice();
    for flags in [plain, user] {
        let probe = Command::new("unshare").args(flags).args(["ip", "link"]).stdout(Stdio::null()).status();
        if probe.is_ok_and(|status| status.success()) {
            let myself = std::env::current_exe().expect("the path of this test");
            let error = Command::new("unshare")
                .args(flags)
                .arg(myself)
                .args(std::env::args_os().skip(1))
                .env(INSIDE, "1")
                .exec();
            eprintln!("{test}: unshare worked once and then failed: {error}");
            return ExitCode::FAILURE;
        }
    }
    if std::env::var_os(REQUIRE).is_some_and(|value| value == "1") {
        eprintln!("{test}: FAILED: no network namespace can be made here, and {REQUIRE}=1 demands one");
        return ExitCode::FAILURE;
    }
    eprintln!(
        "{test}: SKIPPED, NOTHING WAS TESTED: no network namespace can be made here (see unshare above)"
    );
    ExitCode::SUCCESS
}
