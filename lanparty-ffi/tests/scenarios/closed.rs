//! What handles answer once they are closed.

use std::ptr;

use lanparty::*;

use crate::support::*;
use crate::venue::*;

#[test]
fn use_after_close() {
    let _turn = beside_others();
    let venue = Venue::open();
    let ann = venue.join(c"Ann");
    ann.session.close().ok();
    session_answers(&ann.session);
    // Its port has ended with the session, before anybody closed it.
    assert_eq!(port_flags(&ann.port), LANPARTY_FLAG_CLOSED);
    port_answers(&venue, &ann.port);
    call!(lanparty_port_close(ann.port.ptr())).ok();
    port_answers(&venue, &ann.port);
    // A port that no session ever had.
    let port = virtual_port();
    call!(lanparty_port_close(port.ptr())).ok();
    port_answers(&venue, &port);
    venue.relay.close().ok();
    relay_answers(&venue.relay);
}

fn session_answers(session: &Session) {
    assert_eq!(session.wait_event(LANPARTY_EVENT_ENDED).status, LANPARTY_OK);
    for timeout in [LANPARTY_FOREVER, 0] {
        let mut event: lanparty_event = sized();
        call!(lanparty_session_next_event(session.ptr(), timeout, &raw mut event)).is(LANPARTY_END);
        // It has been in once.
        call!(lanparty_session_wait_joined(session.ptr(), timeout)).ok();
    }
    let mut handle = -1;
    call!(lanparty_session_wait_handle(session.ptr(), &raw mut handle)).ok();
    // What it knows can still be asked.
    assert_eq!(session.phase(), LANPARTY_PHASE_ENDED);
    assert_eq!(text_of(&session.room().code), "PARTY");
    session.stats();
    session.stat(LANPARTY_STAT_TX_FRAMES);
    session.peers();
    session.drops();
    assert_eq!(session.diagnostics().flags & LANPARTY_FLAG_JOINED, 0);
    let mut count = 0;
    let size = size_of::<lanparty_user_line>();
    call!(lanparty_session_user_lines(session.ptr(), ptr::null_mut(), size, 0, &raw mut count))
        .among(&[LANPARTY_OK, LANPARTY_TRUNCATED]);
    // What would change it is refused.
    call!(lanparty_session_set_paused(session.ptr(), 1)).is(LANPARTY_E_CLOSED);
    let port = virtual_port();
    session.bridge(&port).is(LANPARTY_E_CLOSED);
    assert_eq!(port_flags(&port), 0);
    session.unbridge().is(LANPARTY_E_CLOSED);
    call!(lanparty_session_close(session.ptr(), ptr::null(), 0, 0)).ok();
}

fn port_answers(venue: &Venue, port: &Port) {
    send(port, &[vec![0; 60]]).is((LANPARTY_END, 0));
    try_receive(port, 64, 1, LANPARTY_FOREVER).0.is(LANPARTY_END);
    try_receive(port, 64, 1, 0).0.is(LANPARTY_END);
    let mut handle = -1;
    call!(lanparty_port_wait_handle(port.ptr(), &raw mut handle)).ok();
    assert_eq!(port_flags(port), LANPARTY_FLAG_CLOSED);
    // No session takes it: neither one that runs nor one that starts.
    let bob = venue.join(c"Bob");
    bob.session.bridge(port).is(LANPARTY_E_CLOSED);
    assert_eq!(port_flags(&bob.port), LANPARTY_FLAG_BRIDGED);
    let config = venue.config(LANPARTY_ROLE_CLIENT, ROOM, c"Cat");
    let answer = config.set_port(port);
    let answer = if answer.status == LANPARTY_OK { config.start_fails() } else { answer };
    answer.is(LANPARTY_E_CLOSED);
    bob.leave();
}

fn relay_answers(relay: &Relay) {
    assert_eq!(relay.wait_event(LANPARTY_EVENT_ENDED).status, LANPARTY_OK);
    let mut event: lanparty_event = sized();
    for timeout in [LANPARTY_FOREVER, 0] {
        call!(lanparty_relay_next_event(relay.ptr(), timeout, &raw mut event)).is(LANPARTY_END);
    }
    let (mut text, mut bytes, mut needed) = ([0; 64], [0; 4096], 0);
    let mut handle = -1;
    call!(lanparty_relay_wait_handle(relay.ptr(), &raw mut handle)).ok();
    let relay = relay.ptr();
    call!(lanparty_relay_address(relay, text.as_mut_ptr(), text.len(), &raw mut needed))
        .is(LANPARTY_E_CLOSED);
    call!(lanparty_relay_certificate(relay, bytes.as_mut_ptr(), bytes.len(), &raw mut needed))
        .is(LANPARTY_E_CLOSED);
    // The handle is judged before the bytes.
    call!(lanparty_relay_set_certificate_pem(relay, b"x".as_ptr(), 1, b"y".as_ptr(), 1))
        .is(LANPARTY_E_CLOSED);
    let mut room: lanparty_room = empty();
    let size = size_of::<lanparty_room>();
    call!(lanparty_relay_rooms(relay, &raw mut room, size, 1, &raw mut needed)).is(LANPARTY_E_CLOSED);
    let mut member: lanparty_member = empty();
    let size = size_of::<lanparty_member>();
    call!(lanparty_relay_members(relay, ROOM.as_ptr(), NUL, &raw mut member, size, 1, &raw mut needed))
        .is(LANPARTY_E_CLOSED);
    call!(lanparty_relay_kick(relay, ROOM.as_ptr(), NUL, 1, ptr::null(), 0)).is(LANPARTY_E_CLOSED);
    let mut stats: lanparty_relay_stats = sized();
    call!(lanparty_relay_stats_get(relay, &raw mut stats)).is(LANPARTY_E_CLOSED);
    call!(lanparty_relay_close(relay, ptr::null(), 0, 0)).ok();
}
