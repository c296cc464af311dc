//! Keeps the way to the relay out of the tunnel.

use std::net::IpAddr;

/// A route could not be pinned.
#[derive(Debug, thiserror::Error)]
#[error("host routes are not supported on this system")]
pub struct RouteError;

/// A host route to a relay.
#[derive(Debug)]
pub struct RoutePin(std::convert::Infallible);

/// What became of a pinned route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinState {
    /// It stands.
    Intact,
    /// There is no way to the relay.
    NoRoute,
    /// The way has changed, and is pinned again.
    Repinned,
    /// The way leads into the tunnel.
    ThroughTunnel,
}

impl RoutePin {
    /// Pins the present way to `relay`.
    ///
    /// # Errors
    /// Always, on this system.
    pub fn install(relay: IpAddr, tunnel: Option<&str>) -> Result<Self, RouteError> {
        let _ = (relay, tunnel);
        Err(RouteError)
    }

    /// Looks at the way.
    ///
    /// # Errors
    /// Never: there is no such pin on this system.
    pub fn check(&mut self) -> Result<PinState, RouteError> {
        match self.0 {}
    }
}
