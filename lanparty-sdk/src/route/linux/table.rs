//! The kernel's routing tables, as routes.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;

use super::super::{Interface, Route, RouteError, RouteKind};
use super::message::{self, FIB_MATCH};
use super::netlink::Socket;

/// How often a list is read again that changed while it was read.
const MAX_LISTS: usize = 8;

/// The tables of the network namespace that they were opened in.
#[derive(Debug)]
pub(in crate::route) struct Tables {
    socket: Socket,
}

impl Tables {
    pub(in crate::route) fn open() -> Result<Self, RouteError> {
        Socket::open().map(|socket| Self { socket }).map_err(RouteError::Socket)
    }

    /// The route that datagrams to `host` take at present, by all rules. `None` if there is none.
    pub(in crate::route) fn lookup(&mut self, host: IpAddr) -> Result<Option<Route>, RouteError> {
        // The one answer tells the next hop, also where the route has several; the other one tells the route.
        let path = self.get(host, 0).map_err(|source| RouteError::Lookup { relay: host, source })?;
        let row = self.get(host, FIB_MATCH).map_err(|source| RouteError::Lookup { relay: host, source })?;
        let Some(path) = path.into_iter().next() else { return Ok(None) };
        let Some(first) = row.first() else { return Ok(None) };
        let mut route = row.iter().find(|row| row.same_path(&path)).unwrap_or(first).clone();
        route.gateway = path.gateway;
        route.interface = named(path.interface);
        Ok(Some(route))
    }

    /// All routes that reach `host`, except those of the table `local`.
    pub(in crate::route) fn routes_to(&mut self, host: IpAddr) -> Result<Vec<Route>, RouteError> {
        let mut tries = 0;
        loop {
            let mut routes = Vec::new();
            let listed =
                self.socket.ask(libc::RTM_GETROUTE, libc::NLM_F_DUMP, &message::list(host), |kind, body| {
                    if kind == libc::RTM_NEWROUTE {
                        let all = message::parse(body).into_iter();
                        routes.extend(all.filter(|route| {
                            route.covers(host) && route.table != u32::from(libc::RT_TABLE_LOCAL)
                        }));
                    }
                });
            match listed {
                Ok(()) => {
                    name(&mut routes);
                    return Ok(routes);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted && tries < MAX_LISTS => tries += 1,
                Err(error) => return Err(RouteError::List(error)),
            }
        }
    }

    /// Adds a pin, before other routes of the same destination and metric. Replaces none.
    pub(in crate::route) fn add(&mut self, route: &Route) -> io::Result<()> {
        self.socket.ask(libc::RTM_NEWROUTE, libc::NLM_F_CREATE, &message::pin(route), |_, _| ())
    }

    /// Removes this very pin. If it has gone already, all is well.
    pub(in crate::route) fn remove(&mut self, route: &Route) -> io::Result<()> {
        match self.socket.ask(libc::RTM_DELROUTE, 0, &message::pin(route), |_, _| ()) {
            Err(error) if matches!(error.raw_os_error(), Some(libc::ESRCH | libc::ENODEV)) => Ok(()),
            result => result,
        }
    }

    fn get(&mut self, host: IpAddr, flags: u32) -> io::Result<Vec<Route>> {
        let mut routes = Vec::new();
        let answer = self.socket.ask(libc::RTM_GETROUTE, 0, &message::lookup(host, flags), |kind, body| {
            if kind == libc::RTM_NEWROUTE {
                routes = message::parse(body);
            }
        });
        match answer {
            Ok(()) => {
                routes.retain(|route| route.kind != RouteKind::Refused);
                Ok(routes)
            }
            // What the kernel says where there is no route, or one that is unreachable, prohibited or a black hole.
            Err(error)
                if matches!(
                    error.raw_os_error(),
                    Some(libc::ENETUNREACH | libc::EHOSTUNREACH | libc::EACCES | libc::EINVAL | libc::ESRCH)
                ) =>
            {
                Ok(Vec::new())
            }
            Err(error) => Err(error),
        }
    }
}

fn name(routes: &mut [Route]) {
    let mut names = BTreeMap::new();
    for Route { interface, .. } in routes {
        *interface = names.entry(interface.index).or_insert_with(|| named(interface.clone())).clone();
    }
}

fn named(mut interface: Interface) -> Interface {
    if let Ok(name) = nix::net::if_::if_indextoname(interface.index) {
        interface.name = name.to_string_lossy().into_owned();
    }
    interface
}
