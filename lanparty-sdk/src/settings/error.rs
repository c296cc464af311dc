//! What can be wrong with settings.

use crate::error::{Coded, code};
use crate::quic::{CertError, TrustError};

/// Settings that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The value is not one that this key can have.
    #[error("wrong value for `{key}`: {problem}")]
    BadValue {
        /// The key.
        key: &'static str,
        /// What is wrong, and what to write instead.
        problem: String,
    },
    /// The relay's certificate could not be read, used, made or written.
    #[error(transparent)]
    Certificate(#[from] CertError),
    /// An entry of a document is wrong.
    #[error("line {line}: {problem}")]
    Line {
        /// Where it stands, from 1 on.
        line: usize,
        /// What is wrong with it.
        problem: Box<Self>,
    },
    /// A key that must be given was not.
    #[error("`{key}` is missing: it must be given")]
    Missing {
        /// The key.
        key: &'static str,
    },
    /// The text is no TOML document.
    #[error("line {line}: {problem}")]
    Toml {
        /// Where reading stopped, from 1 on.
        line: usize,
        /// What is wrong there.
        problem: String,
    },
    /// The trust in the relay could not be set up.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// There is no such key.
    #[error("unknown key `{key}`{}", .near.map(|near| format!(": did you mean `{near}`?")).unwrap_or_default())]
    UnknownKey {
        /// The key, cut if it is long.
        key: String,
        /// The known one that looks like it.
        near: Option<&'static str>,
    },
}

impl Coded for SettingsError {
    fn code(&self) -> u32 {
        match self {
            Self::BadValue { .. } | Self::Toml { .. } => code::BAD_VALUE,
            Self::Certificate(error) => error.code(),
            Self::Line { problem, .. } => problem.code(),
            Self::Missing { .. } => code::MISSING,
            Self::Trust(error) => error.code(),
            Self::UnknownKey { .. } => code::UNKNOWN_KEY,
        }
    }
}
