//! What a relay's operator gets to see.

use crate::ctrl::{CloseCode, LeaveReason, PeerInfo, RejectReason, RoomCode};
use crate::proto::{PeerId, RoomId};

/// Something happened on the relay.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RelayEvent {
    /// The first member of a room came.
    RoomOpened {
        /// Its number.
        room: RoomId,
        /// Its code.
        code: RoomCode,
        /// Its layer-2 MTU in bytes, for good.
        mtu: u16,
    },
    /// The last member of a room left.
    RoomClosed {
        /// Its number.
        room: RoomId,
        /// Its code.
        code: RoomCode,
    },
    /// A member was let in.
    Joined {
        /// Where.
        room: RoomId,
        /// Who.
        info: PeerInfo,
    },
    /// A member is out.
    Left {
        /// Where.
        room: RoomId,
        /// Who.
        info: PeerInfo,
        /// Why.
        reason: LeaveReason,
        /// In the leaver's own words.
        text: String,
    },
    /// A newcomer was not let in.
    Rejected {
        /// Where it wanted to go.
        code: RoomCode,
        /// Why.
        reason: RejectReason,
        /// The numbers or names behind it.
        detail: String,
    },
    /// A connection that is in no room was closed.
    Closed {
        /// Why.
        code: CloseCode,
    },
    /// A member stopped or resumed its data plane.
    Paused {
        /// Where.
        room: RoomId,
        /// Who.
        peer: PeerId,
        /// Whether frames stop.
        paused: bool,
    },
}
