//! Interfaces, frames and waiting.

use std::future::poll_fn;
use std::process::Command;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use lanparty_sdk::frame::{EtherType, Frame, MacAddr};
use lanparty_sdk::port::af_packet::{AfPacketOptions, AfPacketPort};
use lanparty_sdk::port::{FrameBatch, Port, TrySendError};
use libtest_mimic::Trial;

use crate::roles::quieten;

/// After this, what has not happened will not happen.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);
/// How often something that no event announces is tried again.
const RETRY: Duration = Duration::from_millis(10);
/// No protocol of the kernel uses it, so that no frame of its own is mistaken for one of ours.
pub(crate) const OURS: EtherType = EtherType::LOCAL_EXPERIMENTAL_1;

pub(crate) fn trial(name: &'static str, test: impl FnOnce() + Send + 'static) -> Trial {
    Trial::test(name, move || {
        test();
        Ok(())
    })
}

/// A test on a single-threaded runtime.
pub(crate) fn trial_async<F: Future<Output = ()>>(
    name: &'static str,
    test: impl FnOnce() -> F + Send + 'static,
) -> Trial {
    trial(name, move || block_on(async { test().await }))
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Runs `ip`, which must succeed.
pub(crate) fn ip(arguments: &str) -> String {
    try_ip(arguments).unwrap_or_else(|error| panic!("ip {arguments}: {error}"))
}

pub(crate) fn try_ip(arguments: &str) -> Result<String, String> {
    let output = Command::new("ip").args(arguments.split_whitespace()).output().expect("ip (iproute2)");
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A pair of connected interfaces, `lpa` and `lpb`, that goes when it is dropped.
pub(crate) struct Veth;

impl Veth {
    pub(crate) const LEFT: &str = "lpa";
    pub(crate) const RIGHT: &str = "lpb";

    /// Both ends up, with an MTU of 1500.
    pub(crate) fn up() -> Self {
        let veth = Self::down();
        ip("link set lpa up");
        ip("link set lpb up");
        veth
    }

    /// Both ends down.
    pub(crate) fn down() -> Self {
        ip("link add lpa type veth peer name lpb");
        Self
    }

    /// The right end goes to the namespace of `other`.
    pub(crate) fn split(other: &Elsewhere) -> Self {
        let veth = Self::down();
        ip(&format!("link set lpb netns {}", other.path));
        ip("link set lpa up");
        veth
    }
}

impl Drop for Veth {
    fn drop(&mut self) {
        let _ = try_ip("link delete lpa");
    }
}

/// A thread in a network namespace of its own.
pub(crate) struct Elsewhere {
    path: String,
    work: Option<mpsc::Sender<Box<dyn FnOnce() + Send>>>,
    thread: Option<JoinHandle<()>>,
}

impl Elsewhere {
    pub(crate) fn new() -> Self {
        let (work, queue) = mpsc::channel::<Box<dyn FnOnce() + Send>>();
        let (tell, told) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET).expect("a second namespace");
            quieten();
            let myself = std::fs::read_link("/proc/thread-self").unwrap();
            tell.send(format!("/proc/{}/ns/net", myself.display())).unwrap();
            for job in queue {
                job();
            }
        });
        Self { path: told.recv().unwrap(), work: Some(work), thread: Some(thread) }
    }

    /// Starts `job` there. Its result comes through the receiver.
    pub(crate) fn start<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> mpsc::Receiver<T> {
        let (tell, told) = mpsc::channel();
        let work = self.work.as_ref().unwrap();
        work.send(Box::new(move || drop(tell.send(job())))).unwrap();
        told
    }

    /// Runs `job` there and waits for it.
    pub(crate) fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> T {
        self.start(job).recv_timeout(DEADLINE * 2).expect("the other side panicked or hangs")
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        self.work = None;
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

pub(crate) fn open(iface: &str) -> Port {
    AfPacketPort::open(iface, &AfPacketOptions::new()).unwrap()
}

/// The next batch of frames.
pub(crate) async fn receive(port: &mut Port) -> std::io::Result<Vec<Vec<u8>>> {
    let mut batch = FrameBatch::default();
    let received = poll_fn(|cx| port.source.poll_recv(cx, &mut batch));
    tokio::time::timeout(DEADLINE, received).await.expect("frames within the deadline")?;
    Ok(batch.drain().map(|frame| frame.bytes().to_vec()).collect())
}

/// All further frames for which `wanted` holds, until there are `count`.
pub(crate) async fn receive_where(
    port: &mut Port,
    count: usize,
    wanted: impl Fn(&[u8]) -> bool,
) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    while frames.len() < count {
        frames.extend(receive(port).await.unwrap().into_iter().filter(|frame| wanted(frame)));
    }
    frames
}

/// The next frame of the tests' own kind.
pub(crate) async fn receive_ours(port: &mut Port) -> Vec<u8> {
    receive_where(port, 1, is_ours).await.swap_remove(0)
}

/// The error with which the source ends.
pub(crate) async fn receive_error(port: &mut Port) -> std::io::Error {
    loop {
        match receive(port).await {
            Ok(_) => {}
            Err(error) => return error,
        }
    }
}

pub(crate) fn is_ours(frame: &[u8]) -> bool {
    Frame::parse(frame).is_ok_and(|frame| frame.ethertype() == OURS)
}

/// A broadcast frame of the tests' own kind, of `len` bytes that all are `fill`.
pub(crate) fn frame(fill: u8, len: usize) -> Bytes {
    let mut frame = vec![fill; len];
    frame[..6].copy_from_slice(&MacAddr::BROADCAST.octets());
    frame[6..12].copy_from_slice(&[0x02, 0, 0, 0, 0, fill]);
    frame[12..14].copy_from_slice(&OURS.0.to_be_bytes());
    frame.into()
}

/// Sends, and tries again while the device's queue is not there yet or full.
pub(crate) async fn send(port: &Port, frame: Bytes) {
    let sending = async {
        loop {
            match port.sink.try_send(frame.clone()) {
                Ok(()) => return,
                Err(TrySendError::Full(_)) => tokio::time::sleep(RETRY).await,
                Err(error) => panic!("{error:?}"),
            }
        }
    };
    tokio::time::timeout(DEADLINE, sending).await.expect("sent within the deadline");
}

/// Waits for a state of the system that no event announces.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..DEADLINE.as_millis() / RETRY.as_millis() {
        if holds() {
            return;
        }
        std::thread::sleep(RETRY);
    }
    panic!("not in time: {what}");
}

/// RFC 1071 as it stands there, so that the library is not checked by itself.
pub(crate) fn checksum(pieces: &[&[u8]]) -> u16 {
    let mut sum = 0_u32;
    for pair in pieces.concat().chunks(2) {
        sum += u32::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]));
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap()
}

/// A TCP or UDP frame, read by this test's own eyes.
#[derive(Clone, Debug)]
pub(crate) struct Datagram {
    pub(crate) protocol: u8,
    pub(crate) source_port: u16,
    pub(crate) sequence: u32,
    pub(crate) payload: Vec<u8>,
    /// Both checksums are right.
    pub(crate) valid: bool,
}

impl Datagram {
    pub(crate) fn parse(frame: &[u8]) -> Option<Self> {
        let (addresses, start, end, protocol, header_valid) = match (frame[12], frame[13]) {
            (0x08, 0x00) => {
                let header = usize::from(frame[14] & 15) * 4;
                let total = usize::from(u16::from_be_bytes([frame[16], frame[17]]));
                let valid = checksum(&[&frame[14..14 + header]]) == 0;
                (&frame[26..34], 14 + header, 14 + total, frame[23], valid)
            }
            (0x86, 0xdd) => {
                let payload = usize::from(u16::from_be_bytes([frame[18], frame[19]]));
                (&frame[22..54], 54, 54 + payload, frame[20], true)
            }
            _ => return None,
        };
        let segment = &frame[start..end];
        let header = match protocol {
            6 => usize::from(segment[12] >> 4) * 4,
            17 => 8,
            _ => return None,
        };
        let length = u32::try_from(segment.len()).unwrap().to_be_bytes();
        let sum = checksum(&[addresses, &length, &[0, 0, 0, protocol], segment]);
        let present = protocol == 6 || segment[6..8] != [0, 0];
        Some(Self {
            protocol,
            source_port: u16::from_be_bytes([segment[0], segment[1]]),
            sequence: u32::from_be_bytes([segment[4], segment[5], segment[6], segment[7]]),
            payload: segment[header..].to_vec(),
            valid: header_valid && sum == 0 && present,
        })
    }
}
