//! Any sequence of what can happen to a relay: connections, control bytes, datagrams, budgets, losses, time.
//!
//! No datagram comes back or goes twice, none leaves its room, outputs stay few, and what members were told is what is.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use lanparty_sdk::ctrl::{
    Hello, IdentityToken, LeaveReason, MemberMessage, MemberStats, PeerRole, RelayMessage, encode,
};
use lanparty_sdk::frame::MacAddr;
use lanparty_sdk::proto::{PeerId, RoomId};
use lanparty_sdk::relay::{RelayConfig, RelayOutput, RelayState};
use lanparty_sdk::room::ConnId;

use crate::input::Input;

const MAX_CONNECTIONS: usize = 12;
const MAX_OUTPUTS: usize = 400;

pub fn run(data: &[u8]) {
    let mut config = RelayConfig::default();
    config.room.max_clients = 4;
    config.max_rooms = 2;
    let mut world = World {
        relay: RelayState::new(config, 1),
        now: Instant::now(),
        open: Vec::new(),
        beliefs: BTreeMap::new(),
    };
    let mut input = Input(data);
    while !input.is_empty() {
        world.step(&mut input);
        world.settle();
    }
}

struct World {
    relay: RelayState,
    now: Instant,
    open: Vec<ConnId>,
    /// Of each member that was welcomed: where it sits, and whom it knows.
    beliefs: BTreeMap<ConnId, (RoomId, PeerId, BTreeSet<PeerId>)>,
}

impl World {
    fn step(&mut self, input: &mut Input<'_>) {
        let op = input.below(12);
        if op == 0 {
            if self.open.len() < MAX_CONNECTIONS {
                let budget = 1000 + usize::from(input.u16() % 500);
                self.open.push(self.relay.handle_connected(self.now, (budget != 1000).then_some(budget)));
            }
            return;
        }
        if op == 1 {
            self.now += Duration::from_millis(input.u16().into());
            return self.relay.handle_timeout(self.now);
        }
        let index = usize::from(input.u8());
        let Some(conn) = self.open.get(index % self.open.len().max(1)).copied() else { return };
        match op {
            2..=4 => self.say(conn, &MemberMessage::Hello(hello(input))),
            5 => self.say(conn, &message(input)),
            6 => {
                let len = input.u8().into();
                self.relay.handle_control(self.now, conn, input.bytes(len));
            }
            7 => self.relay.handle_budget(conn, 1000 + usize::from(input.u16() % 500)),
            8 => {
                self.open.retain(|open| *open != conn);
                self.beliefs.remove(&conn);
                let reason = if input.flag() { LeaveReason::Lost } else { LeaveReason::Normal };
                self.relay.handle_closed(self.now, conn, reason);
            }
            9 => {
                if let Some((room, peer, _)) = self.beliefs.get(&conn) {
                    self.relay.kick(self.now, *room, *peer, "out");
                }
            }
            _ => self.datagram(conn, input),
        }
    }

    fn say(&mut self, conn: ConnId, message: &MemberMessage) {
        self.relay.handle_control(self.now, conn, &encode(message).expect("short"));
    }

    fn datagram(&mut self, from: ConnId, input: &mut Input<'_>) {
        let place = self.beliefs.get(&from).map(|(room, peer, _)| (*room, *peer));
        let mut bytes = vec![[0x11, 0x12, 0x14][usize::from(input.below(3))], 0];
        match place.filter(|_| input.u8() > 8) {
            Some((room, peer)) => {
                bytes.extend(room.number().to_be_bytes());
                bytes.extend(peer.number().to_be_bytes());
            }
            None => bytes.extend(input.bytes(4)),
        }
        bytes.extend([0xffff_u16, 0xfffe, 1, 2, 3, 4, 5, 6][usize::from(input.below(8))].to_be_bytes());
        bytes.extend(address(input).octets());
        bytes.extend(address(input).octets());
        let len = input.u16() % 1600;
        bytes.extend(input.bytes(16));
        bytes.resize(bytes.len() + usize::from(len), 0);
        let mut targets = Vec::new();
        if self.relay.handle_datagram(self.now, from, &bytes, &mut targets).is_err() {
            assert!(targets.is_empty());
        }
        let distinct: BTreeSet<_> = targets.iter().collect();
        assert_eq!(distinct.len(), targets.len(), "the same receiver twice");
        for target in targets {
            assert_ne!(target, from, "a reflection");
            assert_eq!(self.beliefs[&target].0, place.expect("a member").0, "into another room");
        }
    }

    fn settle(&mut self) {
        for count in 0.. {
            let Some(output) = self.relay.poll_output() else { break };
            assert!(count < MAX_OUTPUTS, "one input, that many outputs");
            self.hear(output);
        }
        assert!(self.relay.poll_timeout().is_none_or(|due| due > self.now));
        assert_eq!(self.relay.connections(), self.open.len());
        let mut members = 0;
        for room in self.relay.snapshot() {
            let all: BTreeSet<_> = room.members.iter().map(|member| member.info.peer).collect();
            assert!(!all.is_empty() && all.len() <= 5);
            members += all.len();
            for (_, own, others) in self.beliefs.values().filter(|(its, ..)| *its == room.id) {
                assert!(all.contains(own) && !others.contains(own));
                assert_eq!(others.len() + 1, all.len());
                assert!(others.is_subset(&all));
            }
        }
        assert_eq!(members, self.beliefs.len());
    }

    fn hear(&mut self, output: RelayOutput) {
        let (conn, message) = match output {
            RelayOutput::Send { conn, message } => (conn, message),
            RelayOutput::Close { conn, .. } => return drop(self.beliefs.remove(&conn)),
            RelayOutput::Event(_) => return,
        };
        encode(&message).expect("what a relay says fits");
        if let RelayMessage::Welcome(welcome) = message {
            let before = self.beliefs.insert(conn, (welcome.room, welcome.peer, BTreeSet::new()));
            assert!(before.is_none(), "welcome twice");
            return;
        }
        let Some((_, _, others)) = self.beliefs.get_mut(&conn) else {
            let is_end = matches!(message, RelayMessage::Reject(_) | RelayMessage::Disconnect { .. });
            return assert!(is_end, "news for somebody who is not in");
        };
        match message {
            RelayMessage::PeerJoined(info) => assert!(others.insert(info.peer), "joined twice"),
            RelayMessage::PeerLeft { peer, .. } => assert!(others.remove(&peer), "left without joining"),
            RelayMessage::PeerPaused { peer, .. } | RelayMessage::PeerBudget { peer, .. } => {
                assert!(others.contains(&peer), "news of a stranger");
            }
            _ => {}
        }
    }
}

fn address(input: &mut Input<'_>) -> MacAddr {
    match input.below(8) {
        0 => MacAddr::BROADCAST,
        1 => MacAddr([0, 0x1b, 0x21, 0, 0, 1]),
        number => MacAddr([2, 0, 0, 0, 0, number]),
    }
}

fn hello(input: &mut Input<'_>) -> Hello {
    let role = if input.below(4) == 0 { PeerRole::Gateway } else { PeerRole::Client };
    Hello {
        version: if input.u8() == 0xff { 2 } else { 1 },
        role,
        room: ["ONE", "TWO", "THREE"][usize::from(input.below(3))].parse().expect("valid"),
        mac: Some(address(input)),
        token: IdentityToken([input.below(6); 16]),
        mtu: if input.flag() { 1500 } else { 1400 },
        budget: if input.flag() { u32::MAX } else { u32::from(input.u16()) },
        name: None,
        agent: String::new(),
    }
}

fn message(input: &mut Input<'_>) -> MemberMessage {
    match input.below(4) {
        0 => MemberMessage::Stats(MemberStats::default()),
        1 => MemberMessage::Pause { paused: true },
        2 => MemberMessage::Pause { paused: false },
        _ => MemberMessage::Disconnect { reason: LeaveReason::Normal, text: String::new() },
    }
}
