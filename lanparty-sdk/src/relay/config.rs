//! Bounds of a relay's rooms and members.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ctrl::GateConfig;
use crate::proto::RoomId;
use crate::room::RoomConfig;

/// Bounds of a relay: of its decisions, not of its sockets. Every value is documented with its default.
///
/// Of rooms and connections each of a relay's workers has its share, rounded up, whatever the others have left over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RelayConfig {
    /// Bounds of every room.
    pub room: RoomConfig,
    /// How many rooms may be open at once; 4096 by default, at most [`RoomId::MAX`].
    pub max_rooms: u16,
    /// How many connections may be open at once, all rooms together; 20 000 by default. A worker's share should hold the
    /// largest room: `Relay::bind` warns of one that does not.
    pub max_connections: u32,
    /// How long a new connection may take to say Hello, in milliseconds; 5000 by default.
    pub hello_timeout_ms: u64,
    /// How long a control message may take from its first byte to its last, in milliseconds; 5000 by default.
    pub message_timeout_ms: u64,
    /// How many control messages a member may send.
    pub control: GateConfig,
}

impl Default for RelayConfig {
    fn default() -> Self {
        Self {
            room: RoomConfig::default(),
            max_rooms: 4096,
            max_connections: 20_000,
            hello_timeout_ms: 5000,
            message_timeout_ms: 5000,
            control: GateConfig::default(),
        }
    }
}

impl RelayConfig {
    pub(crate) fn room_limit(&self) -> u32 {
        u32::from(self.max_rooms.min(RoomId::MAX))
    }

    pub(crate) const fn hello_timeout(&self) -> Duration {
        Duration::from_millis(self.hello_timeout_ms)
    }

    pub(crate) const fn message_timeout(&self) -> Duration {
        Duration::from_millis(self.message_timeout_ms)
    }
}
