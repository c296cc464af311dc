//! Why a member could not connect to a relay.

use crate::error::{Coded, code};
use quinn::ConnectionError;
use rustls::{AlertDescription, CertificateError};

/// A member could not connect to the relay. The messages are written for its user.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The relay's certificate cannot be used for a reason without a variant of its own.
    #[error("the relay's certificate is not acceptable: ask its operator to renew it")]
    BadCertificate {
        /// What is wrong with it, where the handshake said so.
        source: Option<rustls::Error>,
    },
    /// The relay closed the connection while it was being set up.
    #[error("the relay closed the connection (code {code}): {reason}")]
    Closed {
        /// The application's close code.
        code: u64,
        /// The reason given with it, empty if there was none.
        reason: String,
    },
    /// The relay's certificate is no longer, or not yet, valid.
    #[error(
        "the relay's certificate is not valid at this time: check this computer's clock, \
         or ask the relay's operator to renew the certificate"
    )]
    Expired,
    /// The relay's certificate is made out to another name.
    #[error(
        "the relay's certificate is not for {expected} but for {}: connect by a name it is for, \
         or ask the relay's operator for a certificate with this one",
        NameList(.presented)
    )]
    NameMismatch {
        /// The name that was asked for.
        expected: String,
        /// The names in the certificate.
        presented: Vec<String>,
    },
    /// The relay takes no QUIC datagrams.
    #[error("the relay accepts no QUIC datagrams: ask its operator to update it")]
    NoDatagrams,
    /// The relay takes no new connections.
    #[error("the relay refused the connection: it may be full, try again in a moment")]
    Refused,
    /// The relay forgot the connection while it was being set up.
    #[error("the relay restarted while connecting: try again")]
    Reset,
    /// The server name can be in no certificate.
    #[error("{name:?} is not a server name: give the relay's host name or IP address")]
    ServerName {
        /// The name that was given.
        name: String,
    },
    /// Nobody answered.
    #[error(
        "no answer from the relay: check its address, and that UDP to its port is not blocked by a firewall"
    )]
    TimedOut,
    /// QUIC failed in a way without a variant of its own.
    #[error("the connection to the relay failed")]
    Transport(#[source] ConnectionError),
    /// Neither the certificate nor its issuer is trusted.
    #[error(
        "the relay's certificate is not trusted: give the relay's own certificate (relay-ca-cert), \
         or ask its operator for one from a public authority"
    )]
    UnknownIssuer,
    /// This endpoint cannot open connections.
    #[error("this endpoint cannot connect")]
    Unusable(#[source] quinn::ConnectError),
    /// The other end speaks another version of our protocol, or something else altogether.
    #[error("the relay speaks another protocol version: update the older of the two, or check the address")]
    VersionMismatch,
}

impl From<ConnectionError> for ConnectError {
    fn from(error: ConnectionError) -> Self {
        let code = match &error {
            ConnectionError::VersionMismatch => return Self::VersionMismatch,
            ConnectionError::TimedOut => return Self::TimedOut,
            ConnectionError::Reset => return Self::Reset,
            ConnectionError::ApplicationClosed(close) => {
                return Self::Closed {
                    code: close.error_code.into_inner(),
                    reason: String::from_utf8_lossy(&close.reason).into_owned(),
                };
            }
            ConnectionError::ConnectionClosed(close) => close.error_code,
            ConnectionError::TransportError(error) => error.code,
            ConnectionError::LocallyClosed | ConnectionError::CidsExhausted => return Self::Transport(error),
        };
        match alert(code.into()) {
            Some(AlertDescription::NoApplicationProtocol) => Self::VersionMismatch,
            Some(AlertDescription::CertificateExpired) => Self::Expired,
            Some(AlertDescription::UnknownCA) => Self::UnknownIssuer,
            Some(
                AlertDescription::BadCertificate
                | AlertDescription::CertificateRevoked
                | AlertDescription::CertificateUnknown
                | AlertDescription::UnsupportedCertificate,
            ) => Self::BadCertificate { source: None },
            _ if code == quinn::TransportErrorCode::CONNECTION_REFUSED => Self::Refused,
            _ => Self::Transport(error),
        }
    }
}

impl From<CertificateError> for ConnectError {
    fn from(error: CertificateError) -> Self {
        match error {
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => Self::Expired,
            // A bad signature is that of an issuer which only has the name of a trusted one.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => Self::UnknownIssuer,
            CertificateError::NotValidForNameContext { expected, presented } => {
                let presented = presented.iter().map(|name| plain_name(name).to_owned()).collect();
                Self::NameMismatch { expected: expected.to_str().into_owned(), presented }
            }
            other => Self::BadCertificate { source: Some(other.into()) },
        }
    }
}

/// rustls gives names in their debug form, as in `DnsName("relay.example")` or `IpAddress(192.0.2.1)`.
fn plain_name(name: &str) -> &str {
    let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    inner.map_or(name, |inner| inner.trim_matches('"'))
}

/// The TLS alert in a QUIC error code (RFC 9001, section 4.8).
fn alert(code: u64) -> Option<AlertDescription> {
    let alert = code.checked_sub(0x0100)?;
    Some(AlertDescription::from(u8::try_from(alert).ok()?))
}

struct NameList<'a>(&'a [String]);

impl std::fmt::Display for NameList<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() { f.write_str("no name at all") } else { f.write_str(&self.0.join(", ")) }
    }
}

impl Coded for ConnectError {
    fn code(&self) -> u32 {
        match self {
            Self::BadCertificate { .. } => code::CERTIFICATE_BAD,
            Self::Expired => code::CERTIFICATE_EXPIRED,
            Self::NameMismatch { .. } => code::CERTIFICATE_NAME,
            Self::NoDatagrams => code::NO_DATAGRAMS,
            Self::ServerName { .. } => code::SERVER_NAME,
            Self::TimedOut => code::UNREACHABLE,
            Self::UnknownIssuer => code::CERTIFICATE_UNKNOWN,
            Self::VersionMismatch => code::VERSION_MISMATCH,
            Self::Closed { .. } | Self::Refused | Self::Reset | Self::Transport(_) | Self::Unusable(_) => {
                code::CONNECT
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_are_read_from_quic_codes() {
        assert_eq!(alert(0x0178), Some(AlertDescription::NoApplicationProtocol));
        assert_eq!(alert(0x012d), Some(AlertDescription::CertificateExpired));
        assert_eq!(alert(0x02), None);
        assert_eq!(alert(0x0200), None);
    }

    #[test]
    fn names_are_made_plain() {
        assert_eq!(plain_name(r#"DnsName("relay.example")"#), "relay.example");
        assert_eq!(plain_name("IpAddress(192.0.2.1)"), "192.0.2.1");
        assert_eq!(plain_name("relay.example"), "relay.example");
    }

    #[test]
    fn simple_endings_have_their_variants() {
        assert!(matches!(ConnectionError::TimedOut.into(), ConnectError::TimedOut));
        assert!(matches!(ConnectionError::VersionMismatch.into(), ConnectError::VersionMismatch));
        assert!(matches!(ConnectionError::LocallyClosed.into(), ConnectError::Transport(_)));
        let revoked = ConnectError::from(CertificateError::Revoked);
        assert!(std::error::Error::source(&revoked).is_some());
    }
}
