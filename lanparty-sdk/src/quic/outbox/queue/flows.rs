//! The flows that something waits for, and those that something waited for not long ago.
//!
//! Flows are told apart by their whole hash, so none ever shares its queue, and whoever tries many cannot hit another's.
//! About as many are known as datagrams may wait.

use super::codel::Codel;
use super::slab::{Fifo, NIL};

const BUCKETS: usize = 1 << u8::BITS;
/// So many flows are known before the one that is idle for longest makes room for another.
pub(super) const REMEMBERED: usize = 256;

/// Whose turn a flow waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Nothing waits.
    Idle,
    /// Served before all others, since it had nothing waiting until now.
    New,
    /// In its party's rotation.
    Old,
}

#[derive(Clone, Debug)]
pub(super) struct Flow {
    hash: u64,
    /// Whose it is. Valid unless idle.
    pub(super) party: usize,
    pub(super) place: Place,
    /// Bytes that it may still send in this round.
    pub(super) deficit: i64,
    pub(super) fifo: Fifo,
    pub(super) codel: Codel,
    /// The next one in the same bucket.
    chain: usize,
    prev: usize,
    next: usize,
}

impl Flow {
    fn new(hash: u64) -> Self {
        Self {
            hash,
            party: NIL,
            place: Place::Idle,
            deficit: 0,
            fifo: Fifo::EMPTY,
            codel: Codel::default(),
            chain: NIL,
            prev: NIL,
            next: NIL,
        }
    }
}

/// Flows in the order of their turns. Each flow is in exactly one list.
#[derive(Clone, Copy, Debug)]
pub(super) struct List {
    head: usize,
    tail: usize,
}

impl List {
    pub(super) const EMPTY: Self = Self { head: NIL, tail: NIL };

    pub(super) const fn head(&self) -> Option<usize> {
        if self.head == NIL { None } else { Some(self.head) }
    }

    pub(super) const fn is_single(&self) -> bool {
        self.head == self.tail
    }
}

#[derive(Debug)]
pub(super) struct Flows {
    slots: Vec<Flow>,
    /// Empty until the first flow.
    buckets: Vec<usize>,
    idle: List,
}

impl Flows {
    pub(super) const fn new() -> Self {
        Self { slots: Vec::new(), buckets: Vec::new(), idle: List::EMPTY }
    }

    pub(super) fn find(&self, hash: u64) -> Option<usize> {
        let mut at = *self.buckets.get(bucket(hash))?;
        while let Some(flow) = self.slots.get(at) {
            if flow.hash == hash {
                return Some(at);
            }
            at = flow.chain;
        }
        None
    }

    /// A flow that [`Flows::find`] does not know; idle.
    pub(super) fn create(&mut self, hash: u64) -> usize {
        if self.buckets.is_empty() {
            self.buckets.resize(BUCKETS, NIL);
        }
        let id = match self.idle.head() {
            Some(oldest) if self.slots.len() >= REMEMBERED => {
                self.unchain(oldest);
                let mut idle = self.idle;
                self.remove(&mut idle, oldest);
                self.idle = idle;
                self.slots[oldest] = Flow::new(hash);
                oldest
            }
            _ => {
                self.slots.push(Flow::new(hash));
                self.slots.len() - 1
            }
        };
        self.slots[id].chain = std::mem::replace(&mut self.buckets[bucket(hash)], id);
        self.rest(id);
        id
    }

    /// Takes an idle flow up again. The caller puts it into a list.
    pub(super) fn wake(&mut self, id: usize) {
        let mut idle = self.idle;
        self.remove(&mut idle, id);
        self.idle = idle;
    }

    /// Makes a flow idle that is in no list.
    pub(super) fn rest(&mut self, id: usize) {
        let mut idle = self.idle;
        self.push_back(&mut idle, id, Place::Idle);
        self.idle = idle;
    }

    pub(super) fn push_back(&mut self, list: &mut List, id: usize, place: Place) {
        let flow = &mut self.slots[id];
        (flow.place, flow.prev, flow.next) = (place, list.tail, NIL);
        match self.slots.get_mut(list.tail) {
            Some(last) => last.next = id,
            None => list.head = id,
        }
        list.tail = id;
    }

    pub(super) fn remove(&mut self, list: &mut List, id: usize) {
        let Flow { prev, next, .. } = self.slots[id];
        match self.slots.get_mut(prev) {
            Some(before) => before.next = next,
            None => list.head = next,
        }
        match self.slots.get_mut(next) {
            Some(after) => after.prev = prev,
            None => list.tail = prev,
        }
    }

    /// The flows of a list, in order.
    pub(super) fn iter(&self, list: List) -> impl Iterator<Item = (usize, &Flow)> {
        let mut at = list.head;
        std::iter::from_fn(move || {
            let flow = self.slots.get(at)?;
            let id = std::mem::replace(&mut at, flow.next);
            Some((id, flow))
        })
    }

    pub(super) fn get(&self, id: usize) -> &Flow {
        &self.slots[id]
    }

    pub(super) fn get_mut(&mut self, id: usize) -> &mut Flow {
        &mut self.slots[id]
    }

    /// How many flows are known, idle ones included.
    pub(super) const fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether another flow would be one too many, if datagrams of `waiting` flows wait at most.
    pub(super) const fn is_crowded(&self, waiting: usize) -> bool {
        self.idle.head().is_none() && self.slots.len() >= waiting.saturating_add(REMEMBERED)
    }

    fn unchain(&mut self, id: usize) {
        let Flow { hash, chain, .. } = self.slots[id];
        let mut at = self.buckets[bucket(hash)];
        if at == id {
            self.buckets[bucket(hash)] = chain;
            return;
        }
        while let Some(flow) = self.slots.get_mut(at) {
            if flow.chain == id {
                flow.chain = chain;
                return;
            }
            at = flow.chain;
        }
    }
}

/// The hash is keyed and spreads evenly; any of its bits will do.
const fn bucket(hash: u64) -> usize {
    hash.to_le_bytes()[0] as usize
}
