//! Sessions: one member's life in a room, on a real network.

mod builder;
mod driver;
mod error;
mod handle;
mod link;

pub use builder::SessionBuilder;
pub use error::JoinError;
pub use handle::{MemberRoom, MemberSession};

use crate::ctrl::LeaveReason;
use crate::error::{Coded, code};
use crate::member::EndReason;
use crate::member::Phase;
use crate::member::SessionEvent;
use crate::obs::{Diagnostics, Events, TrafficStats};
use crate::port::Port;
use crate::room::Room;
use crate::sealed::Sealed;

/// One member's life in a room, for clients and gateways alike.
///
/// A session survives the loss of its relay by itself, keeps its port meanwhile, and says so through its events. It ends
/// when it is closed, when its last handle is dropped, when its port fails for good, or when the relay closes it in a
/// way that coming back would only repeat (kicked, replaced, refused).
///
/// This trait is sealed: the library implements it, users call it.
pub trait Session: Sealed + Send + Sync {
    /// The room as this member sees it.
    type Room: Room;

    /// How far it has come.
    fn phase(&self) -> Phase;

    /// Why it is over; `None` while it is not.
    fn end_reason(&self) -> Option<EndReason>;

    /// Its events from now on.
    fn events(&self) -> Events<SessionEvent>;

    /// Connects a port with the room. It replaces the port that was there, if any, and gets the room's MTU and link
    /// state.
    ///
    /// # Errors
    /// [`BridgeError`]
    fn bridge(&self, port: Port) -> impl Future<Output = Result<(), BridgeError>> + Send;

    /// Takes the port away. `None` if there was none.
    fn unbridge(&self) -> impl Future<Output = Option<Port>> + Send;

    /// Stops or resumes the data plane while the session stays up: frames are dropped on both sides.
    fn set_paused(&self, paused: bool);

    /// What has been moved so far.
    fn stats(&self) -> TrafficStats;

    /// What the session knows about itself now; [`Diagnostics::user_lines`] makes it readable.
    fn diagnostics(&self) -> Diagnostics;

    /// The room as this member sees it.
    fn room(&self) -> Self::Room;

    /// Leaves, and waits until the relay knows, a few seconds at most. A second call changes nothing.
    fn close(&self, reason: LeaveReason, text: &str) -> impl Future<Output = ()> + Send;

    /// Waits for the end.
    fn ended(&self) -> impl Future<Output = EndReason> + Send;
}

/// A port cannot be connected with the room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BridgeError {
    /// The port carries smaller frames than the session promised when it joined.
    #[error(
        "the port carries payloads of {port} bytes, the session has promised {promised}: raise the port's MTU"
    )]
    MtuTooSmall {
        /// What the port carries.
        port: u16,
        /// What the session promised.
        promised: u16,
    },
    /// The session is over.
    #[error("the session is over")]
    Ended,
}

impl Coded for BridgeError {
    fn code(&self) -> u32 {
        match self {
            Self::MtuTooSmall { .. } => code::MTU,
            Self::Ended => code::SESSION_OVER,
        }
    }
}
