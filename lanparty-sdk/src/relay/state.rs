//! Every decision of a relay, without its sockets.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Instant;

use super::conns::{Conn, Conns, Phase};
use super::{RelayConfig, RelayEvent};
use crate::ctrl::{
    CloseCode, ControlGate, Decoder, GateVerdict, Hello, InvalidMessage, LeaveReason, MAX_TEXT_CHARS,
    MemberMessage, Reject, RejectReason, RelayMessage, RoomCode, Welcome, clean_text,
};
use crate::obs::DropReason;
use crate::proto::{PeerId, RoomId, VERSION, Worker};
use crate::room::{ConnId, Departure, RoomSnapshot, RoomState, Verdict};

/// What the driver has to do.
#[derive(Clone, Debug, PartialEq)]
pub enum RelayOutput {
    /// Send a control message.
    Send {
        /// To whom.
        conn: ConnId,
        /// What.
        message: RelayMessage,
    },
    /// Close the connection once what was sent before has left.
    Close {
        /// Which.
        conn: ConnId,
        /// Why.
        code: CloseCode,
    },
    /// Tell the operator.
    Event(RelayEvent),
}

/// A relay without sockets, clock or tasks.
///
/// Contract: one input, then [`RelayState::poll_output`] until it is empty, then the next input. The data path,
/// [`RelayState::handle_datagram`], answers directly and only queues an output when it ends a membership.
#[derive(Debug)]
pub struct RelayState {
    config: RelayConfig,
    worker: Worker,
    seed: u64,
    conns: Conns,
    rooms: BTreeMap<RoomId, RoomState>,
    codes: BTreeMap<RoomCode, RoomId>,
    /// Which of its numbers the next room is tried with.
    next_room: u16,
    /// Every [`Conn::deadline`], soonest first.
    deadlines: BTreeSet<(Instant, ConnId)>,
    outputs: VecDeque<RelayOutput>,
}

impl RelayState {
    /// A relay without rooms. `seed` keys the hashes of its address tables and should not be guessable.
    #[must_use]
    pub fn new(config: RelayConfig, seed: u64) -> Self {
        Self::of_worker(config, seed, Worker::ONLY)
    }

    /// The part of a relay that one of its workers does. `config` is for all of them together.
    #[must_use]
    pub fn of_worker(config: RelayConfig, seed: u64, worker: Worker) -> Self {
        Self {
            config,
            worker,
            seed,
            conns: Conns::default(),
            rooms: BTreeMap::new(),
            codes: BTreeMap::new(),
            next_room: 0,
            deadlines: BTreeSet::new(),
            outputs: VecDeque::new(),
        }
    }

    /// A connection was made. `budget` is the largest datagram that can be sent on it; `None` if its end takes none.
    pub fn handle_connected(&mut self, now: Instant, budget: Option<usize>) -> ConnId {
        let full = self.conns.len() >= self.worker.share(self.config.max_connections) as usize;
        let deadline = now + self.config.hello_timeout();
        let conn = self.conns.insert(Conn {
            phase: Phase::Greeting,
            budget,
            budget_cap: usize::MAX,
            decoder: Decoder::default(),
            gate: ControlGate::new(self.config.control, now),
            deadline: Some(deadline),
        });
        self.deadlines.insert((deadline, conn));
        if full {
            self.refuse(conn, RejectReason::RelayFull, "too many connections".to_owned());
        }
        conn
    }

    /// Bytes came on a connection's control stream.
    pub fn handle_control(&mut self, now: Instant, conn: ConnId, bytes: &[u8]) {
        match self.conns.get_mut(conn) {
            Some(state) if state.phase != Phase::Closing => state.decoder.push(bytes),
            _ => return,
        }
        loop {
            let Some(state) = self.conns.get_mut(conn).filter(|state| state.phase != Phase::Closing) else {
                return;
            };
            match state.decoder.next_message::<MemberMessage>() {
                Ok(Some(message)) => {
                    let verdict = state.gate.judge(now);
                    if matches!(state.phase, Phase::Member(..)) {
                        self.forget_deadline(conn); // the message has come whole
                    }
                    match verdict {
                        GateVerdict::Admit => self.handle_message(now, conn, message),
                        GateVerdict::Drop => {}
                        GateVerdict::Close => {
                            self.expel(now, conn, CloseCode::Abuse, "too many control messages");
                        }
                    }
                }
                Ok(None) => break,
                Err(error) => return self.expel(now, conn, CloseCode::Protocol, &error.to_string()),
            }
        }
        self.watch_partial(now, conn);
    }

    /// A connection's end has finished its control stream, which a member never does.
    pub fn handle_control_end(&mut self, now: Instant, conn: ConnId) {
        self.expel(now, conn, CloseCode::Protocol, "the control stream ended");
    }

    /// A datagram came. Adds the connections it goes to, in their present order, to `targets`.
    ///
    /// # Errors
    /// Why it goes nowhere.
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        conn: ConnId,
        bytes: &[u8],
        targets: &mut Vec<ConnId>,
    ) -> Result<(), DropReason> {
        let Some(Phase::Member(room, peer)) = self.conns.get(conn).map(|state| state.phase) else {
            return Err(DropReason::NotJoined);
        };
        let Some(state) = self.rooms.get_mut(&room) else { return Err(DropReason::NotJoined) };
        match state.judge(now, peer, bytes, targets) {
            Verdict::Forward => Ok(()),
            Verdict::Drop(reason) => Err(reason),
            Verdict::Expel(reason) => {
                self.expel(now, conn, CloseCode::Abuse, "too many malformed datagrams");
                Err(reason)
            }
        }
    }

    /// The largest datagram that can be sent on a connection has changed.
    pub fn handle_budget(&mut self, conn: ConnId, budget: usize) {
        let Some(state) = self.conns.get_mut(conn) else { return };
        state.budget = Some(budget);
        let budget = budget.min(state.budget_cap);
        let Phase::Member(room, peer) = state.phase else { return };
        let Some(state) = self.rooms.get_mut(&room) else { return };
        if state.set_budget(peer, budget) {
            let budget = u32::try_from(budget).unwrap_or(u32::MAX);
            self.tell_others(room, peer, &RelayMessage::PeerBudget { peer, budget });
        }
    }

    /// A connection is gone, for whatever reason. Whoever was removed before is forgotten only now.
    pub fn handle_closed(&mut self, now: Instant, conn: ConnId, reason: LeaveReason) {
        self.leave(now, conn, reason, "");
        self.forget_deadline(conn);
        self.conns.remove(conn);
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some((due, conn)) = self.deadlines.first().copied() {
            if due > now {
                break;
            }
            self.expel(now, conn, CloseCode::TooSlow, "took too long");
            self.forget_deadline(conn);
        }
    }

    /// When [`RelayState::handle_timeout`] has something to do next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadlines.first().map(|(due, _)| *due)
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<RelayOutput> {
        self.outputs.pop_front()
    }

    /// Removes a member. Gives `false` if there is none of that number.
    pub fn kick(&mut self, now: Instant, room: RoomId, peer: PeerId, text: &str) -> bool {
        let conn = self
            .rooms
            .get(&room)
            .and_then(|room| room.members().find(|(info, _)| info.peer == peer).map(|(_, conn)| conn));
        let Some(conn) = conn else { return false };
        self.end(now, conn, CloseCode::Kicked, LeaveReason::Kicked, text, true);
        true
    }

    /// Ends every membership because the relay goes away.
    pub fn shut_down(&mut self, now: Instant, text: &str) {
        for conn in self.conns.ids() {
            self.end(now, conn, CloseCode::Shutdown, LeaveReason::Shutdown, text, true);
        }
    }

    /// All rooms as they are now, by number.
    #[must_use]
    pub fn snapshot(&self) -> Vec<RoomSnapshot> {
        self.rooms.values().map(RoomState::snapshot).collect()
    }

    /// One room as it is now.
    #[must_use]
    pub fn room(&self, code: &RoomCode) -> Option<RoomSnapshot> {
        self.rooms.get(self.codes.get(code)?).map(RoomState::snapshot)
    }

    /// In which room a connection is, and under which number.
    #[must_use]
    pub fn seat(&self, conn: ConnId) -> Option<(RoomId, PeerId)> {
        match self.conns.get(conn)?.phase {
            Phase::Member(room, peer) => Some((room, peer)),
            Phase::Greeting | Phase::Closing => None,
        }
    }

    /// How many connections are open, members or not.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.conns.len()
    }

    fn handle_message(&mut self, now: Instant, conn: ConnId, message: MemberMessage) {
        let Some(phase) = self.conns.get(conn).map(|state| state.phase) else { return };
        match (phase, message) {
            (Phase::Greeting, MemberMessage::Hello(hello)) => self.greet(now, conn, &hello),
            (Phase::Member(room, peer), MemberMessage::Stats(stats)) => {
                if let Some(room) = self.rooms.get_mut(&room) {
                    room.set_reported(peer, stats);
                }
            }
            (Phase::Member(room, peer), MemberMessage::Pause { paused }) => self.pause(room, peer, paused),
            (Phase::Member(..), MemberMessage::Disconnect { reason, text }) => {
                let reason = match reason {
                    LeaveReason::Shutdown => LeaveReason::Shutdown,
                    _ => LeaveReason::Normal, // the other reasons are not the leaver's to give
                };
                self.end(now, conn, CloseCode::Leave, reason, &text, false);
            }
            (Phase::Greeting | Phase::Member(..), _) => {
                self.expel(now, conn, CloseCode::Protocol, "unexpected message");
            }
            (Phase::Closing, _) => {}
        }
    }

    /// PeerJoined to the others, then Welcome, then who was here already: the gateway must know an address before its
    /// first DHCP request comes. If the Welcome cannot be written the connection fails, and with it the membership.
    fn greet(&mut self, now: Instant, conn: ConnId, hello: &Hello) {
        match self.admit(now, conn, hello) {
            Err(reject) => self.refuse_with(conn, hello.room.clone(), reject),
            Ok((room, peer)) => {
                self.forget_deadline(conn);
                let Some(state) = self.conns.get_mut(conn) else { return };
                state.phase = Phase::Member(room, peer);
                let Some(state) = self.rooms.get(&room) else { return };
                let here: Vec<_> = state
                    .members()
                    .filter(|(info, _)| info.peer != peer)
                    .map(|(info, _)| info.clone())
                    .collect();
                let Some(info) =
                    state.members().find(|(info, _)| info.peer == peer).map(|(info, _)| info.clone())
                else {
                    return;
                };
                let welcome = RelayMessage::Welcome(Welcome {
                    room,
                    peer,
                    mtu: state.mtu(),
                    mode: crate::ctrl::ConnectionMode::Relay,
                    gateway_present: state.gateway().is_some_and(|gateway| gateway != peer),
                    members: u16::try_from(here.len()).unwrap_or(u16::MAX),
                });
                self.tell_others(room, peer, &RelayMessage::PeerJoined(info.clone()));
                self.send(conn, welcome);
                for other in here {
                    self.send(conn, RelayMessage::PeerJoined(other));
                }
                self.event(RelayEvent::Joined { room, info });
            }
        }
    }

    fn admit(&mut self, now: Instant, conn: ConnId, hello: &Hello) -> Result<(RoomId, PeerId), Reject> {
        let refuse = |reason, detail: String| Reject { reason, detail };
        if hello.version != VERSION {
            let detail = format!("the relay speaks {VERSION}, the member {}", hello.version);
            return Err(refuse(RejectReason::VersionMismatch, detail));
        }
        hello.check().map_err(|error| {
            let reason = match error {
                InvalidMessage::Mtu(_) => RejectReason::MtuTooSmall,
                _ => RejectReason::BadMac,
            };
            refuse(reason, error.to_string())
        })?;
        if !self.worker.serves(hello.room.steering_byte()) {
            // Let in here, it would be alone in a second room of this code.
            let detail = "the first packet did not name the room, as it must for a relay of several workers";
            return Err(refuse(RejectReason::Other, detail.to_owned()));
        }
        let budget = self.conns.get_mut(conn).and_then(|state| {
            state.budget_cap = hello.budget as usize;
            state.budget.map(|budget| budget.min(state.budget_cap))
        });
        let Some(budget) = budget else {
            return Err(refuse(
                RejectReason::BudgetTooSmall,
                "the connection takes no QUIC datagrams".to_owned(),
            ));
        };
        if let Some(id) = self.codes.get(&hello.room).copied() {
            let Some(room) = self.rooms.get_mut(&id) else {
                return Err(refuse(RejectReason::Other, "the room is gone".to_owned()));
            };
            let admission = room.admit(now, conn, hello, budget)?;
            if let Some(old) = admission.replaced {
                self.retire(id, old);
            }
            return Ok((id, admission.info.peer));
        }
        let Some(id) = self.free_room() else {
            return Err(refuse(RejectReason::RelayFull, format!("{} rooms are open", self.rooms.len())));
        };
        // The room's own seed: no two rooms share their collisions.
        let seed = self.seed ^ u64::from(id.number()).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut room = RoomState::new(id, hello.room.clone(), hello.mtu, self.config.room.clone(), seed);
        let admission = room.admit(now, conn, hello, budget)?;
        self.event(RelayEvent::RoomOpened { room: id, code: hello.room.clone(), mtu: room.mtu() });
        self.rooms.insert(id, room);
        self.codes.insert(hello.room.clone(), id);
        Ok((id, admission.info.peer))
    }

    /// The same identity is here twice: the older connection goes, under the number that the newer one keeps.
    fn retire(&mut self, room: RoomId, old: Departure) {
        let reason = LeaveReason::Replaced;
        let peer = old.info.peer;
        self.send(old.conn, RelayMessage::Disconnect { reason, text: String::new() });
        self.close(old.conn, CloseCode::Replaced);
        self.tell_others(room, peer, &RelayMessage::PeerLeft { peer, reason, text: String::new() });
        self.event(RelayEvent::Left { room, info: old.info, reason, text: String::new() });
    }

    fn pause(&mut self, room: RoomId, peer: PeerId, paused: bool) {
        if self.rooms.get_mut(&room).is_some_and(|room| room.set_paused(peer, paused)) {
            self.tell_others(room, peer, &RelayMessage::PeerPaused { peer, paused });
            self.event(RelayEvent::Paused { room, peer, paused });
        }
    }

    /// Ends a connection that broke the rules, member or not.
    fn expel(&mut self, now: Instant, conn: ConnId, code: CloseCode, text: &str) {
        let reason = match code {
            CloseCode::Abuse => LeaveReason::Abuse,
            _ => LeaveReason::Protocol,
        };
        self.end(now, conn, code, reason, text, true);
    }

    fn end(
        &mut self,
        now: Instant,
        conn: ConnId,
        code: CloseCode,
        reason: LeaveReason,
        text: &str,
        tell: bool,
    ) {
        let Some(phase) = self.conns.get(conn).map(|state| state.phase) else { return };
        let text = clean_text(text, MAX_TEXT_CHARS);
        match phase {
            Phase::Closing => return,
            Phase::Greeting => self.event(RelayEvent::Closed { code }),
            Phase::Member(..) => self.leave(now, conn, reason, &text),
        }
        if tell {
            self.send(conn, RelayMessage::Disconnect { reason, text });
        }
        self.close(conn, code);
    }

    fn leave(&mut self, now: Instant, conn: ConnId, reason: LeaveReason, text: &str) {
        let Some(state) = self.conns.get_mut(conn) else { return };
        let Phase::Member(room, peer) = state.phase else { return };
        state.phase = Phase::Closing;
        let Some(state) = self.rooms.get_mut(&room) else { return };
        let keep_place = matches!(reason, LeaveReason::TimedOut | LeaveReason::Lost);
        let Some(departure) = state.leave(now, peer, keep_place) else { return };
        let text = text.to_owned();
        self.tell_others(room, peer, &RelayMessage::PeerLeft { peer, reason, text: text.clone() });
        self.event(RelayEvent::Left { room, info: departure.info, reason, text });
        if self.rooms.get(&room).is_some_and(RoomState::is_empty)
            && let Some(state) = self.rooms.remove(&room)
        {
            self.codes.remove(state.code());
            self.event(RelayEvent::RoomClosed { room, code: state.code().clone() });
        }
    }

    fn refuse(&mut self, conn: ConnId, reason: RejectReason, detail: String) {
        self.send(conn, RelayMessage::Reject(Reject { reason, detail }));
        self.close(conn, CloseCode::Rejected);
        self.event(RelayEvent::Closed { code: CloseCode::Rejected });
    }

    fn refuse_with(&mut self, conn: ConnId, code: RoomCode, reject: Reject) {
        self.event(RelayEvent::Rejected { code, reason: reject.reason, detail: reject.detail.clone() });
        let detail = clean_text(&reject.detail, MAX_TEXT_CHARS);
        self.send(conn, RelayMessage::Reject(Reject { reason: reject.reason, detail }));
        self.close(conn, CloseCode::Rejected);
    }

    fn close(&mut self, conn: ConnId, code: CloseCode) {
        self.forget_deadline(conn);
        if let Some(state) = self.conns.get_mut(conn) {
            state.phase = Phase::Closing;
            self.outputs.push_back(RelayOutput::Close { conn, code });
        }
    }

    fn send(&mut self, conn: ConnId, message: RelayMessage) {
        self.outputs.push_back(RelayOutput::Send { conn, message });
    }

    fn tell_others(&mut self, room: RoomId, about: PeerId, message: &RelayMessage) {
        let Some(state) = self.rooms.get(&room) else { return };
        for (info, conn) in state.members() {
            if info.peer != about {
                self.outputs.push_back(RelayOutput::Send { conn, message: message.clone() });
            }
        }
    }

    fn event(&mut self, event: RelayEvent) {
        self.outputs.push_back(RelayOutput::Event(event));
    }

    /// Starts the clock for a message that has begun.
    fn watch_partial(&mut self, now: Instant, conn: ConnId) {
        let Some(state) = self.conns.get(conn) else { return };
        let Phase::Member(..) = state.phase else { return };
        if state.decoder.is_partial() && state.deadline.is_none() {
            let deadline = now + self.config.message_timeout();
            if let Some(state) = self.conns.get_mut(conn) {
                state.deadline = Some(deadline);
                self.deadlines.insert((deadline, conn));
            }
        }
    }

    fn forget_deadline(&mut self, conn: ConnId) {
        if let Some(deadline) = self.conns.get_mut(conn).and_then(|state| state.deadline.take()) {
            self.deadlines.remove(&(deadline, conn));
        }
    }

    fn free_room(&mut self) -> Option<RoomId> {
        if self.rooms.len() >= self.worker.share(self.config.room_limit()) as usize {
            return None;
        }
        // Of one number more than there are rooms one is free, unless there are no more numbers.
        for _ in 0..=self.rooms.len() {
            let candidate = self.worker.room(self.next_room).or_else(|| {
                self.next_room = 0;
                self.worker.room(0)
            })?;
            self.next_room += 1;
            if !self.rooms.contains_key(&candidate) {
                return Some(candidate);
            }
        }
        None
    }
}
