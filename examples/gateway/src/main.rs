//! The gateway as a program: a wired interface of this host, bridged into a room.

mod options;
#[cfg(target_os = "linux")]
mod run;

use lanparty_cli::Exit;

fn main() -> Exit {
    lanparty_cli::main::<options::Options>()
}
