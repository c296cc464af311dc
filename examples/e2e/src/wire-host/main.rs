//! What the computer of a Windows player does with the adapter, on the wire's other end of the test driver
//! (`lanparty-sdk/tests/windows`): an IP stack that gets a lease, pings, plays and floods.
//!
//! ```text
//! wire-host WIRE MAC NAME
//! ```
//!
//! It answers ARP, pings, game list queries and floods by itself, and does what its standard input says:
//!
//! ```text
//! lease                             asks for a lease: "lease 192.168.77.100/24", or "no lease"
//! address 192.168.77.11/24          takes that one
//! ping 192.168.77.1 3               "pinged 192.168.77.1: 3 of 3"
//! shout TEXT                        asks everybody on the LAN for games: "answer 192.168.77.1 TEXT", one line each
//! flood MAC COUNT SIZE WINDOW       so many frames there and back, at most WINDOW without an answer
//! ```
#![expect(clippy::print_stdout, reason = "a program that a test reads line by line")]

use std::process::ExitCode;

mod flood;
mod host;
mod wire;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, mac, name] = arguments.as_slice() else {
        println!("error: wire-host WIRE MAC NAME");
        return ExitCode::from(2);
    };
    match run(path, mac, name) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(path: &str, mac: &str, name: &str) -> Result<(), String> {
    let mac = mac.parse().map_err(|_| format!("{mac} is not a MAC"))?;
    let wire = wire::Wire::open(path).map_err(|error| format!("{path}: {error}"))?;
    let mut host = host::Host::new(wire, mac, name);
    println!("ready");
    while let Some(line) = host.next_line()? {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["lease"] => host.lease()?,
            ["address", address] => host.set_address(parse(address)?),
            ["ping", target, count] => host.ping(parse(target)?, parse(count)?)?,
            ["shout", text] => host.shout(text)?,
            ["flood", target, count, size, window] => {
                let flood = flood::Flood::new(parse(count)?, parse(window)?);
                host.flood(parse(target)?, flood, parse(size)?)?;
            }
            _ => return Err(format!("what is {line:?}?")),
        }
    }
    Ok(())
}

fn parse<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{text:?} makes no sense there"))
}
