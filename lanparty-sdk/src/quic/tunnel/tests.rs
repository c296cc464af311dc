//! The window on paths made of numbers.

use super::*;

const MTU: u16 = 1400;
const MILLISECOND: Duration = Duration::from_millis(1);

/// A path in numbers: one round trip at a time, with a queue in front of the bottleneck.
struct Path {
    window: TunnelWindow,
    now: Instant,
    rtt: Duration,
    bytes_per_ms: u64,
    loss: f64,
    smoothed: Option<Duration>,
    /// The longest queueing delay since it was last reset.
    worst_queue: Duration,
}

impl Path {
    #[expect(
        clippy::disallowed_methods,
        reason = "any instant serves as the beginning of a made-up timeline"
    )]
    fn new(rtt_ms: u32, mbit_per_s: u64) -> Self {
        let now = Instant::now();
        Self {
            window: TunnelWindow::new(TunnelConfig::default(), now, MTU),
            now,
            rtt: rtt_ms * MILLISECOND,
            bytes_per_ms: mbit_per_s * 125,
            loss: 0.0,
            smoothed: None,
            worst_queue: Duration::ZERO,
        }
    }

    fn bdp(&self) -> u64 {
        self.bytes_per_ms * self.rtt.as_millis() as u64
    }

    /// One round trip in which the sender has `offered` bytes, at most the window of which go out.
    fn round(&mut self, offered: u64) {
        let flight = self.window.bytes().min(offered);
        let queue = flight.saturating_sub(self.bdp());
        let queueing = Duration::from_micros(queue * 1000 / self.bytes_per_ms);
        self.worst_queue = self.worst_queue.max(queueing);
        let rtt = self.rtt + queueing;
        let app_limited = offered < self.window.bytes();
        let lost = (flight as f64 * self.loss) as u64;
        // Eight batches of acknowledgements per round trip.
        for batch in 1..=8 {
            self.now += rtt / 8;
            let smoothed = self.smoothed.map_or(rtt, |smoothed| (7 * smoothed + rtt) / 8);
            self.smoothed = Some(smoothed);
            let acked = (flight - lost) / 8;
            self.window.on_acked(self.now, acked, flight, app_limited, rtt, smoothed);
            if batch == 8 && lost > 0 {
                self.window.on_lost(self.now, lost, false);
            }
        }
    }

    fn run(&mut self, time: Duration) {
        self.run_with(time, u64::MAX);
    }

    fn run_with(&mut self, time: Duration, offered: u64) {
        let end = self.now + time;
        while self.now < end {
            self.round(offered);
        }
    }
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

#[test]
fn the_window_fills_a_path_quickly_and_its_buffer_hardly() {
    let mut path = Path::new(40, 100);
    path.run(secs(1));
    assert!(path.window.bytes() >= path.bdp() * 9 / 10, "{} of {}", path.window.bytes(), path.bdp());
    path.run(secs(5));
    path.worst_queue = Duration::ZERO;
    path.run(secs(120));
    let target = TunnelConfig::default().target + path.rtt / 4;
    assert!(path.worst_queue <= target + 15 * MILLISECOND, "queue of {:?}", path.worst_queue);
    assert!(path.window.window_bytes >= path.bdp() * 9 / 10, "{:?}", path.window);
}

#[test]
fn random_loss_of_two_percent_does_not_strangle() {
    let mut path = Path::new(40, 50);
    path.loss = 0.02;
    path.run(secs(3));
    for _ in 0..300 {
        path.round(u64::MAX);
        assert!(path.window.window_bytes >= path.bdp(), "{:?}", path.window);
    }
}

#[test]
fn a_queue_shrinks_the_window_and_never_below_the_floor() {
    let mut path = Path::new(40, 200);
    path.run(secs(4));
    let before = path.window.bytes();
    assert!(before > 500_000);
    path.bytes_per_ms /= 10;
    path.run(secs(4));
    assert!(path.window.bytes() < before / 4, "{} of {before}", path.window.bytes());
    path.bytes_per_ms = 125;
    path.run(secs(60));
    assert_eq!(path.window.window_bytes, 64 * 1024);
}

#[test]
fn a_queue_shrinks_the_window_at_most_once_per_round_trip() {
    let mut path = Path::new(40, 100);
    path.run(secs(2));
    let before = path.window.window_bytes;
    let long = path.rtt * 5;
    for _ in 0..20 {
        path.window.on_acked(path.now, 1400, before, false, long, long);
    }
    assert_eq!(path.window.window_bytes, before, "not at once");
    path.now += 2 * long;
    for _ in 0..20 {
        path.window.on_acked(path.now, 1400, before, false, long, long);
    }
    assert_eq!(path.window.window_bytes, (before as f64 * DELAY_FACTOR) as u64, "and once only");
}

#[test]
fn heavy_loss_shrinks_and_lasting_loss_opens_the_breaker() {
    let mut path = Path::new(40, 50);
    path.run(secs(3));
    let before = path.window.bytes();
    path.loss = 0.2;
    path.run(secs(10));
    assert!(path.window.bytes() < before / 2);
    assert!(!path.window.breaker_open());

    path.loss = 0.4;
    path.run(secs(2));
    assert!(!path.window.breaker_open(), "three seconds first");
    path.run(secs(3));
    assert!(path.window.breaker_open());
    assert_eq!(path.window.window_bytes, 16 * 1024);

    path.loss = 0.01;
    path.run(secs(2));
    assert!(!path.window.breaker_open());
    path.run(secs(3));
    assert!(path.window.bytes() >= path.bdp(), "{} of {}", path.window.bytes(), path.bdp());
}

#[test]
fn an_unused_window_does_not_grow() {
    let mut path = Path::new(40, 100);
    path.run_with(secs(20), 20_000);
    assert_eq!(path.window.bytes(), 64 * 1024);
    path.run_with(secs(5), 0);
    assert_eq!(path.window.bytes(), 64 * 1024);
}

#[test]
fn a_longer_route_is_followed() {
    let mut path = Path::new(20, 100);
    path.run(secs(5));
    path.rtt = 100 * MILLISECOND;
    path.run(secs(60));
    assert!(path.window.window_bytes >= path.bdp() * 8 / 10, "{:?} of {}", path.window, path.bdp());
}

#[test]
fn our_own_queue_does_not_become_the_round_trip_time() {
    let mut path = Path::new(40, 20);
    path.run(secs(600));
    assert!(path.window.min_rtt.get() < 55 * MILLISECOND, "{:?}", path.window.min_rtt);
}

#[test]
fn floor_and_cap_hold() {
    let mut path = Path::new(40, 10_000);
    path.run(secs(10));
    assert_eq!(path.window.bytes(), 4 * 1024 * 1024);
    path.window.set_mtu(9000);
    assert_eq!(path.window.floor_bytes(), 32 * 9000);
    path.window.on_lost(path.now, 1, true);
    assert_eq!(path.window.bytes(), 32 * 9000);
}

#[test]
fn marks_shrink() {
    let mut path = Path::new(40, 100);
    path.run(secs(2));
    let before = path.window.window_bytes;
    path.now += path.rtt * 3;
    path.window.on_marked(path.now);
    path.window.on_marked(path.now);
    assert_eq!(path.window.window_bytes, (before as f64 * DELAY_FACTOR) as u64);
}

#[test]
fn a_clock_that_goes_backwards_is_survived() {
    let mut path = Path::new(40, 100);
    path.run(secs(2));
    path.now -= secs(1);
    path.run(secs(4));
    assert!(path.window.bytes() >= path.bdp() / 2);
}
