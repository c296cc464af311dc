//! Any bytes as a frame: the safety filter, the walk through IP headers and the MSS clamp.
//!
//! The first four bytes choose the view: where the frame is cut, and how much longer the whole is said to be.
use lanparty_sdk::frame::{EtherType, Frame};
use lanparty_sdk::switch::ip::{self, Walk};
use lanparty_sdk::switch::{Origin, clamp_mss, classify, source_mac};

const MTU: u16 = 1_400;

pub fn run(data: &[u8]) {
    let Some(([c1, c2, e1, e2], frame)) = data.split_first_chunk() else { return };
    let cut = usize::from(u16::from_be_bytes([*c1, *c2])).min(frame.len());
    let excess = usize::from(u16::from_be_bytes([*e1, *e2]));
    let _ = source_mac(frame);

    for origin in [Origin::Client, Origin::Lan] {
        let _ = classify(frame, frame.len() + excess, origin, MTU);
        let whole = classify(frame, frame.len(), origin, MTU);
        let part = classify(&frame[..cut], frame.len(), origin, MTU);
        // The fragment rule: a first half never gets through what the whole frame is refused for.
        assert!(cut < 512 || whole.is_ok() || part.is_err(), "{whole:?} but {part:?} when cut at {cut}");
    }
    if let Ok(class) = classify(frame, frame.len(), Origin::Client, MTU) {
        assert_eq!(
            classify(frame, frame.len(), Origin::Lan, MTU),
            Ok(class),
            "clients may more than the LAN"
        );
    }

    let payload = Frame::parse(frame).map_or(frame, Frame::payload);
    for ethertype in [EtherType::IPV4, EtherType::IPV6] {
        if let Walk::Transport { offset, end, .. } = ip::walk(ethertype, payload) {
            assert!(offset <= end && end <= payload.len());
        }
    }

    let mut clamped = frame.to_vec();
    if !clamp_mss(&mut clamped, MTU) {
        assert_eq!(clamped, frame, "changed without saying so");
    }
    assert!(!clamp_mss(&mut clamped, MTU), "not settled after one pass");
}
