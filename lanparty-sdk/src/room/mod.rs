//! Rooms: who is in, who may come in, and who hears whom.

mod config;
mod directory;
#[cfg(feature = "runtime")]
mod face;
mod judge;
mod snapshot;
mod state;

pub use config::RoomConfig;
pub(crate) use directory::{Directory, Peer};
#[cfg(feature = "runtime")]
pub use face::{Room, RoomEvent, RoomPeer};
pub use judge::Verdict;
pub use snapshot::{MemberSnapshot, RoomSnapshot};
pub use state::{Admission, ConnId, Departure, RoomState};

#[cfg(test)]
mod tests;
