//! A virtual Ethernet adapter as a port: a TAP device on Linux.
//!
//! [`TapPort::open`] makes a new adapter, which lives exactly as long as the port: it vanishes when the port is dropped,
//! and also when the process is killed. It needs `CAP_NET_ADMIN` to make it and to give it addresses, and nothing
//! afterwards: a program may drop the capability then, as long as the MTU stays.
//!
//! The adapter starts switched on, but with its cable pulled: a DHCP client waits until
//! [`set_link`](super::FrameSink::set_link) says that there is a room.

mod device;
mod error;

use std::fmt;
use std::io;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Interval, MissedTickBehavior, interval};

pub use error::TapError;

use super::address::InterfaceAddress;
use super::interface::check_name;
use super::offload::{GsoKind, Segments, VnetHeader, complete_checksum};
use super::slab::Slab;
use super::{FrameBatch, FrameSink, FrameSource, Port, PortCaps, PortKind, TrySendError};
use crate::frame::{DEFAULT_MTU, ETHERNET_HEADER_LEN, MAX_TAGGED_FRAME_LEN, MIN_MTU, MacAddr};
use crate::obs::{DropCounts, DropReason};
use device::Device;

/// How a TAP adapter is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TapOptions {
    name: String,
    mac: Option<MacAddr>,
    mtu: u16,
    addresses: Vec<InterfaceAddress>,
    offload: bool,
}

impl TapOptions {
    /// An adapter called `name`: at most 15 bytes, without `/`, `:`, `%` and whitespace.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), mac: None, mtu: DEFAULT_MTU, addresses: Vec::new(), offload: true }
    }

    /// Its address. Unless set, the kernel makes up a random one, which is another one each time.
    pub const fn mac(&mut self, mac: MacAddr) -> &mut Self {
        self.mac = Some(mac);
        self
    }

    /// The largest payload of a frame in bytes; [`DEFAULT_MTU`] unless set, and at least [`MIN_MTU`].
    pub const fn mtu(&mut self, mtu: u16) -> &mut Self {
        self.mtu = mtu;
        self
    }

    /// Gives it a static IP address from the start; see [`TapHandle::add_address`].
    pub fn address(&mut self, address: InterfaceAddress) -> &mut Self {
        self.addresses.push(address);
        self
    }

    /// Whether the kernel may hand over and take up to 64 KiB of a flow at once, and leave checksums to us: on unless set,
    /// as far as the kernel does that. The frames are the same either way; without, bulk costs several times as much.
    pub const fn offload(&mut self, offload: bool) -> &mut Self {
        self.offload = offload;
        self
    }
}

/// Opens TAP adapters as ports.
#[derive(Debug)]
pub struct TapPort;

impl TapPort {
    /// Makes the adapter that `options` describe.
    ///
    /// It must be called inside a tokio runtime with I/O and time enabled.
    ///
    /// # Errors
    /// A [`TapError`] that names the adapter and the step that failed. Nothing of the adapter is left then.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn open(options: &TapOptions) -> Result<Port, TapError> {
        Self::open_with_handle(options).map(|(port, _)| port)
    }

    /// As [`TapPort::open`], with a handle on the adapter beside the port.
    ///
    /// # Errors
    /// A [`TapError`] that names the adapter and the step that failed.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn open_with_handle(options: &TapOptions) -> Result<(Port, TapHandle), TapError> {
        let name = &options.name;
        check_name(name).map_err(|source| TapError::BadName { name: name.clone(), source })?;
        if let Some(mac) = options.mac.filter(|mac| !mac.is_unicast()) {
            return Err(TapError::BadMac { mac });
        }
        if options.mtu < MIN_MTU {
            return Err(TapError::BadMtu { mtu: options.mtu });
        }
        let device = Arc::new(Device::create(name, options.mac, options.mtu, options.offload)?);
        let handle = TapHandle { device: Arc::downgrade(&device), name: name.clone() };
        for address in &options.addresses {
            handle.add_address(*address).map_err(|source| TapError::Address {
                name: name.clone(),
                address: *address,
                source,
            })?;
        }
        let mut check = interval(CHECK_INTERVAL);
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let source = TapSource {
            device: device.clone(),
            check,
            slab: Slab::default(),
            large: vec![0; ORDINARY_LEN + OVERFLOW_LEN],
            drops: DropCounts::default(),
        };
        Ok((Port::new(source, TapSink { device }), handle))
    }
}

/// A handle on an open adapter. It does not keep it alive: once the port is dropped, every call fails with
/// [`io::ErrorKind::NotConnected`].
#[derive(Clone)]
pub struct TapHandle {
    device: Weak<Device>,
    name: String,
}

impl TapHandle {
    /// The adapter's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Gives the adapter a static IP address, for a room without a DHCP server.
    ///
    /// An IPv4 address replaces the one before it; IPv6 addresses add up. It needs `CAP_NET_ADMIN`.
    ///
    /// # Errors
    /// The kernel's; for IPv6 also where it is switched off on this host.
    pub fn add_address(&self, address: InterfaceAddress) -> io::Result<()> {
        let device = self.device.upgrade().ok_or(io::ErrorKind::NotConnected)?;
        device.add_address(address)
    }
}

impl fmt::Debug for TapHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TapHandle")
            .field("name", &self.name)
            .field("open", &(self.device.strong_count() > 0))
            .finish()
    }
}

/// How often an idle source looks whether its adapter is still there: the driver tells that by a bare error condition,
/// for which the runtime does not wake a reader.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// Where an ordinary frame is read to; what is longer continues in the overflow buffer.
const ORDINARY_LEN: usize = MAX_TAGGED_FRAME_LEN;
/// Together with [`ORDINARY_LEN`] more than the longest frame of a TAP device: its MTU is at most 65 521, and a
/// super-frame is an IP packet of at most 64 KiB.
const OVERFLOW_LEN: usize = 0x1_0000;

/// Reads what the host sends through its adapter. Made by [`TapPort::open`].
///
/// An ordinary frame is read straight to where it stays. One longer than standard Ethernet, which is a super-frame or
/// comes from a host where somebody raised the MTU, is put together from two pieces first.
/// [`take_drops`](FrameSource::take_drops) tells runts and offload that could not be finished.
pub struct TapSource {
    device: Arc<Device>,
    check: Interval,
    slab: Slab,
    /// Room for the longest frame, the second piece of which is read to where it belongs.
    large: Vec<u8>,
    drops: DropCounts,
}

impl TapSource {
    /// Reads once. Returns whether there may be more.
    fn read(&mut self, batch: &mut FrameBatch) -> io::Result<bool> {
        let place = self.slab.place(ORDINARY_LEN);
        match self.device.read(place, &mut self.large[ORDINARY_LEN..]) {
            Ok((len, vnet)) => {
                if let Err(reason) = self.finish(len, vnet, batch) {
                    tracing::trace!(target: "lanparty::port", len, %reason, "frame from the adapter dropped");
                    self.drops.add(reason);
                }
                Ok(true)
            }
            Err(error) => match error.raw_os_error() {
                Some(libc::EAGAIN) => Ok(false),
                Some(libc::EINTR) => Ok(true),
                // A super-frame of a kind that the kernel cannot describe: it is lost, the next one is not.
                Some(libc::EINVAL) => {
                    self.drops.add(DropReason::BadOffload);
                    Ok(true)
                }
                // The adapter was deleted under us.
                Some(libc::EBADFD | libc::EFAULT) => Err(removed(&self.device)),
                _ => Err(error),
            },
        }
    }

    /// Makes frames of what was read.
    fn finish(&mut self, len: usize, vnet: VnetHeader, batch: &mut FrameBatch) -> Result<(), DropReason> {
        if len < ETHERNET_HEADER_LEN {
            return Err(DropReason::Runt);
        }
        if len >= self.large.len() {
            return Err(DropReason::Truncated);
        }
        let place = self.slab.place(ORDINARY_LEN);
        if vnet.gso() == GsoKind::None && len <= ORDINARY_LEN {
            complete(&mut place[..len], vnet)?;
            batch.push(self.slab.take(len));
            return Ok(());
        }
        let head = len.min(ORDINARY_LEN);
        self.large[..head].copy_from_slice(&place[..head]);
        let frame = &mut self.large[..len];
        if vnet.gso() == GsoKind::None {
            complete(frame, vnet)?;
            batch.push(self.slab.frame(&[frame]));
            return Ok(());
        }
        let mut segments = Segments::new(frame, &vnet)?.at_most(self.device.mtu());
        while let Some((headers, payload)) = segments.next_segment() {
            batch.push(self.slab.frame(&[headers, payload]));
        }
        Ok(())
    }
}

fn complete(frame: &mut [u8], vnet: VnetHeader) -> Result<(), DropReason> {
    if vnet.needs_checksum() {
        complete_checksum(frame, vnet.csum_start.into(), vnet.csum_offset.into())?;
    }
    Ok(())
}

impl FrameSource for TapSource {
    fn poll_recv(&mut self, cx: &mut Context<'_>, batch: &mut FrameBatch) -> Poll<io::Result<()>> {
        let device = self.device.clone();
        loop {
            if self.check.poll_tick(cx).is_ready() {
                if !device.exists() {
                    return Poll::Ready(Err(removed(&device)));
                }
                continue;
            }
            let mut readiness = ready!(device.poll_read_ready(cx))?;
            while !batch.is_full() {
                match self.read(batch) {
                    Ok(true) => {}
                    Ok(false) => {
                        readiness.clear_ready();
                        break;
                    }
                    // It stays that way, and the frames before it come first.
                    Err(_) if !batch.is_empty() => break,
                    Err(error) => return Poll::Ready(Err(error)),
                }
            }
            if !batch.is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }

    fn take_drops(&mut self) -> DropCounts {
        std::mem::take(&mut self.drops)
    }
}

impl fmt::Debug for TapSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TapSource").field("name", &self.device.name()).finish_non_exhaustive()
    }
}

fn removed(device: &Device) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, TapError::Removed { name: device.name().to_owned() })
}

/// Writes frames to the host through its adapter. Made by [`TapPort::open`].
///
/// Frames of one TCP flow that come in one batch are written as one. [`set_link`](FrameSink::set_link) plugs the cable in
/// and pulls it; the adapter itself stays up, so that its addresses and routes stay too. A frame is
/// [refused](TrySendError::Refused) if the adapter was switched off by somebody.
#[derive(Debug)]
pub struct TapSink {
    device: Arc<Device>,
}

impl TapSink {
    fn send(&self, frame: &Bytes) -> Result<(), TrySendError> {
        loop {
            let Err(error) = self.device.write(frame) else { return Ok(()) };
            return Err(match error.raw_os_error() {
                Some(libc::EINTR) => continue,
                Some(libc::EAGAIN | libc::ENOBUFS | libc::ENOMEM) => TrySendError::Full(frame.clone()),
                Some(libc::EBADFD) => TrySendError::Closed(frame.clone()),
                _ => TrySendError::Refused(error),
            });
        }
    }
}

impl FrameSink for TapSink {
    fn caps(&self) -> PortCaps {
        PortCaps::new(PortKind::Tap, self.device.name())
            .with_mac(self.device.mac())
            .with_mtu(self.device.mtu())
    }

    fn try_send(&self, frame: Bytes) -> Result<(), TrySendError> {
        self.send(&frame)
    }

    fn try_send_batch(&self, frames: &mut Vec<Bytes>, refused: &mut dyn FnMut(TrySendError)) {
        self.device.write_batch(frames, |frames| {
            let mut taken = 0;
            for frame in frames {
                match self.send(frame) {
                    Ok(()) => taken += 1,
                    Err(error) => refused(error),
                }
            }
            taken
        });
        frames.clear();
    }

    fn set_mtu(&self, mtu: u16) -> io::Result<()> {
        self.device.set_mtu(mtu)
    }

    fn set_link(&self, up: bool) -> io::Result<()> {
        self.device.set_link(up)
    }
}
