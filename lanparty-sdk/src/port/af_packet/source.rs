//! The listening half.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::unix::AsyncFd;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::InterfaceInfo;
use super::decode::{Captured, Decoder};
use super::preflight::gone;
use super::socket::{Arena, is_bound, register, take_kernel_drops};
use crate::obs::{DropCounts, DropReason};
use crate::port::{FrameBatch, FrameSource};

/// How often an idle source looks whether its interface is still there. A packet socket says only by a bare error
/// condition that its interface went down, and nothing at all when one that is down is removed.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// How often one poll receives at most. Frames that are left out fill no batch, and must not keep other tasks waiting.
const MAX_ROUNDS: u32 = 16;

/// The listening socket, shared with handles.
pub(super) struct Capture {
    socket: AsyncFd<OwnedFd>,
    info: InterfaceInfo,
    kernel_drops: AtomicU64,
}

impl Capture {
    pub(super) fn new(socket: OwnedFd, info: InterfaceInfo) -> io::Result<Self> {
        Ok(Self { socket: register(socket)?, info, kernel_drops: AtomicU64::new(0) })
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.socket.get_ref().as_fd()
    }

    /// All frames that the kernel dropped so far.
    pub(super) fn kernel_drops(&self) -> io::Result<u64> {
        let new = u64::from(take_kernel_drops(self.fd())?);
        Ok(self.kernel_drops.fetch_add(new, Ordering::Relaxed) + new)
    }

    fn check(&self) -> io::Result<()> {
        if is_bound(self.fd())? {
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::NotFound, gone(&self.info)))
    }
}

/// Reads what arrives on an interface. Made by [`AfPacketPort::open`](super::AfPacketPort::open).
///
/// [`take_drops`](FrameSource::take_drops) tells runts, frames beyond 64 KiB, offload that could not be finished and,
/// as [`DropReason::PortFull`], what the kernel dropped because its receive buffer was full.
pub struct AfPacketSource {
    capture: Arc<Capture>,
    arena: Arena,
    decoder: Decoder,
    check: Interval,
    /// How many of the kernel's drops were told already.
    told: u64,
}

impl AfPacketSource {
    pub(super) fn new(capture: Arc<Capture>) -> Self {
        let mut check = interval(CHECK_INTERVAL);
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { capture, arena: Arena::new(), decoder: Decoder::default(), check, told: 0 }
    }

    /// Receives once. Returns whether there may be more.
    fn receive(&mut self, batch: &mut FrameBatch) -> io::Result<bool> {
        match self.arena.receive(self.capture.fd(), batch.remaining()) {
            Ok(count) => {
                for index in 0..count {
                    let (bytes, received) = self.arena.frame(index);
                    if received.outgoing {
                        continue;
                    }
                    let mut captured = Captured {
                        bytes,
                        wire_len: received.wire_len,
                        vnet: received.vnet,
                        checksum_missing: received.checksum_missing,
                        tag: received.tag,
                    };
                    self.decoder.decode(&mut captured, batch);
                }
                Ok(true)
            }
            Err(error) => match error.raw_os_error() {
                Some(libc::EAGAIN) => Ok(false),
                Some(libc::EINTR) => Ok(true),
                // The link went down, and frames come again when it is up; or it goes for good.
                Some(libc::ENETDOWN) => {
                    tracing::debug!(target: "lanparty::port", iface = self.capture.info.name, "link down");
                    self.capture.check().map(|()| true)
                }
                // A super-frame of a kind that the kernel cannot describe: it is lost, the next one is not.
                Some(libc::EINVAL) => {
                    self.decoder.drops.add(DropReason::BadOffload);
                    Ok(true)
                }
                _ => Err(error),
            },
        }
    }
}

impl FrameSource for AfPacketSource {
    fn poll_recv(&mut self, cx: &mut Context<'_>, batch: &mut FrameBatch) -> Poll<io::Result<()>> {
        let capture = self.capture.clone();
        loop {
            if self.check.poll_tick(cx).is_ready() {
                capture.check()?;
                continue;
            }
            let mut readiness = ready!(capture.socket.poll_read_ready(cx))?;
            // Until the socket says that it is empty: a call that returns fewer frames than it might have may also have
            // met an error, which only the next call tells.
            let mut rounds = 0;
            while !batch.is_full() && rounds < MAX_ROUNDS {
                match self.receive(batch) {
                    Ok(true) => rounds += 1,
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
            if rounds == MAX_ROUNDS {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
    }

    fn take_drops(&mut self) -> DropCounts {
        let mut drops = std::mem::take(&mut self.decoder.drops);
        if let Ok(all) = self.capture.kernel_drops() {
            drops.add_many(DropReason::PortFull, all.saturating_sub(self.told));
            self.told = all;
        }
        drops
    }
}

impl fmt::Debug for AfPacketSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AfPacketSource").field("iface", &self.capture.info.name).finish_non_exhaustive()
    }
}
