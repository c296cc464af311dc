//! Any bytes as what a kernel hands over: a virtio header and a frame with work left to do.

use lanparty_sdk::frame::MAX_TAGGED_FRAME_LEN;
use lanparty_sdk::port::offload::{
    MAX_SEGMENTS, Segments, VnetHeader, complete_checksum, complete_transport_checksum, insert_vlan_tag,
    vlan_tag,
};

pub fn run(data: &[u8]) {
    let Some((header, frame)) = data.split_first_chunk::<10>() else { return };
    let header = VnetHeader::parse(*header);
    if let Ok(mut segments) = Segments::new(frame, &header) {
        let mut count = 0;
        let mut payload_len = 0;
        while let Some((headers, payload)) = segments.next_segment() {
            assert!(headers.len() >= 14 && !payload.is_empty());
            count += 1;
            payload_len += payload.len();
        }
        assert!((1..=MAX_SEGMENTS).contains(&count) && payload_len <= frame.len());
    }
    let mut completed = frame.to_vec();
    let _ = complete_transport_checksum(&mut completed);
    assert_eq!(completed.len(), frame.len());
    let at = header_word(data, 6);
    let _ = complete_checksum(&mut completed, at, header_word(data, 8));
    if frame.len() <= MAX_TAGGED_FRAME_LEN
        && let Ok(pieces) = insert_vlan_tag(frame, &vlan_tag(0x8100, 7))
    {
        assert_eq!(pieces.concat().len(), frame.len() + 4);
    }
}

fn header_word(data: &[u8], at: usize) -> usize {
    data.get(at..at + 2).map_or(0, |word| usize::from(u16::from_le_bytes([word[0], word[1]])))
}
