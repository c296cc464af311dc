//! A cable in memory: two ports without a driver or a privilege.
//!
//! One end usually becomes the [`Port`] of a session, and the program keeps the other as a [`MemoryPort`]: it is then a
//! station of the room itself. Each direction is a bounded queue that drops nothing: a full queue gives the frame back. Whoever has many
//! frames to move uses the batches: one wake-up and a lock or two serve all of them.
//!
//! ```
//! # use std::{pin::pin, task::{Context, Poll, Waker}};
//! use lanparty_sdk::port::memory;
//!
//! let (program, session) = memory::pair(64);
//! let port = session.into_port();
//!
//! program.try_send(b"\xff\xff\xff\xff\xff\xff\x02\0\0\0\0\x01\x08\x00 hello, LAN")?;
//! port.sink.try_send(bytes::Bytes::from_static(b"an answer from the room"))?;
//! # let mut program = program;
//! assert_eq!(program.try_recv()?, "an answer from the room");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod lane;
mod sink;
mod source;

pub use sink::MemorySink;
pub use source::MemorySource;

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;

use self::lane::{Lane, lock};
use super::{FrameSink as _, Port, PortCaps, PortKind};
use crate::frame::MacAddr;

/// Connects two ports by a cable whose queues hold `capacity` frames in each direction, at least one.
///
/// Both ends start as standard Ethernet without an address, named `memory`.
#[must_use]
pub fn pair(capacity: usize) -> (MemoryPort, MemoryPort) {
    let there = Arc::new(Lane::new(capacity));
    let back = Arc::new(Lane::new(capacity));
    (MemoryPort::new(back.clone(), there.clone()), MemoryPort::new(there, back))
}

/// One end of a cable in memory.
///
/// A program uses it directly, or [turns it into a port](Self::into_port) for a session. Dropping it ends the other end:
/// what it has sent already can still be received there, and then comes the end.
#[derive(Debug)]
pub struct MemoryPort {
    source: MemorySource,
    sink: MemorySink,
}

impl MemoryPort {
    fn new(rx: Arc<Lane>, tx: Arc<Lane>) -> Self {
        let sink = MemorySink::new(tx, PortCaps::new(PortKind::Memory, "memory"));
        Self { source: MemorySource::new(rx), sink }
    }

    /// Sets the name in the port's [`PortCaps`]; `memory` unless set.
    #[must_use]
    pub fn with_name(self, name: impl Into<String>) -> Self {
        lock(&self.sink.caps).name = name.into();
        self
    }

    /// Sets the address in the port's [`PortCaps`]; none unless set. The cable itself carries frames of any address.
    #[must_use]
    pub fn with_mac(self, mac: MacAddr) -> Self {
        lock(&self.sink.caps).mac = Some(mac);
        self
    }

    /// Sets the largest payload in the port's [`PortCaps`], in bytes;
    /// [`DEFAULT_MTU`](crate::frame::DEFAULT_MTU) unless set. The cable itself carries frames of any length.
    #[must_use]
    pub fn with_mtu(self, mtu: u16) -> Self {
        lock(&self.sink.caps).mtu = mtu;
        self
    }

    /// What this end was set up to be.
    #[must_use]
    pub fn caps(&self) -> PortCaps {
        self.sink.caps()
    }

    /// Waits for the next frame. `None` once the other end is gone and everything it sent has been received.
    ///
    /// Cancel safe: a dropped future has taken no frame.
    pub async fn recv(&mut self) -> Option<Bytes> {
        self.source.recv().await
    }

    /// Takes the next frame if there is one.
    ///
    /// # Errors
    /// [`TryRecvError::Empty`] for now, or [`TryRecvError::Closed`] for good.
    pub fn try_recv(&mut self) -> Result<Bytes, TryRecvError> {
        self.source.try_recv()
    }

    /// How many frames can be received at once.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.source.queued()
    }

    /// Takes the frames that are there, `max` at most, as [`MemorySource::try_recv_batch`] does.
    ///
    /// # Errors
    /// [`TryRecvError::Empty`] for now, or [`TryRecvError::Closed`] for good.
    pub fn try_recv_batch(&mut self, frames: &mut Vec<Bytes>, max: usize) -> Result<usize, TryRecvError> {
        self.source.try_recv_batch(frames, max)
    }

    /// Takes the frames that are there or has `cx` woken, as [`MemorySource::poll_recv_batch`] does.
    pub fn poll_recv_batch(
        &mut self,
        cx: &mut Context<'_>,
        frames: &mut Vec<Bytes>,
        max: usize,
    ) -> Poll<Option<usize>> {
        self.source.poll_recv_batch(cx, frames, max)
    }

    /// Waits for frames and takes `max` at most, as [`MemorySource::recv_batch`] does.
    pub async fn recv_batch(&mut self, frames: &mut Vec<Bytes>, max: usize) -> Option<usize> {
        self.source.recv_batch(frames, max).await
    }

    /// Shows `take` each frame until it refuses one, as [`MemorySource::try_drain`] does.
    ///
    /// # Errors
    /// [`TryRecvError::Empty`] for now, or [`TryRecvError::Closed`] for good.
    pub fn try_drain(&mut self, take: impl FnMut(&[u8]) -> bool) -> Result<usize, TryRecvError> {
        self.source.try_drain(take)
    }

    /// Shows `take` each frame until it refuses one, or has `cx` woken, as [`MemorySource::poll_drain`] does.
    pub fn poll_drain(
        &mut self,
        cx: &mut Context<'_>,
        take: impl FnMut(&[u8]) -> bool,
    ) -> Poll<Option<usize>> {
        self.source.poll_drain(cx, take)
    }

    /// Waits until the queue has room for `frame`, then sends a copy of it.
    ///
    /// Cancel safe: a dropped future has sent nothing.
    ///
    /// # Errors
    /// [`SendError::Closed`] once the other end is gone.
    pub async fn send(&self, frame: &[u8]) -> Result<(), SendError> {
        self.sink.send(frame).await
    }

    /// Sends a copy of `frame` if the queue has room.
    ///
    /// # Errors
    /// [`SendError::Full`] for now, or [`SendError::Closed`] for good.
    pub fn try_send(&self, frame: &[u8]) -> Result<(), SendError> {
        self.sink.try_send_copy(frame)
    }

    /// Sends copies of `frames` for as long as the queue has room, and says how many went, as
    /// [`MemorySink::try_send_batch_copy`] does.
    ///
    /// # Errors
    /// [`SendError::Full`] if there was no room even for the first, or [`SendError::Closed`] for good.
    pub fn try_send_batch_copy<'a>(
        &self,
        frames: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<usize, SendError> {
        self.sink.try_send_batch_copy(frames)
    }

    /// Takes the halves apart, so that two tasks can use them.
    #[must_use]
    pub fn split(self) -> (MemorySource, MemorySink) {
        (self.source, self.sink)
    }

    /// The same end as a port for a session.
    #[must_use]
    pub fn into_port(self) -> Port {
        Port::new(self.source, self.sink)
    }
}

impl From<MemoryPort> for Port {
    fn from(port: MemoryPort) -> Self {
        port.into_port()
    }
}

/// Why a frame was not sent. The caller still has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The other end is gone.
    #[error("the other end of the cable is gone")]
    Closed,
    /// The queue is full at the moment.
    #[error("the queue is full")]
    Full,
}

/// Why no frame was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TryRecvError {
    /// The other end is gone, and everything it sent has been received.
    #[error("the other end of the cable is gone")]
    Closed,
    /// There is no frame at the moment.
    #[error("there is no frame")]
    Empty,
}

#[cfg(test)]
mod tests;
