//! A member's data path: frames out, datagrams in.

use std::time::Instant;

use bytes::Bytes;

use super::state::Seat;
use super::{Member, MemberOutput};
use crate::client;
use crate::ctrl::PeerRole;
use crate::frame::Frame;
use crate::gateway;
use crate::obs::{DropReason, FrameLog};
use crate::port::PortFrame;
use crate::proto::{Datagram, HEADER_LEN, Header, Label, PeerId, Probe, ProbeKind, encode_frame};
use crate::switch::clamp_mss_to_budget;

impl Member {
    /// Judges one frame of the port and adds the datagrams that carry it to `datagrams`: one, or two halves.
    ///
    /// # Errors
    /// Why it is not sent; counted already. The port goes on.
    pub fn handle_port_frame(
        &mut self,
        mut frame: PortFrame,
        datagrams: &mut Vec<Bytes>,
    ) -> Result<(), DropReason> {
        let len = frame.bytes().len();
        let is_group = Frame::parse(frame.bytes()).is_ok_and(|frame| frame.dst().is_group());
        let judged = self.judge_port_frame(&mut frame);
        self.log_outbound(frame.bytes(), judged.map(|_| ()));
        let result = judged.and_then(|(seat, label, budget)| {
            let before = datagrams.len();
            let buffer = frame.into_buffer();
            encode_frame(seat.room, seat.peer, label, buffer, budget, &mut self.fragment_id, |datagram| {
                datagrams.push(datagram);
            })
            .map_err(|_| DropReason::OverBudget)?;
            self.stats.tx_fragmented += u64::from(datagrams.len() - before > 1);
            Ok(())
        });
        match result {
            Ok(()) => {
                self.stats.tx_frames += 1;
                self.stats.tx_bytes += len as u64;
                self.stats.tx_flood_frames += u64::from(is_group);
            }
            Err(reason) => self.stats.drop(reason),
        }
        result
    }

    /// Judges one datagram from the relay and adds the frame that it completes to `frames`.
    ///
    /// # Errors
    /// Why nothing comes of it; counted already.
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        datagram: &Bytes,
        frames: &mut Vec<Bytes>,
    ) -> Result<(), DropReason> {
        self.stats.rx_datagrams += 1;
        let result = self.open_datagram(now, datagram, frames);
        let drops = self.reassembler.take_drops();
        self.stats.drops.merge(&drops);
        if let Err(reason) = result {
            self.stats.drop(reason);
        }
        result
    }

    fn judge_port_frame(&mut self, frame: &mut PortFrame) -> Result<(Seat, Label, usize), DropReason> {
        let seat = self.seat.ok_or(DropReason::NotJoined)?;
        if self.paused {
            return Err(DropReason::Paused);
        }
        let label = match (self.config.role, self.config.mac) {
            (PeerRole::Client, Some(own)) => {
                client::judge_outbound(&self.directory, own, seat.mtu, frame.bytes())?
            }
            (PeerRole::Client, None) => return Err(DropReason::UnauthorizedSourceMac),
            (PeerRole::Gateway, _) => gateway::judge_outbound(&self.directory, seat.mtu, frame.bytes())?,
        };
        let far = match label {
            Label::Peer(peer) => self.directory.budget(peer),
            Label::Gateway => self.directory.gateway().map_or(usize::MAX, |peer| self.directory.budget(peer)),
            Label::Flood => self.directory.flood_budget(),
        };
        let budget = far.min(self.budget);
        // A TCP segment that fits one datagram costs half of one that does not.
        if clamp_mss_to_budget(frame.bytes_mut(), budget.saturating_sub(HEADER_LEN)) {
            self.stats.mss_clamped += 1;
        }
        Ok((seat, label, budget))
    }

    fn open_datagram(
        &mut self,
        now: Instant,
        datagram: &Bytes,
        frames: &mut Vec<Bytes>,
    ) -> Result<(), DropReason> {
        let seat = self.seat.ok_or(DropReason::NotJoined)?;
        let (header, body) = Datagram::parse(datagram).map_err(|_| DropReason::BadDatagram)?;
        if header.room != seat.room {
            return Err(DropReason::WrongRoom);
        }
        if header.source == seat.peer {
            return Err(DropReason::Reflection);
        }
        if self.directory.get(header.source).is_none() {
            return Err(DropReason::UnknownPeer);
        }
        self.check_label(&seat, &header)?;
        match body {
            Datagram::Probe(probe) => self.handle_probe(now, &seat, header.source, probe),
            _ if self.paused => Err(DropReason::Paused),
            Datagram::Frame(_) => self.accept(&seat, header.source, datagram.slice(HEADER_LEN..), frames),
            Datagram::Fragment(fragment) => {
                let Some(frame) = self.reassembler.push(now, header.source, header.label, &fragment) else {
                    return Ok(());
                };
                self.stats.rx_reassembled += 1;
                self.accept(&seat, header.source, frame, frames)
            }
        }
    }

    fn check_label(&self, seat: &Seat, header: &Header) -> Result<(), DropReason> {
        match header.label {
            Label::Flood => Ok(()),
            Label::Peer(peer) if peer == seat.peer => Ok(()),
            Label::Gateway if self.config.role == PeerRole::Gateway => Ok(()),
            Label::Peer(_) | Label::Gateway => Err(DropReason::Misdirected),
        }
    }

    fn accept(
        &mut self,
        seat: &Seat,
        source: PeerId,
        frame: Bytes,
        frames: &mut Vec<Bytes>,
    ) -> Result<(), DropReason> {
        let peer = self.directory.get(source).ok_or(DropReason::UnknownPeer)?;
        let result = match (self.config.role, self.config.mac) {
            (PeerRole::Client, Some(own)) => {
                client::judge_inbound(&self.directory, own, seat.mtu, peer, &frame)
            }
            (PeerRole::Client, None) => Err(DropReason::Misdirected),
            (PeerRole::Gateway, _) => gateway::judge_inbound(&self.directory, seat.mtu, peer, &frame),
        };
        let at = match self.config.role {
            PeerRole::Client => "relay_to_tap",
            PeerRole::Gateway => "remote_to_lan",
        };
        FrameLog {
            at,
            room: Some(seat.room),
            peer: Some(source),
            targets: usize::from(result.is_ok()),
            result,
        }
        .emit(&frame);
        result?;
        self.stats.rx_frames += 1;
        self.stats.rx_bytes += frame.len() as u64;
        self.stats.rx_flood_frames +=
            u64::from(Frame::parse(&frame).is_ok_and(|frame| frame.dst().is_group()));
        frames.push(frame);
        Ok(())
    }

    fn handle_probe(
        &mut self,
        now: Instant,
        seat: &Seat,
        source: PeerId,
        probe: Probe,
    ) -> Result<(), DropReason> {
        match probe.kind {
            ProbeKind::Request if !self.prober.may_answer(now) => Err(DropReason::ProbeLimit),
            ProbeKind::Request => {
                let reply = Probe { kind: ProbeKind::Reply, token: probe.token };
                let reply = reply.encode(seat.room, seat.peer, source);
                self.outputs.push_back(MemberOutput::SendDatagram(reply));
                Ok(())
            }
            ProbeKind::Reply => {
                // A late or forged answer measures nothing and harms nothing.
                self.prober.answered(now, source, probe.token, &mut self.directory);
                Ok(())
            }
        }
    }

    fn log_outbound(&self, frame: &[u8], result: Result<(), DropReason>) {
        let at = match self.config.role {
            PeerRole::Client => "tap_to_relay",
            PeerRole::Gateway => "lan_to_remote",
        };
        let (room, peer) = self.seat.map(|seat| (seat.room, seat.peer)).unzip();
        FrameLog { at, room, peer, targets: usize::from(result.is_ok()), result }.emit(frame);
    }
}
