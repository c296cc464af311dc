//! The device behind `/dev/net/tun`: one method per system call.
#![allow(unsafe_code, reason = "the TAP driver is driven by ioctls and plain reads and writes")]

use std::fs::OpenOptions;
use std::io::{self, IoSliceMut};
use std::net::IpAddr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::atomic::{AtomicU16, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use nix::sys::uio::readv;
use tokio::io::Interest;
use tokio::io::unix::{AsyncFd, AsyncFdReadyGuard};

use super::TapError;
use crate::frame::MacAddr;
use crate::port::InterfaceAddress;
use crate::port::interface::{Interface, check, request};
use crate::port::merging::{Merging, write_frame};
use crate::port::offload::VnetHeader;

const TUN_PATH: &str = "/dev/net/tun";

/// An adapter and the descriptor that keeps it alive.
#[derive(Debug)]
pub(super) struct Device {
    fd: AsyncFd<OwnedFd>,
    interface: Interface,
    name: String,
    mac: MacAddr,
    mtu: AtomicU16,
    /// Whether every frame comes and goes behind a [`VnetHeader`].
    vnet: bool,
    merging: Merging,
}

impl Device {
    /// Makes an adapter that does not exist yet, switched on and with its cable pulled.
    ///
    /// With `offload`, frames are exchanged as the kernel has them inside, as far as this kernel does that.
    pub(super) fn create(
        name: &str,
        mac: Option<MacAddr>,
        mtu: u16,
        offload: bool,
    ) -> Result<Self, TapError> {
        let owned = || name.to_owned();
        let fd = open_tun()?;
        let vnet = attach(&fd, name, offload)?;
        if vnet {
            set_offload(&fd);
        }
        let interface = Interface::new(name).map_err(TapError::Socket)?;
        if let Some(mac) = mac {
            interface.set_hardware_address(mac).map_err(|source| TapError::SetMac {
                name: owned(),
                mac,
                source,
            })?;
        }
        interface.set_mtu(mtu).map_err(|source| TapError::SetMtu { name: owned(), mtu, source })?;
        if let Err(error) = set_carrier(&fd, false) {
            tracing::debug!(target: "lanparty::port", %error, "this kernel cannot pull a cable");
        }
        interface.set_up(true).map_err(|source| TapError::SetUp { name: owned(), source })?;
        let (_, mac) =
            interface.hardware_address().map_err(|source| TapError::Query { name: owned(), source })?;
        // SAFETY: an OwnedFd is one open descriptor, always the same, for as long as it lives, and AsyncFd keeps it alive.
        let fd = unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) }
            .map_err(|error| TapError::Reactor(error.into()))?;
        Ok(Self {
            fd,
            interface,
            name: owned(),
            mac,
            mtu: AtomicU16::new(mtu),
            vnet,
            merging: Merging::new(vnet, usize::MAX),
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) const fn mac(&self) -> MacAddr {
        self.mac
    }

    pub(super) fn mtu(&self) -> u16 {
        self.mtu.load(Ordering::Relaxed)
    }

    pub(super) fn set_mtu(&self, mtu: u16) -> io::Result<()> {
        if self.mtu() != mtu {
            self.interface.set_mtu(mtu)?;
            self.mtu.store(mtu, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Plugs the cable in or pulls it. Before Linux 5.0 there is no cable, and the adapter is switched on and off.
    pub(super) fn set_link(&self, up: bool) -> io::Result<()> {
        match set_carrier(self.fd.get_ref(), up) {
            Err(error) if matches!(error.raw_os_error(), Some(libc::EINVAL | libc::ENOTTY)) => {
                self.interface.set_up(up)
            }
            result => result,
        }
    }

    pub(super) fn add_address(&self, address: InterfaceAddress) -> io::Result<()> {
        match address.address() {
            IpAddr::V4(ip) => self.interface.set_ipv4(ip, address.prefix_len()),
            IpAddr::V6(ip) => self.interface.add_ipv6(ip, address.prefix_len()),
        }
    }

    pub(super) fn poll_read_ready(
        &self,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<AsyncFdReadyGuard<'_, OwnedFd>>> {
        self.fd.poll_read_ready(cx)
    }

    /// Whether the adapter is still there: it may have been deleted by another program.
    pub(super) fn exists(&self) -> bool {
        let Ok(mut request) = request(&self.name) else { return false };
        // SAFETY: the descriptor is open, and TUNGETIFF writes an ifreq.
        check(unsafe { libc::ioctl(self.fd.as_raw_fd(), libc::TUNGETIFF, &raw mut request) }).is_ok()
    }

    /// Reads one frame to `place`, and what does not fit there to `overflow`. Returns its length and what is still to be
    /// done to it.
    pub(super) fn read(&self, place: &mut [u8], overflow: &mut [u8]) -> io::Result<(usize, VnetHeader)> {
        if !self.vnet {
            let mut pieces = [IoSliceMut::new(place), IoSliceMut::new(overflow)];
            return Ok((readv(&self.fd, &mut pieces)?, VnetHeader::default()));
        }
        let mut header = [0; VnetHeader::LEN];
        let mut pieces = [IoSliceMut::new(&mut header), IoSliceMut::new(place), IoSliceMut::new(overflow)];
        let read = readv(&self.fd, &mut pieces)?;
        Ok((read.saturating_sub(VnetHeader::LEN), VnetHeader::parse(header)))
    }

    /// Writes several frames, those of one flow as one, and the others by `send_each`.
    pub(super) fn write_batch(&self, frames: &[Bytes], send_each: impl FnMut(&[&Bytes]) -> usize) {
        self.merging.send(&self.fd, frames, send_each);
    }

    /// Writes one frame.
    pub(super) fn write(&self, frame: &[u8]) -> io::Result<()> {
        if self.vnet {
            return write_frame(&self.fd, VnetHeader::default(), std::iter::once(frame));
        }
        // Vectors have their price, and here are none needed.
        nix::unistd::write(&self.fd, frame)?;
        Ok(())
    }
}

fn open_tun() -> Result<OwnedFd, TapError> {
    let options = OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK).open(TUN_PATH);
    match options {
        Ok(file) => Ok(file.into()),
        Err(source) => Err(match source.raw_os_error() {
            Some(libc::ENOENT | libc::ENODEV | libc::ENXIO) => TapError::NoDriver { source },
            Some(libc::EACCES | libc::EPERM) => TapError::NotPermitted { source },
            _ => TapError::Open { source },
        }),
    }
}

/// Makes the adapter that `fd` then stands for. It must be new: an existing one would be shared. Returns whether frames
/// have a [`VnetHeader`], which is asked for with `offload`.
fn attach(fd: &OwnedFd, name: &str, offload: bool) -> Result<bool, TapError> {
    let owned = || name.to_owned();
    let create = |vnet: bool| {
        let mut request = request(name)?;
        let flags = libc::IFF_TAP | libc::IFF_NO_PI | libc::IFF_TUN_EXCL;
        let flags = if vnet { flags | libc::IFF_VNET_HDR } else { flags };
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the flags are sixteen bits, the highest of them included"
        )]
        let flags = flags as libc::c_short;
        request.ifr_ifru.ifru_flags = flags;
        // SAFETY: the descriptor is open, and TUNSETIFF takes an ifreq.
        check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::TUNSETIFF, &raw mut request) })
    };
    let result = match create(offload) {
        Err(error) if offload && error.raw_os_error() == Some(libc::EINVAL) => {
            tracing::debug!(target: "lanparty::port", %error, "this kernel has no offload for adapters");
            create(false).map(|_| false)
        }
        result => result.map(|_| offload),
    };
    result.map_err(|source| match source.raw_os_error() {
        Some(libc::EPERM) => TapError::NotPermitted { source },
        Some(libc::EBUSY) => TapError::Busy { name: owned(), source },
        _ => TapError::Create { name: owned(), source },
    })
}

/// Tells the kernel what it may leave to us, as much as it knows: what it does not know of, it does itself.
fn set_offload(fd: &OwnedFd) {
    const TCP: libc::c_uint = libc::TUN_F_CSUM | libc::TUN_F_TSO4 | libc::TUN_F_TSO6;
    const ECN: libc::c_uint = TCP | libc::TUN_F_TSO_ECN;
    /// Since Linux 6.2.
    const UDP: libc::c_uint = ECN | libc::TUN_F_USO4 | libc::TUN_F_USO6;
    for flags in [UDP, ECN, TCP, libc::TUN_F_CSUM] {
        // SAFETY: the descriptor is open, and TUNSETOFFLOAD takes a number.
        let result = unsafe { libc::ioctl(fd.as_raw_fd(), libc::TUNSETOFFLOAD, libc::c_ulong::from(flags)) };
        match check(result) {
            Ok(_) => return,
            Err(error) => {
                tracing::debug!(target: "lanparty::port", flags, %error, "this kernel has less offload");
            }
        }
    }
}

fn set_carrier(fd: &OwnedFd, carrier: bool) -> io::Result<()> {
    let carrier = libc::c_int::from(carrier);
    // SAFETY: the descriptor is open, and TUNSETCARRIER reads an int.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::TUNSETCARRIER, &raw const carrier) }).map(drop)
}
