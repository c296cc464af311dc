//! Why a frame or datagram went no further.

use std::fmt;

/// What a boundary did with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// It went on.
    Forwarded,
    /// The safety filter refused it: legitimate bytes that must not cross.
    Filtered,
    /// It was malformed, unknown or did not fit.
    Dropped,
    /// A rate limit refused it.
    RateLimited,
}

impl Action {
    /// The word used in logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Forwarded => "forwarded",
            Self::Filtered => "filtered",
            Self::Dropped => "dropped",
            Self::RateLimited => "rate_limited",
        }
    }
}

macro_rules! drop_reasons {
    ($($(#[$doc:meta])+ $name:ident = $text:literal => $action:ident,)+) => {
        /// Why a frame or datagram went no further. Every drop anywhere is counted under one of these.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum DropReason { $($(#[$doc])+ $name,)+ }

        impl DropReason {
            /// Every reason, in a fixed order.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The stable word used in logs, statistics and over the C ABI.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            /// What a drop for this reason is called.
            #[must_use]
            pub const fn action(self) -> Action {
                match self { $(Self::$name => Action::$action,)+ }
            }
        }
    };
}

drop_reasons! {
    /// Shorter than an Ethernet header.
    Runt = "runt" => Dropped,
    /// An overlay header, fragment or probe that breaks the rules of the wire.
    BadDatagram = "bad_datagram" => Dropped,
    /// The header names another room than the member's own.
    WrongRoom = "wrong_room" => Dropped,
    /// The header names another sender than the member that sent it.
    WrongSource = "wrong_source" => Dropped,
    /// The label names somebody else than the frame's destination address does.
    WrongLabel = "wrong_label" => Dropped,
    /// The label names a member that is not in the room, or the sender has not been announced.
    UnknownPeer = "unknown_peer" => Dropped,
    /// The source address is a group or zero.
    InvalidSourceMac = "invalid_source_mac" => Filtered,
    /// The source address is not the sender's to use.
    UnauthorizedSourceMac = "unauthorized_source_mac" => Filtered,
    /// Larger than standard Ethernet.
    Jumbo = "jumbo" => Filtered,
    /// The payload exceeds the room's layer-2 MTU.
    OverMtu = "over_mtu" => Filtered,
    /// Switch control traffic: spanning tree, LLDP, LACP, pause, 802.1X, vendor control.
    SwitchControl = "switch_control" => Filtered,
    /// A VLAN tag from a client.
    VlanTag = "vlan_tag" => Filtered,
    /// A DHCP server's reply, IPv4 or IPv6, from a client.
    DhcpServer = "dhcp_server" => Filtered,
    /// An IPv6 router advertisement or redirect from a client.
    RouterAdvertisement = "router_advertisement" => Filtered,
    /// An IPv6 fragment from a client: it could hide what the filter looks for.
    Ipv6Fragment = "ipv6_fragment" => Filtered,
    /// IP headers that cannot be followed far enough to judge the frame, from a client.
    Undeterminable = "undeterminable" => Filtered,
    /// The sender's byte budget is spent.
    ByteLimit = "byte_limit" => RateLimited,
    /// The sender's broadcast and multicast budget is spent.
    FloodLimit = "flood_limit" => RateLimited,
    /// The sender's budget for destinations that nobody knows is spent.
    UnknownUnicastLimit = "unknown_unicast_limit" => RateLimited,
    /// The sender's budget for probes is spent.
    ProbeLimit = "probe_limit" => RateLimited,
    /// Nobody is known to own the destination address.
    UnknownDestination = "unknown_destination" => Dropped,
    /// The frame would go back to where it came from.
    Reflection = "reflection" => Dropped,
    /// Unicast that is addressed to somebody else.
    Misdirected = "misdirected" => Dropped,
    /// There is no gateway in the room.
    NoGateway = "no_gateway" => Dropped,
    /// The sender or the receiver has paused its data plane.
    Paused = "paused" => Dropped,
    /// There is no session with the relay right now.
    NotJoined = "not_joined" => Dropped,
    /// The other half of a fragmented frame did not come in time.
    FragmentTimeout = "fragment_timeout" => Dropped,
    /// The reassembly table was full, and this was its oldest frame.
    FragmentEvicted = "fragment_evicted" => Dropped,
    /// Datagrams came faster than they were read, and this was the oldest.
    ReceiveQueueFull = "receive_queue_full" => Dropped,
    /// The outbox to a slow receiver was full, and this was the oldest entry of whoever had most in it.
    OutboxFull = "outbox_full" => Dropped,
    /// Its flow kept the outbox to a slow receiver from running empty, and had to slow down.
    QueueDelay = "queue_delay" => Dropped,
    /// It waited in an outbox until nobody wanted it any more.
    Stale = "stale" => Dropped,
    /// The datagram does not fit the connection's present budget.
    OverBudget = "over_budget" => Dropped,
    /// The port did not take the frame: its own queue was full.
    PortFull = "port_full" => Dropped,
    /// The port failed while writing the frame.
    PortError = "port_error" => Dropped,
    /// The kernel handed over only a part of the frame.
    Truncated = "truncated" => Dropped,
    /// An offloaded super-frame that could not be cut into frames.
    BadOffload = "bad_offload" => Dropped,
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl DropReason {
    /// Whether the drop counts towards the threshold at which the relay closes a member's connection. Filter drops and
    /// rate limits never do.
    #[must_use]
    pub const fn is_malformed(self) -> bool {
        matches!(self, Self::Runt | Self::BadDatagram | Self::WrongRoom | Self::WrongSource)
    }
}

/// How often each [`DropReason`] happened.
#[derive(Clone, PartialEq, Eq)]
pub struct DropCounts([u64; DropReason::ALL.len()]);

impl Default for DropCounts {
    fn default() -> Self {
        Self([0; DropReason::ALL.len()])
    }
}

impl DropCounts {
    /// Counts one drop.
    pub fn add(&mut self, reason: DropReason) {
        self.add_many(reason, 1);
    }

    /// Counts `count` drops.
    pub fn add_many(&mut self, reason: DropReason, count: u64) {
        let slot = &mut self.0[reason as usize];
        *slot = slot.saturating_add(count);
    }

    /// How often `reason` happened.
    #[must_use]
    pub const fn get(&self, reason: DropReason) -> u64 {
        self.0[reason as usize]
    }

    /// All drops together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// The reasons that happened at least once, in the order of [`DropReason::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (DropReason, u64)> + '_ {
        DropReason::ALL.iter().map(|reason| (*reason, self.get(*reason))).filter(|(_, count)| *count > 0)
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (reason, count) in other.iter() {
            self.add_many(reason, count);
        }
    }
}

impl fmt::Display for DropCounts {
    /// All together and by reason, as in `4: runt 1, jumbo 3`; `0` if there were none.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.total())?;
        for (at, (reason, count)) in self.iter().enumerate() {
            write!(f, "{} {reason} {count}", if at == 0 { ":" } else { "," })?;
        }
        Ok(())
    }
}

impl fmt::Debug for DropCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter().map(|(reason, count)| (reason.as_str(), count))).finish()
    }
}

impl serde::Serialize for DropCounts {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(reason, count)| (reason.as_str(), count)))
    }
}

impl<'de> serde::Deserialize<'de> for DropCounts {
    /// Reasons that this version does not know are left out.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let map = std::collections::BTreeMap::<String, u64>::deserialize(deserializer)?;
        let mut counts = Self::default();
        for reason in DropReason::ALL {
            if let Some(count) = map.get(reason.as_str()) {
                counts.add_many(*reason, *count);
            }
        }
        Ok(counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_unique_and_indices_dense() {
        let mut words: Vec<_> = DropReason::ALL.iter().map(|reason| reason.as_str()).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), DropReason::ALL.len());
        assert!(DropReason::ALL.iter().enumerate().all(|(index, reason)| *reason as usize == index));
    }

    #[test]
    fn safety_drops_are_filtered_and_never_malformed() {
        for reason in DropReason::ALL {
            if reason.is_malformed() {
                assert_eq!(reason.action(), Action::Dropped, "{reason}");
            }
        }
        assert_eq!(DropReason::DhcpServer.action(), Action::Filtered);
        assert_eq!(DropReason::FloodLimit.action(), Action::RateLimited);
    }

    #[test]
    fn counts_are_told_by_reason() {
        let mut counts = DropCounts::default();
        assert_eq!(counts.to_string(), "0");
        counts.add_many(DropReason::Jumbo, 3);
        assert_eq!(counts.to_string(), "3: jumbo 3");
        counts.add(DropReason::Runt);
        assert_eq!(counts.to_string(), "4: runt 1, jumbo 3");
    }

    #[test]
    fn counts_survive_json_and_unknown_words() {
        let mut counts = DropCounts::default();
        counts.add(DropReason::Jumbo);
        counts.add_many(DropReason::OutboxFull, 7);
        let text = serde_json::to_string(&counts).expect("serializable");
        assert_eq!(text, r#"{"jumbo":1,"outbox_full":7}"#);
        assert_eq!(serde_json::from_str::<DropCounts>(&text).expect("round trip"), counts);
        let newer =
            serde_json::from_str::<DropCounts>(r#"{"jumbo":1,"outbox_full":7,"later":9}"#).expect("tolerant");
        assert_eq!(newer, counts);
        assert_eq!(newer.total(), 8);
    }
}
