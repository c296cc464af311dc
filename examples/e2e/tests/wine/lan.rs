//! What a Windows player does on the LAN.

use std::net::Ipv4Addr;

use lanparty_sdk::frame::EtherType;
use libtest_mimic::Trial;

use crate::cable::Cable;
use crate::host::DEADLINE;
use crate::party::{LAN_HOST, Party, ROOM, TAP, trial};
use crate::player::{self, lease};
use crate::windows::Windows;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("lan::a_player_gets_a_lease_and_pings_both_ways", a_player_gets_a_lease),
        trial("lan::a_broadcast_is_heard_and_answered_both_ways", a_broadcast_is_answered),
        trial("lan::a_flood_keeps_its_order", a_flood_keeps_its_order),
    ]
}

fn a_player_gets_a_lease() {
    let party = Party::new();
    let _programs = party.start_lan();
    let dnsmasq = party.start_dhcp();
    let windows = Windows::with_adapter(&party.alice);
    let _client = player::join(&windows, &party, &[]);
    let mut stack = windows.plug_in();
    let alice = lease(&mut stack);
    let last = alice.parse::<Ipv4Addr>().unwrap().octets()[3];
    assert!((100..200).contains(&last), "{alice}");
    dnsmasq.line(&format!("DHCPACK(lan0) {alice} {}", windows.status("mac")));
    let _bob = party.start_client_in(&party.bob, ROOM, &[]);
    let bob = party.lease(&party.bob);
    for target in [LAN_HOST, &bob] {
        player::ping(&mut stack, target);
    }
    for host in [&party.lanhost, &party.bob] {
        crate::party::ping(host, &alice);
    }
    assert!(party.bob.sh(&format!("ping -M do -s 1472 -c 2 -w 5 {alice}")).contains(" 0% packet loss"));
    assert!(party.bob.ip(&format!("neigh show dev {TAP}")).contains(&windows.status("mac")));
}

fn a_broadcast_is_answered() {
    let party = Party::new();
    let _programs = party.start_lan();
    let _dnsmasq = party.start_dhcp();
    let windows = Windows::with_adapter(&party.alice);
    let _client = player::join(&windows, &party, &[]);
    let mut stack = windows.plug_in();
    let alice = lease(&mut stack);
    let mut buffer = [0; 64];
    // Somebody on the LAN looks for games.
    let seeker = party.lanhost.udp(&format!("{LAN_HOST}:0"));
    for everybody in ["192.168.77.255:27015", "255.255.255.255:27015"] {
        seeker.send_to(b"whoplays", everybody).unwrap();
        stack.line(&format!("heard {LAN_HOST} whoplays"));
        let (len, from) = seeker.recv_from(&mut buffer).unwrap();
        assert_eq!((&buffer[..len], from.to_string()), (&b"alice"[..], format!("{alice}:27015")));
    }
    // The player does.
    let server = party.lanhost.udp("0.0.0.0:27015");
    stack.say("shout letsplay");
    let (len, from) = server.recv_from(&mut buffer).unwrap();
    assert_eq!((&buffer[..len], from.ip().to_string()), (&b"letsplay"[..], alice));
    server.send_to(b"lanhost", from).unwrap();
    stack.line(&format!("answer {LAN_HOST} lanhost"));
}

/// Frames of a flood, as `wire-host` numbers them.
const FLOOD: [u8; 2] = [0x88, 0xb5];
/// Ends the answering.
const STOP: EtherType = EtherType(0x88b7);

fn a_flood_keeps_its_order() {
    let party = Party::new();
    let (mut relay, mut gateway) = party.start_lan();
    let windows = Windows::with_adapter(&party.alice);
    let mut client = player::join(&windows, &party, &[]);
    let mut stack = windows.plug_in();
    let lanhost = party.lanhost.mac("lan0");
    let switch = Cable::open(&party.switches, "l-lanhost");
    let cable = Cable::open(&party.lanhost, "lan0");
    let report = std::thread::scope(|scope| {
        scope.spawn(|| answer_flood(&cable));
        let report = stack.ask(
            &format!("flood {} 3000 1400 32", lanhost.to_string().replace(':', "-")),
            DEADLINE * 5,
            "flood ",
        );
        switch.send(&[&lanhost.0[..], &lanhost.0, &STOP.0.to_be_bytes(), &[0; 46]].concat());
        report
    });
    eprintln!("3000 frames there and back: {report}");
    for expected in ["sent=3000 ", " reordered=0 ", " duplicated=0 "] {
        assert!(report.contains(expected), "{report}");
    }
    assert_eq!(windows.status("to_program_dropped"), "0");
    // 32 frames under way are a standing queue where Wine is slow, and an outbox drops some of that (CoDel), which is told.
    crate::life::interrupt(&mut client);
    let mut told = client.queue_drops();
    for program in [&mut gateway, &mut relay] {
        assert!(program.terminate().success());
        told += program.queue_drops();
    }
    let lost = report.split_whitespace().find_map(|word| word.strip_prefix("lost=")?.parse::<u64>().ok());
    // Sockets may lose some too.
    assert!(lost.is_some_and(|lost| lost < told + 150), "{told} were dropped: {report}");
}

/// Sends what is a question of a flood back to where it came from.
fn answer_flood(cable: &Cable) {
    let is = |frame: &[u8], ethertype: [u8; 2]| frame.get(12..14) == Some(&ethertype[..]);
    loop {
        let mut frames = cable.receive_until("the flood, or its end", |frame| {
            is(frame, STOP.0.to_be_bytes()) || (is(frame, FLOOD) && frame[14] == 0)
        });
        let mut frame = frames.pop().expect("the last one");
        if !is(&frame, FLOOD) {
            return;
        }
        let (to, from) = frame.split_at_mut(6);
        to.swap_with_slice(&mut from[..6]);
        frame[14] = 1;
        cable.send(&frame);
    }
}
