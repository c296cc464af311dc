//! What an outbox sends on.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use quinn::{Connection, SendDatagramError};

use crate::quic::congestion::TunnelController;
use crate::quic::meter::Meter;

/// Bytes that may be inside quinn on any path: small frames fill a packet together, of full ones it holds one.
const MIN_LIMIT_BYTES: usize = 700;
/// After this much waiting for quinn to send, the meter may be that of a path which is used no more.
const METER_PATIENCE: Duration = Duration::from_millis(50);
/// And after quinn's buffer was full so often.
const METER_WAITS: u32 = 64;

/// What an [`Outbox`](super::Outbox) sends on: a [`ConnectionTransport`], or a double in tests.
pub trait DatagramTransport: Clone + Send + Sync + 'static {
    /// Sends now, without displacing what was sent before.
    ///
    /// # Errors
    /// [`TrySendDatagramError`]; if there is no room the datagram comes back.
    fn try_send(&self, datagram: Bytes) -> Result<(), TrySendDatagramError>;

    /// Sends as soon as there is room.
    fn send(&self, datagram: Bytes) -> impl Future<Output = Result<(), TrySendDatagramError>> + Send;

    /// About how many bytes should be handed over now; zero if what waits had better wait where it can still be overtaken.
    /// By default there is no such limit.
    fn room(&self) -> usize {
        usize::MAX
    }

    /// About how many bytes the path holds while nothing waits on it (its bandwidth-delay product). By default nothing is
    /// known of it.
    fn path_bytes(&self) -> usize {
        0
    }

    /// Whether it has yet to find out what the path carries (slow start), so that what waits may only wait for that. By
    /// default it knows.
    fn is_growing(&self) -> bool {
        false
    }

    /// Waits until [`DatagramTransport::room`] may have changed. False if the transport has ended.
    fn room_changed(&mut self) -> impl Future<Output = bool> + Send {
        std::future::ready(true)
    }

    /// Told whenever [`DatagramTransport::send`] had to be waited for. By default it changes nothing.
    fn has_waited(&mut self) {}

    /// Waits for the end of the transport.
    fn closed(&self) -> impl Future<Output = ()> + Send;
}

/// A [`quinn::Connection`] of which an [`Outbox`](super::Outbox) is the only one to send datagrams.
///
/// What quinn holds it sends in order of arrival. So with [`CongestionControl::Tunnel`](crate::quic::CongestionControl)
/// it gets no more than it can send within about a millisecond, however large its buffer.
#[derive(Clone)]
pub struct ConnectionTransport {
    conn: Connection,
    /// The connection's buffer while it is empty.
    capacity_bytes: usize,
    /// What the congestion controller knows, if it is ours.
    meter: Option<Arc<Meter>>,
    /// How often quinn's buffer was full since the meter was looked up.
    waits: u32,
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

impl From<Connection> for ConnectionTransport {
    fn from(conn: Connection) -> Self {
        let mut transport =
            Self { capacity_bytes: conn.datagram_send_buffer_space(), meter: None, waits: 0, conn };
        transport.find_meter();
        transport
    }
}

impl ConnectionTransport {
    fn find_meter(&mut self) {
        self.waits = 0;
        let controller = self.conn.congestion_state().into_any().downcast::<TunnelController>();
        self.meter = controller.ok().map(|controller| controller.meter());
    }

    /// What is left of the meter's limit if this much is left of quinn's buffer.
    fn room_given(&self, space: impl FnOnce() -> usize) -> usize {
        let limit = self.meter.as_ref().map_or(usize::MAX, |meter| meter.limit_bytes()).max(MIN_LIMIT_BYTES);
        if limit >= self.capacity_bytes {
            return usize::MAX;
        }
        limit.saturating_sub(self.capacity_bytes.saturating_sub(space()))
    }
}

impl fmt::Debug for ConnectionTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionTransport").field("meter", &self.meter).finish_non_exhaustive()
    }
}

impl DatagramTransport for ConnectionTransport {
    fn try_send(&self, datagram: Bytes) -> Result<(), TrySendDatagramError> {
        // Nobody else sends datagrams on this connection, so what fits now fits in a moment too. The space is net of
        // quinn's bookkeeping, and zero even if an empty datagram does not fit.
        let space = self.conn.datagram_send_buffer_space();
        if space == 0 || space < datagram.len() || self.room_given(|| space) == 0 {
            // A datagram that cannot be sent at all must not wait for room, nor one to a peer that takes none.
            return match self.conn.max_datagram_size() {
                Some(max) if datagram.len() > max => Err(TrySendDatagramError::TooLarge),
                Some(_) => Err(TrySendDatagramError::Full(datagram)),
                None => Err(TrySendDatagramError::Closed),
            };
        }
        Ok(self.conn.send_datagram(datagram)?)
    }

    async fn send(&self, datagram: Bytes) -> Result<(), TrySendDatagramError> {
        Ok(self.conn.send_datagram_wait(datagram).await?)
    }

    fn room(&self) -> usize {
        self.room_given(|| self.conn.datagram_send_buffer_space())
    }

    fn path_bytes(&self) -> usize {
        self.meter.as_ref().map_or(0, |meter| meter.path_bytes())
    }

    fn is_growing(&self) -> bool {
        self.meter.as_ref().is_some_and(|meter| meter.is_growing())
    }

    async fn room_changed(&mut self) -> bool {
        let Some(meter) = &self.meter else { return true };
        tokio::select! {
            () = meter.sent() => true,
            _ = self.conn.closed() => false,
            // A peer that came from another address has a path of its own, with a controller of its own.
            () = tokio::time::sleep(METER_PATIENCE) => {
                self.find_meter();
                true
            }
        }
    }

    /// A meter that sets no limit is that of a fast path, or of one that is used no more.
    fn has_waited(&mut self) {
        self.waits += 1;
        if self.waits >= METER_WAITS {
            self.find_meter();
        }
    }

    async fn closed(&self) {
        self.conn.closed().await;
    }
}
