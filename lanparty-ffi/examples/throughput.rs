//! How many frames per second go through a port in memory, end to end, with the Rust API: a relay and two sessions in
//! this process, one thread that sends batches of 32 and one that receives them. Prints one line of JSON for each size.
//!
//! `tests/c/throughput.c` does the same with the C ABI, so that the two compare. Hence the same threads: a runtime with
//! one worker for the relay and for each session, and none of them on the thread that sends or receives.
#![allow(clippy::unwrap_used, reason = "a measurement may fail by panicking")]

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use lanparty_sdk::ctrl::LeaveReason;
use lanparty_sdk::identity::Identity;
use lanparty_sdk::port::memory::{self, MemorySink, MemorySource};
use lanparty_sdk::quic::{ServerCert, Trust};
use lanparty_sdk::relay::{Relay, RelayOptions};
use lanparty_sdk::room::Room as _;
use lanparty_sdk::session::{MemberSession, Session as _, SessionBuilder};
use lanparty_sdk::switch::Rate;
use tokio::runtime::{Builder, Runtime};

const BATCH: usize = 32;
const CAPACITY: usize = 1024;
const SERVER_NAME: &str = "lanparty-relay.local";
const LIMIT: Duration = Duration::from_secs(10);

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

/// A member with its runtime and the program's end of its cable.
struct Member {
    runtime: Runtime,
    session: MemberSession,
    source: MemorySource,
    sink: MemorySink,
    mac: [u8; 6],
}

impl Member {
    fn join(relay: &str, trust: &Trust) -> Self {
        let runtime = runtime();
        let identity = Identity::generate().unwrap();
        let mac = identity.mac().octets();
        let (program, port) = memory::pair(CAPACITY);
        let builder =
            SessionBuilder::client(relay.parse().unwrap(), trust.clone(), "BENCH".parse().unwrap(), identity);
        let builder = builder.server_name(SERVER_NAME).port(port.into_port());
        let session = runtime.block_on(builder.connect()).unwrap();
        let (source, sink) = program.split();
        Self { runtime, session, source, sink, mac }
    }

    fn wait_for_the_other(&self) {
        self.runtime.block_on(async {
            let mut events = self.session.events();
            let known = async {
                while self.session.room().peers().is_empty() {
                    events.next().await.unwrap();
                }
            };
            tokio::time::timeout(LIMIT, known).await.unwrap();
        });
    }

    fn leave(self) {
        self.runtime.block_on(self.session.close(LeaveReason::Normal, ""));
    }
}

/// Sends batches until it is told to stop.
fn keep_sending(sink: &MemorySink, frame: &[u8], stop: &AtomicBool, sent: &AtomicU64) {
    while !stop.load(Ordering::SeqCst) {
        let taken = sink.try_send_batch_copy(std::iter::repeat_n(frame, BATCH)).unwrap_or(0);
        sent.fetch_add(taken as u64, Ordering::SeqCst);
        if taken < BATCH {
            // The queue is full: room comes when the session has sent some of it.
            thread::sleep(Duration::from_micros(50));
        }
    }
}

/// Waits for frames, at most for `limit`, and takes up to a batch of them; how many those were.
fn receive(waiter: &Runtime, source: &mut MemorySource, frames: &mut Vec<Bytes>, limit: Duration) -> usize {
    frames.clear();
    let batch = source.recv_batch(frames, BATCH);
    match waiter.block_on(async { tokio::time::timeout(limit, batch).await }) {
        Ok(Some(count)) => count,
        Ok(None) => panic!("the session has ended"),
        Err(_) => 0,
    }
}

fn run(from: &Member, to: &mut Member, bytes: usize, seconds: f64) {
    let mut frame = vec![0; bytes];
    frame[..6].copy_from_slice(&to.mac);
    frame[6..12].copy_from_slice(&from.mac);
    frame[12..14].copy_from_slice(&[0x88, 0xb5]);
    let (stop, sent) = (AtomicBool::new(false), AtomicU64::new(0));
    let waiter = Builder::new_current_thread().enable_time().build().unwrap();
    let mut frames = Vec::with_capacity(BATCH);
    thread::scope(|scope| {
        scope.spawn(|| keep_sending(&from.sink, &frame, &stop, &sent));
        // A tenth to get going, which does not count.
        let mut start = Instant::now() + Duration::from_secs_f64(seconds / 10.0);
        let end = start + Duration::from_secs_f64(seconds);
        let (mut received, mut sent_before, mut counting) = (0, 0, false);
        loop {
            let now = Instant::now();
            if now >= end {
                break;
            }
            if !counting && now >= start {
                (counting, start, sent_before) = (true, now, sent.load(Ordering::SeqCst));
            }
            let count = receive(&waiter, &mut to.source, &mut frames, Duration::from_millis(100));
            received += if counting { count } else { 0 };
        }
        let elapsed = start.elapsed().as_secs_f64();
        let sent = sent.load(Ordering::SeqCst) - sent_before;
        stop.store(true, Ordering::SeqCst);
        println!(
            "{{\"language\":\"rust\",\"bytes\":{bytes},\"frames_per_second\":{:.0},\"sent_per_second\":{:.0}}}",
            received as f64 / elapsed,
            sent as f64 / elapsed
        );
    });
    while receive(&waiter, &mut to.source, &mut frames, Duration::from_millis(200)) > 0 {}
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let seconds = match arguments.as_slice() {
        [] => 5.0,
        [option, seconds] if option == "--seconds" => seconds.parse().unwrap(),
        _ => panic!("usage: throughput [--seconds N]"),
    };
    let host = runtime();
    let cert = ServerCert::development(SERVER_NAME).unwrap();
    let mut options = RelayOptions::default();
    let limits = &mut options.config.room.client_limits;
    (limits.bytes, limits.flood, limits.unknown_unicast) =
        (Rate::UNLIMITED, Rate::UNLIMITED, Rate::UNLIMITED);
    let relay = {
        let _inside = host.enter();
        Relay::bind((Ipv4Addr::LOCALHOST, 0).into(), &cert, options).unwrap()
    };
    let addr = relay.local_addr().unwrap().to_string();
    let trust = Trust::certificates(cert.cert_der()).unwrap();
    let ann = Member::join(&addr, &trust);
    let mut bob = Member::join(&addr, &trust);
    ann.wait_for_the_other();
    bob.wait_for_the_other();
    for bytes in [64, 1400] {
        run(&ann, &mut bob, bytes, seconds);
    }
    ann.leave();
    bob.leave();
    host.block_on(relay.close(""));
}
