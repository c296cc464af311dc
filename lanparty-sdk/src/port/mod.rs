//! Ports: where frames enter and leave a host.
//!
//! A port opens into a pair, because its halves need separate wakers: a [`FrameSource`] that a session reads, and a
//! [`FrameSink`] that it writes. Users may implement both for devices of their own.
//!
//! | port | system | needs |
//! |---|---|---|
//! | [`memory`] | any | nothing |
//! | `tap_linux` | Linux | `CAP_NET_ADMIN` |
//! | `tap_windows` | Windows, with TAP-Windows6 | administrator |
//! | `af_packet` | Linux | `CAP_NET_RAW` |

mod address;
pub mod memory;
pub mod offload;

#[cfg(all(feature = "runtime", target_os = "linux"))]
pub mod af_packet;
#[cfg(all(feature = "runtime", target_os = "linux"))]
pub mod tap_linux;
#[cfg(all(feature = "runtime", any(windows, test)))]
pub mod tap_windows;

#[cfg(all(feature = "runtime", target_os = "linux"))]
mod interface;
#[cfg(feature = "runtime")]
mod latency;
#[cfg(all(feature = "runtime", target_os = "linux"))]
mod merging;
#[cfg(all(feature = "runtime", target_os = "linux"))]
pub(crate) mod readiness;
#[cfg(all(feature = "runtime", any(target_os = "linux", windows)))]
mod slab;

pub use address::{InterfaceAddress, ParseAddressError};
#[cfg(all(feature = "runtime", target_os = "linux"))]
pub use interface::NameError;
#[cfg(feature = "runtime")]
pub use latency::prefer_latency;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};

use crate::frame::MacAddr;
use crate::obs::DropCounts;
use crate::proto::HEADROOM;

/// What kind of device a port is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PortKind {
    /// Frames in memory: the program itself is the port.
    Memory,
    /// A virtual adapter of this host.
    Tap,
    /// A physical interface, shared with this host.
    AfPacket,
    /// A device that the library does not know.
    Custom,
}

/// What a port is and what it can carry.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PortCaps {
    /// What kind of device it is.
    pub kind: PortKind,
    /// The device's name, as the system's tools show it.
    pub name: String,
    /// The device's own address; `None` if it has none.
    pub mac: Option<MacAddr>,
    /// The largest payload of a frame that the device carries, in bytes: 1500 for standard Ethernet.
    pub mtu: u16,
}

impl PortCaps {
    /// Describes a port of standard Ethernet without an address of its own.
    #[must_use]
    pub fn new(kind: PortKind, name: impl Into<String>) -> Self {
        Self { kind, name: name.into(), mac: None, mtu: crate::frame::DEFAULT_MTU }
    }

    /// Sets the device's own address.
    #[must_use]
    pub const fn with_mac(mut self, mac: MacAddr) -> Self {
        self.mac = Some(mac);
        self
    }

    /// Sets the largest payload in bytes.
    #[must_use]
    pub const fn with_mtu(mut self, mtu: u16) -> Self {
        self.mtu = mtu;
        self
    }
}

/// The addresses that this host has on a port, if the port is one of its adapters.
#[cfg(feature = "runtime")]
pub(crate) fn host_addresses(caps: &PortCaps) -> Vec<std::net::IpAddr> {
    if caps.kind != PortKind::Tap {
        return Vec::new();
    }
    #[cfg(target_os = "linux")]
    return interface::addresses(&caps.name);
    #[cfg(windows)]
    return crate::route::windows::addresses(&caps.name);
    #[cfg(not(any(target_os = "linux", windows)))]
    Vec::new()
}

/// Why a sink did not take a frame. The frame comes back where it still can be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrySendError {
    /// The device's queue is full at the moment.
    #[error("the port's queue is full")]
    Full(Bytes),
    /// The device refused this one frame; the next one may pass.
    #[error("the port refused the frame")]
    Refused(#[source] io::Error),
    /// The device is gone for good.
    #[error("the port is closed")]
    Closed(Bytes),
}

/// Where frames leave the room into a host.
///
/// Implementations never block, and count nothing themselves: the caller learns of every frame that was not taken.
pub trait FrameSink: Send + Sync + fmt::Debug {
    /// What the port is and what it can carry.
    fn caps(&self) -> PortCaps;

    /// Hands one frame to the device.
    ///
    /// # Errors
    /// [`TrySendError::Full`] gives the frame back; [`TrySendError::Refused`] concerns this frame only;
    /// [`TrySendError::Closed`] is final.
    fn try_send(&self, frame: Bytes) -> Result<(), TrySendError>;

    /// Hands several frames to the device, those of one flow in order, and reports each that was not taken to `refused`.
    fn try_send_batch(&self, frames: &mut Vec<Bytes>, refused: &mut dyn FnMut(TrySendError)) {
        for frame in frames.drain(..) {
            if let Err(error) = self.try_send(frame) {
                refused(error);
            }
        }
    }

    /// Tells the device the room's layer-2 MTU, once it is known. The default does nothing.
    ///
    /// # Errors
    /// The device cannot carry such frames.
    fn set_mtu(&self, mtu: u16) -> io::Result<()> {
        let _ = mtu;
        Ok(())
    }

    /// Tells the device whether there is a room behind it, so that the host sees the cable plugged or pulled. The
    /// default does nothing.
    ///
    /// # Errors
    /// The device did not follow.
    fn set_link(&self, up: bool) -> io::Result<()> {
        let _ = up;
        Ok(())
    }
}

/// Where a host's frames enter the room.
pub trait FrameSource: Send + fmt::Debug {
    /// Reads frames until `batch` is full or the device has no more, and is ready as soon as `batch` holds one.
    ///
    /// Each frame stands behind [`HEADROOM`] spare bytes (see [`PortFrame`]). `batch` is expected to be empty.
    ///
    /// # Errors
    /// The device is gone; no frame will come any more.
    fn poll_recv(&mut self, cx: &mut Context<'_>, batch: &mut FrameBatch) -> Poll<io::Result<()>>;

    /// Takes what the device itself had to drop since the last call. The default has nothing to tell.
    fn take_drops(&mut self) -> DropCounts {
        DropCounts::default()
    }
}

/// A frame as a port hands it over: writable, behind [`HEADROOM`] spare bytes, so that the overlay header can be put
/// before it without copying the frame.
pub struct PortFrame(BytesMut);

impl PortFrame {
    /// Copies `frame` behind fresh headroom.
    #[must_use]
    pub fn copy_from(frame: &[u8]) -> Self {
        let mut buffer = BytesMut::with_capacity(HEADROOM + frame.len());
        buffer.resize(HEADROOM, 0);
        buffer.extend_from_slice(frame);
        Self(buffer)
    }

    /// Takes a buffer whose first [`HEADROOM`] bytes are spare. `None` if it is shorter than that.
    #[must_use]
    pub fn from_buffer(buffer: BytesMut) -> Option<Self> {
        (buffer.len() >= HEADROOM).then_some(Self(buffer))
    }

    /// The frame.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0[HEADROOM..]
    }

    /// The frame, writable.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.0[HEADROOM..]
    }

    /// The whole buffer, headroom first.
    #[must_use]
    pub fn into_buffer(self) -> BytesMut {
        self.0
    }
}

impl fmt::Debug for PortFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PortFrame").field("len", &self.bytes().len()).finish()
    }
}

/// Frames that travel together from a port to a session: one wake-up serves all of them.
#[derive(Debug)]
pub struct FrameBatch {
    frames: Vec<PortFrame>,
    limit: usize,
}

impl FrameBatch {
    /// How many frames a session reads at once unless it says otherwise.
    pub const DEFAULT_LIMIT: usize = 64;

    /// An empty batch of at most `limit` frames.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { frames: Vec::with_capacity(limit), limit: limit.max(1) }
    }

    /// Whether no further frame may be added.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.frames.len() >= self.limit
    }

    /// Whether it holds no frame.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// How many frames it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// How many frames may still be added before it is full.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.limit.saturating_sub(self.frames.len())
    }

    /// Adds a frame. A source looks at [`FrameBatch::is_full`] before it reads; one super-frame that is cut into
    /// several may exceed the limit.
    pub fn push(&mut self, frame: PortFrame) {
        self.frames.push(frame);
    }

    /// Takes all frames out, in order.
    pub fn drain(&mut self) -> impl Iterator<Item = PortFrame> + '_ {
        self.frames.drain(..)
    }
}

impl Default for FrameBatch {
    fn default() -> Self {
        Self::new(Self::DEFAULT_LIMIT)
    }
}

/// An open device: its read half and its write half.
#[derive(Debug)]
pub struct Port {
    /// Where the host's frames come from.
    pub source: Box<dyn FrameSource>,
    /// Where the room's frames go.
    pub sink: Arc<dyn FrameSink>,
}

impl Port {
    /// Joins two halves.
    #[must_use]
    pub fn new(source: impl FrameSource + 'static, sink: impl FrameSink + 'static) -> Self {
        Self { source: Box::new(source), sink: Arc::new(sink) }
    }
}
