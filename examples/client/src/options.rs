//! The client's options.

use std::future::Future;
use std::path::PathBuf;

use clap::{Args, Parser, value_parser};
use lanparty_cli::{CommonOptions, Failure, MemberOptions, Program, Shutdown};
use lanparty_sdk::frame::{DEFAULT_MTU, MIN_MTU, MacAddr};
use lanparty_sdk::port::InterfaceAddress;

use crate::adapter::{self, TapArgs};

#[derive(Parser, Clone, Debug)]
#[command(name = "lanparty-client", version, about = adapter::ABOUT, long_about = adapter::LONG_ABOUT)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) adapter: AdapterOptions,
    #[command(flatten)]
    pub(crate) member: MemberOptions,
    #[command(flatten)]
    common: CommonOptions,
}

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Network adapter")]
pub(crate) struct AdapterOptions {
    #[command(flatten)]
    pub(crate) tap: TapArgs,
    #[arg(long, value_name = "FILE", help = adapter::IDENTITY_HELP)]
    pub(crate) identity: Option<PathBuf>,
    /// Use this MAC address instead of the identity's: unicast and locally administered, as in 02:1a:2b:3c:4d:5e
    #[arg(long, value_name = "MAC", value_parser = parse_mac)]
    pub(crate) virtual_mac: Option<MacAddr>,
    /// Give the adapter this IP address once the room was joined, as in 10.0.0.5/24
    #[arg(long, value_name = "ADDRESS/BITS", conflicts_with = "up_script")]
    pub(crate) address: Option<InterfaceAddress>,
    /// Call this program once the room was joined, and at the end
    #[arg(long, value_name = "PATH")]
    pub(crate) up_script: Option<PathBuf>,
    /// Largest payload of a frame that the adapter carries, in bytes; the room may be smaller, and the first member decides
    #[arg(long, value_name = "BYTES", default_value_t = DEFAULT_MTU,
          value_parser = value_parser!(u16).range(i64::from(MIN_MTU)..=i64::from(DEFAULT_MTU)))]
    pub(crate) mtu: u16,
    /// Do not pin the route to the relay outside the adapter. The tunnel may then carry itself
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = false,
          default_missing_value = "true", action = clap::ArgAction::Set)]
    pub(crate) no_route_pin: bool,
}

impl Program for Options {
    const EXAMPLES: &'static str = adapter::EXAMPLES;

    fn common(&self) -> &CommonOptions {
        &self.common
    }

    fn check(&self) -> Result<(), Failure> {
        self.adapter.tap.check(self.adapter.address.is_some())?;
        self.member.check()
    }

    #[cfg(any(target_os = "linux", windows))]
    fn run(self, shutdown: Shutdown) -> impl Future<Output = Result<(), Failure>> {
        crate::run::run(self, shutdown)
    }

    #[cfg(not(any(target_os = "linux", windows)))]
    async fn run(self, _: Shutdown) -> Result<(), Failure> {
        Err(lanparty_cli::unsupported_platform("lanparty-client", "Linux or Windows"))
    }
}

fn parse_mac(text: &str) -> Result<MacAddr, String> {
    let mac: MacAddr = text.parse().map_err(|error| format!("{error}"))?;
    if mac.is_client_identity() {
        Ok(mac)
    } else {
        Err("a client's address is unicast and locally administered, as in 02:1a:2b:3c:4d:5e".to_owned())
    }
}
