//! A hand on a cable: sends frames out of an interface byte by byte, and sees those that arrive there.
//!
//! That something does *not* arrive is shown without waiting: a marker is sent behind it on the same way. Once the
//! marker has arrived, what was sent before it has been judged.
#![allow(unsafe_code, reason = "the bind address and one option of packet sockets have no safe form")]

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use lanparty_sdk::frame::{EtherType, MacAddr};
use socket2::{Domain, MaybeUninitSlice, MsgHdrMut, Protocol, SockAddr, SockAddrStorage, Socket, Type};

use crate::host::{DEADLINE, Host};

/// The type of markers. No kernel and no test uses it for anything else.
const MARKER: EtherType = EtherType(0x88b6);
/// Room for a frame of any interface.
const MAX_LEN: usize = 70_000;

pub(crate) struct Cable {
    socket: Socket,
    what: String,
}

impl Cable {
    /// Takes hold of the interface. What the host itself sends there is not seen.
    pub(crate) fn open(host: &Host, iface: &str) -> Self {
        let what = format!("{iface} on {}", host.name);
        let open = || -> io::Result<Socket> {
            // Nothing is received before it is bound.
            let socket = Socket::new(Domain::PACKET, Type::RAW, Some(Protocol::from(0)))?;
            socket.set_recv_buffer_size(4 << 20)?;
            socket.set_read_timeout(Some(DEADLINE))?;
            for option in [libc::PACKET_AUXDATA, PACKET_IGNORE_OUTGOING] {
                set_packet_option(&socket, option)?;
            }
            socket.bind(&address(iface)?)?;
            Ok(socket)
        };
        let socket = host.run(open).unwrap_or_else(|error| panic!("{what}: {error}"));
        Self { socket, what }
    }

    pub(crate) fn send(&self, frame: &[u8]) {
        self.try_send(frame).unwrap_or_else(|error| panic!("{}: {error}", self.what));
    }

    /// As [`Cable::send`], for frames that the kernel may refuse itself.
    pub(crate) fn try_send(&self, frame: &[u8]) -> io::Result<()> {
        self.socket.send(frame).map(|_| ())
    }

    /// Everything up to the first frame for which `last` holds, and that.
    pub(crate) fn receive_until(&self, what: &str, last: impl Fn(&[u8]) -> bool) -> Vec<Vec<u8>> {
        let start = Instant::now();
        let mut frames = Vec::new();
        while start.elapsed() < DEADLINE {
            match self.receive() {
                Ok(frame) => {
                    let done = last(&frame);
                    frames.push(frame);
                    if done {
                        return frames;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => panic!("{}: {error}", self.what),
            }
        }
        panic!("{}: {what} has not arrived, but these have: {frames:02x?}", self.what);
    }

    /// Sends a marker to `there` and returns what arrived there before it.
    pub(crate) fn mark(&self, there: &Self, marker: &Marker) -> Vec<Vec<u8>> {
        self.send(&marker.frame);
        let mut frames = there.receive_until("the marker", |frame| frame == marker.frame);
        frames.pop();
        frames
    }

    /// One frame, with its tag if the kernel has taken it off.
    fn receive(&self) -> io::Result<Vec<u8>> {
        let mut bytes = vec![MaybeUninit::uninit(); MAX_LEN];
        let mut control = [MaybeUninit::uninit(); 256];
        let (len, control_len) = {
            let mut buffers = [MaybeUninitSlice::new(&mut bytes)];
            let mut header = MsgHdrMut::new().with_buffers(&mut buffers).with_control(&mut control);
            let len = self.socket.recvmsg(&mut header, 0)?;
            (len, header.control_len())
        };
        // SAFETY: the kernel has filled `len` bytes of the one and `control_len` of the other.
        let (frame, control) = unsafe { (assume_init(&bytes[..len]), assume_init(&control[..control_len])) };
        Ok(match stripped_tag(control) {
            Some(tag) => [&frame[..12], &tag, &frame[12..]].concat(),
            None => frame.to_vec(),
        })
    }
}

/// A frame that shows that those before it have been judged.
#[derive(Debug)]
pub(crate) struct Marker {
    frame: Vec<u8>,
}

impl Marker {
    /// One that crosses by unicast. `len` should be that of the frame before it, so that nothing has a reason to let
    /// the marker overtake it.
    pub(crate) fn new(src: MacAddr, dst: MacAddr, len: usize) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let mut frame = [&dst.0[..], &src.0, &MARKER.0.to_be_bytes()].concat();
        frame.extend(NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        frame.resize(len.clamp(60, 1514), 0xa5);
        Self { frame }
    }
}

/// `linux/if_packet.h`; the libc crate does not have it.
const PACKET_IGNORE_OUTGOING: libc::c_int = 23;

fn set_packet_option(socket: &Socket, option: libc::c_int) -> io::Result<()> {
    let on: libc::c_int = 1;
    // SAFETY: the value lives through the call, and its size is told.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            option,
            (&raw const on).cast(),
            size_of_val(&on) as u32,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn address(iface: &str) -> io::Result<SockAddr> {
    let index: i32 =
        std::fs::read_to_string(format!("/sys/class/net/{iface}/ifindex"))?.trim().parse().unwrap();
    let mut storage = SockAddrStorage::zeroed();
    // SAFETY: a `sockaddr_ll` is smaller than the storage, aligned as it, and any bytes are one.
    let address = unsafe { storage.view_as::<libc::sockaddr_ll>() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
    address.sll_ifindex = index;
    // SAFETY: the storage holds an address of that family and length.
    Ok(unsafe { SockAddr::new(storage, size_of::<libc::sockaddr_ll>() as libc::socklen_t) })
}

/// # Safety
/// All of it must have been written.
unsafe fn assume_init(bytes: &[MaybeUninit<u8>]) -> &[u8] {
    // SAFETY: as above; the layout is the same.
    unsafe { std::slice::from_raw_parts(bytes.as_ptr().cast(), bytes.len()) }
}

/// The VLAN tag that a `PACKET_AUXDATA` message describes: its header of 16 bytes, then `struct tpacket_auxdata`.
fn stripped_tag(control: &[u8]) -> Option<[u8; 4]> {
    const TP_STATUS_VLAN_VALID: u32 = 1 << 4;
    const HEADER: usize = 16;
    let auxdata = control.get(HEADER..HEADER + 20)?;
    let status = u32::from_ne_bytes(auxdata[..4].try_into().unwrap());
    let tci = u16::from_ne_bytes([auxdata[16], auxdata[17]]).to_be_bytes();
    let tpid = u16::from_ne_bytes([auxdata[18], auxdata[19]]).to_be_bytes();
    (status & TP_STATUS_VLAN_VALID != 0).then_some([tpid[0], tpid[1], tci[0], tci[1]])
}
