//! Which rooms belong to which worker of a relay.

use super::RoomId;

/// One of a relay's workers, all of which are behind one UDP port. Each has rooms and connections of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Worker {
    index: u8,
    count: u8,
}

impl Worker {
    /// The most workers of one relay.
    pub const MAX: u8 = 64;
    /// The worker of a relay that has no other.
    pub const ONLY: Self = Self { index: 0, count: 1 };

    /// All workers of a relay that has `count`: at least one, [`Worker::MAX`] at most.
    pub fn all(count: usize) -> impl ExactSizeIterator<Item = Self> {
        let count = u8::try_from(count).unwrap_or(u8::MAX).clamp(1, Self::MAX);
        (0..count).map(move |index| Self { index, count })
    }

    /// Its place among them.
    #[must_use]
    pub const fn index(self) -> usize {
        self.index as usize
    }

    /// How many there are.
    #[must_use]
    pub const fn count(self) -> u8 {
        self.count
    }

    /// Whether it serves what bears this steering byte.
    #[must_use]
    pub const fn serves(self, steering: u8) -> bool {
        steering % self.count == self.index
    }

    /// Its part of what all of them may have together, rounded up.
    #[must_use]
    pub const fn share(self, total: u32) -> u32 {
        total.div_ceil(self.count as u32)
    }

    /// The number of its `nth` room, counted from 0. Those of another worker have other numbers.
    pub(crate) fn room(self, nth: u16) -> Option<RoomId> {
        let first = if self.index == 0 { self.count } else { self.index };
        let number = u32::from(first) + u32::from(nth) * u32::from(self.count);
        u16::try_from(number).ok().and_then(|number| RoomId::new(number).ok())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_byte_and_every_room_number_has_one_worker() {
        for count in [1, 2, 3, 4, 7, 63, 64] {
            let workers: Vec<_> = Worker::all(count).collect();
            assert_eq!(workers.len(), count);
            for byte in 0..=u8::MAX {
                assert_eq!(
                    workers.iter().filter(|worker| worker.serves(byte)).count(),
                    1,
                    "{byte} of {count}"
                );
            }
            let mut numbers = BTreeSet::new();
            for worker in workers {
                let own = (0..=u16::MAX).map_while(|nth| worker.room(nth));
                for number in own.map(RoomId::number) {
                    assert_eq!(usize::from(number) % count, worker.index());
                    assert!(numbers.insert(number), "{number} of {count}");
                }
            }
            assert!(numbers.into_iter().eq(1..=RoomId::MAX), "none is left out");
        }
    }

    #[test]
    fn there_is_a_worker_at_least_and_not_too_many() {
        assert!(Worker::all(0).eq([Worker::ONLY]));
        assert_eq!(Worker::all(1_000_000).len(), usize::from(Worker::MAX));
    }

    #[test]
    fn shares_are_enough_for_all() {
        for count in 1..=64 {
            for worker in Worker::all(count) {
                for total in [1, 63, 64, 65, 4096, 20_000, u32::MAX] {
                    assert!(u64::from(worker.share(total)) * u64::from(worker.count()) >= u64::from(total));
                    assert!(worker.share(total) <= total);
                }
            }
        }
    }
}
