//! One member's life in a room, for clients and gateways alike: the protocol without sockets, clock or tasks.
//!
//! [`Member`] takes what happens (a connection made or lost, bytes of the control stream, datagrams, frames of the port,
//! time) and says what to do ([`MemberOutput`]). The session's driver does it on QUIC; the simulator does it in memory.

mod backoff;
mod config;
mod data;
mod event;
mod probes;
mod sentence;
mod state;

pub use config::{MemberConfig, Timing};
pub use event::{EndReason, SessionEvent};
pub use state::{Member, MemberOutput, Phase};

#[cfg(test)]
mod tests;
