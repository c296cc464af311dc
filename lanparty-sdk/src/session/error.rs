//! Why a session could not begin.

use crate::ctrl::{CloseCode, Reject};
use crate::error::{ErrorKind, code, reject_code};
use crate::member::EndReason;
use crate::net::ResolveError;
use crate::quic::{BindError, ConnectError};
use crate::route::RouteError;

/// A session could not begin. Nothing half-open is left behind.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JoinError {
    /// The relay's name has no address.
    #[error("the relay's name cannot be resolved")]
    Resolve(#[source] ResolveError),
    /// No socket could be opened on this host.
    #[error("no UDP socket can be opened")]
    Bind(#[source] BindError),
    /// The way to the relay could not be kept out of the tunnel.
    #[error("the way to the relay cannot be kept out of the tunnel")]
    Route(#[source] RouteError),
    /// No connection with the relay came about.
    #[error("{relay} cannot be reached")]
    Connect {
        /// Which relay.
        relay: String,
        /// Why.
        #[source]
        source: ConnectError,
    },
    /// The relay did not let the member in.
    #[error("the relay refused: {}", EndReason::Rejected(.0.clone()))]
    Rejected(Reject),
    /// The relay closed the connection before it let the member in.
    #[error("the relay closed the connection: {0}")]
    Closed(CloseCode),
    /// The relay did not do what a relay does.
    #[error("{relay} is no working relay: {cause}")]
    Protocol {
        /// Which relay.
        relay: String,
        /// What went wrong.
        cause: String,
    },
    /// The port failed before the member was in.
    #[error("the port is gone: {cause}")]
    Port {
        /// What is known of the cause.
        cause: String,
    },
    /// The session was closed while it began.
    #[error("the session was closed before it had begun")]
    Cancelled,
}

impl JoinError {
    /// The coarse kind.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::Resolve(_) => ErrorKind::Network,
            Self::Bind(_) | Self::Port { .. } | Self::Route(_) => ErrorKind::Environment,
            Self::Connect { source, .. } => match source {
                ConnectError::NameMismatch { .. }
                | ConnectError::UnknownIssuer
                | ConnectError::Expired
                | ConnectError::BadCertificate { .. } => ErrorKind::Trust,
                ConnectError::VersionMismatch | ConnectError::NoDatagrams => ErrorKind::Incompatible,
                ConnectError::ServerName { .. } => ErrorKind::Usage,
                _ => ErrorKind::Network,
            },
            Self::Rejected(_) | Self::Closed(_) => ErrorKind::Refused,
            Self::Protocol { .. } => ErrorKind::Protocol,
            Self::Cancelled => ErrorKind::Cancelled,
        }
    }

    /// The stable number, see [`code`].
    #[must_use]
    pub const fn code(&self) -> u32 {
        match self {
            Self::Resolve(_) => code::RESOLVE,
            Self::Bind(_) => code::BIND,
            Self::Port { .. } => code::PORT,
            Self::Route(_) => code::ROUTE,
            Self::Connect { source, .. } => match source {
                ConnectError::NameMismatch { .. } => code::CERTIFICATE_NAME,
                ConnectError::UnknownIssuer => code::CERTIFICATE_UNKNOWN,
                ConnectError::Expired => code::CERTIFICATE_EXPIRED,
                ConnectError::BadCertificate { .. } => code::CERTIFICATE_BAD,
                ConnectError::VersionMismatch => code::VERSION_MISMATCH,
                ConnectError::NoDatagrams => code::NO_DATAGRAMS,
                ConnectError::ServerName { .. } => code::SERVER_NAME,
                ConnectError::TimedOut => code::UNREACHABLE,
                _ => code::CONNECT,
            },
            Self::Rejected(reject) => reject_code(reject.reason),
            Self::Closed(_) => code::CLOSED,
            Self::Protocol { .. } => code::PROTOCOL,
            Self::Cancelled => code::CANCELLED,
        }
    }
}
