//! Frames through virtual ports.

use lanparty::*;

use crate::support::*;
use crate::venue::*;

#[test]
fn exchange_frames() {
    let _turn = beside_others();
    let venue = Venue::open();
    let [ann, bob] = venue.party([c"Ann", c"Bob"]);
    for (from, to) in [(&ann, &bob), (&bob, &ann)] {
        // From the smallest that is a frame at all to the largest of standard Ethernet.
        let sizes = (0u8..32).map(|number| match number {
            0 => (number, 14),
            31 => (number, 1514),
            _ => (number, 60 + usize::from(number) * 40),
        });
        let batch: Vec<_> = sizes.map(|(number, len)| frame(to.mac, from.mac, len, number)).collect();
        send(&from.port, &batch).is((LANPARTY_OK, batch.len()));
        let mut got = Vec::new();
        while got.len() < batch.len() {
            let (answer, _, frames) = try_receive(&to.port, 65_536, batch.len() - got.len(), PATIENCE);
            answer.ok();
            got.extend(frames);
        }
        assert_eq!(got, batch);
    }

    // A frame that is none fails the whole call before anything is sent.
    let good = frame(bob.mac, ann.mac, 60, 1);
    for bad in [vec![0; 13], vec![0; 65_536]] {
        send(&ann.port, &[good.clone(), bad]).0.says(LANPARTY_E_FRAME_LENGTH, "frame 1");
    }
    send(&ann.port, &[]).is((LANPARTY_OK, 0));
    ann.meets(&bob, 77);

    // Without a session nobody empties the queue: it takes as many as it holds.
    let port = Port::from(|port| call!(lanparty_port_new_virtual(4, 1400, port)));
    send(&port, &vec![good; 6]).is((LANPARTY_WOULD_BLOCK, 4));
    let mut info: lanparty_port_info = sized();
    call!(lanparty_port_info_get(port.ptr(), &raw mut info)).ok();
    assert_eq!((info.kind, info.mtu), (LANPARTY_PORT_VIRTUAL, 1400));
    assert_eq!(port_flags(&port), 0);
}

#[test]
fn broadcast() {
    let _turn = beside_others();
    let venue = Venue::open();
    let party = venue.party([c"Ann", c"Bob", c"Cat"]);
    for (number, turn) in (0..).zip(0..3) {
        let [sender, next, last] = [0, 1, 2].map(|step| &party[(turn + step) % 3]);
        sender.send(BROADCAST, 300, number);
        next.expect(BROADCAST, sender, 300, number);
        last.expect(BROADCAST, sender, 300, number);
        // Had the sender got its own, it would lie before this one.
        next.send(sender.mac, 60, 50 + number);
        sender.expect(sender.mac, next, 60, 50 + number);
    }
}

#[test]
fn pause() {
    let _turn = beside_others();
    let venue = Venue::open();
    let [ann, bob] = venue.party([c"Ann", c"Bob"]);
    let told = |paused: bool| {
        ann.session.pause(paused);
        let flag = if paused { LANPARTY_FLAG_PAUSED } else { 0 };
        let event = ann.session.wait_event(LANPARTY_EVENT_PAUSED);
        assert_eq!(event.flags & LANPARTY_FLAG_PAUSED, flag);
        let event = bob.session.wait_event(LANPARTY_EVENT_PEER_PAUSED);
        assert_eq!((event.peer, event.flags & LANPARTY_FLAG_PAUSED), (ann.number, flag));
        assert_eq!(ann.session.diagnostics().flags & LANPARTY_FLAG_PAUSED, flag);
        assert_eq!(bob.session.peers()[0].flags & LANPARTY_FLAG_PAUSED, flag);
    };
    told(true);
    assert_eq!(ann.session.drops_for("paused"), 0);
    ann.send(bob.mac, 60, 1);
    until("the sender counts it", || ann.session.drops_for("paused") == 1);
    // What is for somebody who has paused, the relay drops, and counts with the sender. It counts probes too, so that this
    // one has come is told by its bytes.
    let large = 800;
    let sender = || {
        let members = venue.relay.members(ROOM);
        *members.iter().find(|member| member.peer == bob.number).unwrap()
    };
    let before = sender();
    bob.send(ann.mac, large, 2);
    until("the relay has it", || sender().sent_bytes >= before.sent_bytes + large as u64);
    assert!(sender().drops > before.drops);
    told(false);
    ann.meets(&bob, 3);
    call!(lanparty_session_set_paused(ann.session.ptr(), 2)).is(LANPARTY_E_INVALID_ARG);
}
