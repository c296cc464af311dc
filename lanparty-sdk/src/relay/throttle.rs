//! Who may begin a handshake. TLS is the most expensive thing a stranger can ask of a relay.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::switch::{Rate, TokenBucket};

/// When an unknown address must prove that it is its own, at the cost of one round trip (RFC 9000, section 8.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RetryPolicy {
    /// Always.
    Always,
    /// When handshakes come faster than [`HandshakeConfig::calm`]. The default.
    #[default]
    UnderLoad,
    /// Never.
    Never,
}

/// Bounds on new connections. A LAN party's remote half may share one address, so the bounds for one are generous.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct HandshakeConfig {
    /// When addresses must prove themselves; under load by default.
    pub retry: RetryPolicy,
    /// Handshakes that are no load yet; 50 per second and a burst of 100 by default.
    pub calm: Rate,
    /// Handshakes that one address may begin; 4 per second and a burst of 64 by default. An IPv6 /64 counts as one
    /// address.
    pub per_address: Rate,
    /// Connections that one address may have at once; 256 by default.
    pub connections_per_address: u32,
    /// How many addresses are remembered; 16 384 by default. Beyond that the one silent for longest is forgotten.
    pub addresses: usize,
    /// How long a handshake may take, in milliseconds; 10 000 by default.
    pub timeout_ms: u64,
}

impl Default for HandshakeConfig {
    fn default() -> Self {
        Self {
            retry: RetryPolicy::UnderLoad,
            calm: Rate::new(50, 100),
            per_address: Rate::new(4, 64),
            connections_per_address: 256,
            addresses: 16_384,
            timeout_ms: 10_000,
        }
    }
}

/// What to do with a stranger's first packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Welcome {
    /// Go on with the handshake.
    Accept,
    /// Have the address prove itself first.
    Retry,
    /// Do not answer.
    Ignore,
}

#[derive(Debug)]
struct Address {
    bucket: TokenBucket,
    connections: u32,
    seen: Instant,
}

/// Counts handshakes and connections by address, within bounds.
#[derive(Debug)]
pub(super) struct Throttle {
    config: HandshakeConfig,
    calm: TokenBucket,
    addresses: BTreeMap<IpAddr, Address>,
    /// Those of them without a connection, by when they were last seen: only they may be forgotten.
    idle: BTreeSet<(Instant, IpAddr)>,
    /// All connections together, and how many there may be.
    connections: u32,
    max_connections: u32,
}

impl Throttle {
    pub(super) fn new(config: HandshakeConfig, max_connections: u32, now: Instant) -> Self {
        let calm = TokenBucket::new(config.calm, now);
        Self {
            config,
            calm,
            addresses: BTreeMap::new(),
            idle: BTreeSet::new(),
            connections: 0,
            max_connections,
        }
    }

    /// Judges a first packet. `proven` says that the address has proved itself already.
    pub(super) fn judge(&mut self, now: Instant, address: IpAddr, proven: bool) -> Welcome {
        let must_prove = match self.config.retry {
            RetryPolicy::Always => true,
            RetryPolicy::UnderLoad => !proven && !self.calm.try_take(1, now),
            RetryPolicy::Never => false,
        };
        if must_prove && !proven {
            return Welcome::Retry; // costs an attacker's victim nothing, and no memory here
        }
        if self.connections >= self.max_connections {
            return Welcome::Ignore;
        }
        let rate = self.config.per_address;
        let limit = self.config.connections_per_address;
        let entry = self.touch(now, address, rate);
        if entry.connections >= limit || !entry.bucket.try_take(1, now) {
            Welcome::Ignore
        } else {
            Welcome::Accept
        }
    }

    /// A handshake began that was accepted.
    pub(super) fn opened(&mut self, now: Instant, address: IpAddr) {
        self.connections += 1;
        let rate = self.config.per_address;
        let entry = self.touch(now, address, rate);
        entry.connections += 1;
        let seen = entry.seen;
        self.idle.remove(&(seen, network(address)));
    }

    /// A connection, or a handshake, is over.
    pub(super) fn closed(&mut self, address: IpAddr) {
        self.connections = self.connections.saturating_sub(1);
        let key = network(address);
        if let Some(entry) = self.addresses.get_mut(&key) {
            entry.connections = entry.connections.saturating_sub(1);
            if entry.connections == 0 {
                self.idle.insert((entry.seen, key));
            }
        }
    }

    fn touch(&mut self, now: Instant, address: IpAddr, rate: Rate) -> &mut Address {
        let key = network(address);
        if let Some(known) = self.addresses.get(&key) {
            self.idle.remove(&(known.seen, key));
        } else if self.addresses.len() >= self.config.addresses.max(1)
            && let Some((_, oldest)) = self.idle.pop_first()
        {
            self.addresses.remove(&oldest);
        }
        let entry = self.addresses.entry(key).or_insert_with(|| Address {
            bucket: TokenBucket::new(rate, now),
            connections: 0,
            seen: now,
        });
        entry.seen = now;
        if entry.connections == 0 {
            self.idle.insert((now, key));
        }
        entry
    }
}

/// What counts as one address: an IPv4 address however it is written, or an IPv6 /64, which is one subscriber.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    fn throttle(config: HandshakeConfig, now: Instant) -> Throttle {
        Throttle::new(HandshakeConfig { retry: RetryPolicy::Never, ..config }, 1000, now)
    }

    #[test]
    fn one_address_gets_its_burst_and_then_its_rate() {
        let now = Instant::now();
        let mut throttle =
            throttle(HandshakeConfig { per_address: Rate::new(4, 3), ..HandshakeConfig::default() }, now);
        assert!((0..3).all(|_| throttle.judge(now, address(1), true) == Welcome::Accept));
        assert_eq!(throttle.judge(now, address(1), true), Welcome::Ignore);
        assert_eq!(
            throttle.judge(now, address(2), true),
            Welcome::Accept,
            "another address is not concerned"
        );
        assert_eq!(throttle.judge(now + Duration::from_millis(250), address(1), true), Welcome::Accept);
    }

    #[test]
    fn connections_of_one_address_are_bounded_until_one_ends() {
        let now = Instant::now();
        let mut throttle =
            throttle(HandshakeConfig { connections_per_address: 2, ..HandshakeConfig::default() }, now);
        for _ in 0..2 {
            assert_eq!(throttle.judge(now, address(1), true), Welcome::Accept);
            throttle.opened(now, address(1));
        }
        assert_eq!(throttle.judge(now, address(1), true), Welcome::Ignore);
        throttle.closed(address(1));
        assert_eq!(throttle.judge(now, address(1), true), Welcome::Accept);
    }

    #[test]
    fn strangers_must_prove_themselves_under_load_only() {
        let now = Instant::now();
        let config = HandshakeConfig { calm: Rate::new(1, 2), ..HandshakeConfig::default() };
        let mut throttle = Throttle::new(config, 1000, now);
        assert_eq!(throttle.judge(now, address(1), false), Welcome::Accept);
        assert_eq!(throttle.judge(now, address(2), false), Welcome::Accept);
        assert_eq!(throttle.judge(now, address(3), false), Welcome::Retry);
        assert_eq!(throttle.judge(now, address(3), true), Welcome::Accept);
        assert!(throttle.addresses.len() == 3, "an address that proved nothing takes no memory");
    }

    #[test]
    fn a_subscriber_cannot_hide_behind_its_ipv6_network() {
        let now = Instant::now();
        let mut throttle =
            throttle(HandshakeConfig { per_address: Rate::new(0, 1), ..HandshakeConfig::default() }, now);
        assert_eq!(throttle.judge(now, "2001:db8::1".parse().unwrap(), true), Welcome::Accept);
        assert_eq!(throttle.judge(now, "2001:db8::2".parse().unwrap(), true), Welcome::Ignore);
        assert_eq!(throttle.judge(now, "2001:db8:0:1::2".parse().unwrap(), true), Welcome::Accept);
        assert_eq!(network("::ffff:192.0.2.1".parse().unwrap()), address(1));
    }

    #[test]
    fn the_table_forgets_whoever_was_silent_for_longest() {
        let now = Instant::now();
        let mut throttle = throttle(HandshakeConfig { addresses: 3, ..HandshakeConfig::default() }, now);
        for last in 0..100 {
            throttle.judge(now + Duration::from_secs(u64::from(last)), address(last), true);
            assert!(throttle.addresses.len() <= 3 && throttle.idle.len() == throttle.addresses.len());
        }
        assert!(
            throttle.addresses.contains_key(&address(99)) && !throttle.addresses.contains_key(&address(0))
        );
    }

    #[test]
    fn an_address_with_a_connection_is_never_forgotten() {
        let now = Instant::now();
        let mut throttle = throttle(
            HandshakeConfig { addresses: 2, connections_per_address: 1, ..HandshakeConfig::default() },
            now,
        );
        assert_eq!(throttle.judge(now, address(1), true), Welcome::Accept);
        throttle.opened(now, address(1));
        for last in 2..50 {
            throttle.judge(now + Duration::from_secs(u64::from(last)), address(last), true);
        }
        assert_eq!(throttle.judge(now + Duration::from_secs(60), address(1), true), Welcome::Ignore);
        throttle.closed(address(1));
        assert_eq!(throttle.judge(now + Duration::from_secs(61), address(1), true), Welcome::Accept);
    }

    #[test]
    fn all_addresses_together_have_a_bound() {
        let now = Instant::now();
        let mut throttle = Throttle::new(HandshakeConfig::default(), 3, now);
        for last in 0..3 {
            assert_eq!(throttle.judge(now, address(last), true), Welcome::Accept);
            throttle.opened(now, address(last));
        }
        assert_eq!(throttle.judge(now, address(9), true), Welcome::Ignore);
        throttle.closed(address(0));
        assert_eq!(throttle.judge(now, address(9), true), Welcome::Accept);
    }
}
