//! One trace line for each decision about a frame.

use tracing::{Level, enabled, trace};

use super::{Action, DropReason};
use crate::frame::{ETHERNET_HEADER_LEN, Frame};
use crate::proto::{Datagram, Fragment, Part, PeerId, RoomId};

/// The tracing target of these lines. They are written at TRACE level only and cost one check when that is off.
pub const FRAME_LOG_TARGET: &str = "lanparty::frame";

/// What is said about one frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FrameLog {
    /// The boundary: `relay`, `tap_to_relay`, `relay_to_tap`, `lan_to_remote`, `remote_to_lan`.
    pub(crate) at: &'static str,
    pub(crate) room: Option<RoomId>,
    pub(crate) peer: Option<PeerId>,
    /// To how many it went.
    pub(crate) targets: usize,
    pub(crate) result: Result<(), DropReason>,
}

impl FrameLog {
    /// Says it about a bare frame.
    pub(crate) fn emit(self, frame: &[u8]) {
        if enabled!(target: FRAME_LOG_TARGET, Level::TRACE) {
            self.write("frame", frame, frame.len());
        }
    }

    /// Says it about a datagram and the frame inside it.
    pub(crate) fn emit_datagram(self, bytes: &[u8]) {
        if !enabled!(target: FRAME_LOG_TARGET, Level::TRACE) {
            return;
        }
        match Datagram::parse(bytes) {
            Ok((_, Datagram::Frame(frame))) => self.write("frame", frame, frame.len()),
            Ok((_, Datagram::Fragment(Fragment { part: Part::First, total, bytes, .. }))) => {
                self.write("first_half", bytes, total);
            }
            Ok((_, Datagram::Fragment(fragment))) => self.write("second_half", &[], fragment.total),
            Ok((_, Datagram::Probe(_))) => self.write("probe", &[], bytes.len()),
            Err(_) => self.write("malformed", &[], bytes.len()),
        }
    }

    fn write(self, kind: &'static str, header: &[u8], len: usize) {
        let action = self.result.map_or_else(DropReason::action, |()| Action::Forwarded).as_str();
        let reason = self.result.err().map(DropReason::as_str);
        let room = self.room.map(RoomId::number);
        let peer = self.peer.map(PeerId::number);
        let targets = self.targets;
        if header.len() < ETHERNET_HEADER_LEN {
            trace!(target: FRAME_LOG_TARGET, at = self.at, room, peer, kind, len, action, reason, targets);
        } else if let Ok(frame) = Frame::parse(header) {
            trace!(
                target: FRAME_LOG_TARGET, at = self.at, room, peer, kind,
                src = %frame.src(), dst = %frame.dst(), ethertype = %frame.ethertype(),
                len, action, reason, targets
            );
        }
    }
}
