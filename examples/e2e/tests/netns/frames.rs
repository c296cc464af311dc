//! Frames of every kind, told apart byte by byte.

use lanparty_sdk::frame::{EtherType, MacAddr};
use lanparty_sdk::switch::craft::{ethernet, tag};
use lanparty_sdk::switch::vectors::safety_vectors;
use libtest_mimic::Trial;

use crate::cable::{Cable, Marker};
use crate::host::Host;
use crate::party::{Party, TAP, trial};
use crate::safety::STATION;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("frames::old_games_cross_unchanged", old_games_cross_unchanged),
        trial("frames::a_full_tagged_frame_keeps_its_tag", a_full_tagged_frame_keeps_its_tag),
        trial("frames::jumbo_is_counted_and_dropped", jumbo_is_dropped),
        trial("frames::rooms_do_not_hear_each_other", rooms_do_not_hear_each_other),
        trial("frames::the_switch_learns_a_silent_player", the_switch_learns_a_silent_player),
        trial("frames::nothing_is_heard_twice", nothing_is_heard_twice),
    ]
}

/// A broadcast that only tests send.
fn flood(src: MacAddr, fill: u8) -> Vec<u8> {
    ethernet(MacAddr::BROADCAST, src, EtherType::LOCAL_EXPERIMENTAL_1, &[fill; 200])
}

fn count(frames: &[Vec<u8>], wanted: &[u8]) -> usize {
    frames.iter().filter(|frame| *frame == wanted).count()
}

fn old_games_cross_unchanged() {
    let party = Party::new();
    let _programs = party.start_lan();
    let _alice = party.start_client(&party.alice, &[]);
    let alice = party.alice.mac(TAP);
    let (tap, lan) = (Cable::open(&party.alice, TAP), party.lan_cable());
    for (here, there, src, dst) in [(&tap, &lan, alice, STATION), (&lan, &tap, STATION, alice)] {
        let frames: Vec<_> = safety_vectors(src, dst, 1500)
            .into_iter()
            .filter(|vector| ["ipx_", "llc_", "appletalk_"].iter().any(|kind| vector.name.starts_with(kind)))
            .collect();
        assert_eq!(frames.len(), 6, "{frames:?}");
        for vector in &frames {
            here.send(&vector.frame);
        }
        let arrived = here.mark(there, &Marker::new(src, dst, 60));
        for vector in &frames {
            assert_eq!(count(&arrived, &vector.frame), 1, "{}", vector.name);
        }
    }
}

fn a_full_tagged_frame_keeps_its_tag() {
    let party = Party::new();
    let _programs = party.start_lan();
    let _alice = party.start_client(&party.alice, &[]);
    let alice = party.alice.mac(TAP);
    party.wait_until_lan_knows(&party.alice);
    let (tap, lan) = (Cable::open(&party.alice, TAP), party.lan_cable());
    let tagged = |src, dst| ethernet(dst, src, EtherType::VLAN, &tag(0x2005, EtherType::IPX, &[0x5a; 1500]));
    let (from_lan, from_player) = (tagged(STATION, alice), tagged(alice, STATION));
    assert_eq!(from_lan.len(), 1518);
    lan.send(&from_lan);
    let arrived = lan.mark(&tap, &Marker::new(STATION, alice, 1514));
    assert_eq!(count(&arrived, &from_lan), 1);
    tap.send(&from_player);
    let arrived = tap.mark(&lan, &Marker::new(alice, STATION, 1514));
    assert_eq!(count(&arrived, &from_player), 0, "players have no business in VLANs");
}

fn jumbo_is_dropped() {
    let party = Party::new();
    for (host, iface) in [(&party.switches, "l-gw"), (&party.gw, "lan0")] {
        host.ip(&format!("link set {iface} mtu 9000"));
    }
    let (_relay, mut gateway) = party.start_lan();
    let _alice = party.start_client(&party.alice, &[]);
    let alice = party.alice.mac(TAP);
    party.wait_until_lan_knows(&party.alice);
    let (tap, lan) = (Cable::open(&party.alice, TAP), party.lan_cable());
    let jumbo = ethernet(alice, STATION, EtherType::LOCAL_EXPERIMENTAL_1, &[0x5a; 8986]);
    assert_eq!(jumbo.len(), 9000);
    for _ in 0..3 {
        lan.send(&jumbo);
    }
    let arrived = lan.mark(&tap, &Marker::new(STATION, alice, 1514));
    assert!(arrived.iter().all(|frame| frame.len() <= 1518), "{arrived:02x?}");
    assert!(gateway.terminate().success());
    assert!(gateway.line("dropped").contains("jumbo 3"), "not counted");
}

fn rooms_do_not_hear_each_other() {
    let party = Party::new();
    let _programs = party.start_lan();
    let mac = "02:00:5e:00:00:01";
    let _alice = party.start_client(&party.alice, &["--virtual-mac", mac]);
    // The same address in the other room is somebody else.
    let _bob = party.start_client_in(&party.bob, "OTHER", &["--virtual-mac", mac]);
    let _carol = party.start_tap(&party.bob, "OTHER", "lanparty1", &["--identity", &party.file("carol")]);
    let mac: MacAddr = mac.parse().unwrap();
    assert_eq!((party.alice.mac(TAP), party.bob.mac(TAP)), (mac, mac));
    let carol_mac = party.bob.mac("lanparty1");
    let (lan, alice) = (party.lan_cable(), Cable::open(&party.alice, TAP));
    let (bob, carol) = (Cable::open(&party.bob, TAP), Cable::open(&party.bob, "lanparty1"));

    let to_all = [flood(mac, 1), flood(STATION, 2), flood(carol_mac, 3)];
    let to_mac = ethernet(mac, STATION, EtherType::LOCAL_EXPERIMENTAL_1, &[4; 100]);
    let to_carol = ethernet(carol_mac, mac, EtherType::LOCAL_EXPERIMENTAL_1, &[5; 100]);
    alice.send(&to_all[0]);
    alice.send(&to_carol);
    let on_lan = alice.mark(&lan, &Marker::new(mac, STATION, 214));
    lan.send(&to_all[1]);
    lan.send(&to_mac);
    let at_alice = lan.mark(&alice, &Marker::new(STATION, mac, 214));
    carol.send(&to_all[2]);
    let at_bob = carol.mark(&bob, &Marker::new(carol_mac, mac, 214));
    let at_carol = bob.mark(&carol, &Marker::new(mac, carol_mac, 214));
    let late_at_alice = lan.mark(&alice, &Marker::new(STATION, mac, 214));

    assert_eq!(count(&on_lan, &to_all[0]), 1);
    assert_eq!((count(&at_alice, &to_all[1]), count(&at_alice, &to_mac)), (1, 1));
    assert_eq!(count(&at_bob, &to_all[2]), 1);
    for (who, frames) in [("bob", at_bob), ("carol", at_carol)] {
        for foreign in [&to_all[0], &to_all[1], &to_mac, &to_carol] {
            assert_eq!(count(&frames, foreign), 0, "{who} heard the other room");
        }
    }
    assert_eq!(count(&late_at_alice, &to_all[2]), 0, "alice heard the other room");
}

fn the_switch_learns_a_silent_player() {
    let party = Party::new();
    let _programs = party.start_lan();
    let silence = |host: &Host| {
        host.run(|| std::fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1").unwrap());
    };
    silence(&party.alice);
    let _alice = party.start_client(&party.alice, &[]);
    party.wait_until_lan_knows(&party.alice);
    let sent =
        party.alice.run(|| std::fs::read_to_string(format!("/sys/class/net/{TAP}/statistics/tx_packets")));
    assert_eq!(sent.unwrap().trim(), "0", "the player was not silent");
}

fn nothing_is_heard_twice() {
    let party = Party::new();
    let _programs = party.start_lan();
    let _alice = party.start_client(&party.alice, &[]);
    let _bob = party.start_client(&party.bob, &[]);
    let (alice_mac, bob_mac) = (party.alice.mac(TAP), party.bob.mac(TAP));
    let (alice, bob) = (Cable::open(&party.alice, TAP), Cable::open(&party.bob, TAP));
    let (lan, gw) = (party.lan_cable(), Cable::open(&party.gw, "lan0"));
    let from_alice = flood(alice_mac, 1);
    alice.send(&from_alice);
    let on_lan = alice.mark(&lan, &Marker::new(alice_mac, STATION, 214));
    assert_eq!(count(&on_lan, &from_alice), 1);
    // Had the gateway captured what it put there itself, it would have come back before this.
    let mut at_bob = lan.mark(&bob, &Marker::new(STATION, bob_mac, 214));
    at_bob.extend(alice.mark(&bob, &Marker::new(alice_mac, bob_mac, 214)));
    assert_eq!(count(&at_bob, &from_alice), 1);
    let at_alice = lan.mark(&alice, &Marker::new(STATION, alice_mac, 214));
    assert_eq!(count(&at_alice, &from_alice), 0);
    // The gateway's own host is not at the party.
    let from_host = flood(party.gw.mac("lan0"), 2);
    gw.send(&from_host);
    let on_lan = gw.mark(&lan, &Marker::new(party.gw.mac("lan0"), STATION, 214));
    assert_eq!(count(&on_lan, &from_host), 1);
    let at_alice = lan.mark(&alice, &Marker::new(STATION, alice_mac, 214));
    assert_eq!(count(&at_alice, &from_host), 0);
}
