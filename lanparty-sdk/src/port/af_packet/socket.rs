//! Packet sockets: making them, their options, and the two calls that move many frames at once.
#![allow(unsafe_code, reason = "packet sockets and their options are C structures")]

use std::io;
use std::mem::{size_of, zeroed};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use bytes::Bytes;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::filter::Instruction;
use super::{AfPacketError, InterfaceInfo};
use crate::frame::VLAN_TAG_LEN;
use crate::port::interface::check;
use crate::port::offload::{VnetHeader, vlan_tag};

/// How many frames one system call moves at most, in either direction. Beyond some eight there is little to gain.
pub(super) const BATCH: usize = 32;

/// Room for the largest super-frame, 64 KiB of IP behind Ethernet and two tags, and for the largest jumbo frame.
const FRAME_LEN: usize = 0x1_0000 + 64;
/// From one buffer to the next. Not a multiple of the page: the beginnings of all buffers, which every call touches,
/// would compete for the same few cache lines.
const STRIDE: usize = FRAME_LEN + 1664;

#[expect(clippy::cast_possible_truncation, reason = "it is 17")]
const AF_PACKET: libc::sa_family_t = libc::AF_PACKET as libc::sa_family_t;
/// Every protocol.
const ETH_P_ALL: u16 = 0x0003;

// linux/if_packet.h
const PACKET_AUXDATA: libc::c_int = 8;
const PACKET_VNET_HDR: libc::c_int = 15;
const PACKET_IGNORE_OUTGOING: libc::c_int = 23;
const PACKET_STATISTICS: libc::c_int = 6;
const TP_STATUS_CSUMNOTREADY: u32 = 1 << 3;
const TP_STATUS_VLAN_VALID: u32 = 1 << 4;
const TP_STATUS_VLAN_TPID_VALID: u32 = 1 << 6;

/// `struct tpacket_auxdata`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct AuxData {
    status: u32,
    len: u32,
    captured_len: u32,
    mac: u16,
    net: u16,
    vlan_tci: u16,
    vlan_tpid: u16,
}

/// Opens the socket that listens.
///
/// It is made for no protocol, hears nothing until it is bound, and is completely set up by then: not one frame of
/// another interface, and none without its description, ever enters its queue.
pub(super) fn open_capture(
    info: &InterfaceInfo,
    receive_buffer: u32,
    filter: Option<&[Instruction]>,
) -> Result<OwnedFd, AfPacketError> {
    let iface = || info.name.clone();
    let socket = open_socket()?;
    let fd = socket.as_fd();
    if let Some(filter) = filter {
        attach_filter(fd, filter).map_err(|source| AfPacketError::Filter { iface: iface(), source })?;
    }
    let membership = libc::packet_mreq {
        mr_ifindex: info.index.cast_signed(),
        mr_type: u16::try_from(libc::PACKET_MR_PROMISC).unwrap_or_default(),
        mr_alen: 0,
        mr_address: [0; 8],
    };
    set_option(fd, libc::SOL_PACKET, libc::PACKET_ADD_MEMBERSHIP, &membership)
        .map_err(|source| AfPacketError::Promiscuous { iface: iface(), source })?;
    set_option(fd, libc::SOL_PACKET, PACKET_AUXDATA, &1)
        .map_err(|source| AfPacketError::Auxdata { iface: iface(), source })?;
    set_option(fd, libc::SOL_PACKET, PACKET_VNET_HDR, &1)
        .map_err(|source| AfPacketError::VnetHeader { iface: iface(), source })?;
    // Saves the work of reading what this host sends; before Linux 4.20 it is read and left out.
    if let Err(error) = set_option(fd, libc::SOL_PACKET, PACKET_IGNORE_OUTGOING, &1) {
        tracing::debug!(target: "lanparty::port", %error, "outgoing frames are captured and left out");
    }
    set_receive_buffer(fd, receive_buffer).map_err(AfPacketError::ReceiveBuffer)?;
    bind(fd, info, ETH_P_ALL.to_be())?;
    Ok(socket)
}

/// Opens the socket that sends.
///
/// A socket of its own, for no protocol: it never receives, and its calls cannot take away the error that tells the reader
/// of an interface that went down. Returns also whether every frame is to have a [`VnetHeader`], which super-frames need.
pub(super) fn open_output(info: &InterfaceInfo) -> Result<(OwnedFd, bool), AfPacketError> {
    let socket = open_socket()?;
    let vnet = set_option(socket.as_fd(), libc::SOL_PACKET, PACKET_VNET_HDR, &1);
    if let Err(error) = &vnet {
        tracing::debug!(target: "lanparty::port", %error, "frames are sent one by one");
    }
    bind(socket.as_fd(), info, 0)?;
    Ok((socket, vnet.is_ok()))
}

/// Registers the listening socket with the runtime.
pub(super) fn register(socket: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an OwnedFd is one open descriptor, always the same, for as long as it lives, and AsyncFd keeps it alive.
    Ok(unsafe { AsyncFd::register_with_interest(socket, Interest::READABLE) }?)
}

/// Replaces the socket's filter.
pub(super) fn attach_filter(fd: BorrowedFd<'_>, program: &[Instruction]) -> io::Result<()> {
    let program = libc::sock_fprog {
        len: u16::try_from(program.len()).map_err(|_| io::ErrorKind::InvalidInput)?,
        filter: program.as_ptr().cast_mut(),
    };
    set_option(fd, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &program)
}

/// The receive buffer as it was asked for: the kernel keeps twice that for its own book-keeping.
pub(super) fn receive_buffer_bytes(fd: BorrowedFd<'_>) -> io::Result<u32> {
    let doubled: libc::c_int = option(fd, libc::SOL_SOCKET, libc::SO_RCVBUF)?;
    Ok(doubled.cast_unsigned() / 2)
}

/// How many frames the kernel dropped since it was last asked.
pub(super) fn take_kernel_drops(fd: BorrowedFd<'_>) -> io::Result<u32> {
    /// `struct tpacket_stats`: the kernel sets it to zero when it is read.
    #[repr(C)]
    #[derive(Clone, Copy)]
    struct Statistics {
        packets: u32,
        drops: u32,
    }
    option::<Statistics>(fd, libc::SOL_PACKET, PACKET_STATISTICS).map(|statistics| statistics.drops)
}

/// Whether the socket still hangs on an interface. The kernel unbinds it when the interface is removed.
pub(super) fn is_bound(fd: BorrowedFd<'_>) -> io::Result<bool> {
    // SAFETY: sockaddr_ll is plain data, for which all zeros is a valid value.
    let mut address: libc::sockaddr_ll = unsafe { zeroed() };
    let mut len = socklen::<libc::sockaddr_ll>();
    // SAFETY: the descriptor is open, and the kernel writes at most `len` bytes to `address`.
    check(unsafe { libc::getsockname(fd.as_raw_fd(), (&raw mut address).cast(), &raw mut len) })?;
    Ok(address.sll_ifindex > 0)
}

/// Sends `frames` in order, at most [`BATCH`] of them, each behind a [`VnetHeader`] that asks for nothing if there is to
/// be one. Returns how many were sent: at least one.
pub(super) fn send_many(fd: BorrowedFd<'_>, vnet: bool, frames: &[&Bytes]) -> io::Result<usize> {
    static NOTHING: [u8; VnetHeader::LEN] = [0; VnetHeader::LEN];
    // SAFETY: iovec and mmsghdr are plain data, for which all zeros is a valid value.
    let (mut vectors, mut headers): ([[libc::iovec; 2]; BATCH], [libc::mmsghdr; BATCH]) = unsafe { zeroed() };
    let mut count = 0;
    for ((frame, pieces), header) in frames.iter().zip(&mut vectors).zip(&mut headers) {
        *pieces = [&NOTHING[..], &frame[..]]
            .map(|piece| libc::iovec { iov_base: piece.as_ptr().cast_mut().cast(), iov_len: piece.len() });
        let pieces = if vnet { &mut pieces[..] } else { &mut pieces[1..] };
        header.msg_hdr.msg_iov = pieces.as_mut_ptr();
        header.msg_hdr.msg_iovlen = pieces.len() as _;
        count += 1;
    }
    // SAFETY: the first `count` headers point to vectors that point to `frames` and a constant; all live until the call
    // returns, and sending only reads them.
    let sent =
        unsafe { libc::sendmmsg(fd.as_raw_fd(), headers.as_mut_ptr(), count, libc::MSG_DONTWAIT as _) };
    check(sent).map(|sent| usize::try_from(sent).unwrap_or_default())
}

/// Buffers for what one call receives.
///
/// Any frame may be a super-frame, so every buffer is as large as one. They are used again by every call, and what
/// arrives is copied to memory of its own length: the copy costs far less than the system call does per frame, and
/// otherwise each frame in flight would occupy 64 KiB. The kernel gives memory only to pages that were written to, so the
/// two megabytes are 128 KiB as long as the frames are ordinary ones.
pub(super) struct Arena {
    bytes: Vec<u8>,
    received: [Received; BATCH],
}

/// What the kernel said of one frame.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Received {
    /// How many bytes lie in the buffer.
    pub(super) len: usize,
    /// How many the frame had.
    pub(super) wire_len: usize,
    /// This host sent it.
    pub(super) outgoing: bool,
    pub(super) vnet: VnetHeader,
    pub(super) checksum_missing: bool,
    pub(super) tag: Option<[u8; VLAN_TAG_LEN]>,
}

impl Arena {
    pub(super) fn new() -> Self {
        Self { bytes: vec![0; STRIDE * BATCH], received: [Received::default(); BATCH] }
    }

    /// The frame with this index, of those that were received last.
    pub(super) fn frame(&mut self, index: usize) -> (&mut [u8], Received) {
        let received = self.received[index];
        let start = index * STRIDE;
        (&mut self.bytes[start..start + received.len], received)
    }

    /// Receives at most `limit` and [`BATCH`] frames without waiting, and returns how many.
    pub(super) fn receive(&mut self, fd: BorrowedFd<'_>, limit: usize) -> io::Result<usize> {
        /// Room and alignment for one control message with [`AuxData`].
        type Control = [u64; 8];
        // SAFETY: these are plain data, for which all zeros is a valid value.
        let (mut vectors, mut headers, mut addresses): (
            [[libc::iovec; 2]; BATCH],
            [libc::mmsghdr; BATCH],
            [libc::sockaddr_ll; BATCH],
        ) = unsafe { zeroed() };
        let mut vnets = [[0_u8; VnetHeader::LEN]; BATCH];
        let mut controls: [Control; BATCH] = [[0; 8]; BATCH];

        let count = limit.min(BATCH);
        for index in 0..count {
            let start = index * STRIDE;
            let buffer = &mut self.bytes[start..start + FRAME_LEN];
            vectors[index] = [
                libc::iovec { iov_base: vnets[index].as_mut_ptr().cast(), iov_len: VnetHeader::LEN },
                libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() },
            ];
            let header = &mut headers[index].msg_hdr;
            header.msg_name = (&raw mut addresses[index]).cast();
            header.msg_namelen = socklen::<libc::sockaddr_ll>();
            header.msg_iov = vectors[index].as_mut_ptr();
            header.msg_iovlen = 2;
            header.msg_control = controls[index].as_mut_ptr().cast();
            header.msg_controllen = size_of::<Control>() as _;
        }
        let vlen = u32::try_from(count).unwrap_or_default();
        // SAFETY: the first `count` headers point to buffers of the lengths they name, none of them shared; all live
        // until the call returns, and no reference to them is used in between.
        let received = check(unsafe {
            libc::recvmmsg(
                fd.as_raw_fd(),
                headers.as_mut_ptr(),
                vlen,
                libc::MSG_DONTWAIT as _,
                std::ptr::null_mut(),
            )
        })?;
        let received = usize::try_from(received).unwrap_or_default().min(count);

        for index in 0..received {
            let header = &headers[index];
            let len = usize::try_from(header.msg_len).unwrap_or_default().saturating_sub(VnetHeader::LEN);
            // SAFETY: the kernel has filled in this header, and its control buffer is still alive and aligned.
            let aux = unsafe { auxiliary_data(&header.msg_hdr) };
            let wire_len = usize::try_from(aux.len).unwrap_or_default();
            let truncated = header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0;
            let tpid = match aux.vlan_tpid {
                tpid if aux.status & TP_STATUS_VLAN_TPID_VALID != 0 => tpid,
                _ => 0x8100,
            };
            self.received[index] = Received {
                len: len.min(FRAME_LEN),
                wire_len: if truncated { wire_len.max(len + 1) } else { len },
                outgoing: addresses[index].sll_pkttype == libc::PACKET_OUTGOING,
                vnet: VnetHeader::parse(vnets[index]),
                checksum_missing: aux.status & TP_STATUS_CSUMNOTREADY != 0,
                tag: (aux.status & TP_STATUS_VLAN_VALID != 0).then(|| vlan_tag(tpid, aux.vlan_tci)),
            };
        }
        Ok(received)
    }
}

/// The [`AuxData`] among the control messages; all zeros if there is none.
///
/// # Safety
/// `header` must be as `recvmmsg` left it, with its control buffer alive and aligned for `cmsghdr`.
unsafe fn auxiliary_data(header: &libc::msghdr) -> AuxData {
    // SAFETY: the caller vouches for the header and its control buffer.
    let mut control = unsafe { libc::CMSG_FIRSTHDR(header) };
    while !control.is_null() {
        // SAFETY: CMSG_FIRSTHDR and CMSG_NXTHDR return null or a whole header inside the control buffer.
        let message = unsafe { &*control };
        if message.cmsg_level == libc::SOL_PACKET && message.cmsg_type == PACKET_AUXDATA {
            // SAFETY: the kernel puts a whole tpacket_auxdata behind a header of this type; it need not be aligned.
            return unsafe { libc::CMSG_DATA(control).cast::<AuxData>().read_unaligned() };
        }
        // SAFETY: as for the first one.
        control = unsafe { libc::CMSG_NXTHDR(header, control) };
    }
    AuxData::default()
}

fn open_socket() -> Result<OwnedFd, AfPacketError> {
    let kind = libc::SOCK_RAW | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: socket() takes no pointers.
    match check(unsafe { libc::socket(libc::AF_PACKET, kind, 0) }) {
        // SAFETY: the kernel has just made this descriptor, and nobody else knows it.
        Ok(fd) => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
        Err(source) if source.kind() == io::ErrorKind::PermissionDenied => {
            Err(AfPacketError::NotPermitted { source })
        }
        Err(source) => Err(AfPacketError::Socket(source)),
    }
}

fn bind(fd: BorrowedFd<'_>, info: &InterfaceInfo, protocol: u16) -> Result<(), AfPacketError> {
    // SAFETY: sockaddr_ll is plain data, for which all zeros is a valid value.
    let mut address: libc::sockaddr_ll = unsafe { zeroed() };
    address.sll_family = AF_PACKET;
    address.sll_protocol = protocol;
    address.sll_ifindex = info.index.cast_signed();
    // SAFETY: the descriptor is open, and the kernel reads exactly one sockaddr_ll.
    check(unsafe { libc::bind(fd.as_raw_fd(), (&raw const address).cast(), socklen::<libc::sockaddr_ll>()) })
        .map(drop)
        .map_err(|source| AfPacketError::Bind { iface: info.name.clone(), source })
}

fn set_receive_buffer(fd: BorrowedFd<'_>, bytes: u32) -> io::Result<()> {
    let bytes = libc::c_int::try_from(bytes).unwrap_or(libc::c_int::MAX / 2);
    // Goes beyond the system's limit, for those who may.
    if set_option(fd, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, &bytes).is_err() {
        set_option(fd, libc::SOL_SOCKET, libc::SO_RCVBUF, &bytes)?;
    }
    let granted = receive_buffer_bytes(fd)?;
    if granted < bytes.cast_unsigned() {
        tracing::warn!(
            target: "lanparty::port",
            granted,
            wanted = bytes,
            "the receive buffer is smaller than wanted: raise sysctl net.core.rmem_max"
        );
    }
    Ok(())
}

fn set_option<T: Copy>(
    fd: BorrowedFd<'_>,
    level: libc::c_int,
    name: libc::c_int,
    value: &T,
) -> io::Result<()> {
    // SAFETY: the descriptor is open, and the kernel reads exactly one T, which every caller chose to be the C type of
    // its option.
    check(unsafe {
        libc::setsockopt(fd.as_raw_fd(), level, name, std::ptr::from_ref(value).cast(), socklen::<T>())
    })
    .map(drop)
}

/// Reads an option into a `T`, which must be made of integers only.
fn option<T: Copy>(fd: BorrowedFd<'_>, level: libc::c_int, name: libc::c_int) -> io::Result<T> {
    // SAFETY: every caller reads integers, for which all zeros and whatever the kernel writes are valid.
    let mut value: T = unsafe { zeroed() };
    let mut len = socklen::<T>();
    // SAFETY: the descriptor is open, and the kernel writes at most `len` bytes to `value`.
    check(unsafe { libc::getsockopt(fd.as_raw_fd(), level, name, (&raw mut value).cast(), &raw mut len) })?;
    Ok(value)
}

#[expect(clippy::cast_possible_truncation, reason = "the size of a small C structure")]
const fn socklen<T>() -> libc::socklen_t {
    size_of::<T>() as libc::socklen_t
}
