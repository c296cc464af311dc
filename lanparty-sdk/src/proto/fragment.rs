//! Halves of frames that do not fit one datagram.

use super::ProtoError;
use crate::frame::MAX_TAGGED_FRAME_LEN;

/// Length of the fragment's own header, after the common one.
pub const FRAGMENT_HEADER_LEN: usize = 4;
/// The shortest frame that may be cut. Every QUIC path carries shorter ones whole; and the first half is then always
/// long enough (512 bytes) for the safety filter to see the headers it judges by.
pub const MIN_FRAGMENTED_LEN: usize = 1024;
/// The longest frame that may be cut: standard Ethernet with one VLAN tag.
pub const MAX_FRAGMENTED_LEN: usize = MAX_TAGGED_FRAME_LEN;

const SECOND: u16 = 0x8000;
const LENGTH: u16 = 0x07ff;

/// Where a frame of `total` bytes is cut: into even halves, so that both survive when the budget falls.
#[must_use]
pub const fn split_at(total: usize) -> usize {
    total.div_ceil(2)
}

/// Numbers the frames that one sender cuts; wraps around.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FragmentId(u16);

impl FragmentId {
    /// Starts at `first`.
    #[must_use]
    pub const fn starting_at(first: u16) -> Self {
        Self(first)
    }

    /// The present number; moves on to the next.
    pub const fn take(&mut self) -> u16 {
        let id = self.0;
        self.0 = id.wrapping_add(1);
        id
    }
}

/// Which half of the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// The half with the Ethernet header.
    First,
    /// The rest.
    Second,
}

/// Half of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment<'a> {
    /// The number both halves share.
    pub id: u16,
    /// Which half this is.
    pub part: Part,
    /// Length of the whole frame.
    pub total: usize,
    /// The half's bytes: exactly as many as an even cut gives.
    pub bytes: &'a [u8],
}

impl<'a> Fragment<'a> {
    /// Reads what follows the common header.
    ///
    /// # Errors
    /// The lengths contradict each other, or are out of [`MIN_FRAGMENTED_LEN`]`..=`[`MAX_FRAGMENTED_LEN`].
    pub fn parse(body: &'a [u8]) -> Result<Self, ProtoError> {
        let &[id_hi, id_lo, word_hi, word_lo, ref bytes @ ..] = body else {
            return Err(ProtoError::TooShort(body.len()));
        };
        let word = u16::from_be_bytes([word_hi, word_lo]);
        let total = usize::from(word & LENGTH);
        let part = if word & SECOND == 0 { Part::First } else { Part::Second };
        let expected = match part {
            Part::First => split_at(total),
            Part::Second => total - split_at(total),
        };
        if word & !(SECOND | LENGTH) != 0
            || !(MIN_FRAGMENTED_LEN..=MAX_FRAGMENTED_LEN).contains(&total)
            || bytes.len() != expected
        {
            return Err(ProtoError::Fragment);
        }
        Ok(Self { id: u16::from_be_bytes([id_hi, id_lo]), part, total, bytes })
    }

    /// Writes a fragment's own header to the start of `out`.
    ///
    /// # Panics
    /// If `out` is shorter than [`FRAGMENT_HEADER_LEN`] or `total` longer than [`MAX_FRAGMENTED_LEN`].
    pub fn write_header(id: u16, part: Part, total: usize, out: &mut [u8]) {
        assert!(total <= MAX_FRAGMENTED_LEN, "no frame is longer");
        #[expect(clippy::cast_possible_truncation, reason = "checked on the line above")]
        let length = total as u16;
        let word = match part {
            Part::First => length,
            Part::Second => length | SECOND,
        };
        out[..2].copy_from_slice(&id.to_be_bytes());
        out[2..4].copy_from_slice(&word.to_be_bytes());
    }
}
