//! A cable in memory: two ports without a driver or a privilege.
//!
//! One end usually becomes the [`Port`] of a session, and the program keeps the other as a [`MemoryPort`]: it is then a
//! station of the room itself. Each direction is a bounded queue that drops nothing: a full queue gives the frame back.
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

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use super::{FrameBatch, FrameSink, FrameSource, Port, PortCaps, PortFrame, PortKind, TrySendError};
use crate::frame::MacAddr;
use crate::proto::HEADROOM;

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
        let caps = Arc::new(Mutex::new(PortCaps::new(PortKind::Memory, "memory")));
        let sink = MemorySink { shared: Arc::new(SenderGuard(tx)), caps };
        Self { source: MemorySource { lane: rx }, sink }
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

    /// Shows the frames that are there to `take`, as [`MemorySource::poll_drain`] does.
    pub fn poll_drain(
        &mut self,
        cx: &mut Context<'_>,
        take: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Poll<Result<usize, TryRecvError>> {
        self.source.poll_drain(cx, take)
    }

    /// Sends copies of several frames, as [`MemorySink::try_send_batch_copy`] does.
    ///
    /// # Errors
    /// [`SendError::Closed`] once the other end is gone.
    pub fn try_send_batch_copy<'a>(
        &self,
        frames: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<usize, SendError> {
        self.sink.try_send_batch_copy(frames)
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

/// The receiving half of a [`MemoryPort`]. Dropping it closes the other end's sink.
pub struct MemorySource {
    lane: Arc<Lane>,
}

impl MemorySource {
    /// Waits for the next frame, as [`MemoryPort::recv`] does.
    pub async fn recv(&mut self) -> Option<Bytes> {
        poll_fn(|cx| self.poll_item(cx)).await.map(Item::into_bytes)
    }

    /// Takes the next frame if there is one, as [`MemoryPort::try_recv`] does.
    ///
    /// # Errors
    /// [`TryRecvError::Empty`] for now, or [`TryRecvError::Closed`] for good.
    pub fn try_recv(&mut self) -> Result<Bytes, TryRecvError> {
        let mut state = lock(&self.lane.state);
        match state.pop() {
            Some(item) => {
                let wakers = state.take_waiting_senders();
                drop(state);
                wakers.into_iter().for_each(Waker::wake);
                Ok(item.into_bytes())
            }
            None if state.sender_gone => Err(TryRecvError::Closed),
            None => Err(TryRecvError::Empty),
        }
    }

    /// Shows each frame that is there to `take`, in order and without copying it, and removes it from the queue, until
    /// `take` answers `false`: that frame stays. Ready with how many were taken, with [`TryRecvError::Closed`] for good, or
    /// pending if there was none.
    ///
    /// `take` runs under the queue's lock: it may copy a frame, and should do nothing that takes longer.
    pub fn poll_drain(
        &mut self,
        cx: &mut Context<'_>,
        take: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Poll<Result<usize, TryRecvError>> {
        let mut state = lock(&self.lane.state);
        let mut taken = 0;
        let mut refused = false;
        while let Some(item) = state.queue.front() {
            if !take(item.bytes()) {
                refused = true;
                break;
            }
            state.queue.pop_front();
            taken += 1;
        }
        if taken > 0 {
            let wakers = state.take_waiting_senders();
            drop(state);
            wakers.into_iter().for_each(Waker::wake);
            return Poll::Ready(Ok(taken));
        }
        if refused {
            return Poll::Ready(Ok(0));
        }
        if state.sender_gone {
            return Poll::Ready(Err(TryRecvError::Closed));
        }
        state.receiver = Some(cx.waker().clone());
        Poll::Pending
    }

    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Item>> {
        let mut state = lock(&self.lane.state);
        match state.pop() {
            Some(item) => {
                let wakers = state.take_waiting_senders();
                drop(state);
                wakers.into_iter().for_each(Waker::wake);
                Poll::Ready(Some(item))
            }
            None if state.sender_gone => Poll::Ready(None),
            None => {
                state.receiver = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl FrameSource for MemorySource {
    /// Fails with [`io::ErrorKind::BrokenPipe`] once the other end is gone and the queue is drained.
    fn poll_recv(&mut self, cx: &mut Context<'_>, batch: &mut FrameBatch) -> Poll<io::Result<()>> {
        let mut state = lock(&self.lane.state);
        while !batch.is_full() {
            let Some(item) = state.pop() else { break };
            batch.push(item.into_port_frame());
        }
        if !batch.is_empty() {
            let wakers = state.take_waiting_senders();
            drop(state);
            wakers.into_iter().for_each(Waker::wake);
            return Poll::Ready(Ok(()));
        }
        if state.sender_gone {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        state.receiver = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for MemorySource {
    fn drop(&mut self) {
        let mut state = lock(&self.lane.state);
        state.receiver_gone = true;
        state.receiver = None;
        let frames = std::mem::take(&mut state.queue);
        let wakers = state.take_waiting_senders();
        drop(state);
        drop(frames);
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl fmt::Debug for MemorySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemorySource").field("queued", &lock(&self.lane.state).queue.len()).finish()
    }
}

/// The sending half of a [`MemoryPort`]. Dropping the last clone ends the other end's source.
#[derive(Clone)]
pub struct MemorySink {
    shared: Arc<SenderGuard>,
    caps: Arc<Mutex<PortCaps>>,
}

impl MemorySink {
    /// Waits until the queue has room for `frame`, as [`MemoryPort::send`] does.
    ///
    /// # Errors
    /// [`SendError::Closed`] once the other end is gone.
    pub async fn send(&self, frame: &[u8]) -> Result<(), SendError> {
        poll_fn(|cx| {
            let mut state = lock(&self.shared.0.state);
            match state.check(self.shared.0.capacity) {
                Err(SendError::Full) => {
                    if !state.senders.iter().any(|waker| waker.will_wake(cx.waker())) {
                        state.senders.push(cx.waker().clone());
                    }
                    Poll::Pending
                }
                Err(closed) => Poll::Ready(Err(closed)),
                Ok(()) => {
                    push_and_wake(state, Item::Owned(PortFrame::copy_from(frame)));
                    Poll::Ready(Ok(()))
                }
            }
        })
        .await
    }

    /// Sends a copy of `frame` if the queue has room, as [`MemoryPort::try_send`] does.
    ///
    /// # Errors
    /// [`SendError::Full`] for now, or [`SendError::Closed`] for good.
    pub fn try_send_copy(&self, frame: &[u8]) -> Result<(), SendError> {
        let state = lock(&self.shared.0.state);
        state.check(self.shared.0.capacity)?;
        push_and_wake(state, Item::Owned(PortFrame::copy_from(frame)));
        Ok(())
    }

    /// Sends copies of several frames, in order, as long as the queue has room: one lock and one wake-up for all of them.
    /// Gives back how many were sent.
    ///
    /// # Errors
    /// [`SendError::Closed`] once the other end is gone.
    pub fn try_send_batch_copy<'a>(
        &self,
        frames: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<usize, SendError> {
        self.push_batch(frames.into_iter().map(|frame| Item::Owned(PortFrame::copy_from(frame))))
    }

    fn push_batch(&self, items: impl Iterator<Item = Item>) -> Result<usize, SendError> {
        let lane = &self.shared.0;
        let mut state = lock(&lane.state);
        let mut sent = 0;
        match state.check(lane.capacity) {
            Ok(()) => {
                let room = lane.capacity - state.queue.len();
                for item in items.take(room) {
                    state.queue.push_back(item);
                    sent += 1;
                }
            }
            Err(SendError::Full) => {}
            Err(closed) => return Err(closed),
        }
        if sent > 0
            && let Some(waker) = state.receiver.take()
        {
            drop(state);
            waker.wake();
        }
        Ok(sent)
    }
}

impl FrameSink for MemorySink {
    fn caps(&self) -> PortCaps {
        lock(&self.caps).clone()
    }

    fn try_send(&self, frame: Bytes) -> Result<(), TrySendError> {
        let state = lock(&self.shared.0.state);
        match state.check(self.shared.0.capacity) {
            Ok(()) => {
                push_and_wake(state, Item::Shared(frame));
                Ok(())
            }
            Err(SendError::Full) => Err(TrySendError::Full(frame)),
            Err(SendError::Closed) => Err(TrySendError::Closed(frame)),
        }
    }

    fn try_send_batch(&self, frames: &mut Vec<Bytes>, refused: &mut dyn FnMut(TrySendError)) {
        let mut left = frames.drain(..);
        let closed = self.push_batch(left.by_ref().map(Item::Shared)).is_err();
        for frame in left {
            refused(if closed { TrySendError::Closed(frame) } else { TrySendError::Full(frame) });
        }
    }

    fn set_mtu(&self, mtu: u16) -> io::Result<()> {
        lock(&self.caps).mtu = mtu;
        Ok(())
    }
}

impl fmt::Debug for MemorySink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemorySink").field("queued", &lock(&self.shared.0.state).queue.len()).finish()
    }
}

/// Marks the lane as ended when the last clone of a sink goes.
struct SenderGuard(Arc<Lane>);

impl Drop for SenderGuard {
    fn drop(&mut self) {
        let mut state = lock(&self.0.state);
        state.sender_gone = true;
        let waker = state.receiver.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// One direction of the cable.
struct Lane {
    capacity: usize,
    state: Mutex<LaneState>,
}

impl Lane {
    fn new(capacity: usize) -> Self {
        Self { capacity: capacity.max(1), state: Mutex::default() }
    }
}

#[derive(Default)]
struct LaneState {
    queue: VecDeque<Item>,
    receiver: Option<Waker>,
    senders: Vec<Waker>,
    receiver_gone: bool,
    sender_gone: bool,
}

impl LaneState {
    fn check(&self, capacity: usize) -> Result<(), SendError> {
        if self.receiver_gone {
            Err(SendError::Closed)
        } else if self.queue.len() >= capacity {
            Err(SendError::Full)
        } else {
            Ok(())
        }
    }

    fn pop(&mut self) -> Option<Item> {
        self.queue.pop_front()
    }

    fn take_waiting_senders(&mut self) -> Vec<Waker> {
        std::mem::take(&mut self.senders)
    }
}

/// A queued frame, in the form in which it came, so that neither direction copies more often than it must.
enum Item {
    Owned(PortFrame),
    Shared(Bytes),
}

impl Item {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Owned(frame) => frame.bytes(),
            Self::Shared(bytes) => bytes,
        }
    }

    fn into_bytes(self) -> Bytes {
        match self {
            Self::Owned(frame) => frame.into_buffer().freeze().slice(HEADROOM..),
            Self::Shared(bytes) => bytes,
        }
    }

    fn into_port_frame(self) -> PortFrame {
        match self {
            Self::Owned(frame) => frame,
            Self::Shared(bytes) => PortFrame::copy_from(&bytes),
        }
    }
}

fn push_and_wake(mut state: MutexGuard<'_, LaneState>, item: Item) {
    state.queue.push_back(item);
    let waker = state.receiver.take();
    drop(state);
    if let Some(waker) = waker {
        waker.wake();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics while one of these locks is held, so that a poisoned one still guards a sound value.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
