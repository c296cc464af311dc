//! What the tests of real programs share: hosts made of network namespaces, and a party on them.
//!
//! A test program's root has to `use shared::{cable, enter, host, party, program}`.
#![allow(dead_code, reason = "each test program uses a part of it")]

pub(crate) mod cable;
pub(crate) mod enter;
pub(crate) mod host;
pub(crate) mod party;
pub(crate) mod program;
