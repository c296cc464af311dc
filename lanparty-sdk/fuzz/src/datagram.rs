//! Any bytes as datagrams in a row: parsing and reassembly. And any bytes as a frame: it crosses any budget unchanged.
//!
//! The input is a list of entries: milliseconds to wait (one byte), length (two bytes), that many bytes.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use lanparty_sdk::proto::{
    Datagram, FragmentId, HEADER_LEN, HEADROOM, Label, PeerId, Reassembler, ReassemblyConfig, RoomId,
    encode_frame,
};

use crate::input::Input;

pub fn run(data: &[u8]) {
    let config = ReassemblyConfig::default();
    let mut table = Reassembler::new(config);
    let mut now = Instant::now();
    let mut input = Input(data);
    while !input.is_empty() {
        now += Duration::from_millis(input.u8().into());
        let len = usize::from(input.u16() % 2048);
        receive(&mut table, now, input.bytes(len));
        assert!(table.len() <= config.slots);
        assert!(table.poll_timeout().is_none_or(|due| due > now - config.timeout));
    }
    table.expire(now + config.timeout);
    assert!(table.is_empty());
    cross(data);
}

fn receive(table: &mut Reassembler, now: Instant, bytes: &[u8]) -> Option<Bytes> {
    let Ok((header, datagram)) = Datagram::parse(bytes) else { return None };
    let mut again = [0; HEADER_LEN];
    header.write(&mut again);
    assert_eq!(again, bytes[..HEADER_LEN], "one spelling only");
    let Datagram::Fragment(fragment) = datagram else { return None };
    let whole = table.push(now, header.source, header.label, &fragment);
    assert!(whole.as_ref().is_none_or(|whole| whole.len() == fragment.total));
    whole
}

fn cross(data: &[u8]) {
    let mut input = Input(data);
    let budget = usize::from(input.u16());
    let frame = input.bytes(1600);
    let mut buffer = BytesMut::zeroed(HEADROOM);
    buffer.extend_from_slice(frame);
    let (room, source) = (RoomId::new(1).unwrap(), PeerId::new(2).unwrap());
    let mut sent = Vec::new();
    let emit = |datagram| sent.push(datagram);
    if encode_frame(room, source, Label::Flood, buffer, budget, &mut FragmentId::default(), emit).is_err() {
        assert!(sent.is_empty());
        return;
    }
    assert!(sent.len() <= 2 && sent.iter().all(|datagram| datagram.len() <= budget));
    let mut table = Reassembler::new(ReassemblyConfig::default());
    let arrived = match Datagram::parse(&sent[0]).unwrap() {
        (_, Datagram::Frame(whole)) => Bytes::copy_from_slice(whole),
        _ => {
            assert!(receive(&mut table, Instant::now(), &sent[1]).is_none());
            receive(&mut table, Instant::now(), &sent[0]).unwrap()
        }
    };
    assert_eq!(arrived, frame);
}
