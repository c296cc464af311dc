//! Datagram budgets: every frame crosses whatever they are, and they may change at any time.

use std::time::Duration;

use lanparty_sdk::ctrl::{IdentityToken, MemberMessage};
use lanparty_sdk::obs::DropReason;
use lanparty_sdk::testing::{BUDGET_DETECTION, Flow, LinkPreset, MemberId, Physics, Way};

use crate::{Sim, ms, secs};

/// No frame at all.
const NONE: [u32; 0] = [];
const WIDE: usize = Physics::WIDE_BUDGET;
const NARROW: usize = Physics::NARROW_BUDGET;

fn party(net: &mut Sim) -> (MemberId, MemberId, MemberId) {
    let relay = net.relay("relay");
    let gateway = net.gateway(relay, "gateway", "PARTY", LinkPreset::Lan);
    let alice = net.client(relay, "alice", "PARTY", LinkPreset::Lan);
    let bob = net.client(relay, "bob", "PARTY", LinkPreset::Lan);
    net.settled(secs(3));
    (gateway, alice, bob)
}

/// A frame of this length whose bytes depend on it.
fn frame(net: &Sim, from: MemberId, to: MemberId, len: usize) -> Vec<u8> {
    let mut frame = net.mac(to).octets().to_vec();
    frame.extend(net.mac(from).octets());
    frame.extend([0x88, 0xb5]);
    frame.extend((frame.len()..len).map(|at| (at * 7 + len) as u8));
    frame
}

#[test]
fn every_length_crosses_at_both_budgets_and_between_them() {
    for (own, far) in [(WIDE, WIDE), (NARROW, NARROW), (WIDE, NARROW), (NARROW, WIDE)] {
        let mut net = Sim::new(50);
        let (gateway, alice, bob) = party(&mut net);
        net.set_budget(alice, Way::Up, own);
        for receiver in [gateway, bob] {
            net.set_budget(receiver, Way::Down, far);
        }
        // The LAN host is known, so that no limit for unknown addresses stands in the way.
        let hello = frame(&net, gateway, alice, 60);
        net.send(gateway, &hello).unwrap();
        net.run_for(secs(1));
        for receiver in [gateway, bob] {
            net.take_inbox(receiver);
            let sent: Vec<_> = (14..=1514).map(|len| frame(&net, alice, receiver, len)).collect();
            for frame in &sent {
                net.send(alice, frame).unwrap();
                net.run_for(ms(2));
            }
            net.run_for(secs(1));
            let received = net.take_inbox(receiver);
            assert_eq!(received.len(), sent.len(), "{own} {far}");
            assert!(received.iter().zip(&sent).all(|(received, sent)| received == sent), "{own} {far}");
        }
        let fragmented = net.machine(alice).unwrap().stats().tx_fragmented;
        let expected = 2 * (1514 - (own.min(far) - 8)) as u64;
        assert_eq!(fragmented, expected, "what fits one datagram is not cut");
        net.audited();
    }
}

/// One flow of long frames while a budget falls and rises again: what was sent while nobody knew is lost, nothing else.
fn changes(seed: u64, of: fn(MemberId, MemberId) -> MemberId, way: Way) {
    let mut net = Sim::new(seed);
    let (gateway, alice, bob) = party(&mut net);
    net.run_for(secs(1));
    let begin = net.now();
    let pairs = [(alice, bob), (alice, gateway), (gateway, bob)];
    let flows =
        pairs.map(|(from, to)| (to, net.flow(Flow::new(from, to).count(1000).every(ms(5)).len(1400))));
    let changing = of(alice, bob);
    net.run_for(secs(1));
    let fell = net.now();
    net.set_budget(changing, way, NARROW);
    net.run_for(secs(2));
    let rose = net.now();
    net.set_budget(changing, way, WIDE);
    net.run_for(secs(3));

    let news = BUDGET_DETECTION + ms(5);
    let quiet = Duration::from_micros(1);
    let mut black_holed = 0;
    for (to, flow) in flows {
        assert_eq!(net.report(flow).sent, 1000);
        assert_eq!(net.report(flow).refused.total(), 0);
        assert_eq!(net.lost_between(flow, to, begin, fell - ms(5)), NONE, "before it fell");
        assert_eq!(net.lost_between(flow, to, fell + news, rose), NONE, "after the news");
        assert_eq!(net.lost_between(flow, to, rose, rose + secs(60)), NONE, "after it rose");
        black_holed += net.lost_between(flow, to, fell - ms(5), fell + news + quiet).len();
    }
    assert!((50..=200).contains(&black_holed), "only what was under way is lost: {black_holed}");
    net.audited();
}

#[test]
fn only_frames_in_flight_are_lost_when_the_senders_uplink_narrows() {
    changes(51, |alice, _| alice, Way::Up);
}

#[test]
fn only_frames_in_flight_are_lost_when_the_path_to_a_receiver_narrows() {
    changes(52, |_, bob| bob, Way::Down);
}

#[test]
fn a_flood_is_cut_for_the_narrowest_receiver() {
    let mut net = Sim::new(53);
    let relay = net.relay("relay");
    let alice = net.client(relay, "alice", "PARTY", LinkPreset::Lan);
    let bob = net.client(relay, "bob", "PARTY", LinkPreset::Lan);
    let carol = net.client(relay, "carol", "PARTY", Physics::ideal(ms(20)).budget(NARROW));
    net.settled(secs(3));
    let flow = net.flow(Flow::new(alice, lanparty_sdk::frame::MacAddr::BROADCAST).len(1400).count(50));
    net.run_for(secs(2));
    let report = net.report(flow);
    assert_eq!((report.at(bob), report.at(carol)), (50, 50));
    assert_eq!(net.relay_counts(relay).over_budget, 0);
    assert_eq!(net.machine(alice).unwrap().stats().tx_fragmented, 50);
    // She leaves, and nothing needs to be cut any more.
    net.leave(carol);
    net.run_for(ms(100));
    net.flow(Flow::new(alice, lanparty_sdk::frame::MacAddr::BROADCAST).len(1400).count(50));
    net.run_for(secs(2));
    assert_eq!(net.machine(alice).unwrap().stats().tx_fragmented, 50);
}

#[test]
fn halves_of_one_frame_arrive_in_any_order_and_one_alone_is_forgotten() {
    let mut net = Sim::new(54);
    let relay = net.relay("relay");
    let link = Physics::ideal(ms(10)).reorder(300_000).loss(50_000).budget(NARROW);
    let alice = net.client(relay, "alice", "PARTY", link);
    let bob = net.client(relay, "bob", "PARTY", link);
    net.settled(secs(5));
    let flow = net.flow(Flow::new(alice, bob).len(1500).count(1000).every(ms(10)));
    net.run_for(secs(15));
    let report = net.report(flow);
    // Each half crosses two links that lose one in twenty.
    let whole = (0.95_f64.powi(4) * 1000.0) as u32;
    assert!(report.at(bob).abs_diff(whole) < 50, "{report:?}");
    assert!(report.out_of_order > 0);
    let stats = net.machine(bob).unwrap().stats();
    assert_eq!(stats.rx_reassembled, u64::from(report.at(bob)));
    assert!(stats.drops.get(DropReason::FragmentTimeout) > 50);
    assert_eq!(stats.drops.get(DropReason::FragmentEvicted), 0);
}

#[test]
fn a_member_that_takes_only_small_datagrams_is_believed_for_good() {
    let mut net = Sim::new(55);
    let relay = net.relay("relay");
    let alice = net.client(relay, "alice", "PARTY", LinkPreset::Lan);
    let modest = net.stranger(relay, "modest", LinkPreset::Lan);
    net.run_for(ms(100));
    let hello = serde_json::json!({
        "type": "hello", "version": 1, "role": "client", "room": "PARTY", "mac": "02:00:00:00:99:99",
        "token": IdentityToken([9; 16]), "budget": 1200,
    });
    let hello: MemberMessage = serde_json::from_value(hello).unwrap();
    net.inject_control(modest, &lanparty_sdk::ctrl::encode(&hello).unwrap());
    let budget = |net: &lanparty_sdk::testing::SimNet| {
        net.machine(alice).unwrap().peers().next().map(|info| info.budget)
    };
    net.until(secs(1), |net| budget(net) == Some(1200));
    // QUIC finds out that the path could carry more: the member still cannot.
    net.set_budget(modest, Way::Down, WIDE - 1);
    net.run_for(secs(1));
    assert_eq!(budget(&net), Some(1200));
    net.set_budget(modest, Way::Down, NARROW);
    net.run_for(secs(1));
    assert_eq!(budget(&net), Some(1162));
}
