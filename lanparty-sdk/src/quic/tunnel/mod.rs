//! The arithmetic of the tunnel's congestion control. Pure: time comes in as an argument.
//!
//! A tunnel carries what other protocols already control, and never retransmits. Reacting to every loss would strangle
//! games on mediocre Wi-Fi, and filling buffers until they overflow would add their delay to every game. So the window
//!
//! - never falls below a floor that serves games on any path that deserves the name;
//! - grows while the queue on the path is short, doubling per round trip at first and slowly later;
//! - shrinks when the queue has been too long for two round trips;
//! - takes loss as a sign of congestion only when there is a lot of it;
//! - and gives way almost entirely (the *circuit breaker*, RFC 8084) on a path that loses most of what it is given.

use std::time::{Duration, Instant};

/// Below this nothing gets through at all.
const MIN_FLOOR_BYTES: u64 = 16 * 1024;
/// What is left of the window when the queue is too long.
const DELAY_FACTOR: f64 = 0.85;
/// What is at least left of the window when too much is lost.
const LOSS_FACTOR_MIN: f64 = 0.5;
/// Over which time the loss rate is taken.
const LOSS_PERIOD: Duration = Duration::from_secs(1);
/// Datagrams that a loss rate needs to mean anything, and while the breaker is open.
const LOSS_SAMPLE: u64 = 32;
const LOSS_SAMPLE_OPEN: u64 = 8;
/// How long a loss rate above [`TunnelConfig::breaker_loss`] must last.
const BREAKER_PERIOD: Duration = Duration::from_secs(3);
/// The shortest round-trip time is that of the last one or two of these.
const MIN_RTT_BUCKET: Duration = Duration::from_secs(5);

/// Parameters of [`CongestionControl::Tunnel`](super::CongestionControl::Tunnel).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TunnelConfig {
    /// Loss rate that opens the circuit breaker if it lasts three seconds. Default: 0.3.
    pub breaker_loss: f64,
    /// The largest window. Default: 4 MiB.
    pub cap_bytes: u64,
    /// The smallest window, and the first. Default: 64 KiB, which is 13 Mbit/s at a round trip of 40 ms.
    pub floor_bytes: u64,
    /// The smallest window in full datagrams, if that is more. Default: 32.
    pub floor_datagrams: u64,
    /// Loss rate over a second above which loss means congestion. Default: 0.1.
    pub tolerated_loss: f64,
    /// Queueing delay aimed at, to which a quarter of the round-trip time is added. Default: 15 ms.
    pub target: Duration,
}

impl Default for TunnelConfig {
    fn default() -> Self {
        Self {
            breaker_loss: 0.3,
            cap_bytes: 4 * 1024 * 1024,
            floor_bytes: 64 * 1024,
            floor_datagrams: 32,
            tolerated_loss: 0.1,
            target: Duration::from_millis(15),
        }
    }
}

/// The window of one connection.
#[derive(Clone, Debug)]
pub(super) struct TunnelWindow {
    config: TunnelConfig,
    mtu_bytes: u64,
    window_bytes: u64,
    /// Whether the window still doubles per round trip: until the first sign of congestion.
    slow_start: bool,
    /// Acknowledged bytes that have not made the window grow yet.
    credit_bytes: u64,
    min_rtt: MinRtt,
    smoothed_rtt: Duration,
    /// Since when the queue has been too long.
    queued_since: Option<Instant>,
    /// When the window last shrank because of delay or marks.
    shrunk_at: Option<Instant>,
    /// Until when the window is halved, so that the queue empties and shows the true round-trip time.
    drain_until: Option<Instant>,
    loss: LossPeriod,
    /// Whether too much was lost in the period before: no time to grow.
    lossy: bool,
    /// Since when the loss rate has been above the breaker's.
    bad_since: Option<Instant>,
    breaker_open: bool,
}

impl TunnelWindow {
    pub(super) fn new(config: TunnelConfig, now: Instant, mtu: u16) -> Self {
        let mut window = Self {
            config,
            mtu_bytes: mtu.into(),
            window_bytes: 0,
            slow_start: true,
            credit_bytes: 0,
            min_rtt: MinRtt::new(now),
            smoothed_rtt: Duration::ZERO,
            queued_since: None,
            shrunk_at: None,
            drain_until: None,
            loss: LossPeriod::new(now),
            lossy: false,
            bad_since: None,
            breaker_open: false,
        };
        window.window_bytes = window.floor_bytes();
        window
    }

    /// A batch of acknowledgements: `flight_bytes` were on their way before it, and `app_limited` tells that more could
    /// have been sent but for want of frames. `shortest` is the shortest round trip of the batch.
    pub(super) fn on_acked(
        &mut self,
        now: Instant,
        acked_bytes: u64,
        flight_bytes: u64,
        app_limited: bool,
        shortest: Duration,
        smoothed: Duration,
    ) {
        self.smoothed_rtt = smoothed;
        let rotated = self.min_rtt.observe(now, shortest);
        self.loss.acked_bytes += acked_bytes;
        self.judge_loss(now);
        if self.drain_until.is_some_and(|until| until <= now) {
            self.drain_until = None;
        }

        let min_rtt = self.min_rtt.get();
        let queueing = smoothed.saturating_sub(min_rtt);
        let target = self.config.target + min_rtt / 4;
        // A window that is not in use says nothing about the path.
        let in_use = !app_limited && flight_bytes >= self.bytes() / 2;
        if rotated && in_use && queueing > target / 4 {
            // Our own standing queue would otherwise pass for the path's round-trip time little by little.
            self.drain_until = Some(now + smoothed);
        }

        if queueing > target {
            let since = *self.queued_since.get_or_insert(now);
            if now.saturating_duration_since(since) >= 2 * smoothed {
                self.shrink(now, DELAY_FACTOR);
            }
            return;
        }
        self.queued_since = None;
        if in_use && self.drain_until.is_none() {
            self.grow(acked_bytes);
        }
    }

    /// Datagrams were lost; if `persistent`, everything was for a while.
    pub(super) fn on_lost(&mut self, now: Instant, lost_bytes: u64, persistent: bool) {
        self.loss.lost_bytes += lost_bytes;
        self.judge_loss(now);
        if persistent {
            // What was known about the path no longer holds.
            self.window_bytes = self.window_bytes.min(self.floor_bytes());
            self.slow_start = !self.breaker_open;
        }
    }

    /// The path said that it is congested (ECN).
    pub(super) fn on_marked(&mut self, now: Instant) {
        self.shrink(now, DELAY_FACTOR);
    }

    pub(super) fn set_mtu(&mut self, mtu: u16) {
        self.mtu_bytes = mtu.into();
        self.window_bytes = self.window_bytes.max(self.floor_bytes());
    }

    pub(super) fn bytes(&self) -> u64 {
        if self.drain_until.is_some() {
            (self.window_bytes / 2).max(MIN_FLOOR_BYTES)
        } else {
            self.window_bytes
        }
    }

    pub(super) fn floor_bytes(&self) -> u64 {
        let floor = self.config.floor_bytes.max(self.config.floor_datagrams * self.mtu_bytes);
        let floor = if self.breaker_open { floor / 4 } else { floor };
        floor.max(MIN_FLOOR_BYTES)
    }

    pub(super) const fn breaker_open(&self) -> bool {
        self.breaker_open
    }

    fn grow(&mut self, acked_bytes: u64) {
        let cap = self.config.cap_bytes.max(self.floor_bytes());
        if self.breaker_open || self.lossy {
            return;
        }
        if self.slow_start {
            self.window_bytes = (self.window_bytes + acked_bytes).min(cap);
            return;
        }
        // Two datagrams per round trip, or more where that would take minutes to notice freed capacity.
        self.credit_bytes += acked_bytes;
        if self.credit_bytes >= self.window_bytes {
            self.credit_bytes -= self.window_bytes;
            self.window_bytes =
                (self.window_bytes + (2 * self.mtu_bytes).max(self.window_bytes / 64)).min(cap);
        }
    }

    /// Shrinks the window, at most once per round trip.
    fn shrink(&mut self, now: Instant, factor: f64) {
        let recent = |at: Instant| now.saturating_duration_since(at) < self.smoothed_rtt;
        if !self.shrunk_at.is_some_and(recent) {
            self.shrunk_at = Some(now);
            self.multiply(factor);
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "the product lies between zero and the window")]
    #[expect(
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a window is far below 2^52 bytes"
    )]
    fn multiply(&mut self, factor: f64) {
        let product = (self.window_bytes as f64 * factor) as u64;
        self.window_bytes = product.max(self.floor_bytes());
        self.slow_start = false;
        self.credit_bytes = 0;
    }

    /// Looks at the loss rate once per period. In slow start, where the window may overshoot by far, it does not wait
    /// for the period's end.
    fn judge_loss(&mut self, now: Instant) {
        let age = now.saturating_duration_since(self.loss.since);
        let full = age >= LOSS_PERIOD.max(self.smoothed_rtt);
        let early = self.slow_start && age >= self.smoothed_rtt;
        let total_bytes = self.loss.acked_bytes + self.loss.lost_bytes;
        let sample = if self.breaker_open { LOSS_SAMPLE_OPEN } else { LOSS_SAMPLE };
        if total_bytes < sample * self.mtu_bytes || !(full || early) {
            if age >= 4 * LOSS_PERIOD {
                // So little traffic that what was lost long ago must not be held against what is lost now.
                self.loss = LossPeriod::new(now);
                self.lossy = false;
                self.bad_since = None;
            }
            return;
        }
        let rate = self.loss.rate();
        self.lossy = rate > self.config.tolerated_loss;
        if self.lossy {
            self.multiply((1.0 - rate).max(LOSS_FACTOR_MIN));
        } else if !full {
            return;
        }
        self.judge_breaker(now, rate);
        self.loss = LossPeriod::new(now);
    }

    fn judge_breaker(&mut self, now: Instant, rate: f64) {
        if rate > self.config.breaker_loss {
            let since = *self.bad_since.get_or_insert(self.loss.since);
            if !self.breaker_open && now.saturating_duration_since(since) >= BREAKER_PERIOD {
                self.breaker_open = true;
                self.window_bytes = self.floor_bytes();
            }
            return;
        }
        self.bad_since = None;
        if self.breaker_open && rate <= self.config.tolerated_loss {
            self.breaker_open = false;
            self.window_bytes = self.floor_bytes();
            self.slow_start = true;
        }
    }
}

/// What came through and what did not since some time.
#[derive(Clone, Copy, Debug)]
struct LossPeriod {
    since: Instant,
    acked_bytes: u64,
    lost_bytes: u64,
}

impl LossPeriod {
    const fn new(since: Instant) -> Self {
        Self { since, acked_bytes: 0, lost_bytes: 0 }
    }

    #[expect(clippy::cast_precision_loss, reason = "a rate needs no more than a few digits")]
    fn rate(&self) -> f64 {
        self.lost_bytes as f64 / (self.acked_bytes + self.lost_bytes).max(1) as f64
    }
}

/// The shortest round-trip time of the last five to ten seconds: a route that became longer is believed after that.
#[derive(Clone, Copy, Debug)]
struct MinRtt {
    since: Instant,
    current: Option<Duration>,
    previous: Option<Duration>,
}

impl MinRtt {
    const fn new(since: Instant) -> Self {
        Self { since, current: None, previous: None }
    }

    /// Whether a bucket ended.
    fn observe(&mut self, now: Instant, rtt: Duration) -> bool {
        let rotate = now.saturating_duration_since(self.since) >= MIN_RTT_BUCKET;
        if rotate {
            *self = Self { since: now, current: None, previous: self.current };
        }
        self.current = Some(self.current.map_or(rtt, |current| current.min(rtt)));
        rotate
    }

    fn get(&self) -> Duration {
        self.current.into_iter().chain(self.previous).min().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
