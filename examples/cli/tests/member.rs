//! How a member's program ends, with a relay in the same process and no port.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::net::{Ipv4Addr, UdpSocket};
use std::path::Path;
use std::time::Duration;

use clap::Parser;
use lanparty_cli::{Exit, Failure, Hooks, MemberOptions, Shutdown, run_member};
use lanparty_sdk::ctrl::PeerRole;
use lanparty_sdk::identity::Identity;
use lanparty_sdk::quic::ServerCert;
use lanparty_sdk::relay::{Relay, RelayOptions};
use lanparty_sdk::room::Room;
use lanparty_sdk::session::{MemberSession, Session};
use tokio::sync::mpsc;

const NAME: &str = "party.test";
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Parser)]
struct Options {
    #[command(flatten)]
    member: MemberOptions,
}

/// Says how it went, as a test can wait for it.
struct Spy {
    joined: mpsc::UnboundedSender<bool>,
    left: bool,
    fail: bool,
}

impl Hooks for Spy {
    const ROLE: PeerRole = PeerRole::Client;

    async fn joined(&mut self, session: &MemberSession, first: bool) -> Result<(), Failure> {
        assert_eq!(session.room().code().as_str(), "ROOM1");
        self.joined.send(first).unwrap();
        if self.fail { Err(Failure::new(Exit::Adapter, "the script failed")) } else { Ok(()) }
    }

    async fn leaving(&mut self) {
        self.left = true;
    }
}

fn relay(cert: &ServerCert) -> Relay {
    Relay::bind((Ipv4Addr::LOCALHOST, 0).into(), cert, RelayOptions::default()).unwrap()
}

fn options(relay: &str, cert: &Path, name: &str) -> MemberOptions {
    let cert = cert.to_str().unwrap();
    let args = ["test", "--relay", relay, "--room", "room1", "--relay-ca-cert", cert, "--server-name", name];
    let options = Options::try_parse_from(args).unwrap().member;
    options.check().unwrap();
    options
}

async fn run(options: &MemberOptions, identity: Identity, spy: &mut Spy) -> Result<(), Failure> {
    let setup = options.prepare().await?;
    let builder = options.session(PeerRole::Client, setup, identity, "test");
    let end = run_member(builder, options, Shutdown::listen().unwrap(), spy);
    tokio::time::timeout(PATIENCE, end).await.unwrap()
}

fn spy(fail: bool) -> (Spy, mpsc::UnboundedReceiver<bool>) {
    let (joined, receiver) = mpsc::unbounded_channel();
    (Spy { joined, left: false, fail }, receiver)
}

async fn failure(options: &MemberOptions) -> Failure {
    let (mut spy, _joined) = spy(false);
    let failure = run(options, Identity::generate().unwrap(), &mut spy).await.unwrap_err();
    assert!(!spy.left, "who never was in does not leave");
    failure
}

#[tokio::test]
async fn a_relay_that_never_answers_is_unreachable() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("relay.der");
    ServerCert::development(NAME).unwrap().write_der(&path).unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let addr = socket.local_addr().unwrap().to_string();
    let failure = failure(&options(&addr, &path, NAME)).await;
    assert_eq!(failure.exit(), Exit::Unreachable, "{failure}");
    assert!(failure.to_string().contains(&addr) && failure.to_string().contains("firewall"), "{failure}");
}

#[tokio::test]
async fn a_certificate_that_does_not_fit_is_not_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let (path, other) = (folder.path().join("relay.der"), folder.path().join("other.der"));
    let cert = ServerCert::development(NAME).unwrap();
    cert.write_der(&path).unwrap();
    ServerCert::development(NAME).unwrap().write_der(&other).unwrap();
    let relay = relay(&cert);
    let addr = relay.local_addr().unwrap().to_string();
    let wrong_name = failure(&options(&addr, &path, "elsewhere.test")).await;
    assert_eq!(wrong_name.exit(), Exit::Untrusted, "{wrong_name}");
    assert!(wrong_name.to_string().contains("not for elsewhere.test but for party.test"), "{wrong_name}");
    let untrusted = failure(&options(&addr, &other, NAME)).await;
    assert_eq!(untrusted.exit(), Exit::Untrusted, "{untrusted}");
    assert!(untrusted.to_string().contains("(relay-ca-cert)"), "{untrusted}");
    let no_name = failure(&options(&addr, &path, "not a name")).await;
    assert_eq!(no_name.exit(), Exit::Usage, "{no_name}");
}

#[tokio::test]
async fn whoever_is_kicked_or_replaced_ends() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("relay.der");
    let cert = ServerCert::development(NAME).unwrap();
    cert.write_der(&path).unwrap();
    let relay = relay(&cert);
    let options = options(&relay.local_addr().unwrap().to_string(), &path, NAME);
    let code = "ROOM1".parse().unwrap();

    let (mut kicked, mut joined) = spy(false);
    let kick = async {
        assert_eq!(joined.recv().await, Some(true));
        let room = relay.room(&code).unwrap();
        let peer = room.peers()[0].info.peer;
        assert!(room.kick(peer, "rude"));
    };
    let (result, ()) = tokio::join!(run(&options, Identity::generate().unwrap(), &mut kicked), kick);
    let failure = result.unwrap_err();
    assert_eq!(failure.exit(), Exit::EndedByRelay, "{failure}");
    assert!(failure.to_string().contains("kicked: rude"), "{failure}");
    assert!(kicked.left);

    let identity = Identity::generate().unwrap();
    let (mut older, mut joined) = spy(false);
    let replace = async {
        assert_eq!(joined.recv().await, Some(true));
        let setup = options.prepare().await.unwrap();
        options.session(PeerRole::Client, setup, identity.clone(), "test").connect().await.unwrap()
    };
    let (result, _newer) = tokio::join!(run(&options, identity.clone(), &mut older), replace);
    let failure = result.unwrap_err();
    assert_eq!(failure.exit(), Exit::EndedByRelay, "{failure}");
    assert!(failure.to_string().contains("replaced by a newer connection"), "{failure}");
}

#[tokio::test]
async fn a_failing_script_ends_the_membership() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("relay.der");
    let cert = ServerCert::development(NAME).unwrap();
    cert.write_der(&path).unwrap();
    let relay = relay(&cert);
    let options = options(&relay.local_addr().unwrap().to_string(), &path, NAME);
    let (mut spy, _joined) = spy(true);
    let failure = run(&options, Identity::generate().unwrap(), &mut spy).await.unwrap_err();
    assert_eq!((failure.exit(), failure.to_string().as_str()), (Exit::Adapter, "the script failed"));
    assert!(spy.left);
    assert!(relay.rooms().is_empty(), "nobody is left behind");
}
