//! What a policy asks of an adapter's settings: pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::AdapterPolicy;
use crate::frame::MIN_MTU;
use crate::lease::{Family, Setting, Value};
use crate::port::InterfaceAddress;

/// How much depends on a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// Without it the adapter is not used.
    Must,
    /// IPv6, which an adapter may do without.
    Should,
    /// It can only be set, and only matters, while the cable is plugged in.
    WithCable,
}

/// A setting as it shall be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) setting: Setting,
    pub(super) value: Value,
    pub(super) need: Need,
}

impl Wanted {
    const fn new(setting: Setting, value: Value, need: Need) -> Self {
        Self { setting, value, need }
    }
}

/// What `policy` wants of the interface `luid`, except for its network's category.
pub(super) fn by_policy(policy: &AdapterPolicy, luid: u64) -> Vec<Wanted> {
    let mut wanted = Vec::new();
    if !policy.manage {
        return wanted;
    }
    for (family, need) in [(Family::V4, Need::Must), (Family::V6, Need::Should)] {
        // A default route by the party's router would take all of the computer's traffic there.
        wanted.push(Wanted::new(Setting::DefaultRoutesIgnored { luid, family }, Value::Flag(true), need));
        if let Some(metric) = policy.metric {
            wanted.push(Wanted::new(Setting::Metric { luid, family }, Value::Number(metric.into()), need));
        }
    }
    if policy.broadcasts {
        // Windows sends to all of these by one adapter only, the one whose route has the lowest metric.
        for (destination, prefix_len) in [
            (IpAddr::V4(Ipv4Addr::BROADCAST), 32),
            (IpAddr::V4(Ipv4Addr::new(224, 0, 0, 0)), 4),
            (IpAddr::V6(Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0)), 8),
        ] {
            let route = Setting::Route { destination, prefix_len, gateway: None, luid };
            wanted.push(Wanted::new(route, Value::Number(0), Need::WithCable));
        }
    }
    wanted
}

/// What does instead, where the system does not take `refused`: if that is the broadcasts' route, the lowest metric of
/// all. Then name servers of the party come before the computer's own, which is why it is not the first choice. A
/// metric that somebody has chosen stays.
pub(super) fn instead_of(refused: &Setting, policy: &AdapterPolicy) -> Option<Wanted> {
    const LOWEST: Value = Value::Number(1);
    match refused {
        Setting::Route { destination: IpAddr::V4(Ipv4Addr::BROADCAST), luid, .. }
            if policy.metric == Some(AdapterPolicy::DEFAULT_METRIC) =>
        {
            let metric = Setting::Metric { luid: *luid, family: Family::V4 };
            Some(Wanted::new(metric, LOWEST, Need::Must))
        }
        _ => None,
    }
}

/// The largest IP packet in bytes. One that is too small for IPv6 is set for IPv4 alone.
pub(super) fn by_mtu(luid: u64, mtu: u16) -> Vec<Wanted> {
    let value = Value::Number(mtu.into());
    let mut wanted = vec![Wanted::new(Setting::Mtu { luid, family: Family::V4 }, value.clone(), Need::Must)];
    if mtu >= MIN_MTU {
        wanted.push(Wanted::new(Setting::Mtu { luid, family: Family::V6 }, value, Need::Should));
    }
    wanted
}

/// A static address.
pub(super) fn by_address(luid: u64, address: InterfaceAddress) -> Wanted {
    let setting = Setting::Address { luid, address: address.address() };
    Wanted::new(setting, Value::Number(address.prefix_len().into()), Need::Must)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LUID: u64 = 6 << 48 | 7;

    fn all(policy: &AdapterPolicy) -> Vec<Wanted> {
        let mut all = by_policy(policy, LUID);
        all.extend(by_mtu(LUID, 1400));
        all.push(by_address(LUID, "10.77.0.2/24".parse().unwrap()));
        all.push(by_address(LUID, "fd00::2/64".parse().unwrap()));
        all
    }

    #[test]
    fn a_journal_takes_everything_that_is_wanted() {
        for Wanted { setting, value, .. } in all(&AdapterPolicy::default()) {
            assert!(setting.allows(Some(&value)), "{setting}");
        }
    }

    #[test]
    fn each_wish_is_there_once() {
        let all = all(&AdapterPolicy::default());
        for (at, wanted) in all.iter().enumerate() {
            assert!(all[at + 1..].iter().all(|other| other.setting != wanted.setting), "{}", wanted.setting);
        }
    }

    #[test]
    fn hands_off_wants_nothing() {
        assert_eq!(by_policy(&AdapterPolicy::HANDS_OFF, LUID), []);
        let off = AdapterPolicy { manage: false, ..AdapterPolicy::default() };
        assert_eq!(by_policy(&off, LUID), []);
    }

    #[test]
    fn each_part_can_be_left_out() {
        let whole = by_policy(&AdapterPolicy::default(), LUID);
        let is_metric = |wanted: &&Wanted| matches!(wanted.setting, Setting::Metric { .. });
        let is_route = |wanted: &&Wanted| matches!(wanted.setting, Setting::Route { .. });
        assert_eq!((whole.iter().filter(is_metric).count(), whole.iter().filter(is_route).count()), (2, 3));
        let plain = AdapterPolicy { metric: None, broadcasts: false, ..AdapterPolicy::default() };
        let plain = by_policy(&plain, LUID);
        assert_eq!(plain.len(), 2);
        assert_eq!((plain.iter().find(is_metric), plain.iter().find(is_route)), (None, None));
    }

    #[test]
    fn our_broadcast_route_beats_those_that_windows_makes() {
        let of_windows = 256 + 5..=256 + 85;
        for wanted in by_policy(&AdapterPolicy::default(), LUID) {
            if let (Setting::Route { .. }, Value::Number(metric)) = (wanted.setting, wanted.value) {
                assert!(metric + u32::from(AdapterPolicy::DEFAULT_METRIC) < *of_windows.start());
            }
        }
    }

    #[test]
    fn only_a_refused_broadcast_route_is_made_up_for() {
        let policy = AdapterPolicy::default();
        let instead = by_policy(&policy, LUID).into_iter().filter_map(|it| instead_of(&it.setting, &policy));
        let instead: Vec<_> = instead.map(|it| it.setting).collect();
        assert_eq!(instead, [Setting::Metric { luid: LUID, family: Family::V4 }]);
        let chosen = AdapterPolicy { metric: Some(50), ..policy };
        for wanted in by_policy(&chosen, LUID) {
            assert_eq!(instead_of(&wanted.setting, &chosen), None);
        }
    }

    #[test]
    fn an_mtu_below_ipv6_is_for_ipv4_alone() {
        assert_eq!(by_mtu(LUID, MIN_MTU).len(), 2);
        assert_eq!(by_mtu(LUID, MIN_MTU - 1).len(), 1);
    }
}
