//! The sending half.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use bytes::Bytes;
use smallvec::SmallVec;

use super::SendError;
use super::lane::{Item, Lane, SenderGuard, lock, wake_receiver};
use crate::port::{FrameSink, PortCaps, PortFrame, TrySendError};

/// The sending half of a [`MemoryPort`](super::MemoryPort). Dropping the last clone ends the other end's source.
#[derive(Clone)]
pub struct MemorySink {
    shared: Arc<SenderGuard>,
    pub(super) caps: Arc<Mutex<PortCaps>>,
}

impl MemorySink {
    pub(super) fn new(lane: Arc<Lane>, caps: PortCaps) -> Self {
        Self { shared: Arc::new(SenderGuard(lane)), caps: Arc::new(Mutex::new(caps)) }
    }

    /// How many frames have been sent and not yet received.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.lane().lock().len()
    }

    /// Waits until the queue has room for `frame`, then sends a copy of it.
    ///
    /// Cancel safe: a dropped future has sent nothing.
    ///
    /// # Errors
    /// [`SendError::Closed`] once the other end is gone.
    pub async fn send(&self, frame: &[u8]) -> Result<(), SendError> {
        poll_fn(|cx| {
            loop {
                match self.try_send_copy(frame) {
                    Err(SendError::Full) => {}
                    done => return Poll::Ready(done),
                }
                let mut state = self.lane().lock();
                // Nobody wakes for what happened before the waker was left.
                if self.lane().room(&state) == Ok(0) {
                    if !state.senders.iter().any(|waker| waker.will_wake(cx.waker())) {
                        state.senders.push(cx.waker().clone());
                    }
                    return Poll::Pending;
                }
            }
        })
        .await
    }

    /// Sends a copy of `frame` if the queue has room.
    ///
    /// # Errors
    /// [`SendError::Full`] for now, or [`SendError::Closed`] for good.
    pub fn try_send_copy(&self, frame: &[u8]) -> Result<(), SendError> {
        self.try_send_batch_copy([frame]).map(drop)
    }

    /// Sends copies of `frames`, in order, for as long as the queue has room, and says how many went. The other end is
    /// woken once for all of them. None of no frames is no error.
    ///
    /// # Errors
    /// [`SendError::Full`] if there was no room even for the first, or [`SendError::Closed`] for good.
    pub fn try_send_batch_copy<'a>(
        &self,
        frames: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<usize, SendError> {
        let lane = self.lane();
        // Copies are made outside the lock, and only of what will fit, unless another clone of the sink is faster.
        let room = lane.room(&lane.lock())?;
        let mut frames = frames.into_iter();
        let mut copies: SmallVec<[_; 16]> =
            frames.by_ref().take(room).map(|frame| Item::Owned(PortFrame::copy_from(frame))).collect();
        if copies.is_empty() {
            return if frames.next().is_some() { Err(SendError::Full) } else { Ok(0) };
        }
        let mut state = lane.lock();
        let count = lane.room(&state)?.min(copies.len());
        state.queue.extend(copies.drain(..count));
        wake_receiver(state);
        if count == 0 { Err(SendError::Full) } else { Ok(count) }
    }

    fn lane(&self) -> &Lane {
        &self.shared.0
    }
}

impl FrameSink for MemorySink {
    fn caps(&self) -> PortCaps {
        lock(&self.caps).clone()
    }

    fn try_send(&self, frame: Bytes) -> Result<(), TrySendError> {
        let mut state = self.lane().lock();
        match self.lane().room(&state) {
            Ok(0) | Err(SendError::Full) => Err(TrySendError::Full(frame)),
            Ok(_) => {
                state.queue.push_back(Item::Shared(frame));
                wake_receiver(state);
                Ok(())
            }
            Err(SendError::Closed) => Err(TrySendError::Closed(frame)),
        }
    }

    /// The other end is woken once for all of them.
    fn try_send_batch(&self, frames: &mut Vec<Bytes>, refused: &mut dyn FnMut(TrySendError)) {
        let mut state = self.lane().lock();
        let room = self.lane().room(&state);
        let count = room.unwrap_or_default().min(frames.len());
        if count > 0 {
            state.queue.extend(frames.drain(..count).map(Item::Shared));
            wake_receiver(state);
        } else {
            drop(state);
        }
        let why = if room.is_ok() { TrySendError::Full } else { TrySendError::Closed };
        frames.drain(..).map(why).for_each(refused);
    }

    fn set_mtu(&self, mtu: u16) -> io::Result<()> {
        lock(&self.caps).mtu = mtu;
        Ok(())
    }
}

impl fmt::Debug for MemorySink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemorySink").field("queued", &self.queued()).finish()
    }
}
