//! The eight bytes at the start of every datagram.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Fragment, Probe, ProtoError};

/// Version of the overlay header that this crate speaks.
pub const VERSION: u8 = 1;
/// Length of the header without the fragment's own.
pub const HEADER_LEN: usize = 8;

/// Number of a room on its relay. `0x0000` and `0xffff` are reserved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct RoomId(u16);

impl RoomId {
    /// The highest number a room may have.
    pub const MAX: u16 = 0xfffe;

    /// Takes a number that is not reserved.
    ///
    /// # Errors
    /// [`ProtoError::Room`] for a reserved number.
    pub const fn new(number: u16) -> Result<Self, ProtoError> {
        if number == 0 || number > Self::MAX { Err(ProtoError::Room(number)) } else { Ok(Self(number)) }
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0
    }
}

/// Number of a member in its room, given by the relay. `0x0000` and everything above [`PeerId::MAX`] is reserved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct PeerId(u16);

impl PeerId {
    /// The highest number a member may have.
    pub const MAX: u16 = 0xffef;

    /// Takes a number that is not reserved.
    ///
    /// # Errors
    /// [`ProtoError::Peer`] for a reserved number.
    pub const fn new(number: u16) -> Result<Self, ProtoError> {
        if number == 0 || number > Self::MAX { Err(ProtoError::Peer(number)) } else { Ok(Self(number)) }
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0
    }
}

macro_rules! number_conversions {
    ($($name:ident),+) => {$(
        impl TryFrom<u16> for $name {
            type Error = ProtoError;
            fn try_from(number: u16) -> Result<Self, ProtoError> { Self::new(number) }
        }
        impl From<$name> for u16 {
            fn from(id: $name) -> Self { id.0 }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { fmt::Display::fmt(&self.0, f) }
        }
    )+};
}
number_conversions!(RoomId, PeerId);

/// For whom the sender meant a datagram. The relay checks it against what it knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Label {
    /// One member.
    Peer(PeerId),
    /// Whoever is the gateway: destinations on the LAN.
    Gateway,
    /// All other members.
    Flood,
}

impl Label {
    const GATEWAY: u16 = 0xfffe;
    const FLOOD: u16 = 0xffff;

    const fn to_wire(self) -> u16 {
        match self {
            Self::Peer(peer) => peer.0,
            Self::Gateway => Self::GATEWAY,
            Self::Flood => Self::FLOOD,
        }
    }

    const fn from_wire(value: u16) -> Result<Self, ProtoError> {
        match value {
            Self::GATEWAY => Ok(Self::Gateway),
            Self::FLOOD => Ok(Self::Flood),
            1..=PeerId::MAX => Ok(Self::Peer(PeerId(value))),
            _ => Err(ProtoError::Label(value)),
        }
    }
}

/// What follows the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// A whole Ethernet frame.
    Frame = 0x1,
    /// Half of an Ethernet frame.
    Fragment = 0x2,
    // 0x3 is reserved for sealed frames: suite and epoch, counter, ciphertext, tag.
    /// A round-trip time probe.
    Probe = 0x4,
}

/// The header's fields, all of them valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What follows.
    pub kind: Kind,
    /// The sender's room.
    pub room: RoomId,
    /// The sender.
    pub source: PeerId,
    /// For whom it is meant.
    pub label: Label,
}

impl Header {
    /// Reads and checks the first [`HEADER_LEN`] bytes.
    ///
    /// # Errors
    /// Any violation of the wire's rules.
    pub fn parse(bytes: &[u8]) -> Result<Self, ProtoError> {
        let &[first, flags, room_hi, room_lo, source_hi, source_lo, label_hi, label_lo, ..] = bytes else {
            return Err(ProtoError::TooShort(bytes.len()));
        };
        if first >> 4 != VERSION {
            return Err(ProtoError::Version(first >> 4));
        }
        let kind = match first & 0x0f {
            0x1 => Kind::Frame,
            0x2 => Kind::Fragment,
            0x4 => Kind::Probe,
            other => return Err(ProtoError::Kind(other)),
        };
        if flags != 0 {
            return Err(ProtoError::Flags(flags));
        }
        Ok(Self {
            kind,
            room: RoomId::new(u16::from_be_bytes([room_hi, room_lo]))?,
            source: PeerId::new(u16::from_be_bytes([source_hi, source_lo]))?,
            label: Label::from_wire(u16::from_be_bytes([label_hi, label_lo]))?,
        })
    }

    /// Writes the header to the start of `out`.
    ///
    /// # Panics
    /// If `out` is shorter than [`HEADER_LEN`].
    pub fn write(&self, out: &mut [u8]) {
        out[0] = VERSION << 4 | self.kind as u8;
        out[1] = 0;
        out[2..4].copy_from_slice(&self.room.0.to_be_bytes());
        out[4..6].copy_from_slice(&self.source.0.to_be_bytes());
        out[6..8].copy_from_slice(&self.label.to_wire().to_be_bytes());
    }
}

/// A checked view of one datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Datagram<'a> {
    /// A whole frame; its Ethernet header has not been looked at.
    Frame(&'a [u8]),
    /// Half of a frame.
    Fragment(Fragment<'a>),
    /// A probe to one member or to the gateway.
    Probe(Probe),
}

impl<'a> Datagram<'a> {
    /// Reads a whole datagram.
    ///
    /// # Errors
    /// Any violation of the wire's rules.
    pub fn parse(bytes: &'a [u8]) -> Result<(Header, Self), ProtoError> {
        let header = Header::parse(bytes)?;
        let body = &bytes[HEADER_LEN..];
        let datagram = match header.kind {
            Kind::Frame => Self::Frame(body),
            Kind::Fragment => Self::Fragment(Fragment::parse(body)?),
            Kind::Probe if header.label == Label::Flood => return Err(ProtoError::Probe),
            Kind::Probe => Self::Probe(Probe::parse(body)?),
        };
        Ok((header, datagram))
    }
}
