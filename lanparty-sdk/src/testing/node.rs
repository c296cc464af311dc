//! The computers of a simulation: members with their hosts, and relays.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::link::{Physics, Pipe};
use crate::ctrl::CloseCode;
use crate::frame::MacAddr;
use crate::member::SessionEvent;
use crate::member::{Member, MemberConfig};
use crate::obs::DropCounts;
use crate::relay::{RelayConfig, RelayEvent, RelayState};
use crate::room::ConnId;

/// Names a member of one [`super::SimNet`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberId(pub(super) usize);

/// Names a relay of one [`super::SimNet`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelayId(pub(super) usize);

/// A direction of the path between a member and its relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Way {
    /// From the relay.
    Down,
    /// To the relay.
    Up,
}

impl Way {
    /// Both directions.
    pub const BOTH: [Self; 2] = [Self::Down, Self::Up];

    pub(super) const fn index(self) -> usize {
        match self {
            Self::Down => 0,
            Self::Up => 1,
        }
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::Up => "up",
        }
    }
}

/// A frame that a host received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// When, since the simulation began.
    pub at: Duration,
    /// What.
    pub frame: Bytes,
}

/// What a host answers to a frame.
pub(super) type Responder = Box<dyn FnMut(&[u8]) -> Vec<Vec<u8>> + Send>;

/// A member, its host and its path to the relay.
pub(super) struct MemberNode {
    pub(super) name: String,
    pub(super) relay: RelayId,
    /// `None` for a stranger, which is a bare connection.
    pub(super) config: Option<MemberConfig>,
    /// `None` while it is crashed, and for a stranger.
    pub(super) machine: Option<Member>,
    /// Counts its starts: whatever was meant for an earlier one is void.
    pub(super) epoch: u32,
    pub(super) conn: Option<usize>,
    /// By [`Way::index`].
    pub(super) pipes: [Pipe; 2],
    /// The budget that the sender of each direction believes in.
    pub(super) told: [usize; 2],
    pub(super) cut: [bool; 2],
    pub(super) slow_control: Duration,
    pub(super) asleep_until: Option<Duration>,
    /// How far its clock is behind, and how far it has jumped ahead.
    pub(super) lag: Duration,
    pub(super) jumped: Duration,
    pub(super) timer: Option<Duration>,
    pub(super) inbox: Vec<Delivery>,
    /// Frames that its own member made up for the port.
    pub(super) refreshes: Vec<Delivery>,
    pub(super) responder: Option<Responder>,
    pub(super) events: Vec<(Duration, SessionEvent)>,
    /// What a stranger heard on its control stream.
    pub(super) heard: Vec<u8>,
    pub(super) closes: Vec<(Duration, Option<CloseCode>)>,
}

impl MemberNode {
    pub(super) fn new(name: &str, relay: RelayId, config: Option<MemberConfig>, physics: Physics) -> Self {
        Self {
            name: name.to_owned(),
            relay,
            config,
            machine: None,
            epoch: 0,
            conn: None,
            pipes: [Pipe::new(physics), Pipe::new(physics)],
            told: [physics.budget; 2],
            cut: [false; 2],
            slow_control: Duration::ZERO,
            asleep_until: None,
            lag: Duration::ZERO,
            jumped: Duration::ZERO,
            timer: None,
            inbox: Vec::new(),
            refreshes: Vec::new(),
            responder: None,
            events: Vec::new(),
            heard: Vec::new(),
            closes: Vec::new(),
        }
    }

    /// What its own clock shows.
    pub(super) fn clock(&self, now: Duration) -> Duration {
        now.saturating_sub(self.lag) + self.jumped
    }

    /// When its own clock will show this.
    pub(super) fn when(&self, clock: Duration) -> Duration {
        clock.saturating_sub(self.jumped) + self.lag
    }

    pub(super) fn instant(&self, base: Instant, now: Duration) -> Instant {
        base + self.clock(now)
    }

    /// Whether it can receive anything.
    pub(super) const fn is_awake(&self) -> bool {
        let stranger = self.config.is_none();
        self.asleep_until.is_none() && (stranger || self.machine.is_some())
    }

    /// The address of its host: a client's own, or that of the LAN host behind a gateway.
    pub(super) fn host(&self, id: MemberId) -> MacAddr {
        use crate::ctrl::PeerRole;
        match &self.config {
            Some(config) if config.role == PeerRole::Client => config.mac.unwrap_or(MacAddr::ZERO),
            Some(_) => numbered([0x00, 0x1b, 0x21, 0x0a], id),
            None => numbered([0x02, 0xee, 0, 0], id),
        }
    }
}

impl fmt::Debug for MemberNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemberNode")
            .field("name", &self.name)
            .field("phase", &self.machine.as_ref().map(Member::phase))
            .finish_non_exhaustive()
    }
}

/// An address with the member's number in its last two bytes.
pub(super) fn numbered(prefix: [u8; 4], id: MemberId) -> MacAddr {
    let [a, b, c, d] = prefix;
    let [high, low] = u16::try_from(id.0).unwrap_or(u16::MAX).to_be_bytes();
    MacAddr([a, b, c, d, high, low])
}

/// A relay as a process that can die.
#[derive(Debug)]
pub(super) struct RelayNode {
    pub(super) name: String,
    pub(super) config: RelayConfig,
    /// `None` while it is down.
    pub(super) machine: Option<RelayState>,
    pub(super) epoch: u32,
    /// Nobody new is answered.
    pub(super) is_stopping: bool,
    pub(super) conns: BTreeMap<ConnId, usize>,
    pub(super) timer: Option<Duration>,
    pub(super) counts: RelayCounts,
    pub(super) events: Vec<(Duration, RelayEvent)>,
}

/// What a relay did with datagrams since it was started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RelayCounts {
    /// Datagrams that came in.
    pub datagrams: u64,
    /// Of those, how many were let through.
    pub forwarded: u64,
    /// Copies of those that went out.
    pub copies: u64,
    /// Copies that did not fit the receiver's budget any more.
    pub over_budget: u64,
    /// What was not let through, by reason.
    pub drops: DropCounts,
}
