//! How a program's connections behave.

use clap::Args;
use lanparty_sdk::quic::{OutboxLimits, SocketBuffers};
use lanparty_sdk::settings::{SettingsError, TransportSettings};

use crate::{ByteSize, Exit, Failure, Span, chain};

/// Options of the transport, the same for relays and members.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Transport")]
pub struct TransportArgs {
    /// Give a silent connection up after this time; the smaller of both ends' values counts
    #[arg(long, value_name = "TIME", default_value = "10s")]
    idle_timeout: Span,
    /// Send something after this much silence
    #[arg(long, value_name = "TIME", default_value = "1500ms")]
    keep_alive: Span,
    /// Bytes that may wait for one slow receiver, up to four times that on a long fast path; the oldest go first
    #[arg(long, value_name = "BYTES", default_value = "1Mi")]
    limit_outbox_bytes: ByteSize,
    /// Datagrams that may wait for one slow receiver, up to four times that on a long fast path
    #[arg(long, value_name = "N", default_value_t = 4096, value_parser = clap::value_parser!(u32).range(1..))]
    limit_outbox_datagrams: u32,
    /// Bytes of received datagrams that may wait to be read, per connection
    #[arg(long, value_name = "BYTES", default_value = "256Ki")]
    limit_receive_queue: ByteSize,
    /// Bytes of datagrams that may wait behind the outbox, per connection
    #[arg(long, value_name = "BYTES", default_value = "64Ki")]
    limit_send_queue: ByteSize,
    /// Ask the kernel for a UDP receive buffer of this size
    #[arg(long, value_name = "BYTES", default_value = "4Mi")]
    socket_receive_buffer: ByteSize,
    /// Ask the kernel for a UDP send buffer of this size
    #[arg(long, value_name = "BYTES", default_value = "1Mi")]
    socket_send_buffer: ByteSize,
    /// Let the kernel or the network card cut datagrams; some cards lose them
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = true,
          default_missing_value = "true", action = clap::ArgAction::Set)]
    segmentation_offload: bool,
}

impl TransportArgs {
    /// Checks what concerns several of them.
    ///
    /// # Errors
    /// What does not fit together.
    pub fn check(&self) -> Result<(), Failure> {
        self.settings().check().map_err(|error| {
            let text = match &error {
                SettingsError::BadValue { key, problem } => format!("--{key} {problem}"),
                _ => chain(&error),
            };
            Failure::new(Exit::Usage, text)
        })
    }

    /// The same as the library's settings.
    #[must_use]
    pub fn settings(&self) -> TransportSettings {
        let mut settings = TransportSettings::default();
        settings.options.idle_timeout = self.idle_timeout.0;
        settings.options.keep_alive = self.keep_alive.0;
        settings.options.datagram_receive_buffer_bytes = self.limit_receive_queue.bytes();
        settings.options.datagram_send_buffer_bytes = self.limit_send_queue.bytes();
        settings.options.segmentation_offload = self.segmentation_offload;
        settings.buffers =
            SocketBuffers::new(self.socket_receive_buffer.bytes(), self.socket_send_buffer.bytes());
        let datagrams = usize::try_from(self.limit_outbox_datagrams).unwrap_or(usize::MAX);
        settings.outbox = OutboxLimits::new(self.limit_outbox_bytes.bytes(), datagrams);
        settings
    }
}
