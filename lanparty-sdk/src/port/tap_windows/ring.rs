//! The order of operations that may end in any order.
//!
//! Slots are issued round and round, and are delivered in the order in which they were issued, so that what waits for
//! an earlier one waits with it.

use std::fmt;

/// How an operation ended: how many bytes it moved, or the system's error number.
pub(super) type Outcome = Result<usize, u32>;

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Free,
    InFlight,
    Done(Outcome),
}

/// The slots of one direction.
pub(super) struct Ring {
    slots: Box<[State]>,
    /// The next to be issued.
    next: usize,
    /// The oldest that is not free, if any is not.
    oldest: usize,
    in_flight: usize,
}

impl Ring {
    pub(super) fn new(slots: usize) -> Self {
        Self { slots: vec![State::Free; slots.max(1)].into(), next: 0, oldest: 0, in_flight: 0 }
    }

    /// Takes the next slot into flight, unless all are taken.
    pub(super) fn issue(&mut self) -> Option<usize> {
        let slot = self.next;
        if self.slots[slot] != State::Free {
            return None;
        }
        self.slots[slot] = State::InFlight;
        self.next = self.after(slot);
        self.in_flight += 1;
        Some(slot)
    }

    /// An operation has ended. Returns whether something can be taken now.
    pub(super) fn complete(&mut self, slot: usize, outcome: Outcome) -> bool {
        if self.slots[slot] == State::InFlight {
            self.slots[slot] = State::Done(outcome);
            self.in_flight -= 1;
        }
        matches!(self.slots[self.oldest], State::Done(_))
    }

    /// The oldest slot, if its operation has ended. It is free again.
    pub(super) fn take(&mut self) -> Option<(usize, Outcome)> {
        let State::Done(outcome) = self.slots[self.oldest] else { return None };
        let slot = self.oldest;
        self.slots[slot] = State::Free;
        self.oldest = self.after(slot);
        Some((slot, outcome))
    }

    pub(super) const fn in_flight(&self) -> usize {
        self.in_flight
    }

    pub(super) const fn len(&self) -> usize {
        self.slots.len()
    }

    const fn after(&self, slot: usize) -> usize {
        (slot + 1) % self.slots.len()
    }
}

impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ring").field("slots", &self.len()).field("in_flight", &self.in_flight).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_ends_early_waits_for_what_was_issued_earlier() {
        let mut ring = Ring::new(3);
        assert_eq!(
            [ring.issue(), ring.issue(), ring.issue(), ring.issue()],
            [Some(0), Some(1), Some(2), None]
        );
        assert!(!ring.complete(2, Ok(30)) && !ring.complete(1, Err(995)) && ring.take().is_none());
        assert!(ring.complete(0, Ok(10)));
        assert_eq!(ring.take(), Some((0, Ok(10))));
        assert_eq!(ring.issue(), Some(0));
        assert_eq!([ring.take(), ring.take(), ring.take()], [Some((1, Err(995))), Some((2, Ok(30))), None]);
        assert_eq!(ring.in_flight(), 1);
    }

    #[test]
    fn an_answer_that_nobody_waits_for_changes_nothing() {
        let mut ring = Ring::new(2);
        assert!(!ring.complete(1, Ok(1)));
        ring.issue();
        ring.complete(0, Ok(1));
        ring.complete(0, Ok(2));
        assert_eq!((ring.take(), ring.take(), ring.in_flight()), (Some((0, Ok(1))), None, 0));
    }

    proptest! {
        /// Whatever ends when: everything is delivered once, in the order in which it was issued.
        #[test]
        fn order_is_kept(slots in 1..9usize, choices in prop::collection::vec((0..3u8, any::<usize>()), 0..400)) {
            let mut ring = Ring::new(slots);
            // Numbers of operations, by what became of them.
            let (mut flying, mut waiting) = (Vec::new(), VecDeque::new());
            let mut issued = 0;
            for (choice, random) in choices {
                match choice {
                    0 => match ring.issue() {
                        Some(slot) => {
                            prop_assert!(flying.iter().all(|(other, _)| *other != slot));
                            flying.push((slot, issued));
                            waiting.push_back(issued);
                            issued += 1;
                        }
                        None => prop_assert_eq!(waiting.len(), slots),
                    },
                    1 if !flying.is_empty() => {
                        let (slot, number) = flying.swap_remove(random % flying.len());
                        ring.complete(slot, Ok(number));
                    }
                    _ => {
                        let ready = waiting.front().filter(|front| flying.iter().all(|(_, flying)| flying != *front)).copied();
                        prop_assert_eq!(ring.take().map(|(_, outcome)| outcome), ready.map(Ok));
                        if ready.is_some() {
                            waiting.pop_front();
                        }
                    }
                }
                prop_assert_eq!(ring.in_flight(), flying.len());
            }
        }
    }
}
