//! What an enemy would do, on a connection of its own making.

use std::sync::Arc;

use lanparty_sdk::ctrl::{
    CloseCode, Decoder, Hello, IdentityToken, MAX_MESSAGE_LEN, MemberMessage, PeerRole, RejectReason,
    RelayMessage, Welcome, encode,
};
use lanparty_sdk::frame::MacAddr;
use lanparty_sdk::obs::DropReason;
use lanparty_sdk::quic::{SocketBuffers, TransportOptions, client_config, client_endpoint};
use lanparty_sdk::relay::RelayOptions;
use lanparty_sdk::session::Session;
use quinn::{Connection, ConnectionError, Endpoint, RecvStream, SendStream};

use crate::party::{NAME, Party, frame, in_time, peers, receive};

/// A connection that says whatever it likes.
pub(crate) struct Enemy {
    #[cfg_attr(
        not(target_os = "linux"),
        expect(dead_code, reason = "only relays on Linux have workers to stay with")
    )]
    pub(crate) endpoint: Endpoint,
    pub(crate) conn: Connection,
    send: SendStream,
    recv: RecvStream,
    decoder: Decoder,
}

impl Enemy {
    /// The relays of these tests have one worker, which takes whatever comes.
    async fn new(party: &Party) -> Self {
        Self::naming(party, "ROOM1").await
    }

    /// One that names this room in its first packet.
    pub(crate) async fn naming(party: &Party, room: &str) -> Self {
        let (endpoint, _) = client_endpoint(SocketBuffers::default()).unwrap();
        let config = client_config(&room.parse().unwrap(), &party.trust(), &TransportOptions::default());
        let conn = endpoint.connect_with(config, party.addr(), NAME).unwrap().await.unwrap();
        let (send, recv) = conn.open_bi().await.unwrap();
        Self { endpoint, conn, send, recv, decoder: Decoder::default() }
    }

    pub(crate) async fn say(&mut self, message: &MemberMessage) {
        self.send.write_all(&encode(message).unwrap()).await.unwrap();
    }

    pub(crate) async fn join(&mut self, room: &str) -> Welcome {
        self.say(&MemberMessage::Hello(hello(room))).await;
        match self.hear().await {
            RelayMessage::Welcome(welcome) => welcome,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn hear(&mut self) -> RelayMessage {
        in_time("a message", async {
            loop {
                if let Some(message) = self.decoder.next_message().unwrap() {
                    return message;
                }
                let chunk = self.recv.read_chunk(4096, true).await.unwrap().expect("the stream goes on");
                self.decoder.push(&chunk.bytes);
            }
        })
        .await
    }

    pub(crate) async fn close_code(&self) -> CloseCode {
        match in_time("the close", self.conn.closed()).await {
            ConnectionError::ApplicationClosed(close) => CloseCode::from_code(close.error_code.into_inner()),
            other => panic!("{other:?}"),
        }
    }
}

pub(crate) fn hello(room: &str) -> Hello {
    Hello {
        version: 1,
        role: PeerRole::Client,
        room: room.parse().unwrap(),
        mac: Some(MacAddr([2, 0, 0, 0, 0, 0x66])),
        token: IdentityToken([6; 16]),
        mtu: 1500,
        budget: 65_535,
        name: None,
        agent: String::new(),
    }
}

/// Whatever the enemy did, two others still play.
async fn the_room_is_undisturbed(party: &Party) {
    let ann = party.seat(PeerRole::Client, "ROOM1").await;
    let mut bob = party.seat(PeerRole::Client, "ROOM1").await;
    for seat in [&ann, &bob] {
        let room = seat.session.room();
        in_time("the other", async {
            while !lanparty_sdk::room::Room::peers(&room)
                .iter()
                .any(|peer| peer.info.mac == Some(if seat.mac == ann.mac { bob.mac } else { ann.mac }))
            {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
    ann.cable.send(&frame(bob.mac, ann.mac, 60, 8)).await.unwrap();
    assert_eq!(receive(&mut bob.cable).await[59], 8);
}

#[tokio::test]
async fn garbage_datagrams_are_counted_and_end_the_connection_at_the_threshold() {
    let party = Party::new();
    let mut enemy = Enemy::new(&party).await;
    enemy.join("ROOM1").await;
    for number in 0..16_u8 {
        enemy.conn.send_datagram(vec![number; 40].into()).unwrap();
    }
    assert_eq!(enemy.close_code().await, CloseCode::Abuse);
    the_room_is_undisturbed(&party).await;
}

#[tokio::test]
async fn forged_frames_are_filtered_and_end_nothing() {
    let party = Party::new();
    let mut enemy = Enemy::new(&party).await;
    let welcome = enemy.join("ROOM1").await;
    let mut bob = party.seat(PeerRole::Client, "ROOM1").await;
    peers(&bob.session, 1).await;
    let RelayMessage::PeerJoined(info) = enemy.hear().await else { panic!("Bob is announced") };
    let send = |label: u16, frame: &[u8]| {
        let mut datagram = vec![0x11, 0];
        for number in [welcome.room.number(), welcome.peer.number(), label] {
            datagram.extend_from_slice(&number.to_be_bytes());
        }
        datagram.extend_from_slice(frame);
        enemy.conn.send_datagram(datagram.into()).unwrap();
    };
    let own = MacAddr([2, 0, 0, 0, 0, 0x66]);
    for _ in 0..40 {
        send(0xffff, &frame(MacAddr::BROADCAST, bob.mac, 60, 1)); // somebody else's source
        send(0xffff, &frame(MacAddr([1, 0x80, 0xc2, 0, 0, 0]), own, 60, 1)); // spanning tree
        send(info.peer.number(), &frame(MacAddr::BROADCAST, own, 60, 1)); // label and address differ
    }
    send(info.peer.number(), &frame(bob.mac, own, 60, 9));
    assert_eq!(receive(&mut bob.cable).await[59], 9, "the first frame that arrives is the honest one");
    let room = &party.relay.rooms()[0];
    let member = room.members.iter().find(|member| member.info.peer == welcome.peer).unwrap();
    assert_eq!(member.malformed, 0);
    assert_eq!(member.drops.get(DropReason::UnauthorizedSourceMac), 40);
    assert_eq!(member.drops.get(DropReason::SwitchControl), 40);
    assert_eq!(member.drops.get(DropReason::WrongLabel), 40);
}

#[tokio::test]
async fn datagrams_before_the_hello_go_nowhere() {
    let party = Party::new();
    let mut enemy = Enemy::new(&party).await;
    for _ in 0..100 {
        enemy.conn.send_datagram(vec![0xff; 40].into()).unwrap();
    }
    enemy.join("ROOM1").await;
    the_room_is_undisturbed(&party).await;
}

#[tokio::test]
async fn an_oversized_message_is_refused_by_its_length() {
    let party = Party::new();
    let mut enemy = Enemy::new(&party).await;
    let prefix = u32::try_from(MAX_MESSAGE_LEN + 1).unwrap().to_be_bytes();
    enemy.send.write_all(&prefix).await.unwrap();
    assert_eq!(enemy.close_code().await, CloseCode::Protocol);
    the_room_is_undisturbed(&party).await;
}

#[tokio::test]
async fn nonsense_and_messages_out_of_turn_end_the_connection() {
    let party = Party::new();
    let mut enemy = Enemy::new(&party).await;
    enemy.send.write_all(&[0, 0, 0, 2, b'{', b'}']).await.unwrap();
    assert_eq!(enemy.close_code().await, CloseCode::Protocol);
    let mut enemy = Enemy::new(&party).await;
    enemy.say(&MemberMessage::Pause { paused: true }).await;
    assert_eq!(enemy.close_code().await, CloseCode::Protocol);
    let mut enemy = Enemy::new(&party).await;
    enemy.join("ROOM1").await;
    enemy.say(&MemberMessage::Hello(hello("ROOM1"))).await;
    assert_eq!(enemy.close_code().await, CloseCode::Protocol);
    the_room_is_undisturbed(&party).await;
}

#[tokio::test]
async fn whoever_is_slow_to_greet_or_to_finish_is_closed() {
    let mut options = RelayOptions::default();
    options.config.hello_timeout_ms = 200;
    options.config.message_timeout_ms = 200;
    let party = Party::with(options);
    let mut silent = Enemy::new(&party).await;
    silent.send.write_all(&[0]).await.unwrap();
    assert_eq!(silent.close_code().await, CloseCode::TooSlow);
    let mut slow = Enemy::new(&party).await;
    slow.join("ROOM1").await;
    slow.send.write_all(&[0, 0, 0, 50, b'{']).await.unwrap();
    assert_eq!(slow.close_code().await, CloseCode::TooSlow);
    the_room_is_undisturbed(&party).await;
}

#[tokio::test]
async fn a_flood_of_control_messages_ends_the_connection() {
    let party = Party::new();
    let mut enemy = Enemy::new(&party).await;
    enemy.join("ROOM1").await;
    let pause = encode(&MemberMessage::Pause { paused: false }).unwrap();
    for _ in 0..200 {
        if enemy.send.write_all(&pause).await.is_err() {
            break;
        }
    }
    assert_eq!(enemy.close_code().await, CloseCode::Abuse);
    the_room_is_undisturbed(&party).await;
}

#[tokio::test]
async fn a_member_that_takes_no_datagrams_or_speaks_another_version_is_told() {
    let party = Party::new();
    let mut old = Enemy::new(&party).await;
    old.say(&MemberMessage::Hello(Hello { version: 9, ..hello("ROOM1") })).await;
    let RelayMessage::Reject(reject) = old.hear().await else { panic!("refused") };
    assert_eq!(reject.reason, RejectReason::VersionMismatch);
    assert_eq!(old.close_code().await, CloseCode::Rejected);

    let (endpoint, _) = client_endpoint(SocketBuffers::default()).unwrap();
    let mut config = client_config(&"ROOM1".parse().unwrap(), &party.trust(), &TransportOptions::default());
    let mut transport = quinn::TransportConfig::default();
    transport.datagram_receive_buffer_size(None);
    config.transport_config(Arc::new(transport));
    let conn = endpoint.connect_with(config, party.addr(), NAME).unwrap().await.unwrap();
    let (send, recv) = conn.open_bi().await.unwrap();
    let mut deaf = Enemy { endpoint, conn, send, recv, decoder: Decoder::default() };
    deaf.say(&MemberMessage::Hello(hello("ROOM1"))).await;
    let RelayMessage::Reject(reject) = deaf.hear().await else { panic!("refused") };
    assert_eq!(reject.reason, RejectReason::BudgetTooSmall);
}
