use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Op {
    Join(u8),
    JoinGateway,
    Leave(u16, bool),
    Pause(u16, bool),
    Send { from: u16, label: u16, src: u8, dst: u8, len: usize },
    Wait(u64),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        (0..6_u8).prop_map(Op::Join),
        Just(Op::JoinGateway),
        (1..9_u16, any::<bool>()).prop_map(|(peer, keep)| Op::Leave(peer, keep)),
        (1..9_u16, any::<bool>()).prop_map(|(peer, paused)| Op::Pause(peer, paused)),
        (1..9_u16, 0..9_u16, 0..6_u8, 0..8_u8, 60..1500_usize)
            .prop_map(|(from, label, src, dst, len)| Op::Send { from, label, src, dst, len }),
        (0..40_000_u64).prop_map(Op::Wait),
    ]
}

fn address(number: u8) -> MacAddr {
    match number {
        6 => MacAddr::BROADCAST,
        7 => PRINTER,
        number => mac(number),
    }
}

proptest! {
    #[test]
    fn a_room_keeps_its_promises_whatever_happens(ops in proptest::collection::vec(op(), 0..120)) {
        let config = RoomConfig { max_clients: 3, ..RoomConfig::default() };
        let mut desk = Desk::with(1500, config);
        for op in ops {
            match op {
                Op::Join(number) => drop(desk.admit(&hello(number))),
                Op::JoinGateway => drop(desk.admit(&gateway_hello())),
                Op::Leave(peer, keep) => drop(desk.room.leave(desk.now, PeerId::new(peer).unwrap(), keep)),
                Op::Pause(peer, paused) => drop(desk.room.set_paused(PeerId::new(peer).unwrap(), paused)),
                Op::Wait(ms) => desk.wait_ms(ms),
                Op::Send { from, label, src, dst, len } => {
                    let from = PeerId::new(from).unwrap();
                    let label = match label {
                        0 => Label::Flood,
                        1 => Label::Gateway,
                        number => Label::Peer(PeerId::new(number).unwrap()),
                    };
                    let frame = frame_of(address(dst), address(src), len);
                    for datagram in desk.datagrams(from, label, &frame, SMALL) {
                        let (_, mut targets) = desk.judge(from, &datagram);
                        prop_assert!(!targets.contains(&from), "a reflection");
                        let count = targets.len();
                        targets.dedup();
                        prop_assert_eq!(targets.len(), count, "the same receiver twice");
                        prop_assert!(targets.iter().all(|peer| !desk.member(*peer).info.paused));
                    }
                }
            }
            let snapshot = desk.room.snapshot();
            let clients: Vec<_> =
                snapshot.members.iter().filter(|member| member.info.role == PeerRole::Client).collect();
            prop_assert!(clients.len() <= 3);
            prop_assert!(snapshot.members.len() - clients.len() <= 1);
            prop_assert_eq!(desk.room.table.members() as usize, clients.len());
            for client in clients {
                prop_assert_eq!(desk.room.table.member(client.info.mac.unwrap()), Some(client.info.peer));
            }
            prop_assert!(desk.room.gateway().is_none_or(|gateway| desk.member(gateway).info.mac == Some(CARD)));
        }
    }
}
