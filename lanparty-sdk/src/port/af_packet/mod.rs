//! A physical interface as a port: `AF_PACKET` on Linux.
//!
//! [`AfPacketPort::open`] listens on an interface in promiscuous mode, and sends frames out of it under any source
//! address. It needs `CAP_NET_RAW` to open, and nothing afterwards: a program may drop the capability then.
//!
//! What other programs on the same host send is not seen, and what is sent here does not reach the host itself: the host
//! of a gateway is not part of the party unless a TAP device in a bridge makes it so.
//!
//! Frames come as the wire would have carried them: checksums completed, super-frames cut, VLAN tags in place (see
//! [`offload`](super::offload)). A true jumbo frame is handed on whole, up to 64 KiB, for the switch to judge.
//!
//! The interface may go down and come up again; frames flow again then. If it is removed, the source fails with an
//! [`AfPacketError::Removed`] or [`AfPacketError::Recreated`] inside the [`io::Error`].

mod decode;
mod error;
mod filter;
mod preflight;
mod sink;
mod socket;
mod source;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};

pub use error::AfPacketError;
pub use preflight::{InterfaceInfo, preflight};
pub use sink::AfPacketSink;
pub use source::AfPacketSource;

use super::{Port, PortCaps, PortKind};
use source::Capture;

/// How to open an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AfPacketOptions {
    receive_buffer_bytes: u32,
    ignored_udp_flow: Option<SocketAddr>,
}

impl AfPacketOptions {
    /// The kernel's receive buffer unless set: 4 MiB, a few tens of milliseconds of gigabit Ethernet.
    pub const DEFAULT_RECEIVE_BUFFER_BYTES: u32 = 4 * 1024 * 1024;

    /// The defaults.
    #[must_use]
    pub const fn new() -> Self {
        Self { receive_buffer_bytes: Self::DEFAULT_RECEIVE_BUFFER_BYTES, ignored_udp_flow: None }
    }

    /// Asks for a kernel receive buffer of `bytes`. What the kernel grants may be less: see
    /// [`AfPacketHandle::receive_buffer_bytes`].
    pub const fn receive_buffer_bytes(&mut self, bytes: u32) -> &mut Self {
        self.receive_buffer_bytes = bytes;
        self
    }

    /// Does not listen to the UDP flow with `remote`, from the first frame on: see
    /// [`AfPacketHandle::ignore_udp_flow`].
    pub const fn ignore_udp_flow(&mut self, remote: SocketAddr) -> &mut Self {
        self.ignored_udp_flow = Some(remote);
        self
    }
}

impl Default for AfPacketOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// Opens interfaces as ports.
#[derive(Debug)]
pub struct AfPacketPort;

impl AfPacketPort {
    /// Opens the interface called `iface`, after every check of [`preflight`].
    ///
    /// It must be called inside a tokio runtime with I/O and time enabled.
    ///
    /// # Errors
    /// An [`AfPacketError`] that names the interface and the step that failed.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn open(iface: &str, options: &AfPacketOptions) -> Result<Port, AfPacketError> {
        Self::open_with_handle(iface, options).map(|(port, _)| port)
    }

    /// As [`AfPacketPort::open`], with a handle on the open socket beside the port.
    ///
    /// # Errors
    /// An [`AfPacketError`] that names the interface and the step that failed.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn open_with_handle(
        iface: &str,
        options: &AfPacketOptions,
    ) -> Result<(Port, AfPacketHandle), AfPacketError> {
        let info = preflight(iface)?;
        let filter = options.ignored_udp_flow.map(filter::udp_flow);
        let capture = socket::open_capture(&info, options.receive_buffer_bytes, filter.as_deref())?;
        let (output, vnet) = socket::open_output(&info)?;
        let capture = Arc::new(Capture::new(capture, info.clone()).map_err(AfPacketError::Reactor)?);
        let handle = AfPacketHandle { capture: Arc::downgrade(&capture) };
        let caps = PortCaps::new(PortKind::AfPacket, iface).with_mac(info.mac).with_mtu(info.mtu);
        Ok((Port::new(AfPacketSource::new(capture), AfPacketSink::new(output, vnet, caps)), handle))
    }
}

/// A handle on an open interface. It does not keep it open: once the port's source is dropped, every call fails with
/// [`io::ErrorKind::NotConnected`].
#[derive(Clone)]
pub struct AfPacketHandle {
    capture: Weak<Capture>,
}

impl AfPacketHandle {
    /// Stops listening to the UDP flow with `remote`, in place of an earlier one.
    ///
    /// For a gateway whose way to the relay leads through the bridged interface: its own tunnel would be captured, and
    /// tunnelled again. The kernel drops these frames before they are queued. VLAN-tagged frames and IP fragments with an
    /// offset pass.
    ///
    /// # Errors
    /// The kernel's, from `SO_ATTACH_FILTER`, or that the port is closed.
    pub fn ignore_udp_flow(&self, remote: SocketAddr) -> io::Result<()> {
        socket::attach_filter(self.capture()?.fd(), &filter::udp_flow(remote))
    }

    /// How many frames the kernel dropped because its receive buffer was full, since the port was opened.
    ///
    /// # Errors
    /// The kernel's, from `PACKET_STATISTICS`, or that the port is closed.
    pub fn kernel_drops(&self) -> io::Result<u64> {
        self.capture()?.kernel_drops()
    }

    /// The size of the kernel's receive buffer that was granted, in bytes as they were asked for. If it is less than the
    /// options said, `sysctl net.core.rmem_max` limits it.
    ///
    /// # Errors
    /// The kernel's, from `SO_RCVBUF`, or that the port is closed.
    pub fn receive_buffer_bytes(&self) -> io::Result<u32> {
        socket::receive_buffer_bytes(self.capture()?.fd())
    }

    fn capture(&self) -> io::Result<Arc<Capture>> {
        self.capture.upgrade().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl fmt::Debug for AfPacketHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AfPacketHandle").field("open", &(self.capture.strong_count() > 0)).finish()
    }
}
