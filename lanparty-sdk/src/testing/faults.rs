//! What can go wrong, and what people do, while a simulation runs.

use std::time::Duration;

use bytes::{Bytes, BytesMut};

use super::SimNet;
use super::link::Physics;
use super::net::Event;
use super::node::{MemberId, RelayId, Way};
use super::wire::{Item, Side};
use crate::ctrl::{CloseCode, LeaveReason, RelayMessage, encode};
use crate::port::PortFrame;
use crate::proto::{FragmentId, Label, PeerId, RoomId, encode_frame};
use crate::relay::RelayState;

/// How a relay's process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Death {
    /// It closes every connection with this code on its way out.
    Closes(CloseCode),
    /// The machine loses power: members find out by themselves.
    Silent,
}

/// What a computer's clock does while it sleeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SleepClock {
    /// It runs on, as on Windows.
    Runs,
    /// It stands still, as Linux's monotonic clock does.
    Stands,
}

/// How long a sender does not notice that a path has changed what it passes.
pub const BUDGET_DETECTION: Duration = Duration::from_millis(300);

impl SimNet {
    /// Nothing passes between a member and its relay any more, in either direction.
    pub fn partition(&mut self, member: MemberId) {
        Way::BOTH.into_iter().for_each(|way| self.cut(member, way));
    }

    /// Nothing passes in one direction any more.
    pub fn cut(&mut self, member: MemberId, way: Way) {
        self.note_member(member, &format!("{} is cut", way.as_str()));
        self.members[member.0].cut[way.index()] = true;
    }

    /// Both directions pass again.
    pub fn heal(&mut self, member: MemberId) {
        self.note_member(member, "is healed");
        self.members[member.0].cut = [false; 2];
    }

    /// The path changes its physics in both directions; the budget stays what it is.
    pub fn set_link(&mut self, member: MemberId, physics: impl Into<Physics>) {
        let physics = physics.into();
        self.note_member(member, "gets another link");
        for pipe in &mut self.members[member.0].pipes {
            pipe.physics = physics.budget(pipe.physics.budget);
        }
    }

    /// The path passes only datagrams of up to `bytes` in this direction from now on. Their sender notices
    /// [`BUDGET_DETECTION`] later.
    pub fn set_budget(&mut self, member: MemberId, way: Way, bytes: usize) {
        self.note_member(member, &format!("{} passes {bytes} bytes", way.as_str()));
        let physics = &mut self.members[member.0].pipes[way.index()].physics;
        *physics = physics.budget(bytes);
        self.at(self.now + BUDGET_DETECTION, Event::BudgetNews { member, way });
    }

    pub(super) fn budget_news(&mut self, member: MemberId, way: Way) {
        let node = &mut self.members[member.0];
        let budget = node.pipes[way.index()].physics.budget;
        node.told[way.index()] = budget;
        match way {
            Way::Up => {
                if let Some(machine) = &mut node.machine {
                    machine.handle_budget(budget);
                }
                self.drain_member(member);
            }
            Way::Down => self.relay_budget(member, budget),
        }
        self.changed = true;
    }

    /// Every control message from or to a member takes this much longer.
    pub fn slow_control(&mut self, member: MemberId, by: Duration) {
        self.members[member.0].slow_control = by;
    }

    /// A member's own clock jumps ahead. Clocks that drivers use never go back.
    pub fn jump_clock(&mut self, member: MemberId, by: Duration) {
        self.note_member(member, &format!("clock jumps {by:?}"));
        self.members[member.0].jumped += by;
        if let Some(conn) = self.members[member.0].conn {
            self.at(self.now, Event::Idle { conn, side: Side::Member });
        }
        self.arm_member(member);
    }

    /// A member's computer sleeps: it does and receives nothing until it wakes.
    pub fn suspend(&mut self, member: MemberId, time: Duration, clock: SleepClock) {
        self.note_member(member, &format!("sleeps {time:?}"));
        let until = self.now + time;
        let node = &mut self.members[member.0];
        node.asleep_until = Some(until);
        if clock == SleepClock::Stands {
            node.lag += time;
        }
        self.at(until, Event::Wake { member });
    }

    /// A member's process dies without a word.
    pub fn crash(&mut self, member: MemberId) {
        self.note_member(member, "crashes");
        self.member_vanishes(member);
        self.members[member.0].machine = None;
        self.members[member.0].timer = None;
    }

    /// A member's process starts anew, with the same identity. One that still runs crashes first.
    pub fn restart(&mut self, member: MemberId) {
        if self.members[member.0].machine.is_some() {
            self.crash(member);
        }
        self.start(member);
    }

    /// A member leaves as its user wants it.
    pub fn leave(&mut self, member: MemberId) {
        if let Some(machine) = &mut self.members[member.0].machine {
            machine.leave(LeaveReason::Normal, "");
        }
        self.drain_member(member);
    }

    /// A member stops or resumes its data plane.
    pub fn pause(&mut self, member: MemberId, paused: bool) {
        if let Some(machine) = &mut self.members[member.0].machine {
            machine.set_paused(paused);
        }
        self.drain_member(member);
    }

    /// The relay's process dies; all it knew is lost.
    pub fn kill_relay(&mut self, relay: RelayId, death: Death) {
        self.note_relay(relay, &format!("dies: {death:?}"));
        let node = &mut self.relays[relay.0];
        let conns: Vec<usize> = node.conns.values().copied().collect();
        node.machine = None;
        node.epoch += 1;
        node.timer = None;
        node.conns.clear();
        self.relay_vanishes(relay);
        if let Death::Closes(code) = death {
            for conn in conns {
                let member = self.conns[conn].member;
                let delay = self.reliable_delay(member, Way::Down);
                self.at(self.now + delay, Event::Reset { conn, code: Some(code) });
            }
        }
    }

    /// The relay's process starts anew, knowing nothing. One that still runs dies silently first.
    pub fn restart_relay(&mut self, relay: RelayId) {
        if self.relays[relay.0].machine.is_some() {
            self.kill_relay(relay, Death::Silent);
        }
        let seed = self.rng.next_u64();
        let node = &mut self.relays[relay.0];
        node.machine = Some(RelayState::new(node.config.clone(), seed));
        node.counts = Default::default();
        node.is_stopping = false;
        self.note_relay(relay, "starts");
    }

    /// The relay's operator stops it: members are told, nobody new is answered. It is down for good only with
    /// [`SimNet::restart_relay`] or [`SimNet::kill_relay`].
    pub fn shut_down(&mut self, relay: RelayId, text: &str) {
        self.note_relay(relay, "shuts down");
        let now = self.instant();
        let node = &mut self.relays[relay.0];
        node.is_stopping = true;
        if let Some(machine) = &mut node.machine {
            machine.shut_down(now, text);
        }
        self.drain_relay(relay);
    }

    /// The relay's operator removes a member. `false` if the relay does not know it.
    pub fn kick(&mut self, member: MemberId, text: &str) -> bool {
        let (relay, now) = (self.members[member.0].relay, self.instant());
        let Some((room, peer, _)) = self.seat(member) else { return false };
        let Some(machine) = &mut self.relays[relay.0].machine else { return false };
        let known = machine.kick(now, room, peer, text);
        self.drain_relay(relay);
        known
    }

    /// A datagram leaves a member's connection past its own judgement, limits and budget; the path spares it.
    pub fn inject_datagram(&mut self, member: MemberId, bytes: impl Into<Bytes>) {
        self.inject(member, Way::Up, bytes.into());
    }

    /// A datagram comes to a member as from a relay that checked nothing; the path spares it.
    pub fn inject_at_member(&mut self, member: MemberId, bytes: impl Into<Bytes>) {
        self.inject(member, Way::Down, bytes.into());
    }

    /// Raw bytes leave on a member's control stream.
    pub fn inject_control(&mut self, member: MemberId, bytes: &[u8]) {
        if let Some(conn) = self.members[member.0].conn {
            self.say(conn, Way::Up, Item::Bytes(bytes.to_vec()));
        }
    }

    /// A message comes to a member that its relay never meant to send.
    ///
    /// # Panics
    /// If the message is longer than a message may be.
    pub fn inject_from_relay(&mut self, member: MemberId, message: &RelayMessage) {
        let bytes = encode(message).expect("a test's message fits");
        if let Some(conn) = self.members[member.0].conn {
            self.say(conn, Way::Down, Item::Bytes(bytes));
        }
    }

    /// A member's control stream ends although the connection stays.
    pub fn end_control(&mut self, member: MemberId) {
        if let Some(conn) = self.members[member.0].conn {
            self.say(conn, Way::Up, Item::End);
        }
    }

    /// The datagrams that carry `frame` as `source` would send them if nothing judged it: two halves where one datagram
    /// is too small and the frame may be cut, one otherwise, however large.
    #[must_use]
    pub fn forge(room: RoomId, source: PeerId, label: Label, frame: &[u8], budget: usize) -> Vec<Bytes> {
        let mut datagrams = Vec::new();
        let [_, low] = u16::try_from(frame.len()).unwrap_or(u16::MAX).to_be_bytes();
        let mut id = FragmentId::starting_at(0x5a00 | u16::from(low));
        for budget in [budget, usize::MAX] {
            let buffer: BytesMut = PortFrame::copy_from(frame).into_buffer();
            if encode_frame(room, source, label, buffer, budget, &mut id, |part| datagrams.push(part)).is_ok()
            {
                break;
            }
        }
        datagrams
    }

    fn inject(&mut self, member: MemberId, way: Way, bytes: Bytes) {
        let Some(conn) = self.members[member.0].conn else { return };
        let pipe = &mut self.members[member.0].pipes[way.index()];
        pipe.counts.sent += 1;
        let arrival = self.now + pipe.physics.latency;
        self.at(arrival, Event::Datagram { conn, way, bytes });
    }
}
