//! Bounds of a room.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::frame::DEFAULT_MTU;
use crate::switch::{Limits, TableConfig};

/// Bounds of a room. Every value is documented with its default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RoomConfig {
    /// How many clients a room may have, the gateway not counted; 32 by default.
    pub max_clients: u16,
    /// The largest layer-2 MTU a room may have, in bytes; 1500 by default. A room gets what its first member's port
    /// carries, up to this.
    pub max_mtu: u16,
    /// What one client may send.
    pub client_limits: Limits,
    /// What the gateway may send, which speaks for a whole LAN.
    pub gateway_limits: Limits,
    /// How many malformed datagrams close a member's connection; 16 by default.
    pub malformed_threshold: u32,
    /// How long a client's place is kept after its connection broke, in milliseconds; 30 000 by default. Nobody else gets
    /// its address, its number or the room's last place in that time.
    pub place_grace_ms: u64,
    /// Bounds of its address table.
    pub table: TableConfig,
}

impl Default for RoomConfig {
    fn default() -> Self {
        Self {
            max_clients: 32,
            max_mtu: DEFAULT_MTU,
            client_limits: Limits::default(),
            gateway_limits: Limits::UNLIMITED,
            malformed_threshold: 16,
            place_grace_ms: 30_000,
            table: TableConfig::default(),
        }
    }
}

impl RoomConfig {
    pub(crate) const fn place_grace(&self) -> Duration {
        Duration::from_millis(self.place_grace_ms)
    }
}
