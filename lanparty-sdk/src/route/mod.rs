//! Keeps the relay's own traffic out of the tunnel.
//!
//! When a client's adapter gets a lease from the party's router, the host's default route may move onto it, and the
//! QUIC datagrams to the relay would follow into the tunnel that they carry. So before the adapter is activated, a host
//! route to each relay address is pinned to the way that is best at that time:
//!
//! ```text
//! before   default via 192.168.1.1 dev wlan0
//! after    default via 10.9.0.1 dev tap0            the party's router: the game's traffic
//!          203.0.113.7/32 via 192.168.1.1 dev wlan0 the pin: the relay's traffic
//! ```
//!
//! The decisions are data ([`PinPlan`], [`PinCheck`]) and know no operating system. On Linux and Windows `RoutePin`
//! carries them out; elsewhere it says that it cannot.
//!
//! What it does not do: move the default route, change metrics, or touch routes of others. A host route that somebody
//! else has set to the same way is *borrowed*: used, and left when the pin is dropped.
//!
//! ```
//! use std::net::IpAddr;
//! use lanparty_sdk::route::{Interface, PinPlan, Route};
//!
//! let relay: IpAddr = "203.0.113.7".parse()?;
//! let mut default = Route::new("0.0.0.0".parse()?, 0, Interface::new(3, "wlan0"));
//! default.gateway = Some("192.168.1.1".parse()?);
//!
//! let plan = PinPlan::new(relay, Some(&default), &[], Some("tap0"))?;
//! let pin = plan.route().expect("a relay elsewhere is pinned");
//! assert_eq!(pin.to_string(), "203.0.113.7/32 via 192.168.1.1 dev wlan0");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod plan;
mod policy;

#[cfg(all(feature = "runtime", target_os = "linux"))]
mod linux;
#[cfg(all(feature = "runtime", any(target_os = "linux", windows)))]
mod pin;
#[cfg(all(feature = "runtime", not(any(target_os = "linux", windows))))]
mod unsupported;
#[cfg(all(feature = "runtime", any(windows, test)))]
mod wanted;
#[cfg(all(feature = "runtime", windows))]
pub(crate) mod windows;

pub use plan::{Interface, PinCheck, PinPlan, PlanError, Route, RouteKind, RouteOrigin, TABLE_MAIN};
pub use policy::AdapterPolicy;

#[cfg(all(feature = "runtime", any(target_os = "linux", windows)))]
pub use pin::RoutePin;
#[cfg(all(feature = "runtime", not(any(target_os = "linux", windows))))]
pub use unsupported::RoutePin;

use crate::error::{Coded, code};
use std::io;
use std::net::IpAddr;

/// How a pin stands after a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PinState {
    /// Nothing has changed.
    Intact,
    /// There is no way to the relay at the moment. Datagrams do not enter the tunnel, and a later check pins again as
    /// soon as there is a network.
    NoRoute,
    /// The network beneath had changed, or the pin was gone. It is pinned anew, and `RoutePin::plan` tells how.
    Repinned,
    /// Datagrams to the relay enter the tunnel. The caller must stop sending to it at once. A later check pins again
    /// once there is another way.
    ThroughTunnel,
}

/// Why a route could not be pinned, checked or removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RouteError {
    /// The system refused to add the pin.
    #[error("cannot add the route {route}")]
    Add {
        /// The pin.
        route: Box<Route>,
        /// The system's reason.
        source: io::Error,
    },
    /// What is to be changed on this computer cannot be written down before, so that it could be put back.
    #[error("cannot keep the journal of what is changed on this computer")]
    Journal(#[source] io::Error),
    /// The system did not tell its routes.
    #[error("cannot list the routes of this host")]
    List(#[source] io::Error),
    /// The system did not tell the way to the relay.
    #[error("cannot look up the route to {relay}")]
    Lookup {
        /// The relay.
        relay: IpAddr,
        /// The system's reason.
        source: io::Error,
    },
    /// This process may not change routes.
    #[cfg_attr(
        windows,
        error("not an administrator: start it in an elevated prompt (\"Run as administrator\")")
    )]
    #[cfg_attr(not(windows), error("not root: run with sudo, or give this binary cap_net_admin"))]
    NotPermitted(#[source] io::Error),
    /// The pin was added, and yet the system sends elsewhere. Policy rules of Linux (`ip rule`) can do that, and another
    /// host route with a lower metric.
    #[cfg_attr(
        windows,
        error("the route {route} was added, but the system does not choose it: see `route print`")
    )]
    #[cfg_attr(
        not(windows),
        error("the route {route} was added, but the system does not choose it: see `ip rule`")
    )]
    NotSelected {
        /// The pin.
        route: Box<Route>,
    },
    /// Nothing can be pinned.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The system refused to remove a pin.
    #[error("cannot remove the route {route}")]
    Remove {
        /// The pin.
        route: Box<Route>,
        /// The system's reason.
        source: io::Error,
    },
    /// An adapter did not take a setting.
    #[error("cannot set the {setting} of the adapter")]
    Setting {
        /// What was to be set.
        setting: String,
        /// The system's reason.
        source: io::Error,
    },
    /// The kernel's routing interface cannot be opened.
    #[error("cannot open the kernel's routing interface")]
    Socket(#[source] io::Error),
    /// Routes cannot be pinned on this system.
    #[error(
        "routes can only be pinned on Linux and Windows so far: traffic to the relay may enter the tunnel"
    )]
    Unsupported,
}

impl Coded for RouteError {
    fn code(&self) -> u32 {
        match self {
            Self::NotPermitted(_) => code::NOT_PERMITTED,
            Self::Unsupported => code::UNSUPPORTED,
            _ => code::ROUTE,
        }
    }
}
