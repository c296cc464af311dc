//! What a network card would have done: checksums, segmentation and VLAN tags.
//!
//! A kernel that hands a frame to a local device leaves work to that device: the checksum is not computed, up to
//! 64 KiB of a flow come as one super-frame, and the VLAN tag stands beside the frame instead of in it. A socket that
//! listens on such a device sees frames in that state, and no other host could use them. This module finishes the work
//! in plain computation: no socket, no clock, no allocation per frame. Whatever does not add up is
//! [`DropReason::BadOffload`], never a panic.
//!
//! The other way round, a kernel takes several frames of one flow as one super-frame at a fraction of the cost:
//! [`Runs`] finds them, and [`SuperFrame`] describes them.

mod checksum;
mod headers;
mod merge;
mod segment;
mod vnet;

pub use checksum::{complete_checksum, complete_transport_checksum, internet_checksum};
pub use merge::{MERGE_WINDOW, Run, Runs, SuperFrame};
pub use segment::{MAX_SEGMENTS, Segments};
pub use vnet::{GsoKind, VnetHeader};

use crate::frame::VLAN_TAG_LEN;
use crate::obs::DropReason;

/// Where a VLAN tag stands: behind the two addresses.
const TAG_AT: usize = 12;

/// The four bytes of a VLAN tag: `tpid` says which kind (0x8100 for IEEE 802.1Q), `tci` carries priority and VLAN.
#[must_use]
pub const fn vlan_tag(tpid: u16, tci: u16) -> [u8; VLAN_TAG_LEN] {
    let [a, b] = tpid.to_be_bytes();
    let [c, d] = tci.to_be_bytes();
    [a, b, c, d]
}

/// Puts `tag` back into `frame`: the three pieces that, one after the other, are the tagged frame.
///
/// Pieces, because the caller copies the frame anyway and nothing needs to be shifted then.
///
/// # Errors
/// [`DropReason::Runt`] if the frame does not even hold its two addresses.
pub const fn insert_vlan_tag<'a>(
    frame: &'a [u8],
    tag: &'a [u8; VLAN_TAG_LEN],
) -> Result<[&'a [u8]; 3], DropReason> {
    match frame.split_at_checked(TAG_AT) {
        Some((addresses, rest)) => Ok([addresses, tag, rest]),
        None => Err(DropReason::Runt),
    }
}

#[cfg(test)]
mod tests;
