//! How a program ends, as a number.

use std::process::{ExitCode, Termination};

const SECOND_SIGNAL: &str = if cfg!(windows) {
    "A second Ctrl-C ends the program at once, with 130."
} else {
    "A second signal ends the program at once, with 128 and the signal's number."
};

/// The exit codes, the same in all programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Exit {
    /// Ended as asked.
    Ok,
    /// The command line cannot be used.
    Usage,
    /// The configuration file cannot be used.
    Config,
    /// The system does not let this program do what it must.
    NotPermitted,
    /// The network adapter, interface or UDP port cannot be used.
    Adapter,
    /// A certificate or identity file cannot be used.
    File,
    /// The relay does not answer.
    Unreachable,
    /// The relay's certificate is not to be trusted.
    Untrusted,
    /// The relay or the room did not let the member in.
    Refused,
    /// The relay ended the membership.
    EndedByRelay,
    /// The two sides speak different versions.
    Incompatible,
    /// A mistake in the program.
    Internal,
}

impl Exit {
    /// All of them, by number.
    pub const ALL: [Self; 12] = [
        Self::Ok,
        Self::Usage,
        Self::Config,
        Self::NotPermitted,
        Self::Adapter,
        Self::File,
        Self::Unreachable,
        Self::Untrusted,
        Self::Refused,
        Self::EndedByRelay,
        Self::Incompatible,
        Self::Internal,
    ];

    /// The number that the shell sees.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Usage => 2,
            Self::Config => 3,
            Self::NotPermitted => 4,
            Self::Adapter => 5,
            Self::File => 6,
            Self::Unreachable => 7,
            Self::Untrusted => 8,
            Self::Refused => 9,
            Self::EndedByRelay => 10,
            Self::Incompatible => 11,
            Self::Internal => 70,
        }
    }

    /// What it means, for `--help`.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Ok if cfg!(windows) => "ended as asked (Ctrl-C, the window closed, the service stopped)",
            Self::Ok => "ended as asked (Ctrl-C, SIGTERM)",
            Self::Usage => "the command line cannot be used",
            Self::Config => "the configuration file cannot be used",
            Self::NotPermitted if cfg!(windows) => "not permitted: not run as administrator",
            Self::NotPermitted => "not permitted: not root, or a capability is missing",
            Self::Adapter => "a network adapter, interface or UDP port of this host cannot be used",
            Self::File => "a certificate, key or identity file cannot be used",
            Self::Unreachable => "the relay cannot be reached",
            Self::Untrusted => "the relay's certificate is not trusted, or for another name",
            Self::Refused => "refused by the relay: room full, second gateway, duplicate MAC address, ...",
            Self::EndedByRelay => "ended by the relay: kicked, or replaced by a newer connection",
            Self::Incompatible => "the relay speaks another version",
            Self::Internal => "a mistake in this program",
        }
    }

    /// The end of every `--help`.
    pub(crate) fn table() -> String {
        let rows: String =
            Self::ALL.iter().map(|exit| format!("  {:>3}  {}\n", exit.code(), exit.meaning())).collect();
        format!("Exit codes:\n{rows}\n{SECOND_SIGNAL}")
    }
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        self.code().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_in_order() {
        let codes = Exit::ALL.map(Exit::code);
        assert!(codes.is_sorted_by(|a, b| a < b), "{codes:?}");
        assert!(Exit::table().contains("\n   70  a mistake in this program"));
    }
}
