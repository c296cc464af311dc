//! Configuration as keys and texts: what an embedder offers to its users.
//!
//! The keys are those of the programs' long options and configuration files, and values are written as they are there. A
//! mistake is told with the key, and in a TOML text with the line; nothing has changed then.
//!
//! ```
//! use lanparty_sdk::ctrl::PeerRole;
//! use lanparty_sdk::identity::Identity;
//! use lanparty_sdk::quic::Trust;
//! use lanparty_sdk::settings::SessionSettings;
//!
//! let mut settings = SessionSettings::new(PeerRole::Client);
//! settings.load_toml(
//!     r#"
//!     relay = "relay.example:4433"
//!     room = "PARTY-42"
//!     keep-alive = "2s"
//!     "#,
//! )?;
//! settings.set("name", "Ann")?;
//! assert_eq!(
//!     settings.set("nane", "Ann").unwrap_err().to_string(),
//!     "there is no key \"nane\": did you mean \"name\"?"
//! );
//! let builder = settings.builder(Identity::generate()?, Some(Trust::dangerous_accept_any()))?;
//! # drop(builder);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod relay;
mod session;
mod table;
mod transport;
mod values;

pub use relay::RelaySettings;
pub use session::SessionSettings;
pub use transport::{TransportProblem, TransportSettings};
pub use values::{ByteSize, ParseValueError, RateArg, Span};

use crate::error::{Coded, code};
use crate::quic::{CertError, TrustError};

/// How many threads a runtime may have.
const MAX_WORKERS: usize = 64;

/// A configuration cannot be used as it is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// There is no such key.
    #[error("there is no key {key:?}{}", hint(*.near))]
    UnknownKey {
        /// What was asked for.
        key: String,
        /// What may have been meant.
        near: Option<&'static str>,
    },
    /// The key cannot have this value.
    #[error("wrong value for {key:?}: {problem}")]
    BadValue {
        /// Which key.
        key: String,
        /// What is wrong, or wanted.
        problem: String,
    },
    /// A text in TOML is wrong.
    #[error("line {line}: {problem}")]
    Toml {
        /// In which line, from 1 on.
        line: usize,
        /// What is wrong.
        problem: String,
        /// Whether the line names a key that there is not.
        unknown_key: bool,
    },
    /// A key that must be set is not.
    #[error("{key:?} is not set, and nothing can be started without it")]
    Missing {
        /// Which key.
        key: &'static str,
    },
    /// The certificates to trust cannot be had.
    #[error("the relay's certificate cannot be judged")]
    Trust(#[source] TrustError),
    /// The relay's own certificate cannot be had.
    #[error("there is no certificate to show")]
    Certificate(#[source] CertError),
}

impl Coded for SettingsError {
    fn code(&self) -> u32 {
        match self {
            Self::UnknownKey { .. } | Self::Toml { unknown_key: true, .. } => code::UNKNOWN_KEY,
            Self::BadValue { .. } | Self::Toml { .. } => code::BAD_VALUE,
            Self::Missing { .. } => code::MISSING,
            Self::Trust(source) => source.code(),
            Self::Certificate(source) => source.code(),
        }
    }
}

fn hint(near: Option<&str>) -> String {
    near.map(|near| format!(": did you mean {near:?}?")).unwrap_or_default()
}

#[cfg(test)]
mod tests;
