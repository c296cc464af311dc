//! The gateway's options.

#[cfg(target_os = "linux")]
use std::future::Future;
use std::path::PathBuf;

use clap::{Args, Parser};
use lanparty_cli::{ByteSize, CommonOptions, Failure, MemberOptions, Program, Shutdown};

const EXAMPLES: &str = r"
  lanparty-gateway --relay relay.example.org --room PARTY-42 --iface eth0
  lanparty-gateway --relay 203.0.113.7:4433 --server-name lanparty-relay.local \
      --relay-ca-cert relay-cert.der --room PARTY-42 --iface eth0 --retry
  Without root:
    sudo setcap cap_net_raw+ep lanparty-gateway";

/// Puts a party's wired network into a room: what its members send appears on the LAN, and the LAN's answers reach them.
///
/// It needs root, or the capability cap_net_raw, and a wired interface. The host that runs it is not part of the party
/// itself.
#[derive(Parser, Clone, Debug)]
#[command(name = "lanparty-gateway", version)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) port: PortOptions,
    #[command(flatten)]
    pub(crate) member: MemberOptions,
    #[command(flatten)]
    common: CommonOptions,
}

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "LAN")]
pub(crate) struct PortOptions {
    /// The wired interface that is bridged: up, with a cable in it
    #[arg(long, value_name = "NAME")]
    pub(crate) iface: String,
    /// Where this gateway's identity is kept; made if it is not there [default: /var/lib/lanparty/gateway-identity.json as
    /// root, else ~/.local/state/lanparty/gateway-identity.json]
    #[arg(long, value_name = "FILE")]
    pub(crate) identity: Option<PathBuf>,
    /// Ask the kernel to hold this much that was heard on the LAN
    #[arg(long, value_name = "BYTES", default_value = "4Mi")]
    pub(crate) capture_buffer: ByteSize,
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
    fn run(self, shutdown: Shutdown) -> impl Future<Output = Result<(), Failure>> {
        crate::run::run(self, shutdown)
    }

    #[cfg(not(target_os = "linux"))]
    async fn run(self, _: Shutdown) -> Result<(), Failure> {
        Err(lanparty_cli::unsupported_platform("lanparty-gateway", "Linux"))
    }
}
