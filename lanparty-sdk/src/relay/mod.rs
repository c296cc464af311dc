//! The relay: lets members into rooms and forwards their datagrams.
//!
//! [`RelayState`] makes every decision and is pure; the driver around it owns the sockets.

mod config;
mod conns;
mod event;
mod state;

pub use config::RelayConfig;
pub use event::RelayEvent;
pub use state::{RelayOutput, RelayState};

#[cfg(test)]
mod tests;
