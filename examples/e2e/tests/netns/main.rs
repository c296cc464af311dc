//! The whole party on one machine: relay, gateway and clients as they are shipped, a DHCP server, real TCP, crafted
//! frames. Each test has hosts and cables of its own, made of network namespaces.
//!
//! The tests enter their namespaces by themselves, as root directly, otherwise inside a user namespace; nothing leaves
//! them, and whatever they start ends with them. Where the system forbids that or lacks a tool, they say so and pass; with
//! `LANPARTY_REQUIRE_NETNS=1` they fail instead.
#![cfg_attr(
    target_os = "linux",
    allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test may panic and speak to its user")
)]

#[cfg(target_os = "linux")]
mod calm;
#[cfg(target_os = "linux")]
mod frames;
#[cfg(target_os = "linux")]
mod lan;
#[cfg(target_os = "linux")]
mod path;
#[cfg(target_os = "linux")]
mod recovery;
#[cfg(target_os = "linux")]
mod refusals;
#[cfg(target_os = "linux")]
mod safety;
#[cfg(target_os = "linux")]
#[path = "../shared/mod.rs"]
mod shared;
#[cfg(target_os = "linux")]
mod tcp;

#[cfg(target_os = "linux")]
use shared::{cable, enter, host, party, program};

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    use std::process::ExitCode;

    let mut arguments = libtest_mimic::Arguments::from_args();
    // Each party is several processes on its own.
    arguments.test_threads.get_or_insert(2);
    if !arguments.list {
        if !enter::is_inside() {
            return enter::enter();
        }
        enter::prepare();
    }
    let trials = [
        lan::trials(),
        tcp::trials(),
        frames::trials(),
        safety::trials(),
        recovery::trials(),
        refusals::trials(),
        path::trials(),
        calm::trials(),
    ];
    let trials = trials.into_iter().flatten().collect();
    if libtest_mimic::run(&arguments, trials).has_failed() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

#[cfg(not(target_os = "linux"))]
fn main() {}
