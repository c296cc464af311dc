//! An adapter that is made for the session.

use clap::Args;
use lanparty_cli::Failure;
#[cfg(target_os = "linux")]
use {
    lanparty_cli::{SAY, Shutdown},
    lanparty_sdk::frame::MacAddr,
    lanparty_sdk::port::Port,
    lanparty_sdk::port::tap_linux::{TapOptions, TapPort},
    tracing::info,
};

#[cfg(target_os = "linux")]
pub(crate) use lanparty_sdk::port::tap_linux::{TapError, TapHandle};

pub(crate) const ABOUT: &str = "Plugs this computer into a LAN party far away: makes a network adapter whose cable ends in the party's room";

pub(crate) const LONG_ABOUT: &str =
    "Plugs this computer into a LAN party far away: makes a network adapter whose cable ends in the party's room.

It needs root, or the capability cap_net_admin. The adapter vanishes when the program ends.";

pub(crate) const EXAMPLES: &str = r"
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

pub(crate) const IDENTITY_HELP: &str = "Where this computer's identity is kept: its MAC address and secret; made if it \
    is not there [default: /var/lib/lanparty/client-identity.json as root, else \
    ~/.local/state/lanparty/client-identity.json]";

#[cfg(target_os = "linux")]
pub(crate) const SCRIPT_HINT: &str = "check --up-script, and that the file is executable";

/// Which adapter.
#[derive(Args, Clone, Debug)]
pub(crate) struct TapArgs {
    /// The adapter's name
    #[arg(long, value_name = "NAME", default_value = "lanparty0")]
    tap: String,
}

impl TapArgs {
    /// Nothing can contradict a name.
    pub(crate) const fn check(&self, _has_address: bool) -> Result<(), Failure> {
        Ok(())
    }
}

/// What must be so before anything else is tried. Nothing: what root may do a capability may do, too, and only the
/// device knows.
#[cfg(target_os = "linux")]
pub(crate) const fn check_permission() -> Result<(), Failure> {
    Ok(())
}

/// Makes the adapter; `None` if the program is told to end meanwhile.
#[cfg(target_os = "linux")]
pub(crate) async fn open(
    tap: &TapArgs,
    mac: MacAddr,
    mtu: u16,
    _: &mut Shutdown,
) -> Result<Option<(Port, TapHandle)>, Failure> {
    let mut options = TapOptions::new(&tap.tap);
    options.mac(mac).mtu(mtu);
    let opened = TapPort::open_with_handle(&options)?;
    info!(target: SAY, event = "port", tap = tap.tap, %mac, "made the adapter {} ({mac})", tap.tap);
    Ok(Some(opened))
}
