//! Ports that move from session to session.

use std::sync::Arc;

use lanparty::*;

use crate::support::*;
use crate::venue::*;

#[test]
fn bridge_again() {
    let _turn = beside_others();
    let venue = Venue::open();
    let [mut ann, mut bob, cat] = venue.party([c"Ann", c"Bob", c"Cat"]);
    assert_eq!(port_flags(&ann.port), LANPARTY_FLAG_BRIDGED);

    // In use is in use, however one asks.
    bob.session.bridge(&ann.port).is(LANPARTY_E_PORT_IN_USE);
    ann.session.bridge(&ann.port).is(LANPARTY_E_PORT_IN_USE);
    let config = venue.config(LANPARTY_ROLE_CLIENT, ROOM, c"Dan");
    let answer = config.set_port(&ann.port);
    let answer = if answer.status == LANPARTY_OK { config.start_fails() } else { answer };
    answer.is(LANPARTY_E_PORT_IN_USE);
    cat.meets(&bob, 1);

    // Away, and back to the same session.
    ann.session.unbridge().ok();
    ann.session.unbridge().ok();
    assert_eq!(port_flags(&ann.port), 0);
    ann.session.bridge(&ann.port).ok();
    cat.meets(&ann, 2);

    // To another session: Bob's own port is replaced, and free again.
    ann.session.unbridge().ok();
    bob.session.bridge(&ann.port).ok();
    std::mem::swap(&mut ann.port, &mut bob.port);
    until("the replaced port is free", || port_flags(&ann.port) == 0);
    cat.meets(&bob, 4);
    ann.session.bridge(&ann.port).ok();
    bob.meets(&ann, 5);

    // What is sent while nobody has the port waits in it.
    ann.session.unbridge().ok();
    ann.send(cat.mac, 60, 6);
    ann.session.bridge(&ann.port).ok();
    cat.expect(cat.mac, &ann, 60, 6);

    // Freed while it is bridged, a port goes on serving its session.
    let again = virtual_port();
    cat.session.unbridge().ok();
    cat.session.bridge(&again).ok();
    drop(again);
    assert_eq!(cat.session.phase(), LANPARTY_PHASE_JOINED);
    cat.session.bridge(&cat.port).ok();
    bob.meets(&cat, 7);

    // A port that carries less than was promised changes nothing.
    let narrow = Port::from(|port| call!(lanparty_port_new_virtual(0, 1280, port)));
    cat.session.bridge(&narrow).is(LANPARTY_E_MTU);
    assert_eq!((port_flags(&narrow), port_flags(&cat.port)), (0, LANPARTY_FLAG_BRIDGED));
    bob.meets(&cat, 8);
}

#[test]
fn a_port_is_free_however_its_session_ends() {
    let _turn = beside_others();
    let venue = Venue::open();
    for round in 0..40 {
        let ann = Arc::new(venue.join(c"Ann"));
        let other = virtual_port();
        let leaving = Arc::clone(&ann);
        let closed = round % 2 == 0;
        let closer = closed.then(|| Bounded::spawn("close", move || leaving.session.close().status));
        if !closed {
            venue.relay.kick(ROOM, ann.number, c"out").ok();
        }
        // The end comes while one port is replaced by the other, again and again, with and without waiting for it.
        let over = [LANPARTY_E_SESSION_OVER, LANPARTY_E_CLOSED];
        let goes_on = [LANPARTY_OK, LANPARTY_WOULD_BLOCK, LANPARTY_E_PORT_IN_USE];
        let timeout = [PATIENCE, 0, 1][round % 3];
        for port in [&other, &ann.port].into_iter().cycle() {
            let answer = call!(lanparty_session_bridge(ann.session.ptr(), port.ptr(), timeout));
            if over.contains(&answer.among(&[over.as_slice(), &goes_on].concat())) {
                break;
            }
        }
        let why = if closed { LANPARTY_OK } else { LANPARTY_E_PEER_CLOSED };
        assert_eq!(ann.session.wait_event(LANPARTY_EVENT_ENDED).status, why);
        ann.session.close().ok();
        assert_eq!(closer.map(Bounded::join), closed.then_some(LANPARTY_OK));
        for port in [&ann.port, &other] {
            assert_eq!(port_flags(port) & LANPARTY_FLAG_BRIDGED, 0, "round {round}");
        }
    }
}

#[test]
fn devices_of_the_system() {
    let _turn = beside_others();
    let make_tap = |name: &std::ffi::CStr, address: &std::ffi::CStr| {
        let mut tap = std::ptr::null_mut();
        let (name, address) = (name.as_ptr(), address.as_ptr());
        let answer = call!(lanparty_port_new_tap(name, NUL, address, NUL, 0, &raw mut tap));
        assert!(tap.is_null());
        answer
    };
    // They are opened when they are bridged; their names are judged at once.
    make_tap(c"a name that is much too long", c"10.0.0.5/24").is(LANPARTY_E_INTERFACE_NAME);
    make_tap(c"lan0", c"10.0.0.5/99").is(LANPARTY_E_ADDRESS);
    let venue = Venue::open();
    let [ann, bob] = venue.party([c"Ann", c"Bob"]);
    let nowhere = Port::from(|port| call!(lanparty_port_new_af_packet(c"nowhere0".as_ptr(), NUL, port)));
    ann.session.bridge(&nowhere).says(LANPARTY_E_INTERFACE_MISSING, "nowhere0");
    assert_eq!(port_flags(&ann.port), LANPARTY_FLAG_BRIDGED);
    ann.meets(&bob, 1);
    let mut handle = -1;
    try_receive(&nowhere, 64, 1, 0).0.is(LANPARTY_E_WRONG_PORT);
    send(&nowhere, &[vec![0; 60]]).0.is(LANPARTY_E_WRONG_PORT);
    call!(lanparty_port_wait_handle(nowhere.ptr(), &raw mut handle)).is(LANPARTY_E_WRONG_PORT);
}
