//! Any sequence of operations on an address table and on a token bucket.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use lanparty_sdk::frame::MacAddr;
use lanparty_sdk::switch::{ClaimError, Learned, MacTable, Owner, Rate, TableConfig, TokenBucket};

use crate::input::Input;

const MEMBERS: u32 = 4;
const LEARNED: u32 = 6;
const RATE: Rate = Rate::new(100, 20);

pub fn run(data: &[u8]) {
    let mut config = TableConfig::default();
    (config.members, config.learned, config.ageing_secs) = (MEMBERS, LEARNED, 2);
    let mut table = MacTable::<u8>::new(config, u64::from(data.len() as u32));
    let mut owners = BTreeMap::new();
    let start = Instant::now();
    let mut now = start;
    let mut bucket = TokenBucket::new(RATE, start);
    let mut taken = 0_u64;
    let mut input = Input(data);
    while !input.is_empty() {
        let (mac, peer) = (address(input.below(16)), input.below(4));
        match input.below(8) {
            0 | 1 => match table.claim(mac, peer) {
                Ok(()) => drop(owners.insert(mac, peer)),
                Err(ClaimError::Owned(owner)) => assert_eq!(owners.get(&mac), Some(&owner)),
                Err(ClaimError::Full) => assert_eq!(owners.len(), MEMBERS as usize),
                Err(_) => assert!(!mac.is_unicast()),
            },
            2 => assert_eq!(table.release(mac, peer), owners.remove_if(mac, peer)),
            3 | 4 => match table.learn(mac, peer, now) {
                Learned::OwnedBy(owner) => assert_eq!(owners.get(&mac), Some(&owner)),
                Learned::Refused => assert!(!mac.is_unicast()),
                _ => assert_eq!(table.lookup(mac, now), Some(Owner::Lan(peer))),
            },
            5 => table.forget_gateway(peer),
            6 => drop(table.expire(now)),
            _ => now += Duration::from_millis(input.u16().into()),
        }
        let cost = u64::from(input.below(8));
        taken += if bucket.try_take(cost, now) { cost } else { 0 };
        let earned = (now - start).as_nanos() * u128::from(RATE.per_second) / 1_000_000_000;
        assert!(u128::from(taken) <= u128::from(RATE.burst) + earned, "more than its rate");
        check(&table, &owners, now);
    }
}

fn check(table: &MacTable<u8>, owners: &BTreeMap<MacAddr, u8>, now: Instant) {
    assert_eq!(table.members() as usize, owners.len());
    assert!(table.members() <= MEMBERS && table.learned() <= LEARNED);
    assert_eq!(table.iter_learned().count(), table.learned() as usize);
    for (mac, owner) in owners {
        assert_eq!(table.lookup(*mac, now), Some(Owner::Member(*owner)));
    }
}

/// Some groups and zero among the stations.
fn address(number: u8) -> MacAddr {
    match number {
        0 => MacAddr::ZERO,
        1 => MacAddr::BROADCAST,
        number => MacAddr([2, 0, 0, 0, 0, number]),
    }
}

trait RemoveIf {
    fn remove_if(&mut self, mac: MacAddr, peer: u8) -> bool;
}

impl RemoveIf for BTreeMap<MacAddr, u8> {
    fn remove_if(&mut self, mac: MacAddr, peer: u8) -> bool {
        self.get(&mac) == Some(&peer) && self.remove(&mac).is_some()
    }
}
