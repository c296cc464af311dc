//! The Linux devices through the C functions alone, against the real kernel, in a network namespace of their own.
//!
//! The test enters the namespace by itself, through `unshare`: as root directly, otherwise inside a user namespace.
//! Nothing leaves it. Where the system forbids that or has no `/dev/net/tun`, the test says so and passes; with
//! `LANPARTY_REQUIRE_NETNS=1` it fails instead. It needs `unshare` (util-linux) and `ip` (iproute2).
#![cfg_attr(
    target_os = "linux",
    allow(unsafe_code, reason = "what is tested is a C interface"),
    allow(
        clippy::undocumented_unsafe_blocks,
        reason = "every block calls the library, with handles that guards keep alive and with buffers of the lengths that it is told"
    ),
    allow(
        clippy::macro_metavars_in_unsafe,
        reason = "`call!` is such a block with an error object around it"
    ),
    allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test may panic and speak to its user")
)]

#[cfg(target_os = "linux")]
#[macro_use]
#[path = "../scenarios/support.rs"]
#[allow(dead_code, reason = "the scenarios use the rest")]
mod support;

#[cfg(target_os = "linux")]
mod adapter;
#[cfg(target_os = "linux")]
#[path = "../../../lanparty-sdk/tests/support/enter.rs"]
mod enter;
#[cfg(target_os = "linux")]
mod interface;
#[cfg(target_os = "linux")]
mod kit;
#[cfg(target_os = "linux")]
mod route;
#[cfg(target_os = "linux")]
#[path = "../scenarios/venue.rs"]
#[allow(dead_code, reason = "the scenarios use the rest")]
mod venue;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    use std::process::ExitCode;

    let mut arguments = libtest_mimic::Arguments::from_args();
    // One after the other: interfaces are few and their names are shared.
    arguments.test_threads = Some(1);
    if !arguments.list && !enter::is_inside() {
        return enter::enter("lanparty-ffi linux_ports");
    }
    if !arguments.list {
        kit::prepare();
    }
    let mut trials = interface::trials();
    if kit::can_make_adapters() {
        trials.extend(adapter::trials());
        trials.extend(route::trials());
    }
    if libtest_mimic::run(&arguments, trials).has_failed() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

#[cfg(not(target_os = "linux"))]
fn main() {}
