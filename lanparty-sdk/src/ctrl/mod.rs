//! Control messages between a member and its relay, and how they are framed.
//!
//! All of them travel on the one bidirectional stream that the member opens: [`MemberMessage`] up, [`RelayMessage`]
//! down. The first pair is [`Hello`] and [`Welcome`] or [`Reject`]. A message is decoded first and validated then, so
//! that forged JSON cannot skip a check. Unknown fields are ignored and unknown reasons read as "other", so that a later
//! minor version may add some; an unknown *message* is a protocol error.

mod close;
mod codec;
mod gate;
mod message;
mod room_code;
mod words;

pub use close::CloseCode;
pub use codec::{CodecError, Decoder, LENGTH_PREFIX_LEN, MAX_MESSAGE_LEN, encode};
pub use gate::{ControlGate, GateConfig, GateVerdict};
pub use message::{
    ConnectionMode, Hello, IdentityToken, InvalidMessage, LeaveReason, MAX_NAME_CHARS, MAX_TEXT_CHARS,
    MemberMessage, MemberStats, PeerInfo, PeerRole, Reject, RejectReason, RelayMessage, Validate, Welcome,
    clean_text,
};
pub use room_code::{ParseRoomCodeError, RoomCode};

/// ALPN of this protocol. It carries the major version of everything that follows: an endpoint that speaks another one
/// is refused by TLS already.
pub const ALPN: &[u8] = b"lanparty/1";

#[cfg(test)]
mod tests;
