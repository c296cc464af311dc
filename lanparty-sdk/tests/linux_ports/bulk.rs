//! Two hosts whose ports are joined by a loop that forwards frames: bulk between them, with offload and without.

use std::future::poll_fn;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

use bytes::Bytes;
use lanparty_sdk::frame::MAX_FRAME_LEN;
use lanparty_sdk::port::tap_linux::{TapOptions, TapPort};
use lanparty_sdk::port::{FrameBatch, FrameSink, FrameSource, Port};
use lanparty_sdk::proto::HEADROOM;
use libtest_mimic::Trial;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use crate::kit::{Datagram, Elsewhere, Veth, eventually, ip, open, trial};

const TAP: &str = "lptap";
const V4: (&str, &str) = ("10.99.0.1", "10.99.0.2");
const V6: (&str, &str) = ("fd99::1", "fd99::2");
/// What crosses each way.
const TOTAL: usize = 3_000_000;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("bulk::tcp_between_adapters_v4", || tcp_between_adapters(V4, true, true)),
        trial("bulk::tcp_between_adapters_v6", || tcp_between_adapters(V6, true, true)),
        trial("bulk::tcp_from_an_adapter_with_offload", || tcp_between_adapters(V4, true, false)),
        trial("bulk::tcp_from_an_adapter_without_offload", || tcp_between_adapters(V4, false, true)),
        trial("bulk::tcp_between_adapters_without_offload", || tcp_between_adapters(V6, false, false)),
        trial("bulk::tcp_between_adapter_and_lan_v4", || tcp_to_lan(V4)),
        trial("bulk::tcp_between_adapter_and_lan_v6", || tcp_to_lan(V6)),
        trial("bulk::udp_super_frames_cross", udp_super_frames_cross),
    ]
}

/// Forwards between two ports until it is dropped.
struct Loop {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    /// How many frames went from left to right, and from right to left.
    frames: Arc<[AtomicUsize; 2]>,
}

impl Loop {
    fn start(runtime: Runtime, mut left: Port, mut right: Port) -> Self {
        left.sink.set_link(true).unwrap();
        right.sink.set_link(true).unwrap();
        let (stop, stopped) = oneshot::channel();
        let frames = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
        let counts = Arc::clone(&frames);
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = forward(&mut *left.source, &*right.sink, &counts[0]) => {}
                    () = forward(&mut *right.source, &*left.sink, &counts[1]) => {}
                    _ = stopped => {}
                }
                assert_eq!(left.source.take_drops().total() + right.source.take_drops().total(), 0);
            });
        });
        Self { stop: Some(stop), thread: Some(thread), frames }
    }

    fn frames(&self) -> (usize, usize) {
        (self.frames[0].load(Ordering::SeqCst), self.frames[1].load(Ordering::SeqCst))
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        self.stop.take();
        let result = self.thread.take().map(JoinHandle::join);
        if !std::thread::panicking() {
            result.unwrap().expect("the loop");
        }
    }
}

async fn forward(source: &mut dyn FrameSource, sink: &dyn FrameSink, count: &AtomicUsize) {
    let mut batch = FrameBatch::default();
    loop {
        poll_fn(|cx| source.poll_recv(cx, &mut batch)).await.unwrap();
        let mut frames: Vec<Bytes> =
            batch.drain().map(|frame| frame.into_buffer().freeze().slice(HEADROOM..)).collect();
        for frame in &frames {
            assert!(frame.len() <= MAX_FRAME_LEN, "{} bytes", frame.len());
            let right = Datagram::parse(frame).is_none_or(|datagram| datagram.valid);
            assert!(right, "a frame with a wrong checksum");
        }
        count.fetch_add(frames.len(), Ordering::SeqCst);
        // A full queue loses frames, and TCP sends them again.
        sink.try_send_batch(&mut frames, &mut |_| {});
        assert!(frames.is_empty());
        tokio::task::yield_now().await;
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn adapter(runtime: &tokio::runtime::Handle, address: &str, offload: bool) -> Port {
    let _guard = runtime.enter();
    let port = TapPort::open(TapOptions::new(TAP).offload(offload)).unwrap();
    assign(address, TAP);
    port
}

fn assign(address: &str, iface: &str) {
    let _ = std::fs::write(format!("/proc/sys/net/ipv6/conf/{iface}/disable_ipv6"), "0");
    let prefix = if address.contains(':') { "/64 nodad" } else { "/24" };
    ip(&format!("addr add {address}{prefix} dev {iface}"));
}

fn at(address: &str) -> SocketAddr {
    SocketAddr::new(address.parse::<IpAddr>().unwrap(), 7777)
}

/// How many frames, super or not, the kernel has received and sent through an interface.
pub(crate) fn packets(iface: &str) -> (usize, usize) {
    let text = std::fs::read_to_string("/proc/thread-self/net/dev").unwrap();
    let line = text.lines().find_map(|line| line.trim().strip_prefix(&format!("{iface}:"))).unwrap();
    let numbers: Vec<usize> = line.split_whitespace().map(|number| number.parse().unwrap()).collect();
    (numbers[1], numbers[9])
}

fn content(seed: usize) -> Vec<u8> {
    (0..TOTAL).map(|n| ((n + seed).wrapping_mul(0x9e37_79b1) >> 11) as u8).collect()
}

/// Sends and receives at once, and checks what arrives.
fn talk(mut stream: TcpStream, mine: usize, theirs: usize) {
    let mut writer = stream.try_clone().unwrap();
    let sending = std::thread::spawn(move || {
        writer.write_all(&content(mine)).unwrap();
        writer.shutdown(std::net::Shutdown::Write).unwrap();
    });
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    assert!(bytes == content(theirs), "{} of {TOTAL} bytes, or others", bytes.len());
    sending.join().unwrap();
}

/// Content both ways over one connection between this host and `other`.
fn exchange(other: &Elsewhere, there: &'static str) {
    let (ready, is_ready) = std::sync::mpsc::channel();
    let done = other.start(move || {
        let listener = TcpListener::bind(at(there)).unwrap();
        ready.send(()).unwrap();
        talk(listener.accept().unwrap().0, 2, 1);
    });
    is_ready.recv().unwrap();
    talk(TcpStream::connect(at(there)).unwrap(), 1, 2);
    done.recv().expect("the other side");
}

fn tcp_between_adapters((here, there): (&'static str, &'static str), left: bool, right: bool) {
    let other = Elsewhere::new();
    let runtime = runtime();
    let ours = adapter(runtime.handle(), here, left);
    let handle = runtime.handle().clone();
    let theirs = other.run(move || adapter(&handle, there, right));
    let loop_ = Loop::start(runtime, ours, theirs);
    exchange(&other, there);
    let (to_right, to_left) = loop_.frames();
    let (left_rx, left_tx) = packets(TAP);
    let (right_rx, right_tx) = other.run(|| packets(TAP));
    eprintln!(
        "{to_right} frames: {left_tx} read, {right_rx} written; {to_left} frames: {right_tx} read, {left_rx} written"
    );
    // The acknowledgements are frames of their own, and what is cut small by one host cannot be put together well.
    if left && right {
        assert!(to_right > left_tx * 3 && to_left > right_tx * 3, "nothing was cut");
        assert!(to_right * 2 > right_rx * 3 && to_left * 2 > left_rx * 3, "nothing was merged");
    }
    if !left {
        assert!(left_tx >= to_right && left_rx + 10 >= to_left, "offload nobody asked for");
    }
    if !right {
        assert!(right_tx >= to_left && right_rx + 10 >= to_right, "offload nobody asked for");
    }
}

fn tcp_to_lan((here, there): (&'static str, &'static str)) {
    let other = Elsewhere::new();
    let _veth = Veth::split(&other);
    other.run(move || {
        ip("link set lpb up");
        assign(there, Veth::RIGHT);
    });
    eventually("a carrier", || lanparty_sdk::port::af_packet::preflight(Veth::LEFT).is_ok());
    let runtime = runtime();
    let ours = adapter(runtime.handle(), here, true);
    let lan = {
        let _guard = runtime.enter();
        open(Veth::LEFT)
    };
    let loop_ = Loop::start(runtime, ours, lan);
    exchange(&other, there);
    let (to_right, _) = loop_.frames();
    let (_, sent) = packets(Veth::LEFT);
    eprintln!("{to_right} frames: {sent} sent to the LAN");
    assert!(to_right * 2 > sent * 3, "nothing was merged");
}

fn udp_super_frames_cross() {
    use nix::sys::socket::{setsockopt, sockopt::UdpGsoSegment};

    const SEGMENT: usize = 1200;
    let other = Elsewhere::new();
    let runtime = runtime();
    let ours = adapter(runtime.handle(), V4.0, true);
    let handle = runtime.handle().clone();
    let theirs = other.run(move || adapter(&handle, V4.1, true));
    let _loop = Loop::start(runtime, ours, theirs);
    let sent: Vec<u8> = (0..SEGMENT * 20 + 77).map(|n| (n % 241) as u8).collect();
    let expected = sent.clone();
    let (ready, is_ready) = std::sync::mpsc::channel();
    let received = other.start(move || {
        let socket = UdpSocket::bind(at(V4.1)).unwrap();
        ready.send(()).unwrap();
        let mut bytes = Vec::new();
        let mut datagram = [0; 2000];
        while bytes.len() < expected.len() {
            let len = socket.recv(&mut datagram).unwrap();
            assert_eq!(len, SEGMENT.min(expected.len() - bytes.len()));
            bytes.extend_from_slice(&datagram[..len]);
        }
        assert!(bytes == expected, "the payload is not what was sent");
    });
    is_ready.recv().unwrap();
    let socket = UdpSocket::bind((V4.0, 0)).unwrap();
    setsockopt(&socket, UdpGsoSegment, &(SEGMENT as i32)).unwrap();
    socket.send_to(&sent, at(V4.1)).unwrap();
    received.recv_timeout(crate::kit::DEADLINE).expect("the other side");
}
