//! Why a session could not begin.

use crate::ctrl::{CloseCode, Reject};
use crate::error::{Coded, code, reject_code};
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

impl Coded for JoinError {
    fn code(&self) -> u32 {
        match self {
            Self::Resolve(source) => source.code(),
            Self::Bind(source) => source.code(),
            Self::Port { .. } => code::PORT,
            Self::Route(source) => source.code(),
            Self::Connect { source, .. } => source.code(),
            Self::Rejected(reject) => reject_code(reject.reason),
            Self::Closed(_) => code::CLOSED,
            Self::Protocol { .. } => code::PROTOCOL,
            Self::Cancelled => code::CANCELLED,
        }
    }
}
