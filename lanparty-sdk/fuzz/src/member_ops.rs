//! A member in the hands of a hostile relay, of its own port and of time.
//!
//! It stays awake no longer than it must, does little for each input, and lets no forged frame through.

use std::time::{Duration, Instant};

use bytes::Bytes;
use lanparty_sdk::ctrl::{
    CloseCode, ConnectionMode, IdentityToken, LeaveReason, PeerInfo, PeerRole, Reject, RejectReason,
    RelayMessage, Welcome, encode,
};
use lanparty_sdk::frame::{Frame, MacAddr};
use lanparty_sdk::member::{Member, MemberConfig, MemberOutput, Phase};
use lanparty_sdk::port::PortFrame;
use lanparty_sdk::proto::{PeerId, RoomId};

use crate::input::Input;

const MAX_OUTPUTS: usize = 64;
const BUDGET: usize = 1434;

pub fn run(data: &[u8]) {
    let mut input = Input(data);
    let role = if input.flag() { PeerRole::Gateway } else { PeerRole::Client };
    let room = "PARTY".parse().expect("valid");
    let mut config = MemberConfig::new(role, room, Some(address(1)), IdentityToken([1; 16]));
    config.retry_first = true;
    let mut now = Instant::now();
    let mut member = Member::new(config, 42, now);
    while !input.is_empty() {
        step(&mut member, &mut now, &mut input);
        settle(&mut member);
        member.handle_timeout(now);
        settle(&mut member);
        assert!(member.poll_timeout().is_none_or(|due| due > now), "its driver would spin");
        assert_eq!(member.seat().is_some(), member.phase() == Phase::Joined);
        assert!(member.seat().is_some() || member.peers().next().is_none());
        if member.phase() == Phase::Ended {
            return assert_eq!(member.poll_timeout(), None);
        }
    }
}

fn settle(member: &mut Member) {
    for count in 0.. {
        match member.poll_output() {
            None => break,
            Some(MemberOutput::Send(message)) => drop(encode(&message).expect("what a member says fits")),
            Some(_) => {}
        }
        assert!(count < MAX_OUTPUTS, "one input, that many outputs");
    }
}

fn step(member: &mut Member, now: &mut Instant, input: &mut Input<'_>) {
    match input.below(16) {
        0 | 1 => member.handle_connected(*now, (input.u8() != 0).then_some(BUDGET)),
        2 => {
            let code = input.flag().then(|| CloseCode::from_code(u64::from(input.u8())));
            member.handle_disconnected(*now, code, "gone");
        }
        3..=6 => {
            let bytes = encode(&message(input)).expect("short");
            member.handle_control(*now, &bytes);
        }
        7 => {
            let len = input.u8().into();
            member.handle_control(*now, input.bytes(len));
        }
        8..=10 => receive(member, *now, input),
        11 | 12 => send(member, input),
        13 => member.handle_budget(usize::from(input.u16())),
        14 => member.set_paused(input.flag()),
        _ => *now += Duration::from_millis(input.u16().into()),
    }
}

fn message(input: &mut Input<'_>) -> RelayMessage {
    let peer = peer(input);
    match input.below(10) {
        0..=2 => RelayMessage::Welcome(Welcome {
            room: RoomId::new(1).expect("valid"),
            peer,
            mtu: 1280 + u16::from(input.u8()),
            mode: ConnectionMode::Relay,
            gateway_present: input.flag(),
            members: input.u16(),
        }),
        3 | 4 => RelayMessage::PeerJoined(PeerInfo {
            peer,
            role: if input.flag() { PeerRole::Gateway } else { PeerRole::Client },
            mac: input.flag().then(|| address(input.u8())),
            name: None,
            budget: u32::from(input.u16()),
            paused: input.flag(),
        }),
        5 => RelayMessage::PeerLeft { peer, reason: LeaveReason::Lost, text: String::new() },
        6 => RelayMessage::PeerPaused { peer, paused: input.flag() },
        7 => RelayMessage::PeerBudget { peer, budget: u32::from(input.u16()) },
        8 => RelayMessage::Reject(Reject { reason: RejectReason::RoomFull, detail: String::new() }),
        _ => RelayMessage::Disconnect { reason: LeaveReason::Kicked, text: "out".into() },
    }
}

fn peer(input: &mut Input<'_>) -> PeerId {
    PeerId::new(u16::from(input.below(6)) + 1).expect("valid")
}

fn address(number: u8) -> MacAddr {
    MacAddr([2, 0, 0, 0, 0, number % 8])
}

fn receive(member: &mut Member, now: Instant, input: &mut Input<'_>) {
    let from = peer(input);
    let mut bytes = vec![[0x11, 0x12, 0x14, 0x13][usize::from(input.below(4))], 0, 0, 1];
    bytes.extend(from.number().to_be_bytes());
    let label = if input.flag() { 0xffff } else { member.seat().map_or(0xfffe, |(_, own, _)| own.number()) };
    bytes.extend(label.to_be_bytes());
    bytes.extend(input.bytes(20));
    bytes.resize(bytes.len() + usize::from(input.u16() % 1600), 0);
    let mut frames = Vec::new();
    let result = member.handle_datagram(now, &Bytes::from(bytes), &mut frames);
    assert!(frames.len() <= 1 && (result.is_ok() || frames.is_empty()));
    for bytes in frames {
        let src = Frame::parse(&bytes).expect("judged").src();
        let sender = member.peers().find(|info| info.peer == from).expect("known");
        assert!(sender.role == PeerRole::Gateway || sender.mac == Some(src), "forged");
    }
}

fn send(member: &mut Member, input: &mut Input<'_>) {
    let dst = if input.flag() { MacAddr::BROADCAST } else { address(input.u8()) };
    let src = address(input.u8());
    let mut frame = [dst.octets(), src.octets()].concat();
    frame.extend(input.bytes(40));
    frame.resize(frame.len() + usize::from(input.u16() % 1600), 0);
    let mut datagrams = Vec::new();
    let result = member.handle_port_frame(PortFrame::copy_from(&frame), &mut datagrams);
    assert_eq!(result.is_ok(), !datagrams.is_empty());
    assert!(datagrams.len() <= 2);
}
