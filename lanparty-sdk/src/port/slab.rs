//! Memory for frames that come from a kernel.

use bytes::BytesMut;

use super::PortFrame;
use crate::proto::HEADROOM;

/// Carves frames, each behind its headroom, out of larger pieces of memory.
///
/// One allocation serves some forty full frames or hundreds of small ones, and a frame takes no more than its length:
/// 64 KiB are given back together once the last frame in them is gone, which is soon, since frames leave in order.
#[derive(Debug, Default)]
pub(super) struct Slab(BytesMut);

impl Slab {
    const CHUNK_LEN: usize = 64 * 1024;

    /// Makes a frame of `pieces`, one after the other.
    pub(super) fn frame(&mut self, pieces: &[&[u8]]) -> PortFrame {
        let len = pieces.iter().map(|piece| piece.len()).sum();
        let mut place = self.place(len);
        for piece in pieces {
            let (here, rest) = place.split_at_mut(piece.len());
            here.copy_from_slice(piece);
            place = rest;
        }
        self.take(len)
    }

    /// Where the next frame of at most `len` bytes may be written, before it is [taken](Self::take).
    pub(super) fn place(&mut self, len: usize) -> &mut [u8] {
        if self.0.len() < HEADROOM + len {
            self.0 = BytesMut::zeroed(Self::CHUNK_LEN.max(HEADROOM + len));
        }
        &mut self.0[HEADROOM..HEADROOM + len]
    }

    /// Takes the first `len` bytes of the last [place](Self::place) as a frame.
    pub(super) fn take(&mut self, len: usize) -> PortFrame {
        let buffer = self.0.split_to(HEADROOM + len);
        PortFrame::from_buffer(buffer).expect("it begins with the headroom")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_separate_and_of_any_length() {
        let mut slab = Slab::default();
        let small = slab.frame(&[b"ab", b"", b"cd"]);
        let large = slab.frame(&[&vec![7; 70_000]]);
        let mut after: Vec<_> = (0..200_u8).map(|n| slab.frame(&[&[n; 1514]])).collect();
        after[0].bytes_mut().fill(0xee);
        assert_eq!(small.bytes(), b"abcd");
        assert_eq!(large.bytes().len(), 70_000);
        assert!((1..200_u8).all(|n| after[usize::from(n)].bytes() == [n; 1514]));
        let buffer = small.into_buffer();
        assert_eq!(&buffer[HEADROOM..], b"abcd");
    }

    #[test]
    fn a_place_may_be_larger_than_what_is_taken() {
        let mut slab = Slab::default();
        slab.place(100)[..3].copy_from_slice(b"abc");
        assert_eq!(slab.take(3).bytes(), b"abc");
        slab.place(100)[..3].copy_from_slice(b"def");
        assert_eq!(slab.take(3).bytes(), b"def");
    }
}
