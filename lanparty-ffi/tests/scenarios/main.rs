//! The library from outside, through its C functions alone: whole parties on the loopback, and everything that a caller can
//! do wrong. The scenarios have the same names in every language that the library is tested from.
#![allow(unsafe_code, reason = "what is tested is a C interface")]
#![allow(
    clippy::undocumented_unsafe_blocks,
    reason = "every block calls the library, with handles that guards keep alive and with buffers of the lengths that it is told"
)]
#![allow(clippy::macro_metavars_in_unsafe, reason = "`call!` is such a block with an error object around it")]
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

#[macro_use]
mod support;

mod any_order;
mod callbacks;
mod closed;
mod diagnostics;
mod ending;
mod frames;
mod joining;
mod log;
mod misuse;
mod null;
mod ports;
#[cfg(target_os = "linux")]
mod process;
mod texts;
mod venue;
#[cfg(target_os = "linux")]
mod wait_handles;
