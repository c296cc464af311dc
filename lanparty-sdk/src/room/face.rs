//! A room as its members and its relay see it.

use std::time::Duration;

use crate::ctrl::{LeaveReason, PeerInfo, PeerRole, RoomCode};
use crate::obs::Events;
use crate::proto::PeerId;
use crate::sealed::Sealed;

/// Something changed in a room.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RoomEvent {
    /// Somebody joined.
    PeerJoined(PeerInfo),
    /// Somebody left.
    PeerLeft {
        /// Who.
        info: PeerInfo,
        /// Why.
        reason: LeaveReason,
        /// In the leaver's own words.
        text: String,
    },
    /// Somebody stopped or resumed its data plane.
    PeerPaused {
        /// Who.
        peer: PeerId,
        /// Whether frames stop.
        paused: bool,
    },
}

/// A room as its members and its relay see it. This trait is sealed: the library implements it, users call it.
pub trait Room: Sealed + Send + Sync {
    /// The room's code.
    fn code(&self) -> RoomCode;

    /// The room's layer-2 MTU in bytes; `None` while it is not known: before a member is in, and after the last left.
    fn mtu(&self) -> Option<u16>;

    /// The members that are seen from here: all of them from the relay, all others from a member. By number.
    fn peers(&self) -> Vec<RoomPeer>;

    /// What the room changes from now on.
    fn subscribe(&self) -> Events<RoomEvent>;

    /// The gateway, if the room has one. A gateway does not see itself.
    fn gateway(&self) -> Option<RoomPeer> {
        self.peers().into_iter().find(|peer| peer.info.role == PeerRole::Gateway)
    }
}

/// A fellow member, with what this member measured.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RoomPeer {
    /// What the relay says of it.
    pub info: PeerInfo,
    /// Round-trip time to it through the relay; `None` until measured, and always at the relay itself.
    pub rtt: Option<Duration>,
}
