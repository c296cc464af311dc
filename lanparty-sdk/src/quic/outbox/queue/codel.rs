//! Controlled delay (RFC 8289): which datagrams of a flow are dropped because the flow has kept a queue for too long.

/// Nanoseconds since a queue's beginning.
pub(super) type Ticks = u64;

const MILLISECOND: Ticks = 1_000_000;
/// How long a datagram may wait before the wait counts as too long. RFC 8289, section 4.4: 5 to 10 % of the interval.
pub(super) const TARGET: Ticks = 5 * MILLISECOND;
/// How long waits must have been too long until something is dropped: the round trip of most of what plays over the
/// Internet (RFC 8289, section 4.3).
pub(super) const INTERVAL: Ticks = 100 * MILLISECOND;
/// A flow is left this much, whatever it waited: two of the largest frames.
pub(super) const MIN_BACKLOG: usize = 2 * 1514;
/// For how long the rate of drops that was right is remembered.
const MEMORY: Ticks = 16 * INTERVAL;

/// A flow's state.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Codel {
    /// From when on the wait has been too long for a whole interval.
    due: Option<Ticks>,
    /// Whether it drops now, and then when it will do so next. Otherwise when it would have.
    dropping: bool,
    next: Ticks,
    /// Drops since it began to drop, and how many there were when it did so before.
    count: u64,
    last_count: u64,
}

impl Codel {
    /// Whether to drop the datagram at the head, which has waited for `sojourn` and leaves `backlog` bytes behind.
    pub(super) fn drops(&mut self, now: Ticks, sojourn: Ticks, backlog: usize) -> bool {
        if sojourn < TARGET || backlog < MIN_BACKLOG {
            self.calm();
            return false;
        }
        let due = *self.due.get_or_insert_with(|| now.saturating_add(INTERVAL));
        if self.dropping {
            if now < self.next {
                return false;
            }
            self.count += 1;
            self.next = self.next.saturating_add(pause(self.count));
            return true;
        }
        if now < due {
            return false;
        }
        // A queue that stands again so soon needs about the rate of drops that got rid of it before.
        let earned = self.count - self.last_count;
        let recent = now.saturating_sub(self.next) < MEMORY;
        self.count = if recent && earned > 1 { earned } else { 1 };
        self.last_count = self.count;
        self.dropping = true;
        self.next = now.saturating_add(pause(self.count));
        true
    }

    /// The wait is over.
    pub(super) const fn calm(&mut self) {
        self.due = None;
        self.dropping = false;
    }
}

/// The time between drops shrinks with the root of their number, which lowers the rate of TCP linearly.
fn pause(count: u64) -> Ticks {
    (INTERVAL * INTERVAL / count.max(1)).isqrt()
}
