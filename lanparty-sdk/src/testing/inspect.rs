//! What a simulation can be asked.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;

use super::SimNet;
use super::flow::{FlowId, FlowReport};
use super::link::LinkCounts;
use super::node::{Delivery, MemberId, RelayCounts, RelayId, Way};
use crate::ctrl::{CloseCode, Decoder, PeerRole, RelayMessage, RoomCode};
use crate::member::EndReason;
use crate::member::SessionEvent;
use crate::member::{Member, MemberConfig, Phase};
use crate::obs::{DropCounts, DropReason};
use crate::proto::{PeerId, RoomId};
use crate::relay::{RelayEvent, RelayState};
use crate::room::RoomSnapshot;

impl SimNet {
    /// A member's machine; `None` while it is crashed, and for a stranger.
    #[must_use]
    pub fn machine(&self, member: MemberId) -> Option<&Member> {
        self.members[member.0].machine.as_ref()
    }

    /// The configuration that a member was made with; `None` for a stranger.
    #[must_use]
    pub fn config_of(&self, member: MemberId) -> Option<&MemberConfig> {
        self.members[member.0].config.as_ref()
    }

    /// How far a member has come; a crashed one has ended.
    #[must_use]
    pub fn phase(&self, member: MemberId) -> Phase {
        self.machine(member).map_or(Phase::Ended, Member::phase)
    }

    /// Whether a member is in its room.
    #[must_use]
    pub fn is_joined(&self, member: MemberId) -> bool {
        self.phase(member) == Phase::Joined
    }

    /// A member's room, number and MTU while it is in.
    #[must_use]
    pub fn seat(&self, member: MemberId) -> Option<(RoomId, PeerId, u16)> {
        self.machine(member)?.seat()
    }

    /// A member's own number while it is in.
    #[must_use]
    pub fn peer(&self, member: MemberId) -> Option<PeerId> {
        self.seat(member).map(|(_, peer, _)| peer)
    }

    /// Whether `member` knows `other` as a fellow member.
    #[must_use]
    pub fn knows(&self, member: MemberId, other: MemberId) -> bool {
        let Some(wanted) = self.peer(other) else { return false };
        self.machine(member).is_some_and(|machine| machine.peers().any(|info| info.peer == wanted))
    }

    /// Everything a member told its user, with the time.
    #[must_use]
    pub fn events(&self, member: MemberId) -> &[(Duration, SessionEvent)] {
        &self.members[member.0].events
    }

    /// Why a member's session is over, if it is.
    #[must_use]
    pub fn end(&self, member: MemberId) -> Option<&EndReason> {
        self.events(member).iter().rev().find_map(|(_, event)| match event {
            SessionEvent::Ended(reason) => Some(reason),
            _ => None,
        })
    }

    /// Everything a relay told its operator, with the time.
    #[must_use]
    pub fn relay_events(&self, relay: RelayId) -> &[(Duration, RelayEvent)] {
        &self.relays[relay.0].events
    }

    /// How a member's connections ended that it did not close itself, with the time and the relay's code if there was
    /// one.
    #[must_use]
    pub fn closes(&self, member: MemberId) -> &[(Duration, Option<CloseCode>)] {
        &self.members[member.0].closes
    }

    /// What a stranger was told on its control stream.
    #[must_use]
    pub fn heard_messages(&self, stranger: MemberId) -> Vec<RelayMessage> {
        let mut decoder = Decoder::default();
        decoder.push(&self.members[stranger.0].heard);
        std::iter::from_fn(|| decoder.next_message().ok().flatten()).collect()
    }

    /// Every frame a member's host has received and nobody has taken yet.
    #[must_use]
    pub fn inbox(&self, member: MemberId) -> &[Delivery] {
        &self.members[member.0].inbox
    }

    /// Takes the frames that a member's host has received.
    pub fn take_inbox(&mut self, member: MemberId) -> Vec<Bytes> {
        std::mem::take(&mut self.members[member.0].inbox).into_iter().map(|delivery| delivery.frame).collect()
    }

    /// The frames that a gateway made up for its LAN.
    #[must_use]
    pub fn refreshes(&self, member: MemberId) -> &[Delivery] {
        &self.members[member.0].refreshes
    }

    /// What a member dropped since it was started, by reason.
    #[must_use]
    pub fn drops(&self, member: MemberId) -> DropCounts {
        self.machine(member).map(|machine| machine.stats().drops.clone()).unwrap_or_default()
    }

    /// How often a member dropped something for this reason.
    #[must_use]
    pub fn dropped(&self, member: MemberId, reason: DropReason) -> u64 {
        self.drops(member).get(reason)
    }

    /// What a relay did with datagrams since it was started.
    #[must_use]
    pub fn relay_counts(&self, relay: RelayId) -> &RelayCounts {
        &self.relays[relay.0].counts
    }

    /// A relay's machine, while it runs.
    #[must_use]
    pub fn relay_machine(&self, relay: RelayId) -> Option<&RelayState> {
        self.relays[relay.0].machine.as_ref()
    }

    /// A room as its relay sees it.
    ///
    /// # Panics
    /// If `room` is no room code.
    #[must_use]
    pub fn room(&self, relay: RelayId, room: &str) -> Option<RoomSnapshot> {
        let code: RoomCode = room.parse().expect("a test names rooms correctly");
        self.relay_machine(relay)?.room(&code)
    }

    /// What a member's path did in one direction.
    #[must_use]
    pub fn link(&self, member: MemberId, way: Way) -> LinkCounts {
        self.members[member.0].pipes[way.index()].counts
    }

    /// What became of a flow so far.
    #[must_use]
    pub fn report(&self, flow: FlowId) -> FlowReport {
        self.flows[flow.0 as usize].report()
    }

    /// The numbers of a flow's frames that came out at `member`, in order.
    #[must_use]
    pub fn numbers(&self, flow: FlowId, member: MemberId) -> Vec<u32> {
        self.flows[flow.0 as usize].numbers(member)
    }

    /// When a flow's frame was sent.
    #[must_use]
    pub fn sent_at(&self, flow: FlowId, number: u32) -> Option<Duration> {
        self.flows[flow.0 as usize].sent_at(number)
    }

    /// Whether every member that runs and has not ended is in its room, knows exactly the others there, and the relay
    /// agrees.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let mut rooms: BTreeMap<(RelayId, &RoomCode), BTreeSet<PeerId>> = BTreeMap::new();
        let live = || {
            (0..).map(MemberId).zip(&self.members).filter_map(|(id, node)| {
                let (machine, config) = (node.machine.as_ref()?, node.config.as_ref()?);
                (machine.phase() != Phase::Ended).then_some((id, node.relay, &config.room, machine))
            })
        };
        for (_, relay, room, machine) in live() {
            let Some((_, peer, _)) = machine.seat() else { return false };
            if !rooms.entry((relay, room)).or_default().insert(peer) {
                return false;
            }
        }
        let agrees = rooms.iter().all(|((relay, room), peers)| {
            let snapshot = self.relay_machine(*relay).and_then(|machine| machine.room(room));
            snapshot.is_some_and(|snapshot| {
                snapshot.members.iter().map(|member| member.info.peer).eq(peers.iter().copied())
            })
        });
        agrees
            && live().all(|(_, relay, room, machine)| {
                let own = machine.seat().map(|(_, peer, _)| peer);
                let others = rooms[&(relay, room)].iter().copied().filter(|peer| Some(*peer) != own);
                machine.peers().map(|info| info.peer).eq(others)
            })
    }

    /// Checks what must hold at any moment of any simulation, and says what does not.
    ///
    /// # Errors
    /// The first contradiction found.
    pub fn audit(&self) -> Result<(), String> {
        self.relays.iter().try_for_each(|node| match &node.machine {
            Some(machine) => machine.snapshot().iter().try_for_each(|room| {
                audit_room(room, node.config.room.max_clients)
                    .map_err(|fault| format!("{}: {fault}", room.code))
            }),
            None => Ok(()),
        })?;
        for node in &self.relays {
            let counts = &node.counts;
            check(counts.datagrams == counts.forwarded + counts.drops.total(), || {
                format!("{}: every datagram has one fate: {counts:?}", node.name)
            })?;
            let Some(machine) = &node.machine else { continue };
            let members: usize = machine.snapshot().iter().map(|room| room.members.len()).sum();
            check(machine.connections() == node.conns.len() && members <= node.conns.len(), || {
                format!("{}: connections do not outlive themselves", node.name)
            })?;
        }
        (0..self.members.len()).map(MemberId).try_for_each(|member| self.audit_member(member))
    }

    fn audit_member(&self, member: MemberId) -> Result<(), String> {
        let node = &self.members[member.0];
        for way in Way::BOTH {
            let counts = self.link(member, way);
            let flying = self.in_flight(member, way);
            check(counts.sent + counts.duplicated == counts.delivered + counts.missing() + flying, || {
                format!("{}: the {} link lost count: {counts:?}, {flying} under way", node.name, way.as_str())
            })?;
        }
        let Some(((room, peer, _), conn)) = self.seat(member).zip(node.conn) else { return Ok(()) };
        let (conn, relay) = (&self.conns[conn], &self.relays[node.relay.0]);
        let Some(machine) = relay.machine.as_ref() else { return Ok(()) };
        if !conn.is_open_at_relay() || conn.relay_epoch() != relay.epoch {
            return Ok(());
        }
        let rooms = machine.snapshot();
        let seen = rooms
            .iter()
            .find(|snapshot| snapshot.id == room)
            .and_then(|snapshot| snapshot.members.iter().find(|member| member.info.peer == peer));
        // The relay may have let it go a moment ago.
        let Some(seen) = seen else { return Ok(()) };
        let (sent, received, dropped) = (seen.sent_datagrams, seen.received_datagrams, seen.drops.total());
        check(sent == conn.judged.forwarded + conn.judged.dropped && dropped == conn.judged.dropped, || {
            format!("{}: the relay's counters do not add up: {seen:?}, {:?}", node.name, conn.judged)
        })?;
        check(received == conn.judged.copies, || {
            format!("{}: the relay counts {received} copies, {} were made", node.name, conn.judged.copies)
        })
    }
}

/// What must hold of a room.
fn audit_room(room: &RoomSnapshot, max_clients: u16) -> Result<(), String> {
    let peers: BTreeSet<_> = room.members.iter().map(|member| member.info.peer).collect();
    check(!room.members.is_empty(), || "an empty room is closed".to_owned())?;
    check(peers.len() == room.members.len(), || "numbers are unique".to_owned())?;
    let macs: Vec<_> = room.members.iter().filter_map(|member| member.info.mac).collect();
    check(macs.iter().collect::<BTreeSet<_>>().len() == macs.len(), || "addresses are unique".to_owned())?;
    let gateways: Vec<_> = room
        .members
        .iter()
        .filter(|member| member.info.role == PeerRole::Gateway)
        .map(|member| member.info.peer)
        .collect();
    check(gateways.len() <= 1 && gateways.first().copied() == room.gateway, || {
        format!("one gateway at most: {gateways:?}, {:?}", room.gateway)
    })?;
    let clients = room.members.len() - gateways.len();
    check(clients <= usize::from(max_clients), || format!("{clients} clients are too many"))
}

fn check(holds: bool, fault: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(fault()) }
}
