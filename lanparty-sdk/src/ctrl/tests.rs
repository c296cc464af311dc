use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::frame::MacAddr;
use crate::proto::{PeerId, RoomId};

fn hello() -> Hello {
    Hello {
        version: 1,
        role: PeerRole::Client,
        room: "ROOM1".parse().unwrap(),
        mac: Some(MacAddr([2, 0, 0, 0, 0, 1])),
        token: IdentityToken([0xab; 16]),
        mtu: 1500,
        budget: 1434,
        name: Some("Ann".into()),
        agent: "lanparty-sdk/0.1.0".into(),
    }
}

fn member_messages() -> Vec<MemberMessage> {
    vec![
        MemberMessage::Hello(hello()),
        MemberMessage::Stats(MemberStats::default()),
        MemberMessage::Pause { paused: true },
        MemberMessage::Disconnect { reason: LeaveReason::Normal, text: "good night".into() },
    ]
}

fn relay_messages() -> Vec<RelayMessage> {
    let peer = PeerId::new(3).unwrap();
    vec![
        RelayMessage::Welcome(Welcome {
            room: RoomId::new(1).unwrap(),
            peer,
            mtu: 1500,
            mode: ConnectionMode::Relay,
            gateway_present: true,
            members: 2,
        }),
        RelayMessage::Reject(Reject { reason: RejectReason::RoomFull, detail: "8 of 8".into() }),
        RelayMessage::PeerJoined(PeerInfo {
            peer,
            role: PeerRole::Gateway,
            mac: None,
            name: None,
            budget: 1162,
            paused: false,
        }),
        RelayMessage::PeerLeft { peer, reason: LeaveReason::TimedOut, text: String::new() },
        RelayMessage::PeerPaused { peer, paused: true },
        RelayMessage::PeerBudget { peer, budget: 1434 },
        RelayMessage::Disconnect { reason: LeaveReason::Kicked, text: "see you".into() },
    ]
}

fn decode<M: serde::de::DeserializeOwned + Validate>(bytes: &[u8]) -> Result<Option<M>, CodecError> {
    let mut decoder = Decoder::default();
    decoder.push(bytes);
    decoder.next_message()
}

fn framed(json: &str) -> Vec<u8> {
    let mut out = u32::try_from(json.len()).unwrap().to_be_bytes().to_vec();
    out.extend_from_slice(json.as_bytes());
    out
}

#[test]
fn every_message_round_trips_whole_and_byte_by_byte() {
    for message in member_messages() {
        assert_eq!(decode(&encode(&message).unwrap()).unwrap(), Some(message));
    }
    for message in relay_messages() {
        let bytes = encode(&message).unwrap();
        let mut decoder = Decoder::default();
        for byte in &bytes[..bytes.len() - 1] {
            decoder.push(&[*byte]);
            assert!(decoder.next_message::<RelayMessage>().unwrap().is_none());
            assert!(decoder.is_partial());
        }
        decoder.push(&bytes[bytes.len() - 1..]);
        assert_eq!(decoder.next_message().unwrap(), Some(message));
        assert!(!decoder.is_partial());
    }
}

#[test]
fn messages_that_arrive_together_come_out_one_by_one() {
    let mut decoder = Decoder::default();
    for message in relay_messages() {
        decoder.push(&encode(&message).unwrap());
    }
    for message in relay_messages() {
        assert_eq!(decoder.next_message().unwrap(), Some(message));
    }
    assert!(decoder.next_message::<RelayMessage>().unwrap().is_none());
}

#[test]
fn one_byte_over_64_kib_is_refused_by_its_length_alone() {
    let prefix = (MAX_MESSAGE_LEN as u32 + 1).to_be_bytes();
    assert!(matches!(decode::<MemberMessage>(&prefix), Err(CodecError::TooLong(65_537))));
    assert!(matches!(decode::<MemberMessage>(&[0xff; 4]), Err(CodecError::TooLong(_))));
    assert!(decode::<MemberMessage>(&(MAX_MESSAGE_LEN as u32).to_be_bytes()).unwrap().is_none());
}

#[test]
fn decoded_values_are_validated() {
    let long = "x".repeat(MAX_TEXT_CHARS + 1);
    for text in [long.as_str(), "bell\u{7}"] {
        let message = MemberMessage::Disconnect { reason: LeaveReason::Normal, text: text.into() };
        assert!(matches!(decode::<MemberMessage>(&encode(&message).unwrap()), Err(CodecError::Invalid(_))));
    }
    let mut welcome = relay_messages().remove(0);
    if let RelayMessage::Welcome(welcome) = &mut welcome {
        welcome.mtu = 9000;
    }
    assert!(matches!(
        decode::<RelayMessage>(&encode(&welcome).unwrap()),
        Err(CodecError::Invalid(InvalidMessage::Mtu(9000)))
    ));
}

#[test]
fn a_hello_is_checked_for_its_address_and_mtu() {
    assert_eq!(hello().check(), Ok(()));
    for mac in [None, Some(MacAddr::BROADCAST), Some(MacAddr([0, 0x1b, 0x21, 0, 0, 1])), Some(MacAddr::ZERO)]
    {
        assert_eq!(Hello { mac, ..hello() }.check(), Err(InvalidMessage::ClientMac));
    }
    let gateway = Hello { role: PeerRole::Gateway, mac: None, ..hello() };
    assert_eq!(gateway.check(), Ok(()));
    assert_eq!(Hello { mac: Some(MacAddr::BROADCAST), ..gateway }.check(), Err(InvalidMessage::GatewayMac));
    assert_eq!(Hello { mtu: 1279, ..hello() }.check(), Err(InvalidMessage::Mtu(1279)));
    assert_eq!(Hello { mtu: 1501, ..hello() }.check(), Err(InvalidMessage::Mtu(1501)));
}

#[test]
fn later_fields_and_reasons_are_tolerated_and_unknown_messages_are_not() {
    let left: RelayMessage =
        decode(&framed(r#"{"type":"peer_left","peer":4,"reason":"abducted","mood":"fine"}"#))
            .unwrap()
            .unwrap();
    assert!(matches!(left, RelayMessage::PeerLeft { reason: LeaveReason::Other, .. }));
    let old: RelayMessage =
        decode(&framed(r#"{"type":"welcome","room":1,"peer":2,"mtu":1500,"gateway_present":false}"#))
            .unwrap()
            .unwrap();
    assert!(matches!(old, RelayMessage::Welcome(Welcome { mode: ConnectionMode::Relay, members: 0, .. })));
    for bad in [
        r#"{"type":"teleport"}"#,
        r#"{"type":"peer_left","peer":0,"reason":"normal"}"#,
        r#"{"type":"peer_left","peer":65535,"reason":"normal"}"#,
        r#"{"type":"welcome"}"#,
        "[]",
        "",
        "\u{0}",
    ] {
        assert!(matches!(decode::<RelayMessage>(&framed(bad)), Err(CodecError::Json(_))), "{bad:?}");
    }
}

#[test]
fn deep_nesting_does_not_overflow_the_stack() {
    let bomb = format!(r#"{{"type":"pause","paused":{}"#, "[".repeat(60_000));
    assert!(matches!(decode::<MemberMessage>(&framed(&bomb)), Err(CodecError::Json(_))));
}

#[test]
fn room_codes_are_strict_and_ignore_case() {
    assert_eq!("room-1_x".parse::<RoomCode>().unwrap().as_str(), "ROOM-1_X");
    assert_eq!("ab".parse::<RoomCode>(), Err(ParseRoomCodeError::Length(2)));
    assert_eq!("".parse::<RoomCode>(), Err(ParseRoomCodeError::Length(0)));
    assert_eq!("a".repeat(65).parse::<RoomCode>(), Err(ParseRoomCodeError::Length(65)));
    for bad in ["my room", "röom", "a/b", "room\n", "room\0"] {
        assert!(matches!(bad.parse::<RoomCode>(), Err(ParseRoomCodeError::Character(_))), "{bad:?}");
    }
}

#[test]
fn the_steering_byte_of_a_code_never_changes() {
    let long = format!("A_LONG_CODE-{}", "x".repeat(52));
    for (code, byte) in
        [("abc", 0x9c), ("LAN", 0x04), ("party-42", 0xf3), ("PARTY-42", 0xf3), ("room1", 0xc6), (&long, 0xce)]
    {
        assert_eq!(code.parse::<RoomCode>().unwrap().steering_byte(), byte, "{code}");
    }
}

#[test]
fn steering_bytes_spread_rooms_over_workers() {
    for workers in [2, 3, 4, 8, 16_u8] {
        let mut rooms = vec![0; usize::from(workers)];
        for number in 0..200 {
            let code: RoomCode = format!("ROOM{number}").parse().unwrap();
            rooms[usize::from(code.steering_byte() % workers)] += 1;
        }
        let even = 200 / i32::from(workers);
        assert!(rooms.iter().all(|rooms| (even / 2..even * 2).contains(rooms)), "{rooms:?}");
    }
}

#[test]
fn close_codes_are_distinct_and_round_trip() {
    let mut codes: Vec<_> = CloseCode::ALL.iter().map(|code| code.code()).collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), CloseCode::ALL.len());
    for code in CloseCode::ALL {
        assert_eq!(CloseCode::from_code(code.code().into()), code);
    }
    assert_eq!(CloseCode::from_code(0x99), CloseCode::Unknown(0x99));
    assert!(CloseCode::Shutdown.should_reconnect() && CloseCode::Idle.should_reconnect());
    assert!(!CloseCode::Kicked.should_reconnect() && !CloseCode::Replaced.should_reconnect());
}

#[test]
fn the_gate_admits_a_burst_refills_and_closes_at_a_hundred_strikes() {
    let start = Instant::now();
    let mut gate = ControlGate::new(GateConfig::default(), start);
    assert!((0..20).all(|_| gate.judge(start) == GateVerdict::Admit));
    assert_eq!(gate.judge(start), GateVerdict::Drop);
    assert_eq!(gate.judge(start + Duration::from_millis(500)), GateVerdict::Admit, "2 per second");
    let late = start + Duration::from_millis(500);
    let verdicts: Vec<_> = (0..100).map(|_| gate.judge(late)).collect();
    assert!(verdicts[..99].iter().all(|verdict| *verdict == GateVerdict::Drop));
    assert_eq!(verdicts[99], GateVerdict::Close);
}

#[test]
fn a_token_is_not_printed() {
    assert!(!format!("{:?}", hello()).contains("ab, ab"));
    assert!(!format!("{:?}", hello()).contains("171"));
}

proptest! {
    #[test]
    fn any_bytes_are_decoded_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode::<MemberMessage>(&bytes);
        let _ = decode::<RelayMessage>(&bytes);
        let _ = decode::<MemberMessage>(&framed(&String::from_utf8_lossy(&bytes)));
    }

    #[test]
    fn clean_text_is_always_valid(text in ".*") {
        let text = clean_text(&text, MAX_TEXT_CHARS);
        let message = MemberMessage::Disconnect { reason: LeaveReason::Normal, text };
        prop_assert!(message.validate().is_ok());
    }
}
