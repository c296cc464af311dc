//! Relay and sessions on loopback QUIC with memory ports: no root, no device.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod frames;
mod hostile;
mod lifecycle;
mod party;
mod refusals;
mod workers;
