//! From what the socket handed over to frames as the wire would have carried them.

use crate::frame::{ETHERNET_HEADER_LEN, VLAN_TAG_LEN};
use crate::obs::{DropCounts, DropReason};
use crate::port::offload::{
    GsoKind, Segments, VnetHeader, complete_checksum, complete_transport_checksum, insert_vlan_tag,
};
use crate::port::slab::Slab;
use crate::port::{FrameBatch, PortFrame};

/// One message of a packet socket.
#[derive(Debug)]
pub(super) struct Captured<'a> {
    /// The bytes that were copied.
    pub(super) bytes: &'a mut [u8],
    /// The frame's true length.
    pub(super) wire_len: usize,
    /// What a network card would still have to do.
    pub(super) vnet: VnetHeader,
    /// The kernel says that the checksum is not computed.
    pub(super) checksum_missing: bool,
    /// The tag that stood in the frame.
    pub(super) tag: Option<[u8; VLAN_TAG_LEN]>,
}

/// Finishes captured frames, and counts what cannot be finished.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    slab: Slab,
    pub(super) drops: DropCounts,
}

impl Decoder {
    /// Adds the frame, or the frames, that `captured` holds to `batch`.
    pub(super) fn decode(&mut self, captured: &mut Captured<'_>, batch: &mut FrameBatch) {
        let wire_len = captured.wire_len;
        if let Err(reason) = self.try_decode(captured, batch) {
            tracing::trace!(target: "lanparty::port", %reason, wire_len, "captured frame dropped");
            self.drops.add(reason);
        }
    }

    fn try_decode(&mut self, captured: &mut Captured<'_>, batch: &mut FrameBatch) -> Result<(), DropReason> {
        if captured.wire_len > captured.bytes.len() {
            return Err(DropReason::Truncated);
        }
        if captured.bytes.len() < ETHERNET_HEADER_LEN {
            return Err(DropReason::Runt);
        }
        let vnet = captured.vnet;
        if vnet.gso() != GsoKind::None {
            let mut segments = Segments::new(captured.bytes, &vnet)?;
            while let Some((headers, payload)) = segments.next_segment() {
                batch.push(self.frame(captured.tag, headers, payload)?);
            }
            return Ok(());
        }
        if vnet.needs_checksum() {
            complete_checksum(captured.bytes, vnet.csum_start.into(), vnet.csum_offset.into())?;
        } else if captured.checksum_missing {
            complete_transport_checksum(captured.bytes)?;
        }
        batch.push(self.frame(captured.tag, captured.bytes, &[])?);
        Ok(())
    }

    fn frame(
        &mut self,
        tag: Option<[u8; VLAN_TAG_LEN]>,
        head: &[u8],
        tail: &[u8],
    ) -> Result<PortFrame, DropReason> {
        Ok(match tag {
            None => self.slab.frame(&[head, tail]),
            Some(tag) => {
                let [addresses, tag, rest] = insert_vlan_tag(head, &tag)?;
                self.slab.frame(&[addresses, tag, rest, tail])
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::offload::vlan_tag;

    fn decode(captured: &mut Captured<'_>) -> (Vec<Vec<u8>>, DropCounts) {
        let mut decoder = Decoder::default();
        let mut batch = FrameBatch::default();
        decoder.decode(captured, &mut batch);
        (batch.drain().map(|frame| frame.bytes().to_vec()).collect(), decoder.drops)
    }

    fn captured(bytes: &mut [u8]) -> Captured<'_> {
        Captured {
            wire_len: bytes.len(),
            bytes,
            vnet: VnetHeader::default(),
            checksum_missing: false,
            tag: None,
        }
    }

    #[test]
    fn an_ordinary_frame_comes_as_it_is() {
        let mut bytes = [7; 60];
        assert_eq!(decode(&mut captured(&mut bytes)), (vec![vec![7; 60]], DropCounts::default()));
    }

    #[test]
    fn runts_and_truncated_frames_are_counted() {
        for len in 0..ETHERNET_HEADER_LEN {
            let (frames, drops) = decode(&mut captured(&mut vec![7; len]));
            assert!(frames.is_empty());
            assert_eq!(drops.get(DropReason::Runt), 1, "{len}");
        }
        let (frames, drops) = decode(&mut Captured { wire_len: 70_000, ..captured(&mut [7; 1000]) });
        assert!(frames.is_empty());
        assert_eq!(drops.get(DropReason::Truncated), 1);
    }

    #[test]
    fn a_jumbo_frame_keeps_its_length() {
        let mut bytes = vec![7; 9014];
        assert_eq!(decode(&mut captured(&mut bytes)).0[0].len(), 9014);
    }

    #[test]
    fn offload_that_lies_is_counted() {
        for vnet in [
            VnetHeader { flags: 1, csum_start: 59, csum_offset: 16, ..VnetHeader::default() },
            VnetHeader { gso_type: 1, gso_size: 1448, ..VnetHeader::default() },
        ] {
            let (frames, drops) = decode(&mut Captured { vnet, ..captured(&mut [7; 60]) });
            assert!(frames.is_empty());
            assert_eq!(drops.get(DropReason::BadOffload), 1, "{vnet:?}");
        }
    }

    #[test]
    fn a_stripped_tag_is_put_back() {
        let mut bytes = *b"DDDDDDSSSSSSttpayload";
        let tag = Some(vlan_tag(0x8100, 5));
        let (frames, _) = decode(&mut Captured { tag, ..captured(&mut bytes) });
        assert_eq!(frames, [b"DDDDDDSSSSSS\x81\0\0\x05ttpayload"]);
    }
}
