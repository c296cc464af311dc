//! The client's options.

use std::future::Future;
use std::path::PathBuf;

use clap::{Args, Parser, value_parser};
use lanparty_cli::{CommonOptions, Failure, MemberOptions, Program};
use lanparty_sdk::frame::{DEFAULT_MTU, MIN_MTU, MacAddr};

#[cfg(target_os = "linux")]
use lanparty_sdk::port::InterfaceAddress as Address;
#[cfg(not(target_os = "linux"))]
use std::string::String as Address;

const EXAMPLES: &str = r"
  An address from the party's own DHCP server, by this system's DHCP client:
    sudo lanparty-client --relay relay.example.org --room PARTY-42 --name Ann --up-script ./dhcp.sh
  A fixed address:
    sudo lanparty-client --relay 203.0.113.7:4433 --server-name lanparty-relay.local \
        --relay-ca-cert relay-cert.der --room PARTY-42 --address 10.0.0.5/24
  An up-script is called as `SCRIPT up NAME` once the room was joined first, and as
  `SCRIPT down NAME` at the end, with LANPARTY_TAP, LANPARTY_MAC, LANPARTY_MTU and LANPARTY_ROOM
  in its environment.
  Without root:
    sudo setcap cap_net_admin+ep lanparty-client";

/// Plugs this computer into a LAN party far away: makes a network adapter whose cable ends in the party's room.
///
/// It needs root, or the capability cap_net_admin. The adapter vanishes when the program ends.
#[derive(Parser, Clone, Debug)]
#[command(name = "lanparty-client", version)]
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
    /// The adapter's name
    #[arg(long, value_name = "NAME", default_value = "lanparty0")]
    pub(crate) tap: String,
    /// Where this computer's identity is kept: its MAC address and secret; made if it is not there [default:
    /// /var/lib/lanparty/client-identity.json as root, else ~/.local/state/lanparty/client-identity.json]
    #[arg(long, value_name = "FILE")]
    pub(crate) identity: Option<PathBuf>,
    /// Use this MAC address instead of the identity's: unicast and locally administered, as in 02:1a:2b:3c:4d:5e
    #[arg(long, value_name = "MAC", value_parser = parse_mac)]
    pub(crate) virtual_mac: Option<MacAddr>,
    /// Give the adapter this IP address once the room was joined, as in 10.0.0.5/24
    #[arg(long, value_name = "ADDRESS/BITS", conflicts_with = "up_script")]
    pub(crate) address: Option<Address>,
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
    const EXAMPLES: &'static str = EXAMPLES;

    fn common(&self) -> &CommonOptions {
        &self.common
    }

    fn check(&self) -> Result<(), Failure> {
        self.member.check()
    }

    #[cfg(target_os = "linux")]
    fn run(self) -> impl Future<Output = Result<(), Failure>> {
        crate::run::run(self)
    }

    #[cfg(not(target_os = "linux"))]
    async fn run(self) -> Result<(), Failure> {
        Err(lanparty_cli::unsupported_platform("lanparty-client"))
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
