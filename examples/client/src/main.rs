//! The client as a program: a virtual network adapter of this host, plugged into a room.

mod options;
#[cfg(target_os = "linux")]
mod run;
#[cfg(target_os = "linux")]
mod script;

use std::process::ExitCode;

fn main() -> ExitCode {
    lanparty_cli::main::<options::Options>()
}
