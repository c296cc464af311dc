//! Token buckets, and the set of them that every member of a room has.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::obs::DropReason;

/// How fast a [`TokenBucket`] fills and how much it holds.
///
/// A `per_second` of 0 gives the burst once and nothing after it; a `burst` of 0 refuses everything. In configuration
/// files it is a table of both numbers, or the word `"unlimited"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "RateText", from = "RateText")]
pub struct Rate {
    /// Tokens per second.
    pub per_second: u64,
    /// The most tokens that can be saved up. A cost above it is never admitted.
    pub burst: u64,
}

impl Rate {
    /// Admits everything.
    pub const UNLIMITED: Self = Self { per_second: u64::MAX, burst: u64::MAX };

    /// A rate with room for `burst` tokens.
    #[must_use]
    pub const fn new(per_second: u64, burst: u64) -> Self {
        Self { per_second, burst }
    }

    /// Whether it is [`Rate::UNLIMITED`].
    #[must_use]
    pub const fn is_unlimited(self) -> bool {
        self.per_second == u64::MAX && self.burst == u64::MAX
    }
}

/// Counts what a sender may still spend.
///
/// Integers only: what a refill leaves over is carried to the next one, so the bucket never drifts from its rate. A
/// clock that goes backwards adds nothing and loses nothing.
///
/// ```
/// # use std::time::{Duration, Instant};
/// use lanparty_sdk::switch::{Rate, TokenBucket};
///
/// let start = Instant::now();
/// let mut bucket = TokenBucket::new(Rate::new(10, 2), start);
/// assert!(bucket.try_take(2, start));
/// assert!(!bucket.try_take(1, start + Duration::from_millis(99)));
/// assert!(bucket.try_take(1, start + Duration::from_millis(100)));
/// ```
#[derive(Clone, Debug)]
pub struct TokenBucket {
    rate: Rate,
    tokens: u64,
    /// Billionths of a token that are earned but do not make a whole one yet. Below [`NANOS`].
    remainder: u64,
    refilled: Instant,
}

impl TokenBucket {
    /// A full bucket.
    #[must_use]
    pub const fn new(rate: Rate, now: Instant) -> Self {
        Self { rate, tokens: rate.burst, remainder: 0, refilled: now }
    }

    /// Takes `cost` tokens if they are there; takes none otherwise.
    pub fn try_take(&mut self, cost: u64, now: Instant) -> bool {
        if self.rate.is_unlimited() {
            return true;
        }
        self.refill(now);
        match self.tokens.checked_sub(cost) {
            Some(left) => {
                self.tokens = left;
                true
            }
            None => false,
        }
    }

    /// How many tokens can be taken at `now`.
    pub fn available(&mut self, now: Instant) -> u64 {
        self.refill(now);
        self.tokens
    }

    /// The rate that it was made with.
    #[must_use]
    pub const fn rate(&self) -> Rate {
        self.rate
    }

    fn refill(&mut self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.refilled);
        if elapsed.is_zero() {
            return;
        }
        self.refilled = now;
        let missing = self.rate.burst - self.tokens;
        if missing == 0 {
            // A full bucket earns nothing. Its remainder is zero already.
            return;
        }
        let nanos = elapsed.as_nanos();
        // Almost always 64 bits are enough, and a 128-bit division costs many times as much.
        let small = u64::try_from(nanos)
            .ok()
            .and_then(|nanos| nanos.checked_mul(self.rate.per_second))
            .and_then(|product| product.checked_add(self.remainder));
        let (earned, remainder) = match small {
            Some(sum) => (sum / NANOS, sum % NANOS),
            None => {
                let sum = nanos
                    .saturating_mul(u128::from(self.rate.per_second))
                    .saturating_add(u128::from(self.remainder));
                let earned = u64::try_from(sum / u128::from(NANOS)).unwrap_or(u64::MAX);
                (earned, u64::try_from(sum % u128::from(NANOS)).unwrap_or(0))
            }
        };
        if earned >= missing {
            self.tokens = self.rate.burst;
            self.remainder = 0;
        } else {
            self.tokens += earned;
            self.remainder = remainder;
        }
    }
}

/// What every member of a room may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of frames. Default: [`Limits::DEFAULT_BYTES`].
    pub bytes: Rate,
    /// Frames to groups: multicast and broadcast. Default: [`Limits::DEFAULT_FLOOD`].
    pub flood: Rate,
    /// Probes of a connection's quality. Default: [`Limits::DEFAULT_PROBES`].
    pub probes: Rate,
    /// Frames to single addresses that nobody is known to own. Default: [`Limits::DEFAULT_UNKNOWN_UNICAST`].
    pub unknown_unicast: Rate,
}

impl Limits {
    /// 2 MiB per second, 4 MiB at once: a busy game with voice many times over, but no file server.
    pub const DEFAULT_BYTES: Rate = Rate::new(2 << 20, 4 << 20);
    /// 200 frames per second, 400 at once: lets server browsers sweep, stops a storm.
    pub const DEFAULT_FLOOD: Rate = Rate::new(200, 400);
    /// 16 per second, 64 at once.
    pub const DEFAULT_PROBES: Rate = Rate::new(16, 64);
    /// 100 frames per second, 200 at once.
    pub const DEFAULT_UNKNOWN_UNICAST: Rate = Rate::new(100, 200);
    /// No limits at all, as for the gateway, which speaks for a whole LAN.
    pub const UNLIMITED: Self = Self {
        bytes: Rate::UNLIMITED,
        flood: Rate::UNLIMITED,
        probes: Rate::UNLIMITED,
        unknown_unicast: Rate::UNLIMITED,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: Self::DEFAULT_BYTES,
            flood: Self::DEFAULT_FLOOD,
            probes: Self::DEFAULT_PROBES,
            unknown_unicast: Self::DEFAULT_UNKNOWN_UNICAST,
        }
    }
}

/// One member's buckets. Each question spends what it admits.
#[derive(Clone, Debug)]
pub struct MemberLimits {
    bytes: TokenBucket,
    flood: TokenBucket,
    probes: TokenBucket,
    unknown_unicast: TokenBucket,
}

impl MemberLimits {
    /// Full buckets.
    #[must_use]
    pub const fn new(limits: &Limits, now: Instant) -> Self {
        Self {
            bytes: TokenBucket::new(limits.bytes, now),
            flood: TokenBucket::new(limits.flood, now),
            probes: TokenBucket::new(limits.probes, now),
            unknown_unicast: TokenBucket::new(limits.unknown_unicast, now),
        }
    }

    /// Spends a frame's bytes: after its source and safety are judged, before its destination is looked at.
    ///
    /// # Errors
    /// [`DropReason::ByteLimit`]
    pub fn admit_bytes(&mut self, len: usize, now: Instant) -> Result<(), DropReason> {
        let cost = u64::try_from(len).unwrap_or(u64::MAX);
        admit(self.bytes.try_take(cost, now), DropReason::ByteLimit)
    }

    /// Spends one frame to a group.
    ///
    /// # Errors
    /// [`DropReason::FloodLimit`]
    pub fn admit_flood(&mut self, now: Instant) -> Result<(), DropReason> {
        admit(self.flood.try_take(1, now), DropReason::FloodLimit)
    }

    /// Spends one probe.
    ///
    /// # Errors
    /// [`DropReason::ProbeLimit`]
    pub fn admit_probe(&mut self, now: Instant) -> Result<(), DropReason> {
        admit(self.probes.try_take(1, now), DropReason::ProbeLimit)
    }

    /// Spends one frame to an address that nobody is known to own. Known addresses never come here.
    ///
    /// # Errors
    /// [`DropReason::UnknownUnicastLimit`]
    pub fn admit_unknown_unicast(&mut self, now: Instant) -> Result<(), DropReason> {
        admit(self.unknown_unicast.try_take(1, now), DropReason::UnknownUnicastLimit)
    }
}

/// How [`Rate`] reads in configuration: TOML has no integer of 64 bits without sign, so "unlimited" needs a word.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum RateText {
    Limited(LimitedText),
    Word(WordText),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitedText {
    per_second: u64,
    burst: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WordText {
    Unlimited,
}

impl From<Rate> for RateText {
    fn from(rate: Rate) -> Self {
        if rate.is_unlimited() {
            Self::Word(WordText::Unlimited)
        } else {
            Self::Limited(LimitedText { per_second: rate.per_second, burst: rate.burst })
        }
    }
}

impl From<RateText> for Rate {
    fn from(text: RateText) -> Self {
        match text {
            RateText::Limited(LimitedText { per_second, burst }) => Self { per_second, burst },
            RateText::Word(WordText::Unlimited) => Self::UNLIMITED,
        }
    }
}

const fn admit(taken: bool, reason: DropReason) -> Result<(), DropReason> {
    if taken { Ok(()) } else { Err(reason) }
}

/// Nanoseconds in a second, and parts that a token is divided into.
const NANOS: u64 = 1_000_000_000;

#[cfg(test)]
mod tests;
