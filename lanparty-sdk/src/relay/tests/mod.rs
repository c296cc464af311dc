//! Stories of one relay. Requirement rows (`research/seeds.md`, section 8.1) and where they are told:
//!
//! | row | test |
//! |---|---|
//! | S04 a client's address | `joining::an_address_that_no_client_may_have_is_refused` |
//! | S06, S07 budgets and the room's MTU | `joining::*budget*`, `joining::a_later_port_that_carries_less_is_refused` |
//! | S09 what a member can receive is known to all | `budgets::*` |
//! | S11 framing | `control::a_length_beyond_the_limit_ends_the_connection`, `control::messages_may_come_in_any_pieces` |
//! | S12 Hello, Welcome, Reject | `joining::*` |
//! | S13, S14 lifecycle, order, rollback | `joining::others_hear_of_a_newcomer_before_it_is_welcome`, `joining::a_welcome_that_cannot_be_written_is_taken_back` |
//! | S15 Stats | `control::what_a_member_reports_is_kept` |
//! | S16 Disconnect | `leaving::the_leavers_own_words_reach_the_others` |
//! | S17 unexpected message | `control::a_message_out_of_turn_ends_the_connection` |
//! | S18, S19 mode, gateway present | `joining::a_welcome_says_what_the_newcomer_finds` |
//! | S20, S21 rooms | `joining::*`, `leaving::*` |
//! | S22 last seen | `leaving::a_snapshot_shows_rooms_and_members` |
//! | S38 malformed threshold | `control::too_many_malformed_datagrams_end_a_membership` |

mod budgets;
mod control;
mod invariants;
mod joining;
mod leaving;
mod workers;

use std::time::{Duration, Instant};

use bytes::BytesMut;

use super::*;
use crate::ctrl::{
    Hello, IdentityToken, LeaveReason, MemberMessage, PeerRole, RelayMessage, RoomCode, encode,
};
use crate::frame::{EtherType, MacAddr};
use crate::obs::DropReason;
use crate::proto::{FragmentId, HEADROOM, Label, PeerId, RoomId, Worker, encode_frame};
use crate::room::ConnId;
use crate::switch::craft::ethernet;

const CARD: MacAddr = MacAddr([0, 0x1b, 0x21, 0, 0, 1]);
const SMALL: usize = 1162;
const LARGE: usize = 1434;

fn mac(number: u8) -> MacAddr {
    MacAddr([2, 0, 0, 0, 0, number])
}

fn hello(number: u8) -> Hello {
    Hello {
        version: 1,
        role: PeerRole::Client,
        room: "PARTY".parse().unwrap(),
        mac: Some(mac(number)),
        token: IdentityToken([number; 16]),
        mtu: 1500,
        budget: u32::MAX,
        name: None,
        agent: String::new(),
    }
}

fn gateway_hello() -> Hello {
    Hello { role: PeerRole::Gateway, mac: Some(CARD), ..hello(200) }
}

fn in_room(code: &str, hello: Hello) -> Hello {
    Hello { room: code.parse().unwrap(), ..hello }
}

/// A desk at which one relay is watched. Connections are lettered in their order, and what the relay does is a list of
/// short lines: `b < welcome 2`, `b x Rejected`, `! joined 2`.
struct Desk {
    relay: RelayState,
    now: Instant,
    letters: Vec<ConnId>,
}

impl Desk {
    fn new() -> Self {
        Self::with(RelayConfig::default())
    }

    #[expect(clippy::disallowed_methods, reason = "any instant will do as the beginning of a test")]
    fn with(config: RelayConfig) -> Self {
        Self { relay: RelayState::new(config, 1), now: Instant::now(), letters: Vec::new() }
    }

    /// The desk of one of a relay's workers.
    fn of_worker(config: RelayConfig, worker: Worker) -> Self {
        Self { relay: RelayState::of_worker(config, 1, worker), ..Self::new() }
    }

    /// A gateway `a` and clients `b`, `c`, ... in one room, with nothing left to read.
    fn party(clients: u8) -> (Self, ConnId, Vec<ConnId>) {
        let mut desk = Self::new();
        let gateway = desk.join(&gateway_hello());
        let clients = (1..=clients).map(|number| desk.join(&hello(number))).collect();
        (desk, gateway, clients)
    }

    fn connect(&mut self) -> ConnId {
        self.connect_with(Some(LARGE))
    }

    fn connect_with(&mut self, budget: Option<usize>) -> ConnId {
        let conn = self.relay.handle_connected(self.now, budget);
        self.letters.push(conn);
        conn
    }

    /// Connects and says Hello; what the relay does about it is still to be read.
    fn greet(&mut self, hello: &Hello) -> ConnId {
        let conn = self.connect();
        self.say(conn, &MemberMessage::Hello(hello.clone()));
        conn
    }

    /// Joins, with nothing left to read.
    fn join(&mut self, hello: &Hello) -> ConnId {
        let conn = self.greet(hello);
        let log = self.log();
        assert!(log.iter().any(|line| line.contains("welcome")), "{log:?}");
        conn
    }

    fn say(&mut self, conn: ConnId, message: &MemberMessage) {
        self.bytes(conn, &encode(message).unwrap());
    }

    fn bytes(&mut self, conn: ConnId, bytes: &[u8]) {
        self.relay.handle_control(self.now, conn, bytes);
    }

    fn close(&mut self, conn: ConnId, reason: LeaveReason) {
        self.relay.handle_closed(self.now, conn, reason);
    }

    fn wait_ms(&mut self, ms: u64) {
        self.now += Duration::from_millis(ms);
        self.relay.handle_timeout(self.now);
    }

    fn outputs(&mut self) -> Vec<RelayOutput> {
        std::iter::from_fn(|| self.relay.poll_output()).collect()
    }

    /// The messages to one connection.
    fn sent(&mut self, conn: ConnId) -> Vec<RelayMessage> {
        let outputs = self.outputs().into_iter().filter_map(|output| match output {
            RelayOutput::Send { conn: to, message } if to == conn => Some(message),
            _ => None,
        });
        outputs.collect()
    }

    fn log(&mut self) -> Vec<String> {
        self.outputs().iter().map(|output| self.line(output)).collect()
    }

    fn line(&self, output: &RelayOutput) -> String {
        match output {
            RelayOutput::Send { conn, message } => format!("{} < {}", self.letter(*conn), brief(message)),
            RelayOutput::Close { conn, code } => format!("{} x {code:?}", self.letter(*conn)),
            RelayOutput::Event(event) => format!("! {}", brief_event(event)),
        }
    }

    fn letter(&self, conn: ConnId) -> char {
        let index = self.letters.iter().rposition(|known| *known == conn).unwrap();
        char::from(b'a' + u8::try_from(index).unwrap())
    }

    fn flood(&mut self, from: ConnId, room: u16, peer: u16, src: MacAddr) -> Result<String, DropReason> {
        let (room, peer) = (RoomId::new(room).unwrap(), PeerId::new(peer).unwrap());
        let mut buffer = BytesMut::zeroed(HEADROOM);
        buffer.extend(ethernet(MacAddr::BROADCAST, src, EtherType::ARP, &[0; 28]));
        let mut datagram = None;
        let mut id = FragmentId::default();
        encode_frame(room, peer, Label::Flood, buffer, LARGE, &mut id, |bytes| datagram = Some(bytes))
            .unwrap();
        let mut targets = Vec::new();
        self.relay.handle_datagram(self.now, from, &datagram.unwrap(), &mut targets)?;
        Ok(targets.into_iter().map(|conn| self.letter(conn)).collect())
    }
}

fn brief(message: &RelayMessage) -> String {
    match message {
        RelayMessage::Welcome(welcome) => format!("welcome {}", welcome.peer),
        RelayMessage::Reject(reject) => format!("reject {:?}", reject.reason),
        RelayMessage::PeerJoined(info) => format!("joined {}", info.peer),
        RelayMessage::PeerLeft { peer, reason, .. } => format!("left {peer} {reason:?}"),
        RelayMessage::PeerPaused { peer, paused } => format!("paused {peer} {paused}"),
        RelayMessage::PeerBudget { peer, budget } => format!("budget {peer} {budget}"),
        RelayMessage::Disconnect { reason, .. } => format!("disconnect {reason:?}"),
    }
}

fn brief_event(event: &RelayEvent) -> String {
    match event {
        RelayEvent::RoomOpened { code, mtu, .. } => format!("opened {code} {mtu}"),
        RelayEvent::RoomClosed { code, .. } => format!("closed {code}"),
        RelayEvent::Joined { info, .. } => format!("joined {}", info.peer),
        RelayEvent::Left { info, reason, .. } => format!("left {} {reason:?}", info.peer),
        RelayEvent::Rejected { reason, .. } => format!("rejected {reason:?}"),
        RelayEvent::Closed { code } => format!("refused {code:?}"),
        RelayEvent::Paused { peer, paused, .. } => format!("paused {peer} {paused}"),
    }
}
