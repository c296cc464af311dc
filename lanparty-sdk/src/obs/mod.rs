//! What can be observed: counters, reasons, events, diagnostics and the lines a user reads.

mod counters;
mod diagnostics;
mod drop_reason;
mod event;
mod frame_log;
#[cfg(feature = "runtime")]
mod stream;

pub use counters::TrafficStats;
pub use diagnostics::{Diagnostics, Level, UserLine};
pub use drop_reason::{Action, DropCounts, DropReason};
pub use event::{EndReason, SessionEvent};
pub use frame_log::FRAME_LOG_TARGET;
pub(crate) use frame_log::FrameLog;
#[cfg(feature = "runtime")]
pub(crate) use stream::EventSender;
#[cfg(feature = "runtime")]
pub use stream::Events;
