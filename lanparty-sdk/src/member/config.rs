//! Who a member is and how patient.

use std::time::Duration;

use crate::ctrl::{IdentityToken, PeerRole, RoomCode};
use crate::frame::{DEFAULT_MTU, MacAddr};
use crate::proto::ReassemblyConfig;

/// Who a member is.
#[derive(Clone, Debug)]
pub struct MemberConfig {
    /// Client or gateway.
    pub role: PeerRole,
    /// Which room.
    pub room: RoomCode,
    /// A client's own address, or that of the gateway's network card.
    pub mac: Option<MacAddr>,
    /// By what the relay knows it again.
    pub token: IdentityToken,
    /// The largest layer-2 payload its port carries, in bytes; 1500 by default.
    pub mtu: u16,
    /// What people call it.
    pub name: Option<String>,
    /// Which program and version it is.
    pub agent: String,
    /// How patient it is.
    pub timing: Timing,
    /// Bounds of the table that joins halves of frames.
    pub reassembly: ReassemblyConfig,
    /// Whether it keeps trying when the very first connection fails; `false` by default, so that a typing error shows.
    pub retry_first: bool,
}

impl MemberConfig {
    /// A member with all defaults.
    #[must_use]
    pub fn new(role: PeerRole, room: RoomCode, mac: Option<MacAddr>, token: IdentityToken) -> Self {
        Self {
            role,
            room,
            mac,
            token,
            mtu: DEFAULT_MTU,
            name: None,
            agent: concat!("lanparty-sdk/", env!("CARGO_PKG_VERSION")).to_owned(),
            timing: Timing::default(),
            reassembly: ReassemblyConfig::default(),
            retry_first: false,
        }
    }
}

/// How patient a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timing {
    /// The shortest time between two attempts to reach the relay; 250 ms by default.
    pub backoff_min: Duration,
    /// The longest; 10 s by default.
    pub backoff_max: Duration,
    /// How long the relay's answer to a Hello may take; 10 s by default.
    pub welcome_timeout: Duration,
    /// How often each peer's round-trip time is measured; 5 s by default.
    pub probe_interval: Duration,
    /// How often counters are reported to the relay; 30 s by default.
    pub stats_interval: Duration,
    /// How often a gateway refreshes each client's address on the LAN; 60 s by default.
    pub refresh_interval: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            backoff_min: Duration::from_millis(250),
            backoff_max: Duration::from_secs(10),
            welcome_timeout: Duration::from_secs(10),
            probe_interval: Duration::from_secs(5),
            stats_interval: Duration::from_secs(30),
            refresh_interval: Duration::from_secs(60),
        }
    }
}
