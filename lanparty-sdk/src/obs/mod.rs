//! What can be observed: counters, drop reasons, diagnostics and the lines a user reads; and the streams on which events
//! come. The events themselves stand with those who make them: `SessionEvent` in [`crate::member`], `RoomEvent` in
//! [`crate::room`], `RelayEvent` in [`crate::relay`].

mod counters;
mod diagnostics;
mod drop_reason;
mod frame_log;
#[cfg(feature = "runtime")]
mod stream;

pub use counters::TrafficStats;
pub use diagnostics::{Diagnostics, Level, UserLine};
pub use drop_reason::{Action, DropCounts, DropReason};
pub use frame_log::FRAME_LOG_TARGET;
pub(crate) use frame_log::FrameLog;
#[cfg(feature = "runtime")]
pub(crate) use stream::EventSender;
#[cfg(feature = "runtime")]
pub use stream::Events;
