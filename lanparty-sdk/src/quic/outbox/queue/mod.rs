//! What waits for a connection: fair queues with controlled delay (FQ-CoDel, RFC 8290), in two levels.
//!
//! Datagrams are sorted into **flows** by what their headers say, and flows into **parties**: on a relay's way down
//! the members that send, on a gateway's way up the members that receive. Parties take turns, and so do the flows of a party, each
//! with as many bytes as the others (deficit round robin). So whoever opens a hundred flows gets no more than whoever
//! has one.
//!
//! A flow that had nothing waiting goes before all that had, once, for as many bytes as a turn gives: a game's frames
//! never wait behind a download, whoever downloads. They are charged to their party, so that this moves what a party
//! sends in time but gives it no larger share: a party in debt gets no such favour until its turns have paid.
//!
//! Before everything else goes what is tiny and keeps hosts and sessions alive, at a rate so small that nobody can live
//! on it.
//!
//! What waits too long goes from the head of its flow, where it is oldest: some of it by CoDel (RFC 8289) while the flow keeps
//! a standing queue, all of it beyond an age at which nobody wants it any more. When there is no room, whoever has most
//! waiting gives way.
//!
//! Datagrams of one flow never overtake each other. Nothing here reads a clock.

mod classify;
mod codel;
mod flows;
mod halves;
mod slab;

use std::collections::VecDeque;
use std::hash::RandomState;
use std::time::Instant;

use bytes::Bytes;

use super::OutboxLimits;
use crate::obs::{DropCounts, DropReason};
use crate::switch::{Rate, TokenBucket};
use classify::{Half, classify, is_half};
use codel::Ticks;
use flows::{Flows, List, Place};
use halves::Halves;
use slab::{Entry, Fifo, Slab};

/// Datagrams up to this length are copied when they have to wait.
const COPIED_LEN: usize = 512;
/// Bytes that a turn gives. As in RFC 8290, section 6.2, where small datagrams should go before large ones.
const QUANTUM: i64 = 300;
/// Datagrams up to this length cost half of it: several share a packet, and they are what games and voices send.
const SMALL_LEN: usize = 256;
/// A datagram costs at least this much of a turn: whoever sends next to nothing still takes place in a packet.
const MIN_COST: usize = 32;
/// A party whose turns owe more than two of the largest frames, or of which as much went first between two turns, gets no
/// favours until one that waits for its turn has had it.
const MAX_DEBT: i64 = 2 * 1514;
/// So many flows of a party are compared to find the one that has most. A flood of thousands should not cost more to drop
/// than to send.
const MAX_COMPARED: usize = 64;
/// So many waiting datagrams may each keep the receive buffer that they came in, of up to 64 KiB. Beyond, what waits is
/// copied: a few hundred bytes that count as such must not hold megabytes.
const PINNED: usize = 32;
/// What may go before everything else: a hundred ARP frames per second, and twice the largest DHCP message at once.
const EXPRESS: Rate = Rate::new(8 << 10, 2 << 10);

/// Datagrams that wait, in the order in which they should leave.
#[derive(Debug)]
pub(super) struct Queue {
    limits: OutboxLimits,
    /// What the limits are on the present path.
    max_bytes: usize,
    max_datagrams: usize,
    max_age: Ticks,
    /// Whether the path will soon take more.
    growing: bool,
    keys: RandomState,
    /// When the first datagram came, and what is left for the express datagrams.
    clock: Option<(Instant, TokenBucket)>,
    slab: Slab,
    express: Fifo,
    flows: Flows,
    /// Flows that go first.
    new: List,
    parties: Vec<Party>,
    /// Parties in the order of their turns.
    rotation: VecDeque<usize>,
    halves: Halves,
    len: usize,
    bytes: usize,
}

/// Whoever shares with others.
#[derive(Clone, Debug)]
struct Party {
    key: u32,
    /// Whether it is in the rotation.
    active: bool,
    /// Bytes that it may still send in this round.
    deficit: i64,
    /// Its flows in the order of their turns.
    old: List,
    /// How many of its flows go first now.
    new_flows: i64,
    /// Bytes that went first since one of its flows had a turn.
    favours: i64,
    len: usize,
    bytes: usize,
}

impl Party {
    /// Whether another of its flows may go first. Those that do so already will use up their turns.
    const fn is_favoured(&mut self) -> bool {
        if self.deficit - self.new_flows * QUANTUM <= -MAX_DEBT {
            self.favours = MAX_DEBT;
        }
        self.favours < MAX_DEBT
    }
}

impl Queue {
    /// An empty queue, which costs no memory until something waits. `keys` should be nobody else's.
    pub(super) fn new(limits: OutboxLimits, keys: RandomState) -> Self {
        Self {
            limits,
            max_bytes: limits.bytes,
            max_datagrams: limits.datagrams,
            max_age: limits.max_age.as_nanos().try_into().unwrap_or(Ticks::MAX),
            growing: false,
            keys,
            clock: None,
            slab: Slab::new(),
            express: Fifo::EMPTY,
            flows: Flows::new(),
            new: List::EMPTY,
            parties: Vec::new(),
            rotation: VecDeque::new(),
            halves: Halves::default(),
            len: 0,
            bytes: 0,
        }
    }

    /// The path holds this much by itself. If less may wait than before, the limits fall as the queue drains: a path that
    /// stops for a while seems to hold less just when most waits for it.
    pub(super) fn set_path_bytes(&mut self, bytes: usize) {
        let OutboxLimits { bytes: least, datagrams, .. } = self.limits;
        self.max_bytes = bytes.max(self.bytes).clamp(least, least.saturating_mul(OutboxLimits::GROWTH));
        let growth = self.max_bytes.div_ceil(least.max(1)).max(1);
        self.max_datagrams = datagrams.saturating_mul(growth).max(self.len);
    }

    /// Whether the window is doubling. TCP's own slow start is always a step ahead of it: a queue that stands meanwhile is
    /// no sign that a flow sends more than the path carries, and the drop would end that slow start far too early.
    pub(super) const fn set_growing(&mut self, growing: bool) {
        self.growing = growing;
    }

    /// Gives back what the queue needed beyond its usual limits, if nothing waits any more.
    pub(super) fn shed(&mut self) {
        let usual = self.limits.datagrams.saturating_add(flows::REMEMBERED);
        if self.len == 0 && self.slab.len().max(self.flows.len()) > usual {
            self.clear();
        }
    }

    /// Adds a datagram and counts those that had to give way.
    pub(super) fn push(&mut self, datagram: Bytes, now: Instant, drops: &mut DropCounts) {
        let len = datagram.len();
        if len > self.limits.bytes || self.limits.datagrams == 0 {
            drops.add(DropReason::OverBudget);
            return;
        }
        let class = classify(&datagram, &self.keys);
        let mut hash = class.flow;
        match class.half {
            Half::Whole => {}
            Half::First(key) => self.halves.remember(key, hash),
            Half::Second(key) => {
                if let Some(first) = self.halves.find(key) {
                    if let Some(reason) = first.dropped {
                        drops.add(reason);
                        return;
                    }
                    hash = first.flow;
                }
            }
        }
        // A slice may hold a whole receive buffer of 64 KiB: what waits must not cost more than it counts.
        let copy = len <= COPIED_LEN || self.len >= PINNED;
        let datagram = if copy { Bytes::copy_from_slice(&datagram) } else { datagram };
        let (begin, bucket) = self.clock.get_or_insert_with(|| (now, TokenBucket::new(EXPRESS, now)));
        let entry = Entry::new(datagram, ticks(*begin, now), class.half);
        self.len += 1;
        self.bytes += len;
        let flow = self.flows.find(hash);
        let overtakes = flow.is_some_and(|flow| self.flows.get(flow).fifo.len > 0);
        if class.express && !overtakes && bucket.try_take(len as u64, now) {
            self.slab.push(&mut self.express, entry);
        } else {
            self.enqueue(flow, hash, class.party, entry);
        }
        while self.bytes > self.max_bytes || self.len > self.max_datagrams {
            self.give_way(drops);
        }
    }

    /// Takes the datagram whose turn it is, and counts those that have waited for too long.
    pub(super) fn pop(&mut self, now: Instant, drops: &mut DropCounts) -> Option<Bytes> {
        let now = ticks(self.clock.as_ref()?.0, now);
        self.pop_express(now, drops)
            .or_else(|| self.pop_new(now, drops))
            .or_else(|| self.pop_old(now, drops))
            .map(|entry| entry.datagram)
    }

    /// Learns of a datagram that may go without waiting, in case its other half has to.
    pub(super) fn note_direct(&mut self, datagram: &[u8]) {
        if !is_half(datagram) {
            return;
        }
        let class = classify(datagram, &self.keys);
        if let Half::First(key) = class.half {
            self.halves.remember(key, class.flow);
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new(self.limits, self.keys.clone());
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    fn enqueue(&mut self, flow: Option<usize>, hash: u64, party: u32, entry: Entry) {
        let id = flow.unwrap_or_else(|| {
            if self.flows.is_crowded(self.max_datagrams) {
                self.rest_the_empty();
            }
            self.flows.create(hash)
        });
        let len = entry.datagram.len();
        let flow = self.flows.get_mut(id);
        let was_empty = flow.fifo.len == 0;
        self.slab.push(&mut flow.fifo, entry);
        if flow.place == Place::Idle {
            flow.deficit = QUANTUM;
            self.flows.wake(id);
            let owner = self.party(party);
            self.flows.get_mut(id).party = owner;
            self.flows.push_back(&mut self.parties[owner].old, id, Place::Old);
        }
        let flow = self.flows.get(id);
        let party = &mut self.parties[flow.party];
        party.len += 1;
        party.bytes += len;
        // What is left of a turn may be used at any time of the round. Without that, a flow would wait for its turn
        // whenever a round takes longer than its next datagram.
        if was_empty && flow.place == Place::Old && flow.deficit > 0 && party.is_favoured() {
            party.new_flows += 1;
            self.flows.remove(&mut party.old, id);
            self.flows.push_back(&mut self.new, id, Place::New);
        }
    }

    /// The party that `key` tells, in the rotation. Few are, and only a flow that begins needs to know.
    fn party(&mut self, key: u32) -> usize {
        let party = Party {
            key,
            active: true,
            deficit: QUANTUM,
            old: List::EMPTY,
            new_flows: 0,
            favours: 0,
            len: 0,
            bytes: 0,
        };
        let mut unused = None;
        for (at, known) in self.parties.iter().enumerate() {
            match known.active {
                true if known.key == key => return at,
                true => {}
                false => unused = Some(at),
            }
        }
        let at = match unused {
            Some(at) => {
                self.parties[at] = party;
                at
            }
            None => {
                self.parties.push(party);
                self.parties.len() - 1
            }
        };
        self.rotation.push_back(at);
        at
    }

    fn pop_express(&mut self, now: Ticks, drops: &mut DropCounts) -> Option<Entry> {
        loop {
            let entry = self.slab.pop(&mut self.express)?;
            self.len -= 1;
            self.bytes -= entry.datagram.len();
            if now.saturating_sub(entry.at) <= self.max_age {
                return Some(entry);
            }
            drops.add(DropReason::Stale);
        }
    }

    fn pop_new(&mut self, now: Ticks, drops: &mut DropCounts) -> Option<Entry> {
        while let Some(id) = self.new.head() {
            if self.flows.get(id).deficit > 0
                && let Some(entry) = self.pop_flow(id, now, drops)
            {
                return Some(entry);
            }
            // Also if nothing waits any more: its next turn comes when all others had theirs.
            let party = &mut self.parties[self.flows.get(id).party];
            party.new_flows -= 1;
            self.flows.remove(&mut self.new, id);
            self.flows.push_back(&mut party.old, id, Place::Old);
        }
        None
    }

    fn pop_old(&mut self, now: Ticks, drops: &mut DropCounts) -> Option<Entry> {
        while let Some(&at) = self.rotation.front() {
            let party = &mut self.parties[at];
            if party.deficit <= 0 {
                // With nobody else to wait for, there is nothing to pay back.
                party.deficit = if self.rotation.len() == 1 { QUANTUM } else { party.deficit + QUANTUM };
                self.rotation.rotate_left(1);
                continue;
            }
            let Some(id) = party.old.head() else {
                party.active = false;
                self.rotation.pop_front();
                continue;
            };
            let flow = self.flows.get_mut(id);
            if flow.deficit <= 0 {
                if party.old.is_single() {
                    flow.deficit = QUANTUM;
                } else {
                    flow.deficit += QUANTUM;
                    self.flows.remove(&mut party.old, id);
                    self.flows.push_back(&mut party.old, id, Place::Old);
                }
                continue;
            }
            let popped = self.pop_flow(id, now, drops);
            if popped.is_some() {
                return popped;
            }
            self.flows.remove(&mut self.parties[at].old, id);
            self.flows.rest(id);
        }
        None
    }

    /// Takes a flow's next datagram that has not waited for too long, and charges it.
    fn pop_flow(&mut self, id: usize, now: Ticks, drops: &mut DropCounts) -> Option<Entry> {
        loop {
            let flow = self.flows.get_mut(id);
            let Some(head) = self.slab.head(&flow.fifo) else {
                flow.codel.calm();
                return None;
            };
            let age = now.saturating_sub(head.at);
            let left = flow.fifo.bytes - head.datagram.len();
            // The other half of a second half is on its way: dropping this one would waste that one.
            let is_second = matches!(head.half, Half::Second(_));
            if self.growing {
                flow.codel.calm();
            }
            if age > self.max_age {
                self.drop_head(id, DropReason::Stale, drops);
            } else if !is_second && !self.growing && flow.codel.drops(now, age, left) {
                self.drop_head(id, DropReason::QueueDelay, drops);
            } else {
                let entry = self.take_head(id)?;
                let cost = cost(entry.datagram.len());
                let flow = self.flows.get_mut(id);
                flow.deficit -= cost;
                let party = &mut self.parties[flow.party];
                party.deficit -= cost;
                party.favours = if flow.place == Place::New { party.favours + cost } else { 0 };
                return Some(entry);
            }
        }
    }

    /// Drops the oldest of whoever has most waiting.
    fn give_way(&mut self, drops: &mut DropCounts) {
        let by_len = self.len > self.max_datagrams;
        let size = |len: usize, bytes: usize| if by_len { len } else { bytes };
        let fattest = (0..self.parties.len()).max_by_key(|at| {
            let party = &self.parties[*at];
            size(party.len, party.bytes)
        });
        let Some(owner) = fattest.filter(|at| self.parties[*at].len > 0) else {
            if let Some(entry) = self.slab.pop(&mut self.express) {
                self.len -= 1;
                self.bytes -= entry.datagram.len();
                drops.add(DropReason::OutboxFull);
            }
            return;
        };
        let flows = self.flows.iter(self.parties[owner].old).chain(self.flows.iter(self.new));
        let fattest = flows
            .filter(|(_, flow)| flow.party == owner && flow.fifo.len > 0)
            .take(MAX_COMPARED)
            .max_by_key(|(_, flow)| size(flow.fifo.len, flow.fifo.bytes))
            .map(|(id, _)| id);
        if let Some(id) = fattest {
            self.drop_head(id, DropReason::OutboxFull, drops);
            if self.flows.get(id).fifo.len == 0 {
                self.rest(id);
            }
        }
    }

    /// Takes an empty flow out of its list. It is known for some time yet.
    fn rest(&mut self, id: usize) {
        let flow = self.flows.get(id);
        let party = &mut self.parties[flow.party];
        match flow.place {
            Place::Idle => return,
            Place::New => {
                party.new_flows -= 1;
                self.flows.remove(&mut self.new, id);
            }
            Place::Old => self.flows.remove(&mut party.old, id),
        }
        self.flows.rest(id);
    }

    /// Empty flows wait for their party's turn to be forgotten. When that takes too long there are more of them than of those
    /// that are not.
    fn rest_the_empty(&mut self) {
        for id in 0..self.flows.len() {
            if self.flows.get(id).fifo.len == 0 {
                self.rest(id);
            }
        }
    }

    /// Drops the oldest datagram of a flow, and the other half of its frame if that comes next.
    fn drop_head(&mut self, id: usize, reason: DropReason, drops: &mut DropCounts) {
        let Some(entry) = self.take_head(id) else { return };
        drops.add(reason);
        let Half::First(key) = entry.half else { return };
        match self.slab.head(&self.flows.get(id).fifo) {
            Some(next) if next.half == Half::Second(key) => {
                self.take_head(id);
                drops.add(reason);
            }
            // It may come yet.
            _ => self.halves.note_drop(key, reason),
        }
    }

    fn take_head(&mut self, id: usize) -> Option<Entry> {
        let flow = self.flows.get_mut(id);
        let entry = self.slab.pop(&mut flow.fifo)?;
        let (len, party) = (entry.datagram.len(), &mut self.parties[flow.party]);
        party.len -= 1;
        party.bytes -= len;
        self.len -= 1;
        self.bytes -= len;
        Some(entry)
    }
}

/// What sending so many bytes takes of a turn.
fn cost(len: usize) -> i64 {
    let cost = if len <= SMALL_LEN { len / 2 } else { len };
    cost.max(MIN_COST).try_into().unwrap_or(i64::MAX)
}

/// A clock that went back stands still.
fn ticks(begin: Instant, now: Instant) -> Ticks {
    now.saturating_duration_since(begin).as_nanos().try_into().unwrap_or(Ticks::MAX)
}

#[cfg(test)]
mod tests;
