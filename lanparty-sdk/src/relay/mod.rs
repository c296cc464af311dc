//! The relay: lets members into rooms and forwards their datagrams.
//!
//! [`RelayState`] makes every decision and is pure; the driver around it owns the sockets.

mod config;
mod conns;
#[cfg(feature = "runtime")]
mod driver;
mod event;
#[cfg(feature = "runtime")]
mod handle;
mod sentence;
mod state;
#[cfg(feature = "runtime")]
mod subtask;
#[cfg(feature = "runtime")]
mod throttle;
#[cfg(feature = "runtime")]
mod worker;

pub use config::RelayConfig;
pub use event::RelayEvent;
#[cfg(feature = "runtime")]
pub use handle::{Relay, RelayOptions, RelayRoom, RelayStats};
pub use state::{RelayOutput, RelayState};
#[cfg(feature = "runtime")]
pub use throttle::{HandshakeConfig, RetryPolicy};

#[cfg(test)]
mod tests;
