//! Pinned routes against the real kernel, each test in a network namespace of its own.
//!
//! The test enters a first namespace by itself, through `unshare`: as root directly, otherwise inside a user namespace.
//! No route of the host is touched. Where the system forbids that, the test says so and passes; with
//! `LANPARTY_REQUIRE_NETNS=1` it fails instead. It needs `unshare`, `setpriv` (util-linux) and `ip` (iproute2).
#![cfg_attr(
    target_os = "linux",
    allow(
        clippy::unwrap_used,
        clippy::print_stdout,
        clippy::print_stderr,
        reason = "a test may panic and speak to its user"
    )
)]

#[cfg(target_os = "linux")]
mod kit;
#[cfg(target_os = "linux")]
mod namespace;
#[cfg(target_os = "linux")]
mod pins;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    if let Ok(role) = std::env::var(namespace::ROLE) {
        return namespace::play(&role);
    }
    let mut arguments = libtest_mimic::Arguments::from_args();
    arguments.test_threads = Some(1);
    if !arguments.list && !namespace::is_inside() {
        return namespace::enter();
    }
    libtest_mimic::run(&arguments, pins::trials()).exit_code()
}

#[cfg(not(target_os = "linux"))]
fn main() {}
