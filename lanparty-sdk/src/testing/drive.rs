//! What drivers do around the pure machines: carry out their outputs, keep their timers, move frames.

use bytes::Bytes;

use super::SimNet;
use super::flow;
use super::net::Event;
use super::node::{Delivery, MemberId, RelayId, Way};
use super::wire::Item;
use crate::ctrl::encode;
use crate::member::MemberOutput;
use crate::obs::DropReason;
use crate::port::PortFrame;
use crate::relay::RelayOutput;

impl SimNet {
    /// Does everything that a member wants done, and sets its timer.
    pub(super) fn drain_member(&mut self, member: MemberId) {
        while let Some(output) =
            self.members[member.0].machine.as_mut().and_then(crate::member::Member::poll_output)
        {
            let conn = self.members[member.0].conn;
            match output {
                MemberOutput::Connect => self.open(member),
                MemberOutput::Send(message) => {
                    let bytes = encode(&message).expect("a member's messages are short");
                    if let Some(conn) = conn {
                        self.say(conn, Way::Up, Item::Bytes(bytes));
                    }
                }
                MemberOutput::SendDatagram(bytes) => {
                    self.count_datagram(member);
                    self.send_up(member, bytes);
                }
                MemberOutput::WritePort(frame) => {
                    let at = self.now;
                    self.members[member.0].refreshes.push(Delivery { at, frame });
                }
                MemberOutput::SetMtu(mtu) => self.note_member(member, &format!("port mtu {mtu}")),
                MemberOutput::Close(code) => {
                    self.note_member(member, &format!("closes: {code}"));
                    if let Some(conn) = conn {
                        self.members[member.0].conn = None;
                        self.say(conn, Way::Up, Item::Close(code));
                    }
                }
                MemberOutput::Event(event) => {
                    self.note_member(member, &format!("{event:?}"));
                    self.changed = true;
                    let at = self.now;
                    self.members[member.0].events.push((at, event));
                }
            }
        }
        self.arm_member(member);
    }

    /// Does everything that a relay wants done, and sets its timer.
    pub(super) fn drain_relay(&mut self, relay: RelayId) {
        while let Some(output) =
            self.relays[relay.0].machine.as_mut().and_then(crate::relay::RelayState::poll_output)
        {
            match output {
                RelayOutput::Send { conn, message } => {
                    let bytes = encode(&message).expect("a relay's messages are short");
                    if let Some(conn) = self.relays[relay.0].conns.get(&conn).copied() {
                        self.say(conn, Way::Down, Item::Bytes(bytes));
                    }
                }
                RelayOutput::Close { conn, code } => {
                    if let Some(conn) = self.relays[relay.0].conns.get(&conn).copied() {
                        let name = &self.members[self.conns[conn].member.0].name;
                        self.note_relay(relay, &format!("closes {name}: {code}"));
                        self.say(conn, Way::Down, Item::Close(code));
                    }
                }
                RelayOutput::Event(event) => {
                    self.note_relay(relay, &format!("{event:?}"));
                    self.changed = true;
                    let at = self.now;
                    self.relays[relay.0].events.push((at, event));
                }
            }
        }
        self.arm_relay(relay);
    }

    pub(super) fn member_timer(&mut self, member: MemberId, epoch: u32) {
        let node = &mut self.members[member.0];
        if node.epoch != epoch || node.timer != Some(self.now) {
            return; // another start, or another time, has taken its place
        }
        node.timer = None;
        if node.asleep_until.is_some() {
            return; // what was due will be done when it wakes
        }
        let now = node.instant(self.base, self.now);
        if let Some(machine) = &mut node.machine {
            machine.handle_timeout(now);
        }
        self.drain_member(member);
    }

    pub(super) fn relay_timer(&mut self, relay: RelayId, epoch: u32) {
        let now = self.instant();
        let node = &mut self.relays[relay.0];
        if node.epoch != epoch || node.timer != Some(self.now) {
            return;
        }
        node.timer = None;
        if let Some(machine) = &mut node.machine {
            machine.handle_timeout(now);
        }
        self.drain_relay(relay);
    }

    pub(super) fn wake(&mut self, member: MemberId) {
        let node = &mut self.members[member.0];
        if node.asleep_until.is_some_and(|until| until <= self.now) {
            node.asleep_until = None;
            self.note_member(member, "wakes");
            self.arm_member(member);
        }
    }

    pub(super) fn arm_member(&mut self, member: MemberId) {
        let node = &mut self.members[member.0];
        let Some(due) = node.machine.as_ref().and_then(crate::member::Member::poll_timeout) else { return };
        let due = node.when(due.saturating_duration_since(self.base)).max(self.now);
        if node.timer.is_none_or(|armed| due < armed) {
            node.timer = Some(due);
            let epoch = node.epoch;
            self.at(due, Event::MemberTimer { member, epoch });
        }
    }

    pub(super) fn arm_relay(&mut self, relay: RelayId) {
        let node = &mut self.relays[relay.0];
        let Some(due) = node.machine.as_ref().and_then(crate::relay::RelayState::poll_timeout) else {
            return;
        };
        let due = due.saturating_duration_since(self.base).max(self.now);
        if node.timer.is_none_or(|armed| due < armed) {
            node.timer = Some(due);
            let epoch = node.epoch;
            self.at(due, Event::RelayTimer { relay, epoch });
        }
    }

    /// A frame of a host goes into its member.
    pub(super) fn host_sends(&mut self, member: MemberId, frame: &[u8]) -> Result<(), DropReason> {
        let node = &mut self.members[member.0];
        let awake = node.asleep_until.is_none();
        let Some(machine) = node.machine.as_mut().filter(|_| awake) else {
            return Err(DropReason::NotJoined);
        };
        let mut datagrams = Vec::new();
        let result = machine.handle_port_frame(PortFrame::copy_from(frame), &mut datagrams);
        if self.logs_frames {
            let said = result.map_or_else(|reason| reason.as_str(), |()| "sent");
            self.note_member(member, &format!("> {} bytes {said}", frame.len()));
        }
        for datagram in datagrams {
            self.count_datagram(member);
            self.send_up(member, datagram);
        }
        self.drain_member(member);
        result
    }

    /// A datagram goes into a relay.
    pub(super) fn relay_judges(&mut self, relay: RelayId, conn: usize, bytes: &[u8]) {
        let now = self.instant();
        let mut targets = Vec::new();
        let node = &mut self.relays[relay.0];
        let (Some(machine), Some(id)) = (&mut node.machine, self.conns[conn].relay_conn) else { return };
        let result = machine.handle_datagram(now, id, bytes, &mut targets);
        node.counts.datagrams += 1;
        match result {
            Ok(()) => {
                node.counts.forwarded += 1;
                self.conns[conn].judged.forwarded += 1;
            }
            Err(reason) => {
                node.counts.drops.add(reason);
                // Whoever is in no room has no counters of its own.
                self.conns[conn].judged.dropped += u64::from(reason != DropReason::NotJoined);
                assert!(targets.is_empty(), "what is dropped goes nowhere");
                let name = &self.members[self.conns[conn].member.0].name;
                self.note_relay(relay, &format!("drops {reason} of {name}"));
            }
        }
        let bytes = Bytes::copy_from_slice(bytes);
        for target in targets {
            let target = self.relays[relay.0].conns.get(&target).copied();
            if let Some(target) = target {
                self.assert_may_hear(target, conn);
                self.send_down(target, bytes.clone());
            }
        }
        self.drain_relay(relay);
    }

    /// Receivers would drop what is not for them, so what a relay sends is looked at before.
    fn assert_may_hear(&self, target: usize, source: usize) {
        let [to, from] = [target, source].map(|conn| &self.members[self.conns[conn].member.0]);
        assert_ne!(target, source, "a datagram of {} returned to it (seed {})", from.name, self.seed);
        if let (Some(to_config), Some(from_config)) = (&to.config, &from.config) {
            let seed = self.seed;
            assert_eq!(to_config.room, from_config.room, "{} reached {} (seed {seed})", from.name, to.name);
        }
    }

    /// A datagram goes into a member.
    pub(super) fn member_judges(&mut self, member: MemberId, bytes: Bytes) {
        let node = &mut self.members[member.0];
        let now = node.instant(self.base, self.now);
        let Some(machine) = &mut node.machine else {
            node.inbox.push(Delivery { at: self.now, frame: bytes });
            return;
        };
        let mut frames = Vec::new();
        if let Err(reason) = machine.handle_datagram(now, &bytes, &mut frames) {
            self.note_member(member, &format!("drops {reason}"));
        }
        self.drain_member(member);
        for frame in frames {
            self.host_receives(member, frame);
        }
    }

    fn host_receives(&mut self, member: MemberId, frame: Bytes) {
        if self.logs_frames {
            self.note_member(member, &format!("< {} bytes", frame.len()));
        }
        self.changed = true;
        let at = self.now;
        let node = &mut self.members[member.0];
        let replies = node.responder.as_mut().map(|responder| responder(&frame)).unwrap_or_default();
        if let Some((id, number)) = flow::recognise(&frame)
            && let Some(state) = self.flows.get_mut(id.0 as usize)
        {
            state.delivered(at, member, number);
        }
        node.inbox.push(Delivery { at, frame });
        for reply in replies {
            // Whether its member takes it shows in the member's counters.
            let _ = self.host_sends(member, &reply);
        }
    }

    fn count_datagram(&mut self, member: MemberId) {
        if let Some(machine) = &mut self.members[member.0].machine {
            machine.stats_mut().tx_datagrams += 1;
        }
    }
}
