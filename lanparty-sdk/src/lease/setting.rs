//! What can be changed, and to what.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

/// A family of IP addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Family {
    V4,
    V6,
}

/// One thing that can be changed. Interfaces are named by their LUID, which stays over restarts of the computer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "setting", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Setting {
    /// An adapter's `NetworkAddress`, in the driver key `class_key` (its four digits): a text.
    AdapterMac { class_key: String },
    /// An address of an interface: the prefix length.
    Address { luid: u64, address: IpAddr },
    /// Whether default routes through an interface are ignored: a flag.
    DefaultRoutesIgnored { luid: u64, family: Family },
    /// An interface's metric: a number; absent while Windows chooses it by itself.
    Metric { luid: u64, family: Family },
    /// The largest IP packet of an interface in bytes: a number.
    Mtu { luid: u64, family: Family },
    /// The category of a network in Windows' network list, named as in "{6AE5C2A0-...}": 0 is public, 1 private.
    NetworkCategory { network: String },
    /// A route: its metric.
    Route { destination: IpAddr, prefix_len: u8, gateway: Option<IpAddr>, luid: u64 },
}

/// What a setting is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Value {
    Flag(bool),
    Number(u32),
    Text(String),
}

/// The least packet size that a journal may set: what every host of IPv4 must take.
const LEAST_MTU: u32 = 68;
/// The longest text that an address is read from: six bytes with signs in between.
const MAX_ADDRESS_LEN: usize = 17;

impl Setting {
    /// Whether this library may have changed that at all, and whether it can be `value`.
    ///
    /// A journal is a file, and what it says is done with an administrator's rights. So nothing is journaled, and
    /// nothing believed, but the few changes that are made here: no default route, no other registry key.
    pub(crate) fn allows(&self, value: Option<&Value>) -> bool {
        match (self, value) {
            (Self::AdapterMac { class_key }, None) => is_class_key(class_key),
            (Self::AdapterMac { class_key }, Some(Value::Text(text))) => {
                let digits = text.bytes().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'-' | b':'));
                is_class_key(class_key) && digits && text.len() <= MAX_ADDRESS_LEN
            }
            (Self::Address { luid, address }, None) => *luid != 0 && is_host(*address),
            (Self::Address { luid, address }, Some(Value::Number(prefix_len))) => {
                *luid != 0 && is_host(*address) && *prefix_len <= u32::from(bits(*address))
            }
            (Self::DefaultRoutesIgnored { luid, .. }, Some(Value::Flag(_)))
            | (Self::Metric { luid, .. }, None | Some(Value::Number(_))) => *luid != 0,
            (Self::Mtu { luid, .. }, Some(Value::Number(mtu))) => *luid != 0 && *mtu >= LEAST_MTU,
            (Self::NetworkCategory { network }, Some(Value::Number(0 | 1))) => is_guid(network),
            (Self::Route { destination, prefix_len, gateway, luid }, None | Some(Value::Number(_))) => {
                *luid != 0 && is_route(*destination, *prefix_len, *gateway)
            }
            _ => false,
        }
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AdapterMac { class_key } => write!(f, "MAC address of the adapter {class_key}"),
            Self::Address { address, .. } => write!(f, "address {address}"),
            Self::DefaultRoutesIgnored { family, .. } => write!(f, "{family} default routes"),
            Self::Metric { family, .. } => write!(f, "{family} metric"),
            Self::Mtu { family, .. } => write!(f, "{family} MTU"),
            Self::NetworkCategory { network } => write!(f, "category of the network {network}"),
            Self::Route { destination, prefix_len, .. } => write!(f, "route {destination}/{prefix_len}"),
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

fn is_class_key(text: &str) -> bool {
    text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_guid(text: &str) -> bool {
    text.len() == 38
        && text.bytes().enumerate().all(|(at, byte)| match at {
            0 => byte == b'{',
            37 => byte == b'}',
            9 | 14 | 19 | 24 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// Whether a computer can have it.
fn is_host(address: IpAddr) -> bool {
    let everybody = address == IpAddr::V4(Ipv4Addr::BROADCAST);
    !address.is_unspecified() && !address.is_loopback() && !address.is_multicast() && !everybody
}

/// To one host, or to all of a broadcast or multicast.
fn is_route(destination: IpAddr, prefix_len: u8, gateway: Option<IpAddr>) -> bool {
    let to_many = [
        (IpAddr::V4(Ipv4Addr::BROADCAST), 32),
        (IpAddr::V4(Ipv4Addr::new(224, 0, 0, 0)), 4),
        (IpAddr::V6(Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0)), 8),
    ];
    match gateway {
        _ if is_host(destination) && prefix_len == bits(destination) => {
            gateway.is_none_or(|gateway| is_host(gateway) && gateway.is_ipv4() == destination.is_ipv4())
        }
        None => to_many.contains(&(destination, prefix_len)),
        Some(_) => false,
    }
}

const fn bits(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}
