//! What an outbox of a bench sends on: a gate, so that datagrams have to wait.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use bytes::Bytes;
use lanparty_sdk::quic::{DatagramTransport, TrySendDatagramError};
use tokio::sync::Notify;

/// Takes everything while it is open, and nothing otherwise.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<State>);

#[derive(Default)]
struct State {
    open: AtomicBool,
    taken: AtomicU64,
    opened: Notify,
}

impl Gate {
    pub(crate) fn set(&self, open: bool) {
        self.0.open.store(open, Relaxed);
        if open {
            self.0.opened.notify_waiters();
        }
    }

    /// How many datagrams it has taken.
    pub(crate) fn taken(&self) -> u64 {
        self.0.taken.load(Relaxed)
    }
}

impl DatagramTransport for Gate {
    fn try_send(&self, datagram: Bytes) -> Result<(), TrySendDatagramError> {
        if !self.0.open.load(Relaxed) {
            return Err(TrySendDatagramError::Full(datagram));
        }
        self.0.taken.fetch_add(1, Relaxed);
        Ok(())
    }

    async fn send(&self, mut datagram: Bytes) -> Result<(), TrySendDatagramError> {
        loop {
            let mut opened = pin!(self.0.opened.notified());
            opened.as_mut().enable();
            match self.try_send(datagram) {
                Err(TrySendDatagramError::Full(back)) => datagram = back,
                result => return result,
            }
            opened.await;
        }
    }

    async fn closed(&self) {
        std::future::pending().await
    }
}
