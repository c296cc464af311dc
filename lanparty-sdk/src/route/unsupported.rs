//! Stands in where no way to pin routes is known.

use std::convert::Infallible;
use std::net::IpAddr;

use super::{PinPlan, PinState, RouteError};

/// A host route to a relay. On this system there is none: [`install`](Self::install) always fails.
#[derive(Debug)]
pub struct RoutePin(Infallible);

impl RoutePin {
    /// Fails.
    ///
    /// # Errors
    /// Always [`RouteError::Unsupported`].
    pub fn install(relay: IpAddr, tunnel: Option<&str>) -> Result<Self, RouteError> {
        let _ = (relay, tunnel);
        Err(RouteError::Unsupported)
    }

    /// Cannot be called.
    ///
    /// # Errors
    /// None.
    pub fn check(&mut self) -> Result<PinState, RouteError> {
        match self.0 {}
    }

    /// Cannot be called.
    pub fn set_tunnel(&mut self, tunnel: &str) {
        let _ = tunnel;
        match self.0 {}
    }

    /// Cannot be called.
    #[must_use]
    pub const fn relay(&self) -> IpAddr {
        match self.0 {}
    }

    /// Cannot be called.
    #[must_use]
    pub const fn plan(&self) -> &PinPlan {
        match self.0 {}
    }
}
