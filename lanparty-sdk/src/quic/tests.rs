//! Relay and member over QUIC on the loopback.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use quinn::{Connection, Endpoint};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use super::config::server_config_with;
use super::*;
use crate::ctrl::RoomCode;
use crate::proto::Worker;

const NAME: &str = "relay.example";

struct Relay {
    endpoint: Endpoint,
    addr: SocketAddr,
}

impl Relay {
    fn new(cert: &ServerCert, config: quinn::ServerConfig) -> Self {
        let addr = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0);
        let (endpoint, _) = server_endpoint(addr, cert, config, SocketBuffers::default()).unwrap();
        let addr = endpoint.local_addr().unwrap();
        Self { endpoint, addr }
    }

    fn with_cert(cert: &ServerCert) -> Self {
        Self::new(cert, server_config(cert, &TransportOptions::default()))
    }

    /// The outcome for a member that trusts `trust` and asks for `name`, and the relay's end of the connection.
    async fn connect(
        &self,
        trust: &Trust,
        name: &str,
    ) -> (Result<Connection, ConnectError>, Option<Connection>) {
        let (endpoint, _) = client_endpoint(SocketBuffers::default()).unwrap();
        let (options, room) = (TransportOptions::default(), room());
        let accept = async {
            let incoming = self.endpoint.accept().await.expect("the endpoint lives");
            incoming.await.ok()
        };
        tokio::join!(connect(&endpoint, self.addr, name, &room, trust, &options), accept)
    }
}

async fn refusal(cert: &ServerCert, trust: &Trust, name: &str) -> ConnectError {
    Relay::with_cert(cert).connect(trust, name).await.0.expect_err("must be refused")
}

async fn accepted(cert: &ServerCert, trust: &Trust, name: &str) {
    let (member, relay) = Relay::with_cert(cert).connect(trust, name).await;
    member.expect("must be accepted");
    relay.expect("on both sides");
}

fn room() -> RoomCode {
    "ROOM1".parse().unwrap()
}

fn trust(bytes: &[u8]) -> Trust {
    Trust::certificates(bytes).unwrap()
}

/// A self-signed certificate made as `change` wants it.
fn self_signed(change: impl FnOnce(&mut CertificateParams)) -> ServerCert {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new([NAME.to_owned()]).unwrap();
    change(&mut params);
    let cert = params.self_signed(&key).unwrap();
    ServerCert::from_pem(cert.pem().as_bytes(), key.serialize_pem().as_bytes()).unwrap()
}

fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn signed_by(authority: &CertifiedIssuer<'_, KeyPair>) -> ServerCert {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new([NAME.to_owned()]).unwrap();
    let cert = params.signed_by(&key, authority).unwrap();
    ServerCert::from_pem(cert.pem().as_bytes(), key.serialize_pem().as_bytes()).unwrap()
}

fn pem(cert: &ServerCert) -> String {
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", base64(cert.cert_der()))
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    bytes
        .chunks(3)
        .flat_map(|chunk| {
            let bits =
                chunk.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
            (0..4).map(move |at| match at <= chunk.len() {
                true => char::from(DIGITS[(bits >> (18 - 6 * at) & 63) as usize]),
                false => '=',
            })
        })
        .collect()
}

#[tokio::test]
async fn a_development_certificate_is_trusted_as_it_stands() {
    let cert = ServerCert::development(NAME).unwrap();
    accepted(&cert, &trust(cert.cert_der()), NAME).await;
    accepted(&cert, &trust(pem(&cert).as_bytes()), NAME).await;
    let address = ServerCert::development("127.0.0.1").unwrap();
    accepted(&address, &trust(address.cert_der()), "127.0.0.1").await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("relay.der");
    cert.write_der(&path).unwrap();
    accepted(&cert, &Trust::certificate_file(&path).unwrap(), NAME).await;
}

#[tokio::test]
async fn a_self_signed_certificate_that_calls_itself_an_authority_is_trusted_as_it_stands() {
    let cert = self_signed(|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
    accepted(&cert, &trust(cert.cert_der()), NAME).await;
    assert!(matches!(
        refusal(&cert, &trust(cert.cert_der()), "other.example").await,
        ConnectError::NameMismatch { .. }
    ));
}

#[tokio::test]
async fn an_authority_is_trusted_about_others() {
    let root = authority("root");
    let cert = signed_by(&root);
    accepted(&cert, &trust(root.der()), NAME).await;
    accepted(&cert, &trust((root.pem() + &authority("other").pem()).as_bytes()), NAME).await;
    let error = refusal(&cert, &trust(authority("root").der()), NAME).await;
    assert!(matches!(error, ConnectError::UnknownIssuer), "{error:?}");
    let error = refusal(&cert, &trust(root.der()), "other.example").await;
    assert!(matches!(error, ConnectError::NameMismatch { .. }), "{error:?}");
}

#[tokio::test]
async fn a_trusted_relay_is_no_authority() {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(["trusted.example".to_owned()]).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, "trusted");
    let leaf = CertifiedIssuer::self_signed(params, key).unwrap();
    let error = refusal(&signed_by(&leaf), &trust(leaf.der()), NAME).await;
    assert!(matches!(error, ConnectError::UnknownIssuer), "{error:?}");
}

#[tokio::test]
async fn another_name_is_refused_by_name() {
    let cert = ServerCert::development(NAME).unwrap();
    let error = refusal(&cert, &trust(cert.cert_der()), "other.example").await;
    assert!(matches!(error, ConnectError::NameMismatch { .. }), "{error:?}");
    assert_eq!(
        error.to_string(),
        "the relay's certificate is not for other.example but for relay.example: connect by a name it is for, \
         or ask the relay's operator for a certificate with this one"
    );
}

#[tokio::test]
async fn an_unknown_certificate_is_refused() {
    let cert = ServerCert::development(NAME).unwrap();
    let other = ServerCert::development(NAME).unwrap();
    let error = refusal(&cert, &trust(other.cert_der()), NAME).await;
    assert!(matches!(error, ConnectError::UnknownIssuer), "{error:?}");
    assert!(error.to_string().contains("relay-ca-cert"));
    accepted(&cert, &Trust::dangerous_accept_any(), "anything.example").await;
}

#[tokio::test]
async fn the_platform_does_not_know_a_development_certificate() {
    let cert = ServerCert::development(NAME).unwrap();
    match Trust::platform() {
        Ok(trust) => {
            let error = refusal(&cert, &trust, NAME).await;
            assert!(matches!(error, ConnectError::UnknownIssuer), "{error:?}");
        }
        // A bare container has no authorities at all.
        Err(error) => assert!(matches!(error, TrustError::Platform { .. }), "{error:?}"),
    }
}

#[tokio::test]
async fn an_expired_certificate_is_refused_even_if_pinned() {
    for is_ca in [IsCa::NoCa, IsCa::Ca(BasicConstraints::Unconstrained)] {
        let old = self_signed(|params| {
            params.not_before = rcgen::date_time_ymd(2001, 1, 1);
            params.not_after = rcgen::date_time_ymd(2002, 1, 1);
            params.is_ca = is_ca;
        });
        let error = refusal(&old, &trust(old.cert_der()), NAME).await;
        assert!(matches!(error, ConnectError::Expired), "{error:?}");
    }
    let future = self_signed(|params| {
        params.not_before = rcgen::date_time_ymd(2400, 1, 1);
        params.not_after = rcgen::date_time_ymd(2401, 1, 1);
    });
    let error = refusal(&future, &trust(future.cert_der()), NAME).await;
    assert!(matches!(error, ConnectError::Expired), "{error:?}");
}

#[test]
fn what_is_no_certificate_is_refused() {
    for (bytes, missing) in [(&b""[..], true), (b"hello", true), (b"\x30\x03abc", false), (b"0", false)] {
        let error = Trust::certificates(bytes).unwrap_err();
        assert_eq!(matches!(error, TrustError::NoCertificate), missing, "{bytes:?} gave {error:?}");
    }
    assert!(matches!(Trust::certificate_file("/nowhere"), Err(TrustError::Read { .. })));
}

#[tokio::test]
async fn another_protocol_version_is_told() {
    let cert = ServerCert::development(NAME).unwrap();
    let relay = Relay::new(&cert, server_config_with(&cert, &TransportOptions::default(), b"lanparty/2"));
    let error = relay.connect(&trust(cert.cert_der()), NAME).await.0.unwrap_err();
    assert!(matches!(error, ConnectError::VersionMismatch), "{error:?}");
}

#[tokio::test]
async fn a_relay_without_datagrams_is_told() {
    let cert = ServerCert::development(NAME).unwrap();
    let mut config = server_config(&cert, &TransportOptions::default());
    let options = TransportOptions::default();
    let mut transport = options.transport(1, options.ack_max_delay);
    transport.datagram_receive_buffer_size(None);
    config.transport_config(Arc::new(transport));
    let error = Relay::new(&cert, config).connect(&trust(cert.cert_der()), NAME).await.0.unwrap_err();
    assert!(matches!(error, ConnectError::NoDatagrams), "{error:?}");
}

#[tokio::test]
async fn a_refusing_relay_and_a_bad_name_are_told() {
    let cert = ServerCert::development(NAME).unwrap();
    let relay = Relay::with_cert(&cert);
    let (endpoint, _) = client_endpoint(SocketBuffers::default()).unwrap();
    let (trust, options, room) = (trust(cert.cert_der()), TransportOptions::default(), room());
    let refuse = async { relay.endpoint.accept().await.expect("the endpoint lives").refuse() };
    let (result, ()) = tokio::join!(connect(&endpoint, relay.addr, NAME, &room, &trust, &options), refuse);
    assert!(matches!(result, Err(ConnectError::Refused)), "{result:?}");
    let result = connect(&endpoint, relay.addr, "not a name", &room, &trust, &options).await;
    assert!(matches!(result, Err(ConnectError::ServerName { .. })), "{result:?}");
}

#[tokio::test]
async fn address_validation_by_retry_is_passed() {
    let cert = ServerCert::development(NAME).unwrap();
    let relay = Relay::with_cert(&cert);
    let (endpoint, _) = client_endpoint(SocketBuffers::default()).unwrap();
    let (trust, options, room) = (trust(cert.cert_der()), TransportOptions::default(), room());
    let mark = room.steering_byte();
    let accept = async {
        let incoming = relay.endpoint.accept().await.expect("the endpoint lives");
        assert_eq!(incoming.orig_dst_cid()[0], mark, "the first packet names the room");
        incoming.retry().expect("not validated yet");
        let incoming = relay.endpoint.accept().await.expect("the endpoint lives");
        assert!(incoming.remote_address_validated() && incoming.orig_dst_cid()[0] == mark);
        incoming.await.unwrap()
    };
    let (member, _relay) =
        tokio::join!(connect(&endpoint, relay.addr, NAME, &room, &trust, &options), accept);
    member.unwrap();
}

#[tokio::test]
async fn a_first_packet_for_another_workers_room_is_astray_before_and_after_a_retry() {
    let cert = ServerCert::development(NAME).unwrap();
    let config = server_config(&cert, &TransportOptions::default());
    let (member, _) = client_endpoint(SocketBuffers::default()).unwrap();
    let (trust, options, room) = (trust(cert.cert_der()), TransportOptions::default(), room());
    for worker in Worker::all(3) {
        let addr = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0);
        let (socket, _) = bind_udp(addr, SocketBuffers::default()).unwrap();
        let endpoint = worker_endpoint(addr, socket, &cert, config.clone(), worker).unwrap();
        let addr = endpoint.local_addr().unwrap();
        let accept = async {
            let incoming = endpoint.accept().await.expect("the endpoint lives");
            assert_eq!(is_astray(&incoming, worker), !worker.serves(room.steering_byte()));
            incoming.retry().expect("not validated yet");
            let incoming = endpoint.accept().await.expect("the endpoint lives");
            assert_eq!(is_astray(&incoming, worker), !worker.serves(room.steering_byte()));
            incoming.await.unwrap()
        };
        let (result, _conn) = tokio::join!(connect(&member, addr, NAME, &room, &trust, &options), accept);
        result.unwrap();
    }
}

#[tokio::test]
async fn datagrams_cross_in_order_through_the_outbox() {
    const COUNT: u32 = 2000;
    let cert = ServerCert::development(NAME).unwrap();
    let relay = Relay::with_cert(&cert);
    let (member, far) = relay.connect(&trust(cert.cert_der()), NAME).await;
    let (member, far) = (member.unwrap(), far.unwrap());

    let limits = OutboxLimits::new(16 * 1024 * 1024, COUNT as usize).max_age(std::time::Duration::MAX);
    let outbox = Arc::new(Outbox::<ConnectionTransport>::new(limits));
    let sender = tokio::spawn(Arc::clone(&outbox).run(member.clone()));
    let numbered = |id: u32| Bytes::from([&id.to_be_bytes()[..], &[0x5a; 600]].concat());
    let mut received = Vec::new();
    let reader = async {
        while received.last() != Some(&COUNT) {
            let mut datagrams = Vec::new();
            let count = recv_batch(&far, &mut datagrams, 64).await.unwrap();
            assert!(count == datagrams.len() && (1..=64).contains(&count));
            received.extend(
                datagrams.iter().map(|datagram| u32::from_be_bytes(datagram[..4].try_into().unwrap())),
            );
        }
    };
    let writer = async {
        for first in (0..COUNT).step_by(16) {
            outbox.push_batch(&mut (first..first + 16).map(numbered).collect());
            tokio::task::yield_now().await;
        }
        // Datagrams may be lost even here, so the end is announced until it is heard.
        let mut again = tokio::time::interval(std::time::Duration::from_millis(1));
        loop {
            again.tick().await;
            outbox.push(numbered(COUNT));
        }
    };
    tokio::select! {
        () = reader => {}
        () = writer => unreachable!("it repeats the end for ever"),
    }
    assert!(received.windows(2).all(|pair| pair[0] < pair[1] || pair[1] == COUNT), "in order");
    assert!(received.len() > COUNT as usize / 2, "{} of {COUNT}", received.len());
    let stats = outbox.stats();
    // A slow machine may let the queue stand for long enough to be thinned.
    let thinned = stats.drops.get(crate::obs::DropReason::QueueDelay);
    assert!(stats.sent_datagrams + thinned > u64::from(COUNT), "{stats:?}");
    assert_eq!(stats.drops.total(), thinned, "{stats:?}");

    outbox.push(Bytes::from(vec![0; 4000]));
    // Something may still wait before it.
    outbox.shrunk().await;
    assert_eq!(outbox.stats().drops.get(crate::obs::DropReason::OverBudget), 1);
    far.close(0u32.into(), b"");
    sender.await.unwrap();
    // What had come until then is read first.
    while recv_batch(&far, &mut Vec::new(), 64).await.is_ok() {}
    let state = member.congestion_state().into_any();
    assert!(!state.downcast::<TunnelController>().expect("the default").breaker_open());
}

#[tokio::test]
async fn what_nobody_reads_in_time_is_counted() {
    const COUNT: u64 = 100;
    let cert = ServerCert::development(NAME).unwrap();
    let options =
        TransportOptions { datagram_receive_buffer_bytes: 16 * 1024, ..TransportOptions::default() };
    let relay = Relay::new(&cert, server_config(&cert, &options));
    let (member, far) = relay.connect(&trust(cert.cert_der()), NAME).await;
    let (member, far) = (member.unwrap(), far.unwrap());

    let (mut read, mut late, mut told) = (0, 0, 0);
    {
        // Nobody reads until more have come than are kept; a loopback may lose some.
        while received_datagrams(&far) < COUNT {
            member.send_datagram_wait(Bytes::from_static(&[0; 1000])).await.unwrap();
            tokio::task::yield_now().await;
        }
        let reader = recv_batches(&far, 4, |batch, dropped| {
            read += batch.len() as u64;
            told += dropped;
            if dropped > 0 {
                // Some of those may have come since it was known how many there are.
                late += batch.len() as u64;
            }
            if told > 0 {
                member.close(0u32.into(), b"");
            }
        });
        // What was dropped is known with the first that is read when nothing waits any more.
        let writer = async {
            let mut again = tokio::time::interval(std::time::Duration::from_millis(1));
            for _ in 0..10_000 {
                again.tick().await;
                let _ = member.send_datagram(Bytes::from_static(&[1]));
            }
        };
        tokio::select! {
            _ = reader => {}
            () = writer => panic!("nobody tells what was dropped"),
        }
    }
    assert!(read >= 10 && told > 50, "{read} read, {told} told");
    let dropped = far.stats().frame_rx.datagram - read;
    assert!(told <= dropped && told + late >= dropped, "{told} of {dropped}, {late} came later");
}
