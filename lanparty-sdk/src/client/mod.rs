//! The client's own rules: one address, its own, out and in.

use crate::ctrl::PeerRole;
use crate::frame::{Frame, MacAddr};
use crate::obs::DropReason;
use crate::proto::Label;
use crate::room::{Directory, Peer};
use crate::switch::{Origin, classify, source_mac};

/// Judges a frame from the client's port before it is sent, and says for whom it is.
pub(crate) fn judge_outbound(
    directory: &Directory,
    own: MacAddr,
    mtu: u16,
    bytes: &[u8],
) -> Result<Label, DropReason> {
    if source_mac(bytes)? != own {
        return Err(DropReason::UnauthorizedSourceMac);
    }
    classify(bytes, bytes.len(), Origin::Client, mtu)?;
    let dst = Frame::parse(bytes).map_err(|_| DropReason::Runt)?.dst();
    if dst.is_group() {
        return Ok(Label::Flood);
    }
    if dst == own {
        return Err(DropReason::Reflection);
    }
    match directory.owner(dst) {
        Some(peer) => Ok(Label::Peer(peer)),
        None if directory.gateway().is_some() => Ok(Label::Gateway),
        None => Err(DropReason::NoGateway),
    }
}

/// Judges a frame from `peer` before it is written to the client's port.
pub(crate) fn judge_inbound(
    directory: &Directory,
    own: MacAddr,
    mtu: u16,
    peer: &Peer,
    bytes: &[u8],
) -> Result<(), DropReason> {
    let src = source_mac(bytes)?;
    let origin = match peer.info.role {
        PeerRole::Client if peer.info.mac == Some(src) => Origin::Client,
        // The LAN has no business with addresses that members own: such a frame is forged or has looped.
        PeerRole::Gateway if src != own && directory.owner(src).is_none() => Origin::Lan,
        PeerRole::Client | PeerRole::Gateway => return Err(DropReason::UnauthorizedSourceMac),
    };
    classify(bytes, bytes.len(), origin, mtu)?;
    let dst = Frame::parse(bytes).map_err(|_| DropReason::Runt)?.dst();
    if dst.is_group() || dst == own { Ok(()) } else { Err(DropReason::Misdirected) }
}
