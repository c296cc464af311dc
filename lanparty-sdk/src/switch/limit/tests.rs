#![expect(clippy::disallowed_methods, reason = "any instant will do as the beginning of a test")]

use std::time::Duration;

use proptest::prelude::*;

use super::*;

#[test]
fn burst_then_refill() {
    let start = Instant::now();
    let mut bucket = TokenBucket::new(Rate::new(100, 5), start);
    assert_eq!((0..10).filter(|_| bucket.try_take(1, start)).count(), 5);
    let later = start + Duration::from_millis(30);
    assert_eq!((0..10).filter(|_| bucket.try_take(1, later)).count(), 3);
    assert_eq!(bucket.available(start + Duration::from_secs(60)), 5, "saves up no more than the burst");
}

#[test]
fn a_refused_cost_takes_nothing() {
    let start = Instant::now();
    let mut bucket = TokenBucket::new(Rate::new(0, 10), start);
    assert!(!bucket.try_take(11, start));
    assert!(bucket.try_take(10, start));
}

#[test]
fn a_clock_going_backwards_saturates() {
    let start = Instant::now() + Duration::from_secs(10);
    let mut bucket = TokenBucket::new(Rate::new(10, 10), start);
    assert!(bucket.try_take(10, start));
    assert!(!bucket.try_take(1, start.checked_sub(Duration::from_secs(5)).unwrap()));
    assert!(!bucket.try_take(1, start), "the same second is not earned twice");
    assert!(bucket.try_take(1, start + Duration::from_millis(100)));
}

#[test]
fn slow_rates_do_not_drift() {
    let start = Instant::now();
    let mut bucket = TokenBucket::new(Rate::new(3, 1), start);
    assert!(bucket.try_take(1, start));
    // 3 per second, asked every millisecond: a bucket that loses remainders would admit fewer.
    let admitted =
        (1..=10_000_u64).filter(|millis| bucket.try_take(1, start + Duration::from_millis(*millis))).count();
    // One token per 334 asked milliseconds at worst, as the bucket holds a single one.
    assert!((29..=30).contains(&admitted), "{admitted}");

    let mut wide = TokenBucket::new(Rate::new(3, 1_000), start);
    assert!(wide.try_take(1_000, start));
    for millis in 0..=10_000 {
        wide.available(start + Duration::from_millis(millis));
    }
    assert_eq!(wide.available(start + Duration::from_secs(10)), 30);
}

#[test]
fn zero_unlimited_and_extremes() {
    let start = Instant::now();
    let year = start + Duration::from_secs(365 * 86_400);
    let mut nothing = TokenBucket::new(Rate::new(1_000, 0), start);
    assert!(!nothing.try_take(1, year));
    let mut once = TokenBucket::new(Rate::new(0, 1), start);
    assert!(once.try_take(1, start) && !once.try_take(1, year));
    let mut all = TokenBucket::new(Rate::UNLIMITED, start);
    assert!((0..3).all(|_| all.try_take(u64::MAX, start)));
    let mut fast = TokenBucket::new(Rate::new(u64::MAX, u64::MAX - 1), start);
    assert!(fast.try_take(u64::MAX - 1, start));
    assert_eq!(fast.available(year), u64::MAX - 1);
}

#[test]
fn members_have_separate_buckets_with_their_own_reasons() {
    let start = Instant::now();
    let limits = Limits {
        bytes: Rate::new(0, 100),
        flood: Rate::new(0, 1),
        probes: Rate::new(0, 1),
        unknown_unicast: Rate::new(0, 1),
    };
    let mut member = MemberLimits::new(&limits, start);
    assert_eq!(member.admit_bytes(100, start), Ok(()));
    assert_eq!(member.admit_bytes(1, start), Err(DropReason::ByteLimit));
    assert_eq!(member.admit_flood(start), Ok(()));
    assert_eq!(member.admit_flood(start), Err(DropReason::FloodLimit));
    assert_eq!(member.admit_unknown_unicast(start), Ok(()));
    assert_eq!(member.admit_unknown_unicast(start), Err(DropReason::UnknownUnicastLimit));
    assert_eq!(member.admit_probe(start), Ok(()));
    assert_eq!(member.admit_probe(start), Err(DropReason::ProbeLimit));
    let mut gateway = MemberLimits::new(&Limits::UNLIMITED, start);
    assert!((0..10_000).all(|_| gateway.admit_flood(start).is_ok()));
}

#[test]
fn configuration_has_defaults_and_a_word_for_unlimited() {
    let read = |text: &str| serde_json::from_str::<Limits>(text);
    assert_eq!(read("{}").unwrap(), Limits::default());
    let some = read(r#"{"flood": "unlimited", "bytes": {"per_second": 1, "burst": 2}}"#).unwrap();
    assert!(some.flood.is_unlimited());
    assert_eq!(some.bytes, Rate::new(1, 2));
    assert_eq!(some.probes, Limits::DEFAULT_PROBES);
    assert_eq!(read(&serde_json::to_string(&some).unwrap()).unwrap(), some);
    assert!(read(r#"{"floods": "unlimited"}"#).is_err(), "a misspelt limit is no limit");
    assert!(read(r#"{"flood": {"per_second": 1}}"#).is_err());
    assert!(read(r#"{"flood": {"per_second": -1, "burst": 1}}"#).is_err());
}

/// Steps of time (some backwards) with a cost each.
fn steps() -> impl Strategy<Value = Vec<(i64, u64)>> {
    proptest::collection::vec((-2_000_000_i64..50_000_000, 0_u64..2_000), 1..200)
}

proptest! {
    /// Between any two moments no more than burst + rate * elapsed is admitted.
    #[test]
    fn never_admits_more_than_burst_and_rate(
        per_second in 0_u64..5_000_000,
        burst in 0_u64..10_000,
        steps in steps(),
    ) {
        let start = Instant::now() + Duration::from_secs(3600);
        let mut bucket = TokenBucket::new(Rate::new(per_second, burst), start);
        let (mut clock, mut latest) = (0_i64, 0_i64);
        let mut admitted = 0_u64;
        for (step, cost) in steps {
            clock += step;
            latest = latest.max(clock);
            let now = if clock >= 0 {
                start + Duration::from_nanos(clock.unsigned_abs())
            } else {
                start - Duration::from_nanos(clock.unsigned_abs())
            };
            if bucket.try_take(cost, now) {
                admitted += cost;
            }
            let earned = u128::from(latest.unsigned_abs()) * u128::from(per_second) / u128::from(NANOS);
            prop_assert!(u128::from(admitted) <= u128::from(burst) + earned);
        }
    }

    /// A sender that stays within the rate, counted exactly, is never refused.
    #[test]
    fn a_conforming_sender_is_never_refused(
        per_second in 1_u64..5_000_000,
        burst in 1_u64..10_000,
        steps in proptest::collection::vec((0_u64..50_000_000, 1_u64..2_000), 1..200),
    ) {
        let start = Instant::now();
        let mut bucket = TokenBucket::new(Rate::new(per_second, burst), start);
        // The same bucket in billionths of tokens: the definition, without any rounding.
        let full = u128::from(burst) * u128::from(NANOS);
        let (mut level, mut clock) = (full, 0_u64);
        for (step, cost) in steps {
            clock += step;
            level = full.min(level + u128::from(step) * u128::from(per_second));
            let price = u128::from(cost) * u128::from(NANOS);
            let conforms = level >= price;
            if conforms {
                level -= price;
            }
            prop_assert_eq!(bucket.try_take(cost, start + Duration::from_nanos(clock)), conforms);
        }
    }
}
