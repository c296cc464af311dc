//! Connections: what QUIC promises, and no more.
//!
//! The control stream is reliable and in order; a lost part of it only comes later. Datagrams are neither. A side that
//! hears nothing for [`IDLE_TIMEOUT`] gives the connection up without telling the other, which finds out by itself:
//! at once if the other still lives (a stateless reset), or by its own timeout.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use super::SimNet;
use super::net::Event;
use super::node::{MemberId, RelayId, Way};
use crate::ctrl::{CloseCode, LeaveReason};
use crate::obs::DropReason;
use crate::room::ConnId;

/// After this much silence a side gives a connection up.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a member makes both sides hear something.
pub const KEEP_ALIVE: Duration = Duration::from_secs(3);
/// How long a connection may take to be made.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a side that closes tries to get out what it said before.
pub const CLOSE_FLUSH: Duration = Duration::from_secs(3);
/// How often something unanswered is sent again.
const RESEND: Duration = Duration::from_millis(500);
/// One message in so many comes in two pieces: streams know no message boundaries.
const SPLIT_ONE_IN: u64 = 4;

/// One end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Member,
    Relay,
}

/// How far one end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Opening,
    Open,
    /// It closes once what it said before has arrived.
    Closing,
    Gone,
}

/// What is on its way on a control stream.
#[derive(Clone, Debug)]
pub(super) enum Item {
    Bytes(Vec<u8>),
    /// The stream ends although the connection stays.
    End,
    Close(CloseCode),
}

/// One direction of a control stream.
#[derive(Debug, Default)]
struct Stream {
    items: VecDeque<(Duration, Item)>,
    last_ready: Duration,
    armed: bool,
    closing_since: Option<Duration>,
}

/// What the relay did with the datagrams of one connection.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Judged {
    pub(super) forwarded: u64,
    pub(super) dropped: u64,
    /// Copies of others' datagrams that were meant for it.
    pub(super) copies: u64,
}

/// One connection, from the first attempt to the end of both ends.
#[derive(Debug)]
pub(super) struct Conn {
    pub(super) member: MemberId,
    member_epoch: u32,
    relay: RelayId,
    relay_epoch: u32,
    pub(super) relay_conn: Option<ConnId>,
    member_end: End,
    relay_end: End,
    /// On the member's own clock.
    member_heard: Duration,
    relay_heard: Duration,
    answered: bool,
    streams: [Stream; 2],
    pub(super) judged: Judged,
}

impl Conn {
    pub(super) const fn is_open_at_relay(&self) -> bool {
        matches!(self.relay_end, End::Open)
    }

    pub(super) const fn relay_epoch(&self) -> u32 {
        self.relay_epoch
    }
}

impl SimNet {
    /// A member begins to make a connection.
    pub(super) fn open(&mut self, member: MemberId) {
        let node = &mut self.members[member.0];
        let conn = self.conns.len();
        node.conn = Some(conn);
        self.conns.push(Conn {
            member,
            member_epoch: node.epoch,
            relay: node.relay,
            relay_epoch: 0,
            relay_conn: None,
            member_end: End::Opening,
            relay_end: End::Opening,
            member_heard: Duration::ZERO,
            relay_heard: Duration::ZERO,
            answered: true,
            streams: Default::default(),
            judged: Judged::default(),
        });
        self.at(self.now, Event::Handshake { conn, attempt: 0 });
        self.at(self.now + HANDSHAKE_TIMEOUT, Event::GiveUp { conn });
    }

    /// The first flight leaves. If it cannot arrive, it is sent again.
    pub(super) fn handshake(&mut self, conn: usize, attempt: u32) {
        let Conn { member, relay, member_end: End::Opening, .. } = self.conns[conn] else { return };
        self.conns[conn].relay_epoch = self.relays[relay.0].epoch;
        let is_answered = Way::BOTH.into_iter().all(|way| self.is_passable(conn, way));
        if !is_answered || self.relays[relay.0].is_stopping {
            let wait = Duration::from_secs(1) * 2_u32.pow(attempt.min(2));
            return self.at(self.now + wait, Event::Handshake { conn, attempt: attempt + 1 });
        }
        let there = self.reliable_delay(member, Way::Up);
        let back = self.reliable_delay(member, Way::Down);
        let there_again = self.reliable_delay(member, Way::Up);
        self.conns[conn].streams[Way::Up.index()].last_ready = self.now + there + back + there_again;
        self.at(self.now + there + back, Event::Connected { conn });
        self.at(self.now + there + back + there_again, Event::Accepted { conn });
    }

    pub(super) fn connected(&mut self, conn: usize) {
        let Conn { member, relay, relay_epoch, member_end: End::Opening, .. } = self.conns[conn] else {
            return;
        };
        if relay_epoch != self.relays[relay.0].epoch || !self.is_passable(conn, Way::Down) {
            return self.at(self.now + RESEND, Event::Handshake { conn, attempt: 1 });
        }
        let node = &self.members[member.0];
        let (now, clock) = (node.instant(self.base, self.now), node.clock(self.now));
        let budget = node.told[Way::Up.index()];
        self.conns[conn].member_end = End::Open;
        self.conns[conn].member_heard = clock;
        self.at(self.now + KEEP_ALIVE, Event::KeepAlive { conn });
        self.at(self.now + IDLE_TIMEOUT, Event::Idle { conn, side: Side::Member });
        self.note_member(member, "connects");
        if let Some(machine) = &mut self.members[member.0].machine {
            machine.handle_connected(now, Some(budget));
        }
        self.drain_member(member);
    }

    pub(super) fn accepted(&mut self, conn: usize) {
        if self.is_passable(conn, Way::Up) {
            self.accept(conn);
        }
    }

    /// The relay's end of the handshake is done: with its last flight, or with whatever comes after it.
    fn accept(&mut self, conn: usize) {
        let Conn { member, relay, relay_end: End::Opening, .. } = self.conns[conn] else { return };
        let now = self.instant();
        let budget = self.members[member.0].told[Way::Down.index()];
        let node = &mut self.relays[relay.0];
        let Some(machine) = &mut node.machine else { return };
        let id = machine.handle_connected(now, Some(budget));
        node.conns.insert(id, conn);
        let state = &mut self.conns[conn];
        state.relay_conn = Some(id);
        state.relay_end = End::Open;
        state.relay_heard = self.now;
        self.at(self.now + IDLE_TIMEOUT, Event::Idle { conn, side: Side::Relay });
        self.drain_relay(relay);
    }

    pub(super) fn give_up(&mut self, conn: usize) {
        if self.conns[conn].member_end == End::Opening && self.is_current(conn) {
            self.member_lost(conn, None, "no answer");
        }
    }

    pub(super) fn keep_alive(&mut self, conn: usize) {
        let Conn { member, member_end: End::Open, .. } = self.conns[conn] else { return };
        if !self.is_current(conn) {
            return;
        }
        if let Some(wake) = self.members[member.0].asleep_until {
            return self.at(wake, Event::KeepAlive { conn });
        }
        if self.is_passable(conn, Way::Up) {
            let delay = self.reliable_delay(member, Way::Up);
            self.at(self.now + delay, Event::Heard { conn, way: Way::Up });
        }
        let answered = std::mem::replace(&mut self.conns[conn].answered, false);
        let wait = if answered { KEEP_ALIVE } else { RESEND };
        self.at(self.now + wait, Event::KeepAlive { conn });
    }

    pub(super) fn heard(&mut self, conn: usize, way: Way) {
        if !self.is_passable(conn, way) {
            return;
        }
        match way {
            Way::Up => {
                if self.relay_hears(conn) {
                    let delay = self.reliable_delay(self.conns[conn].member, Way::Down);
                    self.at(self.now + delay, Event::Heard { conn, way: Way::Down });
                }
            }
            Way::Down => {
                self.member_hears(conn);
                self.conns[conn].answered = true;
            }
        }
    }

    pub(super) fn idle(&mut self, conn: usize, side: Side) {
        let state = &self.conns[conn];
        let node = &self.members[state.member.0];
        match side {
            Side::Member => {
                if state.member_end != End::Open || !self.is_current(conn) {
                    return;
                }
                if let Some(wake) = node.asleep_until {
                    return self.at(wake, Event::Idle { conn, side });
                }
                let due = node.when(state.member_heard + IDLE_TIMEOUT);
                if due > self.now {
                    return self.at(due, Event::Idle { conn, side });
                }
                self.member_lost(conn, None, "timed out");
            }
            Side::Relay => {
                if state.relay_end != End::Open {
                    return;
                }
                let due = state.relay_heard + IDLE_TIMEOUT;
                if due > self.now {
                    return self.at(due, Event::Idle { conn, side });
                }
                self.relay_lost(conn, LeaveReason::TimedOut);
            }
        }
    }

    /// Puts something onto a control stream.
    pub(super) fn say(&mut self, conn: usize, way: Way, item: Item) {
        let parts = match item {
            Item::Bytes(bytes) if bytes.len() > 1 && self.rng.below(SPLIT_ONE_IN) == 0 => {
                let cut = 1 + usize::try_from(self.rng.below(bytes.len() as u64 - 1)).unwrap_or(0);
                let (first, rest) = bytes.split_at(cut);
                vec![Item::Bytes(first.to_vec()), Item::Bytes(rest.to_vec())]
            }
            whole => vec![whole],
        };
        for part in parts {
            self.say_part(conn, way, part);
        }
    }

    fn say_part(&mut self, conn: usize, way: Way, item: Item) {
        let member = self.conns[conn].member;
        let slow = self.members[member.0].slow_control;
        let delay = self.reliable_delay(member, way) + slow;
        let now = self.now;
        let state = &mut self.conns[conn];
        if matches!(item, Item::Close(_)) {
            match way {
                Way::Up => state.member_end = End::Closing,
                Way::Down => state.relay_end = End::Closing,
            }
            state.streams[way.index()].closing_since = Some(now);
        }
        let stream = &mut state.streams[way.index()];
        let ready = (now + delay).max(stream.last_ready);
        stream.last_ready = ready;
        stream.items.push_back((ready, item));
        self.arm_stream(conn, way);
    }

    fn arm_stream(&mut self, conn: usize, way: Way) {
        let stream = &mut self.conns[conn].streams[way.index()];
        if let Some((ready, _)) = stream.items.front()
            && !stream.armed
        {
            stream.armed = true;
            let ready = *ready;
            self.at(ready, Event::StreamDue { conn, way });
        }
    }

    pub(super) fn stream_due(&mut self, conn: usize, way: Way) {
        let now = self.now;
        let passable = self.is_passable(conn, way);
        let stream = &mut self.conns[conn].streams[way.index()];
        stream.armed = false;
        if stream.items.is_empty() {
            return;
        }
        if !passable {
            if stream.closing_since.is_some_and(|since| now >= since + CLOSE_FLUSH) {
                return self.flushed(conn, way);
            }
            stream.armed = true;
            return self.at(now + RESEND, Event::StreamDue { conn, way });
        }
        while let Some((ready, item)) = self.conns[conn].streams[way.index()].items.pop_front() {
            if ready > now {
                self.conns[conn].streams[way.index()].items.push_front((ready, item));
                break;
            }
            match way {
                Way::Up => self.item_at_relay(conn, item),
                Way::Down => self.item_at_member(conn, item),
            }
        }
        self.arm_stream(conn, way);
    }

    /// The end that closes `way` has said what it could.
    fn flushed(&mut self, conn: usize, way: Way) {
        self.conns[conn].streams[way.index()].items.clear();
        match way {
            Way::Up => self.conns[conn].member_end = End::Gone,
            Way::Down => self.relay_lost(conn, LeaveReason::Lost),
        }
    }

    fn item_at_relay(&mut self, conn: usize, item: Item) {
        self.accept(conn);
        if !self.relay_hears(conn) {
            return;
        }
        let Conn { relay, relay_conn: Some(id), .. } = self.conns[conn] else { return };
        let now = self.instant();
        let Some(machine) = &mut self.relays[relay.0].machine else { return };
        match item {
            Item::Bytes(bytes) => machine.handle_control(now, id, &bytes),
            Item::End => machine.handle_control_end(now, id),
            Item::Close(code) => {
                self.conns[conn].member_end = End::Gone;
                return self.relay_lost(conn, reason_of(code));
            }
        }
        self.drain_relay(relay);
    }

    fn item_at_member(&mut self, conn: usize, item: Item) {
        self.member_hears(conn);
        let member = self.conns[conn].member;
        let current = self.is_current(conn) && self.conns[conn].member_end == End::Open;
        let node = &mut self.members[member.0];
        let now = node.instant(self.base, self.now);
        match item {
            Item::Bytes(bytes) if current => match &mut node.machine {
                Some(machine) => machine.handle_control(now, &bytes),
                None => node.heard.extend_from_slice(&bytes),
            },
            Item::Bytes(_) | Item::End => {}
            Item::Close(code) => {
                // The relay has got everything out: its end is gone.
                self.relay_lost(conn, LeaveReason::Normal);
                if current {
                    return self.member_lost(conn, Some(code), "closed by the relay");
                }
            }
        }
        self.drain_member(member);
    }

    /// A datagram leaves a member.
    pub(super) fn send_up(&mut self, member: MemberId, bytes: Bytes) {
        let Some(conn) = self.members[member.0].conn else { return };
        if self.conns[conn].member_end != End::Open {
            return;
        }
        if bytes.len() > self.members[member.0].told[Way::Up.index()] {
            if let Some(machine) = &mut self.members[member.0].machine {
                machine.stats_mut().drop(DropReason::OverBudget);
            }
            return self.note_member(member, "drops over_budget");
        }
        self.carry(conn, Way::Up, bytes);
    }

    /// A datagram leaves a relay for one receiver.
    pub(super) fn send_down(&mut self, conn: usize, bytes: Bytes) {
        let Conn { member, relay, .. } = self.conns[conn];
        self.conns[conn].judged.copies += 1;
        self.relays[relay.0].counts.copies += 1;
        if bytes.len() > self.members[member.0].told[Way::Down.index()] {
            self.relays[relay.0].counts.over_budget += 1;
            return self.note_relay(relay, "drops over_budget");
        }
        self.carry(conn, Way::Down, bytes);
    }

    /// Puts a datagram onto the path, whatever anybody thinks of it.
    pub(super) fn carry(&mut self, conn: usize, way: Way, bytes: Bytes) {
        let member = self.conns[conn].member;
        let passable = self.is_passable(conn, way);
        let pipe = &mut self.members[member.0].pipes[way.index()];
        if bytes.len() > pipe.physics.budget {
            pipe.counts.sent += 1;
            pipe.counts.black_holed += 1;
            return;
        }
        if !passable {
            pipe.counts.sent += 1;
            pipe.counts.cut += 1;
            return;
        }
        let arrivals = pipe.carry(self.now, bytes.len(), &mut self.rng);
        for arrival in arrivals.into_iter().flatten() {
            self.at(arrival, Event::Datagram { conn, way, bytes: bytes.clone() });
        }
    }

    pub(super) fn datagram_at_relay(&mut self, conn: usize, bytes: &[u8]) {
        let Conn { member, relay, .. } = self.conns[conn];
        let passable = self.is_passable(conn, Way::Up);
        let counts = &mut self.members[member.0].pipes[Way::Up.index()].counts;
        if !passable {
            counts.cut += 1;
            return;
        }
        counts.delivered += 1;
        self.accept(conn);
        if self.relay_hears(conn) {
            self.relay_judges(relay, conn, bytes);
        }
    }

    pub(super) fn datagram_at_member(&mut self, conn: usize, bytes: Bytes) {
        let member = self.conns[conn].member;
        let passable = self.is_passable(conn, Way::Down) && self.is_current(conn);
        let counts = &mut self.members[member.0].pipes[Way::Down.index()].counts;
        if !passable || self.conns[conn].member_end != End::Open {
            counts.cut += 1;
            return;
        }
        counts.delivered += 1;
        self.member_hears(conn);
        self.member_judges(member, bytes);
    }

    /// A message came at the member that the connection is dead: `code` from an endpoint that closed, or none.
    pub(super) fn reset_arrived(&mut self, conn: usize, code: Option<CloseCode>) {
        let state = &self.conns[conn];
        let node = &self.members[state.member.0];
        let reaches = !node.cut[Way::Down.index()] && node.is_awake() && node.epoch == state.member_epoch;
        if reaches && matches!(state.member_end, End::Open | End::Opening) && self.is_current(conn) {
            self.member_lost(conn, code, "reset");
        }
    }

    /// Both ends of everything that a dead relay had are void; it tells nobody.
    pub(super) fn relay_vanishes(&mut self, relay: RelayId) {
        for conn in self.conns.iter_mut().filter(|conn| conn.relay == relay) {
            if conn.relay_conn.is_some() {
                conn.relay_end = End::Gone;
                conn.streams[Way::Down.index()].items.clear();
            }
        }
    }

    /// The member's end vanishes with its process.
    pub(super) fn member_vanishes(&mut self, member: MemberId) {
        if let Some(conn) = self.members[member.0].conn.take() {
            let state = &mut self.conns[conn];
            state.member_end = End::Gone;
            state.streams[Way::Up.index()].items.clear();
        }
    }

    /// The budget that one end of the present connection believes in has changed.
    pub(super) fn relay_budget(&mut self, member: MemberId, budget: usize) {
        let Some(conn) = self.members[member.0].conn else { return };
        let Conn { relay, relay_conn: Some(id), relay_end: End::Open, .. } = self.conns[conn] else { return };
        if let Some(machine) = &mut self.relays[relay.0].machine {
            machine.handle_budget(id, budget);
        }
        self.drain_relay(relay);
    }

    /// Whether what leaves now in this direction has somebody to arrive at.
    pub(super) fn is_passable(&self, conn: usize, way: Way) -> bool {
        let state = &self.conns[conn];
        let (node, relay) = (&self.members[state.member.0], &self.relays[state.relay.0]);
        let relay_runs = relay.machine.is_some() && relay.epoch == state.relay_epoch;
        let member_runs = node.is_awake() && node.epoch == state.member_epoch;
        !node.cut[way.index()]
            && match way {
                Way::Down => member_runs,
                Way::Up => relay_runs,
            }
    }

    /// The connection's delay in one direction for what is sent until it arrives.
    pub(super) fn reliable_delay(&mut self, member: MemberId, way: Way) -> Duration {
        self.members[member.0].pipes[way.index()].carry_reliably(self.now, &mut self.rng)
    }

    fn is_current(&self, conn: usize) -> bool {
        let state = &self.conns[conn];
        let node = &self.members[state.member.0];
        node.conn == Some(conn) && node.epoch == state.member_epoch
    }

    /// Something came from the member. `false` if the relay has forgotten the connection: it says so.
    fn relay_hears(&mut self, conn: usize) -> bool {
        let member = self.conns[conn].member;
        match self.conns[conn].relay_end {
            End::Open | End::Closing => {
                self.conns[conn].relay_heard = self.now;
                true
            }
            End::Opening => false,
            End::Gone => {
                let delay = self.members[member.0].pipes[Way::Down.index()].physics.latency;
                self.at(self.now + delay, Event::Reset { conn, code: None });
                false
            }
        }
    }

    fn member_hears(&mut self, conn: usize) {
        let clock = self.members[self.conns[conn].member.0].clock(self.now);
        self.conns[conn].member_heard = clock;
    }

    /// The relay's end is over.
    fn relay_lost(&mut self, conn: usize, reason: LeaveReason) {
        let now = self.instant();
        let state = &mut self.conns[conn];
        state.streams[Way::Down.index()].items.clear();
        if std::mem::replace(&mut state.relay_end, End::Gone) == End::Gone {
            return;
        }
        let (Some(id), relay) = (state.relay_conn, state.relay) else { return };
        let node = &mut self.relays[relay.0];
        node.conns.remove(&id);
        if let Some(machine) = &mut node.machine {
            machine.handle_closed(now, id, reason);
        }
        self.drain_relay(relay);
    }

    /// The member's end is over, and not by its own doing.
    fn member_lost(&mut self, conn: usize, code: Option<CloseCode>, cause: &str) {
        let member = self.conns[conn].member;
        self.conns[conn].member_end = End::Gone;
        self.conns[conn].streams[Way::Up.index()].items.clear();
        let node = &mut self.members[member.0];
        let now = node.instant(self.base, self.now);
        node.conn = None;
        node.closes.push((self.now, code));
        if let Some(machine) = &mut node.machine {
            machine.handle_disconnected(now, code, cause);
        }
        self.note_member(member, cause);
        self.changed = true;
        self.drain_member(member);
    }
}

/// What the relay's driver makes of a member's close.
const fn reason_of(code: CloseCode) -> LeaveReason {
    match code {
        CloseCode::Leave => LeaveReason::Normal,
        CloseCode::Shutdown => LeaveReason::Shutdown,
        _ => LeaveReason::Lost,
    }
}
