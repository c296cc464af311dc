//! The safety table at every boundary, also when the boundary before it is hostile.

use bytes::Bytes;
use lanparty_sdk::ctrl::PeerRole;
use lanparty_sdk::frame::{DEFAULT_MTU, Frame, MAX_TAGGED_FRAME_LEN, MacAddr};
use lanparty_sdk::obs::DropReason;
use lanparty_sdk::proto::{Label, max_whole_frame};
use lanparty_sdk::switch::clamp_mss_to_budget;
use lanparty_sdk::switch::vectors::{SafetyVector, safety_vectors};
use lanparty_sdk::testing::{MemberId, Physics, RelayId, SimNet};

use crate::{Sim, ms, secs};

struct Party {
    net: Sim,
    relay: RelayId,
    gateway: MemberId,
    alice: MemberId,
    bob: MemberId,
}

impl Party {
    fn new(seed: u64, mtu: u16) -> Self {
        let mut net = Sim::new(seed);
        let relay = net.relay("relay");
        let mut config = net.config(PeerRole::Gateway, "gateway", "PARTY");
        config.mtu = mtu;
        let link = Physics::ideal(ms(2));
        let gateway = net.member(relay, "gateway", config, link);
        net.settled(secs(1));
        let alice = net.client(relay, "alice", "PARTY", link);
        let bob = net.client(relay, "bob", "PARTY", link);
        net.settled(secs(3));
        Self { net, relay, gateway, alice, bob }
    }

    /// What arrived anywhere since the last call.
    fn arrivals(&mut self) -> Vec<(MemberId, Bytes)> {
        self.net.run_for(ms(20));
        let members = [self.gateway, self.alice, self.bob];
        members
            .into_iter()
            .flat_map(|member| self.net.take_inbox(member).into_iter().map(move |frame| (member, frame)))
            .collect()
    }

    /// Who hears `frame` if nothing is wrong with it.
    fn hearers(&self, from: MemberId, frame: &[u8]) -> Vec<MemberId> {
        let Ok(dst) = Frame::parse(frame).map(|frame| frame.dst()) else { return Vec::new() };
        let others = [self.gateway, self.alice, self.bob].into_iter().filter(|member| *member != from);
        others.filter(|member| dst.is_group() || dst == self.net.mac(*member)).collect()
    }

    fn assert_delivered(
        &mut self,
        vector: &SafetyVector,
        from: MemberId,
        verdict: Result<(), DropReason>,
        at: &str,
    ) {
        self.assert_delivered_as(vector, &vector.frame, from, verdict, at);
    }

    fn assert_delivered_as(
        &mut self,
        vector: &SafetyVector,
        sent: &[u8],
        from: MemberId,
        verdict: Result<(), DropReason>,
        at: &str,
    ) {
        let expected = match verdict {
            Ok(()) => self.hearers(from, &vector.frame),
            Err(_) => Vec::new(),
        };
        let arrivals = self.arrivals();
        assert!(arrivals.iter().all(|(_, frame)| frame == sent), "{at}: {}", vector.name);
        let heard: Vec<_> = arrivals.iter().map(|(member, _)| *member).collect();
        assert_eq!(heard, expected, "{at}: {} ({verdict:?})", vector.name);
    }
}

/// In rooms of both MTUs, from `sender` to `target`: each vector with its verdict.
fn each(
    seed: u64,
    ends: fn(&Party) -> (MemberId, MemberId),
    mut check: impl FnMut(&mut Party, &SafetyVector, MemberId),
) {
    for mtu in [DEFAULT_MTU, 1400] {
        let mut party = Party::new(seed, mtu);
        let (from, to) = ends(&party);
        let vectors = safety_vectors(party.net.mac(from), party.net.mac(to), mtu);
        assert!(vectors.len() > 80);
        for vector in &vectors {
            check(&mut party, vector, from);
        }
        party.net.audited();
        for member in [party.gateway, party.alice, party.bob] {
            assert!(party.net.is_joined(member), "a filter drop costs nobody the session");
        }
    }
}

fn client_to_client(party: &Party) -> (MemberId, MemberId) {
    (party.alice, party.bob)
}

fn client_to_lan(party: &Party) -> (MemberId, MemberId) {
    (party.alice, party.gateway)
}

fn lan_to_client(party: &Party) -> (MemberId, MemberId) {
    (party.gateway, party.alice)
}

#[test]
fn a_client_lets_out_what_the_table_says() {
    for ends in [client_to_client, client_to_lan] {
        each(70, ends, |party, vector, from| {
            let result = party.net.send(from, &vector.frame);
            assert_eq!(result, vector.from_client, "{}", vector.name);
            party.assert_delivered_as(vector, &clamped(vector), from, vector.from_client, "client out");
        });
    }
}

#[test]
fn a_gateway_lets_out_what_the_table_says() {
    each(71, lan_to_client, |party, vector, from| {
        let result = party.net.send(from, &vector.frame);
        assert_eq!(result, vector.from_lan, "{}", vector.name);
        party.assert_delivered_as(vector, &clamped(vector), from, vector.from_lan, "gateway out");
    });
}

/// The frame as an honest member sends it: TCP is told to keep to one datagram.
fn clamped(vector: &SafetyVector) -> Vec<u8> {
    let mut frame = vector.frame.clone();
    clamp_mss_to_budget(&mut frame, max_whole_frame(Physics::WIDE_BUDGET));
    frame
}

/// How the sender would label the frame, were it honest.
fn label(party: &Party, from: MemberId, frame: &[u8]) -> Label {
    let dst = Frame::parse(frame).map_or(MacAddr::BROADCAST, |frame| frame.dst());
    let owner = [party.alice, party.bob].into_iter().find(|client| party.net.mac(*client) == dst);
    match owner.filter(|owner| *owner != from) {
        Some(owner) => Label::Peer(party.net.peer(owner).unwrap()),
        None if dst.is_group() => Label::Flood,
        None => Label::Gateway,
    }
}

/// The datagrams of a member that judges nothing.
fn forged(party: &Party, from: MemberId, frame: &[u8]) -> Vec<Bytes> {
    let (room, peer, _) = party.net.seat(from).unwrap();
    SimNet::forge(room, peer, label(party, from, frame), frame, Physics::WIDE_BUDGET)
}

#[test]
fn a_relay_stops_what_a_member_without_a_filter_sends() {
    for ends in [client_to_client, client_to_lan] {
        each(72, ends, |party, vector, from| {
            let before = party.net.relay_counts(party.relay).drops.clone();
            for datagram in forged(party, from, &vector.frame) {
                party.net.inject_datagram(from, datagram);
            }
            party.assert_delivered(vector, from, vector.from_client, "relay");
            // The relay itself stopped it: nothing was left to the receivers. The source is judged before safety, and
            // both halves of a cut frame count.
            let after = &party.net.relay_counts(party.relay).drops;
            match vector.from_client {
                Ok(()) => assert_eq!(*after, before, "{}", vector.name),
                Err(reason) => assert_eq!(after.get(reason), before.get(reason) + 1, "{}", vector.name),
            }
        });
    }
}

#[test]
fn a_relay_stops_what_a_gateway_without_a_filter_sends() {
    each(73, lan_to_client, |party, vector, from| {
        for datagram in forged(party, from, &vector.frame) {
            party.net.inject_datagram(from, datagram);
        }
        party.assert_delivered(vector, from, vector.from_lan, "relay");
    });
}

#[test]
fn a_member_stops_what_a_relay_without_a_filter_forwards() {
    for (ends, from_lan) in
        [(client_to_client as fn(&Party) -> _, false), (client_to_lan, false), (lan_to_client, true)]
    {
        each(74, ends, |party, vector, from| {
            let verdict = if from_lan { vector.from_lan } else { vector.from_client };
            let everybody = [party.gateway, party.alice, party.bob];
            for datagram in forged(party, from, &vector.frame) {
                for member in everybody.into_iter().filter(|member| *member != from) {
                    party.net.inject_at_member(member, datagram.clone());
                }
            }
            party.assert_delivered(vector, from, verdict, "member in");
        });
    }
}

#[test]
fn a_relay_cannot_make_a_member_hear_itself_or_strangers() {
    let mut party = Party::new(75, DEFAULT_MTU);
    let (room, alice, _) = party.net.seat(party.alice).unwrap();
    let bob = party.net.peer(party.bob).unwrap();
    let nobody = lanparty_sdk::proto::PeerId::new(999).unwrap();
    let elsewhere = lanparty_sdk::proto::RoomId::new(999).unwrap();
    let to_alice = |src: MemberId, net: &Sim| {
        let mut frame = net.mac(party.alice).octets().to_vec();
        frame.extend(net.mac(src).octets());
        frame.extend([0x88, 0xb5, 1, 2]);
        frame
    };
    let (own, bobs, lans) = (
        to_alice(party.alice, &party.net),
        to_alice(party.bob, &party.net),
        to_alice(party.gateway, &party.net),
    );
    let cases = [
        (room, alice, Label::Flood, &own),
        (room, alice, Label::Peer(alice), &bobs),
        (room, nobody, Label::Flood, &bobs),
        (elsewhere, bob, Label::Peer(alice), &bobs),
        (room, bob, Label::Peer(bob), &bobs),
        (room, bob, Label::Gateway, &bobs),
        (room, bob, Label::Peer(alice), &own),
        (room, bob, Label::Peer(alice), &lans),
        (room, party.net.peer(party.gateway).unwrap(), Label::Peer(alice), &bobs),
        (room, party.net.peer(party.gateway).unwrap(), Label::Peer(alice), &own),
    ];
    for (index, (room, source, label, frame)) in cases.into_iter().enumerate() {
        let before = party.net.drops(party.alice).total();
        for datagram in SimNet::forge(room, source, label, frame, Physics::WIDE_BUDGET) {
            party.net.inject_at_member(party.alice, datagram);
        }
        assert_eq!(party.arrivals(), [], "case {index}");
        assert_eq!(party.net.drops(party.alice).total(), before + 1, "case {index}");
    }
    // And the honest one arrives.
    for datagram in SimNet::forge(room, bob, Label::Peer(alice), &bobs, Physics::WIDE_BUDGET) {
        party.net.inject_at_member(party.alice, datagram);
    }
    assert_eq!(party.arrivals(), [(party.alice, Bytes::from(bobs))]);
    party.net.audited();
}

#[test]
fn halves_that_were_judged_apart_do_not_smuggle_a_frame_together() {
    // The first half of a harmless frame and the second half of another, under one number.
    let mut party = Party::new(76, DEFAULT_MTU);
    let (alice, bob) = (party.net.mac(party.alice), party.net.mac(party.bob));
    let frame = |fill: u8| {
        let mut frame = bob.octets().to_vec();
        frame.extend(alice.octets());
        frame.extend([0x88, 0xb5]);
        frame.resize(MAX_TAGGED_FRAME_LEN - 4, fill);
        frame
    };
    let (ones, twos) = (forged(&party, party.alice, &frame(1)), forged(&party, party.alice, &frame(2)));
    assert!(ones.len() == 2 && ones[0].len() < max_whole_frame(Physics::WIDE_BUDGET));
    party.net.inject_datagram(party.alice, ones[0].clone());
    party.net.inject_datagram(party.alice, twos[1].clone());
    // They do join: a sender may say what it likes in its payload. What counts is that headers are in the first half.
    let arrivals = party.arrivals();
    assert_eq!(arrivals.len(), 1);
    assert_eq!(arrivals[0].1[..14], frame(1)[..14]);
    // A second half alone, or under another label, never becomes a frame.
    party.net.inject_datagram(party.alice, ones[1].clone());
    let mut to_all = twos[0].to_vec();
    to_all[6..8].copy_from_slice(&[0xff, 0xff]);
    party.net.inject_datagram(party.alice, to_all);
    assert_eq!(party.arrivals(), []);
    party.net.audited();
}
