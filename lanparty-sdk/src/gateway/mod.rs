//! The gateway's own rules: what of a LAN leaves, what of the room may be put onto it, and the frames that keep the
//! party's switch in the picture.

mod refresh;

pub(crate) use refresh::{Refresh, refresh_frame};

use crate::ctrl::PeerRole;
use crate::frame::Frame;
use crate::obs::DropReason;
use crate::proto::Label;
use crate::room::{Directory, Peer};
use crate::switch::{Origin, classify, source_mac};

/// Judges a frame that was captured on the LAN before it is sent, and says for whom it is.
///
/// The port hears every conversation of the LAN; only what is for everybody or for a member leaves.
pub(crate) fn judge_outbound(directory: &Directory, mtu: u16, bytes: &[u8]) -> Result<Label, DropReason> {
    let src = source_mac(bytes)?;
    if directory.owner(src).is_some() {
        return Err(DropReason::UnauthorizedSourceMac); // a member's own frame that has looped
    }
    classify(bytes, bytes.len(), Origin::Lan, mtu)?;
    let dst = Frame::parse(bytes).map_err(|_| DropReason::Runt)?.dst();
    if dst.is_group() {
        return Ok(Label::Flood);
    }
    directory.owner(dst).map(Label::Peer).ok_or(DropReason::UnknownDestination)
}

/// Judges a frame from `peer` before it is put onto the LAN.
pub(crate) fn judge_inbound(
    directory: &Directory,
    mtu: u16,
    peer: &Peer,
    bytes: &[u8],
) -> Result<(), DropReason> {
    let src = source_mac(bytes)?;
    if peer.info.role != PeerRole::Client || peer.info.mac != Some(src) {
        return Err(DropReason::UnauthorizedSourceMac);
    }
    classify(bytes, bytes.len(), Origin::Client, mtu)?;
    let dst = Frame::parse(bytes).map_err(|_| DropReason::Runt)?.dst();
    if directory.owner(dst).is_some() { Err(DropReason::Misdirected) } else { Ok(()) }
}
