use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Op {
    Connect,
    Hello(usize, u8, bool, u8),
    Say(usize, u8),
    Bytes(usize, Vec<u8>),
    Budget(usize, usize),
    Datagram(usize, u16, u16, u8),
    Close(usize, bool),
    Kick(u16, u16),
    ShutDown,
    Wait(u64),
}

fn op() -> impl Strategy<Value = Op> {
    let conn = || 0..12_usize;
    prop_oneof![
        4 => Just(Op::Connect),
        8 => (conn(), 0..5_u8, any::<bool>(), 0..3_u8).prop_map(|(c, n, gw, room)| Op::Hello(c, n, gw, room)),
        2 => (conn(), 0..4_u8).prop_map(|(c, what)| Op::Say(c, what)),
        1 => (conn(), proptest::collection::vec(any::<u8>(), 0..9)).prop_map(|(c, bytes)| Op::Bytes(c, bytes)),
        1 => (conn(), 1000..1500_usize).prop_map(|(c, budget)| Op::Budget(c, budget)),
        8 => (conn(), 1..4_u16, 1..6_u16, 0..5_u8).prop_map(|(c, room, peer, src)| Op::Datagram(c, room, peer, src)),
        2 => (conn(), any::<bool>()).prop_map(|(c, lost)| Op::Close(c, lost)),
        1 => (1..4_u16, 1..6_u16).prop_map(|(room, peer)| Op::Kick(room, peer)),
        1 => Just(Op::ShutDown),
        2 => (0..8000_u64).prop_map(Op::Wait),
    ]
}

fn apply(desk: &mut Desk, op: Op) -> Option<(ConnId, Vec<ConnId>)> {
    let conn = |desk: &Desk, index: usize| desk.letters.get(index % desk.letters.len().max(1)).copied();
    match op {
        Op::Connect if desk.relay.connections() < 10 => drop(desk.connect()),
        Op::Connect => {}
        Op::Hello(index, number, is_gateway, room) => {
            let code = ["ONE", "TWO", "THREE"][usize::from(room)];
            let hello = in_room(code, if is_gateway { gateway_hello() } else { hello(number) });
            desk.say(conn(desk, index)?, &MemberMessage::Hello(hello));
        }
        Op::Say(index, what) => {
            let message = match what {
                0 => MemberMessage::Stats(crate::ctrl::MemberStats::default()),
                1 => MemberMessage::Disconnect { reason: LeaveReason::Normal, text: String::new() },
                paused => MemberMessage::Pause { paused: paused == 2 },
            };
            desk.say(conn(desk, index)?, &message);
        }
        Op::Bytes(index, bytes) => desk.bytes(conn(desk, index)?, &bytes),
        Op::Budget(index, budget) => desk.relay.handle_budget(conn(desk, index)?, budget),
        Op::Datagram(index, room, peer, src) => {
            let from = conn(desk, index)?;
            let bytes = flood_bytes(room, peer, mac(src));
            let mut targets = Vec::new();
            let _ = desk.relay.handle_datagram(desk.now, from, &bytes, &mut targets);
            return Some((from, targets));
        }
        Op::Close(index, lost) => {
            let reason = if lost { LeaveReason::Lost } else { LeaveReason::Normal };
            desk.close(conn(desk, index)?, reason);
        }
        Op::Kick(room, peer) => {
            desk.relay.kick(desk.now, RoomId::new(room).unwrap(), PeerId::new(peer).unwrap(), "out");
        }
        Op::ShutDown => desk.relay.shut_down(desk.now, "bye"),
        Op::Wait(ms) => desk.wait_ms(ms),
    }
    None
}

fn flood_bytes(room: u16, peer: u16, src: MacAddr) -> Vec<u8> {
    let header = [0x1100, room, peer, 0xffff].map(u16::to_be_bytes).concat();
    [header, ethernet(MacAddr::BROADCAST, src, EtherType::ARP, &[0; 28])].concat()
}

/// What the members of every room would believe, told only by messages.
#[derive(Default)]
struct Beliefs(BTreeMap<ConnId, Belief>);

#[derive(Default)]
struct Belief {
    own: Option<(RoomId, PeerId)>,
    others: BTreeSet<PeerId>,
}

impl Beliefs {
    fn hear(&mut self, output: &RelayOutput) {
        let (conn, message) = match output {
            RelayOutput::Send { conn, message } => (conn, message),
            RelayOutput::Close { conn, .. } => return drop(self.0.remove(conn)),
            RelayOutput::Event(_) => return,
        };
        let belief = self.0.entry(*conn).or_default();
        match message {
            RelayMessage::Welcome(welcome) => {
                assert!(belief.own.replace((welcome.room, welcome.peer)).is_none(), "welcome twice");
            }
            RelayMessage::PeerJoined(info) => {
                assert!(belief.own.is_some(), "news before the Welcome");
                assert!(belief.others.insert(info.peer), "joined twice");
            }
            RelayMessage::PeerLeft { peer, .. } => {
                assert!(belief.others.remove(peer), "left without joining")
            }
            RelayMessage::PeerPaused { peer, .. } | RelayMessage::PeerBudget { peer, .. } => {
                assert!(belief.others.contains(peer), "news of a stranger");
            }
            RelayMessage::Reject(_) => assert!(belief.own.is_none(), "rejected after the Welcome"),
            RelayMessage::Disconnect { .. } => {}
        }
    }
}

proptest! {
    #[test]
    fn members_believe_what_is_true_whatever_happens(ops in proptest::collection::vec(op(), 0..150)) {
        let mut desk = Desk::new();
        let mut beliefs = Beliefs::default();
        for op in ops {
            if let Op::Close(index, _) = op
                && let Some(conn) = desk.letters.get(index % desk.letters.len().max(1))
            {
                beliefs.0.remove(conn);
            }
            if let Some((from, mut targets)) = apply(&mut desk, op) {
                prop_assert!(!targets.contains(&from), "a reflection");
                let count = targets.len();
                targets.sort_unstable();
                targets.dedup();
                prop_assert_eq!(targets.len(), count, "the same receiver twice");
            }
            let outputs = desk.outputs();
            prop_assert!(outputs.len() <= 200, "{} outputs of one input", outputs.len());
            outputs.iter().for_each(|output| beliefs.hear(output));
            let mut members = 0;
            for room in desk.relay.snapshot() {
                let all: BTreeSet<_> =
                    room.members.iter().map(|member| member.info.peer).collect();
                prop_assert!(!all.is_empty(), "an empty room stays open");
                members += all.len();
                for peer in &all {
                    let belief = beliefs.0.values().find(|belief| belief.own == Some((room.id, *peer))).unwrap();
                    prop_assert!(!belief.others.contains(peer));
                    prop_assert!(belief.others.iter().chain([peer]).collect::<BTreeSet<_>>().into_iter().eq(&all));
                }
            }
            prop_assert_eq!(beliefs.0.values().filter(|belief| belief.own.is_some()).count(), members);
            prop_assert!(desk.relay.poll_timeout().is_none_or(|due| due > desk.now));
        }
    }
}
