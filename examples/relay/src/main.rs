//! The relay as a program: options, certificate and log around [`lanparty_sdk::relay::Relay`].

mod options;
mod run;

use std::process::ExitCode;

fn main() -> ExitCode {
    lanparty_cli::main::<options::Options>()
}
