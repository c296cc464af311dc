//! How long to wait before the next attempt, and the small generator of chance behind it.

use std::time::Duration;

/// SplitMix64: chance from a seed that is handed in. Good enough to spread attempts over time, and for nothing else.
#[derive(Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// Doubling waits with jitter, so that a room whose relay restarts does not come back in one instant.
#[derive(Debug)]
pub(crate) struct Backoff {
    min: Duration,
    max: Duration,
    attempt: u32,
}

impl Backoff {
    pub(crate) const fn new(min: Duration, max: Duration) -> Self {
        Self { min, max, attempt: 0 }
    }

    /// How many attempts have failed since the last success.
    pub(crate) const fn attempt(&self) -> u32 {
        self.attempt
    }

    pub(crate) const fn reset(&mut self) {
        self.attempt = 0;
    }

    /// The next wait: between the half and the whole of `min * 2^attempt`, never below `min` nor above `max`.
    pub(crate) fn next(&mut self, chance: &mut Chance) -> Duration {
        let doubled = self.min.saturating_mul(1_u32.checked_shl(self.attempt + 1).unwrap_or(u32::MAX));
        self.attempt = self.attempt.saturating_add(1).min(30);
        let ceiling = doubled.clamp(self.min, self.max);
        let half = u64::try_from((ceiling / 2).as_nanos()).unwrap_or(u64::MAX);
        let jitter = if half == 0 { 0 } else { chance.next() % half };
        (Duration::from_nanos(half) + Duration::from_nanos(jitter)).clamp(self.min, self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_within_their_bounds_and_start_again() {
        let (min, max) = (Duration::from_millis(250), Duration::from_secs(10));
        for seed in 0..200 {
            let mut chance = Chance::new(seed);
            let mut backoff = Backoff::new(min, max);
            let waits: Vec<_> = (0..40).map(|_| backoff.next(&mut chance)).collect();
            assert!(waits.iter().all(|wait| (min..=max).contains(wait)), "{waits:?}");
            assert!(waits[0] <= min * 2);
            assert!(waits[10..].iter().all(|wait| *wait >= max / 2));
            backoff.reset();
            assert!(backoff.next(&mut chance) <= min * 2);
        }
    }

    #[test]
    fn two_seeds_do_not_wait_alike() {
        let wait = |seed| {
            Backoff::new(Duration::from_millis(250), Duration::from_secs(10)).next(&mut Chance::new(seed))
        };
        assert_ne!(wait(1), wait(2));
    }
}
