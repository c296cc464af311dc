//! Who is not let in, and what it is told.

use std::net::UdpSocket;

use lanparty_sdk::ctrl::{PeerRole, RejectReason};
use lanparty_sdk::error::{Coded, ErrorKind, code};
use lanparty_sdk::frame::MacAddr;
use lanparty_sdk::identity::Identity;
use lanparty_sdk::quic::{ConnectError, ServerCert, Trust};
use lanparty_sdk::relay::{HandshakeConfig, RelayOptions, RetryPolicy};
use lanparty_sdk::session::{JoinError, SessionBuilder};

use crate::party::{NAME, Party, frame, peers, receive};

fn limited(change: impl FnOnce(&mut RelayOptions)) -> Party {
    let mut options = RelayOptions::default();
    change(&mut options);
    Party::with(options)
}

async fn rejection(builder: SessionBuilder) -> RejectReason {
    match builder.connect().await {
        Err(JoinError::Rejected(reject)) => reject.reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_room_has_one_gateway_until_it_leaves() {
    let party = Party::new();
    let first = party.gateway("ROOM1").connect().await.unwrap();
    let refused = party.gateway("ROOM1").connect().await.unwrap_err();
    assert!(matches!(&refused, JoinError::Rejected(reject) if reject.reason == RejectReason::GatewayPresent));
    assert!(refused.to_string().contains("stop that one first"), "{refused}");
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Refused, code::GATEWAY_PRESENT));
    let _elsewhere = party.gateway("ROOM2").connect().await.unwrap();
    lanparty_sdk::session::Session::close(&first, lanparty_sdk::ctrl::LeaveReason::Normal, "").await;
    party.gateway("ROOM1").connect().await.unwrap();
}

#[tokio::test]
async fn a_full_room_a_duplicate_address_and_a_small_port_are_refused() {
    let party = limited(|options| options.config.room.max_clients = 2);
    let identity = Identity::generate().unwrap();
    let _ann = party.member(PeerRole::Client, "ROOM1", identity.clone()).connect().await.unwrap();
    let same_mac = Identity::generate().unwrap().with_mac(identity.mac()).unwrap();
    assert_eq!(
        rejection(party.member(PeerRole::Client, "ROOM1", same_mac)).await,
        RejectReason::DuplicateMac
    );
    assert_eq!(rejection(party.client("ROOM1").mtu(1400)).await, RejectReason::MtuTooSmall);
    let _bob = party.client("ROOM1").connect().await.unwrap();
    assert_eq!(rejection(party.client("ROOM1")).await, RejectReason::RoomFull);
    let _gateway = party.gateway("ROOM1").connect().await.expect("a gateway takes no client's place");
}

#[tokio::test]
async fn a_relay_has_so_many_rooms_and_no_more() {
    let party = limited(|options| options.config.max_rooms = 1);
    let _ann = party.client("ROOM1").connect().await.unwrap();
    assert_eq!(rejection(party.client("ROOM2")).await, RejectReason::RelayFull);
}

#[tokio::test]
async fn the_first_member_makes_the_rooms_mtu() {
    let party = Party::new();
    let ann = party.client("ROOM1").mtu(1400).connect().await.unwrap();
    let bob = party.client("ROOM1").connect().await.unwrap();
    for session in [&ann, &bob] {
        let room = lanparty_sdk::session::Session::room(session);
        assert_eq!(lanparty_sdk::room::Room::mtu(&room), Some(1400));
    }
}

#[tokio::test]
async fn certificates_are_checked() {
    let party = Party::new();
    let wrong_name = party.client("ROOM1").server_name("other.test").connect().await.unwrap_err();
    assert!(
        matches!(&wrong_name, JoinError::Connect { source: ConnectError::NameMismatch { .. }, .. }),
        "{wrong_name:?}"
    );
    assert_eq!((wrong_name.kind(), wrong_name.code()), (ErrorKind::Trust, code::CERTIFICATE_NAME));

    let stranger = Trust::certificates(ServerCert::development(NAME).unwrap().cert_der()).unwrap();
    let relay = party.addr().to_string().parse().unwrap();
    let builder =
        SessionBuilder::client(relay, stranger, "ROOM1".parse().unwrap(), Identity::generate().unwrap());
    let unknown = builder.server_name(NAME).connect().await.unwrap_err();
    assert_eq!(unknown.code(), code::CERTIFICATE_UNKNOWN, "{unknown:?}");
    assert_eq!(party.relay.rooms().len(), 0);
}

#[tokio::test]
async fn an_unreachable_relay_is_an_error_that_names_it() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let relay = silent.local_addr().unwrap().to_string();
    let trust = Trust::certificates(ServerCert::development(NAME).unwrap().cert_der()).unwrap();
    let builder = SessionBuilder::client(
        relay.parse().unwrap(),
        trust,
        "ROOM1".parse().unwrap(),
        Identity::generate().unwrap(),
    );
    let error = builder.connect().await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Network, code::UNREACHABLE), "{error:?}");
    assert!(error.to_string().contains(&relay), "{error}");
}

#[tokio::test]
async fn one_address_may_have_so_many_connections() {
    let party = limited(|options| options.handshake.connections_per_address = 1);
    let _ann = party.client("ROOM1").connect().await.unwrap();
    let error = party.client("ROOM1").connect().await.unwrap_err();
    assert_eq!(error.code(), code::UNREACHABLE, "strangers beyond the bound get no answer: {error:?}");
    assert!(party.relay.stats().throttled > 0);
}

#[tokio::test]
async fn proving_the_address_first_changes_nothing_else() {
    let party = limited(|options| {
        let mut handshake = HandshakeConfig::default();
        handshake.retry = RetryPolicy::Always;
        options.handshake = handshake;
    });
    let _ann = party.client("ROOM1").connect().await.unwrap();
    assert_eq!(party.relay.stats().retries, 1);
}

#[tokio::test]
async fn an_address_that_the_lan_uses_is_not_given_to_a_stranger() {
    let party = Party::new();
    let gateway = party.seat(PeerRole::Gateway, "ROOM1").await;
    let mut ann = party.seat(PeerRole::Client, "ROOM1").await;
    peers(&gateway.session, 1).await;
    peers(&ann.session, 1).await;
    // A virtual machine at the party: its address is locally administered as well.
    let machine = MacAddr([0x52, 0x54, 0, 1, 2, 3]);
    gateway.cable.send(&frame(MacAddr::BROADCAST, machine, 60, 1)).await.unwrap();
    receive(&mut ann.cable).await;
    let thief = Identity::generate().unwrap().with_mac(machine).unwrap();
    let refused = rejection(party.member(PeerRole::Client, "ROOM1", thief.clone())).await;
    assert_eq!(refused, RejectReason::DuplicateMac);
    party.member(PeerRole::Client, "ROOM2", thief).connect().await.expect("elsewhere nobody uses it");
}
