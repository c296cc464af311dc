//! What the lanparty programs share, and no launcher needs: options and configuration files, logs, signals, and how a
//! program ends.
//!
//! A program is a [`Program`]: a `clap` parser with a method that runs it. [`main`] does the rest.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail by panicking"))]

mod config;
mod exit;
mod failure;
mod log;
mod member;
mod options;
mod signals;
#[cfg(all(feature = "testing", unix))]
pub mod testing;
mod transport;

pub use exit::Exit;
pub use failure::{Failure, chain};
pub use log::{LogFormat, SAY};
pub use member::{Hooks, MemberOptions, Setup, run_member};
pub use options::{CommonOptions, Program};
pub use signals::{Shutdown, Signal};
pub use transport::TransportArgs;
// How the library's settings are written, too.
pub use lanparty_sdk::settings::{ByteSize, RateArg, Span};

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

/// Runs a program from its command line to its exit code.
pub fn main<P: Program>() -> ExitCode {
    let options = match options::load::<P>(std::env::args_os().collect()) {
        Ok(options) => options,
        Err(refusal) => return refusal.report(),
    };
    let common = options.common();
    if let Err(failure) = options.check() {
        return failure.report(common.log_format);
    }
    if common.check_config {
        return Exit::Ok.into();
    }
    let format = common.log_format;
    log::init(format, &common.log_level);
    // The default hook has said already what panicked and where.
    let result = catch_unwind(AssertUnwindSafe(|| run(options))).unwrap_or_else(|_| {
        Err(Failure::new(Exit::Internal, "the program failed: please report this as a bug"))
    });
    match result {
        Ok(()) => Exit::Ok.into(),
        Err(failure) => failure.report(format),
    }
}

/// What a program says where it cannot run at all.
#[must_use]
pub fn unsupported_platform(program: &str) -> Failure {
    Failure::new(
        Exit::Adapter,
        format!("{program} does not support this platform ({}) yet: run it on Linux", std::env::consts::OS),
    )
}

fn run<P: Program>(options: P) -> Result<(), Failure> {
    // One thread serves one relay or one member best: there is one socket, and no lock is ever waited for.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| {
        Failure::with_source(Exit::Internal, "cannot start the asynchronous runtime", error)
    })?;
    runtime.block_on(options.run())
}
