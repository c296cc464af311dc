//! QUIC endpoints: sockets, TLS, trust, congestion control and the datagram path.
//!
//! A relay makes a [`ServerCert`], [`server_config`] and [`server_endpoint`]; a member a [`Trust`] and
//! [`client_endpoint`], and then it [`connect`]s. Both send frames through an [`Outbox`] and read them with
//! [`recv_batch`].
//!
//! Nothing here touches the process: no default cryptography is installed, no environment read, no signal handled.

mod cert;
mod config;
mod congestion;
mod connect;
mod control;
mod error;
#[cfg(target_os = "linux")]
mod group;
#[cfg(target_os = "linux")]
mod lean;
mod meter;
mod outbox;
mod plain;
mod restart;
mod socket;
mod steering;
mod tls;
mod train;
mod trust;
mod tunnel;
mod unread;

pub use cert::{CertError, ServerCert};
pub use config::{MTU_UPPER_BOUND, MTU_UPPER_BOUND_IPV4, TransportOptions, client_config, server_config};
pub use congestion::{CongestionControl, TunnelController};
pub use connect::{connect, recv_batch};
pub(crate) use connect::{received_datagrams, recv_batches};
pub(crate) use control::{ControlReader, ControlRole, ControlWriter, close, close_code, open_control};
pub use error::ConnectError;
#[cfg(target_os = "linux")]
pub(crate) use group::bind_group;
pub use outbox::{
    ConnectionTransport, DatagramTransport, Outbox, OutboxLimits, OutboxStats, TrySendDatagramError,
};
pub(crate) use socket::worker_endpoint;
pub use socket::{BindError, BufferReport, SocketBuffers, bind_udp, client_endpoint, server_endpoint};
pub(crate) use steering::is_astray;
pub use steering::steer;
pub use trust::{Trust, TrustError};
pub use tunnel::TunnelConfig;
pub(crate) use unread::Unread;

#[cfg(test)]
mod tests;
