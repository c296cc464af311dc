//! Puts the halves of frames together again, within bounds.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};

use super::{Fragment, Label, Part, PeerId, split_at};
use crate::obs::{DropCounts, DropReason};

/// Bounds of a [`Reassembler`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReassemblyConfig {
    /// How many frames may wait for their other half; 64 by default, at most 1518 bytes each.
    pub slots: usize,
    /// How many of them may come from one sender; 16 by default.
    pub slots_per_source: usize,
    /// How long a half waits; 100 ms by default. A frame that comes later is worthless to a game.
    pub timeout: Duration,
}

impl Default for ReassemblyConfig {
    fn default() -> Self {
        Self { slots: 64, slots_per_source: 16, timeout: Duration::from_millis(100) }
    }
}

#[derive(Debug)]
struct Slot {
    source: PeerId,
    id: u16,
    label: Label,
    have: Part,
    buffer: BytesMut,
    arrived: Instant,
}

/// A bounded table of frames of which one half has arrived.
#[derive(Debug)]
pub struct Reassembler {
    config: ReassemblyConfig,
    /// In order of arrival, oldest first.
    slots: Vec<Slot>,
    drops: DropCounts,
}

impl Reassembler {
    /// An empty table.
    #[must_use]
    pub fn new(config: ReassemblyConfig) -> Self {
        Self { config, slots: Vec::new(), drops: DropCounts::default() }
    }

    /// Takes one half from `source`, and gives the whole frame if the other half was here already.
    ///
    /// Two halves belong together only if sender, number, label and total length agree.
    pub fn push(
        &mut self,
        now: Instant,
        source: PeerId,
        label: Label,
        fragment: &Fragment<'_>,
    ) -> Option<Bytes> {
        self.expire(now);
        if let Some(index) =
            self.slots.iter().position(|slot| slot.source == source && slot.id == fragment.id)
        {
            let slot = &mut self.slots[index];
            if slot.label == label && slot.buffer.len() == fragment.total {
                if slot.have == fragment.part {
                    return None; // a duplicate says nothing new
                }
                place(&mut slot.buffer, fragment);
                return Some(self.slots.remove(index).buffer.freeze());
            }
            // The number came round again, or somebody lies about it: the older half will never be whole.
            self.evict(index, DropReason::FragmentEvicted);
        }
        self.make_room(source);
        let mut buffer = BytesMut::zeroed(fragment.total);
        place(&mut buffer, fragment);
        self.slots.push(Slot { source, id: fragment.id, label, have: fragment.part, buffer, arrived: now });
        None
    }

    /// Forgets everything from `source`, who left.
    pub fn forget(&mut self, source: PeerId) {
        self.slots.retain(|slot| slot.source != source);
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.slots.clear();
    }

    /// Drops the halves that have waited too long.
    pub fn expire(&mut self, now: Instant) {
        let timeout = self.config.timeout;
        let expired = self
            .slots
            .iter()
            .take_while(|slot| now.saturating_duration_since(slot.arrived) >= timeout)
            .count();
        if expired > 0 {
            self.slots.drain(..expired);
            self.drops.add_many(DropReason::FragmentTimeout, expired as u64);
        }
    }

    /// When [`Reassembler::expire`] has something to do next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.slots.first().map(|slot| slot.arrived + self.config.timeout)
    }

    /// Takes the drops since the last call.
    pub fn take_drops(&mut self) -> DropCounts {
        std::mem::take(&mut self.drops)
    }

    /// How many frames wait for their other half.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    fn make_room(&mut self, source: PeerId) {
        if self.slots.iter().filter(|slot| slot.source == source).count()
            >= self.config.slots_per_source.max(1)
            && let Some(own_oldest) = self.slots.iter().position(|slot| slot.source == source)
        {
            self.evict(own_oldest, DropReason::FragmentEvicted);
        }
        if self.slots.len() >= self.config.slots.max(1) {
            self.evict(0, DropReason::FragmentEvicted);
        }
    }

    fn evict(&mut self, index: usize, reason: DropReason) {
        self.slots.remove(index);
        self.drops.add(reason);
    }
}

fn place(buffer: &mut BytesMut, fragment: &Fragment<'_>) {
    let cut = split_at(fragment.total);
    match fragment.part {
        Part::First => buffer[..cut].copy_from_slice(fragment.bytes),
        Part::Second => buffer[cut..].copy_from_slice(fragment.bytes),
    }
}
