//! What lossy paths cost a game, and the table of all presets.

use std::fmt::Write as _;

use lanparty_sdk::testing::{Flow, LinkPreset, Physics, SimNet, Way};

use crate::{Sim, base, ms, secs};

#[test]
fn a_game_loses_what_the_link_loses_and_no_more() {
    for loss in [20_000, 50_000] {
        let mut net = Sim::new(60);
        let relay = net.relay("relay");
        let lossy = Physics::ideal(ms(20)).jitter(ms(10)).loss(loss);
        let gateway = net.gateway(relay, "gateway", "PARTY", Physics::ideal(ms(1)));
        let alice = net.client(relay, "alice", "PARTY", lossy);
        net.settled(secs(5));
        net.run_for(secs(1));
        let probes = |net: &Sim| (net.link(alice, Way::Up).lost, net.link(alice, Way::Down).lost);
        let before = probes(&net);
        let up = net.flow(Flow::new(alice, gateway).count(6000).every(ms(15)).len(120));
        let down = net.flow(Flow::new(gateway, alice).count(6000).every(ms(15)).len(300));
        net.run_for(secs(100));
        let after = probes(&net);
        let (up, down) = (net.report(up), net.report(down));
        for (report, to, lost) in [(&up, gateway, after.0 - before.0), (&down, alice, after.1 - before.1)] {
            assert_eq!((report.sent, report.refused.total(), report.duplicates), (6000, 0, 0));
            let missing = 6000 - report.at(to);
            // Of what the link lost, a few datagrams were probes.
            assert!(u64::from(missing) <= lost && lost - u64::from(missing) <= 15, "{missing} of {lost}");
            let expected = 6000 * loss / 1_000_000;
            assert!(missing.abs_diff(expected) < expected / 3, "{missing}, not {expected}");
            assert!(report.p50 >= ms(20) && report.p99 <= ms(35), "{report:?}");
        }
        assert_eq!(up.out_of_order + down.out_of_order, 0);
        assert!(net.is_settled());
        net.audited();
    }
}

#[test]
fn duplicates_of_the_path_reach_the_host_as_on_any_ethernet() {
    let mut net = Sim::new(61);
    let relay = net.relay("relay");
    let gateway = net.gateway(relay, "gateway", "PARTY", LinkPreset::Lan);
    let alice = net.client(relay, "alice", "PARTY", Physics::ideal(ms(5)).duplicate(100_000));
    net.settled(secs(5));
    let flow = net.flow(Flow::new(alice, gateway).count(1000).every(ms(15)));
    net.run_for(secs(16));
    let report = net.report(flow);
    assert_eq!(report.at(gateway), 1000);
    assert!((60..150).contains(&report.duplicates), "{report:?}");
    net.audited();
}

#[test]
fn a_full_queue_loses_frames_of_its_own_member_only() {
    let mut net = Sim::new(62);
    let relay = net.relay("relay");
    let gateway = net.gateway(relay, "gateway", "PARTY", LinkPreset::Lan);
    let alice = net.client(relay, "alice", "PARTY", LinkPreset::Lan);
    let slow = net.client(relay, "slow", "PARTY", Physics::ideal(ms(20)).rate(1_000_000, 32 << 10));
    net.settled(secs(5));
    let flood = net.flow(Flow::new(gateway, slow).count(2000).every(ms(2)).len(1200));
    let game = net.flow(Flow::new(gateway, alice).count(200));
    net.run_for(secs(6));
    assert!(net.report(flood).at(slow) < 600);
    assert_eq!(net.report(game).at(alice), 200);
    assert!(net.report(game).p99 < ms(3));
    net.audited();
}

/// Delivery and latency of one minute of a game at 50 frames a second, client to LAN and back, per preset.
fn table() -> String {
    let mut table = String::from(
        "# What a game's frames meet between a client with this link and a LAN behind a good one. Rewritten by\n\
         # LANPARTY_BLESS=1; a change here is a change of the data path or of a preset.\n\
         preset      to lan   p50 ms   p99 ms   to client   p50 ms   p99 ms   1500 B\n",
    );
    for preset in LinkPreset::ALL {
        let mut net = Sim(SimNet::new(63, base()));
        let relay = net.relay("relay");
        let gateway = net.gateway(relay, "gateway", "PARTY", LinkPreset::Lan);
        let alice = net.client(relay, "alice", "PARTY", preset);
        net.settled(secs(10));
        net.run_for(secs(1));
        let up = net.flow(Flow::new(alice, gateway).count(3000));
        let down = net.flow(Flow::new(gateway, alice).count(3000).len(400));
        let long = net.flow(Flow::new(gateway, alice).count(600).every(ms(100)).len(1500));
        net.run_for(secs(65));
        let (up, down, long) = (net.report(up), net.report(down), net.report(long));
        let percent = |delivered: u32, sent: u32| {
            let hundredths = delivered * 10_000 / sent;
            format!("{}.{:02} %", hundredths / 100, hundredths % 100)
        };
        let millis = |time: std::time::Duration| {
            let tenths = time.as_micros() / 100;
            format!("{}.{}", tenths / 10, tenths % 10)
        };
        writeln!(
            table,
            "{:<10} {:>9} {:>8} {:>8} {:>10} {:>8} {:>8} {:>9}",
            preset.as_str(),
            percent(up.at(gateway), up.sent),
            millis(up.p50),
            millis(up.p99),
            percent(down.at(alice), down.sent),
            millis(down.p50),
            millis(down.p99),
            percent(long.at(alice), long.sent),
        )
        .unwrap();
    }
    table
}

#[test]
fn the_table_of_presets_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sim_presets.txt");
    let table = table();
    if std::env::var_os("LANPARTY_BLESS").is_some() {
        std::fs::write(path, &table).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default().replace("\r\n", "\n");
    assert_eq!(committed, table, "LANPARTY_BLESS=1 cargo test --test sim rewrites tests/sim_presets.txt");
}
