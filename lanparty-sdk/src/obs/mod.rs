//! What can be observed: counters, reasons, events, diagnostics and the lines a user reads.

mod drop_reason;

pub use drop_reason::{Action, DropCounts, DropReason};
