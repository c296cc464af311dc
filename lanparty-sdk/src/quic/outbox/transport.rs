//! What an outbox sends on.

use std::future::Future;

use bytes::Bytes;
use quinn::{Connection, SendDatagramError};

/// What an [`Outbox`](super::Outbox) sends on: a [`quinn::Connection`], or a double in tests.
pub trait DatagramTransport: Clone + Send + Sync + 'static {
    /// Sends now, without displacing what was sent before.
    ///
    /// # Errors
    /// [`TrySendDatagramError`]; if there is no room the datagram comes back.
    fn try_send(&self, datagram: Bytes) -> Result<(), TrySendDatagramError>;

    /// Sends as soon as there is room.
    fn send(&self, datagram: Bytes) -> impl Future<Output = Result<(), TrySendDatagramError>> + Send;

    /// Waits for the end of the transport.
    fn closed(&self) -> impl Future<Output = ()> + Send;
}

/// A [`DatagramTransport`] did not take a datagram.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrySendDatagramError {
    /// The transport has ended, or takes no datagrams at all.
    #[error("the connection is lost")]
    Closed,
    /// There is no room at the moment.
    #[error("the connection has no room for a datagram now")]
    Full(Bytes),
    /// The datagram is larger than the transport carries at the moment.
    #[error("the datagram exceeds the connection's present budget")]
    TooLarge,
}

impl From<SendDatagramError> for TrySendDatagramError {
    fn from(error: SendDatagramError) -> Self {
        match error {
            SendDatagramError::TooLarge => Self::TooLarge,
            SendDatagramError::ConnectionLost(_)
            | SendDatagramError::Disabled
            | SendDatagramError::UnsupportedByPeer => Self::Closed,
        }
    }
}

impl DatagramTransport for Connection {
    fn try_send(&self, datagram: Bytes) -> Result<(), TrySendDatagramError> {
        // Nobody else sends datagrams on this connection, so what fits now fits in a moment too. The space is net of
        // quinn's bookkeeping, and zero even if an empty datagram does not fit.
        let space = self.datagram_send_buffer_space();
        if space == 0 || space < datagram.len() {
            // A datagram that cannot be sent at all must not wait for room, nor one to a peer that takes none.
            return match self.max_datagram_size() {
                Some(max) if datagram.len() > max => Err(TrySendDatagramError::TooLarge),
                Some(_) => Err(TrySendDatagramError::Full(datagram)),
                None => Err(TrySendDatagramError::Closed),
            };
        }
        Ok(self.send_datagram(datagram)?)
    }

    async fn send(&self, datagram: Bytes) -> Result<(), TrySendDatagramError> {
        Ok(self.send_datagram_wait(datagram).await?)
    }

    async fn closed(&self) {
        Self::closed(self).await;
    }
}
