//! The arithmetic of the tunnel's congestion control. Pure: time comes in as an argument.
//!
//! A tunnel carries what other protocols already control, and never retransmits. Reacting to every loss would strangle
//! games on mediocre Wi-Fi, and filling buffers until they overflow would add their delay to every game: what is in the
//! path's buffer no scheduler can overtake any more. So the window
//!
//! - is whatever keeps a queue of a few milliseconds on the path: by Little's law a window `W` that takes the time `t`
//!   should be `W` times (shortest time + target) / `t`;
//! - is looked at once per *round*, by what was sent in that round alone, so that no decision is judged by what was on its
//!   way before it;
//! - goes by the shortest round trip of a round, less what the others of that round have above it: schedulers and radios
//!   add to some, a standing queue is in all alike, and a delay that comes and goes is not cured by a smaller window;
//! - doubles to begin with, and is paced so that a TCP that does so too is not delayed, until a round shows a queue;
//! - never falls below a floor that serves games, in time rather than in bytes: 64 KiB would be a queue of 26 ms on an
//!   access link of 20 Mbit/s;
//! - takes loss as a sign of congestion only when there is a lot of it;
//! - and gives way almost entirely (the *circuit breaker*, RFC 8084) on a path that loses most of what it is given.

use std::time::{Duration, Instant};

/// What the window is at most while the circuit breaker is open.
const BREAKER_BYTES: u64 = 16 * 1024;
/// What is left of the window when the path says that it is congested.
const MARK_FACTOR: f64 = 0.85;
/// By how much the window changes in a round at most.
const SHRINK_MIN: f64 = 0.5;
const GROWTH_MAX: f64 = 0.25;
const GROWTH_CAREFUL: f64 = 0.03;
/// How long a round collects round-trip times at least: several turns of an operating system's scheduler, and of a radio.
const ROUND_MIN: Duration = Duration::from_millis(15);
/// How long the queue is given to empty, beyond the time that it takes.
const DRAIN_EXTRA: Duration = Duration::from_millis(4);
/// Batches of acknowledgements in a row that show a queue before the window stops to double for a round.
const SLOW_START_BATCHES: u32 = 8;
/// Datagrams that the window holds while the queue is emptied: quinn sends all but the last of them, and the third is
/// answered at once.
const DRAIN_DATAGRAMS: u64 = 4;
/// What is at least left of the window when too much is lost.
const LOSS_FACTOR_MIN: f64 = 0.5;
/// Datagrams over which the loss rate is taken: with fewer, random loss of half the tolerated rate would often pass for
/// congestion.
const LOSS_SAMPLE: u64 = 128;
/// Loss rate in a round above which the window grows with care.
const LOSS_CAREFUL: f64 = 0.01;
/// Over which time the breaker's loss rate is taken.
const LOSS_PERIOD: Duration = Duration::from_secs(1);
/// Datagrams that it needs to mean anything, and while the breaker is open.
const BREAKER_SAMPLE: u64 = 32;
const BREAKER_SAMPLE_OPEN: u64 = 8;
/// How long a loss rate above [`TunnelConfig::breaker_loss`] must last.
const BREAKER_PERIOD: Duration = Duration::from_secs(3);
/// By how much quinn's window is above ours while ours doubles. quinn sends a window in four fifths of a round trip; a TCP that
/// doubles too sends two in one, and ends its own slow start for good if they are delayed. Linux paces TCP as fast (2.0).
const PACE_DOUBLING: f64 = 1.6;
/// By how much it is above ours at most, whatever the reason: where no acknowledgement comes any more, all of it is sent.
const PACE_FACTOR_MAX: f64 = 16.0;
/// The shortest round-trip time is that of the last one or two of these.
const MIN_RTT_BUCKET: Duration = Duration::from_secs(5);

/// Parameters of [`CongestionControl::Tunnel`](super::CongestionControl::Tunnel).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TunnelConfig {
    /// Loss rate that opens the circuit breaker if it lasts three seconds. Default: 0.3.
    pub breaker_loss: f64,
    /// The largest window. Default: 16 MiB.
    pub cap_bytes: u64,
    /// The first window, and the largest floor. Default: 64 KiB.
    pub floor_bytes: u64,
    /// The smallest window in full datagrams. Default: 4.
    pub floor_datagrams: u64,
    /// The rate in bytes per second that the floor serves over the shortest round trip. Default: 250 000, which is
    /// 2 Mbit/s: room for any game on any path, and no queue on one that deserves the name.
    pub floor_rate: u64,
    /// Loss rate over a second above which loss means congestion. Default: 0.1.
    pub tolerated_loss: f64,
    /// Queueing delay aimed at, to which an eighth of the round-trip time is added. Default: 2 ms.
    pub target: Duration,
}

impl Default for TunnelConfig {
    fn default() -> Self {
        Self {
            breaker_loss: 0.3,
            cap_bytes: 16 * 1024 * 1024,
            floor_bytes: 64 * 1024,
            floor_datagrams: 4,
            floor_rate: 250_000,
            tolerated_loss: 0.1,
            target: Duration::from_millis(2),
        }
    }
}

/// A batch of acknowledgements.
#[derive(Clone, Copy, Debug)]
pub(super) struct Acks {
    pub(super) bytes: u64,
    /// What was on its way before it.
    pub(super) flight_bytes: u64,
    /// The shortest round trip in it, with the time for which the peer kept the acknowledgement back.
    pub(super) shortest: Duration,
    /// The smoothed one, without that time.
    pub(super) smoothed: Duration,
}

/// Until the first sign of congestion, the window doubles per round trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SlowStart {
    /// So many batches in a row have shown a queue.
    Doubling(u32),
    /// The last ones did, which may have been a computer busy with something else: the next round tells. RFC 9406, 4.2 takes
    /// five, and grows on meanwhile.
    Suspended,
    Over,
}

/// The window of one connection.
#[derive(Clone, Debug)]
pub(super) struct TunnelWindow {
    config: TunnelConfig,
    mtu_bytes: u64,
    window_bytes: u64,
    slow_start: SlowStart,
    /// When it last grew that way.
    doubled_at: Instant,
    /// Whether that was within a round trip before the last acknowledgement.
    doubled_now: bool,
    min_rtt: MinRtt,
    /// quinn's, unless that is out of date.
    smoothed_rtt: Duration,
    /// quinn's, by which it paces; as of the acknowledgement before the last.
    pacing_rtt: Duration,
    /// The average of the last few.
    recent_rtt: Option<Duration>,
    round: Round,
    /// When the window last shrank because of marks.
    marked_at: Option<Instant>,
    /// Whether it is time to empty the queue.
    drain_due: bool,
    /// Until when the window is what the path itself holds, so that the queue empties and shows the true round-trip time.
    drain_until: Option<Instant>,
    /// For the window, and for the breaker.
    recent: LossPeriod,
    loss: LossPeriod,
    /// Whether too much of the last sample was lost: no time to grow.
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
            slow_start: SlowStart::Doubling(0),
            doubled_at: now,
            doubled_now: false,
            min_rtt: MinRtt::new(now),
            smoothed_rtt: Duration::ZERO,
            pacing_rtt: Duration::ZERO,
            recent_rtt: None,
            round: Round::new(now),
            marked_at: None,
            drain_due: false,
            drain_until: None,
            recent: LossPeriod::new(now),
            loss: LossPeriod::new(now),
            lossy: false,
            bad_since: None,
            breaker_open: false,
        };
        window.window_bytes = window.initial_bytes();
        window
    }

    pub(super) fn on_acked(&mut self, now: Instant, acks: Acks) {
        let acks = Acks { smoothed: self.smooth(&acks), ..acks };
        // A single sample of a trickle is late by the time for which the peer kept it back, which the smoothed one is not.
        self.drain_due |= self.min_rtt.observe(now, acks.shortest.min(acks.smoothed));
        self.recent.acked_bytes += acks.bytes;
        self.loss.acked_bytes += acks.bytes;
        self.round.loss.acked_bytes += acks.bytes;
        self.judge_loss(now);
        if self.drain_until.is_some_and(|until| until <= now) {
            self.drain_until = None;
            // The queue is filled anew first.
            self.round = Round::new(now + acks.smoothed);
        }
        if self.drain_until.is_some() {
            return;
        }

        // A window that is not in use says nothing about the path, and a queue then is somebody else's.
        if let SlowStart::Doubling(queued) = self.slow_start
            && acks.flight_bytes >= self.window_bytes / 2
        {
            let queued = if self.queueing(acks.shortest) > self.target() / 2 { queued + 1 } else { 0 };
            if queued == SLOW_START_BATCHES {
                self.slow_start = SlowStart::Suspended;
                // This much was on its way when the queue showed.
                self.grow_to(acks.flight_bytes.min(2 * self.window_bytes));
                self.round = Round::new(now);
            } else {
                self.slow_start = SlowStart::Doubling(queued);
                let before = self.window_bytes;
                // More than a window may be on its way; it doubles all the same.
                self.grow_to(before + acks.bytes * before / before.max(acks.flight_bytes).max(1));
                if self.window_bytes > before {
                    self.doubled_at = now;
                }
            }
        }

        self.doubled_now = now.saturating_duration_since(self.doubled_at) <= acks.smoothed;

        self.round.observe(now, &acks);
        let length = acks.smoothed + ROUND_MIN.max(acks.smoothed / 4);
        if now.saturating_duration_since(self.round.since) < length {
            return;
        }
        let Some(shortest) = self.round.shortest else { return };
        let in_use = self.round.flight_bytes + 2 * self.mtu_bytes >= self.window_bytes / 4 * 3;
        let careful = self.round.loss.rate() > LOSS_CAREFUL;
        let steady = shortest.saturating_sub(self.round.spread(shortest));
        self.round = Round::new(now);
        if !in_use {
            return;
        }
        let queueing = self.queueing(shortest);
        if std::mem::take(&mut self.drain_due) && queueing > self.target() / 4 {
            // Our own standing queue would otherwise pass for the path's round-trip time little by little.
            self.drain_until = Some(now + acks.smoothed * 3 / 2 + DRAIN_EXTRA);
        }
        self.steer(steady, careful);
        if self.slow_start == SlowStart::Suspended {
            let cleared = queueing <= self.target() / 2;
            self.slow_start = if cleared { SlowStart::Doubling(0) } else { SlowStart::Over };
        }
    }

    /// Datagrams were lost; if `persistent`, everything was for a while.
    pub(super) fn on_lost(&mut self, now: Instant, lost_bytes: u64, persistent: bool) {
        self.recent.lost_bytes += lost_bytes;
        self.loss.lost_bytes += lost_bytes;
        self.round.loss.lost_bytes += lost_bytes;
        self.judge_loss(now);
        if persistent {
            // What was known about the path no longer holds.
            self.window_bytes = self.window_bytes.min(self.floor_bytes());
            self.slow_start = if self.breaker_open { SlowStart::Over } else { SlowStart::Doubling(0) };
        }
    }

    /// The path said that it is congested (ECN).
    pub(super) fn on_marked(&mut self, now: Instant) {
        // Once per round trip: marks come for every packet of a congested one.
        let recent = |at: Instant| now.saturating_duration_since(at) < self.smoothed_rtt;
        if !self.marked_at.is_some_and(recent) {
            self.marked_at = Some(now);
            self.shrink_by(MARK_FACTOR);
        }
    }

    pub(super) fn set_mtu(&mut self, mtu: u16) {
        self.mtu_bytes = mtu.into();
        self.window_bytes = self.window_bytes.max(self.floor_bytes());
    }

    pub(super) fn bytes(&self) -> u64 {
        if self.drain_until.is_none() {
            return self.window_bytes;
        }
        let (shortest, smoothed) = (self.min_rtt.get(), self.smoothed_rtt.max(Duration::from_nanos(1)));
        let held = scale(self.window_bytes, 0.75 * ratio(shortest, smoothed).min(1.0));
        held.clamp(DRAIN_DATAGRAMS * self.mtu_bytes, self.window_bytes.max(DRAIN_DATAGRAMS * self.mtu_bytes))
    }

    /// The window for quinn, which paces by it and by its own smoothed round trip. Never above the cap.
    pub(super) fn pacing_bytes(&self) -> u64 {
        if self.drain_until.is_some() {
            return self.bytes();
        }
        // Not at once: a slow path may have nothing to spare for it.
        let ahead = self.is_doubling() && self.doubled_now && self.window_bytes >= 2 * self.initial_bytes();
        let ahead = if ahead { PACE_DOUBLING } else { 1.0 };
        let late = ratio(self.pacing_rtt, self.smoothed_rtt).max(1.0);
        let bytes = scale(self.window_bytes, (ahead * late).min(PACE_FACTOR_MAX));
        bytes.min(self.cap_bytes().max(self.window_bytes))
    }

    pub(super) fn initial_bytes(&self) -> u64 {
        self.config.floor_bytes.max(self.floor_bytes())
    }

    pub(super) const fn breaker_open(&self) -> bool {
        self.breaker_open
    }

    /// Whether the window is doubling: it has yet to find out what the path carries, and what is sent makes it do so.
    pub(super) fn is_growing(&self, now: Instant) -> bool {
        let recently = 4 * self.smoothed_rtt + ROUND_MIN;
        self.slow_start != SlowStart::Over && now.saturating_duration_since(self.doubled_at) <= recently
    }

    /// How much serves for the time `t` at the window's pace.
    pub(super) fn paced_bytes(&self, time: Duration) -> u64 {
        scale(self.window_bytes, ratio(time, self.smoothed_rtt))
    }

    /// What the path holds while nothing waits on it, at the window's pace: the bandwidth-delay product.
    pub(super) fn path_bytes(&self) -> u64 {
        scale(self.window_bytes, ratio(self.min_rtt.get(), self.smoothed_rtt).min(1.0))
    }

    /// The smoothed round trip. quinn's takes dozens of acknowledgements to forget a first one that took a second: the relay
    /// was busy with everybody's handshakes, a radio or an address resolution (RFC 9002, 5.3 starts with that sample as it is).
    fn smooth(&mut self, acks: &Acks) -> Duration {
        // What quinn has before its first sample is a guess.
        let (recent, smoothed) = match self.recent_rtt {
            Some(recent) => ((recent + acks.shortest) / 2, acks.smoothed),
            None => (acks.shortest, acks.shortest),
        };
        self.recent_rtt = Some(recent);
        // After the slow start quinn's lags only behind a queue that shrinks, and that has to show. But where it was out of date
        // before, it is so until it has caught up.
        let early = self.slow_start != SlowStart::Over || self.smoothed_rtt < self.pacing_rtt;
        self.pacing_rtt = smoothed;
        self.smoothed_rtt = if early && smoothed > 2 * recent { recent } else { smoothed };
        self.smoothed_rtt
    }

    /// The smallest window. It follows the shortest round trip, not the present one: a floor that grew with the queue would
    /// make the queue grow.
    fn floor_bytes(&self) -> u64 {
        let time = self.min_rtt.get() + self.target();
        let served = scale(self.config.floor_rate, time.as_secs_f64());
        let floor = served.min(self.config.floor_bytes).max(self.config.floor_datagrams * self.mtu_bytes);
        if self.breaker_open { floor.min(BREAKER_BYTES) } else { floor }
    }

    const fn is_doubling(&self) -> bool {
        matches!(self.slow_start, SlowStart::Doubling(_))
    }

    /// How much of a round trip was spent in a queue.
    fn queueing(&self, round_trip: Duration) -> Duration {
        round_trip.saturating_sub(self.min_rtt.get())
    }

    fn target(&self) -> Duration {
        self.config.target + self.min_rtt.get() / 8
    }

    /// Moves the window towards the one that keeps a queue of the target's length, given the steady round trip of a
    /// round in which it was in use. If something was lost in it, the window grows with care.
    fn steer(&mut self, steady: Duration, careful: bool) {
        let factor = ratio(self.min_rtt.get() + self.target(), steady);
        // The step that is always taken makes windows on the same bottleneck equal: all see the same queue, so the larger
        // ones give back more than they take.
        let step = self.mtu_bytes.min(self.window_bytes / 16).max(self.window_bytes / 256);
        if factor < 1.0 {
            self.shrink_by(factor.max(SHRINK_MIN));
            self.grow_to(self.window_bytes + step);
        } else if !self.is_doubling() {
            let most = if careful { GROWTH_CAREFUL } else { GROWTH_MAX };
            let growth = scale(self.window_bytes, ((factor - 1.0) / 2.0).min(most));
            self.grow_to(self.window_bytes + growth.max(step));
        }
    }

    fn grow_to(&mut self, bytes: u64) {
        if self.breaker_open || self.lossy {
            return;
        }
        self.window_bytes = bytes.min(self.cap_bytes()).max(self.window_bytes);
    }

    fn cap_bytes(&self) -> u64 {
        self.config.cap_bytes.max(self.floor_bytes())
    }

    fn shrink_by(&mut self, factor: f64) {
        self.window_bytes = scale(self.window_bytes, factor).max(self.floor_bytes());
        self.slow_start = SlowStart::Over;
    }

    /// Looks at what was lost: often, so that a path whose buffer is too short to show a queue is not overrun for long,
    /// and once per period for the breaker.
    fn judge_loss(&mut self, now: Instant) {
        let age = now.saturating_duration_since(self.recent.since);
        if age >= self.smoothed_rtt && self.recent.total_bytes() >= LOSS_SAMPLE * self.mtu_bytes {
            let rate = self.recent.rate();
            self.lossy = rate > self.config.tolerated_loss;
            if self.lossy {
                self.shrink_by((1.0 - rate).max(LOSS_FACTOR_MIN));
            }
            self.recent = LossPeriod::new(now);
        }

        let age = now.saturating_duration_since(self.loss.since);
        let sample = if self.breaker_open { BREAKER_SAMPLE_OPEN } else { BREAKER_SAMPLE };
        if self.loss.total_bytes() >= sample * self.mtu_bytes {
            if age >= LOSS_PERIOD.max(self.smoothed_rtt) {
                self.judge_breaker(now, self.loss.rate());
                self.loss = LossPeriod::new(now);
            }
        } else if age >= 4 * LOSS_PERIOD {
            // So little traffic that what was lost long ago must not be held against what is lost now.
            self.loss = LossPeriod::new(now);
            self.recent = self.loss;
            self.lossy = false;
            self.bad_since = None;
        }
    }

    fn judge_breaker(&mut self, now: Instant, rate: f64) {
        if rate > self.config.breaker_loss {
            let since = *self.bad_since.get_or_insert(self.loss.since);
            if !self.breaker_open && now.saturating_duration_since(since) >= BREAKER_PERIOD {
                self.breaker_open = true;
                self.window_bytes = self.floor_bytes();
                self.slow_start = SlowStart::Over;
            }
            return;
        }
        self.bad_since = None;
        if self.breaker_open && rate <= self.config.tolerated_loss {
            self.breaker_open = false;
            self.window_bytes = self.window_bytes.max(self.floor_bytes());
            self.slow_start = SlowStart::Doubling(0);
        }
    }
}

/// What was sent and acknowledged since some time.
#[derive(Clone, Copy, Debug)]
struct Round {
    since: Instant,
    /// The most that was on its way.
    flight_bytes: u64,
    /// The shortest round trip of what was sent since.
    shortest: Option<Duration>,
    /// All of them, and how many they are.
    sum: Duration,
    count: u32,
    loss: LossPeriod,
}

impl Round {
    const fn new(since: Instant) -> Self {
        Self {
            since,
            flight_bytes: 0,
            shortest: None,
            sum: Duration::ZERO,
            count: 0,
            loss: LossPeriod::new(since),
        }
    }

    fn observe(&mut self, now: Instant, acks: &Acks) {
        self.flight_bytes = self.flight_bytes.max(acks.flight_bytes);
        if self.since + acks.shortest <= now {
            self.shortest = Some(self.shortest.map_or(acks.shortest, |shortest| shortest.min(acks.shortest)));
            self.sum = self.sum.saturating_add(acks.shortest);
            self.count = self.count.saturating_add(1);
        }
    }

    /// How much the usual round trip of the round was above the shortest one.
    fn spread(&self, shortest: Duration) -> Duration {
        (self.sum / self.count.max(1)).saturating_sub(shortest)
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

    const fn total_bytes(&self) -> u64 {
        self.acked_bytes + self.lost_bytes
    }

    #[expect(clippy::cast_precision_loss, reason = "a rate needs no more than a few digits")]
    fn rate(&self) -> f64 {
        self.lost_bytes as f64 / self.total_bytes().max(1) as f64
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

fn ratio(part: Duration, whole: Duration) -> f64 {
    part.as_secs_f64() / whole.as_secs_f64().max(1e-9)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "factors are not negative, windows far below 2^52 bytes, and the conversion saturates"
)]
fn scale(bytes: u64, factor: f64) -> u64 {
    (bytes as f64 * factor) as u64
}

#[cfg(test)]
mod sim;
#[cfg(test)]
mod tests;
