//! Adapters that come later, and the way to the relay that must be kept out of them.

use std::ffi::CStr;

use lanparty::*;
use libtest_mimic::Trial;

use crate::kit::*;
use crate::support::*;
use crate::venue::*;

/// Nobody is ever there.
const NOWHERE: &CStr = c"192.0.2.1";

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial(
        "a_later_adapter_is_refused_where_its_route_is_not_pinned",
        a_later_adapter_is_refused_where_its_route_is_not_pinned,
    )]
}

/// A member that tries for ever to reach a relay that is not of this host.
fn far_away() -> SessionConfig {
    let config = SessionConfig::from(|config| {
        call!(lanparty_session_config_new(
            LANPARTY_ROLE_CLIENT,
            std::ptr::null(),
            0,
            ROOM.as_ptr(),
            NUL,
            config
        ))
    });
    config.set(c"relay", NOWHERE).ok();
    config.set(c"retry", c"true").ok();
    config
}

/// A session that has no adapter is given one, and it is taken away again.
#[track_caller]
fn comes_and_goes(session: &Session, port: &Port) {
    session.bridge(port).ok();
    assert!(tap_exists());
    assert_eq!(port_flags(port), LANPARTY_FLAG_BRIDGED);
    session.unbridge().ok();
    assert!(!tap_exists());
    assert_eq!(port_flags(port), 0);
}

fn a_later_adapter_is_refused_where_its_route_is_not_pinned() {
    let port = tap(TAP, c"10.9.0.5/24");
    let session = far_away().start();
    session.bridge(&port).says(LANPARTY_E_WRONG_PORT, "no-route-pin");
    assert!(!tap_exists(), "nothing is made");
    assert_eq!(port_flags(&port), 0);
    session.close().ok();

    // One that was there from the start may come again; another one may not come in its place.
    let config = far_away();
    config.set_port(&port).ok();
    let session = config.start();
    assert!(tap_exists());
    session.unbridge().ok();
    assert!(!tap_exists());
    comes_and_goes(&session, &port);
    let other = tap(c"lanparty1", c"10.10.0.5/24");
    session.bridge(&other).is(LANPARTY_E_WRONG_PORT);
    assert!(!exists("lanparty1"));
    session.bridge(&port).ok();
    session.bridge(&other).is(LANPARTY_E_WRONG_PORT);
    assert!(tap_exists() && !exists("lanparty1"));
    assert_eq!((port_flags(&port), port_flags(&other)), (LANPARTY_FLAG_BRIDGED, 0));
    session.close().ok();
    assert!(!tap_exists());

    // Where nothing is pinned, or nothing needs to be, it may come at any time.
    let config = far_away();
    config.set(c"no-route-pin", c"true").ok();
    let session = config.start();
    comes_and_goes(&session, &port);
    session.close().ok();
    let venue = Venue::open();
    let session = venue.config(LANPARTY_ROLE_CLIENT, ROOM, c"Ann").start();
    wait_joined(&session);
    comes_and_goes(&session, &port);
    assert_eq!(session.phase(), LANPARTY_PHASE_JOINED);
    session.close().ok();
}
