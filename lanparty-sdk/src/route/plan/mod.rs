//! Which way to a relay is pinned, and whether the pin still holds: decisions on routes that somebody else has read.

use std::fmt;
use std::net::IpAddr;

/// The routing table that holds a host's ordinary routes, and all pins. Other numbers only mean something on Linux.
pub const TABLE_MAIN: u32 = 254;

/// A network interface.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Interface {
    /// The system's number for it.
    pub index: u32,
    /// Its name, as the system's tools show it; empty if it has gone meanwhile.
    pub name: String,
}

impl Interface {
    /// Names an interface.
    pub fn new(index: u32, name: impl Into<String>) -> Self {
        Self { index, name: name.into() }
    }

    fn is(&self, name: Option<&str>) -> bool {
        name == Some(self.name.as_str())
    }
}

/// What becomes of the datagrams that follow a route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RouteKind {
    /// They are for this host itself.
    Local,
    /// They go nowhere: unreachable, prohibited, or not for one receiver.
    Refused,
    /// They leave through the interface.
    #[default]
    Unicast,
}

/// Who made a route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RouteOrigin {
    /// The system, its user, or another program.
    #[default]
    Foreign,
    /// This library, in this run or in one that was killed.
    Pin,
}

/// One row of a routing table.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Route {
    /// The network or host that is reached by it.
    pub destination: IpAddr,
    /// How many leading bits of `destination` count.
    pub prefix_len: u8,
    /// The router that takes the datagrams; `None` if the destination is on the link.
    pub gateway: Option<IpAddr>,
    /// The gateway is on the link although no address of the interface says so.
    pub on_link: bool,
    /// Where they leave this host.
    pub interface: Interface,
    /// The address that this host sends from, if the route prescribes one.
    pub source: Option<IpAddr>,
    /// Among routes with the same destination the lowest wins.
    pub metric: u32,
    /// The table that the route is in.
    pub table: u32,
    /// What becomes of the datagrams.
    pub kind: RouteKind,
    /// Who made it.
    pub origin: RouteOrigin,
}

impl Route {
    /// A route of the main table to a destination on the link, without metric.
    #[must_use]
    pub const fn new(destination: IpAddr, prefix_len: u8, interface: Interface) -> Self {
        Self {
            destination,
            prefix_len,
            gateway: None,
            on_link: false,
            interface,
            source: None,
            metric: 0,
            table: TABLE_MAIN,
            kind: RouteKind::Unicast,
            origin: RouteOrigin::Foreign,
        }
    }

    /// The same way, for `host` alone: what a pin looks like.
    #[must_use]
    fn pinned_for(&self, host: IpAddr) -> Self {
        Self {
            destination: host,
            prefix_len: bits(host),
            metric: 0,
            table: TABLE_MAIN,
            origin: RouteOrigin::Pin,
            ..self.clone()
        }
    }

    /// Whether it is a route for `host` and no other.
    #[must_use]
    pub fn is_for_host(&self, host: IpAddr) -> bool {
        self.destination == host && self.prefix_len == bits(host)
    }

    /// Whether it is this library's pin for `host`, of whichever run.
    #[must_use]
    pub fn is_pin_for(&self, host: IpAddr) -> bool {
        self.origin == RouteOrigin::Pin && self.is_for_host(host)
    }

    /// Whether `host` is within its destination.
    #[must_use]
    pub fn covers(&self, host: IpAddr) -> bool {
        let (network, host, width) = match (self.destination, host) {
            (IpAddr::V4(network), IpAddr::V4(host)) => {
                (u128::from(network.to_bits()), u128::from(host.to_bits()), 32)
            }
            (IpAddr::V6(network), IpAddr::V6(host)) => (network.to_bits(), host.to_bits(), 128),
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return false,
        };
        let ignored = width - u32::from(self.prefix_len).min(width);
        (network ^ host).checked_shr(ignored).unwrap_or(0) == 0
    }

    /// Whether datagrams leave by the same interface and gateway.
    #[must_use]
    pub fn same_path(&self, other: &Self) -> bool {
        self.interface.index == other.interface.index && self.gateway == other.gateway
    }

    /// As [`same_path`](Self::same_path), and as seen from the same address.
    fn same_way(&self, other: &Self) -> bool {
        self.same_path(other) && self.source == other.source
    }

    fn leads_into(&self, tunnel: Option<&str>) -> bool {
        self.kind == RouteKind::Unicast && self.interface.is(tunnel)
    }
}

/// As `ip route` would write it.
impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.destination, self.prefix_len)?;
        if let Some(gateway) = self.gateway {
            write!(f, " via {gateway}")?;
        }
        write!(f, " dev {}", self.interface.name)?;
        if let Some(source) = self.source {
            write!(f, " src {source}")?;
        }
        Ok(())
    }
}

/// Why nothing can be pinned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The way to the relay leads into the tunnel already. Nothing but the tunnel's end changes that.
    #[error("the way to {relay} leads into the tunnel {tunnel} itself: no other network is connected")]
    AlreadyThroughTunnel {
        /// The relay.
        relay: IpAddr,
        /// The tunnel's interface.
        tunnel: String,
    },
    /// This host knows no way to the relay.
    #[error("no route to {relay}: is this host connected to a network?")]
    NoRoute {
        /// The relay.
        relay: IpAddr,
    },
}

/// What is to be done, and once it is done: what is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PinPlan {
    /// A host route is added, and removed at the end.
    Add {
        /// The route to add.
        pin: Route,
        /// The route that it was made from.
        beneath: Route,
    },
    /// An equal host route is there already. It is used, and left at the end.
    Borrow(Route),
    /// The relay runs on this host, or its address names an interface: no route can move it into the tunnel.
    Unneeded,
}

/// What a look at the present routes tells about a pin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PinCheck {
    /// The relay is reached as planned.
    Intact,
    /// There is no way to the relay at the moment. The tunnel is not entered.
    NoRoute,
    /// The network beneath has changed, or the pin is gone: plan again, with this route as the best one.
    Repin(Route),
    /// Datagrams to the relay enter the tunnel and no other way is known: sending must end.
    ThroughTunnel,
}

impl PinPlan {
    /// Decides how to pin the way to `relay`, given the `best` route that the system takes at present, the other
    /// `routes` that it knows, and the name of the `tunnel`, if it is known yet.
    ///
    /// `best` must not be a pin: pins of a killed run are removed before.
    ///
    /// # Errors
    /// [`PlanError`]: there is no way, or only one through the tunnel.
    pub fn new(
        relay: IpAddr,
        best: Option<&Route>,
        routes: &[Route],
        tunnel: Option<&str>,
    ) -> Result<Self, PlanError> {
        if is_out_of_reach(relay) {
            return Ok(Self::Unneeded);
        }
        let Some(best) = best else { return Err(PlanError::NoRoute { relay }) };
        match best.kind {
            RouteKind::Local => return Ok(Self::Unneeded),
            RouteKind::Refused => return Err(PlanError::NoRoute { relay }),
            RouteKind::Unicast => {}
        }
        if let Some(tunnel) = tunnel
            && best.leads_into(Some(tunnel))
        {
            return Err(PlanError::AlreadyThroughTunnel { relay, tunnel: tunnel.to_owned() });
        }
        let mut hosts = std::iter::once(best).chain(routes);
        let equal = hosts.find(|route| {
            route.is_for_host(relay)
                && route.origin == RouteOrigin::Foreign
                && route.kind == RouteKind::Unicast
                && route.same_path(best)
        });
        Ok(match equal {
            Some(route) => Self::Borrow(route.clone()),
            None => Self::Add { pin: best.pinned_for(relay), beneath: best.clone() },
        })
    }

    /// Judges what is held for `relay`, given the route that datagrams take at `present` and all `routes`, our own
    /// pins included.
    #[must_use]
    pub fn check(
        &self,
        relay: IpAddr,
        present: Option<&Route>,
        routes: &[Route],
        tunnel: Option<&str>,
    ) -> PinCheck {
        if is_out_of_reach(relay) {
            return PinCheck::Intact;
        }
        let present = present.filter(|route| route.kind != RouteKind::Refused);
        if let Some(local) = present.filter(|route| route.kind == RouteKind::Local) {
            return if *self == Self::Unneeded { PinCheck::Intact } else { PinCheck::Repin(local.clone()) };
        }
        let best = best_routes(relay, routes, tunnel, self.table());
        if !self.is_in_place(relay, routes, &best) {
            // A lost pin is renewed even from a route that only the system's rules know of.
            let other = present.filter(|route| !route.leads_into(tunnel) && !route.is_pin_for(relay));
            if let Some(&next) = best.first().or(other.as_ref()) {
                return PinCheck::Repin(next.clone());
            }
        }
        match present {
            None => PinCheck::NoRoute,
            Some(route) if route.leads_into(tunnel) => PinCheck::ThroughTunnel,
            Some(_) => PinCheck::Intact,
        }
    }

    /// The host route that is added or borrowed; `None` if none is needed.
    #[must_use]
    pub const fn route(&self) -> Option<&Route> {
        match self {
            Self::Add { pin, .. } => Some(pin),
            Self::Borrow(route) => Some(route),
            Self::Unneeded => None,
        }
    }

    /// Whether what is held stands in the tables, and is still the best way beneath.
    fn is_in_place(&self, relay: IpAddr, routes: &[Route], best: &[&Route]) -> bool {
        match self {
            Self::Add { pin, .. } => {
                // With nothing beneath, the pin is the way that remains: a default route may be away for a moment.
                routes.iter().any(|route| route.is_pin_for(relay) && route.same_path(pin))
                    && (best.is_empty() || best.iter().any(|route| route.same_way(pin)))
            }
            Self::Borrow(held) => best.iter().any(|route| route.is_for_host(relay) && route.same_path(held)),
            Self::Unneeded => false,
        }
    }

    /// The table that decided when the plan was made.
    const fn table(&self) -> u32 {
        match self {
            Self::Add { beneath: route, .. } | Self::Borrow(route) => route.table,
            Self::Unneeded => TABLE_MAIN,
        }
    }
}

/// The best ways to `relay` if there were neither pins nor the `tunnel`, from the first of `table` and the main table
/// that knows any. Several if they are equally good, as the next hops of a multipath route are.
fn best_routes<'a>(relay: IpAddr, routes: &'a [Route], tunnel: Option<&str>, table: u32) -> Vec<&'a Route> {
    for table in [table, TABLE_MAIN] {
        let fit = |route: &&Route| {
            route.table == table
                && route.origin == RouteOrigin::Foreign
                && route.covers(relay)
                && !route.interface.is(tunnel)
        };
        let rank = |route: &Route| (u8::MAX - route.prefix_len, route.metric);
        let Some(top) = routes.iter().filter(fit).map(rank).min() else { continue };
        let best = routes.iter().filter(fit).filter(|route| rank(route) == top);
        return best.filter(|route| route.kind == RouteKind::Unicast).collect();
    }
    Vec::new()
}

/// Whether no route can carry datagrams for `relay` into a tunnel: a link-local address is only usable together with
/// the interface it is on.
fn is_out_of_reach(relay: IpAddr) -> bool {
    match relay {
        IpAddr::V4(relay) => relay.is_loopback(),
        IpAddr::V6(relay) => relay.is_loopback() || relay.is_unicast_link_local(),
    }
}

const fn bits(host: IpAddr) -> u8 {
    match host {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

#[cfg(test)]
mod tests;
