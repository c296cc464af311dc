use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// UDP 10.0.0.1:27015 -> 10.0.0.2:27016, "hello"; made by an independent program, as the other two.
const UDP_V4: &str = "02000000000202000000000108004500002112344000401114960a0000010a000002\
                      69876988000dd4ef68656c6c6f";
/// The same flow with a payload for which the sum comes out as zero.
const UDP_ZERO: &str = "02000000000202000000000108004500001e12344000401114990a0000010a000002\
                        69876988000affff18c8";
/// An echo request behind one VLAN tag, hop-by-hop and destination options.
const ICMPV6_TAGGED: &str = "0200000000020200000000018100000586dd60000000001d00fffe800000000000000000000000000001\
                             ff0200000000000000000000000000013c000502000001003a00010400000000\
                             8000825e0001000270696e6721";

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// RFC 1071 as it stands there: one word at a time.
fn reference_checksum(pieces: &[&[u8]]) -> u16 {
    let bytes = pieces.concat();
    let mut sum = 0_u32;
    for pair in bytes.chunks(2) {
        sum += u32::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]));
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// What the transport checksum of a frame amounts to: zero if it is right.
fn transport_remainder(frame: &[u8]) -> u16 {
    let layout = headers::Layout::parse(frame).expect("an IP frame");
    let length = (layout.end - layout.transport) as u32;
    reference_checksum(&[
        layout.addresses(frame),
        &length.to_be_bytes(),
        &[0, 0, 0, layout.protocol],
        &frame[layout.transport..layout.end],
    ])
}

/// An IP frame with a TCP or UDP header whose checksum is not computed, as a kernel would hand it over.
fn frame(v6: bool, tagged: bool, transport: &[u8], protocol: u8) -> Vec<u8> {
    let mut frame = hex("020000000002 020000000001");
    if tagged {
        frame.extend(vlan_tag(0x8100, 5));
    }
    if v6 {
        frame.extend(hex("86dd 60000000"));
        frame.extend((transport.len() as u16).to_be_bytes());
        frame.extend([protocol, 64]);
        frame.extend(hex("fe800000000000000000000000000001 fe800000000000000000000000000002"));
    } else {
        frame.extend(hex("0800 4500"));
        frame.extend((20 + transport.len() as u16).to_be_bytes());
        frame.extend(hex("fffe 4000 40"));
        frame.extend([protocol]);
        frame.extend(hex("0000 0a000001 0a000002"));
    }
    frame.extend(transport);
    frame
}

fn tcp(sequence: u32, flags: u8, options: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut segment = hex("1f90 c001");
    segment.extend(sequence.to_be_bytes());
    segment.extend(hex("00000007"));
    segment.extend([((20 + options.len()) as u8 / 4) << 4, flags]);
    segment.extend(hex("ffff 0000 0000"));
    segment.extend(options);
    segment.extend(payload);
    segment
}

fn udp(payload: &[u8]) -> Vec<u8> {
    let mut datagram = hex("69876988");
    datagram.extend((8 + payload.len() as u16).to_be_bytes());
    datagram.extend([0, 0]);
    datagram.extend(payload);
    datagram
}

fn gso(gso_type: u8, gso_size: u16, csum_start: usize, csum_offset: u16) -> VnetHeader {
    VnetHeader {
        flags: 1,
        gso_type,
        gso_size,
        csum_start: csum_start as u16,
        csum_offset,
        ..VnetHeader::default()
    }
}

fn cut(frame: &[u8], header: &VnetHeader) -> Result<Vec<Vec<u8>>, DropReason> {
    let mut segments = Segments::new(frame, header)?;
    let mut frames = Vec::new();
    while let Some((headers, payload)) = segments.next_segment() {
        frames.push([headers, payload].concat());
    }
    Ok(frames)
}

#[test]
fn checksum_of_a_known_header() {
    let header = hex("4500 0073 0000 4000 4011 b861 c0a8 0001 c0a8 00c7");
    assert_eq!(internet_checksum(&header), 0);
    let mut without = header;
    without[10..12].fill(0);
    assert_eq!(internet_checksum(&without), 0xb861);
    assert_eq!(internet_checksum(&[]), 0xffff);
    assert_eq!(internet_checksum(&[0xff; 4096]), 0);
}

#[test]
fn a_missing_checksum_is_found_and_computed() {
    for (literal, field) in [(UDP_V4, 40), (UDP_ZERO, 40), (ICMPV6_TAGGED, 18 + 40 + 16 + 2)] {
        let right = hex(literal);
        assert_eq!(transport_remainder(&right), 0, "the literal itself");
        let mut frame = right.clone();
        frame[field] ^= 0x5a;
        frame.extend([0xee; 7]);
        assert_eq!(complete_transport_checksum(&mut frame), Ok(true));
        assert_eq!(frame[..right.len()], right, "trailing padding has no part in it");
    }
}

#[test]
fn a_partial_checksum_is_completed_from_its_seed() {
    for (literal, start, offset) in [(UDP_V4, 34, 6), (UDP_ZERO, 34, 6)] {
        let right = hex(literal);
        let mut frame = right.clone();
        let length = (right.len() - start) as u16;
        let seed = !reference_checksum(&[&right[26..34], &[0, 17], &length.to_be_bytes()]);
        frame[start + offset..][..2].copy_from_slice(&seed.to_be_bytes());
        assert_eq!(complete_checksum(&mut frame, start, offset), Ok(()));
        assert_eq!(frame, right);
    }
}

#[test]
fn a_checksum_outside_the_frame_is_refused() {
    let mut frame = hex(UDP_V4);
    let len = frame.len();
    for (start, offset) in [(len, 0), (len - 1, 0), (34, len - 34 - 1), (usize::MAX, 6), (34, usize::MAX)] {
        assert_eq!(
            complete_checksum(&mut frame, start, offset),
            Err(DropReason::BadOffload),
            "{start}+{offset}"
        );
    }
    assert_eq!(frame, hex(UDP_V4));
    assert_eq!(complete_checksum(&mut frame, len - 2, 0), Ok(()));
}

#[test]
fn what_has_no_checksum_to_complete_stays_as_it_is() {
    let arp = hex("ffffffffffff 020000000001 0806 0001080006040001");
    let mut fragment = hex(UDP_V4);
    fragment[20] = 0x20;
    for mut frame in [arp, fragment, hex("0200"), Vec::new()] {
        let before = frame.clone();
        assert_eq!(complete_transport_checksum(&mut frame), Ok(false));
        assert_eq!(frame, before);
    }
    let mut short = frame(false, false, &[0; 6], 17);
    assert_eq!(complete_transport_checksum(&mut short), Err(DropReason::BadOffload));
}

#[test]
fn flags_stand_where_they_belong() {
    let (fin, psh, ack, cwr) = (0x01, 0x08, 0x10, 0x80);
    let input = frame(false, false, &tcp(u32::MAX - 1, fin | psh | ack | cwr, &[1; 12], &[7; 250]), 6);
    let frames = cut(&input, &gso(0x81, 100, 34, 16)).unwrap();
    assert_eq!(frames.iter().map(Vec::len).collect::<Vec<_>>(), [166, 166, 116]);
    let flags: Vec<u8> = frames.iter().map(|frame| frame[34 + 13]).collect();
    assert_eq!(flags, [ack | cwr, ack, fin | psh | ack]);
    let sequences: Vec<_> = frames.iter().map(|frame| headers::be32(frame, 38).unwrap()).collect();
    assert_eq!(sequences, [u32::MAX - 1, 98, 198], "the sequence wraps");
    let ids: Vec<_> = frames.iter().map(|frame| headers::be16(frame, 18).unwrap()).collect();
    assert_eq!(ids, [0xfffe, 0xffff, 0], "and so does the identification");
}

#[test]
fn one_segment_or_none_is_one_frame() {
    for payload in [&[][..], &[1], &[1; 100]] {
        let input = frame(true, false, &tcp(1, 0x19, &[], payload), 6);
        let frames = cut(&input, &gso(4, 100, 54, 16)).unwrap();
        assert_eq!(frames.len(), 1);
        assert_eq!(frames[0].len(), input.len());
        assert_eq!(frames[0][54 + 13], 0x19);
        assert_eq!(transport_remainder(&frames[0]), 0);
    }
}

#[test]
fn descriptions_that_lie_are_refused() {
    let good = frame(false, false, &tcp(1, 0x10, &[], &[7; 3000]), 6);
    let header = gso(1, 1000, 34, 16);
    assert_eq!(cut(&good, &header).unwrap().len(), 3);
    for (what, lie) in [
        ("no size", VnetHeader { gso_size: 0, ..header }),
        ("too many segments", VnetHeader { gso_size: 1, ..header }),
        ("another place", VnetHeader { csum_start: 36, ..header }),
        ("another version", VnetHeader { gso_type: 4, ..header }),
        ("another protocol", VnetHeader { gso_type: 5, ..header }),
        ("UDP fragmentation", VnetHeader { gso_type: 3, ..header }),
        ("a kind of the future", VnetHeader { gso_type: 9, ..header }),
        ("no super-frame", VnetHeader { gso_type: 0, ..header }),
    ] {
        assert_eq!(cut(&good, &lie), Err(DropReason::BadOffload), "{what}");
    }
    for (what, at, byte) in [
        ("more fragments", 20, 0x20),
        ("short IP header", 14, 0x44),
        ("IP header longer than the frame says", 16, 0),
        ("IP length beyond the frame", 16, 0xff),
        ("short TCP header", 34 + 12, 0x40),
    ] {
        let mut bad = good.clone();
        bad[at] = byte;
        if at == 16 && byte == 0 {
            bad[17] = 19;
        }
        assert_eq!(cut(&bad, &header), Err(DropReason::BadOffload), "{what}");
    }
    for len in 0..54 {
        assert_eq!(cut(&good[..len], &header), Err(DropReason::BadOffload), "cut at {len}");
    }
}

#[test]
fn udp_without_checksum_stays_without() {
    let input = frame(false, false, &udp(&[3; 30]), 17);
    let frames = cut(&input, &VnetHeader { flags: 0, ..gso(5, 10, 34, 6) }).unwrap();
    assert_eq!(frames.len(), 3);
    assert!(frames.iter().all(|frame| frame[40..42] == [0, 0] && frame[38..40] == [0, 18]));
}

#[test]
fn vnet_header_round_trips() {
    let header = VnetHeader { hdr_len: 66, ..gso(0x84, 1448, 34, 16) };
    assert_eq!(VnetHeader::parse(header.emit()), header);
    assert_eq!(header.gso(), GsoKind::TcpV6);
    assert!(header.needs_checksum());
    assert_eq!(VnetHeader::default().emit(), [0; 10]);
    assert_eq!(gso(3, 0, 0, 0).gso(), GsoKind::Unknown(3));
}

#[test]
fn a_tag_goes_behind_the_addresses() {
    let tag = vlan_tag(0x8100, 0x2005);
    assert_eq!(
        insert_vlan_tag(b"DDDDDDSSSSSSttpayload", &tag).unwrap().concat(),
        b"DDDDDDSSSSSS\x81\0\x20\x05ttpayload"
    );
    assert_eq!(insert_vlan_tag(b"DDDDDDSSSSS", &tag), Err(DropReason::Runt));
}

proptest! {
    #[test]
    fn fast_checksum_is_the_slow_one(bytes in vec(any::<u8>(), 0..600)) {
        prop_assert_eq!(internet_checksum(&bytes), reference_checksum(&[&bytes]));
    }

    #[test]
    fn tcp_segments_are_the_payload_again(
        v6: bool,
        tagged: bool,
        sequence: u32,
        flags: u8,
        options in (0_usize..=10).prop_map(|words| vec![1; words * 4]),
        payload in vec(any::<u8>(), 0..9000),
        size in 40_u16..2000,
    ) {
        let input = frame(v6, tagged, &tcp(sequence, flags, &options, &payload), 6);
        let network = if tagged { 18 } else { 14 };
        let transport = network + if v6 { 40 } else { 20 };
        let frames = cut(&input, &gso(if v6 { 4 } else { 1 }, size, transport, 16)).unwrap();
        prop_assert_eq!(frames.len(), payload.len().div_ceil(usize::from(size)).max(1));
        let mut next = sequence;
        let mut joined = Vec::new();
        for frame in &frames {
            prop_assert_eq!(transport_remainder(frame), 0);
            if !v6 {
                prop_assert_eq!(reference_checksum(&[&frame[network..transport]]), 0);
            }
            let layout = headers::Layout::parse(frame).unwrap();
            prop_assert_eq!(layout.end, frame.len());
            prop_assert_eq!(headers::be32(frame, transport + 4).unwrap(), next);
            let part = &frame[transport + 20 + options.len()..];
            next = next.wrapping_add(part.len() as u32);
            joined.extend_from_slice(part);
        }
        prop_assert_eq!(joined, payload);
    }

    #[test]
    fn udp_segments_are_the_payload_again(
        v6: bool,
        payload in vec(any::<u8>(), 1..9000),
        size in 8_u16..2000,
    ) {
        let input = frame(v6, false, &udp(&payload), 17);
        let transport = if v6 { 54 } else { 34 };
        let frames = cut(&input, &gso(5, size, transport, 6)).unwrap();
        let mut joined = Vec::new();
        for frame in &frames {
            prop_assert_eq!(transport_remainder(frame), 0);
            prop_assert_ne!(&frame[transport + 6..transport + 8], &[0, 0], "zero would mean none");
            prop_assert_eq!(usize::from(headers::be16(frame, transport + 4).unwrap()), frame.len() - transport);
            joined.extend_from_slice(&frame[transport + 8..]);
        }
        prop_assert_eq!(joined, payload);
    }

    #[test]
    fn no_bytes_and_no_description_panic(
        mut bytes in vec(any::<u8>(), 0..300),
        ethertype in prop::sample::select(vec![0x0800_u16, 0x86dd, 0x8100, 0x88a8, 0x0806]),
        version: bool,
        header in any::<[u8; 10]>(),
        kind in 0_u8..6,
        start in 0_usize..400,
        offset in 0_usize..400,
    ) {
        if bytes.len() > 24 {
            bytes[12..14].copy_from_slice(&ethertype.to_be_bytes());
            bytes[14] = if version { 0x45 } else { 0x60 };
            bytes[16] = 0;
            bytes[18] = 0;
        }
        let mut header = VnetHeader::parse(header);
        let _ = cut(&bytes, &header);
        header.gso_type = kind;
        header.flags = 0;
        if let Ok(frames) = cut(&bytes, &header) {
            prop_assert!(frames.len() <= MAX_SEGMENTS);
        }
        let _ = complete_checksum(&mut bytes.clone(), start, offset);
        let _ = complete_transport_checksum(&mut bytes);
    }
}
