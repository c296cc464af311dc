//! The system's routing tables, as routes.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;

use super::super::{Interface, Route, RouteError, RouteKind, RouteOrigin};
use super::host::{SystemHost, SystemLease};
use super::rows::{self, InterfaceRow, RouteRow};
use crate::lease::{Family, Setting, Value};

/// `IF_TYPE_SOFTWARE_LOOPBACK`.
const LOOPBACK: u64 = 24;

/// This computer's tables, and a lease on the pins that are added.
#[derive(Debug)]
pub(in crate::route) struct Tables {
    /// `None` until it is needed, if it could not be had at once.
    lease: Option<SystemLease>,
    /// The LUIDs of the interfaces that were met, which may be gone when a pin is removed.
    luids: BTreeMap<u32, u64>,
}

impl Tables {
    /// Removes what killed runs have left, too.
    pub(in crate::route) fn open() -> Result<Self, RouteError> {
        // A relay that needs no pin needs no permission.
        let lease = SystemLease::open(SystemHost).inspect_err(|error| {
            tracing::debug!(target: "lanparty::route", %error, "no lease");
        });
        Ok(Self { lease: lease.ok(), luids: BTreeMap::new() })
    }

    /// The route that datagrams to `host` take at present. `None` if there is none.
    pub(in crate::route) fn lookup(&mut self, host: IpAddr) -> Result<Option<Route>, RouteError> {
        let best = rows::best_route(host).map_err(|source| RouteError::Lookup { relay: host, source })?;
        Ok(best.map(|row| {
            let interface = self.named(&row);
            self.route(&row, interface, 0)
        }))
    }

    /// All routes that reach `host` by an interface with a cable, except those to this computer itself.
    pub(in crate::route) fn routes_to(&mut self, host: IpAddr) -> Result<Vec<Route>, RouteError> {
        let family = if host.is_ipv4() { Family::V4 } else { Family::V6 };
        let mut interfaces = BTreeMap::new();
        let mut routes = Vec::new();
        for row in rows::routes(host).map_err(RouteError::List)? {
            let bare = self.route(&row, Interface::new(row.index, ""), 0);
            if !bare.covers(host) || bare.kind == RouteKind::Local {
                continue;
            }
            // One that vanishes meanwhile takes its routes with it.
            let known = interfaces.entry(row.index).or_insert_with(|| {
                let about =
                    InterfaceRow::read(row.key.luid, family).ok().filter(InterfaceRow::is_connected)?;
                Some((self.named(&row), about.metric()))
            });
            if let Some((interface, metric)) = known {
                routes.push(self.route(&row, interface.clone(), *metric));
            }
        }
        Ok(routes)
    }

    /// Adds a pin. Replaces none.
    pub(in crate::route) fn add(&mut self, route: &Route) -> io::Result<()> {
        let setting = self.setting(route)?;
        let lease = match &mut self.lease {
            Some(lease) => lease,
            none => none.insert(SystemLease::open(SystemHost)?),
        };
        if !lease.holds(&setting) && lease.read(&setting)?.is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        lease.change(setting, Some(Value::Number(route.metric))).map(drop)
    }

    /// Removes this very pin. If it has gone already, all is well.
    pub(in crate::route) fn remove(&mut self, route: &Route) -> io::Result<()> {
        let setting = self.setting(route)?;
        self.lease.as_mut().map_or(Ok(()), |lease| lease.undo(&setting))
    }

    /// A row of an interface that adds `metric` to its own.
    fn route(&self, row: &RouteRow, interface: Interface, metric: u32) -> Route {
        let mut route = Route::new(row.key.destination, row.key.prefix_len, interface);
        route.gateway = row.key.gateway;
        route.metric = row.metric.saturating_add(metric);
        // The type stands in the highest sixteen bits.
        if row.is_loopback || row.key.luid >> 48 == LOOPBACK {
            route.kind = RouteKind::Local;
        }
        if self.lease.as_ref().is_some_and(|lease| lease.holds(&row.key.into())) {
            route.origin = RouteOrigin::Pin;
        }
        route
    }

    fn named(&mut self, row: &RouteRow) -> Interface {
        self.luids.insert(row.index, row.key.luid);
        Interface::new(row.index, rows::alias(row.key.luid))
    }

    fn setting(&self, route: &Route) -> io::Result<Setting> {
        let luid = match self.luids.get(&route.interface.index) {
            Some(luid) => *luid,
            None => rows::luid_of_index(route.interface.index)?,
        };
        let Route { destination, prefix_len, gateway, .. } = *route;
        Ok(Setting::Route { destination, prefix_len, gateway, luid })
    }
}
