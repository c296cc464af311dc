//! The adapter as a port.

use std::fmt;
use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, Sleep, sleep_until};
use windows::Win32::Foundation::{ERROR_MORE_DATA, ERROR_OPERATION_ABORTED};

use super::adapter::Adapter;
use super::{DriverVersion, TapError, TapOptions};
use crate::frame::ETHERNET_HEADER_LEN;
use crate::obs::{DropCounts, DropReason};
use crate::port::slab::Slab;
use crate::port::{
    FrameBatch, FrameSink, FrameSource, InterfaceAddress, Port, PortCaps, PortKind, TrySendError,
};

/// How long it waits before it tries again to read from a driver that has ended the reads by itself.
const REVIVAL_PAUSE: Duration = Duration::from_secs(1);

/// Opens TAP adapters as ports.
#[derive(Debug)]
pub struct TapPort;

impl TapPort {
    /// Takes the adapter that `options` describe.
    ///
    /// It may wait some seconds for the adapter to restart, if its address has to change. The port must be read inside
    /// a tokio runtime with time enabled.
    ///
    /// # Errors
    /// A [`TapError`] that names the adapter and the way out. The computer's settings are as before then.
    pub fn open(options: &TapOptions) -> Result<Port, TapError> {
        Self::open_with_handle(options).map(|(port, _)| port)
    }

    /// As [`TapPort::open`], with a handle on the adapter beside the port.
    ///
    /// # Errors
    /// A [`TapError`] that names the adapter and the way out.
    pub fn open_with_handle(options: &TapOptions) -> Result<(Port, TapHandle), TapError> {
        let adapter = Arc::new(Adapter::open(options)?);
        let handle = TapHandle {
            adapter: Arc::downgrade(&adapter),
            name: adapter.name.clone(),
            instance_id: adapter.instance_id.clone(),
            version: adapter.version,
        };
        let source = TapSource {
            adapter: Arc::clone(&adapter),
            slab: Slab::default(),
            drops: DropCounts::default(),
            revival: None,
            revived: None,
        };
        Ok((Port::new(source, TapSink { adapter }), handle))
    }
}

/// A handle on an open adapter. It does not keep it alive: once the port is dropped, every call fails with
/// [`io::ErrorKind::NotConnected`].
#[derive(Clone)]
pub struct TapHandle {
    adapter: Weak<Adapter>,
    name: String,
    instance_id: String,
    version: DriverVersion,
}

impl TapHandle {
    /// The adapter's connection name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The adapter's `NetCfgInstanceId`, in braces.
    #[must_use]
    pub fn instance_id(&self) -> &str {
        &self.instance_id
    }

    /// The version of its driver.
    #[must_use]
    pub const fn driver_version(&self) -> DriverVersion {
        self.version
    }

    /// Gives the adapter a static IP address, for a room without a DHCP server. It is taken away again with the port.
    ///
    /// # Errors
    /// The system's; [`io::ErrorKind::Unsupported`] if the port is to leave the adapter's settings alone.
    pub fn add_address(&self, address: InterfaceAddress) -> io::Result<()> {
        let adapter = self.adapter.upgrade().ok_or(io::ErrorKind::NotConnected)?;
        adapter.add_address(address)
    }
}

impl fmt::Debug for TapHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TapHandle")
            .field("name", &self.name)
            .field("open", &(self.adapter.strong_count() > 0))
            .finish_non_exhaustive()
    }
}

/// Reads what the computer sends through its adapter. Made by [`TapPort::open`].
///
/// [`take_drops`](FrameSource::take_drops) tells runts, frames longer than the driver's own limit, and what the driver
/// took for the computer and did not deliver.
pub struct TapSource {
    adapter: Arc<Adapter>,
    slab: Slab,
    drops: DropCounts,
    /// The driver has ended reads by itself: when to try again.
    revival: Option<Pin<Box<Sleep>>>,
    /// When it last did.
    revived: Option<Instant>,
}

impl FrameSource for TapSource {
    fn poll_recv(&mut self, cx: &mut Context<'_>, batch: &mut FrameBatch) -> Poll<io::Result<()>> {
        loop {
            if let Some(revival) = &mut self.revival {
                ready!(revival.as_mut().poll(cx));
                self.revival = None;
                self.adapter.revive()?;
                self.revived = Some(Instant::now());
            }
            if self.adapter.is_gone() {
                return Poll::Ready(Err(self.adapter.removed()));
            }
            let Self { adapter, slab, drops, revival, revived } = self;
            let mut is_refused = false;
            let any = adapter.pump.receive(cx.waker(), adapter.is_linked(), |read| {
                match read {
                    Ok(frame) if frame.len() < ETHERNET_HEADER_LEN => drops.add(DropReason::Runt),
                    Ok(frame) => batch.push(slab.frame(&[frame])),
                    Err(error) if error == ERROR_MORE_DATA.0 => drops.add(DropReason::Truncated),
                    Err(error) => {
                        if error != ERROR_OPERATION_ABORTED.0 {
                            tracing::debug!(target: "lanparty::port", error, "the adapter does not read");
                        }
                        is_refused = true;
                    }
                }
                !batch.is_full()
            });
            if is_refused && adapter.is_linked() {
                // The first time at once: it may have been nothing but the cable, pulled and plugged in again.
                let at = revived.map_or_else(Instant::now, |revived| revived + REVIVAL_PAUSE);
                *revival = Some(Box::pin(sleep_until(at)));
            } else if any && adapter.is_linked() {
                // The cable may have been plugged in meanwhile.
                adapter.pump.issue_reads();
            }
            if !batch.is_empty() {
                return Poll::Ready(Ok(()));
            }
            if !any {
                return Poll::Pending;
            }
        }
    }

    fn take_drops(&mut self) -> DropCounts {
        self.drops.add_many(DropReason::PortError, self.adapter.pump.take_unwritten());
        std::mem::take(&mut self.drops)
    }
}

impl fmt::Debug for TapSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TapSource").field("name", &self.adapter.name).finish_non_exhaustive()
    }
}

/// Writes frames to the computer through its adapter. Made by [`TapPort::open`].
///
/// [`set_link`](FrameSink::set_link) plugs the cable in and pulls it; the adapter itself stays, so that its addresses and
/// routes stay too. A frame is [refused](TrySendError::Refused) while the cable is pulled.
#[derive(Debug)]
pub struct TapSink {
    adapter: Arc<Adapter>,
}

impl FrameSink for TapSink {
    fn caps(&self) -> PortCaps {
        PortCaps::new(PortKind::Tap, &self.adapter.name).with_mac(self.adapter.mac).with_mtu(self.adapter.mtu)
    }

    fn try_send(&self, frame: Bytes) -> Result<(), TrySendError> {
        if frame.len() < ETHERNET_HEADER_LEN {
            return Err(TrySendError::Refused(io::ErrorKind::InvalidInput.into()));
        }
        if self.adapter.is_gone() {
            return Err(TrySendError::Closed(frame));
        }
        if !self.adapter.is_linked() {
            return Err(TrySendError::Refused(io::ErrorKind::NotConnected.into()));
        }
        match self.adapter.pump.write(frame) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(frame)) => Err(TrySendError::Full(frame)),
            Err(error) => Err(TrySendError::Refused(io::Error::from_raw_os_error(error.cast_signed()))),
        }
    }

    fn set_mtu(&self, mtu: u16) -> io::Result<()> {
        self.adapter.set_mtu(mtu)
    }

    fn set_link(&self, up: bool) -> io::Result<()> {
        self.adapter.set_link(up)
    }
}
