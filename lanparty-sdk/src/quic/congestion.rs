//! How much may be on its way: the tunnel's congestion control, and the choice between it and the usual ones.

use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};

use quinn::congestion::{Controller, ControllerFactory, CubicConfig, NewRenoConfig};
use quinn_proto::RttEstimator;

use super::meter::Meter;
use super::tunnel::{Acks, TunnelConfig, TunnelWindow};

/// How much quinn should hold beyond the window: enough to use the next acknowledgement at once.
const QUEUED_TIME: Duration = Duration::from_millis(1);

/// What decides how many bytes may be on their way unacknowledged.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum CongestionControl {
    /// TCP's usual one (RFC 9438): fills the path's buffers, and backs off at any loss.
    Cubic,
    /// A constant number of bytes: for paths whose capacity is known, such as a wire of one's own.
    Fixed(u64),
    /// TCP's old one (RFC 9002, section 7).
    NewReno,
    /// Ours: follows the queueing delay and shrugs off random loss, which the inner protocols handle themselves.
    Tunnel(TunnelConfig),
}

impl Default for CongestionControl {
    fn default() -> Self {
        Self::Tunnel(TunnelConfig::default())
    }
}

impl CongestionControl {
    pub(super) fn factory(&self) -> Arc<dyn ControllerFactory + Send + Sync> {
        match self {
            Self::Cubic => Arc::new(CubicConfig::default()),
            Self::Fixed(window_bytes) => Arc::new(FixedFactory(*window_bytes)),
            Self::NewReno => Arc::new(NewRenoConfig::default()),
            Self::Tunnel(config) => Arc::new(TunnelFactory(config.clone())),
        }
    }
}

/// The tunnel's congestion control of one connection, as `quinn::Connection::congestion_state` returns it after
/// `into_any`.
#[derive(Clone, Debug)]
pub struct TunnelController {
    window: TunnelWindow,
    meter: Arc<Meter>,
    /// Acknowledged bytes of the batch that is being processed.
    acked_bytes: u64,
    /// Round-trip times of that batch: the shortest, and quinn's smoothed one.
    rtt: Option<(Duration, Duration)>,
}

impl TunnelController {
    /// Whether the circuit breaker is open: the path loses so much that next to nothing is sent.
    #[must_use]
    pub const fn breaker_open(&self) -> bool {
        self.window.breaker_open()
    }

    /// What the path takes at the moment, for whoever has something to send on it.
    pub(super) fn meter(&self) -> Arc<Meter> {
        Arc::clone(&self.meter)
    }
}

impl Controller for TunnelController {
    fn on_sent(&mut self, _now: Instant, _bytes: u64, _last: u64) {
        self.meter.notify();
    }

    fn on_ack(&mut self, now: Instant, sent: Instant, bytes: u64, _app_limited: bool, rtt: &RttEstimator) {
        // A single sample contains the time for which the peer kept its acknowledgement back, the smoothed value does
        // not; the latter in turn is a guess until the first sample is in.
        let sample = now.saturating_duration_since(sent);
        let shortest = self.rtt.map_or(sample, |(shortest, _)| shortest.min(sample));
        self.rtt = Some((shortest, rtt.get()));
        self.acked_bytes += bytes;
    }

    fn on_end_acks(&mut self, now: Instant, in_flight: u64, _app_limited: bool, _largest: Option<u64>) {
        let bytes = std::mem::take(&mut self.acked_bytes);
        if let Some((shortest, smoothed)) = self.rtt.take() {
            // Whether the window is in use shows in the bytes on their way. quinn's own opinion is about its queue, which is
            // kept short and therefore often empty.
            let flight_bytes = in_flight + bytes;
            self.window.on_acked(now, Acks { bytes, flight_bytes, shortest, smoothed });
            self.meter.set_limit(self.window.paced_bytes(QUEUED_TIME));
            self.meter.set_path_bytes(self.window.path_bytes());
            self.meter.set_growing(self.window.is_growing(now));
        }
    }

    fn on_congestion_event(&mut self, now: Instant, _sent: Instant, is_persistent: bool, lost_bytes: u64) {
        if lost_bytes == 0 {
            self.window.on_marked(now);
        } else {
            self.window.on_lost(now, lost_bytes, is_persistent);
        }
    }

    fn on_mtu_update(&mut self, new_mtu: u16) {
        self.window.set_mtu(new_mtu);
    }

    fn window(&self) -> u64 {
        self.window.pacing_bytes()
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(self.clone())
    }

    fn initial_window(&self) -> u64 {
        self.window.initial_bytes()
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

struct TunnelFactory(TunnelConfig);

impl ControllerFactory for TunnelFactory {
    fn build(self: Arc<Self>, now: Instant, current_mtu: u16) -> Box<dyn Controller> {
        let window = TunnelWindow::new(self.0.clone(), now, current_mtu);
        Box::new(TunnelController { window, meter: Arc::default(), acked_bytes: 0, rtt: None })
    }
}

struct FixedFactory(u64);

impl ControllerFactory for FixedFactory {
    fn build(self: Arc<Self>, _now: Instant, _current_mtu: u16) -> Box<dyn Controller> {
        Box::new(Fixed(self.0))
    }
}

#[derive(Clone, Copy, Debug)]
struct Fixed(u64);

impl Controller for Fixed {
    fn on_congestion_event(&mut self, _: Instant, _: Instant, _: bool, _: u64) {}

    fn on_mtu_update(&mut self, _: u16) {}

    fn window(&self) -> u64 {
        self.0
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(*self)
    }

    fn initial_window(&self) -> u64 {
        self.0
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(control: &CongestionControl, now: Instant) -> Box<dyn Controller> {
        control.factory().build(now, 1200)
    }

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "any instant serves as the beginning of a made-up timeline"
    )]
    fn every_choice_builds_its_controller() {
        let now = Instant::now();
        assert_eq!(build(&CongestionControl::default(), now).window(), 64 * 1024);
        assert_eq!(build(&CongestionControl::Fixed(77_000), now).window(), 77_000);
        for control in [CongestionControl::Cubic, CongestionControl::NewReno] {
            assert!(build(&control, now).window() < 64 * 1024);
        }
        let mut fixed = build(&CongestionControl::Fixed(77_000), now);
        fixed.on_congestion_event(now, now, true, 50_000);
        assert_eq!(fixed.window(), 77_000);
        let state = build(&CongestionControl::default(), now).into_any();
        assert!(!state.downcast::<TunnelController>().expect("ours").breaker_open());
    }

    #[tokio::test]
    #[expect(
        clippy::disallowed_methods,
        reason = "any instant serves as the beginning of a made-up timeline"
    )]
    async fn the_meter_follows_the_pace_and_is_shared_with_copies() {
        let now = Instant::now();
        let window = TunnelWindow::new(TunnelConfig::default(), now, 1400);
        let mut controller = TunnelController { window, meter: Arc::default(), acked_bytes: 0, rtt: None };
        let copy = controller.clone_box().into_any().downcast::<TunnelController>().expect("ours");
        let meter = copy.meter();
        assert_eq!(meter.limit_bytes(), usize::MAX, "nothing is known of the path yet");

        let rtt = Duration::from_millis(40);
        (controller.acked_bytes, controller.rtt) = (1400, Some((rtt, rtt)));
        controller.on_end_acks(now + rtt, 1400, false, None);
        assert_eq!(meter.limit_bytes(), 64 * 1024 / 40, "what leaves within a millisecond");
        assert_eq!(meter.path_bytes(), 64 * 1024, "no queue yet");
        assert!(meter.is_growing());
        controller.window.on_marked(now + rtt);
        controller.rtt = Some((rtt, rtt));
        controller.on_end_acks(now + 2 * rtt, 1400, false, None);
        assert!(!meter.is_growing());

        // It may have sent before anybody waits.
        controller.on_sent(now, 1400, 0);
        meter.sent().await;
    }
}
