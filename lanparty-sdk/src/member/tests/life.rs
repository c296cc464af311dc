use super::*;

fn rejected(reason: RejectReason) -> RelayMessage {
    RelayMessage::Reject(Reject { reason, detail: "8 of 8".into() })
}

#[test]
fn it_connects_says_hello_and_is_in() {
    let mut desk = Desk::new(MemberConfig { mtu: 1400, ..config(PeerRole::Client) });
    assert_eq!(
        desk.outputs(),
        [MemberOutput::Event(SessionEvent::Connecting { attempt: 0 }), MemberOutput::Connect]
    );
    desk.connect();
    let outputs = desk.outputs();
    let [MemberOutput::Send(MemberMessage::Hello(hello))] = &outputs[..] else { panic!("{outputs:?}") };
    assert_eq!((hello.version, hello.role, hello.mac, hello.mtu), (1, PeerRole::Client, Some(OWN), 1400));
    assert_eq!(desk.member.phase(), Phase::Greeting);
    desk.hear(&RelayMessage::Welcome(Welcome { mtu: 1400, gateway_present: true, ..welcome() }));
    let joined =
        SessionEvent::Joined { room: room(), peer: peer(ME), mtu: 1400, gateway_present: true, again: false };
    assert_eq!(desk.outputs(), [MemberOutput::SetMtu(1400), MemberOutput::Event(joined)]);
    assert_eq!((desk.member.phase(), desk.member.seat()), (Phase::Joined, Some((room(), peer(ME), 1400))));
}

#[test]
fn it_knows_who_is_in_the_room() {
    let mut desk = Desk::client();
    assert_eq!(desk.member.peers().map(|info| info.peer.number()).collect::<Vec<_>>(), [ANN, GATEWAY]);
    assert_eq!(desk.member.gateway(), Some(peer(GATEWAY)));
    let text = "good night".to_owned();
    desk.hear(&RelayMessage::PeerLeft { peer: peer(GATEWAY), reason: LeaveReason::Lost, text: text.clone() });
    let left = SessionEvent::PeerLeft { info: gateway_info(), reason: LeaveReason::Lost, text };
    assert_eq!(desk.events(), [left]);
    assert_eq!(desk.member.gateway(), None);
    desk.hear(&RelayMessage::PeerPaused { peer: peer(ANN), paused: true });
    assert_eq!(desk.events(), [SessionEvent::PeerPaused { peer: peer(ANN), paused: true }]);
    for news in [
        RelayMessage::PeerLeft { peer: peer(50), reason: LeaveReason::Lost, text: String::new() },
        RelayMessage::PeerPaused { peer: peer(50), paused: true },
        RelayMessage::PeerBudget { peer: peer(50), budget: 1200 },
    ] {
        desk.hear(&news);
        assert!(desk.outputs().is_empty(), "news of a stranger means nothing");
    }
}

#[test]
fn a_permanent_rejection_ends_it_at_any_time() {
    for has_joined in [false, true] {
        let mut desk = Desk::new(MemberConfig { retry_first: true, ..config(PeerRole::Client) });
        if has_joined {
            desk.join();
            desk.lose(None);
            desk.wake();
        }
        desk.connect();
        desk.outputs();
        desk.hear(&rejected(RejectReason::VersionMismatch));
        assert_eq!(desk.member.phase(), Phase::Ended);
        let outputs = desk.outputs();
        assert_eq!(outputs[0], MemberOutput::Close(CloseCode::Leave));
        let ended = |output: &MemberOutput| {
            matches!(output, MemberOutput::Event(SessionEvent::Ended(EndReason::Rejected(_))))
        };
        assert!(ended(&outputs[1]), "{outputs:?}");
    }
}

#[test]
fn it_asks_for_its_rooms_mtu_again_and_falls_back_to_its_ports() {
    let asked = |desk: &mut Desk| {
        desk.connect();
        let hello = desk.outputs().into_iter().find_map(|output| match output {
            MemberOutput::Send(MemberMessage::Hello(hello)) => Some(hello),
            _ => None,
        });
        hello.expect("a Hello").mtu
    };
    let mut desk = Desk::new(config(PeerRole::Client));
    assert_eq!(asked(&mut desk), 1500);
    desk.hear(&RelayMessage::Welcome(Welcome { mtu: 1400, ..welcome() }));
    desk.lose(None);
    desk.wake();
    assert_eq!(asked(&mut desk), 1400, "members with smaller ports find their room as it was");
    desk.hear(&rejected(RejectReason::MtuTooSmall));
    assert_eq!(desk.member.phase(), Phase::Waiting, "somebody made the room anew");
    desk.wake();
    assert_eq!(asked(&mut desk), 1500);
    desk.hear(&rejected(RejectReason::MtuTooSmall));
    assert_eq!(desk.member.phase(), Phase::Ended, "the port really carries too little");
}

#[test]
fn a_temporary_rejection_ends_only_the_first_attempt() {
    for (retry_first, has_joined, phase) in
        [(false, false, Phase::Ended), (true, false, Phase::Waiting), (false, true, Phase::Waiting)]
    {
        let mut desk = Desk::new(MemberConfig { retry_first, ..config(PeerRole::Client) });
        if has_joined {
            desk.join();
            desk.lose(None);
            desk.wake();
        }
        desk.connect();
        desk.hear(&rejected(RejectReason::RoomFull));
        assert_eq!(desk.member.phase(), phase, "retry_first {retry_first}, has_joined {has_joined}");
    }
}

#[test]
fn a_relay_that_cannot_be_reached_ends_only_the_first_attempt() {
    let mut desk = Desk::new(config(PeerRole::Client));
    desk.lose(None);
    let ended = SessionEvent::Ended(EndReason::Unreachable { cause: "cable pulled".into() });
    assert_eq!(desk.events().last(), Some(&ended));
    let mut desk = Desk::new(MemberConfig { retry_first: true, ..config(PeerRole::Client) });
    desk.lose(None);
    assert_eq!(desk.member.phase(), Phase::Waiting);
}

#[test]
fn a_host_without_datagrams_is_no_relay() {
    let mut desk = Desk::new(MemberConfig { retry_first: true, ..config(PeerRole::Client) });
    desk.outputs();
    desk.member.handle_connected(desk.now, None);
    assert_eq!(desk.outputs()[0], MemberOutput::Close(CloseCode::Protocol));
    assert_eq!(desk.member.phase(), Phase::Ended);
}

#[test]
fn a_welcome_must_come_in_time() {
    let mut desk = Desk::new(MemberConfig { retry_first: true, ..config(PeerRole::Client) });
    desk.connect();
    desk.wait_ms(9999);
    assert_eq!(desk.member.phase(), Phase::Greeting);
    desk.wait_ms(1);
    assert_eq!(desk.member.phase(), Phase::Waiting);
    assert!(desk.outputs().contains(&MemberOutput::Close(CloseCode::Protocol)));
}

#[test]
fn a_relay_that_breaks_the_protocol_is_left() {
    let second = encode(&RelayMessage::Welcome(welcome())).unwrap();
    let late = encode(&rejected(RejectReason::RoomFull)).unwrap();
    let myself = encode(&RelayMessage::PeerJoined(client_info(ME))).unwrap();
    for bytes in [&second[..], &late, &myself, &[0xff; 4], &[0, 0, 0, 2, b'{', b'}'], &[0, 0, 0, 0]] {
        let mut desk = Desk::client();
        desk.member.handle_control(desk.now, bytes);
        assert_eq!(desk.outputs()[0], MemberOutput::Close(CloseCode::Protocol));
        assert_eq!((desk.member.phase(), desk.member.seat()), (Phase::Waiting, None));
    }
    for early in [
        RelayMessage::PeerJoined(client_info(ANN)),
        RelayMessage::PeerBudget { peer: peer(ANN), budget: 1200 },
        RelayMessage::Welcome(Welcome { mtu: 1500, ..welcome() }), // more than the port carries
    ] {
        let mut desk = Desk::new(MemberConfig { mtu: 1400, ..config(PeerRole::Client) });
        desk.connect();
        desk.hear(&early);
        assert_eq!(desk.member.phase(), Phase::Ended, "{early:?}");
    }
}

#[test]
fn a_relay_cannot_announce_members_without_end() {
    let mut desk = Desk::gateway();
    for number in 10..10 + 4200 {
        let [high, low] = u16::to_be_bytes(number);
        let info = PeerInfo { mac: Some(MacAddr([2, 0, 0, 1, high, low])), ..client_info(ANN) };
        desk.hear(&RelayMessage::PeerJoined(PeerInfo { peer: peer(number), ..info }));
        if desk.member.phase() != Phase::Joined {
            break;
        }
    }
    assert_eq!(desk.member.phase(), Phase::Waiting);
    assert_eq!(desk.member.peers().count(), 0);
}

#[test]
fn a_lost_room_is_forgotten_and_found_again() {
    let mut desk = Desk::client();
    desk.lose(None);
    let outputs = desk.outputs();
    let [MemberOutput::Event(SessionEvent::Disconnected { cause, retry_in })] = &outputs[..] else {
        panic!("{outputs:?}")
    };
    assert_eq!(cause, "cable pulled");
    assert_eq!(desk.member.poll_timeout(), Some(desk.now + *retry_in));
    assert_eq!((desk.member.seat(), desk.member.peers().count()), (None, 0));
    assert_eq!(desk.port(&frame(MacAddr::BROADCAST, OWN)), Err(DropReason::NotJoined));
    desk.wake();
    assert!(desk.outputs().contains(&MemberOutput::Connect));
    desk.join();
    assert!(desk.events().iter().any(|event| matches!(event, SessionEvent::Joined { again: true, .. })));
    assert_eq!(desk.member.stats().reconnects, 1);
}

#[test]
fn half_a_message_of_a_lost_connection_does_not_spoil_the_next() {
    let mut desk = Desk::client();
    let news = encode(&RelayMessage::PeerPaused { peer: peer(ANN), paused: true }).unwrap();
    desk.member.handle_control(desk.now, &news[..7]);
    desk.lose(None);
    desk.wake();
    desk.join();
    assert_eq!(desk.member.phase(), Phase::Joined);
}

#[test]
fn a_close_code_says_whether_to_come_back() {
    for code in CloseCode::ALL {
        let mut desk = Desk::client();
        desk.lose(Some(code));
        let phase = if code.should_reconnect() { Phase::Waiting } else { Phase::Ended };
        assert_eq!(desk.member.phase(), phase, "{code:?}");
    }
    let mut desk = Desk::client();
    desk.lose(Some(CloseCode::Unknown(0x4242)));
    assert_eq!(desk.member.phase(), Phase::Waiting);
}

#[test]
fn the_relays_words_reach_the_user() {
    let mut desk = Desk::client();
    desk.hear(&RelayMessage::Disconnect { reason: LeaveReason::Kicked, text: "no cheating".into() });
    desk.lose(Some(CloseCode::Kicked));
    let reason = EndReason::Closed { code: CloseCode::Kicked, text: "no cheating".into() };
    assert_eq!(desk.events(), [SessionEvent::Ended(reason)]);
}

#[test]
fn who_leaves_says_goodbye() {
    let mut desk = Desk::client();
    desk.member.leave(LeaveReason::Normal, "good\nnight");
    let goodbye = MemberMessage::Disconnect { reason: LeaveReason::Normal, text: "goodnight".into() };
    assert_eq!(
        desk.outputs(),
        [
            MemberOutput::Send(goodbye),
            MemberOutput::Close(CloseCode::Leave),
            MemberOutput::Event(SessionEvent::Ended(EndReason::Left)),
        ]
    );
    desk.member.leave(LeaveReason::Normal, "");
    desk.lose(None);
    desk.wait_ms(60_000);
    assert!(desk.outputs().is_empty(), "an end is an end");
    assert_eq!(desk.member.poll_timeout(), None);
}

#[test]
fn who_leaves_while_it_waits_has_nobody_to_tell() {
    let mut desk = Desk::client();
    desk.lose(None);
    desk.outputs();
    desk.member.leave(LeaveReason::Normal, "");
    assert_eq!(desk.outputs(), [MemberOutput::Event(SessionEvent::Ended(EndReason::Left))]);
}

#[test]
fn a_port_that_closes_ends_the_session() {
    let mut desk = Desk::client();
    desk.member.handle_port_closed("adapter removed");
    let outputs = desk.outputs();
    let goodbye = MemberMessage::Disconnect { reason: LeaveReason::Shutdown, text: "adapter removed".into() };
    assert_eq!(outputs[..2], [MemberOutput::Send(goodbye), MemberOutput::Close(CloseCode::Leave)]);
    let cause = "adapter removed".to_owned();
    assert_eq!(outputs[2], MemberOutput::Event(SessionEvent::Ended(EndReason::PortClosed { cause })));
}

#[test]
fn a_pause_is_told_and_survives_a_new_connection() {
    let mut desk = Desk::client();
    desk.member.set_paused(true);
    desk.member.set_paused(true);
    let told = MemberOutput::Send(MemberMessage::Pause { paused: true });
    assert_eq!(desk.outputs(), [told.clone(), MemberOutput::Event(SessionEvent::Paused(true))]);
    desk.lose(None);
    desk.wake();
    desk.outputs();
    desk.join();
    assert!(desk.outputs().contains(&told));
    assert!(desk.member.is_paused());
}
