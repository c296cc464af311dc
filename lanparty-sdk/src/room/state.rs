//! Membership and admission.

use std::collections::BTreeMap;
use std::time::Instant;

use super::{MemberSnapshot, RoomConfig, RoomSnapshot};
use crate::ctrl::{Hello, IdentityToken, MemberStats, PeerInfo, PeerRole, Reject, RejectReason, RoomCode};
use crate::frame::MacAddr;
use crate::obs::DropCounts;
use crate::proto::{PeerId, RoomId, required_budget};
use crate::switch::{MacTable, MemberLimits, Owner, TableConfig};

/// A connection of the relay, as its driver and its rooms name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId {
    pub(crate) index: u32,
    pub(crate) generation: u32,
}

/// Somebody was let in.
#[derive(Clone, Debug)]
pub struct Admission {
    /// The newcomer as the others see it.
    pub info: PeerInfo,
    /// An older connection of the same identity, which is out from now on.
    pub replaced: Option<Departure>,
}

/// Somebody is out.
#[derive(Clone, Debug)]
pub struct Departure {
    /// Who.
    pub info: PeerInfo,
    /// Its connection.
    pub conn: ConnId,
}

/// A member as its room keeps it.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) info: PeerInfo,
    pub(super) conn: ConnId,
    pub(super) token: IdentityToken,
    pub(super) limits: MemberLimits,
    pub(super) joined: Instant,
    pub(super) last_seen: Instant,
    pub(super) sent_datagrams: u64,
    pub(super) sent_bytes: u64,
    pub(super) received_datagrams: u64,
    pub(super) received_bytes: u64,
    pub(super) drops: DropCounts,
    pub(super) malformed: u32,
    pub(super) reported: Option<MemberStats>,
}

/// A place that is kept for a client whose connection broke.
#[derive(Debug)]
struct KeptPlace {
    token: IdentityToken,
    mac: Option<MacAddr>,
    peer: PeerId,
    until: Instant,
}

/// One room: its members, its tables and its rules. Pure: time comes in as an argument.
#[derive(Debug)]
pub struct RoomState {
    pub(super) id: RoomId,
    pub(super) code: RoomCode,
    pub(super) mtu: u16,
    pub(super) config: RoomConfig,
    pub(super) members: BTreeMap<PeerId, Member>,
    pub(super) gateway: Option<PeerId>,
    pub(super) table: MacTable<PeerId>,
    kept: Vec<KeptPlace>,
    next_peer: u16,
}

impl RoomState {
    /// An empty room whose layer-2 MTU is `mtu`, for good. `seed` keys the hashes of its address table.
    #[must_use]
    pub fn new(id: RoomId, code: RoomCode, mtu: u16, config: RoomConfig, seed: u64) -> Self {
        // Every client owns an address, so the table must never be the smaller of the two bounds.
        let members = config.table.members.max(u32::from(config.max_clients));
        let table = MacTable::new(TableConfig { members, ..config.table }, seed);
        Self {
            id,
            code,
            mtu: mtu.min(config.max_mtu),
            config,
            members: BTreeMap::new(),
            gateway: None,
            table,
            kept: Vec::new(),
            next_peer: 1,
        }
    }

    /// Lets a member in, or says why not. A refusal changes nothing.
    ///
    /// `budget` is the largest datagram the relay can send it.
    ///
    /// # Errors
    /// The [`Reject`] that the newcomer deserves.
    pub fn admit(
        &mut self,
        now: Instant,
        conn: ConnId,
        hello: &Hello,
        budget: usize,
    ) -> Result<Admission, Reject> {
        self.kept.retain(|place| place.until > now);
        if hello.mtu < self.mtu {
            return Err(reject(
                RejectReason::MtuTooSmall,
                format!("the room's MTU is {}, the port's is {}", self.mtu, hello.mtu),
            ));
        }
        if budget < required_budget(self.mtu) {
            return Err(reject(
                RejectReason::BudgetTooSmall,
                format!("the room needs {} bytes, the connection offers {budget}", required_budget(self.mtu)),
            ));
        }
        let same = |member: &&Member| member.token == hello.token && member.info.role == hello.role;
        let old = self.members.values().find(same).map(|member| member.info.peer);
        let kept = (hello.role == PeerRole::Client)
            .then(|| self.kept.iter().position(|place| place.token == hello.token))
            .flatten();
        self.check_role(hello, old, kept)?;
        self.check_mac(now, hello, old, kept)?;

        let peer = match (old, kept) {
            (Some(peer), _) => peer,
            (None, Some(index)) => self.kept[index].peer,
            (None, None) => self
                .free_peer()
                .ok_or_else(|| reject(RejectReason::RoomFull, "the room has no free number".to_owned()))?,
        };
        let replaced = old
            .and_then(|peer| self.remove(peer))
            .map(|member| Departure { info: member.info, conn: member.conn });
        if let Some(index) = kept {
            self.kept.swap_remove(index);
        }
        let info = PeerInfo {
            peer,
            role: hello.role,
            mac: hello.mac,
            name: hello.name.clone(),
            budget: u32::try_from(budget).unwrap_or(u32::MAX),
            paused: false,
        };
        self.insert(now, conn, hello, info.clone());
        Ok(Admission { info, replaced })
    }

    /// Takes a member out. If `keep_place`, its number and address wait for it for a while; a gateway's never do, so
    /// that another one can step in.
    pub fn leave(&mut self, now: Instant, peer: PeerId, keep_place: bool) -> Option<Departure> {
        let member = self.remove(peer)?;
        if keep_place && member.info.role == PeerRole::Client && !self.config.place_grace().is_zero() {
            self.kept.retain(|place| place.until > now);
            self.kept.push(KeptPlace {
                token: member.token,
                mac: member.info.mac,
                peer,
                until: now + self.config.place_grace(),
            });
        }
        Some(Departure { info: member.info, conn: member.conn })
    }

    /// Stops or resumes a member's data plane. Gives `true` if that changed anything.
    pub fn set_paused(&mut self, peer: PeerId, paused: bool) -> bool {
        self.members
            .get_mut(&peer)
            .is_some_and(|member| std::mem::replace(&mut member.info.paused, paused) != paused)
    }

    /// Notes the largest datagram that the relay can send a member now. Gives `true` if that changed anything.
    pub fn set_budget(&mut self, peer: PeerId, budget: usize) -> bool {
        let budget = u32::try_from(budget).unwrap_or(u32::MAX);
        self.members
            .get_mut(&peer)
            .is_some_and(|member| std::mem::replace(&mut member.info.budget, budget) != budget)
    }

    /// Keeps what a member reported about itself.
    pub fn set_reported(&mut self, peer: PeerId, stats: MemberStats) {
        if let Some(member) = self.members.get_mut(&peer) {
            member.reported = Some(stats);
        }
    }

    /// Whether nobody is in. Places that are kept do not hold a room open.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The room's number.
    #[must_use]
    pub const fn id(&self) -> RoomId {
        self.id
    }

    /// The room's code.
    #[must_use]
    pub const fn code(&self) -> &RoomCode {
        &self.code
    }

    /// The room's layer-2 MTU in bytes.
    #[must_use]
    pub const fn mtu(&self) -> u16 {
        self.mtu
    }

    /// Who the gateway is.
    #[must_use]
    pub const fn gateway(&self) -> Option<PeerId> {
        self.gateway
    }

    /// All members with their connections, by number.
    pub fn members(&self) -> impl Iterator<Item = (&PeerInfo, ConnId)> {
        self.members.values().map(|member| (&member.info, member.conn))
    }

    /// What the room looks like now.
    #[must_use]
    pub fn snapshot(&self) -> RoomSnapshot {
        let members = self.members.values().map(|member| MemberSnapshot {
            info: member.info.clone(),
            joined: member.joined,
            last_seen: member.last_seen,
            sent_datagrams: member.sent_datagrams,
            sent_bytes: member.sent_bytes,
            received_datagrams: member.received_datagrams,
            received_bytes: member.received_bytes,
            drops: member.drops.clone(),
            malformed: member.malformed,
            reported: member.reported.clone(),
        });
        RoomSnapshot {
            id: self.id,
            code: self.code.clone(),
            mtu: self.mtu,
            gateway: self.gateway,
            members: members.collect(),
        }
    }

    fn check_role(&self, hello: &Hello, old: Option<PeerId>, kept: Option<usize>) -> Result<(), Reject> {
        match hello.role {
            PeerRole::Gateway if self.gateway.is_some() && self.gateway != old => {
                Err(reject(RejectReason::GatewayPresent, format!("room {}", self.code)))
            }
            PeerRole::Client if old.is_none() && kept.is_none() => {
                let clients = self.members.len() - usize::from(self.gateway.is_some()) + self.kept.len();
                if clients >= usize::from(self.config.max_clients) {
                    return Err(reject(
                        RejectReason::RoomFull,
                        format!("{clients} of {} places are taken", self.config.max_clients),
                    ));
                }
                Ok(())
            }
            PeerRole::Gateway | PeerRole::Client => Ok(()),
        }
    }

    fn check_mac(
        &self,
        now: Instant,
        hello: &Hello,
        old: Option<PeerId>,
        kept: Option<usize>,
    ) -> Result<(), Reject> {
        let Some(mac) = hello.mac else { return Ok(()) };
        let taken =
            self.members.values().any(|member| member.info.mac == Some(mac) && Some(member.info.peer) != old)
                || self
                    .kept
                    .iter()
                    .enumerate()
                    .any(|(index, place)| place.mac == Some(mac) && Some(index) != kept);
        // Virtual machines and phones on the LAN have locally administered addresses too; whoever took one of those would
        // have the party's switch send that machine's traffic here.
        let newcomer = hello.role == PeerRole::Client && old.is_none() && kept.is_none();
        let of_the_lan = newcomer && matches!(self.table.lookup(mac, now), Some(Owner::Lan(_)));
        if taken || of_the_lan { Err(reject(RejectReason::DuplicateMac, mac.to_string())) } else { Ok(()) }
    }

    fn insert(&mut self, now: Instant, conn: ConnId, hello: &Hello, info: PeerInfo) {
        let limits = match hello.role {
            PeerRole::Client => &self.config.client_limits,
            PeerRole::Gateway => &self.config.gateway_limits,
        };
        let member = Member {
            conn,
            token: hello.token,
            limits: MemberLimits::new(limits, now),
            joined: now,
            last_seen: now,
            sent_datagrams: 0,
            sent_bytes: 0,
            received_datagrams: 0,
            received_bytes: 0,
            drops: DropCounts::default(),
            malformed: 0,
            reported: None,
            info,
        };
        let peer = member.info.peer;
        match (hello.role, hello.mac) {
            (PeerRole::Client, Some(mac)) => {
                let claimed = self.table.claim(mac, peer);
                debug_assert!(claimed.is_ok(), "admission has checked the address");
            }
            (PeerRole::Client, None) => debug_assert!(false, "a client has an address: Hello::check"),
            (PeerRole::Gateway, _) => self.gateway = Some(peer),
        }
        self.members.insert(peer, member);
    }

    fn remove(&mut self, peer: PeerId) -> Option<Member> {
        let member = self.members.remove(&peer)?;
        match member.info.role {
            PeerRole::Client => {
                if let Some(mac) = member.info.mac {
                    self.table.release(mac, peer);
                }
            }
            PeerRole::Gateway => {
                self.gateway = None;
                self.table.forget_gateway(peer);
            }
        }
        Some(member)
    }

    /// The next number that nobody has and that nobody's place is kept under; the longest unused comes first, so that
    /// datagrams still in flight do not reach a newcomer.
    fn free_peer(&mut self) -> Option<PeerId> {
        for _ in 0..PeerId::MAX {
            let candidate = PeerId::new(self.next_peer).ok()?;
            self.next_peer = if self.next_peer == PeerId::MAX { 1 } else { self.next_peer + 1 };
            if !self.members.contains_key(&candidate) && self.kept.iter().all(|place| place.peer != candidate)
            {
                return Some(candidate);
            }
        }
        None
    }
}

pub(crate) fn reject(reason: RejectReason, detail: String) -> Reject {
    Reject { reason, detail }
}
