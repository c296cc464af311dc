//! A room at one moment, as a member or its relay sees it.

use std::ffi::c_char;

use crate::text::Record;

/// A room at one moment.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct lanparty_room {
    /// sizeof(lanparty_room): set by the caller, or, in a list, by the library.
    pub struct_size: u32,
    /// Its number on the relay; 0 while the member is not in it.
    pub room: u32,
    /// Its layer-2 MTU in bytes; 0 while it is not known.
    pub mtu: u32,
    /// The member's own number; 0 while it is not in the room, and at a relay.
    pub self_peer: u32,
    /// The gateway's number; 0 if there is none.
    pub gateway_peer: u32,
    /// How many members it has, this one included.
    pub members: u32,
    /// Its code.
    pub code: [c_char; 68],
}

// SAFETY: numbers and arrays of numbers, as C lays them out.
unsafe impl Record for lanparty_room {
    const FIRST_SIZE: usize = 92;

    fn keep_size(&mut self, size: u32) {
        self.struct_size = size;
    }
}
