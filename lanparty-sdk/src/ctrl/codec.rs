//! Frames of the control stream: a 4-byte big-endian length, then that many bytes of JSON.

use bytes::{Buf, BytesMut};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::message::{InvalidMessage, Validate};

/// Length of the length.
pub const LENGTH_PREFIX_LEN: usize = 4;
/// The longest message in bytes, without its length prefix.
pub const MAX_MESSAGE_LEN: usize = 64 * 1024;

/// The control stream breaks the rules; it cannot be read any further.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// A length beyond [`MAX_MESSAGE_LEN`], refused before anything is allocated.
    #[error("control message of {0} bytes exceeds {MAX_MESSAGE_LEN}")]
    TooLong(usize),
    /// Not the JSON of a message known here.
    #[error("control message cannot be decoded")]
    Json(#[from] serde_json::Error),
    /// Well-formed, but a value is out of its range.
    #[error("control message is not valid: {0}")]
    Invalid(#[from] InvalidMessage),
}

/// Encodes one message.
///
/// # Errors
/// The message is longer than [`MAX_MESSAGE_LEN`].
pub fn encode<M: Serialize>(message: &M) -> Result<Vec<u8>, CodecError> {
    let mut out = vec![0; LENGTH_PREFIX_LEN];
    serde_json::to_writer(&mut out, message)?;
    let len = out.len() - LENGTH_PREFIX_LEN;
    match u32::try_from(len) {
        Ok(prefix) if len <= MAX_MESSAGE_LEN => {
            out[..LENGTH_PREFIX_LEN].copy_from_slice(&prefix.to_be_bytes());
            Ok(out)
        }
        _ => Err(CodecError::TooLong(len)),
    }
}

/// Collects the bytes of a control stream and gives back whole messages.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: BytesMut,
}

impl Decoder {
    /// Takes the next bytes of the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole message; `None` until more bytes come.
    ///
    /// # Errors
    /// The stream breaks the rules. What follows has no meaning.
    pub fn next_message<M: DeserializeOwned + Validate>(&mut self) -> Result<Option<M>, CodecError> {
        let Some(prefix) = self.buffer.first_chunk::<LENGTH_PREFIX_LEN>() else { return Ok(None) };
        let len = u32::from_be_bytes(*prefix) as usize;
        if len > MAX_MESSAGE_LEN {
            return Err(CodecError::TooLong(len));
        }
        let Some(body) = self.buffer.get(LENGTH_PREFIX_LEN..LENGTH_PREFIX_LEN + len) else { return Ok(None) };
        let message: M = serde_json::from_slice(body)?;
        message.validate()?;
        self.buffer.advance(LENGTH_PREFIX_LEN + len);
        Ok(Some(message))
    }

    /// Whether a message has begun whose end is missing.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        !self.buffer.is_empty()
    }
}
