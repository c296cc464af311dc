//! Interfaces of the host, as a gateway bridges them.

use lanparty::*;
use libtest_mimic::Trial;

use crate::kit::*;
use crate::support::*;
use crate::venue::*;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("a_gateway_s_interface", a_gateway_s_interface),
        trial("an_interface_that_is_missing", an_interface_that_is_missing),
        trial("an_interface_that_is_too_small", an_interface_that_is_too_small),
    ]
}

/// A client's broadcast reaches the LAN, and a host of the LAN reaches the client.
#[track_caller]
fn meets(ann: &Player, host: &LanHost, number: u8) {
    ann.send(BROADCAST, 60, number);
    assert_eq!(host.receive(BROADCAST, ann.mac), frame(BROADCAST, ann.mac, 60, number));
    let question = frame(ann.mac, LanHost::MAC, 1514, number);
    host.send(&question);
    assert_eq!(receive_from(&ann.port, LanHost::MAC), question);
    ann.send(LanHost::MAC, 1514, number);
    assert_eq!(host.receive(LanHost::MAC, ann.mac), frame(LanHost::MAC, ann.mac, 1514, number));
}

fn a_gateway_s_interface() {
    let veth = Veth::up();
    let host = LanHost::open();
    let venue = Venue::open();
    let port = af_packet(Veth::CARD);
    let config = venue.config(LANPARTY_ROLE_GATEWAY, ROOM, c"Gateway");
    config.set_port(&port).ok();
    assert!(!veth.is_promiscuous(), "it is opened when it is used");
    let session = config.start();
    wait_joined(&session);
    assert!(veth.is_promiscuous());
    let known = info(&port);
    assert_eq!((known.kind, known.mtu), (LANPARTY_PORT_AF_PACKET, 1500));
    assert_eq!(known.flags, LANPARTY_FLAG_BRIDGED | LANPARTY_FLAG_HAS_MAC);
    assert_eq!((known.mac, text_of(&known.name)), (Veth::MAC, "lpa"));

    let ann = venue.join(c"Ann");
    ann.session.wait_peers(1);
    let gateway = ann.session.peers().remove(0);
    assert_eq!((gateway.role, gateway.mac), (LANPARTY_ROLE_GATEWAY, Veth::MAC));
    assert_ne!(gateway.flags & LANPARTY_FLAG_HAS_MAC, 0);
    assert_eq!(ann.session.room().gateway_peer, gateway.peer);
    meets(&ann, &host, 1);

    // Away and back, and then to another session.
    session.unbridge().ok();
    assert!(!veth.is_promiscuous(), "it is let alone");
    assert_eq!(port_flags(&port), 0);
    session.bridge(&port).ok();
    meets(&ann, &host, 2);
    session.close().ok();
    assert!(!veth.is_promiscuous() && exists("lpa"));
    ann.session.wait_peers(0);
    let session = config.start();
    wait_joined(&session);
    ann.session.wait_peers(1);
    meets(&ann, &host, 3);

    // Pulled out of the host, it takes the session with it.
    drop(veth);
    let ended = session.wait_event(LANPARTY_EVENT_ENDED);
    assert_eq!(ended.status, LANPARTY_E_PORT);
    assert!(text_of(&ended.line).contains("lpa was removed"), "{}", text_of(&ended.line));
    assert_eq!(port_flags(&port), 0);
    config.start_fails().says(LANPARTY_E_INTERFACE_MISSING, "lpa");
}

fn an_interface_that_is_missing() {
    let venue = Venue::open();
    let port = af_packet(Veth::CARD);
    let config = venue.config(LANPARTY_ROLE_GATEWAY, ROOM, c"Gateway");
    config.set_port(&port).ok();
    let handles = lanparty_live_handles();
    for _ in 0..3 {
        config.start_fails().says(LANPARTY_E_INTERFACE_MISSING, "lpa");
        assert_eq!(port_flags(&port), 0);
        assert_eq!(lanparty_live_handles(), handles);
    }
    assert_eq!(venue.relay.stats().connections, 0, "nobody came");

    // Once it is there, the same port and the same configuration serve.
    let veth = Veth::up();
    let session = config.start();
    wait_joined(&session);
    assert!(veth.is_promiscuous());
    assert_eq!(info(&port).mac, Veth::MAC);
    session.close().ok();
    assert!(!veth.is_promiscuous());
}

fn an_interface_that_is_too_small() {
    let veth = Veth::up();
    ip("link set lpa mtu 1400");
    let venue = Venue::open();
    let port = af_packet(Veth::CARD);
    let config = venue.config(LANPARTY_ROLE_GATEWAY, ROOM, c"Gateway");
    config.set(c"mtu", c"1500").ok();
    config.set_port(&port).ok();
    config.start_fails().says(LANPARTY_E_MTU, "1400");
    assert_eq!(port_flags(&port), 0);
    assert!(!veth.is_promiscuous());

    // A session that runs keeps the port that it has.
    let gateway = Player::join(config);
    let ann = venue.join(c"Ann");
    ann.session.wait_peers(1);
    gateway.meets(&ann, 1);
    gateway.session.bridge(&port).says(LANPARTY_E_MTU, "1400");
    assert_eq!((port_flags(&port), port_flags(&gateway.port)), (0, LANPARTY_FLAG_BRIDGED));
    assert!(!veth.is_promiscuous());
    gateway.meets(&ann, 2);

    // Large enough, it takes that one's place.
    ip("link set lpa mtu 1500");
    gateway.session.bridge(&port).ok();
    assert_eq!((port_flags(&port), port_flags(&gateway.port)), (LANPARTY_FLAG_BRIDGED, 0));
    meets(&ann, &LanHost::open(), 3);

    // Where nothing is promised, the member promises what the interface carries.
    gateway.leave();
    ann.session.wait_peers(0);
    ip("link set lpa mtu 1400");
    let config = venue.config(LANPARTY_ROLE_GATEWAY, c"SMALL", c"Gateway");
    config.set_port(&port).ok();
    let session = config.start();
    wait_joined(&session);
    assert_eq!((info(&port).mtu, session.room().mtu), (1400, 1400));
    session.close().ok();
}
