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
//! The decisions are data ([`PinPlan`], [`PinCheck`]) and know no operating system.
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

pub use plan::{Interface, PinCheck, PinPlan, PlanError, Route, RouteKind, RouteOrigin, TABLE_MAIN};
