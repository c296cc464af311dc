//! Why a connection was closed.

use std::fmt;

/// The application error code of a QUIC close. A hint for the user and for the decision to reconnect, never an
/// authority: membership follows the connection, not the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum CloseCode {
    /// The member left on purpose.
    Leave,
    /// The relay shuts down or restarts; members come back by themselves.
    Shutdown,
    /// Nothing was heard for too long.
    Idle,
    /// The relay's operator or the host removed the member.
    Kicked,
    /// The same identity connected again; the newer connection stands.
    Replaced,
    /// Too many control messages or malformed datagrams.
    Abuse,
    /// A message or datagram against the rules.
    Protocol,
    /// The relay answered the Hello with a Reject.
    Rejected,
    /// No Hello, or only half a message, came in time.
    TooSlow,
    /// Something failed inside the side that closed.
    Internal,
    /// A code this version does not know.
    Unknown(u32),
}

impl CloseCode {
    /// Every code with a name.
    pub const ALL: [Self; 10] = [
        Self::Leave,
        Self::Shutdown,
        Self::Idle,
        Self::Kicked,
        Self::Replaced,
        Self::Abuse,
        Self::Protocol,
        Self::Rejected,
        Self::TooSlow,
        Self::Internal,
    ];

    /// The number on the wire.
    #[must_use]
    pub const fn code(self) -> u32 {
        match self {
            Self::Leave => 0x10,
            Self::Shutdown => 0x11,
            Self::Idle => 0x12,
            Self::Kicked => 0x13,
            Self::Replaced => 0x14,
            Self::Abuse => 0x15,
            Self::Protocol => 0x16,
            Self::Rejected => 0x17,
            Self::TooSlow => 0x18,
            Self::Internal => 0x19,
            Self::Unknown(code) => code,
        }
    }

    /// Reads a number from the wire.
    #[must_use]
    pub fn from_code(code: u64) -> Self {
        Self::ALL
            .into_iter()
            .find(|known| u64::from(known.code()) == code)
            .unwrap_or_else(|| Self::Unknown(u32::try_from(code).unwrap_or(u32::MAX)))
    }

    /// Whether a member that was closed with this code should try to come back by itself. It should not where it would
    /// only fight: against its own newer connection, a kick, or its own mistakes.
    #[must_use]
    pub const fn should_reconnect(self) -> bool {
        !matches!(self, Self::Leave | Self::Kicked | Self::Replaced | Self::Abuse | Self::Protocol)
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Leave => "left",
            Self::Shutdown => "the relay shut down",
            Self::Idle => "nothing was heard for too long",
            Self::Kicked => "kicked",
            Self::Replaced => "replaced by a newer connection of the same identity",
            Self::Abuse => "too many control messages or malformed datagrams",
            Self::Protocol => "a message against the protocol",
            Self::Rejected => "rejected",
            Self::TooSlow => "too slow to say Hello or to finish a message",
            Self::Internal => "internal failure",
            Self::Unknown(code) => return write!(f, "unknown close code {code:#x}"),
        })
    }
}
