//! The vectors of `docs/vectors`, in both directions, and the numbers of `docs/wire.md`.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::collections::BTreeMap;
use std::fmt::{Debug, Display};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use lanparty_sdk::ctrl::{
    self, CloseCode, CodecError, Decoder, GateConfig, MemberMessage, RelayMessage, Validate,
};
use lanparty_sdk::frame::{DEFAULT_MTU, ETHERNET_HEADER_LEN, MIN_MTU};
use lanparty_sdk::member::Timing;
use lanparty_sdk::proto::{self, Datagram, Fragment, FragmentId, Header, Kind, Label, Part, PeerId, RoomId};
use lanparty_sdk::relay::RelayConfig;
use lanparty_sdk::room::RoomConfig;
use lanparty_sdk::switch::{Limits, Rate};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const WIRE: &str = include_str!("../docs/wire.md");

fn vectors(text: &str) -> Vec<Value> {
    let vectors: Vec<Value> = serde_json::from_str(text).unwrap();
    let mut names: Vec<_> = vectors.iter().map(|vector| vector["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "names are unique");
    vectors
}

fn datagrams() -> Vec<Value> {
    vectors(include_str!("../docs/vectors/datagrams.json"))
}

fn messages() -> Vec<Value> {
    vectors(include_str!("../docs/vectors/control.json"))
}

fn unhex(text: &str) -> Vec<u8> {
    assert!(text.len().is_multiple_of(2), "{text}");
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A vector's bytes, and how many of them are filling.
fn bytes_of(vector: &Value) -> (Vec<u8>, usize) {
    let mut bytes = unhex(vector["hex"].as_str().unwrap());
    let fill = usize::try_from(vector["fill"].as_u64().unwrap_or(0)).unwrap();
    bytes.resize(bytes.len() + fill, 0x5a);
    (bytes, fill)
}

fn fields(bytes: &[u8]) -> Result<Value, proto::ProtoError> {
    let (header, datagram) = Datagram::parse(bytes)?;
    let mut fields = json!({
        "room": header.room.number(),
        "source": header.source.number(),
        "label": match header.label {
            Label::Peer(peer) => json!(peer.number()),
            Label::Gateway => json!("gateway"),
            Label::Flood => json!("flood"),
        },
    });
    match datagram {
        Datagram::Frame(body) => {
            fields["kind"] = json!("frame");
            fields["body"] = json!(hex(body));
        }
        Datagram::Fragment(Fragment { id, part, total, bytes }) => {
            assert!(bytes.iter().all(|byte| *byte == 0x5a));
            fields["kind"] = json!("fragment");
            fields["id"] = json!(id);
            fields["part"] = json!(if part == Part::First { "first" } else { "second" });
            fields["total"] = json!(total);
        }
        Datagram::Probe(probe) => {
            fields["kind"] = json!("probe");
            fields["probe"] = json!(format!("{:?}", probe.kind).to_lowercase());
            fields["token"] = json!(probe.token.to_string());
        }
    }
    Ok(fields)
}

#[test]
fn datagrams_decode() {
    for vector in datagrams() {
        let (bytes, _) = bytes_of(&vector);
        match fields(&bytes) {
            Ok(fields) => assert_eq!(fields, vector["fields"], "{}", vector["name"]),
            Err(error) => assert_eq!(error.to_string(), vector["error"], "{}", vector["name"]),
        }
    }
}

#[test]
fn datagrams_encode() {
    for vector in datagrams().into_iter().filter(|vector| vector.get("fields").is_some()) {
        let fields = &vector["fields"];
        let number = |name: &str| u16::try_from(fields[name].as_u64().unwrap()).unwrap();
        let (room, source) = (RoomId::new(number("room")).unwrap(), PeerId::new(number("source")).unwrap());
        let label = match &fields["label"] {
            Value::String(word) if word == "gateway" => Label::Gateway,
            Value::String(word) if word == "flood" => Label::Flood,
            _ => Label::Peer(PeerId::new(number("label")).unwrap()),
        };
        let encoded = match fields["kind"].as_str().unwrap() {
            "frame" => {
                let body = unhex(fields["body"].as_str().unwrap());
                cut(room, source, label, &body, usize::MAX, 0).remove(0)
            }
            "fragment" => {
                let total = usize::from(number("total"));
                let halves = cut(room, source, label, &vec![0x5a; total], 1000, number("id"));
                halves[usize::from(fields["part"] == "second")].clone()
            }
            _ => {
                let token: u64 = fields["token"].as_str().unwrap().parse().unwrap();
                let kind = if fields["probe"] == "reply" { 2 } else { 1 };
                let mut bytes = vec![0; proto::HEADER_LEN];
                Header { kind: Kind::Probe, room, source, label }.write(&mut bytes);
                bytes.extend([kind, 0, 0, 0]);
                bytes.extend(token.to_be_bytes());
                if let Label::Peer(to) = label {
                    let kind = [proto::ProbeKind::Request, proto::ProbeKind::Reply][usize::from(kind) - 1];
                    assert_eq!(proto::Probe { kind, token }.encode(room, source, to), bytes);
                }
                bytes.into()
            }
        };
        assert_eq!(hex(&encoded), hex(&bytes_of(&vector).0), "{}", vector["name"]);
    }
}

fn cut(room: RoomId, source: PeerId, label: Label, frame: &[u8], budget: usize, id: u16) -> Vec<Bytes> {
    let mut buffer = BytesMut::zeroed(proto::HEADROOM);
    buffer.extend_from_slice(frame);
    let mut out = Vec::new();
    let mut id = FragmentId::starting_at(id);
    proto::encode_frame(room, source, label, buffer, budget, &mut id, |datagram| out.push(datagram)).unwrap();
    out
}

fn decode<M: DeserializeOwned + Validate>(bytes: &[u8], chunk: usize) -> Result<M, CodecError> {
    let mut decoder = Decoder::default();
    for part in bytes.chunks(chunk) {
        decoder.push(part);
        if let Some(message) = decoder.next_message()? {
            assert!(!decoder.is_partial());
            return Ok(message);
        }
    }
    panic!("not whole: {}", hex(bytes))
}

fn check_message<M: DeserializeOwned + Serialize + Validate + Debug>(vector: &Value) {
    let name = &vector["name"];
    let bytes = unhex(vector["hex"].as_str().unwrap());
    for chunk in [bytes.len(), 1, 3] {
        match decode::<M>(&bytes, chunk) {
            Ok(message) => {
                assert_eq!(serde_json::to_value(&message).unwrap(), vector["message"], "{name}");
                if vector.get("decode_only").is_none() {
                    assert_eq!(hex(&ctrl::encode(&message).unwrap()), vector["hex"], "{name}");
                }
            }
            Err(error) => assert_eq!(error.to_string(), vector["error"], "{name}"),
        }
    }
}

#[test]
fn control_messages_decode_and_encode() {
    for vector in messages() {
        match vector["from"].as_str().unwrap() {
            "member" => check_message::<MemberMessage>(&vector),
            "relay" => check_message::<RelayMessage>(&vector),
            other => panic!("{other}"),
        }
    }
}

#[test]
fn examples_on_the_page_are_messages() {
    let text = WIRE.replace("\n     \"token\"", "\"token\""); // the one example that takes two lines
    let mut types = Vec::new();
    for example in text.lines().filter_map(|line| line.strip_prefix("    {")) {
        let json = format!("{{{example}");
        let framed = [&u32::try_from(json.len()).unwrap().to_be_bytes()[..], json.as_bytes()].concat();
        let member = decode::<MemberMessage>(&framed, framed.len()).is_ok();
        let relay = decode::<RelayMessage>(&framed, framed.len()).is_ok();
        assert!(member || relay, "{json}");
        types.push(serde_json::from_str::<Value>(&json).unwrap()["type"].as_str().unwrap().to_owned());
    }
    types.sort_unstable();
    types.dedup();
    let all = [
        "disconnect",
        "hello",
        "pause",
        "peer_budget",
        "peer_joined",
        "peer_left",
        "peer_paused",
        "reject",
        "stats",
        "welcome",
    ];
    assert_eq!(types, all, "every message has its example");
}

/// The rows of the table that begins with `header`, cell by cell, without backticks.
fn table(header: &str) -> Vec<Vec<&'static str>> {
    let at = WIRE.find(header).unwrap_or_else(|| panic!("{header}"));
    let rows = WIRE[at..].lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`')).collect())
        .collect()
}

#[test]
fn close_codes_on_the_page_are_those_of_the_code() {
    let page: Vec<_> = table("| code | name | meaning | come back |")
        .iter()
        .map(|row| (row[0].to_owned(), row[1].to_owned(), row[3] == "yes"))
        .collect();
    let code: Vec<_> = CloseCode::ALL
        .iter()
        .map(|code| (format!("{:#04x}", code.code()), format!("{code:?}"), code.should_reconnect()))
        .collect();
    assert_eq!(page, code);
}

#[test]
fn budgets_on_the_page_are_those_of_the_code() {
    let rows = table("| UDP payload |");
    assert_eq!(rows.len(), 5);
    for row in rows {
        let numbers: Vec<usize> = row.iter().map(|cell| cell.parse().unwrap()).collect();
        let budget = numbers[1];
        assert_eq!(numbers[0] - 38, budget);
        assert_eq!(numbers[2], proto::max_whole_frame(budget));
        assert_eq!(numbers[3], proto::max_whole_frame(budget) - ETHERNET_HEADER_LEN);
        assert_eq!(numbers[4], proto::max_frame(budget));
    }
}

#[test]
fn reject_reasons_on_the_page_are_those_of_the_code() {
    let rows = table("| `reason` | meaning |");
    assert_eq!(rows.len(), 8);
    for row in rows {
        let reason: ctrl::RejectReason = serde_json::from_value(json!(row[0])).unwrap();
        assert_ne!(reason, ctrl::RejectReason::Other, "{}", row[0]);
        assert_eq!(reason.is_temporary(), row[2] == "yes", "{}", row[0]);
    }
}

#[test]
fn steering_bytes_on_the_page_are_those_of_the_code() {
    let rows = table("| code | hash | steering byte |");
    assert_eq!(rows.len(), 4);
    for row in rows {
        let code: ctrl::RoomCode = row[0].parse().unwrap();
        assert_eq!(format!("{:#04x}", code.steering_byte()), row[2], "{code}");
        let hash = u32::from_str_radix(row[1].strip_prefix("0x").unwrap(), 16).unwrap();
        assert_eq!(
            hash.to_be_bytes().into_iter().fold(0, |folded, byte| folded ^ byte),
            code.steering_byte()
        );
    }
}

#[test]
fn numbers_on_the_page_are_those_of_the_code() {
    let page: BTreeMap<_, _> = table("| name | value |")
        .into_iter()
        .map(|row| (row[0].replace('`', ""), row[1].to_owned()))
        .collect();
    let mut code = BTreeMap::new();
    let mut add = |name: &str, value: &dyn Display| {
        code.insert(name.to_owned(), value.to_string());
    };
    add("ALPN", &String::from_utf8_lossy(ctrl::ALPN));
    add("VERSION", &proto::VERSION);
    add("HEADER_LEN", &proto::HEADER_LEN);
    add("FRAGMENT_HEADER_LEN", &proto::FRAGMENT_HEADER_LEN);
    add("PROBE_LEN", &proto::PROBE_LEN);
    add("MIN_FRAGMENTED_LEN", &proto::MIN_FRAGMENTED_LEN);
    add("MAX_FRAGMENTED_LEN", &proto::MAX_FRAGMENTED_LEN);
    add("RoomId::MAX", &RoomId::MAX);
    add("PeerId::MAX", &PeerId::MAX);
    add("required_budget(1500)", &proto::required_budget(1500));
    add("LENGTH_PREFIX_LEN", &ctrl::LENGTH_PREFIX_LEN);
    add("MAX_MESSAGE_LEN", &ctrl::MAX_MESSAGE_LEN);
    add("MAX_NAME_CHARS", &ctrl::MAX_NAME_CHARS);
    add("MAX_TEXT_CHARS", &ctrl::MAX_TEXT_CHARS);
    add("RoomCode::MIN_LEN", &ctrl::RoomCode::MIN_LEN);
    add("RoomCode::MAX_LEN", &ctrl::RoomCode::MAX_LEN);
    add("MIN_MTU", &MIN_MTU);
    add("DEFAULT_MTU", &DEFAULT_MTU);
    let (relay, room, gate) = (RelayConfig::default(), RoomConfig::default(), GateConfig::default());
    add("hello_timeout_ms", &relay.hello_timeout_ms);
    add("message_timeout_ms", &relay.message_timeout_ms);
    add("place_grace_ms", &room.place_grace_ms);
    add("malformed_threshold", &room.malformed_threshold);
    add("gate: messages at once", &gate.messages.burst);
    add("gate: messages per second", &gate.messages.per_second);
    add("gate: strikes", &gate.strikes);
    let ms = |duration: Duration| duration.as_millis();
    let timing = Timing::default();
    add("welcome_timeout in ms", &ms(timing.welcome_timeout));
    add("backoff_min in ms", &ms(timing.backoff_min));
    add("backoff_max in ms", &ms(timing.backoff_max));
    add("probe_interval in ms", &ms(timing.probe_interval));
    add("stats_interval in ms", &ms(timing.stats_interval));
    add("refresh_interval in ms", &ms(timing.refresh_interval));
    let reassembly = proto::ReassemblyConfig::default();
    add("reassembly: deadline in ms", &ms(reassembly.timeout));
    add("reassembly: halves that wait", &reassembly.slots);
    add("reassembly: of one source", &reassembly.slots_per_source);
    let limits = Limits::default();
    let mut rate = |name: &str, rate: Rate| {
        add(&format!("client: {name} at once"), &rate.burst);
        add(&format!("client: {name} per second"), &rate.per_second);
    };
    rate("bytes", limits.bytes);
    rate("floods", limits.flood);
    rate("unknown unicast", limits.unknown_unicast);
    rate("probes", limits.probes);
    assert_eq!(page, code);
}
