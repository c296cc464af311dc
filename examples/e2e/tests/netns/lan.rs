//! What people do on a LAN: get an address, find each other, and talk.

use std::net::Ipv4Addr;

use libtest_mimic::Trial;

use crate::host::{Host, eventually};
use crate::party::{ALICE, BOB, LAN_HOST, Party, TAP, address, ping, trial};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("lan::a_player_gets_a_lease_and_pings_both_ways", a_player_gets_a_lease),
        trial("lan::a_broadcast_is_heard_and_answered_both_ways", a_broadcast_is_answered),
        trial("lan::mdns_is_heard_both_ways", mdns_is_heard),
        trial("lan::full_frames_cross_both_ways", full_frames_cross),
        trial("lan::ipv6_neighbours_find_each_other", ipv6_neighbours_find_each_other),
    ]
}

fn a_player_gets_a_lease() {
    let party = Party::new();
    let _programs = party.start_lan();
    let dnsmasq = party.start_dhcp();
    let _alice = party.start_client(&party.alice, &[]);
    let _bob = party.start_client(&party.bob, &[]);
    let (alice, bob) = (party.lease(&party.alice), party.lease(&party.bob));
    for lease in [&alice, &bob] {
        let last = lease.parse::<Ipv4Addr>().unwrap().octets()[3];
        assert!((100..200).contains(&last), "{lease}");
    }
    assert_ne!(alice, bob);
    dnsmasq.line(&format!("DHCPACK(lan0) {alice} {}", party.alice.mac(TAP)));
    for (from, to) in
        [(&party.alice, LAN_HOST), (&party.lanhost, &alice), (&party.alice, &bob), (&party.bob, &alice)]
    {
        ping(from, to);
    }
    let arping = |host: &Host, iface, target: &str| host.sh(&format!("arping -c 2 -w 5 -I {iface} {target}"));
    assert!(arping(&party.alice, TAP, LAN_HOST).contains(&upper(&party.lanhost, "lan0")));
    assert!(arping(&party.lanhost, "lan0", &alice).contains(&upper(&party.alice, TAP)));
}

fn upper(host: &Host, iface: &str) -> String {
    host.mac(iface).to_string().to_uppercase()
}

fn a_broadcast_is_answered() {
    let party = Party::new();
    let _programs = party.start_lan();
    let _alice = party.start_client(&party.alice, &["--address", &format!("{ALICE}/24")]);
    let _bob = party.start_client(&party.bob, &["--address", &format!("{BOB}/24")]);
    let hosts = [&party.lanhost, &party.alice, &party.bob];
    let servers = hosts.map(|host| host.udp("0.0.0.0:27015"));
    let mut buffer = [0; 64];
    for (seeker, at) in hosts.iter().zip([LAN_HOST, ALICE, BOB]) {
        let question = seeker.udp(&format!("{at}:0"));
        question.send_to(format!("{at} asks").as_bytes(), "192.168.77.255:27015").unwrap();
        let mut answers = Vec::new();
        for (host, server) in hosts.iter().zip(&servers) {
            let (len, from) = server.recv_from(&mut buffer).unwrap();
            assert_eq!(buffer[..len], *format!("{at} asks").as_bytes(), "at {}", host.name);
            assert_eq!(from, question.local_addr().unwrap());
            server.send_to(host.name.as_bytes(), from).unwrap();
            let (len, _) = question.recv_from(&mut buffer).unwrap();
            answers.push(String::from_utf8_lossy(&buffer[..len]).into_owned());
        }
        assert_eq!(answers, ["lanhost", "alice", "bob"]);
    }
}

fn mdns_is_heard() {
    let party = Party::new();
    let _programs = party.start_lan();
    let _alice = party.start_client(&party.alice, &["--address", &format!("{ALICE}/24")]);
    let group = Ipv4Addr::new(224, 0, 0, 251);
    let ends = [(&party.lanhost, "lan0", LAN_HOST), (&party.alice, TAP, ALICE)];
    let sockets = ends.map(|(host, iface, at)| {
        host.ip(&format!("route add 224.0.0.0/4 dev {iface}"));
        let socket = host.udp("0.0.0.0:5353");
        socket.join_multicast_v4(&group, &at.parse().unwrap()).unwrap();
        socket.set_multicast_loop_v4(false).unwrap();
        socket
    });
    let query = b"\0\0\0\0\0\x01\0\0\0\0\0\0\x05_game\x04_udp\x05local\0\0\x0c\0\x01";
    for (here, there, from) in [(0, 1, LAN_HOST), (1, 0, ALICE)] {
        sockets[here].send_to(query, (group, 5353)).unwrap();
        let mut buffer = [0; 64];
        let (len, source) = sockets[there].recv_from(&mut buffer).unwrap();
        assert_eq!((&buffer[..len], source.to_string()), (&query[..], format!("{from}:5353")));
    }
}

fn full_frames_cross() {
    let party = Party::new();
    let _programs = party.start_lan();
    let _alice = party.start_client(&party.alice, &["--address", &format!("{ALICE}/24")]);
    let _bob = party.start_client(&party.bob, &["--address", &format!("{BOB}/24")]);
    for (from, to) in [(&party.alice, LAN_HOST), (&party.lanhost, ALICE), (&party.alice, BOB)] {
        for size in [1, 1100, 1350, 1400, 1472] {
            let output = from.sh(&format!("ping -M do -c 5 -i 0.05 -w 10 -s {size} {to}"));
            // It goes on asking until it has its answers, so that one more may be on its way.
            let lost =
                ["0%", "16.6667%"].iter().all(|loss| !output.contains(&format!(" {loss} packet loss")));
            assert!(!lost, "{size} bytes from {}: {output}", from.name);
        }
        assert!(from.try_sh(&format!("ping -M do -c 1 -W 1 -s 1473 {to}")).is_err(), "the MTU is 1500");
    }
}

fn ipv6_neighbours_find_each_other() {
    let party = Party::new();
    let _programs = party.start_lan();
    let _alice = party.start_client(&party.alice, &[]);
    let _bob = party.start_client(&party.bob, &[]);
    let (lanhost, alice) = (link_local(&party.lanhost, "lan0"), link_local(&party.alice, TAP));
    ping(&party.alice, &format!("{lanhost}%{TAP}"));
    ping(&party.lanhost, &format!("{alice}%lan0"));
    ping(&party.bob, &format!("{alice}%{TAP}"));
    assert_eq!(address(&party.alice, TAP), None, "without any IPv4");
    party.lanhost.sh(&format!("ping -M do -c 2 -s 1452 -W 2 {alice}%lan0"));
}

/// The IPv6 address that an interface has by itself.
fn link_local(host: &Host, iface: &str) -> String {
    let mut found = None;
    eventually("a link-local address", || {
        let text = host.ip(&format!("-6 -o addr show dev {iface} scope link -tentative"));
        found = text.split_whitespace().find_map(|word| word.strip_suffix("/64").map(str::to_owned));
        found.is_some()
    });
    found.unwrap()
}
