//! What the demonstration found out, as one document.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use lanparty_sdk::ctrl::{PeerInfo, PeerRole};
use lanparty_sdk::obs::{DropCounts, TrafficStats};
use lanparty_sdk::relay::RelayStats;
use lanparty_sdk::room::RoomSnapshot;
use serde::Serialize;

use crate::game::Found;
use crate::stack::Lease;

/// The document that `--json` prints. What a failure kept from happening is missing.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    /// Whether all of it worked.
    pub(crate) ok: bool,
    /// What did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) venue: Option<VenueLine>,
    pub(crate) members: Vec<MemberLine>,
    pub(crate) leases: Vec<LeaseLine>,
    pub(crate) games: Vec<GameLine>,
    pub(crate) pings: Vec<PingLine>,
    pub(crate) transfers: Vec<TransferLine>,
    pub(crate) counters: Vec<MemberCounters>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) relay: Option<RelayCounters>,
    /// From start to end.
    pub(crate) took_ms: u64,
}

#[derive(Debug, Serialize)]
pub(crate) struct VenueLine {
    pub(crate) relay: String,
    pub(crate) room: String,
    /// The room's layer-2 MTU.
    pub(crate) mtu: u16,
    pub(crate) lan: String,
    pub(crate) host: Ipv4Addr,
}

#[derive(Debug, Serialize)]
pub(crate) struct MemberLine {
    pub(crate) number: u16,
    pub(crate) role: &'static str,
    pub(crate) name: String,
    pub(crate) mac: Option<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct LeaseLine {
    pub(crate) client: String,
    pub(crate) address: String,
    pub(crate) router: Option<Ipv4Addr>,
    pub(crate) server: Ipv4Addr,
    pub(crate) took_us: u64,
}

#[derive(Debug, Serialize)]
pub(crate) struct GameLine {
    /// Who looked for it.
    pub(crate) client: String,
    pub(crate) title: String,
    pub(crate) address: Ipv4Addr,
    pub(crate) took_us: u64,
}

/// Round trips of one pair.
#[derive(Debug, Serialize)]
pub(crate) struct PingLine {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) sent: u32,
    pub(crate) lost: u32,
    pub(crate) min_us: u64,
    pub(crate) median_us: u64,
    pub(crate) p99_us: u64,
}

#[derive(Debug, Serialize)]
pub(crate) struct TransferLine {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) bytes: u64,
    pub(crate) took_us: u64,
    pub(crate) mbit_per_second: f64,
}

/// What one session moved.
#[derive(Debug, Serialize)]
pub(crate) struct MemberCounters {
    pub(crate) member: String,
    pub(crate) rtt_us: Option<u64>,
    pub(crate) rx_frames: u64,
    pub(crate) tx_frames: u64,
    pub(crate) rx_bytes: u64,
    pub(crate) tx_bytes: u64,
    pub(crate) tx_fragmented: u64,
    pub(crate) mss_clamped: u64,
    pub(crate) drops: BTreeMap<&'static str, u64>,
}

/// What the relay moved.
#[derive(Debug, Serialize)]
pub(crate) struct RelayCounters {
    pub(crate) datagrams: u64,
    pub(crate) bytes: u64,
    pub(crate) drops: BTreeMap<&'static str, u64>,
}

impl From<&PeerInfo> for MemberLine {
    fn from(info: &PeerInfo) -> Self {
        let role = match info.role {
            PeerRole::Client => "client",
            PeerRole::Gateway => "gateway",
        };
        Self {
            number: info.peer.number(),
            role,
            name: info.name.clone().unwrap_or_default(),
            mac: info.mac.map(|mac| mac.to_string()),
        }
    }
}

impl LeaseLine {
    pub(crate) fn new(client: &str, lease: &Lease) -> Self {
        Self {
            client: client.to_owned(),
            address: lease.address.to_string(),
            router: lease.router,
            server: lease.server,
            took_us: micros(lease.took),
        }
    }
}

impl GameLine {
    pub(crate) fn new(client: &str, found: &Found) -> Self {
        Self {
            client: client.to_owned(),
            title: found.title.clone(),
            address: found.address,
            took_us: micros(found.took),
        }
    }
}

impl PingLine {
    /// Sums the round trips of one pair up; `sent` includes those without an answer.
    pub(crate) fn new(from: &str, to: &str, sent: u32, mut samples: Vec<Duration>) -> Self {
        samples.sort_unstable();
        let answered = u32::try_from(samples.len()).unwrap_or(u32::MAX);
        Self {
            from: from.to_owned(),
            to: to.to_owned(),
            sent,
            lost: sent.saturating_sub(answered),
            min_us: quantile(&samples, 0),
            median_us: quantile(&samples, 50),
            p99_us: quantile(&samples, 99),
        }
    }
}

impl TransferLine {
    pub(crate) fn new(from: &str, to: &str, bytes: u64, took: Duration) -> Self {
        let bits = bytes as f64 * 8.0;
        let mbit_per_second = bits / took.as_secs_f64().max(f64::EPSILON) / 1e6;
        Self {
            from: from.to_owned(),
            to: to.to_owned(),
            bytes,
            took_us: micros(took),
            mbit_per_second: (mbit_per_second * 10.0).round() / 10.0,
        }
    }
}

impl MemberCounters {
    pub(crate) fn new(member: &str, stats: &TrafficStats, rtt: Option<Duration>) -> Self {
        Self {
            member: member.to_owned(),
            rtt_us: rtt.map(micros),
            rx_frames: stats.rx_frames,
            tx_frames: stats.tx_frames,
            rx_bytes: stats.rx_bytes,
            tx_bytes: stats.tx_bytes,
            tx_fragmented: stats.tx_fragmented,
            mss_clamped: stats.mss_clamped,
            drops: by_reason(&stats.drops),
        }
    }
}

impl RelayCounters {
    /// What the relay's connections could not send is counted by it, what its rooms refused by them.
    pub(crate) fn new(stats: &RelayStats, rooms: &[RoomSnapshot]) -> Self {
        let mut drops = stats.drops.clone();
        rooms.iter().flat_map(|room| &room.members).for_each(|member| drops.merge(&member.drops));
        Self { datagrams: stats.sent_datagrams, bytes: stats.sent_bytes, drops: by_reason(&drops) }
    }
}

fn by_reason(drops: &DropCounts) -> BTreeMap<&'static str, u64> {
    drops.iter().map(|(reason, count)| (reason.as_str(), count)).collect()
}

/// The smallest sample that at least `percent` of the samples do not exceed; 0 if there is none.
fn quantile(sorted: &[Duration], percent: usize) -> u64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().map(micros).unwrap_or_default()
}

pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_samples() {
        let line = PingLine::new("a", "b", 101, (1..=100).rev().map(Duration::from_micros).collect());
        assert_eq!((line.min_us, line.median_us, line.p99_us, line.lost), (1, 50, 99, 1));
    }

    #[test]
    fn one_sample_is_every_quantile_and_none_is_zero() {
        let one = PingLine::new("a", "b", 1, vec![Duration::from_micros(7)]);
        assert_eq!((one.min_us, one.median_us, one.p99_us), (7, 7, 7));
        let none = PingLine::new("a", "b", 3, Vec::new());
        assert_eq!((none.min_us, none.p99_us, none.lost), (0, 0, 3));
    }
}
