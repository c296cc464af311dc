//! The simulated network: its making and its clock.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::flow::{self, Flow, FlowId, FlowState, Target};
use super::link::Physics;
use super::node::{MemberId, MemberNode, RelayCounts, RelayId, RelayNode, Way, numbered};
use super::rng::SimRng;
use super::wire::{Conn, Side};
use crate::ctrl::{CloseCode, IdentityToken, PeerRole, RoomCode};
use crate::frame::MacAddr;
use crate::member::{Member, MemberConfig};
use crate::obs::{DropCounts, DropReason};
use crate::relay::{RelayConfig, RelayState};

/// What is going to happen.
#[derive(Debug)]
pub(super) enum Event {
    Accepted { conn: usize },
    BudgetNews { member: MemberId, way: Way },
    Connected { conn: usize },
    Datagram { conn: usize, way: Way, bytes: Bytes },
    FlowSend { flow: FlowId, number: u32 },
    GiveUp { conn: usize },
    Handshake { conn: usize, attempt: u32 },
    Heard { conn: usize, way: Way },
    Idle { conn: usize, side: Side },
    KeepAlive { conn: usize },
    MemberTimer { member: MemberId, epoch: u32 },
    RelayTimer { relay: RelayId, epoch: u32 },
    Reset { conn: usize, code: Option<CloseCode> },
    StreamDue { conn: usize, way: Way },
    Wake { member: MemberId },
}

/// A network of relays and members in memory, on a virtual clock.
///
/// Everything that happens follows from the seed and from the calls made: two networks that are treated alike write the
/// same [`SimNet::log`], byte for byte.
///
/// ```
/// use std::time::{Duration, Instant};
/// use lanparty_sdk::testing::{Flow, LinkPreset, SimNet};
///
/// let mut net = SimNet::new(7, Instant::now());
/// let relay = net.relay("relay");
/// let gateway = net.gateway(relay, "gateway", "PARTY", LinkPreset::Lan);
/// let alice = net.client(relay, "alice", "PARTY", LinkPreset::Wifi);
/// net.settle(Duration::from_secs(5)).expect("everybody gets in");
///
/// let flow = net.flow(Flow::new(alice, gateway).count(10));
/// net.run_for(Duration::from_secs(1));
/// assert!(net.report(flow).at(gateway) >= 9);
/// ```
#[derive(Debug)]
pub struct SimNet {
    pub(super) seed: u64,
    pub(super) base: Instant,
    pub(super) now: Duration,
    pub(super) rng: SimRng,
    queue: BTreeMap<(Duration, u64), Event>,
    sequence: u64,
    /// Events since the clock last moved.
    stalled: u32,
    pub(super) relays: Vec<RelayNode>,
    pub(super) members: Vec<MemberNode>,
    pub(super) conns: Vec<Conn>,
    pub(super) flows: Vec<FlowState>,
    pub(super) log: String,
    pub(super) logs_frames: bool,
    /// Something happened that a condition may wait for.
    pub(super) changed: bool,
}

/// The clock did not reach a condition.
#[derive(Clone, Debug, thiserror::Error)]
#[error("not within {waited:?} (seed {seed}); the log ends with:\n{log_tail}")]
#[non_exhaustive]
pub struct Stuck {
    /// How long was waited.
    pub waited: Duration,
    /// The network's seed.
    pub seed: u64,
    /// The last lines of the log.
    pub log_tail: String,
}

/// So many events at one instant are a livelock.
const MAX_STALLED: u32 = 200_000;
/// How much of the log a failure shows.
const TAIL_LINES: usize = 40;

impl SimNet {
    /// An empty network. `base` is what the clock shows at the beginning; nothing depends on its value.
    #[must_use]
    pub fn new(seed: u64, base: Instant) -> Self {
        Self {
            seed,
            base,
            now: Duration::ZERO,
            rng: SimRng::new(seed),
            queue: BTreeMap::new(),
            sequence: 0,
            stalled: 0,
            relays: Vec::new(),
            members: Vec::new(),
            conns: Vec::new(),
            flows: Vec::new(),
            log: String::new(),
            logs_frames: true,
            changed: true,
        }
    }

    /// Leaves single frames out of the log: for long runs.
    #[must_use]
    pub fn without_frame_log(mut self) -> Self {
        self.logs_frames = false;
        self
    }

    /// Starts a relay with all defaults.
    pub fn relay(&mut self, name: &str) -> RelayId {
        self.relay_with(name, RelayConfig::default())
    }

    /// Starts a relay.
    pub fn relay_with(&mut self, name: &str, config: RelayConfig) -> RelayId {
        let id = RelayId(self.relays.len());
        let machine = RelayState::new(config.clone(), self.rng.next_u64());
        self.relays.push(RelayNode {
            name: name.to_owned(),
            config,
            machine: Some(machine),
            epoch: 0,
            is_stopping: false,
            conns: BTreeMap::new(),
            timer: None,
            counts: RelayCounts::default(),
            events: Vec::new(),
        });
        self.note(name, "starts");
        id
    }

    /// Starts a client, which connects at once and keeps trying.
    ///
    /// # Panics
    /// If `room` is no room code.
    pub fn client(&mut self, relay: RelayId, name: &str, room: &str, link: impl Into<Physics>) -> MemberId {
        let config = self.config(PeerRole::Client, name, room);
        self.member(relay, name, config, link)
    }

    /// Starts a gateway, behind which there is a LAN with one host. It connects at once and keeps trying.
    ///
    /// # Panics
    /// If `room` is no room code.
    pub fn gateway(&mut self, relay: RelayId, name: &str, room: &str, link: impl Into<Physics>) -> MemberId {
        let config = self.config(PeerRole::Gateway, name, room);
        self.member(relay, name, config, link)
    }

    /// Starts a member with a configuration of the caller's own.
    pub fn member(
        &mut self,
        relay: RelayId,
        name: &str,
        config: MemberConfig,
        link: impl Into<Physics>,
    ) -> MemberId {
        let id = MemberId(self.members.len());
        self.members.push(MemberNode::new(name, relay, Some(config), link.into()));
        self.start(id);
        id
    }

    /// Starts a bare connection that says nothing by itself. What it sends is up to the caller:
    /// [`SimNet::inject_control`], [`SimNet::inject_datagram`].
    pub fn stranger(&mut self, relay: RelayId, name: &str, link: impl Into<Physics>) -> MemberId {
        let id = MemberId(self.members.len());
        self.members.push(MemberNode::new(name, relay, None, link.into()));
        self.start(id);
        id
    }

    /// The configuration that the next member would get: a token and an address from its number, everything else
    /// default but that it keeps trying from the beginning.
    ///
    /// # Panics
    /// If `room` is no room code.
    #[must_use]
    pub fn config(&self, role: PeerRole, name: &str, room: &str) -> MemberConfig {
        let room: RoomCode = room.parse().expect("a test names rooms correctly");
        let id = MemberId(self.members.len());
        let mac = match role {
            PeerRole::Client => numbered([0x02, 0, 0, 0], id),
            PeerRole::Gateway => numbered([0x00, 0x1b, 0x21, 0], id),
        };
        let token = IdentityToken((id.0 as u128 + 1).to_be_bytes());
        let mut config = MemberConfig::new(role, room, Some(mac), token);
        config.name = Some(name.to_owned());
        config.retry_first = true;
        config
    }

    /// Lets a host answer frames: whatever `responder` gives for a frame that was delivered is sent at once.
    pub fn respond(
        &mut self,
        member: MemberId,
        responder: impl FnMut(&[u8]) -> Vec<Vec<u8>> + Send + 'static,
    ) {
        self.members[member.0].responder = Some(Box::new(responder));
    }

    /// The host of `member` sends a frame.
    ///
    /// # Errors
    /// Why its member does not pass it on.
    pub fn send(&mut self, member: MemberId, frame: &[u8]) -> Result<(), DropReason> {
        self.host_sends(member, frame)
    }

    /// Starts a flow, whose first frame is sent at once.
    pub fn flow(&mut self, flow: Flow) -> FlowId {
        let id = FlowId(u32::try_from(self.flows.len()).unwrap_or(u32::MAX));
        self.flows.push(FlowState::new(flow, DropCounts::default()));
        self.at(self.now, Event::FlowSend { flow: id, number: 0 });
        id
    }

    /// The host behind `member`: a client's own address, or that of the LAN host behind a gateway.
    #[must_use]
    pub fn mac(&self, member: MemberId) -> MacAddr {
        self.members[member.0].host(member)
    }

    /// Moves the clock on by `time`.
    pub fn run_for(&mut self, time: Duration) {
        let until = self.now + time;
        while self.step(until) {}
        self.now = until;
    }

    /// Moves the clock on until `condition` holds, and says how long that took.
    ///
    /// # Errors
    /// It did not hold within `limit`.
    pub fn run_until(
        &mut self,
        limit: Duration,
        mut condition: impl FnMut(&Self) -> bool,
    ) -> Result<Duration, Stuck> {
        let (begin, until) = (self.now, self.now + limit);
        self.changed = true;
        loop {
            if std::mem::take(&mut self.changed) && condition(self) {
                return Ok(self.now - begin);
            }
            if !self.step(until) {
                self.now = until;
                return if condition(self) { Ok(limit) } else { Err(self.stuck(limit)) };
            }
        }
    }

    /// Moves the clock on until everybody is in and knows everybody else ([`SimNet::is_settled`]), and says how long
    /// that took.
    ///
    /// # Errors
    /// Somebody was still missing after `limit`.
    pub fn settle(&mut self, limit: Duration) -> Result<Duration, Stuck> {
        self.run_until(limit, Self::is_settled)
    }

    /// How long the simulation has run.
    #[must_use]
    pub const fn now(&self) -> Duration {
        self.now
    }

    /// The seed it was made with.
    #[must_use]
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// What a relay's clock shows.
    #[must_use]
    pub fn instant(&self) -> Instant {
        self.base + self.now
    }

    /// Everything that happened, one line each.
    #[must_use]
    pub fn log(&self) -> &str {
        &self.log
    }

    /// The last lines of the log.
    #[must_use]
    pub fn log_tail(&self) -> String {
        let lines: Vec<_> = self.log.lines().rev().take(TAIL_LINES).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    /// Plans an event; those of one instant happen in the order in which they were planned.
    pub(super) fn at(&mut self, when: Duration, event: Event) {
        self.queue.insert((when.max(self.now), self.sequence), event);
        self.sequence += 1;
    }

    /// Datagrams that are under way.
    pub(super) fn in_flight(&self, member: MemberId, wanted: Way) -> u64 {
        let count = self.queue.values().filter(|event| {
            matches!(event, Event::Datagram { conn, way, .. }
                if *way == wanted && self.conns[*conn].member == member)
        });
        count.count() as u64
    }

    pub(super) fn note(&mut self, who: &str, what: &str) {
        use std::fmt::Write as _;
        let (secs, micros) = (self.now.as_secs(), self.now.subsec_micros());
        // Writing to a String cannot fail.
        let _ = writeln!(self.log, "{secs:>5}.{micros:06} {who} {what}");
    }

    pub(super) fn note_member(&mut self, member: MemberId, what: &str) {
        let name = std::mem::take(&mut self.members[member.0].name);
        self.note(&name, what);
        self.members[member.0].name = name;
    }

    pub(super) fn note_relay(&mut self, relay: RelayId, what: &str) {
        let name = std::mem::take(&mut self.relays[relay.0].name);
        self.note(&name, what);
        self.relays[relay.0].name = name;
    }

    /// Makes a member's machine anew, as a process that starts.
    pub(super) fn start(&mut self, member: MemberId) {
        let seed = self.rng.next_u64();
        let now = self.members[member.0].instant(self.base, self.now);
        let node = &mut self.members[member.0];
        node.epoch += 1;
        node.timer = None;
        node.machine = node.config.clone().map(|config| Member::new(config, seed, now));
        let stranger = node.config.is_none();
        self.note_member(member, "starts");
        if stranger {
            self.open(member);
        } else {
            self.drain_member(member);
        }
    }

    fn stuck(&self, waited: Duration) -> Stuck {
        Stuck { waited, seed: self.seed, log_tail: self.log_tail() }
    }

    /// Lets the next event happen, unless it lies beyond `until`.
    fn step(&mut self, until: Duration) -> bool {
        let Some(entry) = self.queue.first_entry().filter(|entry| entry.key().0 <= until) else {
            return false;
        };
        let ((when, _), event) = entry.remove_entry();
        self.stalled = if when > self.now { 0 } else { self.stalled + 1 };
        assert!(
            self.stalled < MAX_STALLED,
            "livelock at {:?} (seed {}) in {event:?}; the log ends with:\n{}",
            self.now,
            self.seed,
            self.log_tail()
        );
        self.now = when;
        self.happen(event);
        true
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Accepted { conn } => self.accepted(conn),
            Event::BudgetNews { member, way } => self.budget_news(member, way),
            Event::Connected { conn } => self.connected(conn),
            Event::Datagram { conn, way: Way::Down, bytes } => self.datagram_at_member(conn, bytes),
            Event::Datagram { conn, way: Way::Up, bytes } => self.datagram_at_relay(conn, &bytes),
            Event::FlowSend { flow, number } => self.flow_sends(flow, number),
            Event::GiveUp { conn } => self.give_up(conn),
            Event::Handshake { conn, attempt } => self.handshake(conn, attempt),
            Event::Heard { conn, way } => self.heard(conn, way),
            Event::Idle { conn, side } => self.idle(conn, side),
            Event::KeepAlive { conn } => self.keep_alive(conn),
            Event::MemberTimer { member, epoch } => self.member_timer(member, epoch),
            Event::RelayTimer { relay, epoch } => self.relay_timer(relay, epoch),
            Event::Reset { conn, code } => self.reset_arrived(conn, code),
            Event::StreamDue { conn, way } => self.stream_due(conn, way),
            Event::Wake { member } => self.wake(member),
        }
    }

    fn flow_sends(&mut self, id: FlowId, number: u32) {
        let Some(state) = self.flows.get(id.0 as usize) else { return };
        let Flow { from, to, count, every, len } = state.spec;
        if number >= count {
            return;
        }
        let dst = match to {
            Target::Everybody => MacAddr::BROADCAST,
            Target::Host(member) => self.mac(member),
            Target::Mac(mac) => mac,
        };
        let frame = flow::frame(dst, self.mac(from), id, number, len);
        let result = self.host_sends(from, &frame);
        let state = &mut self.flows[id.0 as usize];
        state.sent(self.now);
        if let Err(reason) = result {
            state.refused(reason);
        }
        self.at(self.now + every, Event::FlowSend { flow: id, number: number + 1 });
    }
}
