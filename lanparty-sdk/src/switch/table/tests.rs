#![expect(clippy::disallowed_methods, reason = "any instant will do as the beginning of a test")]

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const GATEWAY: u8 = 1;

fn mac(number: u16) -> MacAddr {
    let [high, low] = number.to_be_bytes();
    MacAddr([0x02, 0, 0, 0, high, low])
}

fn table(learned: u32) -> MacTable<u8> {
    MacTable::new(TableConfig { learned, ..TableConfig::default() }, 7)
}

#[test]
fn a_client_owns_its_address_until_it_is_released() {
    let now = Instant::now();
    let mut table = table(16);
    assert_eq!(table.claim(mac(1), 5), Ok(()));
    assert_eq!(table.claim(mac(1), 5), Ok(()), "again");
    assert_eq!(table.claim(mac(1), 6), Err(ClaimError::Owned(5)));
    assert_eq!(table.learn(mac(1), GATEWAY, now), Learned::OwnedBy(5));
    assert_eq!(table.lookup(mac(1), now), Some(Owner::Member(5)));
    assert!(!table.release(mac(1), 6));
    assert!(table.release(mac(1), 5));
    assert_eq!(table.lookup(mac(1), now), None);
    assert_eq!(table.claim(mac(1), 6), Ok(()));
    assert_eq!((table.members(), table.learned()), (1, 0));
}

#[test]
fn a_client_takes_a_learned_address_over() {
    let now = Instant::now();
    let mut table = table(16);
    assert_eq!(table.learn(mac(1), GATEWAY, now), Learned::New);
    assert_eq!(table.claim(mac(1), 5), Ok(()));
    assert_eq!(table.lookup(mac(1), now), Some(Owner::Member(5)));
    assert_eq!((table.members(), table.learned()), (1, 0));
    table.forget_gateway(GATEWAY);
    assert_eq!(table.lookup(mac(1), now), Some(Owner::Member(5)));
}

#[test]
fn silence_ages_and_speech_refreshes() {
    let start = Instant::now();
    let at = |secs| start + Duration::from_secs(secs);
    let mut table = table(16);
    table.learn(mac(1), GATEWAY, at(0));
    table.learn(mac(2), GATEWAY, at(100));
    assert_eq!(table.next_expiry(), Some(at(300)));
    assert_eq!(table.learn(mac(1), GATEWAY, at(200)), Learned::Refreshed);
    assert_eq!(table.next_expiry(), Some(at(400)));
    assert_eq!(table.lookup(mac(2), at(399)), Some(Owner::Lan(GATEWAY)));
    assert_eq!(table.lookup(mac(2), at(400)), None, "without expire()");
    assert_eq!(table.expire(at(400)), 1);
    assert_eq!(table.iter_learned().collect::<Vec<_>>(), [(mac(1), GATEWAY)]);
    assert_eq!(table.learn(mac(1), GATEWAY, at(600)), Learned::New, "it had been forgotten");
}

#[test]
fn a_full_table_forgets_the_one_silent_for_longest() {
    let now = Instant::now();
    let mut table = table(3);
    for number in 1..=3 {
        assert_eq!(table.learn(mac(number), GATEWAY, now), Learned::New);
    }
    table.learn(mac(1), GATEWAY, now);
    assert_eq!(table.learn(mac(4), GATEWAY, now), Learned::Evicted(mac(2)));
    assert_eq!(table.learned(), 3);
    assert_eq!(table.learn(mac(5), GATEWAY, now + Duration::from_secs(300)), Learned::New, "stale one goes");
    let order: Vec<_> = table.iter_learned().map(|(mac, _)| mac).collect();
    assert_eq!(order, [mac(1), mac(4), mac(5)]);
}

#[test]
fn a_leaving_gateway_takes_its_lan_along() {
    let now = Instant::now();
    let mut table = table(16);
    table.claim(mac(9), 5).unwrap();
    for number in 1..=6 {
        table.learn(mac(number), GATEWAY + u8::from(number % 2 == 0), now);
    }
    assert_eq!(table.learn(mac(1), GATEWAY + 1, now), Learned::Moved(GATEWAY));
    table.forget_gateway(GATEWAY + 1);
    let left: Vec<_> = table.iter_learned().map(|(mac, _)| mac).collect();
    assert_eq!(left, [mac(3), mac(5)]);
    assert_eq!(table.lookup(mac(9), now), Some(Owner::Member(5)));
}

#[test]
fn groups_zero_and_bounds_are_refused() {
    let now = Instant::now();
    let mut table = MacTable::new(TableConfig { members: 1, learned: 0, ageing_secs: 1 }, 0);
    assert_eq!(table.claim(MacAddr::BROADCAST, 1), Err(ClaimError::NotUnicast));
    assert_eq!(table.claim(MacAddr::ZERO, 1), Err(ClaimError::NotUnicast));
    assert_eq!(table.learn(mac(1), 1, now), Learned::Refused);
    assert_eq!(table.claim(mac(1), 1), Ok(()));
    assert_eq!(table.claim(mac(2), 2), Err(ClaimError::Full));
    assert_eq!(table.claim(mac(1), 2), Err(ClaimError::Owned(1)), "more telling than full");
}

#[test]
fn a_clock_going_backwards_keeps_the_order() {
    let start = Instant::now() + Duration::from_secs(1_000);
    let mut table = table(16);
    table.learn(mac(1), GATEWAY, start);
    table.learn(mac(2), GATEWAY, start.checked_sub(Duration::from_secs(900)).unwrap());
    assert_eq!(table.lookup(mac(2), start + Duration::from_secs(299)), Some(Owner::Lan(GATEWAY)));
    assert_eq!(table.expire(start + Duration::from_secs(300)), 2);
}

#[derive(Clone, Debug)]
enum Op {
    Claim(u16, u8),
    Expire,
    Forget(u8),
    Learn(u16, u8),
    Release(u16, u8),
    Wait(u64),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        2 => (0_u16..24, 0_u8..3).prop_map(|(m, p)| Op::Claim(m, p)),
        1 => Just(Op::Expire),
        1 => (0_u8..3).prop_map(Op::Forget),
        12 => (0_u16..24, 0_u8..3).prop_map(|(m, p)| Op::Learn(m, p)),
        2 => (0_u16..24, 0_u8..3).prop_map(|(m, p)| Op::Release(m, p)),
        2 => (0_u64..8).prop_map(Op::Wait),
    ];
    proptest::collection::vec(op, 1..200)
}

/// The table as one would write it on a blackboard.
#[derive(Default)]
struct Model {
    members: BTreeMap<MacAddr, u8>,
    /// In the order of speech.
    learned: Vec<(MacAddr, u8, Instant)>,
}

proptest! {
    #[test]
    fn behaves_like_the_naive_model(ops in ops(), seed in any::<u64>()) {
        const CAP: usize = 6;
        const MEMBERS: usize = 5;
        const AGEING: Duration = Duration::from_secs(10);
        let config = TableConfig { members: 5, learned: 6, ageing_secs: 10 };
        let mut table = MacTable::new(config, seed);
        let mut model = Model::default();
        let mut now = Instant::now();
        for op in ops {
            match op {
                Op::Claim(m, p) => {
                    let expected = match model.members.get(&mac(m)) {
                        Some(owner) if *owner == p => Ok(()),
                        Some(owner) => Err(ClaimError::Owned(*owner)),
                        None if model.members.len() >= MEMBERS => Err(ClaimError::Full),
                        None => {
                            model.learned.retain(|(learned, ..)| *learned != mac(m));
                            model.members.insert(mac(m), p);
                            Ok(())
                        }
                    };
                    prop_assert_eq!(table.claim(mac(m), p), expected);
                }
                Op::Expire => {
                    let before = model.learned.len();
                    model.learned.retain(|(.., seen)| now.duration_since(*seen) < AGEING);
                    prop_assert_eq!(table.expire(now), before - model.learned.len());
                }
                Op::Forget(p) => {
                    model.learned.retain(|(_, gateway, _)| *gateway != p);
                    table.forget_gateway(p);
                }
                Op::Learn(m, p) => {
                    table.learn(mac(m), p, now);
                    if !model.members.contains_key(&mac(m)) {
                        model.learned.retain(|(learned, ..)| *learned != mac(m));
                        if model.learned.len() >= CAP {
                            model.learned.remove(0);
                        }
                        model.learned.push((mac(m), p, now));
                    }
                }
                Op::Release(m, p) => {
                    let owned = model.members.get(&mac(m)) == Some(&p);
                    if owned {
                        model.members.remove(&mac(m));
                    }
                    prop_assert_eq!(table.release(mac(m), p), owned);
                }
                Op::Wait(secs) => now += Duration::from_secs(secs),
            }
            prop_assert!(table.learned() <= config.learned);
            let order: Vec<_> = table.iter_learned().collect();
            let expected: Vec<_> = model.learned.iter().map(|(mac, gateway, _)| (*mac, *gateway)).collect();
            prop_assert_eq!(order, expected);
            prop_assert_eq!(table.members() as usize, model.members.len());
            for m in 0..24 {
                let learned = model.learned.iter().find(|(learned, ..)| *learned == mac(m));
                let expected = model.members.get(&mac(m)).map(|peer| Owner::Member(*peer)).or_else(|| {
                    let (_, gateway, seen) = learned?;
                    (now.duration_since(*seen) < AGEING).then_some(Owner::Lan(*gateway))
                });
                prop_assert_eq!(table.lookup(mac(m), now), expected);
            }
        }
    }
}
