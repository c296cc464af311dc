//! The party with a player on Windows: `lanparty-client.exe` under Wine, on an adapter of the test driver that stands for
//! TAP-Windows6. Relay, gateway and LAN are the real ones of this system, in network namespaces as in `netns`.
//!
//! The Windows programs, `lanparty-client` and this package's `wire-host`, have to be there: cross-built into the
//! workspace's `target`, or in the folder that `LANPARTY_WINDOWS_PROGRAMS` names. Without them, without Wine or without
//! the cross compiler, nothing is tested, and that is said; with `LANPARTY_REQUIRE_NETNS=1` it is a failure.
#![cfg_attr(
    target_os = "linux",
    allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test may panic and speak to its user")
)]

#[cfg(target_os = "linux")]
mod adapters;
#[cfg(target_os = "linux")]
mod driver;
#[cfg(target_os = "linux")]
mod lan;
#[cfg(target_os = "linux")]
mod life;
#[cfg(target_os = "linux")]
mod player;
#[cfg(target_os = "linux")]
mod settings;
#[cfg(target_os = "linux")]
#[path = "../shared/mod.rs"]
mod shared;
#[cfg(target_os = "linux")]
mod windows;

#[cfg(target_os = "linux")]
use shared::{cable, enter, host, party, program};

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    use std::process::ExitCode;

    let mut arguments = libtest_mimic::Arguments::from_args();
    // They share the prefix.
    arguments.test_threads = Some(1);
    let mut prefix = None;
    if !arguments.list {
        if !enter::is_inside() {
            if let Some(cause) = windows::Prefix::missing() {
                return enter::skip(&cause);
            }
            return enter::enter();
        }
        enter::prepare();
        prefix = Some(windows::Prefix::make());
    }
    let trials = [driver::trials(), lan::trials(), life::trials(), settings::trials(), adapters::trials()];
    let trials = trials.into_iter().flatten().collect();
    let failed = libtest_mimic::run(&arguments, trials).has_failed();
    if let Some(prefix) = prefix {
        prefix.remove();
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

#[cfg(not(target_os = "linux"))]
fn main() {}
