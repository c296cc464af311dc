//! The sending half.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use bytes::Bytes;

use super::socket::{BATCH, send_many};
use crate::frame::ETHERNET_HEADER_LEN;
use crate::port::merging::Merging;
use crate::port::{FrameSink, PortCaps, TrySendError};

/// Sends frames out of an interface. Made by [`AfPacketPort::open`](super::AfPacketPort::open).
///
/// Frames of one TCP flow that come in one batch are handed to the kernel as one, which cuts them again if the network card
/// does not. A frame beyond the interface's MTU, and any frame while the interface is down, is
/// [refused](TrySendError::Refused); after the interface was removed the sink is [closed](TrySendError::Closed).
#[derive(Debug)]
pub struct AfPacketSink {
    socket: OwnedFd,
    /// Whether the socket expects a description before every frame.
    vnet: bool,
    merging: Merging,
    caps: PortCaps,
}

impl AfPacketSink {
    pub(super) const fn new(socket: OwnedFd, vnet: bool, caps: PortCaps) -> Self {
        let max_len = caps.mtu as usize + ETHERNET_HEADER_LEN;
        Self { socket, vnet, merging: Merging::new(vnet, max_len), caps }
    }

    /// Sends what it can, and reports every frame that was not taken. Returns how many were.
    fn send(&self, frames: &[&Bytes], refused: &mut dyn FnMut(TrySendError)) -> usize {
        let mut rest = frames;
        let mut all = 0;
        while let Some(first) = rest.first() {
            let taken = match send_many(self.socket.as_fd(), self.vnet, &rest[..rest.len().min(BATCH)]) {
                // At least one, and never more than there are: a kernel that says otherwise must not stop us.
                Ok(sent) => {
                    all += sent.clamp(1, rest.len());
                    sent.clamp(1, rest.len())
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                // The socket's own queue is full, and will be for those that follow.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    rest.iter().for_each(|frame| refused(TrySendError::Full((*frame).clone())));
                    break;
                }
                Err(error) => {
                    refused(classify(error, (*first).clone()));
                    1
                }
            };
            rest = &rest[taken..];
        }
        all
    }
}

impl FrameSink for AfPacketSink {
    fn caps(&self) -> PortCaps {
        self.caps.clone()
    }

    fn try_send(&self, frame: Bytes) -> Result<(), TrySendError> {
        let mut result = Ok(());
        self.send(&[&frame], &mut |error| result = Err(error));
        result
    }

    fn try_send_batch(&self, frames: &mut Vec<Bytes>, refused: &mut dyn FnMut(TrySendError)) {
        self.merging.send(&self.socket, frames, |frames| self.send(frames, refused));
        frames.clear();
    }

    /// Fails if the room's frames are larger than the interface's MTU, which is the LAN's and not ours to change.
    fn set_mtu(&self, mtu: u16) -> io::Result<()> {
        if mtu <= self.caps.mtu {
            return Ok(());
        }
        Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("{} carries {} bytes, not {mtu}", self.caps.name, self.caps.mtu),
        ))
    }
}

fn classify(error: io::Error, frame: Bytes) -> TrySendError {
    match error.raw_os_error() {
        // The interface's queue is full, or the kernel is short of memory.
        Some(libc::EAGAIN | libc::ENOBUFS | libc::ENOMEM) => TrySendError::Full(frame),
        Some(libc::ENXIO | libc::ENODEV) => TrySendError::Closed(frame),
        _ => TrySendError::Refused(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_mean_what_the_kernel_means() {
        let classified = |errno| classify(io::Error::from_raw_os_error(errno), Bytes::new());
        for full in [libc::EAGAIN, libc::ENOBUFS, libc::ENOMEM] {
            assert!(matches!(classified(full), TrySendError::Full(_)), "{full}");
        }
        for closed in [libc::ENXIO, libc::ENODEV] {
            assert!(matches!(classified(closed), TrySendError::Closed(_)), "{closed}");
        }
        for refused in [libc::EMSGSIZE, libc::ENETDOWN, libc::EINVAL, libc::EIO] {
            assert!(matches!(classified(refused), TrySendError::Refused(_)), "{refused}");
        }
    }
}
