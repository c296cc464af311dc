//! Getting away from the machine's own network, or saying why not.

use std::fs::OpenOptions;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};

use crate::program;

/// The test program's name.
const TEST: &str = env!("CARGO_CRATE_NAME");
const INSIDE: &str = "LANPARTY_E2E_INSIDE";
const REQUIRE: &str = "LANPARTY_REQUIRE_NETNS";

/// Each tool, an argument with which it does nothing, and the Debian package that has it.
const TOOLS: &[(&str, &str, &str)] = &[
    ("arping", "-V", "iputils-arping"),
    ("bridge", "-V", "iproute2"),
    ("dnsmasq", "--version", "dnsmasq-base"),
    ("ethtool", "--version", "ethtool"),
    ("ip", "-V", "iproute2"),
    ("ping", "-V", "iputils-ping"),
    ("setpriv", "--version", "util-linux"),
    ("udhcpc", "--help", "udhcpc"),
    ("unshare", "--version", "util-linux"),
];

pub(crate) fn is_inside() -> bool {
    std::env::var_os(INSIDE).is_some()
}

/// Replaces this process by one inside fresh namespaces. Returns only if that is impossible.
pub(crate) fn enter() -> ExitCode {
    let missing: Vec<&str> =
        TOOLS.iter().filter(|tool| !is_there(tool)).map(|(_, _, package)| *package).collect();
    if !missing.is_empty() {
        return skip(&format!("missing tools, `apt-get install {}`", missing.join(" ")));
    }
    // With a process namespace, whatever the tests start ends with them, however they end.
    let processes = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"].as_slice();
    let plain = ["--net", "--mount"].as_slice();
    let user = ["--user", "--map-root-user"].as_slice();
    for flags in
        [[processes, &[]], [plain, &[]], [processes, user], [plain, user]].map(|flags| flags.concat())
    {
        if succeeds(Command::new("unshare").args(&flags).args(["ip", "link"])) == Some(true) {
            if let Err(cause) = can_make_taps(&flags) {
                return skip(&cause);
            }
            if let Err(cause) = program::build() {
                eprintln!("{TEST}: FAILED: {cause}");
                return ExitCode::FAILURE;
            }
            let myself = std::env::current_exe().expect("the path of this test");
            let error = Command::new("unshare")
                .args(&flags)
                .arg(myself)
                .args(std::env::args_os().skip(1))
                .env(INSIDE, "1")
                .exec();
            eprintln!("{TEST}: FAILED: unshare worked once and then not: {error}");
            return ExitCode::FAILURE;
        }
    }
    skip("no network namespace can be made here")
}

/// Hides the machine's run-time files from the tools and theirs from the machine.
pub(crate) fn prepare() {
    use nix::mount::{MsFlags, mount};

    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(None::<&str>, "/", None::<&str>, private, None::<&str>).expect("a private view of the file system");
    mount(Some("tmpfs"), "/run", Some("tmpfs"), MsFlags::empty(), None::<&str>).expect("a /run of our own");
}

fn is_there((tool, argument, _): &&(&str, &str, &str)) -> bool {
    succeeds(Command::new(tool).arg(argument)).is_some()
}

/// Runs something quietly. `None` if it cannot be run.
fn succeeds(command: &mut Command) -> Option<bool> {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().ok().map(|status| status.success())
}

fn can_make_taps(flags: &[&str]) -> Result<(), String> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/net/tun")
        .map_err(|error| format!("/dev/net/tun cannot be opened: {error}"))?;
    let probe =
        Command::new("unshare").args(flags).args(["ip", "tuntap", "add", "probe", "mode", "tap"]).output();
    match probe {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            Err(format!("no TAP adapter can be made here: {}", String::from_utf8_lossy(&output.stderr)))
        }
        Err(error) => Err(error.to_string()),
    }
}

/// Says why nothing is tested. That is a failure where the tests are demanded.
pub(crate) fn skip(cause: &str) -> ExitCode {
    if std::env::var_os(REQUIRE).is_some_and(|value| value == "1") {
        eprintln!("{TEST}: FAILED: {cause}, and {REQUIRE}=1 demands the tests");
        return ExitCode::FAILURE;
    }
    eprintln!("{TEST}: SKIPPED, NOTHING WAS TESTED: {cause}");
    ExitCode::SUCCESS
}
