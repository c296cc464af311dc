//! A game flow: small datagrams at a steady rate to an echo.

use std::net::{SocketAddr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use nix::sys::prctl::set_timerslack;
use serde::{Deserialize, Serialize};

use crate::tunnel::ANY;

pub(crate) const PORT: u16 = 7777;
/// What a game sends.
pub(crate) const RATE: f64 = 60.0;
pub(crate) const SIZE: usize = 120;

const HEADER: usize = 12;
const MAX_SIZE: usize = 2048;
/// How long the last answers are waited for.
const DRAIN: Duration = Duration::from_millis(1500);
const POLL: Duration = Duration::from_millis(100);

/// How it went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Played {
    pub(crate) sent: usize,
    /// Percent that made no round trip.
    pub(crate) lost: f64,
    /// Round trips in milliseconds.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
    /// The longest time without an answer, in milliseconds.
    pub(crate) gap: f64,
}

/// Sends everything back, for ever.
pub(crate) fn echo(port: u16) -> Result<()> {
    let socket = UdpSocket::bind((ANY, port))?;
    let mut datagram = [0; MAX_SIZE];
    loop {
        let (len, from) = socket.recv_from(&mut datagram)?;
        let _ = socket.send_to(&datagram[..len], from); // lost, then
    }
}

/// Plays for a while.
pub(crate) fn play(to: SocketAddr, rate: f64, size: usize, seconds: f64) -> Result<Played> {
    let socket = UdpSocket::bind((ANY, 0))?;
    socket.set_read_timeout(Some(POLL))?;
    set_timerslack(1)?;
    let count = (rate * seconds).ceil().max(1.0) as usize;
    let start = Instant::now();
    let period = Duration::from_secs_f64(1.0 / rate);
    let end = start + Duration::from_secs_f64(seconds) + DRAIN;
    let answers = socket.try_clone()?;
    let listener = thread::spawn(move || listen(&answers, start, end, count));
    let mut datagram = vec![0; size.clamp(HEADER, MAX_SIZE)];
    let mut due = start;
    for number in 0..u32::try_from(count)? {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let stamp = u64::try_from(start.elapsed().as_nanos())?;
        datagram[..4].copy_from_slice(&number.to_be_bytes());
        datagram[4..HEADER].copy_from_slice(&stamp.to_be_bytes());
        let _ = socket.send_to(&datagram, to); // lost, then
        due += period;
    }
    let trips = listener.join().map_err(|_| anyhow!("the listening thread panicked"))??;
    summary(count, &trips)
}

/// One answer: its number's round trip, and when it came.
#[derive(Clone, Copy, Debug)]
struct Trip {
    took: Duration,
    at: Duration,
}

fn listen(socket: &UdpSocket, start: Instant, end: Instant, count: usize) -> Result<Vec<Trip>> {
    let mut seen = vec![false; count];
    let mut trips = Vec::with_capacity(count);
    let mut datagram = [0; MAX_SIZE];
    while Instant::now() < end && trips.len() < count {
        // Nothing may come for a while, and an address may be unreachable for a moment.
        let Ok(len) = socket.recv(&mut datagram) else { continue };
        let at = start.elapsed();
        let Some((number, stamp)) = datagram.get(..len).and_then(parse) else { continue };
        if let Some(seen) = seen.get_mut(number as usize)
            && !std::mem::replace(seen, true)
        {
            trips.push(Trip { took: at.saturating_sub(Duration::from_nanos(stamp)), at });
        }
    }
    Ok(trips)
}

fn parse(datagram: &[u8]) -> Option<(u32, u64)> {
    let number = u32::from_be_bytes(datagram.get(..4)?.try_into().ok()?);
    let stamp = u64::from_be_bytes(datagram.get(4..HEADER)?.try_into().ok()?);
    Some((number, stamp))
}

fn summary(sent: usize, trips: &[Trip]) -> Result<Played> {
    let mut millis: Vec<f64> = trips.iter().map(|trip| trip.took.as_secs_f64() * 1e3).collect();
    millis.sort_by(f64::total_cmp);
    let max = *millis.last().context("the game got no answer at all")?;
    let gaps = trips.windows(2).map(|pair| pair[1].at.saturating_sub(pair[0].at));
    Ok(Played {
        sent,
        lost: 100.0 * (1.0 - trips.len() as f64 / sent as f64),
        p50: percentile(&millis, 0.5),
        p99: percentile(&millis, 0.99),
        max,
        gap: gaps.max().unwrap_or_default().as_secs_f64() * 1e3,
    })
}

/// Of sorted values that are not empty.
pub(crate) fn percentile(sorted: &[f64], part: f64) -> f64 {
    let index = (sorted.len() as f64 * part) as usize;
    sorted.get(index).or_else(|| sorted.last()).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_and_gaps_are_told() {
        let trip = |took, at| Trip { took: Duration::from_millis(took), at: Duration::from_millis(at) };
        let played = summary(5, &[trip(2, 10), trip(9, 30), trip(3, 100), trip(4, 110)]).expect("answers");
        assert!((played.lost - 20.0).abs() < 1e-9, "{played:?}");
        assert_eq!((played.p50, played.p99, played.max, played.gap), (4.0, 9.0, 9.0, 70.0));
        assert!(summary(5, &[]).is_err(), "no answers are no figures");
    }

    #[test]
    fn a_flow_comes_back_from_an_echo() {
        let echo = UdpSocket::bind(("127.0.0.1", 0)).expect("a socket");
        let to = echo.local_addr().expect("bound");
        // Three are swallowed: an answer is what came back.
        let swallow = 3;
        let thread = thread::spawn(move || {
            let mut datagram = [0; MAX_SIZE];
            for number in 0..20 {
                let (len, from) = echo.recv_from(&mut datagram).expect("a datagram");
                assert_eq!(len, SIZE);
                if number >= swallow {
                    echo.send_to(&datagram[..len], from).expect("loopback");
                }
            }
        });
        let played = play(to, 200.0, SIZE, 0.1).expect("answers");
        thread.join().expect("twenty came");
        assert_eq!(played.sent, 20);
        assert!((played.lost - 15.0).abs() < 1e-9, "{played:?}");
    }
}
