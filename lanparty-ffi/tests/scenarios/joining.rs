//! Coming in, and being refused.

use lanparty::*;

use crate::support::*;
use crate::venue::*;

#[test]
fn host_and_join() {
    let _turn = beside_others();
    let venue = Venue::open();
    let ann = venue.join(c"Ann");
    // A room's code knows no case.
    let bob = Player::join(venue.config(LANPARTY_ROLE_GATEWAY, c"party", c"Bob"));
    ann.session.wait_peers(1);
    bob.session.wait_peers(1);

    let joined = ann.session.wait_event(LANPARTY_EVENT_JOINED);
    assert_eq!(joined.peer, ann.number);
    assert!(joined.mtu >= 576 && joined.room != 0);
    assert_eq!(joined.flags & (LANPARTY_FLAG_AGAIN | LANPARTY_FLAG_GATEWAY_PRESENT), 0);
    let event = ann.session.wait_event(LANPARTY_EVENT_PEER_JOINED);
    assert_eq!((event.peer, event.role, text_of(&event.name)), (bob.number, LANPARTY_ROLE_GATEWAY, "Bob"));
    assert!(!text_of(&event.line).is_empty());

    let peer = bob.session.peers()[0];
    assert_eq!((peer.peer, peer.role, text_of(&peer.name)), (ann.number, LANPARTY_ROLE_CLIENT, "Ann"));
    assert_eq!(peer.flags & (LANPARTY_FLAG_HAS_MAC | LANPARTY_FLAG_PAUSED), LANPARTY_FLAG_HAS_MAC);
    assert_eq!(peer.mac, ann.mac);

    for player in [&ann, &bob] {
        assert_eq!(player.session.phase(), LANPARTY_PHASE_JOINED);
        let room = player.session.room();
        assert_eq!(room.struct_size as usize, size_of::<lanparty_room>());
        assert_eq!((text_of(&room.code), room.room, room.mtu), ("PARTY", joined.room, joined.mtu));
        assert_eq!((room.self_peer, room.gateway_peer, room.members), (player.number, bob.number, 2));
    }

    let rooms = venue.relay.rooms();
    let [room] = rooms[..] else { panic!("{rooms:?}") };
    assert_eq!((text_of(&room.code), room.room), ("PARTY", joined.room));
    assert_eq!((room.self_peer, room.gateway_peer, room.members), (0, bob.number, 2));
    let members = venue.relay.members(ROOM);
    assert_eq!(members.len(), 2);
    let member = members.iter().find(|member| member.peer == ann.number).unwrap();
    assert_eq!((text_of(&member.name), member.mac), ("Ann", ann.mac));
    assert!(member.budget > 0);
    assert_eq!(venue.relay.stats().connections, 2);

    assert_eq!(text_of(&venue.relay.wait_event(LANPARTY_EVENT_ROOM_OPENED).code), "PARTY");
    assert_eq!(venue.relay.wait_event(LANPARTY_EVENT_MEMBER_JOINED).peer, ann.number);
    assert_eq!(venue.relay.wait_event(LANPARTY_EVENT_MEMBER_JOINED).peer, bob.number);
    ann.leave();
    bob.leave();
    let event = venue.relay.wait_event(LANPARTY_EVENT_MEMBER_LEFT);
    assert_eq!(event.reason, LANPARTY_REASON_NORMAL);
    venue.relay.wait_event(LANPARTY_EVENT_ROOM_CLOSED);
    venue.relay.close().ok();
}

#[test]
fn second_gateway_refused() {
    let _turn = beside_others();
    let venue = Venue::open();
    let first = Player::join(venue.config(LANPARTY_ROLE_GATEWAY, ROOM, c"first"));
    let second = venue.config(LANPARTY_ROLE_GATEWAY, ROOM, c"second").start();
    call!(lanparty_session_wait_joined(second.ptr(), PATIENCE)).says(LANPARTY_E_GATEWAY_PRESENT, "gateway");
    let event = second.wait_event(LANPARTY_EVENT_ENDED);
    assert_eq!(event.status, LANPARTY_E_GATEWAY_PRESENT);
    assert!(!text_of(&event.text).is_empty() && !text_of(&event.line).is_empty());
    assert_eq!(second.drain(), LANPARTY_END);
    let event = venue.relay.wait_event(LANPARTY_EVENT_REJECTED);
    assert_eq!((event.status, text_of(&event.code)), (LANPARTY_E_GATEWAY_PRESENT, "PARTY"));
    second.close().ok();

    let client = venue.join(c"Ann");
    first.session.wait_peers(1);
    client.session.wait_peers(1);
    // The gateway's own address is nobody's: what a client sends to the unknown goes to the gateway too.
    client.send(first.mac, 60, 1);
    client.send(BROADCAST, 60, 2);
    first.expect(first.mac, &client, 60, 1);
    first.expect(BROADCAST, &client, 60, 2);
}

#[test]
fn wrong_certificate() {
    let _turn = beside_others();
    let (ours, theirs) = (Venue::open(), Venue::open());
    let wrong = || ours.config_with(&theirs.certificate, LANPARTY_ROLE_CLIENT, ROOM, c"Ann");
    let named = ours.config(LANPARTY_ROLE_CLIENT, ROOM, c"Ann");
    named.set(c"server-name", c"elsewhere.example").ok();
    for (config, status) in [(wrong(), LANPARTY_E_CERTIFICATE_UNKNOWN), (named, LANPARTY_E_CERTIFICATE_NAME)]
    {
        let session = config.start();
        call!(lanparty_session_wait_joined(session.ptr(), PATIENCE)).is(status);
        assert_eq!(session.wait_event(LANPARTY_EVENT_ENDED).status, status);
        assert_eq!(session.phase(), LANPARTY_PHASE_ENDED);
        session.close().ok();
    }

    // With the right one, or without looking, the same relay lets them in.
    let ann = ours.join(c"Ann");
    let config = wrong();
    call!(lanparty_session_config_dangerous_accept_any(config.ptr())).ok();
    let bob = Player::join(config);
    ann.session.wait_peers(1);
    bob.session.wait_peers(1);
    ann.meets(&bob, 1);
}

#[test]
fn two_instances() {
    let _turn = beside_others();
    let venues = [Venue::open(), Venue::open()];
    let parties = [venues[0].party([c"Ann", c"Bob"]), venues[1].party([c"Ann", c"Bob"])];
    for (number, [ann, bob]) in (0..).zip(&parties) {
        ann.send(BROADCAST, 100, number);
        ann.send(bob.mac, 100, 10 + number);
    }
    for (number, [ann, bob]) in (0..).zip(&parties) {
        // Nothing from the other party lies before, between or behind.
        bob.expect(BROADCAST, ann, 100, number);
        bob.expect(bob.mac, ann, 100, 10 + number);
        try_receive(&bob.port, 2048, 1, 0).0.is(LANPARTY_WOULD_BLOCK);
    }
    let ([first, second], [one, other]) = (venues, parties);
    one.into_iter().for_each(Player::leave);
    first.relay.close().ok();
    drop(first);
    let [ann, bob] = &other;
    ann.meets(bob, 20);
    for player in [ann, bob] {
        assert_ne!(player.session.drain(), LANPARTY_END);
    }
    other.into_iter().for_each(Player::leave);
    second.relay.close().ok();
}

#[test]
fn reinitialise() {
    let _turn = alone();
    let handles = lanparty_live_handles();
    for round in 0..3 {
        let venue = Venue::open();
        let [ann, bob] = venue.party([c"Ann", c"Bob"]);
        ann.meets(&bob, round);
        ann.leave();
        bob.leave();
        venue.relay.close().ok();
        drop(venue);
        assert_eq!(lanparty_live_handles(), handles);
    }
}
