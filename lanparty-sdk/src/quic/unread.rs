//! What a connection dropped because it was not read in time.

/// Counts the datagrams that quinn dropped unread. Its queue of received datagrams is bounded in bytes
/// ([`TransportOptions::datagram_receive_buffer_bytes`](super::TransportOptions)), and the oldest go without a word. Only
/// from how many came and how many were read it can be told.
#[derive(Debug, Default)]
pub(crate) struct Unread {
    read: u64,
    dropped: u64,
    /// How many had come when it was last seen that more wait than are read at once.
    behind: Option<u64>,
}

impl Unread {
    /// Some more were read: all that were there, or if `behind`, as many as are read at once. `received` tells how many
    /// have come since the connection began. Returns how many more are known to be dropped.
    ///
    /// It is asked only if reading falls behind, and what comes afterwards is counted with the next time: never too many
    /// are told.
    pub(crate) fn note(&mut self, count: usize, behind: bool, received: impl FnOnce() -> u64) -> u64 {
        self.read += count as u64;
        if behind {
            self.behind = Some(received());
            return 0;
        }
        let Some(received) = self.behind.take() else { return 0 };
        let more = received.saturating_sub(self.read + self.dropped);
        self.dropped += more;
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
        for count in [1, 63, 5] {
            assert_eq!(unread.note(count, false, never), 0);
        }
    }

    #[test]
    fn what_is_neither_read_nor_there_was_dropped() {
        let mut unread = Unread::default();
        assert_eq!(unread.note(64, true, || 1000), 0);
        assert_eq!(unread.note(64, true, || 1010), 0);
        // Of 1010 nothing is left, and 138 have been read.
        assert_eq!(unread.note(10, false, never), 1010 - 138);
        assert_eq!(unread.note(10, false, never), 0, "each is told once");
        // Those that came after the last look may have been read among the others.
        assert_eq!(unread.note(64, true, || 1010 + 10 + 64), 0);
        assert_eq!(unread.note(30, false, never), 0);
    }

    #[test]
    fn what_is_told_is_never_too_much_and_in_the_end_all() {
        let (mut received, mut queued, mut dropped, mut told) = (0_u64, 0_u64, 0_u64, 0_u64);
        let mut unread = Unread::default();
        let mut seed = 1_u64;
        let mut next = |most: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) % most
        };
        for _ in 0..10_000 {
            let come = next(300);
            received += come;
            dropped += (queued + come).saturating_sub(150);
            queued = (queued + come).min(150);
            let count = queued.min(64);
            queued -= count;
            // Some come between the reading and the look.
            let late = next(3);
            received += late;
            queued += late;
            told += unread.note(usize::try_from(count).unwrap(), count == 64, || received);
            assert!(told <= dropped, "{told} of {dropped}");
        }
        while queued > 0 {
            let count = queued.min(64);
            queued -= count;
            told += unread.note(usize::try_from(count).unwrap(), count == 64, || received);
        }
        told += unread.note(64, true, || received + 64);
        told += unread.note(0, false, never);
        assert_eq!(told, dropped);
    }
}
