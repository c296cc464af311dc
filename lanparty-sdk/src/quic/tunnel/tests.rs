//! The window on paths made of numbers.

use super::sim::{MTU, Path, Peer};
use super::*;

const MILLISECOND: Duration = Duration::from_millis(1);

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

#[test]
fn paths_are_filled_and_their_buffers_hardly() {
    // A few datagrams are in the queue however slow the path is: more if the peer waits for the third.
    for (peer, datagrams) in [(Peer::Relay, 2.0), (Peer::Member, 6.0)] {
        for mbit in [2.0, 20.0, 100.0, 1000.0] {
            for rtt_ms in [1.0, 20.0, 100.0] {
                // Larger datagrams make fewer of them; the law is the same.
                let mut path = Path::with_mtu(rtt_ms, mbit, if mbit > 500.0 { 9000 } else { MTU }).to(peer);
                // Long enough to settle, and then to see a few thousand datagrams and an emptying of the queue.
                let time = if mbit > 500.0 { secs(2) } else { secs(6) };
                path.run(secs(4) + Duration::from_secs_f64(rtt_ms * 0.04));
                path.run(time);
                let (used, queue_ms) = (path.utilisation(time), path.queue_p99_ms());
                let bound_ms = 7.5 + rtt_ms / 4.0 + datagrams * f64::from(MTU) * 8e-3 / mbit;
                let what = format!("{mbit} Mbit/s, {rtt_ms} ms, {peer:?}: {:?}", path.window);
                // Between the acknowledgements of a member, a path that holds four datagrams runs dry.
                let few = peer == Peer::Member && mbit < 20.0 && path.bdp() < 8 * u64::from(MTU);
                let least = if few { 0.85 } else { 0.95 };
                assert!(used > least, "{used} of {what}");
                assert!(queue_ms < bound_ms, "{queue_ms} ms at {what}");
            }
        }
    }
}

#[test]
fn a_window_at_its_floor_grows_again() {
    for peer in [Peer::Relay, Peer::Member] {
        for (mbit, rtt_ms) in [(20.0, 0.5), (20.0, 20.0), (100.0, 0.5)] {
            let mut path = Path::new(rtt_ms, mbit).to(peer);
            path.run(secs(2));
            path.window.window_bytes = path.window.floor_bytes();
            path.run(secs(4));
            path.run(secs(4));
            let used = path.utilisation(secs(4));
            assert!(used > 0.95, "{used} of {mbit} Mbit/s, {rtt_ms} ms, {peer:?}: {:?}", path.window);
        }
    }
}

#[test]
fn a_players_uplink_keeps_a_queue_of_milliseconds() {
    let mut path = Path::new(0.5, 20.0);
    path.run(secs(2));
    path.run(secs(20));
    assert!(path.utilisation(secs(20)) > 0.98);
    assert!(path.queue_p99_ms() < 8.0, "{} ms", path.queue_p99_ms());
}

#[test]
fn random_loss_does_not_strangle() {
    for (loss, mbit, rtt_ms) in
        [(0.05, 20.0, 40.0), (0.05, 100.0, 20.0), (0.03, 2.0, 100.0), (0.02, 50.0, 1.0)]
    {
        let mut path = Path::new(rtt_ms, mbit);
        path.loss = loss;
        path.run(secs(4));
        path.run(secs(10));
        let used = path.utilisation(secs(10)) / (1.0 - loss);
        assert!(used > 0.95, "{used} at a loss of {loss}: {:?}", path.window);
    }
}

#[test]
fn delays_that_are_no_queue_do_not_strangle() {
    for (jitter_ms, rtt_ms, mbit) in
        [(10.0, 1.0, 20.0), (5.0, 1.0, 100.0), (10.0, 20.0, 100.0), (5.0, 10.0, 20.0)]
    {
        let mut path = Path::new(rtt_ms, mbit);
        path.jitter_ms = jitter_ms;
        path.run(secs(4));
        path.run(secs(10));
        let used = path.utilisation(secs(10));
        assert!(used > 0.85, "{used} of {mbit} Mbit/s at {rtt_ms} + {jitter_ms} ms: {:?}", path.window);
    }
}

#[test]
fn a_buffer_too_short_to_show_a_queue_is_not_overrun() {
    for rtt_ms in [1.0, 20.0] {
        let mut path = Path::new(rtt_ms, 100.0);
        path.buffer_bytes = 25_000;
        path.run(secs(4));
        path.run(secs(10));
        let used = path.utilisation(secs(10));
        assert!(used > 0.85, "{used}: {:?}", path.window);
        assert!(path.window.bytes() < 2 * (path.bdp() + path.buffer_bytes), "{:?}", path.window);
    }
}

#[test]
fn a_slower_path_shrinks_the_window_and_a_faster_one_is_used() {
    let mut path = Path::new(40.0, 100.0);
    path.run(secs(4));
    let before = path.window.bytes();
    assert!(before > 400_000);
    path.mbit /= 10.0;
    path.run(secs(4));
    assert!(path.window.bytes() < before / 4, "{} of {before}", path.window.bytes());
    path.run(secs(3));
    assert!(path.queue_p99_ms() < 20.0, "{} ms", path.queue_p99_ms());
    path.mbit *= 10.0;
    path.run(secs(4));
    assert!(path.window.bytes() >= path.bdp() * 9 / 10, "{:?}", path.window);
}

#[test]
fn the_floor_serves_a_game_and_makes_no_queue() {
    let config = TunnelConfig::default();
    let mut path = Path::new(40.0, 20.0);
    assert_eq!(path.window.bytes(), config.floor_bytes, "to begin with");
    path.run(secs(2));
    let floor = path.window.floor_bytes();
    let bdp_of_two_mbit = 250 * 40;
    assert!((bdp_of_two_mbit..bdp_of_two_mbit * 3 / 2).contains(&floor), "{floor}");
    for _ in 0..50 {
        path.window.shrink_by(0.5);
    }
    assert_eq!(path.window.bytes(), floor);

    let mut near = Path::new(1.0, 20.0);
    near.run(secs(1));
    assert_eq!(near.window.floor_bytes(), config.floor_datagrams * u64::from(MTU));
}

#[test]
fn there_is_one_decision_per_round_and_nothing_older_than_the_round_counts() {
    let mut path = Path::new(40.0, 100.0);
    path.run(secs(3));
    path.window.drain_due = false;
    let before = path.window.window_bytes;
    let (at, long) = (path.at(), 500 * MILLISECOND);
    path.window.round = Round::new(at);
    let late = Acks { bytes: 1400, flight_bytes: before, shortest: long, smoothed: long };
    for step in 1..40 {
        path.window.on_acked(at + step * 10 * MILLISECOND, late);
    }
    assert_eq!(path.window.window_bytes, before, "all of it was sent before");
    let end = at + 2 * long;
    for _ in 0..20 {
        path.window.on_acked(end, late);
    }
    let once = before / 2..before / 2 + before / 8;
    assert!(once.contains(&path.window.window_bytes), "{} of {before}", path.window.window_bytes);
}

#[test]
fn heavy_loss_shrinks_and_lasting_loss_opens_the_breaker() {
    let mut path = Path::new(40.0, 50.0);
    path.run(secs(3));
    let before = path.window.bytes();
    path.loss = 0.2;
    path.run(secs(10));
    assert!(path.window.bytes() < before / 2);
    assert!(!path.window.breaker_open());

    path.loss = 0.45;
    path.run(secs(2));
    assert!(!path.window.breaker_open(), "three seconds first");
    path.run(secs(4));
    assert!(path.window.breaker_open());
    assert!(path.window.bytes() <= BREAKER_BYTES);

    path.loss = 0.01;
    path.run(secs(3));
    assert!(!path.window.breaker_open());
    path.run(secs(5));
    assert!(path.window.bytes() >= path.bdp(), "{} of {}", path.window.bytes(), path.bdp());
}

#[test]
fn an_unused_window_stays_as_it_is() {
    let mut path = Path::new(40.0, 100.0);
    path.offered_mbit = Some(3.0);
    path.run(secs(20));
    assert_eq!(path.window.bytes(), TunnelConfig::default().floor_bytes);
    // Nor does a queue that is somebody else's take it away from a game.
    path.rtt_ms = 240.0;
    path.offered_mbit = Some(0.5);
    path.run(secs(4));
    assert_eq!(path.window.bytes(), TunnelConfig::default().floor_bytes);
}

#[test]
fn a_queue_of_somebody_elses_does_not_end_the_slow_start() {
    // Whoever uploads delays the few datagrams of the other direction; then a download begins.
    let mut path = Path::with_mtu(10.0, 1000.0, 9000);
    path.offered_mbit = Some(0.5);
    path.run(secs(1));
    path.rtt_ms = 20.0;
    path.run(secs(3));
    path.rtt_ms = 10.0;
    path.offered_mbit = None;
    path.run(150 * MILLISECOND);
    assert!(path.window.window_bytes >= path.bdp(), "{:?} of {}", path.window, path.bdp());
}

#[test]
fn a_busy_moment_does_not_end_the_slow_start() {
    // Long enough for more late batches than it takes.
    let mut path = Path::with_mtu(10.0, 1000.0, 9000);
    path.run(25 * MILLISECOND);
    path.rtt_ms = 15.0;
    path.run(15 * MILLISECOND);
    assert_eq!(path.window.slow_start, SlowStart::Suspended);
    assert!(path.window.is_growing(path.at()), "it may well go on");
    path.rtt_ms = 10.0;
    // Less than a round is left of it by then, in which a window that is steered grows by a quarter.
    path.run(50 * MILLISECOND);
    assert!(path.window.window_bytes >= path.bdp(), "{:?} of {}", path.window, path.bdp());
}

#[test]
fn more_than_a_window_on_its_way_counts_as_one() {
    // What is paced ahead of the window, and a pause in which nothing was acknowledged, swell the flight.
    let (rtt, start) = (10 * MILLISECOND, Path::new(10.0, 100.0).at());
    let mut window = TunnelWindow::new(TunnelConfig::default(), start, MTU);
    let before = window.window_bytes;
    let mut flight_bytes = 4 * before;
    while flight_bytes > 0 {
        let bytes = flight_bytes.min(MTU.into());
        window.on_acked(start + rtt, Acks { bytes, flight_bytes, shortest: rtt, smoothed: rtt });
        flight_bytes -= bytes;
    }
    assert_eq!(window.slow_start, SlowStart::Doubling(0));
    assert!((2 * before..3 * before).contains(&window.window_bytes), "{before}: {window:?}");
}

#[test]
fn a_queue_ends_the_slow_start() {
    for (rtt_ms, mbit) in [(1.0, 20.0), (10.0, 1000.0), (40.0, 100.0), (100.0, 2.0)] {
        let mut path = Path::new(rtt_ms, mbit);
        path.run(Duration::from_secs_f64(0.2 + rtt_ms * 0.02));
        assert_eq!(path.window.slow_start, SlowStart::Over, "{mbit} Mbit/s, {rtt_ms} ms: {:?}", path.window);
        assert_eq!(path.window.pacing_bytes(), path.window.bytes());
    }
}

/// A window that has had `count` acknowledgements after a first one that took a second, and what quinn then takes for the
/// round trip (RFC 9002, 5.3).
fn after_a_slow_first_round_trip(rtt: Duration, count: u32) -> (TunnelWindow, Instant, Duration) {
    let start = Path::new(10.0, 100.0).at();
    let mut window = TunnelWindow::new(TunnelConfig::default(), start, MTU);
    let mut now = start + secs(1);
    let first = Acks { bytes: 1200, flight_bytes: 1200, shortest: secs(1), smoothed: 333 * MILLISECOND };
    window.on_acked(now, first);
    assert_eq!(window.pacing_bytes(), window.bytes(), "nothing else is known yet");
    let mut smoothed = secs(1);
    for _ in 0..count {
        now += rtt;
        window.on_acked(now, Acks { bytes: 100, flight_bytes: 100, shortest: rtt, smoothed });
        smoothed = (7 * smoothed + rtt) / 8;
    }
    (window, now, smoothed)
}

#[test]
fn a_slow_first_round_trip_is_soon_forgotten() {
    let rtt = 10 * MILLISECOND;
    let (window, _, smoothed) = after_a_slow_first_round_trip(rtt, 12);
    let pace = window.pacing_bytes() as f64 / smoothed.as_secs_f64();
    let right = window.bytes() as f64 / rtt.as_secs_f64();
    assert!(pace > right / 2.0 && pace <= 1.2 * right, "{pace} of {right}: {window:?}");
    assert!(window.pacing_bytes() <= 16 * window.bytes());

    let (window, ..) = after_a_slow_first_round_trip(rtt, 60);
    assert_eq!(window.pacing_bytes(), window.bytes(), "quinn knows it too by now");
}

#[test]
fn the_end_of_the_slow_start_does_not_bring_a_slow_first_round_trip_back() {
    let rtt = 10 * MILLISECOND;
    let (mut window, now, smoothed) = after_a_slow_first_round_trip(rtt, 12);
    window.on_marked(now);
    assert_eq!(window.slow_start, SlowStart::Over);
    window.on_acked(now + rtt, Acks { bytes: 100, flight_bytes: 100, shortest: rtt, smoothed });
    assert!(window.pacing_bytes() > 8 * window.bytes(), "{window:?}");
}

#[test]
fn the_first_round_trip_is_no_news() {
    // quinn begins with a guess of 333 ms.
    let (rtt, start) = (10 * MILLISECOND, Path::new(10.0, 100.0).at());
    let mut window = TunnelWindow::new(TunnelConfig::default(), start, MTU);
    let first = Acks { bytes: 1200, flight_bytes: 1200, shortest: rtt, smoothed: 333 * MILLISECOND };
    window.on_acked(start + rtt, first);
    assert_eq!(window.pacing_bytes(), window.bytes());
    assert_eq!(window.smoothed_rtt, rtt);
}

#[test]
fn what_empties_the_queue_is_not_made_up_for() {
    let (mut window, now, _) = after_a_slow_first_round_trip(10 * MILLISECOND, 12);
    window.drain_until = Some(now + secs(1));
    assert!(window.bytes() < window.window_bytes);
    assert_eq!(window.pacing_bytes(), window.bytes());
}

#[test]
fn a_window_grows_only_while_something_fills_it() {
    let mut path = Path::with_mtu(40.0, 1000.0, 9000);
    path.run(150 * MILLISECOND);
    assert!(path.window.is_growing(path.at()));
    assert!(path.window.pacing_bytes() > path.window.bytes(), "faster than what makes it grow");
    let mut path = Path::new(40.0, 100.0);
    path.offered_mbit = Some(20.0);
    path.run(secs(3));
    assert!(path.window.is_doubling() && !path.window.is_growing(path.at()), "{:?}", path.window);
    assert_eq!(path.window.pacing_bytes(), path.window.bytes());
}

#[test]
fn a_longer_route_is_followed() {
    let mut path = Path::new(20.0, 20.0);
    path.run(secs(5));
    path.rtt_ms = 100.0;
    path.run(secs(30));
    assert!(path.window.window_bytes >= path.bdp() * 8 / 10, "{:?} of {}", path.window, path.bdp());
}

#[test]
fn our_own_queue_does_not_become_the_round_trip_time() {
    for (rtt_ms, most_ms) in [(40, 46), (1, 6)] {
        let mut path = Path::new(f64::from(rtt_ms), 20.0);
        path.run(secs(120));
        let shortest = path.window.min_rtt.get();
        assert!(shortest < most_ms * MILLISECOND, "{shortest:?}");
    }
}

#[test]
fn windows_on_one_bottleneck_become_equal() {
    let start = Path::new(1.0, 1.0).at();
    let mut windows = [1u64, 10].map(|share| {
        let config = TunnelConfig { floor_bytes: share * 20_000, ..TunnelConfig::default() };
        TunnelWindow::new(config, start, MTU)
    });
    for window in &mut windows {
        window.slow_start = SlowStart::Over;
    }
    let (mut now, base, bytes_per_ms) = (start, 40.0, 6250.0);
    while now < start + secs(60) {
        let flight: u64 = windows.iter().map(TunnelWindow::bytes).sum();
        let rtt = Duration::from_secs_f64((flight as f64 / bytes_per_ms).max(base) / 1e3);
        for batch in 1..=8 {
            let at = now + rtt * batch / 8;
            for window in &mut windows {
                let bytes = window.bytes();
                window.on_acked(
                    at,
                    Acks { bytes: bytes / 8, flight_bytes: bytes, shortest: rtt, smoothed: rtt },
                );
            }
        }
        now += rtt;
    }
    let [one, other] = windows.map(|window| window.window_bytes);
    assert!(one > other / 2 && other > one / 2, "{one} and {other}");
}

#[test]
fn floor_and_cap_hold() {
    let mut path = Path::new(40.0, 1000.0);
    path.window.config.cap_bytes = 1024 * 1024;
    for _ in 0..200 {
        path.run(10 * MILLISECOND);
        assert!(path.window.pacing_bytes() <= 1024 * 1024);
    }
    assert_eq!(path.window.bytes(), 1024 * 1024);
    path.window.set_mtu(9000);
    assert_eq!(path.window.floor_bytes(), 4 * 9000);
    path.window.on_lost(path.at(), 1, true);
    assert_eq!(path.window.bytes(), 4 * 9000);
}

#[test]
fn marks_shrink() {
    let mut path = Path::new(40.0, 100.0);
    path.run(secs(2));
    path.window.drain_until = None;
    let before = path.window.window_bytes;
    path.window.on_marked(path.at());
    path.window.on_marked(path.at());
    assert_eq!(path.window.window_bytes, scale(before, MARK_FACTOR));
}

#[test]
fn a_clock_that_goes_backwards_is_survived() {
    let mut path = Path::new(40.0, 100.0);
    path.run(secs(2));
    let acks =
        Acks { bytes: 1400, flight_bytes: 1400, shortest: MILLISECOND * 40, smoothed: MILLISECOND * 40 };
    path.window.on_acked(path.at() + secs(2), acks);
    path.run(secs(4));
    assert!(path.window.bytes() >= path.bdp() / 2);
}
