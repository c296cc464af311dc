//! A cable with delay and loss, for kernels without netem: frames that arrive at one interface leave at the other a while
//! later, or not at all. What is lost depends on a seed and on nothing else.

use std::collections::VecDeque;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::prctl::set_timerslack;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, bind, recv, send, setsockopt, socket, sockopt,
};
use nix::sys::time::TimeSpec;

use crate::tunnel::print_line;

/// Frames on their way in one direction. More are lost.
const CAPACITY: usize = 1 << 15;
/// Frames taken from one end before the other gets its turn.
const BURST: usize = 64;
const BUFFER: usize = 8 << 20;
const MAX_FRAME: usize = 2048;
/// Nothing happens for so long, and it is looked again.
const IDLE: Duration = Duration::from_secs(1);

/// Carries frames for ever.
pub(crate) fn run(left: &str, right: &str, delay_ms: f64, loss: f64, seed: u64) -> Result<()> {
    let delay = Duration::from_secs_f64(delay_ms / 1e3);
    let ends = [open(left)?, open(right)?];
    let mut ways = [Way::new(delay, loss, seed), Way::new(delay, loss, seed ^ 0x5bd1_e995)];
    set_timerslack(1)?;
    print_line(&"ready")?;
    loop {
        let now = Instant::now();
        for (way, out) in ways.iter_mut().zip(ends.iter().rev()) {
            way.deliver(now, |frame| {
                // A full device loses it, as a cable's other end may.
                let _ = send(out.as_raw_fd(), frame, MsgFlags::empty());
            });
        }
        let next = ways.iter().filter_map(Way::next).min();
        let wait = next.map_or(IDLE, |at| at.saturating_duration_since(Instant::now()));
        let [one, two] = &ends;
        let mut polled = [one, two].map(|end| PollFd::new(end.as_fd(), PollFlags::POLLIN));
        match ppoll(&mut polled, Some(TimeSpec::from_duration(wait)), None) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error).context("poll"),
        }
        for (way, end) in ways.iter_mut().zip(&ends) {
            let mut buffer = [0; MAX_FRAME];
            for _ in 0..BURST {
                match recv(end.as_raw_fd(), &mut buffer, MsgFlags::empty()) {
                    Ok(len) => way.take(Instant::now(), buffer.get(..len).unwrap_or_default()),
                    Err(_) => break,
                }
            }
        }
    }
}

/// A packet socket on an interface.
fn open(name: &str) -> Result<OwnedFd> {
    let all = getifaddrs()?.filter(|entry| entry.interface_name == name);
    let address = all.filter_map(|entry| entry.address?.as_link_addr().copied()).next();
    let address = address.with_context(|| format!("there is no interface {name}"))?;
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let socket = socket(AddressFamily::Packet, SockType::Raw, flags, SockProtocol::EthAll)?;
    bind(socket.as_raw_fd(), &address).with_context(|| format!("bind to {name}"))?;
    let mut buffer = [0; MAX_FRAME];
    // What came before it was bound, from any interface.
    while recv(socket.as_raw_fd(), &mut buffer, MsgFlags::empty()).is_ok() {}
    for force in [
        setsockopt(&socket, sockopt::RcvBufForce, &BUFFER),
        setsockopt(&socket, sockopt::SndBufForce, &BUFFER),
    ] {
        let _ = force; // without the right to, it is the default
    }
    Ok(socket)
}

/// One direction.
#[derive(Debug)]
struct Way {
    delay: Duration,
    /// Of 2^32.
    loss: u64,
    random: u64,
    queue: VecDeque<(Instant, Vec<u8>)>,
    spare: Vec<Vec<u8>>,
}

impl Way {
    fn new(delay: Duration, loss: f64, seed: u64) -> Self {
        let loss = (loss.clamp(0.0, 1.0) * (1_u64 << 32) as f64) as u64;
        Self { delay, loss, random: seed, queue: VecDeque::new(), spare: Vec::new() }
    }

    fn take(&mut self, now: Instant, frame: &[u8]) {
        if self.is_lost() || self.queue.len() >= CAPACITY {
            return;
        }
        let mut buffer = self.spare.pop().unwrap_or_default();
        buffer.clear();
        buffer.extend_from_slice(frame);
        self.queue.push_back((now + self.delay, buffer));
    }

    fn next(&self) -> Option<Instant> {
        self.queue.front().map(|(at, _)| *at)
    }

    fn deliver(&mut self, now: Instant, mut out: impl FnMut(&[u8])) {
        while self.next().is_some_and(|at| at <= now) {
            let Some((_, frame)) = self.queue.pop_front() else { return };
            out(&frame);
            self.spare.push(frame);
        }
    }

    /// SplitMix64.
    fn is_lost(&mut self) -> bool {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) >> 32 < self.loss
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_late_and_in_order() {
        let start = Instant::now();
        let mut way = Way::new(Duration::from_millis(20), 0.0, 1);
        way.take(start, b"first");
        way.take(start + Duration::from_millis(5), b"second");
        let mut out: Vec<Vec<u8>> = Vec::new();
        way.deliver(start + Duration::from_millis(19), |frame| out.push(frame.to_vec()));
        assert!(out.is_empty());
        assert_eq!(way.next(), Some(start + Duration::from_millis(20)));
        way.deliver(start + Duration::from_millis(30), |frame| out.push(frame.to_vec()));
        assert_eq!(out, [b"first".to_vec(), b"second".to_vec()]);
        assert_eq!(way.next(), None);
    }

    #[test]
    fn as_much_is_lost_as_was_said_and_the_same_for_the_same_seed() {
        let lost = |loss, seed| {
            let mut way = Way::new(Duration::ZERO, loss, seed);
            (0..100_000).map(|_| way.is_lost()).collect::<Vec<_>>()
        };
        for (loss, seed) in [(0.0, 1), (0.01, 2), (0.05, 3), (1.0, 4)] {
            let found = lost(loss, seed).iter().filter(|lost| **lost).count() as f64 / 1e5;
            assert!((found - loss).abs() < 0.004, "{found} of {loss}, seed {seed}");
            assert_eq!(lost(loss, seed), lost(loss, seed));
        }
    }

    #[test]
    fn what_is_on_its_way_is_bounded() {
        let now = Instant::now();
        let mut way = Way::new(Duration::from_secs(1), 0.0, 1);
        (0..CAPACITY + 10).for_each(|_| way.take(now, b"x"));
        assert_eq!(way.queue.len(), CAPACITY);
    }
}
