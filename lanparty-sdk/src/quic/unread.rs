//! What a connection dropped because it was not read in time.

/// Counts the datagrams that quinn dropped unread. Its queue of received datagrams is bounded in bytes
/// ([`TransportOptions::datagram_receive_buffer_bytes`](super::TransportOptions)), and the oldest go without a word. Only
/// from how many came and how many were read it can be told.
#[derive(Debug, Default)]
pub(crate) struct Unread {
    read: u64,
    dropped: u64,
    /// How many had come when it was last asked for.
    received: Option<u64>,
}

/// As many must be read together that it is asked for how many have come: fewer than fill a queue.
const SUSPICIOUS: usize = 16;

impl Unread {
    /// `count` more were read: as many as are read at once (`max`), or if fewer, all that were there. `received` tells how
    /// many have come since the connection began. Returns how many more are known to be dropped.
    ///
    /// That is known when nothing waits any more, of what had come when it was last asked for: never too many are told, and
    /// the last ones with the next time.
    pub(crate) fn note(&mut self, count: usize, max: usize, received: impl FnOnce() -> u64) -> u64 {
        self.read += count as u64;
        let mut more = 0;
        if count < max
            && let Some(received) = self.received.take()
        {
            more = received.saturating_sub(self.read + self.dropped);
            self.dropped += more;
        }
        if count >= SUSPICIOUS.min(max) {
            self.received = Some(received());
        }
        more
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn never() -> u64 {
        unreachable!("nobody is behind")
    }

    #[test]
    fn what_is_read_in_time_is_not_asked_for() {
        let mut unread = Unread::default();
        for count in [1, 15, 5] {
            assert_eq!(unread.note(count, 64, never), 0);
        }
    }

    #[test]
    fn what_is_neither_read_nor_there_was_dropped() {
        let mut unread = Unread::default();
        assert_eq!(unread.note(64, 64, || 1000), 0);
        assert_eq!(unread.note(64, 64, || 1010), 0);
        // Of 1010 nothing is left, and 138 have been read.
        assert_eq!(unread.note(10, 64, never), 1010 - 138);
        assert_eq!(unread.note(10, 64, never), 0, "each is told once");
        // Those that came after the last look may have been read among the others.
        assert_eq!(unread.note(64, 64, || 1010 + 10 + 64), 0);
        assert_eq!(unread.note(15, 64, never), 0);
    }

    #[test]
    fn a_queue_shorter_than_a_batch_is_seen_through_too() {
        let mut unread = Unread::default();
        assert_eq!(unread.note(45, 64, || 145), 0);
        assert_eq!(unread.note(1, 64, never), 99);
    }

    #[test]
    fn what_is_told_is_never_too_much_and_in_the_end_all() {
        for (most, room) in [(300, 150), (300, 40), (30, 1000)] {
            let (mut received, mut queued, mut dropped, mut told) = (0_u64, 0_u64, 0_u64, 0_u64);
            let mut unread = Unread::default();
            let mut seed = 1_u64;
            let mut next = |most: u64| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (seed >> 33) % most
            };
            let mut read = |count: u64, received: u64| unread.note(count as usize, 64, || received);
            for _ in 0..10_000 {
                let come = next(most);
                received += come;
                dropped += (queued + come).saturating_sub(room);
                queued = (queued + come).min(room);
                let count = queued.min(64);
                queued -= count;
                // Some come between the reading and the look.
                let late = next(3);
                received += late;
                queued += late;
                told += read(count, received);
                assert!(told <= dropped, "{told} of {dropped}");
            }
            while queued > 0 {
                let count = queued.min(64);
                queued -= count;
                told += read(count, received);
            }
            // The next ones tell of the last ones.
            told += read(64, received + 64);
            told += read(0, received + 64);
            assert_eq!(told, dropped);
        }
    }
}
