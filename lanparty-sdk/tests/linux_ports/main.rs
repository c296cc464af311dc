//! The Linux ports against the real kernel, in a network namespace of their own.
//!
//! The test enters the namespace by itself, through `unshare`: as root directly, otherwise inside a user namespace.
//! Nothing leaves it. Where the system forbids that, the test says so and passes; with `LANPARTY_REQUIRE_NETNS=1` it
//! fails instead. It needs `unshare`, `setpriv` (util-linux) and `ip` (iproute2).
#![cfg_attr(
    target_os = "linux",
    allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test may panic and speak to its user")
)]

#[cfg(target_os = "linux")]
mod af_packet;
#[cfg(target_os = "linux")]
mod bulk;
#[cfg(target_os = "linux")]
#[path = "../support/enter.rs"]
mod enter;
#[cfg(target_os = "linux")]
mod kit;
#[cfg(target_os = "linux")]
mod offload;
#[cfg(target_os = "linux")]
mod roles;
#[cfg(target_os = "linux")]
mod tap;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    use std::process::ExitCode;

    if let Ok(role) = std::env::var(roles::ROLE) {
        return roles::play(&role);
    }
    let mut arguments = libtest_mimic::Arguments::from_args();
    // One after the other: interfaces are few and their names are shared.
    arguments.test_threads = Some(1);
    if !arguments.list && !enter::is_inside() {
        return enter::enter("linux_ports");
    }
    if !arguments.list {
        roles::prepare();
    }
    let trials = [af_packet::trials(), offload::trials(), tap::trials()];
    let trials = trials.into_iter().flatten().collect();
    if libtest_mimic::run(&arguments, trials).has_failed() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

#[cfg(not(target_os = "linux"))]
fn main() {}
