//! Datagrams at a fixed rate, the count of those that came, and the highest rate that comes through.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use nix::sys::prctl::set_timerslack;
use nix::sys::socket::{setsockopt, sockopt};
use serde::{Deserialize, Serialize};

use crate::tunnel::ANY;

const MAGIC: u32 = 0x6c70_6231;
/// Of every datagram; the rest is filling.
const HEADER: usize = 24;
const MAX_SIZE: usize = 2048;
/// What a receiver may have waiting.
const BUFFER: usize = 4 << 20;
/// Datagrams are sent in bursts so far apart, or one by one if they are rarer.
const TICK: Duration = Duration::from_micros(150);
/// What is on its way may take so long.
const DRAIN: Duration = Duration::from_millis(150);
const ANSWER_TIMEOUT: Duration = Duration::from_millis(200);

const DATA: u32 = 1;
const QUESTION: u32 = 2;
const ANSWER: u32 = 3;

/// What every datagram begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Header {
    kind: u32,
    trial: u32,
    number: u32,
    /// In an answer: how many datagrams of the trial came.
    count: u64,
}

impl Header {
    fn encode(self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        let words = [MAGIC, self.kind, self.trial, self.number].map(u32::to_be_bytes).concat();
        bytes[..16].copy_from_slice(&words);
        bytes[16..].copy_from_slice(&self.count.to_be_bytes());
        bytes
    }

    fn decode(datagram: &[u8]) -> Option<Self> {
        let word = |at: usize| Some(u32::from_be_bytes(datagram.get(at..at + 4)?.try_into().ok()?));
        let count = u64::from_be_bytes(datagram.get(16..HEADER)?.try_into().ok()?);
        (word(0)? == MAGIC).then_some(())?;
        Some(Self { kind: word(4)?, trial: word(8)?, number: word(12)?, count })
    }
}

/// What became of one trial.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Outcome {
    pub(crate) sent: u64,
    pub(crate) received: u64,
    pub(crate) per_second: f64,
}

impl Outcome {
    fn loss(&self) -> f64 {
        if self.sent == 0 { 1.0 } else { 1.0 - self.received as f64 / self.sent as f64 }
    }
}

/// Counts and answers for ever.
pub(crate) fn serve(port: u16) -> Result<()> {
    let socket = UdpSocket::bind((ANY, port))?;
    // Beyond what a socket may have by itself; without the right to, that is what it gets.
    let _ = setsockopt(&socket, sockopt::RcvBufForce, &BUFFER);
    let mut datagram = [0; MAX_SIZE];
    let (mut trial, mut count) = (0, 0);
    loop {
        let (len, from) = socket.recv_from(&mut datagram)?;
        let Some(header) = datagram.get(..len).and_then(Header::decode) else { continue };
        if header.kind == DATA {
            if header.trial != trial {
                (trial, count) = (header.trial, 0);
            }
            count += 1;
        } else if header.kind == QUESTION {
            let count = if header.trial == trial { count } else { 0 };
            let answer = Header { kind: ANSWER, count, ..header };
            let _ = socket.send_to(&answer.encode(), from); // it will be asked again
        }
    }
}

/// Sends for a while, and asks how many came.
pub(crate) fn send(to: SocketAddr, size: usize, rate: f64, millis: u64, trial: u32) -> Result<Outcome> {
    let socket = UdpSocket::bind((ANY, 0))?;
    let _ = setsockopt(&socket, sockopt::SndBuf, &(BUFFER / 4)); // the default does, with more blocking
    set_timerslack(1)?;
    socket.connect(to)?;
    let mut datagram = vec![0; size.clamp(HEADER, MAX_SIZE)];
    let length = Duration::from_millis(millis);
    let tick = TICK.max(Duration::from_secs_f64(1.0 / rate));
    let start = Instant::now();
    let (mut sent, mut next) = (0_u64, start);
    while start.elapsed() < length {
        let due = (start.elapsed().as_secs_f64() * rate) as u64 + 1;
        while sent < due {
            sent += 1;
            let number = (sent % (1 << 32)) as u32;
            datagram[..HEADER].copy_from_slice(&Header { kind: DATA, trial, number, count: 0 }.encode());
            let _ = socket.send(&datagram); // what does not leave is lost, too
            if sent.is_multiple_of(64) && start.elapsed() > length {
                break;
            }
        }
        next += tick;
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    let took = start.elapsed();
    thread::sleep(DRAIN);
    let received = ask(&socket, trial)?;
    Ok(Outcome { sent, received, per_second: sent as f64 / took.as_secs_f64() })
}

/// How many came, once two answers are the same.
fn ask(socket: &UdpSocket, trial: u32) -> Result<u64> {
    socket.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    let mut last = None;
    for number in 0..20 {
        let _ = socket.send(&Header { kind: QUESTION, trial, number, count: 0 }.encode()); // the next one may leave
        let mut datagram = [0; MAX_SIZE];
        let Ok(len) = socket.recv(&mut datagram) else { continue };
        let Some(answer) = datagram.get(..len).and_then(Header::decode) else { continue };
        if answer.kind != ANSWER || answer.trial != trial {
            continue;
        }
        if last.replace(answer.count) == Some(answer.count) {
            return Ok(answer.count);
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(last.unwrap_or(0))
}

/// Asks until somebody answers.
pub(crate) fn probe(to: SocketAddr, millis: u64) -> Result<()> {
    let socket = UdpSocket::bind((ANY, 0))?;
    socket.set_read_timeout(Some(Duration::from_millis(5)))?;
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(millis) {
        ask_for_neighbours_quickly();
        let question = Header { kind: QUESTION, trial: 0, number: 0, count: 0 };
        match socket.send_to(&question.encode(), to) {
            Ok(_) => {
                let mut datagram = [0; MAX_SIZE];
                match socket.recv(&mut datagram) {
                    Ok(len) if datagram.get(..len).and_then(Header::decode).is_some() => return Ok(()),
                    _ => {}
                }
            }
            // There is no tunnel yet.
            Err(_) => thread::sleep(Duration::from_millis(2)),
        }
    }
    bail!("nobody answered through the tunnel")
}

/// A lost ARP answer costs 50 ms instead of a second, so that the kernel's patience does not hide the tunnel's.
fn ask_for_neighbours_quickly() {
    for entry in fs::read_dir("/proc/sys/net/ipv4/neigh").into_iter().flatten().flatten() {
        let _: io::Result<()> = fs::write(entry.path().join("retrans_time_ms"), "50"); // only to be quicker
    }
}

/// Searches for the highest rate of which less than 1 % is lost: doubled until it is too much, then the gap is halved.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Search {
    /// Where it begins.
    pub(crate) start: f64,
    pub(crate) halvings: u32,
}

const MAX_LOSS: f64 = 0.01;
const DOUBLINGS: u32 = 14;
/// Closer than this it is exact enough.
const CLOSE: f64 = 1.06;
/// Below this nothing comes through.
const MIN_RATE: f64 = 50.0;

impl Search {
    /// `trial` sends at a rate. A failed one is tried once more: others use this machine, too.
    pub(crate) fn run(self, mut trial: impl FnMut(f64) -> Result<Outcome>) -> Result<f64> {
        let mut carried = |rate: f64| -> Result<Option<f64>> {
            for _ in 0..2 {
                let outcome = trial(rate)?;
                if outcome.loss() < MAX_LOSS && outcome.per_second > 0.9 * rate {
                    return Ok(Some(outcome.per_second));
                }
            }
            Ok(None)
        };
        let (mut best, mut bad, mut rate) = (0.0_f64, None, self.start);
        for _ in 0..DOUBLINGS {
            if let Some(reached) = carried(rate)? {
                best = best.max(reached);
                rate *= 2.0;
                continue;
            }
            bad = Some(rate);
            rate /= 4.0;
            if best > 0.0 || rate < MIN_RATE {
                break;
            }
        }
        let Some(mut bad) = bad.filter(|_| best > 0.0) else { return Ok(best) };
        for _ in 0..self.halvings {
            if bad / best < CLOSE {
                break;
            }
            let middle = (best * bad).sqrt();
            match carried(middle)? {
                Some(reached) => best = best.max(reached),
                None => bad = middle,
            }
        }
        Ok(best)
    }
}

/// Where datagrams are counted.
pub(crate) const PORT: u16 = 7001;

pub(crate) const fn at(address: Ipv4Addr) -> std::net::SocketAddrV4 {
    std::net::SocketAddrV4::new(address, PORT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path_that_carries(limit: f64) -> impl FnMut(f64) -> Result<Outcome> {
        move |rate| {
            let received = rate.min(limit) as u64;
            Ok(Outcome { sent: rate as u64, received, per_second: rate })
        }
    }

    #[test]
    fn the_highest_rate_is_found_from_above_and_from_below() {
        for start in [100.0, 4_000.0, 10_000_000.0] {
            let search = Search { start, halvings: 8 };
            let found = search.run(path_that_carries(123_456.0)).expect("no trial fails");
            assert!((110_000.0..=125_000.0).contains(&found), "from {start}: {found}");
        }
    }

    #[test]
    fn a_path_that_carries_nothing_is_given_up() {
        let mut trials = 0;
        let search = Search { start: 4_000.0, halvings: 5 };
        let found = search.run(|rate| {
            trials += 1;
            Ok(Outcome { sent: rate as u64, received: 0, per_second: rate })
        });
        assert_eq!(found.expect("no trial fails"), 0.0);
        assert!(trials < 20, "{trials} trials");
    }

    #[test]
    fn a_sender_that_cannot_keep_up_does_not_pass() {
        let search = Search { start: 1_000.0, halvings: 8 };
        let slow = |rate: f64| {
            let reached = rate.min(50_000.0);
            Ok(Outcome { sent: reached as u64, received: reached as u64, per_second: reached })
        };
        let found = search.run(slow).expect("no trial fails");
        assert!((40_000.0..=50_000.0).contains(&found), "{found}");
    }

    #[test]
    fn headers_survive_their_way() {
        let header = Header { kind: ANSWER, trial: 7, number: u32::MAX, count: u64::MAX - 1 };
        assert_eq!(Header::decode(&header.encode()), Some(header));
        assert_eq!(Header::decode(&header.encode()[..HEADER - 1]), None);
        assert_eq!(Header::decode(&[0; HEADER]), None);
    }
}
