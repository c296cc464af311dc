//! Stories of one member. Requirement rows (`research/seeds.md`, section 8.1) and where they are told:
//!
//! | row | test |
//! |---|---|
//! | S01, S71 one datagram, or two halves | `outbound::a_frame_over_the_budget_leaves_in_two_halves` |
//! | S08 MTU at every boundary | `outbound::*mtu*`, `inbound::*mtu*` |
//! | S09 the receiver's budget | `outbound::frames_are_cut_to_what_their_receiver_can_take` |
//! | S10 a local drop ends nothing | `outbound::a_frame_that_is_refused_stops_nothing` |
//! | S12 to S19 control | `life::*` |
//! | S15 Stats | `duties::counters_are_reported` |
//! | S16 Disconnect | `life::who_leaves_says_goodbye` |
//! | S17 unexpected message | `life::a_relay_that_breaks_the_protocol_is_left` |
//! | S24 to S33 safety at client and gateway | `outbound::safety_*`, `inbound::safety_*` |
//! | S46 only what is for members leaves the LAN | `outbound::a_gateway_sends_only_what_is_for_members` |
//! | S47 known peer, its own address | `inbound::*` |
//! | S48 addresses are refreshed | `duties::a_gateway_refreshes_each_address_every_minute` |
//! | S59 misdirected unicast | `inbound::unicast_to_somebody_else_is_refused` |
//! | S60, S61 counters | `inbound::what_arrives_is_counted`, `outbound::what_leaves_is_counted` |
//! | S74 coming back | `backoff::*` |
//! | S75 round-trip time | `duties::*probe*` |

mod backoff;
mod duties;
mod inbound;
mod invariants;
mod life;
mod outbound;

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};

use super::*;
use crate::ctrl::{
    CloseCode, ConnectionMode, IdentityToken, LeaveReason, MemberMessage, PeerInfo, PeerRole, Reject,
    RejectReason, RelayMessage, Welcome, encode,
};
use crate::frame::{EtherType, MacAddr};
use crate::member::EndReason;
use crate::member::SessionEvent;
use crate::obs::DropReason;
use crate::port::PortFrame;
use crate::proto::{
    Datagram, FragmentId, HEADROOM, Header, Label, PeerId, Probe, ProbeKind, RoomId, encode_frame,
};
use crate::switch::craft::ethernet;

/// A station of the party's LAN, and the gateway's network card.
const PRINTER: MacAddr = MacAddr([0, 0x1b, 0x21, 0, 0, 0x77]);
const CARD: MacAddr = MacAddr([0, 0x1b, 0x21, 0, 0, 1]);
/// The member that is watched, as a client.
const OWN: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);
const SMALL: usize = 1162;
const LARGE: usize = 1434;
/// Numbers in the room: the watched member, the gateway (if that is somebody else), another client.
const ME: u16 = 1;
const GATEWAY: u16 = 9;
const ANN: u16 = 2;

fn mac(number: u8) -> MacAddr {
    MacAddr([2, 0, 0, 0, 0, number])
}

fn peer(number: u16) -> PeerId {
    PeerId::new(number).unwrap()
}

fn room() -> RoomId {
    RoomId::new(7).unwrap()
}

fn frame(dst: MacAddr, src: MacAddr) -> Vec<u8> {
    frame_of(dst, src, 60)
}

fn frame_of(dst: MacAddr, src: MacAddr, len: usize) -> Vec<u8> {
    ethernet(dst, src, EtherType::LOCAL_EXPERIMENTAL_1, &vec![0x5a; len - 14])
}

fn welcome() -> Welcome {
    Welcome {
        room: room(),
        peer: peer(ME),
        mtu: 1500,
        mode: ConnectionMode::Relay,
        gateway_present: false,
        members: 0,
    }
}

fn client_info(number: u16) -> PeerInfo {
    let mac = Some(mac(u8::try_from(number).unwrap()));
    PeerInfo { peer: peer(number), role: PeerRole::Client, mac, name: None, budget: 1434, paused: false }
}

fn gateway_info() -> PeerInfo {
    PeerInfo { role: PeerRole::Gateway, mac: Some(CARD), ..client_info(GATEWAY) }
}

fn config(role: PeerRole) -> MemberConfig {
    let mac = match role {
        PeerRole::Client => OWN,
        PeerRole::Gateway => CARD,
    };
    MemberConfig::new(role, "PARTY".parse().unwrap(), Some(mac), IdentityToken([1; 16]))
}

/// A desk at which one member is watched, in the place of its relay, its port and its clock.
struct Desk {
    member: Member,
    now: Instant,
    fragment: FragmentId,
}

impl Desk {
    #[expect(clippy::disallowed_methods, reason = "any instant will do as the beginning of a test")]
    fn new(config: MemberConfig) -> Self {
        let now = Instant::now();
        Self { member: Member::new(config, 42, now), now, fragment: FragmentId::default() }
    }

    /// A client in a room with a gateway and Ann, with nothing left to read.
    fn client() -> Self {
        let mut desk = Self::new(config(PeerRole::Client));
        desk.join();
        desk.hear(&RelayMessage::PeerJoined(gateway_info()));
        desk.hear(&RelayMessage::PeerJoined(client_info(ANN)));
        desk.settle();
        desk
    }

    /// The gateway of a room with Ann, with nothing left to read.
    fn gateway() -> Self {
        let mut desk = Self::new(config(PeerRole::Gateway));
        desk.join();
        desk.hear(&RelayMessage::PeerJoined(client_info(ANN)));
        desk.settle();
        desk
    }

    fn connect(&mut self) {
        self.member.handle_connected(self.now, Some(LARGE));
    }

    fn join(&mut self) {
        self.connect();
        self.hear(&RelayMessage::Welcome(welcome()));
    }

    fn hear(&mut self, message: &RelayMessage) {
        self.member.handle_control(self.now, &encode(message).unwrap());
    }

    fn lose(&mut self, code: Option<CloseCode>) {
        self.member.handle_disconnected(self.now, code, "cable pulled");
    }

    fn wait_ms(&mut self, ms: u64) {
        self.now += Duration::from_millis(ms);
        self.member.handle_timeout(self.now);
    }

    /// Goes on to the moment when the member next wants to be called, and calls it.
    fn wake(&mut self) {
        self.now = self.member.poll_timeout().unwrap();
        self.member.handle_timeout(self.now);
        assert!(self.member.poll_timeout().is_none_or(|due| due > self.now), "its driver would spin");
    }

    /// Lets everything happen that is due now, and forgets it.
    fn settle(&mut self) {
        self.member.handle_timeout(self.now);
        self.outputs();
    }

    fn outputs(&mut self) -> Vec<MemberOutput> {
        std::iter::from_fn(|| self.member.poll_output()).collect()
    }

    fn events(&mut self) -> Vec<SessionEvent> {
        let events = self.outputs().into_iter().filter_map(|output| match output {
            MemberOutput::Event(event) => Some(event),
            _ => None,
        });
        events.collect()
    }

    fn probes(&mut self) -> Vec<(PeerId, Probe)> {
        let sent = self.outputs().into_iter().filter_map(|output| match output {
            MemberOutput::SendDatagram(bytes) => Some(bytes),
            _ => None,
        });
        sent.map(|bytes| match Datagram::parse(&bytes).unwrap() {
            (Header { label: Label::Peer(to), .. }, Datagram::Probe(probe)) => (to, probe),
            other => panic!("{other:?}"),
        })
        .collect()
    }

    /// The port hands over a frame; gives the label and the lengths of the datagrams that leave.
    fn port(&mut self, frame: &[u8]) -> Result<(Label, Vec<usize>), DropReason> {
        let mut datagrams = Vec::new();
        self.member.handle_port_frame(PortFrame::copy_from(frame), &mut datagrams)?;
        let (header, _) = Datagram::parse(&datagrams[0]).unwrap();
        assert_eq!((header.room, header.source), (room(), peer(ME)));
        Ok((header.label, datagrams.iter().map(Bytes::len).collect()))
    }

    /// A datagram comes; gives the frames that come of it.
    fn datagram(&mut self, bytes: &Bytes) -> Result<Vec<Bytes>, DropReason> {
        let mut frames = Vec::new();
        let result = self.member.handle_datagram(self.now, bytes, &mut frames);
        assert!(result.is_ok() || frames.is_empty());
        result.map(|()| frames)
    }

    fn datagrams(&mut self, from: u16, label: Label, frame: &[u8], budget: usize) -> Vec<Bytes> {
        let mut buffer = BytesMut::zeroed(HEADROOM);
        buffer.extend_from_slice(frame);
        let mut out = Vec::new();
        encode_frame(room(), peer(from), label, buffer, budget, &mut self.fragment, |bytes| out.push(bytes))
            .unwrap();
        out
    }

    /// A whole frame comes from another member.
    fn frame(&mut self, from: u16, label: Label, frame: &[u8]) -> Result<(), DropReason> {
        let datagram = self.datagrams(from, label, frame, usize::MAX).remove(0);
        let frames = self.datagram(&datagram)?;
        assert_eq!(frames, [frame]);
        Ok(())
    }

    fn dropped(&self, reason: DropReason) -> u64 {
        self.member.stats().drops.get(reason)
    }
}
