//! What the relay's judgement of one datagram costs, by the size of the room.
#![allow(missing_docs, reason = "criterion's macros make undocumented items")]
#![expect(clippy::disallowed_methods, reason = "any instant will do as the beginning")]

use std::hint::black_box;
use std::time::Instant;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use lanparty_sdk::ctrl::{Hello, IdentityToken, MemberMessage, PeerRole, encode};
use lanparty_sdk::frame::MacAddr;
use lanparty_sdk::proto::{Header, Kind, Label, PeerId, RoomId};
use lanparty_sdk::relay::{RelayConfig, RelayState};
use lanparty_sdk::room::ConnId;
use lanparty_sdk::switch::Limits;

fn mac(number: u16) -> MacAddr {
    let [high, low] = number.to_be_bytes();
    MacAddr([2, 0, 0, 0, high, low])
}

/// A relay with one room of so many clients, without limits, and the connection of the first.
fn relay(clients: u16, now: Instant) -> (RelayState, ConnId) {
    let mut config = RelayConfig::default();
    config.room.client_limits = Limits::UNLIMITED;
    let mut relay = RelayState::new(config, 1);
    let conns: Vec<_> = (1..=clients)
        .map(|number| {
            let conn = relay.handle_connected(now, Some(1434));
            let hello = MemberMessage::Hello(Hello {
                version: 1,
                role: PeerRole::Client,
                room: "PARTY".parse().expect("valid"),
                mac: Some(mac(number)),
                token: IdentityToken(u128::from(number).to_be_bytes()),
                mtu: 1500,
                budget: u32::MAX,
                name: None,
                agent: String::new(),
            });
            relay.handle_control(now, conn, &encode(&hello).expect("short"));
            while relay.poll_output().is_some() {}
            conn
        })
        .collect();
    (relay, conns[0])
}

/// A game's frame from the first client: IPv4 and UDP, 114 bytes.
fn datagram(dst: MacAddr, label: Label) -> Vec<u8> {
    let (room, source) = (RoomId::new(1).expect("valid"), PeerId::new(1).expect("valid"));
    let mut bytes = vec![0; 8];
    Header { kind: Kind::Frame, room, source, label }.write(&mut bytes);
    bytes.extend(dst.octets());
    bytes.extend(mac(1).octets());
    bytes.extend([0x08, 0x00, 0x45, 0, 0, 100, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2]);
    bytes.extend([0x13, 0x88, 0x69, 0x87, 0, 80, 0, 0]);
    bytes.resize(8 + 114, 0x5a);
    bytes
}

fn judge(c: &mut Criterion) {
    let now = Instant::now();
    let mut group = c.benchmark_group("judge");
    group.throughput(Throughput::Elements(1));
    for clients in [2_u16, 8, 32] {
        let (mut relay, sender) = relay(clients, now);
        let unicast = datagram(mac(clients), Label::Peer(PeerId::new(clients).expect("valid")));
        let flood = datagram(MacAddr::BROADCAST, Label::Flood);
        for (name, bytes, count) in [("unicast", unicast, 1), ("flood", flood, clients - 1)] {
            let mut targets = Vec::new();
            relay.handle_datagram(now, sender, &bytes, &mut targets).expect("forwarded");
            assert_eq!(targets.len(), usize::from(count));
            group.bench_function(BenchmarkId::new(name, clients), |b| {
                b.iter(|| {
                    targets.clear();
                    relay.handle_datagram(now, sender, black_box(&bytes), &mut targets)
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, judge);
criterion_main!(benches);
