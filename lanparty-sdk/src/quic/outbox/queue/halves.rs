//! The frames in two halves that were seen last. A second half has no headers of its own: it goes where the first went.

use crate::obs::DropReason;

/// The halves of a frame leave their sender together, so few others come between them.
const REMEMBERED: usize = 16;

/// The first halves seen last.
#[derive(Debug, Default)]
pub(super) struct Halves {
    recent: Vec<First>,
    oldest: usize,
}

/// What became of a first half.
#[derive(Clone, Copy, Debug)]
pub(super) struct First {
    key: u32,
    pub(super) flow: u64,
    pub(super) dropped: Option<DropReason>,
}

impl Halves {
    pub(super) fn remember(&mut self, key: u32, flow: u64) {
        let first = First { key, flow, dropped: None };
        if self.recent.len() < REMEMBERED {
            self.recent.push(first);
        } else {
            self.recent[self.oldest] = first;
            self.oldest = (self.oldest + 1) % REMEMBERED;
        }
    }

    /// Numbers of frames come again, so the latest counts.
    pub(super) fn find(&self, key: u32) -> Option<First> {
        let (newer, older) = (&self.recent[..self.oldest], &self.recent[self.oldest..]);
        newer.iter().rev().chain(older.iter().rev()).find(|first| first.key == key).copied()
    }

    pub(super) fn note_drop(&mut self, key: u32, reason: DropReason) {
        self.recent
            .iter_mut()
            .filter(|first| first.key == key)
            .for_each(|first| first.dropped = Some(reason));
    }
}
