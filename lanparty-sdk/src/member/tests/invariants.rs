use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Op {
    Connected(bool),
    Lost(Option<u32>),
    Welcome(u16),
    Joined(u16, u8, bool),
    Left(u16),
    Budget(u16, u32),
    Bytes(Vec<u8>),
    Datagram(Vec<u8>),
    Frame(u16, u8, usize),
    Port(u8, u8, usize),
    Pause(bool),
    Wait(u64),
}

fn op() -> impl Strategy<Value = Op> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..30);
    prop_oneof![
        4 => any::<bool>().prop_map(Op::Connected),
        1 => proptest::option::of(0x0f..0x1c_u32).prop_map(Op::Lost),
        6 => (1280..1600_u16).prop_map(Op::Welcome),
        6 => (1..6_u16, 0..6_u8, any::<bool>()).prop_map(|(peer, mac, gateway)| Op::Joined(peer, mac, gateway)),
        2 => (1..6_u16).prop_map(Op::Left),
        2 => (1..6_u16, 0..2000_u32).prop_map(|(peer, budget)| Op::Budget(peer, budget)),
        1 => bytes().prop_map(Op::Bytes),
        1 => bytes().prop_map(Op::Datagram),
        6 => (1..6_u16, 0..6_u8, 60..1515_usize).prop_map(|(from, src, len)| Op::Frame(from, src, len)),
        6 => (0..6_u8, 0..6_u8, 60..1515_usize).prop_map(|(dst, src, len)| Op::Port(dst, src, len)),
        1 => any::<bool>().prop_map(Op::Pause),
        2 => (0..20_000_u64).prop_map(Op::Wait),
    ]
}

fn apply(desk: &mut Desk, op: Op) -> Result<(), TestCaseError> {
    let address = |number| if number == 0 { MacAddr::BROADCAST } else { mac(number) };
    match op {
        Op::Connected(datagrams) => desk.member.handle_connected(desk.now, datagrams.then_some(LARGE)),
        Op::Lost(code) => desk.lose(code.map(|code| CloseCode::from_code(code.into()))),
        Op::Welcome(mtu) => desk.hear(&RelayMessage::Welcome(Welcome { mtu, ..welcome() })),
        Op::Joined(number, mac_number, gateway) => {
            let role = if gateway { PeerRole::Gateway } else { PeerRole::Client };
            let info = PeerInfo { role, mac: Some(mac(mac_number)), ..client_info(number) };
            desk.hear(&RelayMessage::PeerJoined(info));
        }
        Op::Left(number) => {
            let (reason, text) = (LeaveReason::Normal, String::new());
            desk.hear(&RelayMessage::PeerLeft { peer: peer(number), reason, text });
        }
        Op::Budget(number, budget) => desk.hear(&RelayMessage::PeerBudget { peer: peer(number), budget }),
        Op::Bytes(bytes) => desk.member.handle_control(desk.now, &bytes),
        Op::Datagram(bytes) => drop(desk.datagram(&bytes.into())),
        Op::Frame(from, src, len) => {
            for datagram in
                desk.datagrams(from, Label::Flood, &frame_of(MacAddr::BROADCAST, address(src), len), SMALL)
            {
                for frame in desk.datagram(&datagram).unwrap_or_default() {
                    let src = crate::frame::Frame::parse(&frame).unwrap().src();
                    let sender = desk.member.peers().find(|info| info.peer == peer(from)).unwrap();
                    prop_assert!(sender.role == PeerRole::Gateway || sender.mac == Some(src), "forged");
                }
            }
        }
        Op::Port(dst, src, len) => {
            let mut datagrams = Vec::new();
            let frame = PortFrame::copy_from(&frame_of(address(dst), address(src), len));
            let _ = desk.member.handle_port_frame(frame, &mut datagrams);
            prop_assert!(datagrams.len() <= 2 && datagrams.iter().all(|datagram| datagram.len() <= LARGE));
        }
        Op::Pause(paused) => desk.member.set_paused(paused),
        Op::Wait(ms) => desk.wait_ms(ms),
    }
    Ok(())
}

proptest! {
    #[test]
    fn a_member_keeps_its_promises_whatever_a_relay_does(
        is_gateway in any::<bool>(),
        ops in proptest::collection::vec(op(), 0..120),
    ) {
        let role = if is_gateway { PeerRole::Gateway } else { PeerRole::Client };
        let mut desk = Desk::new(MemberConfig { retry_first: true, ..config(role) });
        for op in ops {
            apply(&mut desk, op)?;
            prop_assert!(desk.outputs().len() < 40);
            desk.member.handle_timeout(desk.now);
            desk.outputs();
            prop_assert!(desk.member.poll_timeout().is_none_or(|due| due > desk.now), "its driver would spin");
            prop_assert_eq!(desk.member.seat().is_some(), desk.member.phase() == Phase::Joined);
            prop_assert!(desk.member.seat().is_some() || desk.member.peers().next().is_none());
            prop_assert!(desk.member.phase() != Phase::Ended || desk.member.poll_timeout().is_none());
        }
    }
}
