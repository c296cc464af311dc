//! A member's lifecycle: reach the relay, say Hello, be in, lose it, come back.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::MemberConfig;
use super::backoff::{Backoff, Chance};
use super::probes::Prober;
use crate::ctrl::{
    CloseCode, Decoder, Hello, LeaveReason, MAX_TEXT_CHARS, MemberMessage, MemberStats, PeerInfo, PeerRole,
    Reject, RejectReason, RelayMessage, Welcome, clean_text,
};
use crate::frame::MacAddr;
use crate::gateway::{Refresh, refresh_frame};
use crate::member::EndReason;
use crate::member::SessionEvent;
use crate::obs::TrafficStats;
use crate::proto::{FragmentId, PeerId, Probe, ProbeKind, Reassembler, RoomId, VERSION};
use crate::room::Directory;

/// What the driver has to do.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "handed over one by one, none of them kept")]
pub enum MemberOutput {
    /// Make a connection to the relay, then call [`Member::handle_connected`] or [`Member::handle_disconnected`].
    Connect,
    /// Send a control message.
    Send(MemberMessage),
    /// Send a datagram that no frame of the port caused.
    SendDatagram(Bytes),
    /// Write a frame to the port that did not come from the room.
    WritePort(Bytes),
    /// Tell the port the room's layer-2 MTU.
    SetMtu(u16),
    /// Close the connection once what was sent before has left. No [`Member::handle_disconnected`] is expected.
    Close(CloseCode),
    /// Tell the user.
    Event(SessionEvent),
}

/// How far a member has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// A connection is being made.
    Connecting,
    /// The relay's answer to the Hello is awaited.
    Greeting,
    /// It is in the room.
    Joined,
    /// It waits before the next attempt.
    Waiting,
    /// It is over.
    Ended,
}

/// A member's place in its room.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seat {
    pub(super) room: RoomId,
    pub(super) peer: PeerId,
    pub(super) mtu: u16,
}

/// A member without sockets, clock or tasks.
///
/// Contract: one input, then [`Member::poll_output`] until it is empty, then the next input.
#[derive(Debug)]
pub struct Member {
    pub(super) config: MemberConfig,
    pub(super) chance: Chance,
    phase: Phase,
    /// When the Welcome, or the next attempt, is due.
    deadline: Option<Instant>,
    backoff: Backoff,
    decoder: Decoder,
    /// The largest datagram that can be sent to the relay.
    pub(super) budget: usize,
    pub(super) seat: Option<Seat>,
    has_joined: bool,
    /// What the room's MTU was when the member was last in. It asks for the same again, so that members with smaller ports
    /// find their room as it was when the relay has forgotten it.
    room_mtu: Option<u16>,
    pub(super) paused: bool,
    pub(super) directory: Directory,
    pub(super) fragment_id: FragmentId,
    pub(super) reassembler: Reassembler,
    pub(super) prober: Prober,
    refresh: Refresh,
    stats_due: Option<Instant>,
    relay_rtt: Option<Duration>,
    /// In the relay's own words, from a Disconnect that the close will follow.
    farewell: Option<String>,
    pub(super) stats: TrafficStats,
    pub(super) outputs: VecDeque<MemberOutput>,
}

impl Member {
    /// A member that wants to connect at once. `seed` spreads its waits and must differ between members.
    #[must_use]
    pub fn new(config: MemberConfig, seed: u64, now: Instant) -> Self {
        let timing = config.timing;
        let mut chance = Chance::new(seed);
        #[expect(clippy::cast_possible_truncation, reason = "any 16 bits will do")]
        let fragment_id = FragmentId::starting_at(chance.next() as u16);
        let mut member = Self {
            chance,
            phase: Phase::Connecting,
            deadline: None,
            backoff: Backoff::new(timing.backoff_min, timing.backoff_max),
            decoder: Decoder::default(),
            budget: 0,
            seat: None,
            has_joined: false,
            room_mtu: None,
            paused: false,
            directory: Directory::default(),
            fragment_id,
            reassembler: Reassembler::new(config.reassembly),
            prober: Prober::new(timing.probe_interval, now),
            refresh: Refresh::new(timing.refresh_interval),
            stats_due: None,
            relay_rtt: None,
            farewell: None,
            stats: TrafficStats::default(),
            outputs: VecDeque::new(),
            config,
        };
        member.connect();
        member
    }

    /// The connection stands. `budget` is the largest datagram that can be sent on it; `None` if the relay takes none.
    pub fn handle_connected(&mut self, now: Instant, budget: Option<usize>) {
        if self.phase != Phase::Connecting {
            return;
        }
        let Some(budget) = budget else {
            let cause = "it takes no QUIC datagrams; something else than a relay answers there".to_owned();
            self.outputs.push_back(MemberOutput::Close(CloseCode::Protocol));
            return self.end(EndReason::Unreachable { cause });
        };
        self.budget = budget;
        self.decoder = Decoder::default();
        self.farewell = None;
        self.phase = Phase::Greeting;
        self.deadline = Some(now + self.config.timing.welcome_timeout);
        self.send(MemberMessage::Hello(Hello {
            version: VERSION,
            role: self.config.role,
            room: self.config.room.clone(),
            mac: self.config.mac,
            token: self.config.token,
            mtu: self.room_mtu.unwrap_or(self.config.mtu),
            budget: u32::MAX,
            name: self.config.name.clone(),
            agent: self.config.agent.clone(),
        }));
    }

    /// The connection is gone, or none could be made. `code` is what the relay closed it with, if it did.
    pub fn handle_disconnected(&mut self, now: Instant, code: Option<CloseCode>, cause: &str) {
        if matches!(self.phase, Phase::Waiting | Phase::Ended) {
            return;
        }
        let text = self.farewell.take().unwrap_or_default();
        match code {
            Some(code) if !code.should_reconnect() => self.end(EndReason::Closed { code, text }),
            _ if !self.has_joined && !self.config.retry_first => {
                self.end(EndReason::Unreachable { cause: cause.to_owned() });
            }
            Some(code) => self.wait(now, &EndReason::Closed { code, text }.to_string()),
            None => self.wait(now, cause),
        }
    }

    /// Bytes came on the control stream.
    pub fn handle_control(&mut self, now: Instant, bytes: &[u8]) {
        if !matches!(self.phase, Phase::Greeting | Phase::Joined) {
            return;
        }
        self.decoder.push(bytes);
        while matches!(self.phase, Phase::Greeting | Phase::Joined) {
            match self.decoder.next_message::<RelayMessage>() {
                Ok(Some(message)) => self.handle_message(now, message),
                Ok(None) => return,
                Err(error) => {
                    return self.refuse_relay(now, &format!("the relay broke the protocol: {error}"));
                }
            }
        }
    }

    /// The largest datagram that can be sent to the relay has changed.
    pub const fn handle_budget(&mut self, budget: usize) {
        self.budget = budget;
    }

    /// The driver measured the round-trip time to the relay.
    pub const fn handle_relay_rtt(&mut self, rtt: Duration) {
        self.relay_rtt = Some(rtt);
    }

    /// The port is gone: the session has no purpose any more.
    pub fn handle_port_closed(&mut self, cause: &str) {
        if self.phase == Phase::Ended {
            return;
        }
        let text = clean_text(cause, MAX_TEXT_CHARS);
        self.say_goodbye(LeaveReason::Shutdown, text.clone());
        self.end(EndReason::PortClosed { cause: text });
    }

    /// The user ends the session.
    pub fn leave(&mut self, reason: LeaveReason, text: &str) {
        if self.phase == Phase::Ended {
            return;
        }
        self.say_goodbye(reason, clean_text(text, MAX_TEXT_CHARS));
        self.end(EndReason::Left);
    }

    /// Stops or resumes the data plane; the session stays up.
    pub fn set_paused(&mut self, paused: bool) {
        if self.paused == paused {
            return;
        }
        self.paused = paused;
        if self.phase == Phase::Joined {
            self.send(MemberMessage::Pause { paused });
        }
        self.event(SessionEvent::Paused(paused));
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.deadline.is_some_and(|deadline| deadline <= now) {
            self.deadline = None;
            match self.phase {
                Phase::Waiting => self.connect(),
                Phase::Greeting => self.refuse_relay(now, "the relay did not answer the Hello"),
                Phase::Connecting | Phase::Joined | Phase::Ended => {}
            }
        }
        self.reassembler.expire(now);
        if self.phase != Phase::Joined {
            return;
        }
        if let Some(card) = self.own_card() {
            for client in self.refresh.take_due(now) {
                self.outputs.push_back(MemberOutput::WritePort(refresh_frame(client, card)));
            }
        }
        if let Some(seat) = self.seat
            && let Some((peer, token)) = self.prober.next(now, &mut self.directory, &mut self.chance)
        {
            let probe = Probe { kind: ProbeKind::Request, token }.encode(seat.room, seat.peer, peer);
            self.outputs.push_back(MemberOutput::SendDatagram(probe));
        }
        if self.stats_due.is_some_and(|due| due <= now) {
            self.stats_due = Some(now + self.config.timing.stats_interval);
            let stats = self.report();
            self.send(MemberMessage::Stats(stats));
        }
    }

    /// When [`Member::handle_timeout`] has something to do next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let joined = [self.refresh.poll_timeout(), self.prober.poll_timeout(), self.stats_due];
        let joined = joined.into_iter().flatten().filter(|_| self.phase == Phase::Joined);
        joined.chain(self.deadline).chain(self.reassembler.poll_timeout()).min()
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<MemberOutput> {
        self.outputs.pop_front()
    }

    /// How far it has come.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// Whether its data plane is stopped.
    #[must_use]
    pub const fn is_paused(&self) -> bool {
        self.paused
    }

    /// Its room's number, its own number and the room's layer-2 MTU, while it is in.
    #[must_use]
    pub fn seat(&self) -> Option<(RoomId, PeerId, u16)> {
        self.seat.map(|seat| (seat.room, seat.peer, seat.mtu))
    }

    /// Who else is in the room, by number.
    pub fn peers(&self) -> impl Iterator<Item = &PeerInfo> {
        self.directory.iter().map(|peer| &peer.info)
    }

    /// The smoothed round-trip time to a peer, measured through the relay.
    #[must_use]
    pub fn rtt(&self, peer: PeerId) -> Option<Duration> {
        self.directory.get(peer)?.rtt.smoothed
    }

    /// Who the gateway is.
    #[must_use]
    pub const fn gateway(&self) -> Option<PeerId> {
        self.directory.gateway()
    }

    /// What it has moved so far.
    #[must_use]
    pub const fn stats(&self) -> &TrafficStats {
        &self.stats
    }

    /// For drops that happen around the member: in the port, in the outbox.
    pub const fn stats_mut(&mut self) -> &mut TrafficStats {
        &mut self.stats
    }

    /// What it would report about itself now.
    #[must_use]
    pub fn report(&self) -> MemberStats {
        let micros = |rtt: Duration| u64::try_from(rtt.as_micros()).unwrap_or(u64::MAX);
        MemberStats {
            traffic: self.stats.clone(),
            relay_rtt_us: self.relay_rtt.map(micros),
            gateway_rtt_us: self.gateway().and_then(|gateway| self.rtt(gateway)).map(micros),
        }
    }

    fn handle_message(&mut self, now: Instant, message: RelayMessage) {
        match (self.phase, message) {
            (Phase::Greeting, RelayMessage::Welcome(welcome)) => self.join(now, &welcome),
            (Phase::Greeting, RelayMessage::Reject(reject)) => self.rejected(now, reject),
            (Phase::Greeting | Phase::Joined, RelayMessage::Disconnect { text, .. }) => {
                self.farewell = Some(text)
            }
            (Phase::Joined, RelayMessage::PeerJoined(info)) => self.peer_joined(now, info),
            (Phase::Joined, RelayMessage::PeerLeft { peer, reason, text }) => {
                self.reassembler.forget(peer);
                if let Some(gone) = self.directory.remove(peer) {
                    if let Some(mac) = gone.info.mac {
                        self.refresh.remove(mac);
                    }
                    self.event(SessionEvent::PeerLeft { info: gone.info, reason, text });
                }
            }
            (Phase::Joined, RelayMessage::PeerPaused { peer, paused }) => {
                if let Some(known) = self.directory.get_mut(peer) {
                    known.info.paused = paused;
                    if !paused {
                        self.prober.hurry(now);
                    }
                    self.event(SessionEvent::PeerPaused { peer, paused });
                }
            }
            (Phase::Joined, RelayMessage::PeerBudget { peer, budget }) => {
                self.directory.set_budget(peer, budget)
            }
            _ => self.refuse_relay(now, "the relay sent a message out of turn"),
        }
    }

    fn join(&mut self, now: Instant, welcome: &Welcome) {
        if welcome.mtu > self.config.mtu {
            return self.refuse_relay(now, "the relay gave the room a larger MTU than the port carries");
        }
        let again = std::mem::replace(&mut self.has_joined, true);
        self.stats.reconnects += u64::from(again);
        self.phase = Phase::Joined;
        self.room_mtu = Some(welcome.mtu);
        self.deadline = None;
        self.backoff.reset();
        self.seat = Some(Seat { room: welcome.room, peer: welcome.peer, mtu: welcome.mtu });
        self.stats_due = Some(now + self.config.timing.stats_interval);
        self.outputs.push_back(MemberOutput::SetMtu(welcome.mtu));
        self.event(SessionEvent::Joined {
            room: welcome.room,
            peer: welcome.peer,
            mtu: welcome.mtu,
            gateway_present: welcome.gateway_present,
            again,
        });
        if self.paused {
            self.send(MemberMessage::Pause { paused: true });
        }
    }

    fn peer_joined(&mut self, now: Instant, info: PeerInfo) {
        let own = self.seat.is_some_and(|seat| seat.peer == info.peer);
        if let Some(mac) = self.directory.get(info.peer).and_then(|known| known.info.mac) {
            self.refresh.remove(mac);
        }
        if own || !self.directory.insert(info.clone()) {
            return self.refuse_relay(now, "the relay announced a member that cannot be");
        }
        // Only a gateway refreshes: in a client these would be due for ever, and its driver would never sleep.
        if let (PeerRole::Client, Some(mac), Some(_)) = (info.role, info.mac, self.own_card()) {
            self.refresh.add(now, mac);
        }
        self.prober.hurry(now);
        self.event(SessionEvent::PeerJoined(info));
    }

    /// The network card whose switch a gateway keeps in the picture.
    fn own_card(&self) -> Option<MacAddr> {
        self.config.mac.filter(|_| self.config.role == PeerRole::Gateway)
    }

    fn rejected(&mut self, now: Instant, reject: Reject) {
        self.outputs.push_back(MemberOutput::Close(CloseCode::Leave));
        if reject.reason == RejectReason::MtuTooSmall && self.room_mtu.take().is_some() {
            // The room was made anew with another MTU: ask again with what the port really carries.
            self.wait(now, &EndReason::Rejected(reject).to_string());
        } else if reject.reason.is_temporary() && (self.has_joined || self.config.retry_first) {
            self.wait(now, &EndReason::Rejected(reject).to_string());
        } else {
            self.end(EndReason::Rejected(reject));
        }
    }

    /// The relay does what no relay may do: a broken one, or something else.
    fn refuse_relay(&mut self, now: Instant, cause: &str) {
        self.outputs.push_back(MemberOutput::Close(CloseCode::Protocol));
        self.handle_disconnected(now, None, cause);
    }

    fn say_goodbye(&mut self, reason: LeaveReason, text: String) {
        if matches!(self.phase, Phase::Joined) {
            self.send(MemberMessage::Disconnect { reason, text });
        }
        if matches!(self.phase, Phase::Joined | Phase::Greeting | Phase::Connecting) {
            self.outputs.push_back(MemberOutput::Close(CloseCode::Leave));
        }
    }

    fn connect(&mut self) {
        self.phase = Phase::Connecting;
        self.event(SessionEvent::Connecting { attempt: self.backoff.attempt() });
        self.outputs.push_back(MemberOutput::Connect);
    }

    fn wait(&mut self, now: Instant, cause: &str) {
        let retry_in = self.backoff.next(&mut self.chance);
        self.forget_room();
        self.phase = Phase::Waiting;
        self.deadline = Some(now + retry_in);
        self.event(SessionEvent::Disconnected { cause: cause.to_owned(), retry_in });
    }

    fn end(&mut self, reason: EndReason) {
        self.forget_room();
        self.phase = Phase::Ended;
        self.deadline = None;
        self.event(SessionEvent::Ended(reason));
    }

    fn forget_room(&mut self) {
        self.seat = None;
        self.directory.clear();
        self.reassembler.clear();
        self.prober.stop();
        self.refresh.clear();
        self.stats_due = None;
    }

    fn send(&mut self, message: MemberMessage) {
        self.outputs.push_back(MemberOutput::Send(message));
    }

    fn event(&mut self, event: SessionEvent) {
        self.outputs.push_back(MemberOutput::Event(event));
    }
}
