//! Where datagrams lie while they wait: one block of memory, in which queues are chains.

use bytes::Bytes;

use super::classify::Half;
use super::codel::Ticks;

/// The end of a chain.
pub(super) const NIL: usize = usize::MAX;

/// A datagram that waits.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) datagram: Bytes,
    /// Since when.
    pub(super) at: Ticks,
    pub(super) half: Half,
    next: usize,
}

impl Entry {
    pub(super) const fn new(datagram: Bytes, at: Ticks, half: Half) -> Self {
        Self { datagram, at, half, next: NIL }
    }
}

/// A chain of entries, first in, first out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fifo {
    head: usize,
    tail: usize,
    pub(super) len: usize,
    pub(super) bytes: usize,
}

impl Fifo {
    pub(super) const EMPTY: Self = Self { head: NIL, tail: NIL, len: 0, bytes: 0 };
}

/// All entries. Memory grows to what waited at most at a time, and is used again.
#[derive(Debug)]
pub(super) struct Slab {
    entries: Vec<Entry>,
    free: usize,
}

impl Slab {
    pub(super) const fn new() -> Self {
        Self { entries: Vec::new(), free: NIL }
    }

    /// Of entries that wait, and of those that may be used again.
    pub(super) const fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn push(&mut self, fifo: &mut Fifo, entry: Entry) {
        fifo.len += 1;
        fifo.bytes += entry.datagram.len();
        let at = self.free;
        let at = match self.entries.get_mut(at) {
            Some(slot) => {
                self.free = slot.next;
                *slot = entry;
                at
            }
            None => {
                self.entries.push(entry);
                self.entries.len() - 1
            }
        };
        match self.entries.get_mut(fifo.tail) {
            Some(last) => last.next = at,
            None => fifo.head = at,
        }
        fifo.tail = at;
    }

    pub(super) fn head(&self, fifo: &Fifo) -> Option<&Entry> {
        self.entries.get(fifo.head)
    }

    pub(super) fn pop(&mut self, fifo: &mut Fifo) -> Option<Entry> {
        let at = fifo.head;
        let slot = self.entries.get_mut(at)?;
        let entry =
            std::mem::replace(slot, Entry { next: self.free, ..Entry::new(Bytes::new(), 0, Half::Whole) });
        self.free = at;
        fifo.head = entry.next;
        if fifo.head == NIL {
            fifo.tail = NIL;
        }
        fifo.len -= 1;
        fifo.bytes -= entry.datagram.len();
        Some(entry)
    }
}
