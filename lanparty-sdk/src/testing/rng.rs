//! The simulator's own source of chance.

use std::time::Duration;

/// Parts per million: how the simulator writes probabilities, so that no rounding differs between machines.
pub type Ppm = u32;

/// Xoshiro256**, seeded by SplitMix64. The same seed gives the same numbers everywhere and for ever.
#[derive(Clone, Debug)]
pub struct SimRng([u64; 4]);

impl SimRng {
    /// Starts at `seed`; every seed is as good as any other.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut state = seed;
        Self([(); 4].map(|()| split_mix(&mut state)))
    }

    /// The next 64 bits.
    pub const fn next_u64(&mut self) -> u64 {
        let s = &mut self.0;
        let result = s[1].wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let shifted = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= shifted;
        s[3] = s[3].rotate_left(45);
        result
    }

    /// A number below `bound`; 0 if that is 0. The bias of at most 2^-32 for small bounds is of no interest here.
    pub const fn below(&mut self, bound: u64) -> u64 {
        let wide = self.next_u64() as u128 * bound as u128;
        (wide >> 64) as u64
    }

    /// Whether something happens that has this chance. Always draws, so that changing one chance shifts no other.
    pub const fn chance(&mut self, ppm: Ppm) -> bool {
        self.below(1_000_000) < ppm as u64
    }

    /// A time from zero to `spread`, likeliest in the middle: the sum of two even ones.
    pub fn jitter(&mut self, spread: Duration) -> Duration {
        let half = u64::try_from(spread.as_nanos() / 2).unwrap_or(u64::MAX);
        Duration::from_nanos(self.below(half) + self.below(half))
    }
}

const fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_never_change() {
        let mut rng = SimRng::new(0);
        assert_eq!([rng.next_u64(), rng.next_u64()], [0x99ec_5f36_cb75_f2b4, 0xbf6e_1f78_4956_452a]);
    }

    #[test]
    fn chances_and_jitter_are_fair() {
        let mut rng = SimRng::new(7);
        let hits = (0..100_000).filter(|_| rng.chance(20_000)).count();
        assert!((1850..2150).contains(&hits), "{hits}");
        let spread = Duration::from_millis(10);
        let sum: Duration = (0..10_000).map(|_| rng.jitter(spread)).sum();
        assert!((4900..5100).contains(&(sum.as_micros() / 10_000)), "{sum:?}");
        assert_eq!(rng.below(0), 0);
    }
}
