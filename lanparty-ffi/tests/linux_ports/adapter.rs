//! Adapters: made for a session, and gone with it.

use std::ffi::CStr;
use std::net::UdpSocket;

use lanparty::*;
use libtest_mimic::Trial;

use crate::kit::*;
use crate::support::*;
use crate::venue::*;

const ADDRESS: &CStr = c"10.9.0.5/24";

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("a_client_s_adapter", a_client_s_adapter),
        trial("closing_the_port_ends_the_session", closing_the_port_ends_the_session),
        trial("two_sessions_one_adapter", two_sessions_one_adapter),
    ]
}

/// Bob's broadcast reaches the host's network stack through the adapter, and nothing else does.
#[track_caller]
fn hears(bob: &Player, number: u8) {
    let before = counter("lanparty0", "rx_packets");
    bob.send(BROADCAST, 60, number);
    until("the adapter hears Bob", || counter("lanparty0", "rx_packets") > before);
    assert_eq!(counter("lanparty0", "rx_packets"), before + 1);
}

fn a_client_s_adapter() {
    let venue = Venue::open();
    let identity = Identity::generate();
    let port = tap(TAP, ADDRESS);
    let config = venue.config(LANPARTY_ROLE_CLIENT, ROOM, c"Ann");
    call!(lanparty_session_config_set_identity(config.ptr(), identity.ptr())).ok();
    config.set_port(&port).ok();
    assert!(!tap_exists(), "it is made when it is used");
    assert_eq!(port_flags(&port), 0);

    let session = config.start();
    wait_joined(&session);
    assert_eq!(sys("lanparty0", "address"), mac_text(identity.mac()));
    until("plugged in", || sys("lanparty0", "carrier") == "1");
    let shown = ip("-o addr show lanparty0");
    assert!(shown.contains("inet 10.9.0.5/24 "), "{shown}");
    let known = info(&port);
    assert_eq!((known.kind, known.mtu), (LANPARTY_PORT_TAP, 1500));
    assert_eq!(known.flags, LANPARTY_FLAG_BRIDGED | LANPARTY_FLAG_HAS_MAC);
    assert_eq!((known.mac, text_of(&known.name)), (identity.mac(), "lanparty0"));
    assert_eq!(text_of(&session.diagnostics().port), "lanparty0");

    let bob = venue.join(c"Bob");
    bob.session.wait_peers(1);
    hears(&bob, 1);
    // What a program of this host sends takes the same way out.
    let socket = UdpSocket::bind("10.9.0.5:0").unwrap();
    socket.set_broadcast(true).unwrap();
    socket.send_to(b"is anybody there?", "10.9.0.255:7777").unwrap();
    let frame = receive_from(&bob.port, identity.mac());
    assert_eq!((&frame[..6], &frame[12..14]), (BROADCAST.as_slice(), [0x08, 0].as_slice()));
    assert!(frame.ends_with(b"is anybody there?"));

    session.close().ok();
    assert!(!tap_exists(), "it goes with the session");
    assert_eq!(port_flags(&port), 0);

    // The same handle again, for one that is freed without being closed.
    bob.session.wait_peers(0);
    let session = config.start();
    wait_joined(&session);
    bob.session.wait_peers(1);
    assert_eq!(sys("lanparty0", "address"), mac_text(identity.mac()));
    assert_eq!(port_flags(&port), LANPARTY_FLAG_BRIDGED);
    hears(&bob, 2);
    drop(session);
    until("it goes with the session", || !tap_exists());
    until("the port is free", || port_flags(&port) == 0);
}

fn closing_the_port_ends_the_session() {
    let venue = Venue::open();
    let port = tap(TAP, ADDRESS);
    let config = venue.config(LANPARTY_ROLE_CLIENT, ROOM, c"Ann");
    config.set_port(&port).ok();
    let session = config.start();
    wait_joined(&session);
    let bob = venue.join(c"Bob");
    bob.session.wait_peers(1);
    assert!(tap_exists());

    call!(lanparty_port_close(port.ptr())).ok();
    let ended = session.wait_event(LANPARTY_EVENT_ENDED);
    assert_eq!(ended.status, LANPARTY_E_PORT);
    assert!(text_of(&ended.line).contains("the program closed it"), "{}", text_of(&ended.line));
    assert!(!tap_exists(), "it is gone when the end is told");
    assert_eq!(port_flags(&port), LANPARTY_FLAG_CLOSED);
    bob.session.wait_event(LANPARTY_EVENT_PEER_LEFT);

    config.start_fails().is(LANPARTY_E_CLOSED);
    bob.session.bridge(&port).is(LANPARTY_E_CLOSED);
    assert!(!tap_exists());
    assert_eq!(port_flags(&bob.port), LANPARTY_FLAG_BRIDGED);
    session.close().ok();
    call!(lanparty_port_close(port.ptr())).ok();
}

fn two_sessions_one_adapter() {
    let venue = Venue::open();
    let port = tap(TAP, ADDRESS);
    let config = venue.config(LANPARTY_ROLE_CLIENT, ROOM, c"Ann");
    config.set_port(&port).ok();
    let session = config.start();
    wait_joined(&session);
    let bob = venue.join(c"Bob");
    bob.session.wait_peers(1);

    config.start_fails().is(LANPARTY_E_PORT_IN_USE);
    bob.session.bridge(&port).is(LANPARTY_E_PORT_IN_USE);
    assert_eq!(port_flags(&bob.port), LANPARTY_FLAG_BRIDGED);
    hears(&bob, 1);
    // Another port that would make an adapter of the same name does not take it over.
    let rival = tap(TAP, c"10.10.0.5/24");
    bob.session.bridge(&rival).says(LANPARTY_E_ADAPTER_BUSY, "lanparty0");
    assert_eq!((port_flags(&rival), port_flags(&bob.port)), (0, LANPARTY_FLAG_BRIDGED));
    hears(&bob, 2);

    // Let go of by one session, the port serves the next.
    session.unbridge().ok();
    assert!(!tap_exists());
    bob.session.bridge(&port).ok();
    assert_eq!(sys("lanparty0", "address"), mac_text(bob.mac), "the address of who uses it");
    config.start_fails().is(LANPARTY_E_PORT_IN_USE);
    bob.session.close().ok();
    assert!(!tap_exists());
    session.bridge(&rival).ok();
    let shown = ip("-o addr show lanparty0");
    assert!(shown.contains("inet 10.10.0.5/24 "), "{shown}");
    session.close().ok();
    assert!(!tap_exists());
}
