//! LAN parties over the Internet: real Ethernet frames in QUIC datagrams.
#![cfg_attr(not(test), warn(clippy::cast_possible_truncation))]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail by panicking"))]

mod client;
pub mod ctrl;
pub mod frame;
mod gateway;
pub mod member;
pub mod obs;
pub mod port;
pub mod proto;
pub mod relay;
pub mod room;
pub mod route;
pub mod switch;

#[cfg(feature = "runtime")]
pub mod identity;
#[cfg(feature = "runtime")]
pub mod net;
#[cfg(feature = "runtime")]
pub mod quic;
