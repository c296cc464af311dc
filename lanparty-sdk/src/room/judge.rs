//! The judgement of one datagram at the relay: may it go on, and to whom.

use std::time::Instant;

use super::state::Member;
use super::{ConnId, RoomState};
use crate::ctrl::PeerRole;
use crate::frame::{Frame, MacAddr};
use crate::obs::{DropReason, FrameLog};
use crate::proto::{Datagram, Fragment, Header, Label, Part, PeerId};
use crate::switch::{Origin, classify, source_mac};

/// What became of one datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes to all of `targets`.
    Forward,
    /// It goes nowhere.
    Drop(DropReason),
    /// It goes nowhere, and its sender has sent too many malformed ones: its connection must be closed.
    Expel(DropReason),
}

impl RoomState {
    /// Judges one datagram that `from` sent, and adds the connections it goes to to `targets`. No allocation, no copy:
    /// the driver hands the same bytes to every target.
    ///
    /// Order: parse, source address valid, source address owned, last seen, safety class, byte limit, class limit,
    /// destination.
    pub fn judge(&mut self, now: Instant, from: PeerId, bytes: &[u8], targets: &mut Vec<ConnId>) -> Verdict {
        let before = targets.len();
        let result = self.decide(now, from, bytes, targets);
        let copies = targets.len() - before;
        self.log(from, bytes, result, copies);
        let Some(sender) = self.members.get_mut(&from) else { return Verdict::Drop(DropReason::WrongSource) };
        sender.sent_datagrams += 1;
        sender.sent_bytes += bytes.len() as u64;
        let Err(reason) = result else { return Verdict::Forward };
        targets.truncate(before);
        sender.drops.add(reason);
        if reason.is_malformed() {
            sender.malformed = sender.malformed.saturating_add(1);
            if sender.malformed >= self.config.malformed_threshold.max(1) {
                return Verdict::Expel(reason);
            }
        }
        Verdict::Drop(reason)
    }

    fn decide(
        &mut self,
        now: Instant,
        from: PeerId,
        bytes: &[u8],
        targets: &mut Vec<ConnId>,
    ) -> Result<(), DropReason> {
        let (header, datagram) = Datagram::parse(bytes).map_err(|_| DropReason::BadDatagram)?;
        if header.room != self.id {
            return Err(DropReason::WrongRoom);
        }
        if header.source != from {
            return Err(DropReason::WrongSource);
        }
        let len = bytes.len();
        match datagram {
            Datagram::Frame(frame) => self.decide_frame(now, &header, frame, frame.len(), len, targets),
            Datagram::Fragment(Fragment { part: Part::First, total, bytes: visible, .. }) => {
                self.decide_frame(now, &header, visible, total, len, targets)
            }
            Datagram::Fragment(_) => self.decide_rest(now, &header, len, targets),
            Datagram::Probe(_) => {
                let sender = self.members.get_mut(&from).ok_or(DropReason::WrongSource)?;
                sender.limits.admit_probe(now)?;
                self.send_labelled(&header, len, targets)
            }
        }
    }

    /// A whole frame, or the half that has its headers.
    fn decide_frame(
        &mut self,
        now: Instant,
        header: &Header,
        visible: &[u8],
        total: usize,
        datagram_len: usize,
        targets: &mut Vec<ConnId>,
    ) -> Result<(), DropReason> {
        let src = source_mac(visible)?;
        let dst = Frame::parse(visible).map_err(|_| DropReason::Runt)?.dst();
        let claimed_by = self.table.member(src);
        let sender = self.members.get_mut(&header.source).ok_or(DropReason::WrongSource)?;
        let role = sender.info.role;
        let owned = match role {
            PeerRole::Client => sender.info.mac == Some(src),
            PeerRole::Gateway => claimed_by.is_none(),
        };
        if !owned {
            return Err(DropReason::UnauthorizedSourceMac);
        }
        sender.last_seen = now;
        if sender.info.paused {
            return Err(DropReason::Paused);
        }
        let origin = match role {
            PeerRole::Client => Origin::Client,
            PeerRole::Gateway => Origin::Lan,
        };
        classify(visible, total, origin, self.mtu)?;
        sender.limits.admit_bytes(datagram_len, now)?;
        if role == PeerRole::Gateway {
            self.table.learn(src, header.source, now);
        }
        if dst.is_group() {
            return self.flood(now, header, datagram_len, targets);
        }
        match self.table.member(dst) {
            Some(owner) if owner == header.source => Err(DropReason::Reflection),
            Some(owner) if header.label == Label::Peer(owner) => self.send_to(owner, datagram_len, targets),
            Some(_) => Err(DropReason::WrongLabel),
            None if role == PeerRole::Gateway => Err(DropReason::UnknownDestination),
            None => self.send_to_lan(now, header, dst, datagram_len, targets),
        }
    }

    /// The half without headers. It is worth nothing without the other, which was judged by its headers; so only label
    /// and limits are left to check here, and the receivers check the whole frame.
    fn decide_rest(
        &mut self,
        now: Instant,
        header: &Header,
        datagram_len: usize,
        targets: &mut Vec<ConnId>,
    ) -> Result<(), DropReason> {
        let sender = self.members.get_mut(&header.source).ok_or(DropReason::WrongSource)?;
        if sender.info.paused {
            return Err(DropReason::Paused);
        }
        sender.limits.admit_bytes(datagram_len, now)?;
        match header.label {
            Label::Flood => self.flood(now, header, datagram_len, targets),
            Label::Gateway | Label::Peer(_) => self.send_labelled(header, datagram_len, targets),
        }
    }

    fn flood(
        &mut self,
        now: Instant,
        header: &Header,
        datagram_len: usize,
        targets: &mut Vec<ConnId>,
    ) -> Result<(), DropReason> {
        if header.label != Label::Flood {
            return Err(DropReason::WrongLabel);
        }
        let sender = self.members.get_mut(&header.source).ok_or(DropReason::WrongSource)?;
        sender.limits.admit_flood(now)?;
        for member in self.members.values_mut() {
            if member.info.peer != header.source && !member.info.paused {
                member.receive(datagram_len, targets);
            }
        }
        Ok(())
    }

    fn send_to_lan(
        &mut self,
        now: Instant,
        header: &Header,
        dst: MacAddr,
        datagram_len: usize,
        targets: &mut Vec<ConnId>,
    ) -> Result<(), DropReason> {
        if header.label != Label::Gateway {
            return Err(DropReason::WrongLabel);
        }
        let gateway = self.gateway.ok_or(DropReason::NoGateway)?;
        if self.table.lookup(dst, now).is_none() {
            let sender = self.members.get_mut(&header.source).ok_or(DropReason::WrongSource)?;
            sender.limits.admit_unknown_unicast(now)?;
        }
        self.send_to(gateway, datagram_len, targets)
    }

    fn send_labelled(
        &mut self,
        header: &Header,
        datagram_len: usize,
        targets: &mut Vec<ConnId>,
    ) -> Result<(), DropReason> {
        let to = match header.label {
            Label::Peer(peer) => peer,
            Label::Gateway => self.gateway.ok_or(DropReason::NoGateway)?,
            Label::Flood => return Err(DropReason::WrongLabel),
        };
        if to == header.source {
            return Err(DropReason::Reflection);
        }
        self.send_to(to, datagram_len, targets)
    }

    fn send_to(
        &mut self,
        to: PeerId,
        datagram_len: usize,
        targets: &mut Vec<ConnId>,
    ) -> Result<(), DropReason> {
        let member = self.members.get_mut(&to).ok_or(DropReason::UnknownPeer)?;
        if member.info.paused {
            return Err(DropReason::Paused);
        }
        member.receive(datagram_len, targets);
        Ok(())
    }

    fn log(&self, from: PeerId, bytes: &[u8], result: Result<(), DropReason>, copies: usize) {
        FrameLog { at: "relay", room: Some(self.id), peer: Some(from), targets: copies, result }
            .emit_datagram(bytes);
    }
}

impl Member {
    fn receive(&mut self, datagram_len: usize, targets: &mut Vec<ConnId>) {
        self.received_datagrams += 1;
        self.received_bytes += datagram_len as u64;
        targets.push(self.conn);
    }
}
