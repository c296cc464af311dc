//! Rooms on one relay, and what keeps them apart.

use lanparty_sdk::obs::DropReason;
use lanparty_sdk::proto::Label;
use lanparty_sdk::testing::{Flow, LinkPreset, Physics, SimNet, Target};

use crate::{Sim, ms, secs};

#[test]
fn two_rooms_on_one_relay_never_hear_each_other() {
    let mut net = Sim::new(20);
    let relay = net.relay("relay");
    let rooms = ["RED", "BLUE"].map(|room| {
        let gateway = net.gateway(relay, room, room, LinkPreset::Lan);
        let clients = ["a", "b"].map(|name| net.client(relay, name, room, LinkPreset::Wifi));
        [gateway, clients[0], clients[1]]
    });
    net.settled(secs(3));
    let mut flows = Vec::new();
    for (room, members) in rooms.iter().enumerate() {
        for member in members {
            flows.push((room, net.flow(Flow::new(*member, Target::Everybody).every(ms(100)))));
            for other in rooms[1 - room] {
                // Addresses of the other room exist nowhere in this one.
                flows.push((room, net.flow(Flow::new(*member, other).every(ms(100)))));
            }
        }
    }
    net.run_for(secs(12));
    let mut heard = 0;
    for (room, flow) in flows {
        for other in rooms[1 - room] {
            assert_eq!(net.report(flow).at(other), 0);
        }
        heard += rooms[room].iter().map(|member| net.report(flow).at(*member)).sum::<u32>();
    }
    assert!(heard > 1000, "within a room everybody hears: {heard}");
    net.audited();
}

#[test]
fn a_member_cannot_speak_into_another_room_or_as_somebody_else() {
    let mut net = Sim::new(21);
    let relay = net.relay("relay");
    let link = Physics::ideal(ms(5));
    let alice = net.client(relay, "alice", "RED", link);
    let anna = net.client(relay, "anna", "RED", link);
    let bob = net.client(relay, "bob", "BLUE", link);
    net.settled(secs(3));
    let (red, own, _) = net.seat(alice).unwrap();
    let (blue, bobs, _) = net.seat(bob).unwrap();
    let annas = net.peer(anna).unwrap();
    let mut frame = net.mac(bob).octets().to_vec();
    frame.extend(net.mac(alice).octets());
    frame.extend([0x88, 0xb5, 1, 2, 3, 4]);
    for (room, source, label, why) in [
        (blue, own, Label::Peer(bobs), DropReason::WrongRoom),
        (blue, bobs, Label::Flood, DropReason::WrongRoom),
        (red, annas, Label::Flood, DropReason::WrongSource),
        (red, own, Label::Peer(annas), DropReason::WrongLabel),
        (red, own, Label::Gateway, DropReason::NoGateway),
    ] {
        let before = net.relay_counts(relay).drops.get(why);
        for datagram in SimNet::forge(room, source, label, &frame, 1434) {
            net.inject_datagram(alice, datagram);
        }
        net.run_for(ms(50));
        assert_eq!(net.relay_counts(relay).drops.get(why), before + 1, "{room} {source} {label:?}");
    }
    assert!(net.inbox(bob).is_empty() && net.inbox(anna).is_empty());
    assert!(net.is_joined(alice), "five mistakes are forgiven");
    net.audited();
}

#[test]
fn an_address_or_a_number_is_never_given_twice() {
    let mut net = Sim::new(22);
    let relay = net.relay("relay");
    let host = net.client(relay, "host", "PARTY", LinkPreset::Lan);
    let alice = net.client(relay, "alice", "PARTY", LinkPreset::Lan);
    net.settled(secs(2));
    let alices = net.peer(alice).unwrap();
    net.crash(alice);
    net.run_for(secs(12));
    assert!(!net.is_joined(alice) && net.room(relay, "PARTY").unwrap().members.len() == 1);
    // Her place is kept: a stranger with her address waits, everybody else gets another number.
    let mut thief = net.config(lanparty_sdk::ctrl::PeerRole::Client, "thief", "PARTY");
    thief.mac = Some(net.mac(alice));
    let thief = net.member(relay, "thief", thief, LinkPreset::Lan);
    let others = ["b", "c", "d"].map(|name| net.client(relay, name, "PARTY", LinkPreset::Lan));
    net.run_for(secs(3));
    assert!(!net.is_joined(thief));
    assert!(others.iter().all(|other| net.is_joined(*other) && net.peer(*other) != Some(alices)));
    net.restart(alice);
    net.until(secs(2), |net| net.is_joined(alice) && net.knows(host, alice));
    assert_eq!(net.peer(alice), Some(alices));
    net.leave(alice);
    net.until(secs(11), |net| net.is_joined(thief));
    net.audited();
}
