//! Probes measure the round-trip time between two members, through the relay.

use bytes::{BufMut, Bytes, BytesMut};

use super::{HEADER_LEN, Header, Kind, Label, PeerId, ProtoError, RoomId};

/// Length of a probe after the common header.
pub const PROBE_LEN: usize = 12;

/// Question or answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ProbeKind {
    /// "Send this back to me."
    Request = 1,
    /// "Here it is."
    Reply = 2,
}

/// A probe's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Question or answer.
    pub kind: ProbeKind,
    /// Chosen by whoever asks; the answer repeats it.
    pub token: u64,
}

impl Probe {
    /// Reads what follows the common header.
    ///
    /// # Errors
    /// [`ProtoError::Probe`] for a wrong length, an unknown kind, or reserved bytes that are not zero.
    pub fn parse(body: &[u8]) -> Result<Self, ProtoError> {
        let &[kind, 0, 0, 0, ref token @ ..] = body else { return Err(ProtoError::Probe) };
        let token = u64::from_be_bytes(token.try_into().map_err(|_| ProtoError::Probe)?);
        let kind = match kind {
            1 => ProbeKind::Request,
            2 => ProbeKind::Reply,
            _ => return Err(ProtoError::Probe),
        };
        Ok(Self { kind, token })
    }

    /// The whole datagram.
    #[must_use]
    pub fn encode(self, room: RoomId, source: PeerId, to: PeerId) -> Bytes {
        let mut out = BytesMut::with_capacity(HEADER_LEN + PROBE_LEN);
        out.resize(HEADER_LEN, 0);
        Header { kind: Kind::Probe, room, source, label: Label::Peer(to) }.write(&mut out);
        out.put_u8(self.kind as u8);
        out.put_bytes(0, 3);
        out.put_u64(self.token);
        out.freeze()
    }
}
