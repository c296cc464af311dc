//! The client as a program: a network adapter of this computer, plugged into a room.

mod adapter;
mod options;
#[cfg(any(target_os = "linux", windows))]
mod run;
#[cfg(any(target_os = "linux", windows))]
mod script;
#[cfg(any(windows, test))]
mod service;

use lanparty_cli::Exit;

#[cfg(not(windows))]
fn main() -> Exit {
    lanparty_cli::main::<options::Options>()
}

#[cfg(windows)]
fn main() -> Exit {
    let exit = match service::arguments(std::env::args_os()) {
        Some(arguments) => service::main(arguments),
        None => lanparty_cli::main::<options::Options>(),
    };
    if exit != Exit::Ok {
        adapter::keep_window();
    }
    exit
}
