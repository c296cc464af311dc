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
pub use log::{LogFile, LogFormat, SAY};
pub use member::{Hooks, MemberOptions, Setup, run_member};
pub use options::{CommonOptions, Program, Refusal, parse};
pub use signals::{Shutdown, Signal, Stopper};
pub use transport::TransportArgs;
// How the library's settings are written, too.
pub use lanparty_sdk::settings::{ByteSize, RateArg, Span};

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs a program from its command line to its exit code.
pub fn main<P: Program>() -> Exit {
    let options = match parse::<P>(std::env::args_os().collect()) {
        Ok(options) => options,
        Err(refusal) => return refusal.report(),
    };
    if options.common().check_config {
        return Exit::Ok;
    }
    let format = options.common().log_format;
    log::init(format, &options.common().log_level);
    match guarded(options, Shutdown::listen) {
        Ok(()) => Exit::Ok,
        Err(failure) => failure.report(format),
    }
}

/// Runs a program that nobody watches, a service: whatever it has to say goes to `log`, for the whole process, and
/// `shutdown` alone ends it.
pub fn run_unattended<P: Program>(options: P, log: LogFile, shutdown: Shutdown) -> Exit {
    let common = options.common();
    log::init_file(common.log_format, &common.log_level, log);
    std::panic::set_hook(Box::new(|panic| tracing::error!(target: SAY, "{panic}")));
    match guarded(options, || Ok(shutdown)) {
        Ok(()) => Exit::Ok,
        Err(failure) => {
            failure.log();
            failure.exit()
        }
    }
}

/// What a program says where it cannot run at all.
#[must_use]
pub fn unsupported_platform(program: &str, supported: &str) -> Failure {
    Failure::new(
        Exit::Adapter,
        format!(
            "{program} does not support this platform ({}) yet: run it on {supported}",
            std::env::consts::OS
        ),
    )
}

fn guarded<P: Program>(options: P, shutdown: impl FnOnce() -> io::Result<Shutdown>) -> Result<(), Failure> {
    // The default hook has said already what panicked and where.
    catch_unwind(AssertUnwindSafe(|| run(options, shutdown))).unwrap_or_else(|_| {
        Err(Failure::new(Exit::Internal, "the program failed: please report this as a bug"))
    })
}

fn run<P: Program>(options: P, shutdown: impl FnOnce() -> io::Result<Shutdown>) -> Result<(), Failure> {
    if !lanparty_sdk::port::prefer_latency() {
        tracing::debug!("this system prefers no thread for short turns");
    }
    // One thread serves one relay or one member best: there is one socket, and no lock is ever waited for.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| {
        Failure::with_source(Exit::Internal, "cannot start the asynchronous runtime", error)
    })?;
    let result = runtime.block_on(async {
        let shutdown = shutdown()
            .map_err(|error| Failure::with_source(Exit::Internal, "cannot listen to signals", error))?;
        options.run(shutdown).await
    });
    // A look-up of a name that nobody waits for any more is not waited for here either.
    runtime.shutdown_background();
    result
}
