//! What a session tells its user, step by step.

use std::time::Duration;

use crate::ctrl::{CloseCode, LeaveReason, PeerInfo, Reject};
use crate::proto::{PeerId, RoomId};

/// Something happened in a session.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionEvent {
    /// A connection to the relay is being made.
    Connecting {
        /// 0 at the very beginning, then how many waits there were since the last success.
        attempt: u32,
    },
    /// The room let the member in.
    Joined {
        /// The room's number.
        room: RoomId,
        /// The member's own number.
        peer: PeerId,
        /// The room's layer-2 MTU in bytes.
        mtu: u16,
        /// Whether the room has a gateway.
        gateway_present: bool,
        /// Whether the member had been in before and came back.
        again: bool,
    },
    /// Somebody joined, or was here already.
    PeerJoined(PeerInfo),
    /// Somebody left.
    PeerLeft {
        /// Who, as it was known.
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
    /// The member's own data plane stopped or resumed.
    Paused(bool),
    /// The relay is out of reach; the port stays as it is.
    Disconnected {
        /// What is known of the cause, for people.
        cause: String,
        /// When the next attempt comes.
        retry_in: Duration,
    },
    /// The session is over and will not come back by itself.
    Ended(EndReason),
}

/// Why a session is over.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndReason {
    /// It was closed on this side.
    Left,
    /// The relay did not let the member in.
    Rejected(Reject),
    /// The relay closed the membership in a way that coming back would only repeat.
    Closed {
        /// Why.
        code: CloseCode,
        /// In the relay's own words.
        text: String,
    },
    /// The relay could not be reached at all.
    Unreachable {
        /// What is known of the cause, for people.
        cause: String,
    },
    /// The port is gone.
    PortClosed {
        /// What is known of the cause, for people.
        cause: String,
    },
}

impl std::fmt::Display for EndReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Left => f.write_str("left"),
            Self::Rejected(reject) if reject.detail.is_empty() => write!(f, "{}", reject.reason),
            Self::Rejected(reject) => write!(f, "{} ({})", reject.reason, reject.detail),
            Self::Closed { code, text } if text.is_empty() => write!(f, "{code}"),
            Self::Closed { code, text } => write!(f, "{code}: {text}"),
            Self::Unreachable { cause } => write!(f, "the relay cannot be reached: {cause}"),
            Self::PortClosed { cause } => write!(f, "the port is gone: {cause}"),
        }
    }
}
