//! What a room looks like at one moment.

use std::time::Instant;

use crate::ctrl::{MemberStats, PeerInfo, RoomCode};
use crate::obs::DropCounts;
use crate::proto::{PeerId, RoomId};

/// A room at one moment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RoomSnapshot {
    /// Its number on this relay.
    pub id: RoomId,
    /// Its code.
    pub code: RoomCode,
    /// Its layer-2 MTU in bytes.
    pub mtu: u16,
    /// Who the gateway is.
    pub gateway: Option<PeerId>,
    /// All members, by number.
    pub members: Vec<MemberSnapshot>,
}

/// A member at one moment, as the relay sees it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MemberSnapshot {
    /// What the others know of it.
    pub info: PeerInfo,
    /// When it joined.
    pub joined: Instant,
    /// When its last well-formed frame with an authorised source came, filtered ones included.
    pub last_seen: Instant,
    /// Datagrams it sent.
    pub sent_datagrams: u64,
    /// Bytes of those.
    pub sent_bytes: u64,
    /// Datagrams meant for it that went to its outbox.
    pub received_datagrams: u64,
    /// Bytes of those.
    pub received_bytes: u64,
    /// What of its sending went no further, by reason.
    pub drops: DropCounts,
    /// How many malformed datagrams it sent.
    pub malformed: u32,
    /// What it last reported about itself.
    pub reported: Option<MemberStats>,
}
