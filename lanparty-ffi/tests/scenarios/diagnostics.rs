//! What a session says about itself, and what it is known by.

use std::ffi::{CStr, CString, c_char};
use std::fs;

use lanparty::*;

use crate::support::*;
use crate::venue::*;

#[test]
fn diagnostics() {
    let _turn = beside_others();
    let venue = Venue::open();
    let ann = venue.join(c"Ann");
    let bob = Player::join(venue.config(LANPARTY_ROLE_GATEWAY, ROOM, c"Bob"));
    ann.session.wait_peers(1);
    bob.session.wait_peers(1);
    let so = LANPARTY_FLAG_RELAY_REACHABLE
        | LANPARTY_FLAG_JOINED
        | LANPARTY_FLAG_GATEWAY_PRESENT
        | LANPARTY_FLAG_BRIDGED;
    let not_so = LANPARTY_FLAG_PAUSED | LANPARTY_FLAG_IS_GATEWAY | LANPARTY_FLAG_ROUTE_PINNED;
    let known = ann.session.diagnostics();
    assert_eq!(known.flags & (so | not_so), so);
    assert_eq!(text_of(&known.relay_address), venue.address.to_str().unwrap());
    assert_eq!(text_of(&known.port), "virtual");
    assert!(known.datagram_budget > 1000);
    until("the gateway's distance", || ann.session.diagnostics().flags & LANPARTY_FLAG_HAS_GATEWAY_RTT != 0);
    let known = ann.session.diagnostics();
    assert!(known.flags & LANPARTY_FLAG_HAS_RTT != 0 && known.relay_rtt_us > 0);
    assert!(bob.session.diagnostics().flags & LANPARTY_FLAG_IS_GATEWAY != 0);

    let mut lines: [lanparty_user_line; 32] = empty();
    let (size, mut count) = (size_of::<lanparty_user_line>(), 0);
    let list = lines.as_mut_ptr();
    call!(lanparty_session_user_lines(ann.session.ptr(), list, size, lines.len(), &raw mut count)).ok();
    assert!(count > 0);
    for line in &lines[..count] {
        assert!([LANPARTY_LEVEL_INFO, LANPARTY_LEVEL_WARN].contains(&line.level));
        assert!(!text_of(&line.text).is_empty());
    }
}

#[test]
fn counters_tell_what_was_moved() {
    let _turn = beside_others();
    let venue = Venue::open();
    let [ann, bob] = venue.party([c"Ann", c"Bob"]);
    for number in 0..5 {
        ann.send(bob.mac, 100, number);
    }
    ann.send(BROADCAST, 200, 5);
    for number in 0..5 {
        bob.expect(bob.mac, &ann, 100, number);
    }
    bob.expect(BROADCAST, &ann, 200, 5);

    let (sent, received) = (ann.session.stats(), bob.session.stats());
    assert_eq!((sent.tx_frames, sent.tx_bytes, sent.tx_flood_frames), (6, 700, 1));
    assert_eq!((received.rx_frames, received.rx_bytes, received.rx_flood_frames), (6, 700, 1));
    assert!(sent.tx_datagrams >= 6 && received.rx_datagrams >= 6);
    for (id, value) in [
        (LANPARTY_STAT_TX_FRAMES, 6),
        (LANPARTY_STAT_TX_BYTES, 700),
        (LANPARTY_STAT_TX_FLOOD_FRAMES, 1),
        (LANPARTY_STAT_RX_FRAMES, 0),
        (LANPARTY_STAT_RECONNECTS, 0),
    ] {
        assert_eq!(ann.session.stat(id), value, "counter {id}");
    }
    for id in LANPARTY_STAT_RX_FRAMES..=LANPARTY_STAT_DROPS {
        ann.session.stat(id);
    }
    let mut value = 0;
    for id in [0, LANPARTY_STAT_DROPS + 1, u32::MAX] {
        call!(lanparty_session_stat(ann.session.ptr(), id, &raw mut value)).is(LANPARTY_E_INVALID_ARG);
    }

    ann.session.pause(true);
    ann.send(bob.mac, 100, 6);
    until("the drop is counted", || ann.session.drops_for("paused") == 1);
    let sum: u64 = ann.session.drops().iter().map(|drop| drop.count).sum();
    assert_eq!(ann.session.stat(LANPARTY_STAT_DROPS), sum);
    assert_eq!(ann.session.stats().drops, sum);
}

#[test]
fn an_identity_is_kept_in_a_file() {
    let _turn = beside_others();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/identity.json");
    let name = CString::new(path.to_str().unwrap()).unwrap();
    let load = || Identity::from(|to| call!(lanparty_identity_load_or_create(name.as_ptr(), NUL, to)));
    let mac = load().mac();
    assert_eq!(mac[0] & 3, 2, "unicast, locally administered");
    let identity = load();
    assert_eq!(identity.mac(), mac);
    assert_eq!(warning(&identity), "");

    // A secret that others may read is worth a word.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let warned = warning(&load());
        assert!(warned.contains(path.to_str().unwrap()), "{warned}");
    }

    let with = |mac: [u8; 6], to| call!(lanparty_identity_with_mac(identity.ptr(), mac.as_ptr(), to));
    let own = [2, 1, 2, 3, 4, 5];
    assert_eq!(Identity::from(|to| with(own, to)).mac(), own);
    assert_eq!(identity.mac(), mac);
    let mut none = std::ptr::null_mut();
    for bad in [[0, 0x1b, 0x21, 1, 2, 3], [0x03, 0, 0, 0, 0, 1], [0xff; 6], [0; 6]] {
        with(bad, &raw mut none).is(LANPARTY_E_BAD_MAC);
    }

    fs::write(&path, "scribble").unwrap();
    call!(lanparty_identity_load_or_create(name.as_ptr(), NUL, &raw mut none))
        .says(LANPARTY_E_IDENTITY_FILE, path.to_str().unwrap());
    assert_eq!(fs::read(&path).unwrap(), b"scribble", "what cannot be used is not replaced");
    assert!(none.is_null());
}

fn warning(identity: &Identity) -> String {
    let (mut text, mut needed) = ([0u8; 512], 0);
    let buf = text.as_mut_ptr().cast::<c_char>();
    call!(lanparty_identity_warning(identity.ptr(), buf, text.len(), &raw mut needed)).ok();
    let text = CStr::from_bytes_with_nul(&text[..needed]).unwrap();
    text.to_str().unwrap().to_owned()
}
