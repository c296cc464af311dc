//! Descriptors whose readiness the runtime watches.
#![allow(unsafe_code, reason = "tokio cannot know whether a type keeps its descriptor")]

use std::io;
use std::net::UdpSocket;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Owners of one open descriptor, always the same, for as long as they live.
pub(crate) trait Descriptor: AsRawFd {}

impl Descriptor for OwnedFd {}
impl Descriptor for UdpSocket {}
impl<T: Descriptor> Descriptor for Arc<T> {}

/// Has the runtime watch `fd` for `interest` alone: what else happens to it wakes nobody. It must be called within a
/// runtime with I/O enabled.
pub(crate) fn watch<T: Descriptor>(fd: T, interest: Interest) -> io::Result<AsyncFd<T>> {
    // SAFETY: a `Descriptor` keeps its descriptor open and unchanged, and AsyncFd keeps it.
    Ok(unsafe { AsyncFd::register_with_interest(fd, interest) }?)
}
