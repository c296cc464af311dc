//! A relay of several workers: one port, and every member at the worker of its room.
#![cfg(target_os = "linux")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use lanparty_sdk::ctrl::{CloseCode, MemberMessage, PeerRole, RejectReason, RelayMessage, RoomCode};
use lanparty_sdk::frame::MacAddr;
use lanparty_sdk::identity::Identity;
use lanparty_sdk::member::{EndReason, SessionEvent};
use lanparty_sdk::proto::{Datagram, HEADER_LEN, Header, Kind, Label, Worker};
use lanparty_sdk::quic::{BindError, ServerCert, SocketBuffers, bind_udp};
use lanparty_sdk::relay::{Relay, RelayEvent, RelayOptions, RetryPolicy};
use lanparty_sdk::room::Room as _;
use lanparty_sdk::session::Session as _;

use crate::hostile::{Enemy, hello};
use crate::party::{NAME, Party, Seat, ended, event, frame, in_time, peers, receive};

/// Members of each room.
const MEMBERS: usize = 3;

fn with_workers(workers: usize) -> RelayOptions {
    let mut options = RelayOptions::default();
    options.workers = workers;
    // Nothing may be lost here, however busy the machine is.
    options.outbox = options.outbox.max_age(Duration::MAX);
    options
}

/// Which of so many workers serves a room.
fn home(code: &str, workers: usize) -> usize {
    let code: RoomCode = code.parse().unwrap();
    Worker::all(workers).position(|worker| worker.serves(code.steering_byte())).unwrap()
}

/// Rooms of which every worker has two.
fn codes(workers: usize) -> Vec<String> {
    let mut counts = vec![0; workers];
    let mut codes = Vec::new();
    for code in (0..).map(|number| format!("ROOM{number}")) {
        let count = &mut counts[home(&code, workers)];
        if *count < 2 {
            *count += 1;
            codes.push(code);
        }
        if codes.len() == workers * 2 {
            break;
        }
    }
    codes
}

/// A relay on a port that was somebody's until a moment ago.
async fn bind_again(addr: SocketAddr, cert: &ServerCert, workers: usize) -> Relay {
    in_time("the port", async {
        loop {
            match Relay::bind(addr, cert, with_workers(workers)) {
                Ok(relay) => break relay,
                Err(error) => assert!(matches!(error, BindError::InUse { .. }), "{error:?}"),
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

/// Everybody says one thing to all, and hears what is said in the room and nothing else.
async fn rooms_hear_themselves(rooms: &mut BTreeMap<String, Vec<Seat>>) {
    for (mark, seats) in (1..).zip(rooms.values()) {
        for (seat, len) in seats.iter().zip(60..) {
            seat.cable.send(&frame(MacAddr::BROADCAST, seat.mac, len, mark)).await.unwrap();
        }
    }
    for (mark, seats) in (1_u8..).zip(rooms.values_mut()) {
        for (own, seat) in seats.iter_mut().enumerate() {
            let mut heard = BTreeSet::new();
            for _ in 1..MEMBERS {
                let frame = receive(&mut seat.cable).await;
                assert_eq!(frame.last(), Some(&mark), "a frame of another room");
                heard.insert(frame.len());
            }
            assert!(heard.into_iter().eq((0..MEMBERS).filter(|member| *member != own).map(|len| len + 60)));
        }
    }
    for seat in rooms.values_mut().flatten() {
        assert!(seat.cable.try_recv().is_err());
    }
}

async fn a_whole_party(workers: usize, retry: RetryPolicy) {
    let mut options = with_workers(workers);
    options.handshake.retry = retry;
    let party = Party::with(options);
    assert_eq!(party.relay.workers(), workers);
    let mut operator = party.relay.events();
    let mut rooms: BTreeMap<String, Vec<Seat>> = BTreeMap::new();
    for _ in 0..MEMBERS {
        for code in codes(workers) {
            let seat = party.seat(PeerRole::Client, &code).await;
            rooms.entry(code).or_default().push(seat);
        }
    }
    for seat in rooms.values().flatten() {
        peers(&seat.session, MEMBERS - 1).await;
    }
    let members = rooms.len() * MEMBERS;
    if matches!(retry, RetryPolicy::Always) {
        // On a busy machine somebody may have asked twice.
        assert!(party.relay.stats().retries >= members as u64);
    }

    rooms_hear_themselves(&mut rooms).await;

    let snapshots = party.relay.rooms();
    assert!(snapshots.is_sorted_by(|one, other| one.id < other.id));
    assert_eq!(snapshots.iter().map(|room| room.code.as_str()).collect::<BTreeSet<_>>().len(), rooms.len());
    for snapshot in &snapshots {
        assert_eq!(usize::from(snapshot.id.number()) % workers, home(snapshot.code.as_str(), workers));
        assert_eq!(snapshot.members.len(), MEMBERS);
        assert_eq!(party.relay.room(&snapshot.code).unwrap().id(), snapshot.id);
    }
    assert!(party.relay.room(&"NOBODY".parse().unwrap()).is_none());
    let stats = party.relay.stats();
    assert_eq!(stats.connections, members);
    assert!(stats.sent_datagrams >= (members * (MEMBERS - 1)) as u64, "{stats:?}");
    assert_eq!((stats.drops.total(), stats.panics), (0, 0), "{stats:?}");

    let (mut opened, mut joined) = (0, 0);
    while let Some(event) = operator.try_next() {
        match event {
            RelayEvent::RoomOpened { .. } => opened += 1,
            RelayEvent::Joined { .. } => joined += 1,
            _ => {}
        }
    }
    assert_eq!((opened, joined), (rooms.len(), members));

    for (code, seats) in &mut rooms {
        let room = party.relay.room(&code.parse().unwrap()).expect("the room is open");
        let mut events = room.subscribe();
        let number = room.peers()[0].info.peer;
        assert!(room.kick(number, "no cheating") && !room.kick(number, "twice"));
        event(&mut events, |event| matches!(event, lanparty_sdk::room::RoomEvent::PeerLeft { .. })).await;
        let end = ended(&seats[0].session).await;
        assert_eq!(end, EndReason::Closed { code: CloseCode::Kicked, text: "no cheating".into() });
        peers(&seats[1].session, MEMBERS - 2).await;
    }

    // The others come back to whatever relay is there next.
    let addr = party.addr();
    let mut events: Vec<_> =
        rooms.values().flat_map(|seats| &seats[1..]).map(|seat| seat.session.events()).collect();
    let Party { relay, cert } = party;
    relay.shut_down("moving house").await;
    assert_eq!(relay.stats().connections, 0);
    in_time("the end", relay.stopped()).await;
    drop(relay);
    for events in &mut events {
        let lost = event(events, |event| matches!(event, SessionEvent::Disconnected { .. })).await;
        assert!(matches!(lost, SessionEvent::Disconnected { cause, .. } if cause.contains("moving house")));
    }
    let relay = bind_again(addr, &cert, workers + 1).await;
    for events in &mut events {
        event(events, |event| matches!(event, SessionEvent::Joined { again: true, .. })).await;
    }
    relay.close("done").await;
}

#[tokio::test]
async fn one_worker_serves_a_party() {
    a_whole_party(1, RetryPolicy::Never).await;
}

#[tokio::test]
async fn three_workers_serve_a_party() {
    a_whole_party(3, RetryPolicy::Never).await;
}

#[tokio::test]
async fn four_workers_serve_a_party_whose_members_prove_their_addresses() {
    a_whole_party(4, RetryPolicy::Always).await;
}

#[tokio::test]
async fn a_port_with_workers_is_taken() {
    let party = Party::with(with_workers(2));
    for workers in [1, 2] {
        let error = Relay::bind(party.addr(), &party.cert, with_workers(workers)).unwrap_err();
        assert!(matches!(error, BindError::InUse { .. }), "{error:?}");
    }
    let addr = party.addr();
    let Party { relay, cert } = party;
    drop(relay); // without a word
    bind_again(addr, &cert, 2).await;
}

#[tokio::test]
async fn whoever_does_not_name_its_room_is_told() {
    let party = Party::with(with_workers(2));
    let [here, there] =
        [0, 1].map(|worker| codes(2).into_iter().find(|code| home(code, 2) == worker).unwrap());
    let mut enemy = Enemy::naming(&party, &here).await;
    enemy.say(&MemberMessage::Hello(hello(&there))).await;
    let answer = enemy.hear().await;
    let RelayMessage::Reject(reject) = answer else { panic!("{answer:?}") };
    assert!(reject.reason == RejectReason::Other && reject.detail.contains("name the room"), "{reject:?}");
    assert_eq!(enemy.close_code().await, CloseCode::Rejected);
    assert!(party.relay.rooms().is_empty());
    Enemy::naming(&party, &there).await.join(&there).await;
}

/// A member whose address changes, as behind a NAT that forgets, stays with its worker.
#[tokio::test]
async fn a_member_keeps_its_worker_when_its_address_changes() {
    const MOVES: u8 = 8;
    let party = Party::with(with_workers(4));
    for code in codes(4) {
        let mut seat = party.seat(PeerRole::Client, &code).await;
        let mut roamer = Enemy::naming(&party, &code).await;
        let own = hello(&code);
        let welcome = roamer.join(&code).await;
        peers(&seat.session, 1).await;
        for mark in 0..MOVES {
            let elsewhere = SocketAddr::new(roamer.endpoint.local_addr().unwrap().ip(), 0);
            roamer.endpoint.rebind(bind_udp(elsewhere, SocketBuffers::default()).unwrap().0).unwrap();
            let mut datagram = vec![0; HEADER_LEN];
            let header =
                Header { kind: Kind::Frame, room: welcome.room, source: welcome.peer, label: Label::Flood };
            header.write(&mut datagram);
            datagram.extend(frame(MacAddr::BROADCAST, own.mac.unwrap(), 60, mark));
            roamer.conn.send_datagram(datagram.into()).unwrap();
            assert_eq!(receive(&mut seat.cable).await[59], mark);
            seat.cable.send(&frame(MacAddr::BROADCAST, seat.mac, 60, mark)).await.unwrap();
            let answer = in_time("an answer", async {
                loop {
                    let datagram = roamer.conn.read_datagram().await.unwrap();
                    // It is asked for round trips as well.
                    if let Ok((_, Datagram::Frame(answer))) = Datagram::parse(&datagram) {
                        break answer.to_vec();
                    }
                }
            });
            assert_eq!(answer.await.last(), Some(&mark));
        }
        assert_eq!(roamer.conn.close_reason(), None);
        assert_eq!(seat.session.room().peers()[0].info.peer, welcome.peer, "it was there all the time");
    }
}

/// Ends a process with the test, however that ends.
struct Killed(Child);

impl Killed {
    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Where the certificate is that the relay of another process shows.
const CERT_FILE: &str = "LANPARTY_TEST_CERT_FILE";

#[test]
#[ignore = "this is the relay that another test kills"]
fn a_relay_to_be_killed() {
    let Ok(path) = std::env::var(CERT_FILE) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let cert = ServerCert::development_file(NAME, path).unwrap();
        let relay = Relay::bind((Ipv4Addr::LOCALHOST, 0).into(), &cert, with_workers(3)).unwrap();
        println!("\nlistens on {}", relay.local_addr().unwrap());
        std::future::pending::<()>().await;
    });
}

#[tokio::test]
async fn workers_that_were_killed_are_known_to_be_gone_as_soon_as_others_are_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("relay.der");
    let cert = ServerCert::development_file(NAME, &path).unwrap();
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["workers::a_relay_to_be_killed", "--exact", "--ignored", "--nocapture"])
        .env(CERT_FILE, &path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut child = Killed(child);
    let mut lines = BufReader::new(child.0.stdout.take().unwrap()).lines().map(Result::unwrap);
    let first = move || lines.find_map(|line| line.strip_prefix("listens on ").map(str::to_owned));
    let addr = in_time("its address", tokio::task::spawn_blocking(first)).await.unwrap().expect("it begins");
    let addr: SocketAddr = addr.parse().unwrap();

    let mut sessions = Vec::new();
    for code in codes(3) {
        let trust = lanparty_sdk::quic::Trust::certificates(cert.cert_der()).unwrap();
        let (relay, room) = (addr.to_string().parse().unwrap(), code.parse().unwrap());
        let identity = Identity::generate().unwrap();
        let builder = lanparty_sdk::session::SessionBuilder::client(relay, trust, room, identity);
        sessions.push(builder.server_name(NAME).connect().await.unwrap());
    }
    let mut events: Vec<_> = sessions.iter().map(|session| session.events()).collect();
    child.kill();
    let relay = bind_again(addr, &cert, 2).await;
    for events in &mut events {
        let lost = event(events, |event| matches!(event, SessionEvent::Disconnected { .. })).await;
        let SessionEvent::Disconnected { cause, .. } = lost else { unreachable!() };
        assert!(cause.contains("restarted"), "not by silence, but because the new relay said so: {cause}");
        event(events, |event| matches!(event, SessionEvent::Joined { again: true, .. })).await;
    }
    assert_eq!(relay.rooms().len(), sessions.len());
    relay.close("done").await;
}
