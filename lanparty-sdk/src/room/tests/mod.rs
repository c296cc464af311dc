//! Stories of one room. Requirement rows (`research/seeds.md`, section 8.1) and where they are told:
//!
//! | row | test |
//! |---|---|
//! | S01 a frame is a datagram, S71 or two halves | `forwarding::both_halves_go_where_the_whole_frame_would` |
//! | S02, S03 header and reserved flags | `limits::each_kind_of_malformed_datagram_is_told_apart` |
//! | S05 runts are malformed | `limits::each_kind_of_malformed_datagram_is_told_apart` |
//! | S07 the first member fixes the MTU | `admission::the_first_member_fixes_the_mtu_for_good` |
//! | S08 MTU enforced | `safety::a_frame_over_the_rooms_mtu_is_filtered` |
//! | S09 a receiver's own budget | `admission::a_budget_is_remembered_for_each_member` |
//! | S20 one gateway, client limit, duplicate address | `admission::*` |
//! | S21 leave and return | `leaving::*` |
//! | S22 last seen | `limits::last_seen_follows_authorised_frames_only` |
//! | S23 who hears what | `forwarding::*` |
//! | S24, S25 sources | `safety::sources_must_be_valid_and_owned`, `safety::a_gateway_may_not_use_a_members_address` |
//! | S26 to S32 safety rules | `safety::every_safety_vector_is_judged_as_the_table_says` |
//! | S33 one classifier | the same vectors in `member/tests` |
//! | S34 filtered is its own action | `limits::filtered_and_limited_frames_never_expel` |
//! | S35 flood limit | `limits::floods_are_limited_per_sender` |
//! | S36 unknown unicast limit | `limits::unknown_unicast_is_limited_and_known_unicast_is_not` |
//! | S37 byte limit | `limits::bytes_are_limited_to_four_mebibytes_and_two_a_second` |
//! | S38 malformed threshold | `limits::the_sixteenth_malformed_datagram_expels` |

mod admission;
mod forwarding;
mod invariants;
mod leaving;
mod limits;
mod safety;

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};

use super::*;
use crate::ctrl::{Hello, IdentityToken, PeerRole, Reject, RejectReason};
use crate::frame::{EtherType, MacAddr};
use crate::obs::DropReason;
use crate::proto::{FragmentId, HEADROOM, Label, PeerId, Probe, ProbeKind, RoomId, encode_frame};
use crate::switch::craft::ethernet;

/// A station of the party's LAN.
const PRINTER: MacAddr = MacAddr([0, 0x1b, 0x21, 0, 0, 0x77]);
/// The gateway's network card.
const CARD: MacAddr = MacAddr([0, 0x1b, 0x21, 0, 0, 1]);
/// The smallest datagram budget of a QUIC path, and one after MTU discovery.
const SMALL: usize = 1162;
const LARGE: usize = 1434;

fn mac(number: u8) -> MacAddr {
    MacAddr([2, 0, 0, 0, 0, number])
}

fn hello(number: u8) -> Hello {
    Hello {
        version: 1,
        role: PeerRole::Client,
        room: "PARTY".parse().unwrap(),
        mac: Some(mac(number)),
        token: IdentityToken([number; 16]),
        mtu: 1500,
        budget: u32::MAX,
        name: None,
        agent: String::new(),
    }
}

fn gateway_hello() -> Hello {
    Hello { role: PeerRole::Gateway, mac: Some(CARD), ..hello(200) }
}

fn frame(dst: MacAddr, src: MacAddr) -> Vec<u8> {
    frame_of(dst, src, 60)
}

fn frame_of(dst: MacAddr, src: MacAddr, len: usize) -> Vec<u8> {
    ethernet(dst, src, EtherType::LOCAL_EXPERIMENTAL_1, &vec![0x5a; len - 14])
}

/// A desk at which one room is watched, on a clock that moves only when told.
struct Desk {
    room: RoomState,
    now: Instant,
    conns: u32,
    fragment: FragmentId,
}

impl Desk {
    fn new() -> Self {
        Self::with(1500, RoomConfig::default())
    }

    #[expect(clippy::disallowed_methods, reason = "any instant will do as the beginning of a test")]
    fn with(mtu: u16, config: RoomConfig) -> Self {
        let room = RoomState::new(RoomId::new(7).unwrap(), "PARTY".parse().unwrap(), mtu, config, 1);
        Self { room, now: Instant::now(), conns: 0, fragment: FragmentId::default() }
    }

    /// A room with a gateway and so many clients.
    fn party(clients: u8) -> (Self, PeerId, Vec<PeerId>) {
        let mut desk = Self::new();
        let gateway = desk.gateway();
        let clients = (1..=clients).map(|number| desk.client(number)).collect();
        (desk, gateway, clients)
    }

    fn wait_ms(&mut self, ms: u64) {
        self.now += Duration::from_millis(ms);
    }

    fn admit(&mut self, hello: &Hello) -> Result<Admission, Reject> {
        self.admit_with(hello, LARGE)
    }

    fn admit_with(&mut self, hello: &Hello, budget: usize) -> Result<Admission, Reject> {
        self.conns += 1;
        self.room.admit(self.now, ConnId { index: self.conns, generation: 0 }, hello, budget)
    }

    fn refusal(&mut self, hello: &Hello) -> RejectReason {
        self.admit(hello).unwrap_err().reason
    }

    fn client(&mut self, number: u8) -> PeerId {
        self.admit(&hello(number)).unwrap().info.peer
    }

    fn gateway(&mut self) -> PeerId {
        self.admit(&gateway_hello()).unwrap().info.peer
    }

    fn leave(&mut self, peer: PeerId) {
        self.room.leave(self.now, peer, false).unwrap();
    }

    fn lose(&mut self, peer: PeerId) {
        self.room.leave(self.now, peer, true).unwrap();
    }

    fn datagrams(&mut self, from: PeerId, label: Label, frame: &[u8], budget: usize) -> Vec<Bytes> {
        let mut buffer = BytesMut::zeroed(HEADROOM);
        buffer.extend_from_slice(frame);
        let mut out = Vec::new();
        let room = self.room.id();
        encode_frame(room, from, label, buffer, budget, &mut self.fragment, |bytes| out.push(bytes)).unwrap();
        out
    }

    /// Judges bytes as they are, and says which members they go to.
    fn judge(&mut self, from: PeerId, bytes: &[u8]) -> (Verdict, Vec<PeerId>) {
        let mut targets = Vec::new();
        let verdict = self.room.judge(self.now, from, bytes, &mut targets);
        let peer_of = |conn| self.room.members().find(|(_, its)| *its == conn).unwrap().0.peer;
        (verdict, targets.into_iter().map(peer_of).collect())
    }

    /// Sends a frame and says who gets it, or why nobody does.
    fn send(&mut self, from: PeerId, label: Label, frame: &[u8]) -> Result<Vec<PeerId>, DropReason> {
        let datagrams = self.datagrams(from, label, frame, usize::MAX);
        self.outcome(from, &datagrams[0])
    }

    fn outcome(&mut self, from: PeerId, bytes: &[u8]) -> Result<Vec<PeerId>, DropReason> {
        match self.judge(from, bytes) {
            (Verdict::Forward, targets) => Ok(targets),
            (Verdict::Drop(reason) | Verdict::Expel(reason), targets) => {
                assert!(targets.is_empty(), "a dropped datagram has no targets");
                Err(reason)
            }
        }
    }

    fn probe(&mut self, from: PeerId, to: PeerId) -> Result<Vec<PeerId>, DropReason> {
        let probe = Probe { kind: ProbeKind::Request, token: 9 }.encode(self.room.id(), from, to);
        self.outcome(from, &probe)
    }

    fn member(&self, peer: PeerId) -> MemberSnapshot {
        self.room.snapshot().members.into_iter().find(|member| member.info.peer == peer).unwrap()
    }

    fn dropped(&self, peer: PeerId, reason: DropReason) -> u64 {
        self.member(peer).drops.get(reason)
    }
}
