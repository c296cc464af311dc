use super::*;

/// The gateway's frames that keep the party's switch in the picture, as (source, destination).
fn refreshes(desk: &mut Desk) -> Vec<(MacAddr, MacAddr)> {
    let written = desk.outputs().into_iter().filter_map(|output| match output {
        MemberOutput::WritePort(frame) => Some(frame),
        _ => None,
    });
    let pairs = written.map(|bytes| {
        assert_eq!(bytes.len(), 60);
        let frame = crate::frame::Frame::parse(&bytes).unwrap();
        (frame.src(), frame.dst())
    });
    pairs.collect()
}

fn reply(desk: &mut Desk, from: u16, token: u64) {
    let reply = Probe { kind: ProbeKind::Reply, token }.encode(room(), peer(from), peer(ME));
    desk.datagram(&reply).unwrap();
}

#[test]
fn a_gateway_refreshes_each_address_every_minute() {
    let mut desk = Desk::new(config(PeerRole::Gateway));
    desk.join();
    desk.hear(&RelayMessage::PeerJoined(client_info(ANN)));
    desk.wait_ms(0);
    assert_eq!(refreshes(&mut desk), [(mac(2), CARD)], "at once: it may stay silent for long");
    desk.wait_ms(30_000);
    desk.hear(&RelayMessage::PeerJoined(client_info(3)));
    desk.wait_ms(0);
    assert_eq!(refreshes(&mut desk), [(mac(3), CARD)]);
    desk.wait_ms(30_000);
    assert_eq!(refreshes(&mut desk), [(mac(2), CARD)], "each on a minute of its own");
    desk.hear(&RelayMessage::PeerLeft { peer: peer(ANN), reason: LeaveReason::Lost, text: String::new() });
    desk.wait_ms(60_000);
    assert_eq!(refreshes(&mut desk), [(mac(3), CARD)]);
    desk.lose(None);
    desk.wait_ms(60_000);
    assert!(refreshes(&mut desk).is_empty());
}

#[test]
fn a_member_that_is_announced_anew_is_refreshed_under_its_new_address() {
    let mut desk = Desk::gateway();
    desk.hear(&RelayMessage::PeerJoined(PeerInfo { mac: Some(mac(0x22)), ..client_info(ANN) }));
    desk.wait_ms(60_000);
    assert_eq!(refreshes(&mut desk), [(mac(0x22), CARD)]);
}

#[test]
fn only_a_gateway_refreshes_and_nobody_spins() {
    for mut desk in [Desk::client(), Desk::gateway()] {
        for _ in 0..200 {
            desk.wake();
        }
    }
    let mut desk = Desk::client();
    desk.wait_ms(600_000);
    assert!(refreshes(&mut desk).is_empty());
}

#[test]
fn counters_are_reported() {
    let mut desk = Desk::client();
    desk.port(&frame(mac(2), OWN)).unwrap();
    desk.member.handle_relay_rtt(Duration::from_millis(12));
    desk.wait_ms(29_999);
    let is_stats = |output: &MemberOutput| matches!(output, MemberOutput::Send(MemberMessage::Stats(_)));
    assert!(!desk.outputs().iter().any(is_stats));
    desk.wait_ms(1);
    let outputs = desk.outputs();
    let Some(MemberOutput::Send(MemberMessage::Stats(stats))) = outputs.iter().find(|it| is_stats(it)) else {
        panic!("{outputs:?}")
    };
    assert_eq!((stats.traffic.tx_frames, stats.relay_rtt_us, stats.gateway_rtt_us), (1, Some(12_000), None));
    desk.wait_ms(30_000);
    assert!(desk.outputs().iter().any(is_stats), "again and again");
}

#[test]
fn a_probe_measures_the_way_to_a_peer() {
    let mut desk = Desk::new(config(PeerRole::Client));
    desk.join();
    desk.hear(&RelayMessage::PeerJoined(gateway_info()));
    desk.outputs();
    desk.wait_ms(0);
    let probes = desk.probes();
    let [(to, Probe { kind: ProbeKind::Request, token })] = probes[..] else { panic!("{probes:?}") };
    assert_eq!(to, peer(GATEWAY));
    desk.wait_ms(40);
    reply(&mut desk, GATEWAY, token);
    assert_eq!(desk.member.rtt(to), Some(Duration::from_millis(40)));
    assert_eq!(desk.member.report().gateway_rtt_us, Some(40_000));
    desk.wait_ms(40);
    reply(&mut desk, GATEWAY, token);
    assert_eq!(desk.member.rtt(to), Some(Duration::from_millis(40)), "an answer counts once");
}

#[test]
fn a_forged_or_late_reply_measures_nothing() {
    let mut desk = Desk::new(config(PeerRole::Client));
    desk.join();
    desk.hear(&RelayMessage::PeerJoined(gateway_info()));
    desk.hear(&RelayMessage::PeerJoined(client_info(ANN)));
    desk.outputs();
    desk.wait_ms(0);
    let (to, Probe { token, .. }) = desk.probes()[0];
    let other = if to == peer(ANN) { GATEWAY } else { ANN };
    reply(&mut desk, other, token);
    reply(&mut desk, to.number(), token ^ 1);
    desk.wait_ms(250); // the next probe takes its place
    reply(&mut desk, to.number(), token);
    assert_eq!([desk.member.rtt(peer(ANN)), desk.member.rtt(peer(GATEWAY))], [None, None]);
    assert_eq!(desk.member.stats().drops.total(), 0);
}

#[test]
fn every_peer_is_probed_in_its_turn() {
    let mut desk = Desk::client();
    let mut asked = std::collections::BTreeMap::<u16, u32>::new();
    let end = desk.now + Duration::from_secs(60);
    while desk.now < end {
        desk.wake();
        for (to, probe) in desk.probes() {
            *asked.entry(to.number()).or_default() += 1;
            reply(&mut desk, to.number(), probe.token);
        }
    }
    let counts: Vec<_> = asked.into_iter().collect();
    assert!(
        matches!(counts[..], [(ANN, 12..=13), (GATEWAY, 12..=13)]),
        "one in five seconds each: {counts:?}"
    );
}

#[test]
fn a_flood_of_probes_is_answered_only_so_often() {
    let mut desk = Desk::client();
    let request = Probe { kind: ProbeKind::Request, token: 9 }.encode(room(), peer(ANN), peer(ME));
    let results: Vec<_> = (0..100).map(|_| desk.datagram(&request)).collect();
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 64);
    assert_eq!(desk.dropped(DropReason::ProbeLimit), 36);
    let answers = desk.probes();
    assert_eq!(answers.len(), 64);
    assert_eq!(answers[0], (peer(ANN), Probe { kind: ProbeKind::Reply, token: 9 }));
    desk.wait_ms(1000);
    desk.outputs();
    assert_eq!((0..100).filter(|_| desk.datagram(&request).is_ok()).count(), 16, "16 a second");
}

#[test]
fn a_member_alone_asks_nobody() {
    let mut desk = Desk::new(config(PeerRole::Client));
    desk.join();
    desk.wait_ms(0);
    desk.outputs();
    assert_eq!(desk.member.poll_timeout(), Some(desk.now + Duration::from_secs(30)), "only its counters");
}
