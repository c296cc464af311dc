//! Losing the relay, a peer or the path, and coming back.

use std::collections::BTreeSet;

use lanparty_sdk::ctrl::{CloseCode, LeaveReason};
use lanparty_sdk::member::EndReason;
use lanparty_sdk::member::SessionEvent;
use lanparty_sdk::obs::DropReason;
use lanparty_sdk::relay::{RelayConfig, RelayEvent};
use lanparty_sdk::testing::{Death, Flow, LinkPreset, MemberId, SimNet, SleepClock, Target, Way};

use crate::{Sim, ms, secs};

/// A gateway and two clients that are in.
fn party(net: &mut Sim) -> (lanparty_sdk::testing::RelayId, MemberId, MemberId, MemberId) {
    let relay = net.relay("relay");
    let gateway = net.gateway(relay, "gateway", "PARTY", LinkPreset::Lan);
    let alice = net.client(relay, "alice", "PARTY", LinkPreset::Wifi);
    let bob = net.client(relay, "bob", "PARTY", LinkPreset::Cellular);
    net.settled(secs(5));
    (relay, gateway, alice, bob)
}

/// When `member` heard that somebody left, and why.
fn farewells(net: &SimNet, member: MemberId) -> Vec<LeaveReason> {
    let left = net.events(member).iter().filter_map(|(_, event)| match event {
        SessionEvent::PeerLeft { reason, .. } => Some(*reason),
        _ => None,
    });
    left.collect()
}

/// Events must tell one story: nobody leaves who had not come, nobody comes twice, nothing happens while out.
fn assert_in_order(net: &SimNet, member: MemberId) {
    let mut here = BTreeSet::new();
    let mut joined = false;
    for (at, event) in net.events(member) {
        match event {
            SessionEvent::Joined { .. } => {
                assert!(!std::mem::replace(&mut joined, true), "in twice at {at:?}");
                here.clear();
            }
            SessionEvent::PeerJoined(info) => assert!(joined && here.insert(info.peer), "{at:?} {info:?}"),
            SessionEvent::PeerLeft { info, .. } => {
                assert!(joined && here.remove(&info.peer), "{at:?} {info:?}")
            }
            SessionEvent::Disconnected { .. } | SessionEvent::Ended(_) => joined = false,
            _ => {}
        }
    }
}

#[test]
fn a_relay_that_restarts_gets_everybody_back_and_ports_stay_open() {
    for (death, limit) in [
        (Death::Closes(CloseCode::Shutdown), secs(4)),
        (Death::Closes(CloseCode::Internal), secs(4)),
        (Death::Silent, secs(16)),
    ] {
        let mut net = Sim::new(30);
        let (relay, gateway, alice, bob) = party(&mut net);
        let flow = net.flow(Flow::new(alice, gateway).count(2000));
        net.run_for(secs(1));
        net.kill_relay(relay, death);
        net.run_for(ms(500));
        net.restart_relay(relay);
        let took = net.settled(limit);
        net.run_for(secs(50));
        net.audited();
        for member in [gateway, alice, bob] {
            assert_in_order(&net, member);
            let again =
                |(_, event): &(_, SessionEvent)| matches!(event, SessionEvent::Joined { again: true, .. });
            assert_eq!(net.events(member).iter().filter(|event| again(event)).count(), 1, "{death:?}");
            assert_eq!(net.machine(member).unwrap().stats().reconnects, 1);
        }
        // The host never noticed: its frames were counted while nobody took them, and flow again.
        let report = net.report(flow);
        assert_eq!(report.sent, 2000);
        let expected =
            [DropReason::NotJoined, DropReason::NoGateway].map(|reason| report.refused.get(reason));
        assert_eq!(report.refused.total(), expected.iter().sum::<u64>());
        assert!(expected[0] > 0);
        let (late, end) = (secs(25), secs(60));
        assert!(net.lost_between(flow, gateway, late, end).len() <= 10, "{death:?} took {took:?}");
    }
}

#[test]
fn two_hundred_members_do_not_come_back_in_one_instant() {
    let mut config = RelayConfig::default();
    config.room.max_clients = 250;
    let mut net = Sim::new(31);
    let relay = net.relay_with("relay", config);
    let members: Vec<_> =
        (0..200).map(|index| net.client(relay, &format!("m{index}"), "PARTY", LinkPreset::Wifi)).collect();
    net.run_for(secs(5));
    assert!(net.is_settled());
    let death = net.now();
    net.kill_relay(relay, Death::Closes(CloseCode::Internal));
    net.restart_relay(relay);
    net.run_for(secs(5));
    assert!(net.is_settled(), "back within five seconds");
    net.audited();
    let mut attempts: Vec<_> = members
        .iter()
        .filter_map(|member| {
            let again = |(at, event): &&(_, SessionEvent)| {
                *at > death && matches!(event, SessionEvent::Connecting { .. })
            };
            net.events(*member).iter().find(again).map(|(at, _)| *at - death)
        })
        .collect();
    attempts.sort_unstable();
    assert_eq!(attempts.len(), 200);
    assert!(attempts[0] >= ms(250) && attempts[199] - attempts[0] >= ms(200));
    let crowd = attempts
        .iter()
        .map(|from| attempts.iter().filter(|&&at| *from <= at && at < *from + ms(25)).count())
        .max();
    assert!(crowd < Some(50), "{crowd:?} of 200 within 25 ms");
}

#[test]
fn the_room_hears_of_a_dead_gateway_and_has_it_back_after_healing() {
    let mut net = Sim::new(32);
    let (_, gateway, alice, bob) = party(&mut net);
    net.partition(gateway);
    let took = net.until(secs(13), |net| {
        [alice, bob].iter().all(|client| net.machine(*client).unwrap().gateway().is_none())
    });
    assert!(took <= secs(12), "{took:?}");
    assert_eq!(farewells(&net, alice), [LeaveReason::TimedOut]);
    let frame = lan_frame(&net, alice, gateway);
    assert_eq!(net.send(alice, &frame), Err(DropReason::NoGateway));
    net.run_for(secs(3));
    net.heal(gateway);
    let took = net.settled(secs(12));
    assert!(took <= secs(11), "{took:?}");
    let flow = net.flow(Flow::new(alice, gateway).count(20));
    net.run_for(secs(1));
    assert!(net.report(flow).at(gateway) >= 17);
    net.audited();
}

#[test]
fn a_client_that_was_cut_off_comes_back_under_its_number_within_the_grace() {
    let mut net = Sim::new(33);
    let (_, _, alice, bob) = party(&mut net);
    let number = net.peer(bob).unwrap();
    net.partition(bob);
    net.until(secs(12), |net| !net.machine(alice).unwrap().peers().any(|info| info.peer == number));
    net.run_for(secs(10));
    net.heal(bob);
    net.settled(secs(11));
    assert_eq!(net.peer(bob), Some(number));

    // Beyond the grace it is a newcomer.
    net.partition(bob);
    net.run_for(secs(50));
    net.heal(bob);
    net.settled(secs(11));
    assert_ne!(net.peer(bob), Some(number));
    for member in [alice, bob] {
        assert_in_order(&net, member);
    }
}

#[test]
fn a_path_that_fails_in_one_direction_is_noticed_on_both_ends() {
    for way in Way::BOTH {
        let mut net = Sim::new(34);
        let (relay, _, alice, bob) = party(&mut net);
        net.cut(bob, way);
        net.until(secs(25), |net| !net.is_joined(bob));
        net.run_for(secs(12));
        assert_eq!(net.room(relay, "PARTY").unwrap().members.len(), 2, "{way:?}");
        net.heal(bob);
        net.settled(secs(12));
        assert_in_order(&net, alice);
        assert_in_order(&net, bob);
        net.audited();
    }
}

#[test]
fn a_short_outage_costs_frames_and_nothing_else() {
    let mut net = Sim::new(35);
    let (_, gateway, alice, bob) = party(&mut net);
    let before = net.events(alice).len();
    let flow = net.flow(Flow::new(bob, gateway).count(500));
    net.run_for(secs(1));
    net.partition(bob);
    net.run_for(secs(6));
    net.heal(bob);
    net.run_for(secs(5));
    assert!(net.is_settled());
    assert_eq!(net.events(alice).len(), before, "nobody heard of it");
    let report = net.report(flow);
    assert!((190..=210).contains(&report.at(gateway)), "six of ten seconds are missing: {report:?}");
}

#[test]
fn a_newer_connection_of_the_same_identity_replaces_the_older_without_a_fight() {
    let mut net = Sim::new(36);
    let (relay, gateway, alice, bob) = party(&mut net);
    let (number, mac) = (net.peer(alice), net.mac(alice));
    let mut twin = net.config(lanparty_sdk::ctrl::PeerRole::Client, "twin", "PARTY");
    let original = net.config_of(alice).unwrap().clone();
    (twin.token, twin.mac) = (original.token, original.mac);
    let twin = net.member(relay, "twin", twin, LinkPreset::Wifi);
    net.until(secs(3), |net| net.is_joined(twin) && net.end(alice).is_some());
    assert!(
        matches!(net.end(alice), Some(EndReason::Closed { code: CloseCode::Replaced, .. })),
        "{:?}",
        net.end(alice)
    );
    assert_eq!((net.peer(twin), net.mac(twin)), (number, mac));
    net.run_for(secs(60));
    assert!(net.is_settled() && net.is_joined(twin), "and it stays so");
    assert_eq!(farewells(&net, bob), [LeaveReason::Replaced]);
    let flow = net.flow(Flow::new(gateway, twin).count(20));
    net.run_for(secs(1));
    assert!(net.report(flow).at(twin) >= 17 && net.report(flow).at(alice) == 0);
    assert_in_order(&net, bob);
    net.audited();
}

#[test]
fn a_crashed_program_is_back_before_the_relay_has_missed_it() {
    let mut net = Sim::new(37);
    let (_, gateway, alice, bob) = party(&mut net);
    for member in [alice, gateway] {
        let number = net.peer(member);
        net.crash(member);
        net.run_for(secs(1));
        net.restart(member);
        let took = net.settled(secs(3));
        assert!(took < secs(1), "{took:?}");
        assert_eq!(net.peer(member), number, "the place is its own");
        assert_in_order(&net, bob);
    }
    net.audited();
}

#[test]
fn a_kick_is_final_and_a_shutdown_is_not() {
    let mut net = Sim::new(38);
    let (relay, gateway, alice, bob) = party(&mut net);
    assert!(net.kick(alice, "be kind"));
    net.until(secs(2), |net| net.end(alice).is_some());
    let expected = EndReason::Closed { code: CloseCode::Kicked, text: "be kind".to_owned() };
    assert_eq!(net.end(alice), Some(&expected));
    net.run_for(secs(60));
    assert!(!net.is_joined(alice) && net.is_settled());
    assert_eq!(farewells(&net, bob), [LeaveReason::Kicked]);

    net.shut_down(relay, "new version");
    net.run_for(secs(2));
    assert!(!net.is_joined(bob) && !net.is_joined(gateway));
    let shut = |(_, event): &&(_, SessionEvent)| matches!(event, SessionEvent::Disconnected { cause, .. } if cause.contains("new version"));
    assert_eq!(net.events(bob).iter().filter(shut).count(), 1, "bob is told in the relay's words");
    net.restart_relay(relay);
    net.settled(secs(11));
    assert!(net.is_joined(bob) && net.is_joined(gateway) && net.end(bob).is_none());
}

#[test]
fn a_paused_member_gets_and_sends_nothing_and_stays() {
    let mut net = Sim::new(39);
    let (relay, gateway, alice, bob) = party(&mut net);
    net.pause(alice, true);
    net.run_for(ms(500));
    net.take_inbox(alice);
    let to = net.flow(Flow::new(gateway, alice).count(50));
    let all = net.flow(Flow::new(bob, Target::Everybody).count(50));
    let from = net.flow(Flow::new(alice, gateway).count(50));
    net.run_for(secs(20));
    assert!(net.inbox(alice).is_empty());
    assert_eq!(net.report(from).refused.get(DropReason::Paused), 50);
    assert_eq!(net.report(to).total() + net.report(from).total(), 0);
    assert!(net.report(all).at(gateway) >= 45, "the others go on");
    assert!(net.is_settled());
    // Fifty frames, and the others' probes.
    assert!((50..100).contains(&net.relay_counts(relay).drops.get(DropReason::Paused)));

    // It stays paused over a reconnect, and the others know it.
    net.restart_relay(relay);
    net.settled(secs(16));
    net.run_for(secs(1));
    let number = net.peer(alice).unwrap();
    assert!(net.machine(bob).unwrap().peers().any(|info| info.peer == number && info.paused));
    net.pause(alice, false);
    net.run_for(secs(1));
    let again = net.flow(Flow::new(gateway, alice).count(50));
    net.run_for(secs(2));
    assert!(net.report(again).at(alice) >= 45);
    net.audited();
}

#[test]
fn a_laptop_that_slept_is_back_soon_after_it_wakes() {
    for clock in [SleepClock::Runs, SleepClock::Stands] {
        let mut net = Sim::new(40);
        let (_, _, alice, bob) = party(&mut net);
        net.suspend(alice, secs(60), clock);
        net.run_for(secs(20));
        assert_eq!(farewells(&net, bob), [LeaveReason::TimedOut], "{clock:?}");
        net.run_for(secs(40));
        let took = net.settled(secs(12));
        assert!(took < secs(5), "{clock:?}: {took:?}");
        assert_in_order(&net, alice);
        net.audited();
    }
}

#[test]
fn a_clock_that_jumps_ahead_harms_nobody() {
    for jump in [ms(50), secs(1), secs(9), secs(3600)] {
        let mut net = Sim::new(41);
        let (_, gateway, alice, _) = party(&mut net);
        net.jump_clock(alice, jump);
        net.run_for(ms(1)); // what is due at once happens
        net.settled(secs(3));
        let flow = net.flow(Flow::new(alice, gateway).count(50).len(1500));
        net.run_for(secs(2));
        assert!(net.report(flow).at(gateway) >= 45, "{jump:?}");
        assert_in_order(&net, alice);
    }
}

#[test]
fn slow_control_messages_delay_and_do_not_disturb() {
    let mut net = Sim::new(42);
    let relay = net.relay("relay");
    let gateway = net.gateway(relay, "gateway", "PARTY", LinkPreset::Lan);
    let alice = net.client(relay, "alice", "PARTY", LinkPreset::Wifi);
    net.slow_control(alice, secs(2));
    let took = net.settled(secs(10));
    assert!(took > secs(4), "Hello and Welcome take two seconds each: {took:?}");
    net.run_for(secs(60));
    assert!(net.is_settled());
    let flow = net.flow(Flow::new(alice, gateway).count(50));
    net.run_for(secs(2));
    assert!(net.report(flow).at(gateway) >= 45);
    assert_eq!(
        net.events(alice).iter().filter(|(_, event)| matches!(event, SessionEvent::Joined { .. })).count(),
        1
    );
}

#[test]
fn the_last_to_leave_closes_the_room() {
    let mut net = Sim::new(43);
    let (relay, gateway, alice, bob) = party(&mut net);
    for member in [gateway, bob, alice] {
        net.leave(member);
        net.run_for(secs(1));
        net.audited();
    }
    assert!(net.room(relay, "PARTY").is_none());
    assert_eq!(net.relay_machine(relay).unwrap().connections(), 0);
    let opened = |(_, event): &&(_, RelayEvent)| matches!(event, RelayEvent::RoomOpened { .. });
    let closed = |(_, event): &&(_, RelayEvent)| matches!(event, RelayEvent::RoomClosed { .. });
    let events = net.relay_events(relay);
    assert_eq!(events.iter().filter(opened).count(), 1);
    assert_eq!(events.iter().filter(closed).count(), 1);
}

fn lan_frame(net: &SimNet, from: MemberId, gateway: MemberId) -> Vec<u8> {
    let mut frame = net.mac(gateway).octets().to_vec();
    frame.extend(net.mac(from).octets());
    frame.extend([0x88, 0xb5, 0, 0]);
    frame
}
