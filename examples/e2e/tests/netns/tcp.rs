//! TCP as operating systems do it: with checksums and segmentation left to a network card that is not there.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use libtest_mimic::Trial;

use crate::host::{DEADLINE, Host};
use crate::party::{ALICE, BOB, LAN_HOST, Party, TAP, trial};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("tcp::content_crosses_between_player_and_lan", between_player_and_lan),
        trial("tcp::content_crosses_between_players", between_players),
    ]
}

/// Enough for a slow start and what comes after it.
const LEN: usize = 12_000_000;
/// No rate limit is to blur the picture.
const UNLIMITED: [&str; 2] = ["--limit-client-bytes", "unlimited"];

fn between_player_and_lan() {
    let party = Party::new();
    party.lanhost.sh("ethtool -K lan0 tx on sg on tso on gso on gro on");
    party.gw.sh("ethtool -K lan0 gro on");
    let _relay = party.start_relay(&UNLIMITED);
    let _gateway = party.start_gateway(&[]);
    let _alice = party.start_client(&party.alice, &["--address", &format!("{ALICE}/24")]);
    transfer((&party.lanhost, LAN_HOST), (&party.alice, ALICE));
    transfer((&party.alice, ALICE), (&party.lanhost, LAN_HOST));
    assert!(party.lanhost.sh("ethtool -k lan0").contains("tcp-segmentation-offload: on"));
}

fn between_players() {
    let party = Party::new();
    let _relay = party.start_relay(&UNLIMITED);
    let _alice = party.start_client(&party.alice, &["--address", &format!("{ALICE}/24")]);
    let _bob = party.start_client(&party.bob, &["--address", &format!("{BOB}/24")]);
    party.alice.try_sh(&format!("ethtool -K {TAP} tx on sg on tso on gso on gro on")).unwrap();
    transfer((&party.alice, ALICE), (&party.bob, BOB));
    transfer((&party.bob, BOB), (&party.alice, ALICE));
}

/// Sends a lot over one connection, and compares what arrives and how much had to be sent again.
fn transfer((from, _): (&Host, &str), (to, to_addr): (&Host, &str)) {
    let content: Vec<u8> = (0..LEN).map(|n| (n.wrapping_mul(0x9e37_79b1) >> 11) as u8).collect();
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
    assert!(received == content, "{} of {LEN} bytes from {}, or others", received.len(), from.name);
    let after = segments(from);
    let (sent, again) = (after.0 - before.0, after.1 - before.1);
    eprintln!("from {} to {}: {again} of {sent} segments were sent again", from.name, to.name);
    // TCP fills a queue until it overflows, and a busy machine makes it overflow more often. A storm is more than that.
    assert!(again * 5 <= sent, "{again} of {sent} segments from {} were sent again", from.name);
}

/// How many TCP segments a host has sent, and how many of them again.
fn segments(host: &Host) -> (u64, u64) {
    let text = host.run(|| std::fs::read_to_string("/proc/thread-self/net/snmp")).unwrap();
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("Tcp: "));
    let (names, values) = (lines.next().unwrap(), lines.next().unwrap());
    let value = |wanted| {
        let at = names.split(' ').position(|name| name == wanted).unwrap();
        values.split(' ').nth(at).unwrap().parse().unwrap()
    };
    (value("OutSegs"), value("RetransSegs"))
}
