//! The code by which people name a room.

use crate::error::{Coded, code};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A room's code: 3 to 64 letters, digits, `-` or `_` of ASCII. Case does not matter, since codes are read out loud:
/// it is kept in upper case.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RoomCode(String);

impl RoomCode {
    /// The fewest characters.
    pub const MIN_LEN: usize = 3;
    /// The most characters.
    pub const MAX_LEN: usize = 64;

    /// The code in upper case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The byte by which a member's first packet tells a relay of several workers whose room it is for: 32-bit FNV-1a of
    /// the code in upper case, its four bytes folded into one by exclusive or.
    #[must_use]
    pub fn steering_byte(&self) -> u8 {
        const OFFSET: u32 = 0x811c_9dc5;
        const PRIME: u32 = 0x0100_0193;
        let hash = self.0.bytes().fold(OFFSET, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(PRIME));
        hash.to_be_bytes().into_iter().fold(0, |folded, byte| folded ^ byte)
    }
}

/// The text is not a room code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseRoomCodeError {
    /// Too short or too long.
    #[error("a room code has {min} to {max} characters, not {0}: choose one like PARTY-42", min = RoomCode::MIN_LEN, max = RoomCode::MAX_LEN)]
    Length(usize),
    /// A character that may not stand in a code.
    #[error("{0:?} may not stand in a room code: use letters, digits, '-' and '_'")]
    Character(char),
}

impl FromStr for RoomCode {
    type Err = ParseRoomCodeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(bad) = text.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))) {
            return Err(ParseRoomCodeError::Character(bad));
        }
        if !(Self::MIN_LEN..=Self::MAX_LEN).contains(&text.len()) {
            return Err(ParseRoomCodeError::Length(text.len()));
        }
        Ok(Self(text.to_ascii_uppercase()))
    }
}

impl TryFrom<String> for RoomCode {
    type Error = ParseRoomCodeError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<RoomCode> for String {
    fn from(code: RoomCode) -> Self {
        code.0
    }
}

impl fmt::Display for RoomCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RoomCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Coded for ParseRoomCodeError {
    fn code(&self) -> u32 {
        code::ROOM_CODE
    }
}
