//! TCP as operating systems do it: with checksums and segmentation left to a network card that is not there.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::ops::AddAssign;

use libtest_mimic::Trial;

use crate::host::{DEADLINE, Host};
use crate::party::{ALICE, BOB, LAN_HOST, Party, TAP, trial};
use crate::program::Program;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("tcp::content_crosses_between_player_and_lan", between_player_and_lan),
        trial("tcp::content_crosses_between_players", between_players),
    ]
}

/// Enough for a slow start and what comes after it.
const LEN: usize = 12_000_000;
/// Enough to see whether it arrives.
const SHORT_LEN: usize = 2_000_000;
/// No rate limit is to blur the picture.
const UNLIMITED: [&str; 2] = ["--limit-client-bytes", "unlimited"];
/// What a network card does for its host, and the other ways it may be set to.
const CARDS: [&str; 4] = [
    "rx on tx on sg on tso on gso on gro on",
    "rx off tx off sg off tso off gso off gro off",
    "rx on tx on sg on tso off gso off gro on",
    "rx on tx on sg on tso on gso on gro off",
];

fn between_player_and_lan() {
    let party = Party::new();
    let relay = party.start_relay(&UNLIMITED);
    let gateway = party.start_gateway(&[]);
    let alice = party.start_client(&party.alice, &["--address", &format!("{ALICE}/24")]);
    let mut segments = Segments::default();
    for (number, card) in CARDS.iter().enumerate() {
        let len = if number == 0 { LEN } else { SHORT_LEN };
        // Each card of the LAN once with every one of the gateway would tell no more.
        party.lanhost.sh(&format!("ethtool -K lan0 {card}"));
        party.gw.sh(&format!("ethtool -K lan0 {}", CARDS[(number + number / 2) % CARDS.len()]));
        party.alice.try_sh(&format!("ethtool -K {TAP} {card}")).ok();
        segments += transfer((&party.lanhost, LAN_HOST), (&party.alice, ALICE), len);
        segments += transfer((&party.alice, ALICE), (&party.lanhost, LAN_HOST), len);
        echo(&party.lanhost, (&party.alice, ALICE));
        echo(&party.alice, (&party.lanhost, LAN_HOST));
    }
    judge(segments, [alice, gateway, relay]);
}

fn between_players() {
    let party = Party::new();
    let relay = party.start_relay(&UNLIMITED);
    let alice = party.start_client(&party.alice, &["--address", &format!("{ALICE}/24")]);
    let bob = party.start_client(&party.bob, &["--address", &format!("{BOB}/24")]);
    let mut segments = Segments::default();
    let features = party.alice.sh(&format!("ethtool -k {TAP}"));
    assert!(features.contains("tcp-segmentation-offload: on"), "{features}");
    segments += transfer((&party.alice, ALICE), (&party.bob, BOB), LEN);
    segments += transfer((&party.bob, BOB), (&party.alice, ALICE), LEN);
    for host in [&party.alice, &party.bob] {
        host.sh(&format!("ethtool -K {TAP} tx off tso off gso off gro off"));
        segments += transfer((&party.alice, ALICE), (&party.bob, BOB), SHORT_LEN);
        echo(&party.bob, (&party.alice, ALICE));
    }
    judge(segments, [alice, bob, relay]);
}

/// TCP fills a queue until it overflows, and on a busy machine more often: what is sent again for that, the programs tell.
/// A storm beyond it is something else that gets lost, super-frames or those with checksums that a card should have made.
fn judge(segments: Segments, programs: [Program; 3]) {
    let mut dropped = 0;
    for mut program in programs {
        assert!(program.terminate().success());
        dropped += program.queue_drops();
    }
    let Segments { sent, again } = segments;
    assert!(again <= dropped + sent / 5, "{again} of {sent} segments again, and {dropped} dropped by queues");
}

/// Datagrams of many lengths, each of which has to come back before the next one goes.
fn echo(from: &Host, (to, to_addr): (&Host, &str)) {
    let there = to.run(|| UdpSocket::bind((to_addr, 7777))).unwrap();
    let here = from.run(|| UdpSocket::bind("0.0.0.0:0")).unwrap();
    here.connect((to_addr, 7777)).unwrap();
    for socket in [&here, &there] {
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
    }
    let mut received = [0; 2000];
    for len in (1..=1472_usize).step_by(37).chain([1472]) {
        let content: Vec<u8> = (0..len).map(|n| (n * len) as u8).collect();
        here.send(&content).unwrap();
        let (there_len, back) = there.recv_from(&mut received).unwrap();
        assert!(received[..there_len] == content, "{len} bytes to {}", to.name);
        there.send_to(&content, back).unwrap();
        let here_len = here.recv(&mut received).unwrap();
        assert!(received[..here_len] == content, "{len} bytes from {}", to.name);
    }
}

/// Sends a lot over one connection, and compares what arrives.
fn transfer((from, _): (&Host, &str), (to, to_addr): (&Host, &str), len: usize) -> Segments {
    let content: Vec<u8> = (0..len).map(|n| (n.wrapping_mul(0x9e37_79b1) >> 11) as u8).collect();
    let listener = to.run(|| TcpListener::bind((to_addr, 7777))).unwrap();
    let before = segments(from);
    let received = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let (mut stream, _) = listener.accept().unwrap();
            stream.set_read_timeout(Some(DEADLINE)).unwrap();
            let mut bytes = Vec::new();
            stream.read_to_end(&mut bytes).unwrap();
            bytes
        });
        let mut stream = from.run(|| TcpStream::connect((to_addr, 7777))).unwrap();
        stream.set_write_timeout(Some(DEADLINE)).unwrap();
        stream.write_all(&content).unwrap();
        drop(stream);
        reader.join().unwrap()
    });
    assert!(received == content, "{} of {len} bytes from {}, or others", received.len(), from.name);
    let after = segments(from);
    let found = Segments { sent: after.sent - before.sent, again: after.again - before.again };
    eprintln!(
        "from {} to {}: {} of {} segments were sent again",
        from.name, to.name, found.again, found.sent
    );
    found
}

/// TCP segments, and how many more were sent again.
#[derive(Clone, Copy, Debug, Default)]
struct Segments {
    sent: u64,
    again: u64,
}

impl AddAssign for Segments {
    fn add_assign(&mut self, more: Self) {
        self.sent += more.sent;
        self.again += more.again;
    }
}

/// What a host has sent.
fn segments(host: &Host) -> Segments {
    let text = host.run(|| std::fs::read_to_string("/proc/thread-self/net/snmp")).unwrap();
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("Tcp: "));
    let (names, values) = (lines.next().unwrap(), lines.next().unwrap());
    let value = |wanted| {
        let at = names.split(' ').position(|name| name == wanted).unwrap();
        values.split(' ').nth(at).unwrap().parse().unwrap()
    };
    Segments { sent: value("OutSegs"), again: value("RetransSegs") }
}
