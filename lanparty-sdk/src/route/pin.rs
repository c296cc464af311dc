//! Carries a plan out: adds the pin, looks after it, and removes it.
//!
//! What the systems do differently is in their `Tables`: how a route is looked up, listed, added and removed, and how a
//! pin of ours is told from a route of others.

use std::io;
use std::net::IpAddr;

#[cfg(target_os = "linux")]
use super::linux::Tables;
#[cfg(windows)]
use super::windows::Tables;
use super::{PinCheck, PinPlan, PinState, PlanError, Route, RouteError};

/// How often a check looks again after it has changed something. Once is enough unless the network changes meanwhile.
const MAX_ROUNDS: usize = 4;

/// Holds the way to one relay address where it was when the pin was made. Dropping it restores the routes.
///
/// A pin that is only borrowed, since somebody else had set the same host route, is left. The pins of a run that was
/// killed are removed by the next one. Two processes on one host should not pin the same relay: when one ends, the
/// other one is without pin until its next check.
///
/// Calls ask the kernel and do not wait for the network. They take a fraction of a millisecond, more with very many
/// routes.
///
/// # Platform
/// Linux 4.13 or later, with `CAP_NET_ADMIN` in the network namespace that the pin is made in. There it stays,
/// wherever it is checked or dropped. Pins are known by their protocol number (76, see `ip route show proto 76`), and
/// those of a killed run are removed by the next pin for the same relay.
///
/// Windows 8 or later, as administrator. Pins stand in a journal before they are made, below
/// `%ProgramData%\lanparty\leases`, and those of a killed run are removed by the next pin or adapter of any process.
#[derive(Debug)]
pub struct RoutePin {
    relay: IpAddr,
    tunnel: Option<String>,
    plan: PinPlan,
    /// What is removed at the end: listed before it is added, so that an error or a panic in between leaves nothing.
    own: Vec<Route>,
    tables: Tables,
}

impl RoutePin {
    /// Pins the way to `relay` to the best one at present, and makes sure that the system follows it.
    ///
    /// `tunnel` is the name of the adapter that must not be entered, which need not exist yet. Without it, only changes
    /// of the network beneath can be told; see [`set_tunnel`](Self::set_tunnel).
    ///
    /// # Errors
    /// No way to the relay or none but the tunnel, missing permission, or what the kernel said. The routes are as they
    /// were then, less any pin that a killed run had left.
    ///
    /// # Platform
    /// [`RouteError::Unsupported`] on systems other than Linux and Windows.
    pub fn install(relay: IpAddr, tunnel: Option<&str>) -> Result<Self, RouteError> {
        // A dual-stack socket sends IPv4 to a mapped address, and IPv4 routes decide.
        let relay = relay.to_canonical();
        let mut pin = Self {
            relay,
            tunnel: tunnel.map(str::to_owned),
            plan: PinPlan::Unneeded,
            own: Vec::new(),
            tables: Tables::open()?,
        };
        pin.remove_stale()?;
        // The system's own choice comes first: it knows policy rules, which a list of routes does not show.
        let best = pin.tables.lookup(relay)?;
        let routes = pin.tables.routes_to(relay)?;
        pin.place(best.as_ref(), &routes)?;
        match pin.check()? {
            PinState::Intact | PinState::Repinned => {}
            PinState::NoRoute => return Err(PlanError::NoRoute { relay }.into()),
            PinState::ThroughTunnel => return Err(pin.not_selected()),
        }
        match &pin.plan {
            PinPlan::Add { pin, beneath } => {
                tracing::info!(target: "lanparty::route", interface = pin.interface.name, "relay route pinned");
                tracing::debug!(target: "lanparty::route", %pin, %beneath, table = beneath.table, "pinned");
            }
            PinPlan::Borrow(route) => {
                tracing::info!(
                    target: "lanparty::route",
                    interface = route.interface.name,
                    "relay route was pinned already, and will be left"
                );
            }
            PinPlan::Unneeded => {
                tracing::info!(target: "lanparty::route", "relay route needs no pin: it cannot enter the tunnel");
            }
        }
        Ok(pin)
    }

    /// Looks whether the way to the relay still is as planned, and pins it anew where the network beneath has changed.
    ///
    /// Cheap enough for a call every ten seconds.
    ///
    /// # Errors
    /// What the kernel said. The pin remains what it was, and a later check tries again.
    pub fn check(&mut self) -> Result<PinState, RouteError> {
        let mut calm = PinState::Intact;
        for _ in 0..MAX_ROUNDS {
            let present = self.tables.lookup(self.relay)?;
            let routes = self.tables.routes_to(self.relay)?;
            match self.plan.check(self.relay, present.as_ref(), &routes, self.tunnel.as_deref()) {
                PinCheck::Intact => return Ok(calm),
                PinCheck::NoRoute => return Ok(PinState::NoRoute),
                PinCheck::ThroughTunnel => return Ok(PinState::ThroughTunnel),
                PinCheck::Repin(best) => {
                    self.place(Some(&best), &routes)?;
                    tracing::info!(
                        target: "lanparty::route",
                        interface = best.interface.name,
                        "the network beneath has changed: relay route pinned anew"
                    );
                    calm = PinState::Repinned;
                }
            }
        }
        Err(self.not_selected())
    }

    /// Names the tunnel's adapter, where the system has chosen the name after the pin was made.
    pub fn set_tunnel(&mut self, tunnel: &str) {
        self.tunnel = Some(tunnel.to_owned());
    }

    /// The relay's address that is pinned, as IPv4 if it was given as an IPv4-mapped one.
    #[must_use]
    pub const fn relay(&self) -> IpAddr {
        self.relay
    }

    /// What is held: a route of our own, a borrowed one, or none.
    #[must_use]
    pub const fn plan(&self) -> &PinPlan {
        &self.plan
    }

    /// Carries out the plan for `best`. Leaves the old pin until the new one is there, so that there is no gap.
    fn place(&mut self, best: Option<&Route>, routes: &[Route]) -> Result<(), RouteError> {
        let plan = PinPlan::new(self.relay, best, routes, self.tunnel.as_deref())?;
        if let PinPlan::Add { pin, .. } = &plan {
            if !self.own.contains(pin) {
                self.own.push(pin.clone());
            }
            match self.tables.add(pin) {
                Ok(()) => {}
                // Somebody was faster, maybe with a route of their own: the next look tells.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => {
                    return Err(permission(error, |source| RouteError::Add {
                        route: pin.clone().into(),
                        source,
                    }));
                }
            }
        }
        let kept = plan.route().cloned();
        self.plan = plan;
        while let Some(old) = self.own.iter().position(|route| Some(route) != kept.as_ref()) {
            self.tables.remove(&self.own[old]).map_err(|error| removal(&self.own[old], error))?;
            self.own.swap_remove(old);
        }
        Ok(())
    }

    /// Removes what a killed run has left for this relay.
    fn remove_stale(&mut self) -> Result<(), RouteError> {
        for stale in self.tables.routes_to(self.relay)? {
            if stale.is_pin_for(self.relay) {
                self.tables.remove(&stale).map_err(|error| removal(&stale, error))?;
                tracing::info!(
                    target: "lanparty::route",
                    interface = stale.interface.name,
                    "pin of an earlier run taken over"
                );
            }
        }
        Ok(())
    }

    fn not_selected(&self) -> RouteError {
        match self.plan.route() {
            Some(route) => RouteError::NotSelected { route: route.clone().into() },
            None => PlanError::NoRoute { relay: self.relay }.into(),
        }
    }
}

impl Drop for RoutePin {
    fn drop(&mut self) {
        for route in &self.own {
            if let Err(error) = self.tables.remove(route) {
                tracing::warn!(
                    target: "lanparty::route",
                    interface = route.interface.name,
                    %error,
                    "the relay route could not be removed; the next run will do it"
                );
            }
        }
    }
}

fn removal(route: &Route, error: io::Error) -> RouteError {
    permission(error, |source| RouteError::Remove { route: route.clone().into(), source })
}

fn permission(error: io::Error, other: impl FnOnce(io::Error) -> RouteError) -> RouteError {
    if error.kind() == io::ErrorKind::PermissionDenied {
        RouteError::NotPermitted(error)
    } else {
        other(error)
    }
}
