//! The messages and the ranges of their values.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::RoomCode;
use crate::frame::{DEFAULT_MTU, MIN_MTU, MacAddr};
use crate::obs::TrafficStats;
use crate::proto::{PeerId, RoomId};

/// The most characters of a member's display name.
pub const MAX_NAME_CHARS: usize = 32;
/// The most characters of any other text.
pub const MAX_TEXT_CHARS: usize = 200;

/// What a member is to its room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PeerRole {
    /// One player's computer, with exactly one address.
    Client,
    /// Stands for a whole physical LAN. A room has at most one.
    Gateway,
}

impl fmt::Display for PeerRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Client => "client",
            Self::Gateway => "gateway",
        })
    }
}

/// How frames travel between members.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ConnectionMode {
    /// Through the relay. What is assumed when a Welcome does not say.
    #[default]
    Relay,
    /// A mode this version does not know.
    #[serde(other)]
    Other,
}

/// Lets a relay recognise the same identity again. Derived from the identity's secret for one relay and one room, so
/// that neither can impersonate it elsewhere.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdentityToken(pub [u8; 16]);

impl fmt::Debug for IdentityToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdentityToken(..)")
    }
}

impl Serialize for IdentityToken {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:032x}", u128::from_be_bytes(self.0)))
    }
}

impl<'de> Deserialize<'de> for IdentityToken {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.len() != 32 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(de::Error::custom("an identity token has 32 hexadecimal digits"));
        }
        u128::from_str_radix(&text, 16).map(|value| Self(value.to_be_bytes())).map_err(de::Error::custom)
    }
}

/// The first message of a member: who it is and what it can carry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Version of the overlay header it speaks.
    pub version: u8,
    /// What it wants to be.
    pub role: PeerRole,
    /// Which room it wants to enter.
    pub room: RoomCode,
    /// Its address: required for a client; the network card's for a gateway, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<MacAddr>,
    /// By what the relay knows it again.
    pub token: IdentityToken,
    /// The largest layer-2 payload its port carries. The first member's becomes the room's.
    #[serde(default = "default_mtu")]
    pub mtu: u16,
    /// The largest datagram it can receive. The relay believes what QUIC negotiated if that is less.
    pub budget: u32,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Which program and version it is, for the relay's logs.
    #[serde(default)]
    pub agent: String,
}

const fn default_mtu() -> u16 {
    DEFAULT_MTU
}

/// The relay's answer to a Hello that it admits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The room's number in every datagram.
    pub room: RoomId,
    /// The member's own number.
    pub peer: PeerId,
    /// The room's layer-2 MTU in bytes.
    pub mtu: u16,
    /// How frames travel.
    #[serde(default)]
    pub mode: ConnectionMode,
    /// Whether the room has a gateway at this moment.
    pub gateway_present: bool,
    /// How many [`RelayMessage::PeerJoined`] follow for those who are here already.
    #[serde(default)]
    pub members: u16,
}

/// The relay's answer to a Hello that it does not admit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reject {
    /// Why.
    pub reason: RejectReason,
    /// The numbers or names behind it, for people.
    #[serde(default)]
    pub detail: String,
}

/// Why a relay refused a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RejectReason {
    /// The datagram budget does not carry the room's frames.
    BudgetTooSmall,
    /// Another member owns this address, or the LAN uses it.
    DuplicateMac,
    /// The room has its gateway.
    GatewayPresent,
    /// The address may not be a member's: a client needs a unicast, locally administered one.
    BadMac,
    /// The member's port does not carry the room's layer-2 MTU.
    MtuTooSmall,
    /// The relay has as many rooms or members as it may have.
    RelayFull,
    /// The room has as many clients as it may have.
    RoomFull,
    /// The relay speaks another version.
    VersionMismatch,
    /// A reason this version does not know.
    #[serde(other)]
    Other,
}

impl RejectReason {
    /// Whether the same Hello may succeed later without anybody changing anything on this side.
    #[must_use]
    pub const fn is_temporary(self) -> bool {
        matches!(self, Self::GatewayPresent | Self::RoomFull | Self::RelayFull | Self::DuplicateMac)
    }
}

impl fmt::Display for RejectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BudgetTooSmall => "the connection's datagrams are too small for the room's frames",
            Self::DuplicateMac => {
                "the room or its LAN already uses this MAC address: choose another, or take a new identity"
            }
            Self::GatewayPresent => {
                "the room already has a gateway: stop that one first, or use another room"
            }
            Self::BadMac => {
                "the MAC address must be unicast and locally administered, as in 02:1a:2b:3c:4d:5e"
            }
            Self::MtuTooSmall => {
                "the port carries smaller frames than the room: raise its MTU, or use another room"
            }
            Self::RelayFull => "the relay is full: try again later, or use another relay",
            Self::RoomFull => {
                "the room is full: wait until somebody leaves, or ask the relay's operator for more places"
            }
            Self::VersionMismatch => "the relay speaks another version: update the older of the two",
            Self::Other => "the relay refused for a reason that this version does not know: update it",
        })
    }
}

/// A member as the others see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerInfo {
    /// Its number in datagrams.
    pub peer: PeerId,
    /// What it is.
    pub role: PeerRole,
    /// Its address, if it has one of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<MacAddr>,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The largest datagram that the relay can send it at the moment.
    pub budget: u32,
    /// Whether it has paused its data plane.
    #[serde(default)]
    pub paused: bool,
}

/// Why a member left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LeaveReason {
    /// On purpose.
    Normal,
    /// Nothing was heard from it for too long.
    TimedOut,
    /// Its connection broke.
    Lost,
    /// It broke the protocol.
    Protocol,
    /// It sent too much of what it should not send.
    Abuse,
    /// It was removed.
    Kicked,
    /// The same identity connected again.
    Replaced,
    /// The relay, or the member's program, shuts down.
    Shutdown,
    /// A reason this version does not know.
    #[serde(other)]
    Other,
}

impl fmt::Display for LeaveReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Normal => "left",
            Self::TimedOut => "timed out",
            Self::Lost => "lost the connection",
            Self::Protocol => "broke the protocol",
            Self::Abuse => "was disconnected for abuse",
            Self::Kicked => "was kicked",
            Self::Replaced => "connected again",
            Self::Shutdown => "shut down",
            Self::Other => "left for another reason",
        })
    }
}

/// What a member reports about itself now and then.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MemberStats {
    /// Frames and datagrams, with all drops.
    pub traffic: TrafficStats,
    /// Round-trip time to the relay in microseconds.
    pub relay_rtt_us: Option<u64>,
    /// Round-trip time to the gateway in microseconds.
    pub gateway_rtt_us: Option<u64>,
}

/// Member to relay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
#[expect(clippy::large_enum_variant, reason = "a few a minute, none of them kept")]
pub enum MemberMessage {
    /// First, and only first.
    Hello(Hello),
    /// A snapshot of its counters.
    Stats(MemberStats),
    /// Stops or resumes its data plane while the session stays up.
    Pause {
        /// Whether frames stop.
        paused: bool,
    },
    /// It leaves on purpose; the relay closes the connection.
    Disconnect {
        /// Why.
        reason: LeaveReason,
        /// In the leaver's own words.
        #[serde(default)]
        text: String,
    },
}

/// Relay to member.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum RelayMessage {
    /// Admitted.
    Welcome(Welcome),
    /// Not admitted.
    Reject(Reject),
    /// Somebody joined, or was here already.
    PeerJoined(PeerInfo),
    /// Somebody left.
    PeerLeft {
        /// Who.
        peer: PeerId,
        /// Why.
        reason: LeaveReason,
        /// In the leaver's own words.
        #[serde(default)]
        text: String,
    },
    /// Somebody stopped or resumed its data plane.
    PeerPaused {
        /// Who.
        peer: PeerId,
        /// Whether frames stop.
        paused: bool,
    },
    /// The relay can send larger or only smaller datagrams to somebody from now on: whoever sends to it cuts its frames
    /// accordingly, since the relay changes no byte.
    PeerBudget {
        /// To whom.
        peer: PeerId,
        /// Bytes of one datagram.
        budget: u32,
    },
    /// The relay ends the membership; the close of the connection follows.
    Disconnect {
        /// Why.
        reason: LeaveReason,
        /// In the relay's own words.
        #[serde(default)]
        text: String,
    },
}

/// A value of a decoded message is out of its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidMessage {
    /// A text is too long, or has control characters.
    #[error("{0} is too long or has control characters")]
    Text(&'static str),
    /// A client without an address, or with one that it may not have.
    #[error("a client needs a unicast, locally administered MAC address")]
    ClientMac,
    /// A gateway with an address that no network card has.
    #[error("a gateway's MAC address must be unicast")]
    GatewayMac,
    /// A layer-2 MTU that no room may have.
    #[error("a layer-2 MTU of {0} is out of {MIN_MTU} to {DEFAULT_MTU}")]
    Mtu(u16),
}

/// Checks that need a decoded message.
pub trait Validate {
    /// Checks every value's range.
    ///
    /// # Errors
    /// The first value that is out of its range.
    fn validate(&self) -> Result<(), InvalidMessage>;
}

/// Cuts a text to what a message may carry: at most `max_chars` characters, none of them a control character.
#[must_use]
pub fn clean_text(text: &str, max_chars: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(max_chars).collect()
}

fn check_text(what: &'static str, text: &str, max_chars: usize) -> Result<(), InvalidMessage> {
    if text.chars().count() > max_chars || text.chars().any(char::is_control) {
        return Err(InvalidMessage::Text(what));
    }
    Ok(())
}

const fn check_mtu(mtu: u16) -> Result<(), InvalidMessage> {
    if mtu < MIN_MTU || mtu > DEFAULT_MTU { Err(InvalidMessage::Mtu(mtu)) } else { Ok(()) }
}

fn check_mac(role: PeerRole, mac: Option<MacAddr>) -> Result<(), InvalidMessage> {
    match (role, mac) {
        (PeerRole::Client, Some(mac)) if mac.is_client_identity() => Ok(()),
        (PeerRole::Client, _) => Err(InvalidMessage::ClientMac),
        (PeerRole::Gateway, Some(mac)) if !mac.is_unicast() => Err(InvalidMessage::GatewayMac),
        (PeerRole::Gateway, _) => Ok(()),
    }
}

impl Validate for MemberMessage {
    fn validate(&self) -> Result<(), InvalidMessage> {
        match self {
            Self::Hello(hello) => {
                // A wrong address or version gets a Reject that says so instead of a protocol error: see the relay.
                check_text("name", hello.name.as_deref().unwrap_or_default(), MAX_NAME_CHARS)?;
                check_text("agent", &hello.agent, MAX_TEXT_CHARS)
            }
            Self::Disconnect { text, .. } => check_text("text", text, MAX_TEXT_CHARS),
            Self::Stats(_) | Self::Pause { .. } => Ok(()),
        }
    }
}

impl Hello {
    /// Checks what deserves a [`Reject`] rather than a protocol error.
    ///
    /// # Errors
    /// Which rule the address or the MTU breaks.
    pub fn check(&self) -> Result<(), InvalidMessage> {
        check_mac(self.role, self.mac)?;
        check_mtu(self.mtu)
    }
}

impl Validate for RelayMessage {
    fn validate(&self) -> Result<(), InvalidMessage> {
        match self {
            Self::Welcome(welcome) => check_mtu(welcome.mtu),
            Self::Reject(reject) => check_text("detail", &reject.detail, MAX_TEXT_CHARS),
            Self::PeerJoined(info) => {
                check_mac(info.role, info.mac)?;
                check_text("name", info.name.as_deref().unwrap_or_default(), MAX_NAME_CHARS)
            }
            Self::PeerLeft { text, .. } | Self::Disconnect { text, .. } => {
                check_text("text", text, MAX_TEXT_CHARS)
            }
            Self::PeerPaused { .. } | Self::PeerBudget { .. } => Ok(()),
        }
    }
}
