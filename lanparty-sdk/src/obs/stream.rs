//! Events as a stream that never holds up whoever produces them.

use tokio::sync::broadcast;

/// Events that wait for one slow reader; older ones are then lost to it, and counted.
const CAPACITY: usize = 1024;

/// The events of a session, a room or a relay, from the moment of subscription on.
#[derive(Debug)]
pub struct Events<T> {
    receiver: broadcast::Receiver<T>,
    missed: u64,
}

impl<T: Clone> Events<T> {
    /// Waits for the next event; `None` once there will be none any more.
    ///
    /// Nothing is lost if the future is dropped before it is ready.
    pub async fn next(&mut self) -> Option<T> {
        loop {
            match self.receiver.recv().await {
                Ok(event) => return Some(event),
                Err(broadcast::error::RecvError::Lagged(count)) => self.missed += count,
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }

    /// The next event if there is one already.
    pub fn try_next(&mut self) -> Option<T> {
        loop {
            match self.receiver.try_recv() {
                Ok(event) => return Some(event),
                Err(broadcast::error::TryRecvError::Lagged(count)) => self.missed += count,
                Err(broadcast::error::TryRecvError::Empty | broadcast::error::TryRecvError::Closed) => {
                    return None;
                }
            }
        }
    }

    /// How many events were lost because this reader was too slow.
    #[must_use]
    pub const fn missed(&self) -> u64 {
        self.missed
    }
}

/// The producing end.
#[derive(Clone, Debug)]
pub(crate) struct EventSender<T>(broadcast::Sender<T>);

impl<T: Clone> EventSender<T> {
    pub(crate) fn new() -> Self {
        Self(broadcast::channel(CAPACITY).0)
    }

    pub(crate) fn send(&self, event: T) {
        let _ = self.0.send(event); // nobody listens: nobody misses it
    }

    pub(crate) fn subscribe(&self) -> Events<T> {
        Events { receiver: self.0.subscribe(), missed: 0 }
    }
}
