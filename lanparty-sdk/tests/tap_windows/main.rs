//! The TAP-Windows6 port against a device: the test driver's under Wine (`tests/windows`).
//!
//! The driver must be installed and started; `LANPARTY_TAPCTL` names the program that prepares its adapters. Without it
//! the test says so and passes; with `LANPARTY_REQUIRE_NETNS=1` it fails instead. `tests/windows/run.sh` does all of it.
#![cfg_attr(
    windows,
    allow(
        clippy::disallowed_methods,
        clippy::unwrap_used,
        clippy::print_stderr,
        reason = "a test runs in real time, and may panic and speak to its user"
    )
)]

#[cfg(windows)]
mod adapters;
#[cfg(windows)]
mod computer;
#[cfg(windows)]
mod frames;
#[cfg(windows)]
mod link;

#[cfg(windows)]
fn main() -> std::process::ExitCode {
    use std::process::ExitCode;

    let mut arguments = libtest_mimic::Arguments::from_args();
    // One after the other: they share the registry.
    arguments.test_threads = Some(1);
    if !arguments.list
        && let Err(missing) = computer::prepare()
    {
        let is_required = std::env::var_os("LANPARTY_REQUIRE_NETNS").is_some_and(|value| value == "1");
        eprintln!("{}: tap_windows: {missing}", if is_required { "FAILED" } else { "SKIPPED" });
        return if is_required { ExitCode::FAILURE } else { ExitCode::SUCCESS };
    }
    let trials = adapters::trials().into_iter().chain(frames::trials()).chain(link::trials()).collect();
    if libtest_mimic::run(&arguments, trials).has_failed() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

#[cfg(not(windows))]
fn main() {}
