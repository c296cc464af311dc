//! How connections behave: the same keys for members and relays.

use super::table::{Table, flag, number, parse, time};
use super::{ByteSize, SettingsError, Span};
use crate::quic::{OutboxLimits, SocketBuffers, TransportOptions};

/// Less than the largest datagram would let none through.
const MIN_QUEUE_BYTES: usize = 2048;

/// How connections behave.
#[derive(Clone, Debug, Default)]
pub struct TransportSettings {
    /// Of QUIC itself.
    pub options: TransportOptions,
    /// How large the UDP socket's buffers are to be.
    pub buffers: SocketBuffers,
    /// How much may wait for one slow receiver.
    pub outbox: OutboxLimits,
}

/// Two values that do not fit together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("wrong value for {key:?}: {problem}")]
pub struct TransportProblem {
    /// The key that should be changed.
    pub key: &'static str,
    /// What is wrong with it.
    pub problem: String,
}

impl TransportSettings {
    /// Checks what concerns several values.
    ///
    /// # Errors
    /// The first thing that does not fit together.
    pub fn check(&self) -> Result<(), TransportProblem> {
        let TransportOptions { keep_alive, idle_timeout, .. } = self.options;
        if keep_alive.is_zero() || keep_alive * 2 > idle_timeout {
            let problem = format!(
                "{} does not fit idle-timeout {}: it must be more than zero, and at most half of it",
                Span(keep_alive),
                Span(idle_timeout)
            );
            return Err(TransportProblem { key: "keep-alive", problem });
        }
        let queues = [
            ("limit-receive-queue", self.options.datagram_receive_buffer_bytes),
            ("limit-send-queue", self.options.datagram_send_buffer_bytes),
            ("limit-outbox-bytes", self.outbox.bytes),
        ];
        match queues.into_iter().find(|(_, bytes)| *bytes < MIN_QUEUE_BYTES) {
            Some((key, bytes)) => {
                let problem = format!("{bytes} bytes hold no datagram: give at least 2Ki");
                Err(TransportProblem { key, problem })
            }
            None => Ok(()),
        }
    }

    pub(super) fn check_settings(&self) -> Result<(), SettingsError> {
        let bad = |wrong: TransportProblem| SettingsError::BadValue {
            key: wrong.key.to_owned(),
            problem: wrong.problem,
        };
        self.check().map_err(bad)
    }
}

fn size(text: &str) -> Result<usize, String> {
    parse::<ByteSize>(text).map(ByteSize::bytes)
}

/// Every key, with what it does.
pub(super) const TABLE: &Table<TransportSettings> = &[
    ("idle-timeout", |it, text| time(text).map(|time| it.options.idle_timeout = time)),
    ("keep-alive", |it, text| time(text).map(|time| it.options.keep_alive = time)),
    ("limit-outbox-bytes", |it, text| size(text).map(|size| it.outbox.bytes = size)),
    ("limit-outbox-datagrams", |it, text| {
        let count: u32 = number(text, 1, u32::MAX)?;
        it.outbox.datagrams = usize::try_from(count).unwrap_or(usize::MAX);
        Ok(())
    }),
    ("limit-receive-queue", |it, text| {
        size(text).map(|size| it.options.datagram_receive_buffer_bytes = size)
    }),
    ("limit-send-queue", |it, text| size(text).map(|size| it.options.datagram_send_buffer_bytes = size)),
    ("socket-receive-buffer", |it, text| size(text).map(|size| it.buffers.rx_bytes = size)),
    ("socket-send-buffer", |it, text| size(text).map(|size| it.buffers.tx_bytes = size)),
    ("segmentation-offload", |it, text| flag(text).map(|on| it.options.segmentation_offload = on)),
];
