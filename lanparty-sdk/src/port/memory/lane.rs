//! One direction of the cable.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use bytes::Bytes;

use super::SendError;
use crate::port::PortFrame;
use crate::proto::HEADROOM;

/// One direction of the cable. While it is locked, frames are moved and nothing else: they are copied, shown and dropped
/// outside, and nobody is woken.
pub(super) struct Lane {
    capacity: usize,
    state: Mutex<LaneState>,
}

impl Lane {
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity: capacity.max(1), state: Mutex::default() }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, LaneState> {
        lock(&self.state)
    }

    /// How many frames may be sent now.
    pub(super) fn room(&self, state: &LaneState) -> Result<usize, SendError> {
        if state.receiver_gone {
            Err(SendError::Closed)
        } else {
            Ok(self.capacity.saturating_sub(state.len()))
        }
    }
}

#[derive(Default)]
pub(super) struct LaneState {
    pub(super) queue: VecDeque<Item>,
    /// Frames that the source has taken over to look at, and not yet received.
    pub(super) held: usize,
    pub(super) receiver: Option<Waker>,
    pub(super) senders: Vec<Waker>,
    pub(super) receiver_gone: bool,
    pub(super) sender_gone: bool,
}

impl LaneState {
    /// How many frames are on the way.
    pub(super) fn len(&self) -> usize {
        self.queue.len() + self.held
    }
}

/// Marks the lane as ended when the last clone of a sink goes.
pub(super) struct SenderGuard(pub(super) Arc<Lane>);

impl Drop for SenderGuard {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.sender_gone = true;
        wake_receiver(state);
    }
}

/// Unlocks the lane, and then wakes who waits for a frame.
pub(super) fn wake_receiver(mut state: MutexGuard<'_, LaneState>) {
    let waker = state.receiver.take();
    drop(state);
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// Unlocks the lane, and then wakes those who wait for room.
pub(super) fn wake_senders(mut state: MutexGuard<'_, LaneState>) {
    let wakers = std::mem::take(&mut state.senders);
    drop(state);
    wakers.into_iter().for_each(Waker::wake);
}

/// A queued frame, in the form in which it came, so that neither direction copies more often than it must.
pub(super) enum Item {
    Owned(PortFrame),
    Shared(Bytes),
}

impl Item {
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Owned(frame) => frame.bytes(),
            Self::Shared(bytes) => bytes,
        }
    }

    pub(super) fn into_bytes(self) -> Bytes {
        match self {
            Self::Owned(frame) => frame.into_buffer().freeze().slice(HEADROOM..),
            Self::Shared(bytes) => bytes,
        }
    }

    pub(super) fn into_port_frame(self) -> PortFrame {
        match self {
            Self::Owned(frame) => frame,
            Self::Shared(bytes) => PortFrame::copy_from(&bytes),
        }
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics while one of these locks is held, so that a poisoned one still guards a sound value.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
