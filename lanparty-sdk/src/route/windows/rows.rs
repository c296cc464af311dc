//! The rows of the IP Helper interface, and the calls that read and write them.
#![allow(unsafe_code, reason = "the interface is made of C calls on C structures with unions")]

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use windows::Win32::NetworkManagement::IpHelper::{
    ConvertInterfaceAliasToLuid, ConvertInterfaceGuidToLuid, ConvertInterfaceIndexToLuid,
    ConvertInterfaceLuidToAlias, CreateIpForwardEntry2, CreateUnicastIpAddressEntry, DeleteIpForwardEntry2,
    DeleteUnicastIpAddressEntry, FreeMibTable, GetBestRoute2, GetIpForwardEntry2, GetIpForwardTable2,
    GetIpInterfaceEntry, GetUnicastIpAddressEntry, GetUnicastIpAddressTable, InitializeIpForwardEntry,
    InitializeIpInterfaceEntry, InitializeUnicastIpAddressEntry, MIB_IPFORWARD_ROW2, MIB_IPFORWARD_TABLE2,
    MIB_IPINTERFACE_ROW, MIB_UNICASTIPADDRESS_ROW, MIB_UNICASTIPADDRESS_TABLE, SetIpForwardEntry2,
    SetIpInterfaceEntry, SetUnicastIpAddressEntry,
};
use windows::Win32::NetworkManagement::Ndis::NET_LUID_LH;
use windows::Win32::Networking::WinSock::{
    ADDRESS_FAMILY, AF_INET, AF_INET6, AF_UNSPEC, IpDadStateDeprecated, IpDadStatePreferred,
    MIB_IPPROTO_NETMGMT, SOCKADDR_INET,
};
use windows::core::{GUID, HSTRING};

use super::outcome;
use crate::lease::{Family, Setting};

/// The longest name of a connection, and a zero: `IF_MAX_STRING_SIZE`.
const MAX_ALIAS_LEN: usize = 257;
/// A lifetime that does not end.
const FOR_EVER: u32 = u32::MAX;

/// A route, as the system identifies it: it has no other with the same four.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RouteKey {
    pub(super) destination: IpAddr,
    pub(super) prefix_len: u8,
    pub(super) gateway: Option<IpAddr>,
    pub(super) luid: u64,
}

/// A route of the system's table.
#[derive(Clone, Copy, Debug)]
pub(super) struct RouteRow {
    pub(super) key: RouteKey,
    pub(super) index: u32,
    /// Without the interface's.
    pub(super) metric: u32,
    pub(super) is_loopback: bool,
}

/// An interface, for one family.
#[derive(Clone, Copy)]
pub(super) struct InterfaceRow(MIB_IPINTERFACE_ROW);

impl InterfaceRow {
    /// [`io::ErrorKind::NotFound`] if there is no such interface, or if it does not speak that family.
    pub(super) fn read(luid: u64, family: Family) -> io::Result<Self> {
        let mut row = MIB_IPINTERFACE_ROW::default();
        // SAFETY: the row is there until the calls return.
        outcome(unsafe {
            InitializeIpInterfaceEntry(&raw mut row);
            row.Family = number(family);
            row.InterfaceLuid = NET_LUID_LH { Value: luid };
            GetIpInterfaceEntry(&raw mut row)
        })?;
        Ok(Self(row))
    }

    /// Writes it back as it is now.
    pub(super) fn write(mut self) -> io::Result<()> {
        if self.0.Family == AF_INET {
            // It is read as 64 there, which the system then refuses.
            self.0.SitePrefixLength = 0;
        }
        // SAFETY: the row is there until the call returns.
        outcome(unsafe { SetIpInterfaceEntry(&raw mut self.0) })
    }

    /// What it adds to the metric of each of its routes.
    pub(super) const fn metric(&self) -> u32 {
        self.0.Metric
    }

    /// The metric that it was given; `None` if the system chooses it.
    pub(super) fn own_metric(&self) -> Option<u32> {
        (!self.0.UseAutomaticMetric).then_some(self.0.Metric)
    }

    pub(super) fn set_own_metric(&mut self, metric: Option<u32>) {
        self.0.UseAutomaticMetric = metric.is_none();
        self.0.Metric = metric.unwrap_or(self.0.Metric);
    }

    pub(super) const fn mtu(&self) -> u32 {
        self.0.NlMtu
    }

    pub(super) const fn set_mtu(&mut self, mtu: u32) {
        self.0.NlMtu = mtu;
    }

    pub(super) const fn ignores_default_routes(&self) -> bool {
        self.0.DisableDefaultRoutes
    }

    pub(super) const fn ignore_default_routes(&mut self, ignore: bool) {
        self.0.DisableDefaultRoutes = ignore;
    }

    /// Whether it has a cable. Routes of an interface without are not followed.
    pub(super) const fn is_connected(&self) -> bool {
        self.0.Connected
    }
}

/// The prefix length of an address of an interface; `None` if it does not have the address.
pub(super) fn address(luid: u64, address: IpAddr) -> io::Result<Option<u8>> {
    read_address(luid, address).map(|row| row.map(|row| row.OnLinkPrefixLength))
}

pub(super) fn set_address(luid: u64, address: IpAddr, prefix_len: u8) -> io::Result<()> {
    let present = read_address(luid, address)?;
    let mut row = present.unwrap_or_else(|| address_row(luid, address));
    row.OnLinkPrefixLength = prefix_len;
    // SAFETY: the row is there until the call returns.
    outcome(unsafe {
        if present.is_some() {
            SetUnicastIpAddressEntry(&raw const row)
        } else {
            CreateUnicastIpAddressEntry(&raw const row)
        }
    })
}

pub(super) fn remove_address(luid: u64, address: IpAddr) -> io::Result<()> {
    let row = address_row(luid, address);
    // SAFETY: the row is there until the call returns.
    outcome(unsafe { DeleteUnicastIpAddressEntry(&raw const row) })
}

/// The addresses that can be used on the interface with the connection name `alias`; none if there is no such interface.
pub(super) fn addresses(alias: &str) -> Vec<IpAddr> {
    let mut luid = NET_LUID_LH::default();
    // SAFETY: the name lives until the call returns, as does the place for the answer.
    if unsafe { ConvertInterfaceAliasToLuid(&HSTRING::from(alias), &raw mut luid) }.is_err() {
        return Vec::new();
    }
    let mut table: *mut MIB_UNICASTIPADDRESS_TABLE = std::ptr::null_mut();
    // SAFETY: a place for the answer, which is a table that the system has allocated.
    if unsafe { GetUnicastIpAddressTable(AF_UNSPEC, &raw mut table) }.is_err() {
        return Vec::new();
    }
    let mut addresses = Vec::new();
    // SAFETY: the table has as many rows as it says, one behind the other, and is freed once they are read. Every bit
    // pattern is a LUID.
    unsafe {
        let first = (&raw const (*table).Table).cast::<MIB_UNICASTIPADDRESS_ROW>();
        for at in 0..(*table).NumEntries as usize {
            let row = &*first.add(at);
            let is_usable = [IpDadStatePreferred, IpDadStateDeprecated].contains(&row.DadState);
            if row.InterfaceLuid.Value == luid.Value && is_usable {
                addresses.extend(ip_address(&row.Address));
            }
        }
        FreeMibTable(table.cast());
    }
    addresses
}

fn read_address(luid: u64, address: IpAddr) -> io::Result<Option<MIB_UNICASTIPADDRESS_ROW>> {
    let mut row = address_row(luid, address);
    // SAFETY: the row is there until the call returns.
    unless_missing(outcome(unsafe { GetUnicastIpAddressEntry(&raw mut row) }).map(|()| row))
}

fn address_row(luid: u64, address: IpAddr) -> MIB_UNICASTIPADDRESS_ROW {
    let mut row = MIB_UNICASTIPADDRESS_ROW::default();
    // SAFETY: the row is there until the call returns.
    unsafe { InitializeUnicastIpAddressEntry(&raw mut row) };
    row.InterfaceLuid = NET_LUID_LH { Value: luid };
    row.Address = socket_address(address);
    // It can be used at once: whoever gives it knows that it is free.
    row.DadState = IpDadStatePreferred;
    row
}

/// A route's metric; `None` if there is no such route.
pub(super) fn route_metric(key: &RouteKey) -> io::Result<Option<u32>> {
    read_route(key).map(|row| row.map(|row| row.Metric))
}

pub(super) fn set_route(key: &RouteKey, metric: u32) -> io::Result<()> {
    let present = read_route(key)?;
    let mut row = present.unwrap_or_else(|| route_row(key));
    row.Metric = metric;
    // SAFETY: the row is there until the call returns.
    outcome(unsafe {
        if present.is_some() {
            SetIpForwardEntry2(&raw const row)
        } else {
            CreateIpForwardEntry2(&raw const row)
        }
    })
}

pub(super) fn remove_route(key: &RouteKey) -> io::Result<()> {
    let row = route_row(key);
    // SAFETY: the row is there until the call returns.
    outcome(unsafe { DeleteIpForwardEntry2(&raw const row) })
}

/// The route that datagrams to `host` take at present. `None` if there is none.
pub(super) fn best_route(host: IpAddr) -> io::Result<Option<RouteRow>> {
    let destination = socket_address(host);
    let mut row = MIB_IPFORWARD_ROW2::default();
    let mut source = SOCKADDR_INET::default();
    // SAFETY: the places are there until the call returns.
    let told =
        unsafe { GetBestRoute2(None, 0, None, &raw const destination, 0, &raw mut row, &raw mut source) };
    Ok(unless_missing(outcome(told))?.and_then(|()| RouteRow::from(&row)))
}

/// All routes of the family of `host`.
pub(super) fn routes(host: IpAddr) -> io::Result<Vec<RouteRow>> {
    let family = number(if host.is_ipv4() { Family::V4 } else { Family::V6 });
    let mut table: *mut MIB_IPFORWARD_TABLE2 = std::ptr::null_mut();
    // SAFETY: a place for the answer, which is a table that the system has allocated.
    let listed = outcome(unsafe { GetIpForwardTable2(family, &raw mut table) });
    let Some(()) = unless_missing(listed)? else { return Ok(Vec::new()) };
    let mut routes = Vec::new();
    // SAFETY: the table has as many rows as it says, one behind the other, and is freed once they are copied.
    unsafe {
        let first = (&raw const (*table).Table).cast::<MIB_IPFORWARD_ROW2>();
        for at in 0..(*table).NumEntries as usize {
            routes.extend(RouteRow::from(&*first.add(at)));
        }
        FreeMibTable(table.cast());
    }
    Ok(routes)
}

/// The connection's name, as people see it. Empty if the interface is gone.
pub(super) fn alias(luid: u64) -> String {
    let mut alias = [0u16; MAX_ALIAS_LEN];
    let luid = NET_LUID_LH { Value: luid };
    // SAFETY: both are there until the call returns.
    if unsafe { ConvertInterfaceLuidToAlias(&raw const luid, &mut alias) }.is_err() {
        return String::new();
    }
    String::from_utf16_lossy(alias.split(|unit| *unit == 0).next().unwrap_or_default())
}

/// The LUID of the interface with the id `guid`, as in "{6AE5C2A0-...}".
pub(super) fn luid_of(guid: &str) -> io::Result<u64> {
    let guid =
        parse_guid(guid).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "no interface id"))?;
    let mut luid = NET_LUID_LH::default();
    // SAFETY: both are there until the call returns.
    outcome(unsafe { ConvertInterfaceGuidToLuid(&raw const guid, &raw mut luid) })?;
    // SAFETY: every bit pattern is a LUID.
    Ok(unsafe { luid.Value })
}

/// The LUID of the interface with this index.
pub(super) fn luid_of_index(index: u32) -> io::Result<u64> {
    let mut luid = NET_LUID_LH::default();
    // SAFETY: the place is there until the call returns.
    outcome(unsafe { ConvertInterfaceIndexToLuid(index, &raw mut luid) })?;
    // SAFETY: every bit pattern is a LUID.
    Ok(unsafe { luid.Value })
}

/// Reads "{6AE5C2A0-...}".
pub(super) fn parse_guid(text: &str) -> Option<GUID> {
    GUID::try_from(text.strip_prefix('{')?.strip_suffix('}')?).ok()
}

fn read_route(key: &RouteKey) -> io::Result<Option<MIB_IPFORWARD_ROW2>> {
    let mut row = route_row(key);
    // SAFETY: the row is there until the call returns.
    unless_missing(outcome(unsafe { GetIpForwardEntry2(&raw mut row) }).map(|()| row))
}

fn route_row(key: &RouteKey) -> MIB_IPFORWARD_ROW2 {
    let mut row = MIB_IPFORWARD_ROW2::default();
    // SAFETY: the row is there until the call returns.
    unsafe { InitializeIpForwardEntry(&raw mut row) };
    let here = if key.destination.is_ipv4() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED)
    } else {
        IpAddr::V6(Ipv6Addr::UNSPECIFIED)
    };
    row.InterfaceLuid = NET_LUID_LH { Value: key.luid };
    row.DestinationPrefix.Prefix = socket_address(key.destination);
    row.DestinationPrefix.PrefixLength = key.prefix_len;
    row.NextHop = socket_address(key.gateway.unwrap_or(here));
    row.Protocol = MIB_IPPROTO_NETMGMT;
    row.ValidLifetime = FOR_EVER;
    row.PreferredLifetime = FOR_EVER;
    row.Immortal = true;
    row
}

impl From<RouteKey> for Setting {
    fn from(RouteKey { destination, prefix_len, gateway, luid }: RouteKey) -> Self {
        Self::Route { destination, prefix_len, gateway, luid }
    }
}

impl RouteRow {
    /// `None` if it has addresses of no known family.
    fn from(row: &MIB_IPFORWARD_ROW2) -> Option<Self> {
        let gateway = ip_address(&row.NextHop)?;
        let key = RouteKey {
            destination: ip_address(&row.DestinationPrefix.Prefix)?,
            prefix_len: row.DestinationPrefix.PrefixLength,
            gateway: (!gateway.is_unspecified()).then_some(gateway),
            // SAFETY: every bit pattern is a LUID.
            luid: unsafe { row.InterfaceLuid.Value },
        };
        Some(Self { key, index: row.InterfaceIndex, metric: row.Metric, is_loopback: row.Loopback })
    }
}

fn unless_missing<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What the system says of a row that is not there, and of a host without a way to it.
fn is_missing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable
    )
}

fn socket_address(address: IpAddr) -> SOCKADDR_INET {
    SocketAddr::new(address, 0).into()
}

fn ip_address(address: &SOCKADDR_INET) -> Option<IpAddr> {
    // SAFETY: both forms begin with the family, which tells which of them it is.
    unsafe {
        match address.si_family {
            AF_INET => Some(Ipv4Addr::from(address.Ipv4.sin_addr).into()),
            AF_INET6 => Some(Ipv6Addr::from(address.Ipv6.sin6_addr).into()),
            _ => None,
        }
    }
}

const fn number(family: Family) -> ADDRESS_FAMILY {
    match family {
        Family::V4 => AF_INET,
        Family::V6 => AF_INET6,
    }
}
