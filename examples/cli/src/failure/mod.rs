//! Why a program ends, in one line, and with which exit code.

use std::error::Error;
use std::fmt;
use std::io::{self, Write as _};

use lanparty_sdk::ctrl::RejectReason;
use lanparty_sdk::error::{Coded, ErrorKind};
use lanparty_sdk::identity::IdentityError;
use lanparty_sdk::member::EndReason;
use lanparty_sdk::quic::{BindError, CertError, TrustError};
use lanparty_sdk::session::JoinError;

use crate::{Exit, LogFormat};

/// Why a program ends: what cannot be done and the way out, with all causes in one line.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    text: String,
}

impl Failure {
    /// A failure in a program's own words.
    #[must_use]
    pub fn new(exit: Exit, text: impl Into<String>) -> Self {
        Self { exit, text: text.into() }
    }

    /// A failure in a program's own words, and what is behind it.
    #[must_use]
    pub fn with_source(exit: Exit, text: &str, source: impl Error) -> Self {
        Self { exit, text: format!("{text}: {}", chain(&source)) }
    }

    /// A failure in the words of `error`.
    #[must_use]
    pub fn from_error(exit: Exit, error: &(dyn Error + 'static)) -> Self {
        // Whatever could not be done, the missing permission is what to see to.
        let exit = if exit == Exit::Adapter && is_permission(error) { Exit::NotPermitted } else { exit };
        Self { exit, text: chain(error) }
    }

    /// The exit code.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        self.exit
    }

    /// Says it on standard error, as a line or as a log record.
    pub fn report(&self, format: LogFormat) -> Exit {
        match format {
            LogFormat::Json if tracing::event_enabled!(target: crate::SAY, tracing::Level::ERROR) => {
                self.log()
            }
            // Standard error may be closed. Then there is nobody to tell.
            LogFormat::Json | LogFormat::Text => drop(writeln!(io::stderr(), "error: {}", self.text)),
        }
        self.exit
    }

    /// Says it in the log.
    pub(crate) fn log(&self) {
        tracing::error!(target: crate::SAY, exit_code = self.exit.code(), "{}", self.text);
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<JoinError> for Failure {
    fn from(error: JoinError) -> Self {
        let exit = match (&error, error.kind()) {
            (JoinError::Rejected(reject), _) => exit_of_reject(reject.reason),
            (JoinError::Closed(_), _) => Exit::EndedByRelay,
            (_, ErrorKind::Usage) => Exit::Usage,
            (_, ErrorKind::Environment) => Exit::Adapter,
            (_, ErrorKind::Network | ErrorKind::Protocol) => Exit::Unreachable,
            (_, ErrorKind::Trust) => Exit::Untrusted,
            (_, ErrorKind::Incompatible) => Exit::Incompatible,
            (_, ErrorKind::Refused) => Exit::Refused,
            (_, _) => Exit::Internal,
        };
        Self::from_error(exit, &error)
    }
}

impl From<EndReason> for Failure {
    fn from(reason: EndReason) -> Self {
        let exit = match &reason {
            EndReason::Rejected(reject) => exit_of_reject(reject.reason),
            EndReason::Closed { .. } => Exit::EndedByRelay,
            EndReason::Unreachable { .. } => Exit::Unreachable,
            EndReason::PortClosed { .. } => Exit::Adapter,
            _ => Exit::Internal,
        };
        let text = match &reason {
            EndReason::Rejected(_) => format!("the relay refused: {reason}"),
            EndReason::Closed { .. } => format!("the relay ended the membership: {reason}"),
            _ => reason.to_string(),
        };
        Self::new(exit, text)
    }
}

impl From<BindError> for Failure {
    fn from(error: BindError) -> Self {
        let exit = match &error {
            BindError::Permission { .. } => Exit::NotPermitted,
            BindError::NoRuntime => Exit::Internal,
            _ => Exit::Adapter,
        };
        Self::from_error(exit, &error)
    }
}

impl From<CertError> for Failure {
    fn from(error: CertError) -> Self {
        let exit = if matches!(error, CertError::Name { .. }) { Exit::Usage } else { Exit::File };
        Self::from_error(exit, &error)
    }
}

impl From<TrustError> for Failure {
    fn from(error: TrustError) -> Self {
        Self::from_error(Exit::File, &error)
    }
}

impl From<IdentityError> for Failure {
    fn from(error: IdentityError) -> Self {
        Self::from_error(Exit::File, &error)
    }
}

#[cfg(target_os = "linux")]
impl From<lanparty_sdk::port::af_packet::AfPacketError> for Failure {
    fn from(error: lanparty_sdk::port::af_packet::AfPacketError) -> Self {
        Self::from_error(Exit::Adapter, &error)
    }
}

#[cfg(target_os = "linux")]
impl From<lanparty_sdk::port::tap_linux::TapError> for Failure {
    fn from(error: lanparty_sdk::port::tap_linux::TapError) -> Self {
        Self::from_error(Exit::Adapter, &error)
    }
}

#[cfg(windows)]
impl From<lanparty_sdk::port::tap_windows::TapError> for Failure {
    fn from(error: lanparty_sdk::port::tap_windows::TapError) -> Self {
        let not_permitted = error.code() == lanparty_sdk::error::code::NOT_PERMITTED;
        Self::from_error(if not_permitted { Exit::NotPermitted } else { Exit::Adapter }, &error)
    }
}

const fn exit_of_reject(reason: RejectReason) -> Exit {
    match reason {
        RejectReason::VersionMismatch => Exit::Incompatible,
        _ => Exit::Refused,
    }
}

/// An error with all its causes in one line. A cause that its error tells already is not told again.
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let words = cause.to_string();
        if !text.ends_with(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        source = cause.source();
    }
    text
}

fn is_permission(error: &(dyn Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| (*error).source())
        .filter_map(|error| error.downcast_ref::<io::Error>())
        .any(|error| error.kind() == io::ErrorKind::PermissionDenied)
}

#[cfg(test)]
mod tests;
