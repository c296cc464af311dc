//! The relay as a program: options, certificate and log around [`lanparty_sdk::relay::Relay`].

mod options;
mod run;

use lanparty_cli::Exit;

fn main() -> Exit {
    lanparty_cli::main::<options::Options>()
}
