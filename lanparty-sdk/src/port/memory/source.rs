//! The receiving half.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;

use super::TryRecvError;
use super::lane::{Item, Lane, wake_senders};
use crate::port::{FrameBatch, FrameSource};

/// The receiving half of a [`MemoryPort`](super::MemoryPort). Dropping it closes the other end's sink.
pub struct MemorySource {
    lane: Arc<Lane>,
    /// What was taken over from the lane's queue as a whole, and is received from here without its lock. These frames
    /// still count against the lane's capacity.
    ahead: VecDeque<Item>,
}

impl MemorySource {
    pub(super) fn new(lane: Arc<Lane>) -> Self {
        Self { lane, ahead: VecDeque::new() }
    }

    /// How many frames can be received at once.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.lane.lock().queue.len() + self.ahead.len()
    }

    /// Waits for the next frame. `None` once the other end is gone and everything it sent has been received.
    ///
    /// Cancel safe: a dropped future has taken no frame.
    pub async fn recv(&mut self) -> Option<Bytes> {
        poll_fn(|cx| match self.fill(Some(cx)) {
            Ok(()) => Poll::Ready(self.pop()),
            Err(error) => error.to_poll(),
        })
        .await
    }

    /// Takes the next frame if there is one.
    ///
    /// # Errors
    /// [`TryRecvError::Empty`] for now, or [`TryRecvError::Closed`] for good.
    pub fn try_recv(&mut self) -> Result<Bytes, TryRecvError> {
        self.fill(None)?;
        self.pop().ok_or(TryRecvError::Empty)
    }

    /// Takes the frames that are there, `max` at most, and puts them behind those in `frames`. Says how many: 0 only if
    /// `max` is 0.
    ///
    /// # Errors
    /// [`TryRecvError::Empty`] for now, or [`TryRecvError::Closed`] for good.
    pub fn try_recv_batch(&mut self, frames: &mut Vec<Bytes>, max: usize) -> Result<usize, TryRecvError> {
        self.fill(None)?;
        Ok(self.pop_batch(frames, max))
    }

    /// [`MemorySource::try_recv_batch`] for those who can be woken: `cx` is, once there is a frame. Ready with `None` once
    /// the other end is gone and everything it sent has been received.
    pub fn poll_recv_batch(
        &mut self,
        cx: &mut Context<'_>,
        frames: &mut Vec<Bytes>,
        max: usize,
    ) -> Poll<Option<usize>> {
        match self.fill(Some(cx)) {
            Ok(()) => Poll::Ready(Some(self.pop_batch(frames, max))),
            Err(error) => error.to_poll(),
        }
    }

    /// Waits until [`MemorySource::try_recv_batch`] takes something. `None` once the other end is gone and everything it
    /// sent has been received.
    ///
    /// Cancel safe: a dropped future has taken no frame.
    pub async fn recv_batch(&mut self, frames: &mut Vec<Bytes>, max: usize) -> Option<usize> {
        poll_fn(|cx| self.poll_recv_batch(cx, frames, max)).await
    }

    /// Shows `take` each frame that is there, in order and in place, until it refuses one with `false`. That one stays
    /// the next to be received. Says how many were taken: 0 if the first one was refused.
    ///
    /// `take` may use the cable, and no lock is held meanwhile.
    ///
    /// # Errors
    /// [`TryRecvError::Empty`] for now, or [`TryRecvError::Closed`] for good.
    pub fn try_drain(&mut self, take: impl FnMut(&[u8]) -> bool) -> Result<usize, TryRecvError> {
        self.fill(None)?;
        Ok(self.drain(take))
    }

    /// [`MemorySource::try_drain`] for those who can be woken: `cx` is, once there is a frame. Ready with `None` once the
    /// other end is gone and everything it sent has been received.
    pub fn poll_drain(
        &mut self,
        cx: &mut Context<'_>,
        take: impl FnMut(&[u8]) -> bool,
    ) -> Poll<Option<usize>> {
        match self.fill(Some(cx)) {
            Ok(()) => Poll::Ready(Some(self.drain(take))),
            Err(error) => error.to_poll(),
        }
    }

    /// Sees to it that there are frames ahead, or leaves a waker.
    fn fill(&mut self, cx: Option<&mut Context<'_>>) -> Result<(), TryRecvError> {
        if !self.ahead.is_empty() {
            return Ok(());
        }
        let mut state = self.lane.lock();
        if state.queue.is_empty() {
            if state.sender_gone {
                return Err(TryRecvError::Closed);
            }
            if let Some(cx) = cx {
                state.receiver = Some(cx.waker().clone());
            }
            return Err(TryRecvError::Empty);
        }
        std::mem::swap(&mut state.queue, &mut self.ahead);
        state.held = self.ahead.len();
        Ok(())
    }

    /// Gives the room of received frames back.
    fn release(&self) {
        let mut state = self.lane.lock();
        state.held = self.ahead.len();
        wake_senders(state);
    }

    fn pop(&mut self) -> Option<Bytes> {
        let item = self.ahead.pop_front()?;
        self.release();
        Some(item.into_bytes())
    }

    fn pop_batch(&mut self, frames: &mut Vec<Bytes>, max: usize) -> usize {
        let count = self.ahead.len().min(max);
        frames.extend(self.ahead.drain(..count).map(Item::into_bytes));
        if count > 0 {
            self.release();
        }
        count
    }

    fn drain(&mut self, mut take: impl FnMut(&[u8]) -> bool) -> usize {
        let mut count = 0;
        while self.ahead.front().is_some_and(|item| take(item.bytes())) {
            self.ahead.pop_front();
            count += 1;
        }
        if count > 0 {
            self.release();
        }
        count
    }
}

impl TryRecvError {
    /// For those who left a waker.
    const fn to_poll<T>(self) -> Poll<Option<T>> {
        match self {
            Self::Closed => Poll::Ready(None),
            Self::Empty => Poll::Pending,
        }
    }
}

impl FrameSource for MemorySource {
    /// Fails with [`io::ErrorKind::BrokenPipe`] once the other end is gone and the queue is drained.
    fn poll_recv(&mut self, cx: &mut Context<'_>, batch: &mut FrameBatch) -> Poll<io::Result<()>> {
        match self.fill(Some(cx)) {
            Ok(()) => {}
            Err(TryRecvError::Closed) => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            Err(TryRecvError::Empty) => return Poll::Pending,
        }
        let count = self.ahead.len().min(batch.remaining());
        for item in self.ahead.drain(..count) {
            batch.push(item.into_port_frame());
        }
        self.release();
        Poll::Ready(Ok(()))
    }
}

impl Drop for MemorySource {
    fn drop(&mut self) {
        let mut state = self.lane.lock();
        state.receiver_gone = true;
        state.held = 0;
        let waker = state.receiver.take();
        let frames = std::mem::take(&mut state.queue);
        wake_senders(state);
        drop((waker, frames));
    }
}

impl fmt::Debug for MemorySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemorySource").field("queued", &self.queued()).finish()
    }
}
