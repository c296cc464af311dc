//! A room as one of its members knows it: from the relay's lifecycle events, and from nothing else.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::time::Duration;

use crate::ctrl::{PeerInfo, PeerRole};
use crate::frame::MacAddr;
use crate::proto::PeerId;

/// A fellow member.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub(crate) info: PeerInfo,
    pub(crate) rtt: Rtt,
}

/// Round-trip time to one peer, through the relay.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rtt {
    pub(crate) smoothed: Option<Duration>,
    /// How many probes in a row went unanswered.
    pub(crate) missed: u32,
}

impl Rtt {
    /// Takes a new measurement with the weight of one eighth, as TCP does (RFC 6298, section 2).
    pub(crate) fn measured(&mut self, sample: Duration) {
        self.missed = 0;
        self.smoothed = Some(self.smoothed.map_or(sample, |old| (old * 7 + sample) / 8));
    }
}

/// Who else is in the room.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    peers: BTreeMap<PeerId, Peer>,
    macs: BTreeMap<MacAddr, PeerId>,
    gateway: Option<PeerId>,
    /// The smallest budget of all, since a flooded frame is cut once for everybody.
    flood_budget: Option<usize>,
}

impl Directory {
    /// No honest room is larger; a relay that announces more is broken.
    pub(crate) const MAX_PEERS: usize = 4096;

    /// Adds or renews a peer. `false` if the table is full.
    pub(crate) fn insert(&mut self, info: PeerInfo) -> bool {
        if self.peers.len() >= Self::MAX_PEERS && !self.peers.contains_key(&info.peer) {
            return false;
        }
        self.remove(info.peer);
        match (info.role, info.mac) {
            (PeerRole::Gateway, _) => self.gateway = Some(info.peer),
            (PeerRole::Client, Some(mac)) => {
                self.macs.insert(mac, info.peer);
            }
            (PeerRole::Client, None) => {}
        }
        self.peers.insert(info.peer, Peer { info, rtt: Rtt::default() });
        self.renew_flood_budget();
        true
    }

    pub(crate) fn remove(&mut self, peer: PeerId) -> Option<Peer> {
        let removed = self.peers.remove(&peer)?;
        if self.gateway == Some(peer) {
            self.gateway = None;
        }
        if let Some(mac) = removed.info.mac
            && self.macs.get(&mac) == Some(&peer)
        {
            self.macs.remove(&mac);
        }
        self.renew_flood_budget();
        Some(removed)
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn get(&self, peer: PeerId) -> Option<&Peer> {
        self.peers.get(&peer)
    }

    pub(crate) fn get_mut(&mut self, peer: PeerId) -> Option<&mut Peer> {
        self.peers.get_mut(&peer)
    }

    pub(crate) fn set_budget(&mut self, peer: PeerId, budget: u32) {
        if let Some(peer) = self.peers.get_mut(&peer) {
            peer.info.budget = budget;
        }
        self.renew_flood_budget();
    }

    /// The client that owns `mac`.
    pub(crate) fn owner(&self, mac: MacAddr) -> Option<PeerId> {
        self.macs.get(&mac).copied()
    }

    pub(crate) const fn gateway(&self) -> Option<PeerId> {
        self.gateway
    }

    /// The largest datagram that reaches `peer`.
    pub(crate) fn budget(&self, peer: PeerId) -> usize {
        self.peers.get(&peer).map_or(usize::MAX, |peer| peer.info.budget as usize)
    }

    /// The largest datagram that reaches everybody.
    pub(crate) fn flood_budget(&self) -> usize {
        self.flood_budget.unwrap_or(usize::MAX)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Peer> {
        self.peers.values()
    }

    pub(crate) fn len(&self) -> usize {
        self.peers.len()
    }

    /// The next peer after `cursor` that has not paused, round and round.
    pub(crate) fn next_after(&self, cursor: Option<PeerId>) -> Option<PeerId> {
        let after = cursor.map_or(Bound::Unbounded, Bound::Excluded);
        let rest = self.peers.range((after, Bound::Unbounded));
        rest.chain(&self.peers).find(|(_, peer)| !peer.info.paused).map(|(peer, _)| *peer)
    }

    fn renew_flood_budget(&mut self) {
        self.flood_budget = self.peers.values().map(|peer| peer.info.budget as usize).min();
    }
}
