//! Coming in: order, catching up, and the first frames of a new player.

use lanparty_sdk::ctrl::PeerRole;
use lanparty_sdk::frame::{EtherType, Frame, MacAddr};
use lanparty_sdk::member::EndReason;
use lanparty_sdk::member::SessionEvent;
use lanparty_sdk::switch::craft;
use lanparty_sdk::testing::{Death, Flow, LinkPreset, MemberId, Physics, SimNet, Target};

use crate::{Sim, base, ms, secs, seed};

/// A party with a bit of everything, for comparing logs.
fn eventful(seed: u64) -> String {
    let mut net = SimNet::new(seed, base());
    let relay = net.relay("relay");
    let gateway = net.gateway(relay, "gateway", "PARTY", LinkPreset::Lan);
    let alice = net.client(relay, "alice", "PARTY", LinkPreset::WifiLossy);
    let bob = net.client(relay, "bob", "PARTY", LinkPreset::Congested);
    net.run_for(secs(3));
    net.flow(Flow::new(alice, gateway).count(200).len(1500));
    net.flow(Flow::new(bob, Target::Everybody).count(50).every(ms(70)));
    net.run_for(secs(2));
    net.partition(bob);
    net.run_for(secs(13));
    net.heal(bob);
    net.kill_relay(relay, Death::Silent);
    net.run_for(secs(4));
    net.restart_relay(relay);
    net.run_for(secs(40));
    net.audit().unwrap();
    net.log().to_owned()
}

#[test]
fn the_same_seed_writes_the_same_log_byte_for_byte() {
    let seed = seed(1);
    let (first, second, other) = (eventful(seed), eventful(seed), eventful(seed ^ 1));
    assert!(first.lines().count() > 400, "the scenario is not empty");
    assert!(first == second, "LANPARTY_SIM_SEED={seed} is not deterministic");
    assert_ne!(first, other);
}

#[test]
fn everybody_catches_up_over_every_link_and_the_last_hears_of_all() {
    for preset in LinkPreset::ALL {
        let mut net = Sim::new(2);
        let relay = net.relay("relay");
        let mut members = vec![net.client(relay, "first", "PARTY", preset)];
        for name in ["gateway", "second", "third", "last"] {
            net.run_for(ms(150));
            members.push(match name {
                "gateway" => net.gateway(relay, name, "PARTY", preset),
                _ => net.client(relay, name, "PARTY", preset),
            });
        }
        let took = net.settled(secs(8));
        assert!(took < secs(6), "{preset:?}: {took:?}");
        net.audited();
        for member in members {
            // In first, then everybody who was there, each of them once.
            let events = net.events(member);
            let joined = events.iter().position(|(_, event)| matches!(event, SessionEvent::Joined { .. }));
            let met: Vec<_> = events
                .iter()
                .enumerate()
                .filter(|(_, (_, event))| matches!(event, SessionEvent::PeerJoined(_)))
                .map(|(index, _)| index)
                .collect();
            assert_eq!(met.len(), 4, "{preset:?}: {events:?}");
            assert!(met.iter().all(|index| Some(*index) > joined), "{preset:?}: {events:?}");
        }
    }
}

#[test]
fn the_lan_answers_the_very_first_frame_of_a_newcomer() {
    let mut net = Sim::new(3);
    let relay = net.relay("relay");
    let gateway = net.gateway(relay, "gateway", "PARTY", LinkPreset::Lan);
    net.settled(secs(2));
    let lan_host = net.mac(gateway);
    net.respond(gateway, move |frame| lan_services(lan_host, frame));
    let alice = net.client(relay, "alice", "PARTY", Physics::ideal(ms(1)));
    net.until(secs(2), |net| net.is_joined(alice));
    let discover = dhcp_discover(net.mac(alice));
    net.send(alice, &discover).unwrap();
    net.until(ms(20), |net| !net.inbox(alice).is_empty());
    assert_eq!(net.drops(gateway).total(), 0);
}

#[test]
fn dhcp_arp_and_server_browsers_work_over_every_link() {
    let mut bob_heard = 0;
    for preset in LinkPreset::ALL {
        let mut net = Sim::new(4);
        let relay = net.relay("relay");
        let gateway = net.gateway(relay, "gateway", "PARTY", preset);
        let alice = net.client(relay, "alice", "PARTY", preset);
        let bob = net.client(relay, "bob", "PARTY", preset);
        net.settled(secs(10));
        let (lan_host, own) = (net.mac(gateway), net.mac(alice));
        net.respond(gateway, move |frame| lan_services(lan_host, frame));
        let discover = dhcp_discover(own);
        let arp = craft::ethernet(MacAddr::BROADCAST, own, EtherType::ARP, &arp_body(1, own, MacAddr::ZERO));
        let query = game(MacAddr::BROADCAST, own, b"who plays?");
        for (what, request, reply) in [
            ("dhcp", &discover, dhcp_offer(lan_host, own)),
            ("arp", &arp, craft::ethernet(own, lan_host, EtherType::ARP, &arp_body(2, lan_host, own))),
            ("game", &query, game(own, lan_host, b"we do")),
        ] {
            ask_until_answered(&mut net, alice, request, &reply, what);
            net.run_for(ms(500));
        }
        net.run_for(secs(2));
        // The other client heard the questions, as on a LAN, and none of the answers.
        let overheard = net.take_inbox(bob);
        assert!(overheard.iter().all(|frame| [&discover[..], &arp, &query].contains(&&frame[..])));
        bob_heard += overheard.len();
        net.audited();
    }
    assert!(bob_heard >= 14, "{bob_heard} of 18");
}

#[test]
fn a_second_gateway_waits_and_steps_in_when_the_first_has_left() {
    let mut net = Sim::new(5);
    let relay = net.relay("relay");
    let first = net.gateway(relay, "first", "PARTY", LinkPreset::Lan);
    let alice = net.client(relay, "alice", "PARTY", LinkPreset::Wifi);
    net.settled(secs(3));
    let second = net.gateway(relay, "second", "PARTY", LinkPreset::Lan);
    let impatient = net.config(PeerRole::Gateway, "impatient", "PARTY");
    let impatient = lanparty_sdk::member::MemberConfig { retry_first: false, ..impatient };
    let impatient = net.member(relay, "impatient", impatient, LinkPreset::Lan);
    net.run_for(secs(20));
    assert!(!net.is_joined(second) && net.is_joined(first));
    assert!(matches!(net.end(impatient), Some(EndReason::Rejected(_))), "{:?}", net.end(impatient));

    net.leave(first);
    net.until(secs(11), |net| net.is_joined(second) && net.knows(alice, second));
    net.settled(secs(2));
    let flow = net.flow(Flow::new(alice, second).count(10));
    net.run_for(secs(1));
    assert!(net.report(flow).at(second) >= 8);
    assert_eq!(net.end(first), Some(&EndReason::Left));
}

#[test]
fn a_gateway_keeps_silent_clients_known_to_its_switch() {
    let mut net = Sim::new(6);
    let relay = net.relay("relay");
    let gateway = net.gateway(relay, "gateway", "PARTY", LinkPreset::Lan);
    let alice = net.client(relay, "alice", "PARTY", LinkPreset::Wifi);
    let bob = net.client(relay, "bob", "PARTY", LinkPreset::Wifi);
    net.settled(secs(3));
    net.run_for(secs(125));
    for client in [alice, bob] {
        let mac = net.mac(client);
        let refreshes = net.refreshes(gateway).iter().map(|refresh| refresh.frame.clone());
        let own = refreshes.filter(|frame| Frame::parse(frame).unwrap().src() == mac).count();
        assert_eq!(own, 3, "at once and then every minute");
    }
    assert!(net.refreshes(alice).is_empty());
    assert!(net.inbox(alice).is_empty() && net.inbox(gateway).is_empty(), "a refresh stays on the LAN");
}

/// The party's router and a game server in one.
fn lan_services(own: MacAddr, bytes: &[u8]) -> Vec<Vec<u8>> {
    let frame = Frame::parse(bytes).unwrap();
    let asker = frame.src();
    if bytes == dhcp_discover(asker) {
        vec![dhcp_offer(own, asker)]
    } else if bytes == game(MacAddr::BROADCAST, asker, b"who plays?") {
        vec![game(asker, own, b"we do")]
    } else if frame.ethertype() == EtherType::ARP {
        vec![craft::ethernet(asker, own, EtherType::ARP, &arp_body(2, own, asker))]
    } else {
        Vec::new()
    }
}

/// Asks once a second, as hosts do, until the answer is there.
fn ask_until_answered(net: &mut Sim, member: MemberId, request: &[u8], reply: &[u8], what: &str) {
    for _ in 0..10 {
        net.send(member, request).unwrap();
        let answered = |net: &SimNet| net.inbox(member).iter().any(|delivery| delivery.frame == reply);
        if net.run_until(secs(1), answered).is_ok() {
            return;
        }
    }
    panic!("{what}: no answer");
}

fn dhcp_discover(own: MacAddr) -> Vec<u8> {
    let packet = craft::ipv4(17, &craft::udp4(68, 67, &[&[1, 1, 6, 0][..], &own.octets()].concat()));
    craft::ethernet(MacAddr::BROADCAST, own, EtherType::IPV4, &packet)
}

fn dhcp_offer(own: MacAddr, to: MacAddr) -> Vec<u8> {
    let packet = craft::ipv4(17, &craft::udp4(67, 68, &[&[2, 1, 6, 0][..], &to.octets()].concat()));
    craft::ethernet(to, own, EtherType::IPV4, &packet)
}

fn game(dst: MacAddr, src: MacAddr, text: &[u8]) -> Vec<u8> {
    craft::ethernet(dst, src, EtherType::IPV4, &craft::ipv4(17, &craft::udp4(5000, 27_015, text)))
}

fn arp_body(op: u8, from: MacAddr, to: MacAddr) -> Vec<u8> {
    let fixed = [0, 1, 8, 0, 6, 4, 0, op];
    [&fixed[..], &from.octets(), &craft::SRC4, &to.octets(), &craft::DST4].concat()
}
