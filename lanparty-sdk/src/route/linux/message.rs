//! Routes as the kernel writes them: `struct rtmsg` and its attributes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::super::{Interface, Route, RouteKind, RouteOrigin};

/// The protocol number of our pins, by which the pins of a killed run are known: `L`, assigned to nobody in
/// iproute2's `rt_protos`.
pub(super) const PIN_PROTOCOL: u8 = 0x4c;
/// `RTM_F_FIB_MATCH | RTM_F_LOOKUP_TABLE`: answer a lookup with the row that decided, and with the table it is in,
/// instead of the way that follows from it.
pub(super) const FIB_MATCH: u32 = 0x2000 | 0x1000;

/// `RTNH_F_DEAD`: the kernel does not choose it.
const DEAD: u32 = 1;
/// `RTNH_F_ONLINK`: the gateway need not be in any of the interface's networks.
const ON_LINK: u32 = 4;

/// The body that asks for the way to `host`.
pub(super) fn lookup(host: IpAddr, flags: u32) -> Vec<u8> {
    let mut body =
        header(&Header { family: family(host), prefix_len: bits(host), flags, ..Header::default() });
    push_address(&mut body, libc::RTA_DST, host);
    body
}

/// The body that asks for all routes of the family of `host`.
pub(super) fn list(host: IpAddr) -> Vec<u8> {
    header(&Header { family: family(host), ..Header::default() })
}

/// The body that adds or removes `route` as a pin of ours.
pub(super) fn pin(route: &Route) -> Vec<u8> {
    // An IPv4 route without gateway is good for its own link only; IPv6 has no scopes here.
    let is_link = route.gateway.is_none() && route.destination.is_ipv4();
    let mut body = header(&Header {
        family: family(route.destination),
        prefix_len: route.prefix_len,
        protocol: PIN_PROTOCOL,
        scope: if is_link { libc::RT_SCOPE_LINK } else { libc::RT_SCOPE_UNIVERSE },
        kind: libc::RTN_UNICAST,
        flags: if route.on_link { ON_LINK } else { 0 },
        ..Header::default()
    });
    push_address(&mut body, libc::RTA_DST, route.destination);
    push(&mut body, libc::RTA_OIF, &route.interface.index.to_ne_bytes());
    push(&mut body, libc::RTA_TABLE, &route.table.to_ne_bytes());
    if route.metric != 0 {
        push(&mut body, libc::RTA_PRIORITY, &route.metric.to_ne_bytes());
    }
    if let Some(source) = route.source {
        push_address(&mut body, libc::RTA_PREFSRC, source);
    }
    match route.gateway {
        Some(gateway) if gateway.is_ipv4() == route.destination.is_ipv4() => {
            push_address(&mut body, libc::RTA_GATEWAY, gateway);
        }
        Some(gateway) => {
            let mut via = u16::from(family(gateway)).to_ne_bytes().to_vec();
            push_octets(&mut via, gateway);
            push(&mut body, libc::RTA_VIA, &via);
        }
        None => {}
    }
    body
}

/// The routes of an answer: one, or one for each next hop, without those that the kernel does not choose. Interfaces
/// are without name. What cannot be understood is left out.
pub(super) fn parse(body: &[u8]) -> Vec<Route> {
    parse_route(body).unwrap_or_default()
}

fn parse_route(body: &[u8]) -> Option<Vec<Route>> {
    let (header, attributes) = Header::split(body)?;
    let any = match i32::from(header.family) {
        libc::AF_INET => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        libc::AF_INET6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        _ => return None,
    };
    let mut route = Route::new(any, header.prefix_len, Interface::new(0, ""));
    route.table = u32::from(header.table);
    route.kind = match header.kind {
        libc::RTN_UNICAST => RouteKind::Unicast,
        libc::RTN_LOCAL | libc::RTN_ANYCAST => RouteKind::Local,
        _ => RouteKind::Refused,
    };
    if header.protocol == PIN_PROTOCOL {
        route.origin = RouteOrigin::Pin;
    }
    let mut hops = None;
    for (kind, value) in Attributes(attributes) {
        match kind {
            libc::RTA_DST => route.destination = address(header.family, value)?,
            libc::RTA_PREFSRC => route.source = address(header.family, value),
            libc::RTA_PRIORITY => route.metric = number(value)?,
            libc::RTA_TABLE => route.table = number(value)?,
            libc::RTA_MULTIPATH => hops = Some(value),
            _ => next_hop(&mut route, header.family, kind, value)?,
        }
    }
    match hops {
        Some(hops) => parse_hops(&route, header.family, hops),
        None if header.flags & DEAD != 0 => None,
        None => {
            route.on_link = header.flags & ON_LINK != 0;
            Some(vec![route])
        }
    }
}

/// The next hops of a multipath route: `struct rtnexthop` and its attributes, one after the other.
fn parse_hops(route: &Route, family: u8, mut hops: &[u8]) -> Option<Vec<Route>> {
    let mut routes = Vec::new();
    while let Some(&[l0, l1, flags, _, i0, i1, i2, i3]) = hops.first_chunk() {
        let len = usize::from(u16::from_ne_bytes([l0, l1]));
        let mut hop = route.clone();
        hop.interface.index = u32::from_ne_bytes([i0, i1, i2, i3]);
        hop.on_link = u32::from(flags) & ON_LINK != 0;
        for (kind, value) in Attributes(hops.get(8..len)?) {
            next_hop(&mut hop, family, kind, value)?;
        }
        if u32::from(flags) & DEAD == 0 {
            routes.push(hop);
        }
        hops = hops.get(len.next_multiple_of(4)..).unwrap_or_default();
    }
    Some(routes)
}

/// What a route and one of several next hops have in common.
fn next_hop(route: &mut Route, family: u8, kind: u16, value: &[u8]) -> Option<()> {
    match kind {
        libc::RTA_OIF => route.interface.index = number(value)?,
        libc::RTA_GATEWAY => route.gateway = Some(address(family, value)?),
        libc::RTA_VIA => {
            let (&[f0, f1], gateway) = value.split_first_chunk()?;
            let family = u8::try_from(u16::from_ne_bytes([f0, f1])).ok()?;
            route.gateway = Some(address(family, gateway)?);
        }
        _ => {}
    }
    Some(())
}

/// `struct rtmsg`, less what only policy routing uses.
#[derive(Default)]
struct Header {
    family: u8,
    prefix_len: u8,
    table: u8,
    protocol: u8,
    scope: u8,
    kind: u8,
    flags: u32,
}

impl Header {
    fn split(body: &[u8]) -> Option<(Self, &[u8])> {
        let (&[family, prefix_len, _, _, table, protocol, scope, kind, f0, f1, f2, f3], rest) =
            body.split_first_chunk()?;
        let flags = u32::from_ne_bytes([f0, f1, f2, f3]);
        Some((Self { family, prefix_len, table, protocol, scope, kind, flags }, rest))
    }
}

fn header(header: &Header) -> Vec<u8> {
    let Header { family, prefix_len, table, protocol, scope, kind, flags } = *header;
    let mut body = vec![family, prefix_len, 0, 0, table, protocol, scope, kind];
    body.extend(flags.to_ne_bytes());
    body
}

/// The attributes of a message, up to the first that is cut off.
struct Attributes<'a>(&'a [u8]);

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let &[l0, l1, k0, k1] = self.0.first_chunk()?;
        let len = usize::from(u16::from_ne_bytes([l0, l1]));
        let value = self.0.get(4..len)?;
        self.0 = self.0.get(len.next_multiple_of(4)..).unwrap_or_default();
        // The two highest bits tell how the value is written, not what it is.
        Some((u16::from_ne_bytes([k0, k1]) & 0x3fff, value))
    }
}

fn push(body: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let len = u16::try_from(4 + value.len()).expect("attributes are some bytes long");
    body.extend(len.to_ne_bytes());
    body.extend(kind.to_ne_bytes());
    body.extend(value);
    body.resize(body.len().next_multiple_of(4), 0);
}

fn push_address(body: &mut Vec<u8>, kind: u16, address: IpAddr) {
    let mut octets = Vec::with_capacity(16);
    push_octets(&mut octets, address);
    push(body, kind, &octets);
}

fn push_octets(to: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(address) => to.extend(address.octets()),
        IpAddr::V6(address) => to.extend(address.octets()),
    }
}

fn address(family: u8, value: &[u8]) -> Option<IpAddr> {
    match i32::from(family) {
        libc::AF_INET => <[u8; 4]>::try_from(value).ok().map(IpAddr::from),
        libc::AF_INET6 => <[u8; 16]>::try_from(value).ok().map(IpAddr::from),
        _ => None,
    }
}

fn number(value: &[u8]) -> Option<u32> {
    value.try_into().ok().map(u32::from_ne_bytes)
}

fn family(host: IpAddr) -> u8 {
    let family = if host.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
    u8::try_from(family).expect("address families are small")
}

const fn bits(host: IpAddr) -> u8 {
    if host.is_ipv4() { 32 } else { 128 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn pinned(host: &str, gateway: Option<&str>) -> Route {
        let host = ip(host);
        let mut route = Route::new(host, bits(host), Interface::new(3, ""));
        route.gateway = gateway.map(ip);
        route.origin = RouteOrigin::Pin;
        route
    }

    #[test]
    fn a_pin_is_read_as_it_was_written() {
        let plain = pinned("203.0.113.7", Some("192.168.1.1"));
        let sourced = Route { source: Some(ip("192.168.1.5")), on_link: true, metric: 5, ..plain.clone() };
        let six = pinned("2001:db8::7", Some("fe80::1"));
        for route in [plain, sourced, six, pinned("10.0.0.1", None), pinned("10.0.0.1", Some("fe80::1"))] {
            assert_eq!(parse(&pin(&route)), [route]);
        }
    }

    #[test]
    fn a_pin_has_these_bytes() {
        let mut hex = String::new();
        for byte in pin(&pinned("203.0.113.7", Some("192.168.1.1"))) {
            hex += &format!("{byte:02x}");
        }
        if cfg!(target_endian = "little") {
            let attributes = "08000100cb007107 0800040003000000 08000f00fe000000 08000500c0a80101";
            assert_eq!(hex, format!("02200000004c000100000000 {attributes}").replace(' ', ""));
        }
    }

    #[test]
    fn each_next_hop_is_a_route_unless_it_is_dead() {
        let mut body =
            header(&Header { family: 2, table: 254, kind: libc::RTN_UNICAST, ..Header::default() });
        let mut hops = Vec::new();
        for (index, flags) in [(1u32, 0), (2, ON_LINK as u8), (3, DEAD as u8)] {
            hops.extend(16u16.to_ne_bytes());
            hops.extend([flags, 0]);
            hops.extend(index.to_ne_bytes());
            push(&mut hops, libc::RTA_GATEWAY, &[10, 0, 0, u8::try_from(index).unwrap()]);
        }
        push(&mut body, libc::RTA_MULTIPATH, &hops);
        let routes = parse(&body);
        let seen: Vec<_> = routes.iter().map(|r| (r.interface.index, r.gateway, r.on_link)).collect();
        assert_eq!(seen, [(1, Some(ip("10.0.0.1")), false), (2, Some(ip("10.0.0.2")), true)]);

        for end in 0..body.len() {
            assert!(parse(&body[..end]).len() <= 2, "{end}");
        }
        // A next hop of no length must not be read for ever.
        let at = body.len() - hops.len();
        body[at..at + 2].copy_from_slice(&0u16.to_ne_bytes());
        assert_eq!(parse(&body), []);
    }

    #[test]
    fn what_cannot_be_understood_is_left_out() {
        let whole = pin(&pinned("2001:db8::7", Some("fe80::1")));
        for end in 0..12 {
            assert_eq!(parse(&whole[..end]), [], "{end}");
        }
        for end in 12..whole.len() {
            assert!(parse(&whole[..end]).len() <= 1, "{end}");
        }
        let mut other = whole.clone();
        other[0] = 28;
        assert_eq!(parse(&other), []);
        let mut dead = whole;
        dead[8] = 1;
        assert_eq!(parse(&dead), []);
    }

    #[test]
    fn kinds_and_origins_are_told() {
        for (kind, expected) in [
            (libc::RTN_UNICAST, RouteKind::Unicast),
            (libc::RTN_LOCAL, RouteKind::Local),
            (libc::RTN_ANYCAST, RouteKind::Local),
            (libc::RTN_BLACKHOLE, RouteKind::Refused),
            (libc::RTN_UNREACHABLE, RouteKind::Refused),
            (libc::RTN_PROHIBIT, RouteKind::Refused),
            (libc::RTN_MULTICAST, RouteKind::Refused),
        ] {
            let body = header(&Header { family: 2, kind, protocol: 4, ..Header::default() });
            let routes = parse(&body);
            assert_eq!(routes[0].kind, expected);
            assert_eq!(routes[0].origin, RouteOrigin::Foreign);
        }
    }
}
