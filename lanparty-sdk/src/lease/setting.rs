//! What can be changed, and to what.

use std::net::IpAddr;

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
    /// A network's category in Windows' network list: a number.
    NetworkCategory { network: String },
    /// An interface's metric: a number; absent while Windows chooses it by itself.
    Metric { luid: u64, family: Family },
    /// The largest IP packet of an interface in bytes: a number.
    Mtu { luid: u64, family: Family },
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
