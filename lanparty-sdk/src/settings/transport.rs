//! What relays and members set alike about their connections.

use super::table::{Key, key};
use super::values::{bytes, flag, number, time};
use super::{ByteSize, SettingsError, Span};
use crate::quic::{OutboxLimits, SocketBuffers, TransportOptions};

/// The largest datagram fits in, with room to spare: a queue of less lets none through.
const MIN_QUEUE_BYTES: usize = 2048;

/// How connections behave, and what may wait for them. The same keys for relays and members.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct TransportSettings {
    /// The connections' options.
    pub options: TransportOptions,
    /// The UDP socket's buffers.
    pub buffers: SocketBuffers,
    /// What may wait for a slow receiver.
    pub outbox: OutboxLimits,
}

impl TransportSettings {
    /// Checks what concerns several of them, or their use.
    ///
    /// # Errors
    /// [`SettingsError::BadValue`] with the key that does not fit the others.
    pub fn check(&self) -> Result<(), SettingsError> {
        let TransportOptions { keep_alive, idle_timeout, .. } = self.options;
        if keep_alive.is_zero() || keep_alive.saturating_mul(2) > idle_timeout {
            return Err(SettingsError::BadValue {
                key: "keep-alive",
                problem: format!(
                    "{} does not fit the idle-timeout of {}: it must be more than zero, and at most half of it",
                    Span(keep_alive),
                    Span(idle_timeout)
                ),
            });
        }
        for (key, size) in [
            ("limit-receive-queue", self.options.datagram_receive_buffer_bytes),
            ("limit-send-queue", self.options.datagram_send_buffer_bytes),
            ("limit-outbox-bytes", self.outbox.bytes),
        ] {
            if size < MIN_QUEUE_BYTES {
                let (size, least) = (ByteSize(size as u64), ByteSize(MIN_QUEUE_BYTES as u64));
                let problem = format!("{size} holds no datagram: give at least {least}");
                return Err(SettingsError::BadValue { key, problem });
            }
        }
        Ok(())
    }
}

/// Settings that have these among others.
pub(super) trait HasTransport {
    fn transport(&mut self) -> &mut TransportSettings;
}

/// How many keys there are.
pub(super) const LEN: usize = 9;

/// The keys, as those of the settings that they are part of.
pub(super) const fn keys<S: HasTransport>() -> [Key<S>; LEN] {
    [
        key!("idle-timeout", Text, transport().options.idle_timeout, text => time(text)),
        key!("keep-alive", Text, transport().options.keep_alive, text => time(text)),
        key!("limit-outbox-bytes", Amount, transport().outbox.bytes, text => bytes(text)),
        key!("limit-outbox-datagrams", Integer, transport().outbox.datagrams, text => count(text)),
        key!("limit-receive-queue", Amount, transport().options.datagram_receive_buffer_bytes, text => bytes(text)),
        key!("limit-send-queue", Amount, transport().options.datagram_send_buffer_bytes, text => bytes(text)),
        key!("socket-receive-buffer", Amount, transport().buffers.rx_bytes, text => bytes(text)),
        key!("socket-send-buffer", Amount, transport().buffers.tx_bytes, text => bytes(text)),
        key!("segmentation-offload", Flag, transport().options.segmentation_offload, text => flag(text)),
    ]
}

/// As many of something as 32 bits count, and at least one.
pub(super) fn count(text: &str) -> Result<usize, String> {
    let count = number(text, 1..=u32::MAX)?;
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}
