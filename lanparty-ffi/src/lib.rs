//! The C ABI of `lanparty-sdk`: relay, gateway and client inside any program.
//!
//! `include/lanparty.h` is generated from here, and says for every function what is borrowed, consumed and given. The
//! rules that hold for all of them are in `docs/abi.md`: opaque handles that any thread may use, a status and an error
//! object for every failure, numbers instead of enumerations, no call that waits longer than it was told to, no panic that
//! crosses, no state of the process but the log's callback, and threads of its own for every session and relay.
//!
//! Rust programs use `lanparty-sdk` itself. This crate is also a Rust library only so that tests can call the functions.
//!
//! # Safety
//!
//! What a C compiler cannot check is the caller's promise, the same for every function: a handle is NULL or alive, and freed
//! once and last; a pointer is NULL or leads to as much memory as its length, or the type, says; a text of
//! `LANPARTY_NUL_TERMINATED` ends with a NUL.
#![allow(unsafe_code, reason = "a C interface is made of raw pointers; each use says why it is sound")]
#![allow(non_camel_case_types, reason = "types are called in Rust as they are called in C")]
#![allow(
    clippy::missing_safety_doc,
    reason = "the promise is the same for all; see the crate's documentation"
)]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail by panicking"))]

// In the order in which the header shows what is in them.

mod version;

mod status;

mod error;

mod handle;

mod log;

mod identity;

mod port;

mod event;

mod room;

mod session;

mod relay;

mod callback;
mod host;
mod lock;
mod signal;
mod text;
mod wait_handle;

pub use error::*;
pub use event::*;
pub use handle::lanparty_live_handles;
pub use identity::*;
pub use log::*;
pub use port::*;
pub use relay::config::*;
pub use relay::report::*;
pub use relay::*;
pub use room::*;
pub use session::config::*;
pub use session::report::*;
pub use session::*;
pub use signal::LANPARTY_FOREVER;
pub use status::*;
pub use text::{LANPARTY_NUL_TERMINATED, lanparty_str};
pub use version::*;
