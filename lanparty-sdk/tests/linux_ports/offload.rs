//! What a local kernel leaves to the network card, seen from the other end of a cable without one.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};

use lanparty_sdk::frame::MAX_FRAME_LEN;
use libtest_mimic::Trial;

use crate::kit::{Datagram, Elsewhere, Veth, block_on, eventually, ip, open, receive, receive_where, trial};

const V4: (&str, &str) = ("10.99.0.1", "10.99.0.2");
const V6: (&str, &str) = ("fd99::1", "fd99::2");

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("offload::udp_checksums_are_completed_v4", || udp_checksums_are_completed(V4)),
        trial("offload::udp_checksums_are_completed_v6", || udp_checksums_are_completed(V6)),
        trial("offload::tcp_super_frames_are_cut_v4", || tcp_super_frames_are_cut(V4)),
        trial("offload::tcp_super_frames_are_cut_v6", || tcp_super_frames_are_cut(V6)),
        trial("offload::udp_super_frames_are_cut", udp_super_frames_are_cut),
    ]
}

/// A cable to another host, with an address at each end, ready for use.
fn connect((here, there): (&'static str, &'static str)) -> (Veth, Elsewhere) {
    let other = Elsewhere::new();
    let veth = Veth::split(&other);
    let prefix = if here.contains(':') { "/64 nodad" } else { "/24" };
    enable_ipv6(Veth::LEFT);
    ip(&format!("addr add {here}{prefix} dev lpa"));
    other.run(move || {
        enable_ipv6(Veth::RIGHT);
        ip("link set lpb up");
        ip(&format!("addr add {there}{prefix} dev lpb"));
        eventually("a carrier", || lanparty_sdk::port::af_packet::preflight(Veth::RIGHT).is_ok());
    });
    (veth, other)
}

fn enable_ipv6(iface: &str) {
    let _ = std::fs::write(format!("/proc/sys/net/ipv6/conf/{iface}/disable_ipv6"), "0");
}

fn udp_checksums_are_completed(addresses: (&'static str, &'static str)) {
    let (_veth, other) = connect(addresses);
    // Odd lengths, and enough different sums that an accidentally right one proves nothing.
    let payloads: Vec<Vec<u8>> = (1..=40_u8).map(|n| vec![n; usize::from(n) * 7]).collect();
    let expected = payloads.clone();
    let (ready, is_ready) = std::sync::mpsc::channel();
    let captured = other.start(move || {
        let _bound = UdpSocket::bind(SocketAddr::new(addresses.1.parse().unwrap(), 7777)).unwrap();
        block_on(async {
            let mut port = open(Veth::RIGHT);
            ready.send(()).unwrap();
            let is_udp = |frame: &[u8]| Datagram::parse(frame).is_some_and(|it| it.protocol == 17);
            receive_where(&mut port, expected.len(), is_udp).await
        })
    });
    is_ready.recv().unwrap();
    let socket = UdpSocket::bind(SocketAddr::new(addresses.0.parse().unwrap(), 0)).unwrap();
    for payload in &payloads {
        socket.send_to(payload, SocketAddr::new(addresses.1.parse().unwrap(), 7777)).unwrap();
    }
    let frames = captured.recv().expect("the other side");
    for (frame, payload) in frames.iter().zip(&payloads) {
        let datagram = Datagram::parse(frame).unwrap();
        assert_eq!(&datagram.payload, payload);
        assert!(datagram.valid, "{datagram:?}");
    }
}

fn tcp_super_frames_are_cut(addresses: (&'static str, &'static str)) {
    const TOTAL: usize = 2_000_000;
    let (_veth, other) = connect(addresses);
    let (ready, is_ready) = std::sync::mpsc::channel();
    let captured = other.start(move || {
        let listener = TcpListener::bind(SocketAddr::new(addresses.1.parse().unwrap(), 7777)).unwrap();
        // A thread inherits the namespace of the one that starts it.
        let reader = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut bytes = Vec::new();
            stream.read_to_end(&mut bytes).unwrap();
            bytes.len()
        });
        let before = received_by_kernel();
        let frames = block_on(async {
            let mut port = open(Veth::RIGHT);
            ready.send(()).unwrap();
            let mut frames: Vec<Vec<u8>> = Vec::new();
            let mut payload = BTreeMap::new();
            while payload.values().sum::<usize>() < TOTAL {
                for frame in receive(&mut port).await.unwrap() {
                    if let Some(it) = Datagram::parse(&frame).filter(|it| it.protocol == 6) {
                        payload.insert(it.sequence, it.payload.len());
                        frames.push(frame);
                    }
                }
            }
            assert_eq!(port.source.take_drops().total(), 0);
            frames
        });
        assert_eq!(reader.join().unwrap(), TOTAL);
        (frames, received_by_kernel() - before)
    });
    is_ready.recv().unwrap();
    let sent: Vec<u8> = (0..TOTAL).map(|n| (n % 251) as u8).collect();
    let mut stream = TcpStream::connect(SocketAddr::new(addresses.1.parse().unwrap(), 7777)).unwrap();
    stream.write_all(&sent).unwrap();
    drop(stream);
    let (frames, by_kernel) = captured.recv().expect("the other side");
    assert!(
        frames.len() > by_kernel * 2,
        "{} frames out of {by_kernel}: the kernel sent no super-frames, and nothing was tested",
        frames.len()
    );
    let mut parts = BTreeMap::new();
    let mut first = None;
    for frame in &frames {
        let datagram = Datagram::parse(frame).unwrap();
        assert!(frame.len() <= MAX_FRAME_LEN, "{} bytes", frame.len());
        assert!(datagram.valid, "{datagram:?}");
        if !datagram.payload.is_empty() {
            let first = *first.get_or_insert(datagram.sequence);
            parts.insert(datagram.sequence.wrapping_sub(first) as usize, datagram.payload);
        }
    }
    let mut joined = Vec::new();
    for (at, part) in parts {
        assert_eq!(at, joined.len(), "the sequence has a hole");
        joined.extend(part);
    }
    assert!(joined == sent, "the payload is not what was sent");
}

/// How many frames, super or not, the kernel has received through the right end of the cable.
fn received_by_kernel() -> usize {
    let text = std::fs::read_to_string("/proc/thread-self/net/dev").unwrap();
    let line = text.lines().find_map(|line| line.trim().strip_prefix("lpb:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn udp_super_frames_are_cut() {
    use nix::sys::socket::{setsockopt, sockopt::UdpGsoSegment};

    const SEGMENT: usize = 1200;
    let (_veth, other) = connect(V4);
    let sent: Vec<u8> = (0..SEGMENT * 20 + 77).map(|n| (n % 241) as u8).collect();
    let (ready, is_ready) = std::sync::mpsc::channel();
    let captured = other.start(move || {
        let _bound = UdpSocket::bind((V4.1, 7777)).unwrap();
        let before = received_by_kernel();
        let frames = block_on(async {
            let mut port = open(Veth::RIGHT);
            ready.send(()).unwrap();
            let is_udp = |frame: &[u8]| Datagram::parse(frame).is_some_and(|it| it.protocol == 17);
            receive_where(&mut port, 21, is_udp).await
        });
        (frames, received_by_kernel() - before)
    });
    is_ready.recv().unwrap();
    let socket = UdpSocket::bind((V4.0, 0)).unwrap();
    setsockopt(&socket, UdpGsoSegment, &(SEGMENT as i32)).unwrap();
    socket.send_to(&sent, (V4.1, 7777)).unwrap();
    let (frames, by_kernel) = captured.recv().expect("the other side");
    assert!(by_kernel < 10, "{by_kernel} frames: the kernel sent no super-frame, and nothing was tested");
    let port = socket.local_addr().unwrap().port();
    let mut joined = Vec::new();
    for frame in &frames {
        let datagram = Datagram::parse(frame).unwrap();
        assert!(datagram.valid && datagram.source_port == port, "{datagram:?}");
        assert!(datagram.payload.len() <= SEGMENT);
        joined.extend(datagram.payload);
    }
    assert!(joined == sent, "the payload is not what was sent");
}
