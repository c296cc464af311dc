//! What a session knows, as structs.

use std::ffi::c_char;

use lanparty_sdk::ctrl::{PeerInfo, PeerRole};
use lanparty_sdk::member::{Phase, SessionEvent};
use lanparty_sdk::obs::{Diagnostics, Level, TrafficStats, UserLine};
use lanparty_sdk::room::{Room as _, RoomPeer};
use lanparty_sdk::session::{MemberSession, Session as _};

use crate::event::*;
use crate::log::{LANPARTY_LEVEL_INFO, LANPARTY_LEVEL_WARN};
use crate::room::lanparty_room;
use crate::text::{Record, field};

/// A connection is being made.
pub const LANPARTY_PHASE_CONNECTING: u32 = 1;
/// The relay's answer is awaited.
pub const LANPARTY_PHASE_GREETING: u32 = 2;
/// The member is in its room.
pub const LANPARTY_PHASE_JOINED: u32 = 3;
/// It waits before the next attempt.
pub const LANPARTY_PHASE_WAITING: u32 = 4;
/// It is over.
pub const LANPARTY_PHASE_ENDED: u32 = 5;

/// Frames written to the port.
pub const LANPARTY_STAT_RX_FRAMES: u32 = 1;
/// Bytes of those frames.
pub const LANPARTY_STAT_RX_BYTES: u32 = 2;
/// Of those frames, how many were broadcast or multicast.
pub const LANPARTY_STAT_RX_FLOOD_FRAMES: u32 = 3;
/// Frames read from the port and sent into the room.
pub const LANPARTY_STAT_TX_FRAMES: u32 = 4;
/// Bytes of those frames.
pub const LANPARTY_STAT_TX_BYTES: u32 = 5;
/// Of those frames, how many were broadcast or multicast.
pub const LANPARTY_STAT_TX_FLOOD_FRAMES: u32 = 6;
/// Datagrams received.
pub const LANPARTY_STAT_RX_DATAGRAMS: u32 = 7;
/// Datagrams sent.
pub const LANPARTY_STAT_TX_DATAGRAMS: u32 = 8;
/// Frames that came in two halves.
pub const LANPARTY_STAT_RX_REASSEMBLED: u32 = 9;
/// Frames that left in two halves.
pub const LANPARTY_STAT_TX_FRAGMENTED: u32 = 10;
/// TCP connections whose segment size was lowered so that a segment fits one datagram.
pub const LANPARTY_STAT_MSS_CLAMPED: u32 = 11;
/// Times the session was taken up again.
pub const LANPARTY_STAT_RECONNECTS: u32 = 12;
/// Everything that went no further.
pub const LANPARTY_STAT_DROPS: u32 = 13;

/// A fellow member. An element of a list.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct lanparty_peer {
    /// Its number in the room.
    pub peer: u32,
    /// LANPARTY_ROLE_*.
    pub role: u32,
    /// LANPARTY_FLAG_HAS_MAC, LANPARTY_FLAG_PAUSED, LANPARTY_FLAG_HAS_RTT.
    pub flags: u32,
    /// Round-trip time to it through the relay, in microseconds, if LANPARTY_FLAG_HAS_RTT is set.
    pub rtt_us: u32,
    /// Its address, if LANPARTY_FLAG_HAS_MAC is set.
    pub mac: [u8; 6],
    /// Zero.
    pub reserved: [u8; 2],
    /// What it is called; empty if it has no name.
    pub name: [c_char; 132],
}

/// What a session has moved since it began. rx came from the room to the port, tx went from the port into the room.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct lanparty_stats {
    /// sizeof(lanparty_stats), set by the caller.
    pub struct_size: u32,
    /// Zero.
    pub reserved: u32,
    /// Frames written to the port.
    pub rx_frames: u64,
    /// Bytes of those frames.
    pub rx_bytes: u64,
    /// Of those frames, how many were broadcast or multicast.
    pub rx_flood_frames: u64,
    /// Frames read from the port and sent into the room.
    pub tx_frames: u64,
    /// Bytes of those frames.
    pub tx_bytes: u64,
    /// Of those frames, how many were broadcast or multicast.
    pub tx_flood_frames: u64,
    /// Datagrams received.
    pub rx_datagrams: u64,
    /// Datagrams sent.
    pub tx_datagrams: u64,
    /// Frames that came in two halves.
    pub rx_reassembled: u64,
    /// Frames that left in two halves.
    pub tx_fragmented: u64,
    /// TCP connections whose segment size was lowered so that a segment fits one datagram.
    pub mss_clamped: u64,
    /// Times the session was taken up again.
    pub reconnects: u64,
    /// Everything that went no further; lanparty_session_drops tells why.
    pub drops: u64,
}

/// How often something was dropped for one reason. An element of a list.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct lanparty_drop {
    /// How often.
    pub count: u64,
    /// The reason, a stable word: "port_full", "flood_limit" and so on.
    pub reason: [c_char; 32],
}

/// What a session knows about itself at one moment.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct lanparty_diagnostics {
    /// sizeof(lanparty_diagnostics), set by the caller.
    pub struct_size: u32,
    /// LANPARTY_FLAG_RELAY_REACHABLE, _JOINED, _IS_GATEWAY, _GATEWAY_PRESENT, _ROUTE_PINNED, _ROUTE_UNPINNED, _PAUSED,
    /// _HAS_RTT, _HAS_GATEWAY_RTT, _BRIDGED, _HAS_MAC.
    pub flags: u32,
    /// The largest datagram that can be sent to the relay now, in bytes; 0 without a connection.
    pub datagram_budget: u32,
    /// Round-trip time to the relay in microseconds, if LANPARTY_FLAG_HAS_RTT is set.
    pub relay_rtt_us: u32,
    /// Round-trip time to the gateway through the relay in microseconds, if LANPARTY_FLAG_HAS_GATEWAY_RTT is set.
    pub gateway_rtt_us: u32,
    /// LANPARTY_PHASE_*.
    pub phase: u32,
    /// Where the relay is, as in "192.0.2.7:443"; empty without a connection.
    pub relay_address: [c_char; 64],
    /// The port's name; empty without a port.
    pub port: [c_char; 64],
    /// The port's first IP address, if it is an adapter of this host that has one.
    pub port_address: [c_char; 64],
    /// The member's own address, if LANPARTY_FLAG_HAS_MAC is set: a client's frames must have it as their source.
    pub mac: [u8; 6],
    /// Zero.
    pub reserved: [u8; 2],
}

/// A line for the user, the same as the programs print. An element of a list.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct lanparty_user_line {
    /// LANPARTY_LEVEL_INFO, or LANPARTY_LEVEL_WARN if somebody should do something.
    pub level: u32,
    /// What it says.
    pub text: [c_char; 508],
}

macro_rules! record {
    ($($type:ident = $first:literal $({ $size:ident })?),+) => { $(
        // SAFETY: numbers and arrays of numbers, as C lays them out.
        unsafe impl Record for $type {
            const FIRST_SIZE: usize = $first;
            $(fn keep_size(&mut self, size: u32) {
                self.$size = size;
            })?
        }
    )+ };
}

record!(
    lanparty_peer = 156,
    lanparty_stats = 112 { struct_size },
    lanparty_drop = 40,
    lanparty_diagnostics = 224 { struct_size },
    lanparty_user_line = 512
);

pub(super) const fn phase_number(phase: Phase) -> u32 {
    match phase {
        Phase::Connecting => LANPARTY_PHASE_CONNECTING,
        Phase::Greeting => LANPARTY_PHASE_GREETING,
        Phase::Joined => LANPARTY_PHASE_JOINED,
        Phase::Waiting => LANPARTY_PHASE_WAITING,
        _ => LANPARTY_PHASE_ENDED,
    }
}

/// An event other than the last.
pub(super) fn session_event(event: &SessionEvent, role: PeerRole, session: &MemberSession) -> lanparty_event {
    let room = session.room();
    let name_of = |peer| {
        let known = room.peers().into_iter().find(|known: &RoomPeer| known.info.peer == peer);
        known.map_or_else(|| format!("member {peer}"), |known| known.info.called())
    };
    let line = event.sentence(role, &room.code(), name_of).unwrap_or_default();
    let mut told = match event {
        SessionEvent::Connecting { attempt } => {
            lanparty_event { attempt: *attempt, ..lanparty_event::new(LANPARTY_EVENT_CONNECTING) }
        }
        SessionEvent::Joined { room, peer, mtu, gateway_present, again } => lanparty_event {
            room: room.number().into(),
            peer: peer.number().into(),
            mtu: (*mtu).into(),
            ..lanparty_event::new(LANPARTY_EVENT_JOINED)
        }
        .flag(LANPARTY_FLAG_GATEWAY_PRESENT, *gateway_present)
        .flag(LANPARTY_FLAG_AGAIN, *again),
        SessionEvent::PeerJoined(info) => lanparty_event::new(LANPARTY_EVENT_PEER_JOINED).about(info),
        SessionEvent::PeerLeft { info, reason, text } => {
            lanparty_event::new(LANPARTY_EVENT_PEER_LEFT).about(info).left(*reason, text)
        }
        SessionEvent::PeerPaused { peer, paused } => {
            lanparty_event { peer: peer.number().into(), ..lanparty_event::new(LANPARTY_EVENT_PEER_PAUSED) }
                .flag(LANPARTY_FLAG_PAUSED, *paused)
        }
        SessionEvent::Paused(paused) => {
            lanparty_event::new(LANPARTY_EVENT_PAUSED).flag(LANPARTY_FLAG_PAUSED, *paused)
        }
        SessionEvent::Disconnected { cause, retry_in } => lanparty_event {
            retry_in_ms: u32::try_from(retry_in.as_millis()).unwrap_or(u32::MAX),
            ..lanparty_event::new(LANPARTY_EVENT_DISCONNECTED)
        }
        .text(cause),
        // The end is told by the one who knows why; anything else is younger than this interface.
        _ => lanparty_event::new(0),
    };
    told.code = field(room.code().as_str());
    told.line = field(&line);
    told
}

pub(super) fn room(session: &MemberSession, role: PeerRole) -> lanparty_room {
    let room = session.room();
    let seat = session.seat();
    let peers = room.peers();
    let own = seat.map_or(0, |(_, peer)| peer.number().into());
    let gateway = peers.iter().find(|peer| peer.info.role == PeerRole::Gateway);
    let gateway = match (gateway, role) {
        (Some(gateway), _) => gateway.info.peer.number().into(),
        (None, PeerRole::Gateway) => own,
        (None, PeerRole::Client) => 0,
    };
    lanparty_room {
        struct_size: 0,
        room: seat.map_or(0, |(room, _)| room.number().into()),
        mtu: room.mtu().map_or(0, u32::from),
        self_peer: own,
        gateway_peer: gateway,
        members: u32::try_from(peers.len()).unwrap_or(u32::MAX) + u32::from(seat.is_some()),
        code: field(room.code().as_str()),
    }
}

pub(super) fn peer(peer: &RoomPeer) -> lanparty_peer {
    let RoomPeer { info, rtt, .. } = peer;
    let PeerInfo { paused, .. } = info;
    let (mac, mut flags) = with_mac(info.mac, 0);
    let (rtt_us, has_rtt) = micros(*rtt);
    flags |= if *paused { LANPARTY_FLAG_PAUSED } else { 0 };
    flags |= if has_rtt { LANPARTY_FLAG_HAS_RTT } else { 0 };
    lanparty_peer {
        peer: info.peer.number().into(),
        role: role_number(info.role),
        flags,
        rtt_us,
        mac,
        reserved: [0; 2],
        name: field(info.name.as_deref().unwrap_or_default()),
    }
}

pub(super) fn stats(traffic: &TrafficStats) -> lanparty_stats {
    lanparty_stats {
        struct_size: 0,
        reserved: 0,
        rx_frames: traffic.rx_frames,
        rx_bytes: traffic.rx_bytes,
        rx_flood_frames: traffic.rx_flood_frames,
        tx_frames: traffic.tx_frames,
        tx_bytes: traffic.tx_bytes,
        tx_flood_frames: traffic.tx_flood_frames,
        rx_datagrams: traffic.rx_datagrams,
        tx_datagrams: traffic.tx_datagrams,
        rx_reassembled: traffic.rx_reassembled,
        tx_fragmented: traffic.tx_fragmented,
        mss_clamped: traffic.mss_clamped,
        reconnects: traffic.reconnects,
        drops: traffic.drops.total(),
    }
}

/// One of the counters; `None` if there is none of that number.
pub(super) fn stat(traffic: &TrafficStats, id: u32) -> Option<u64> {
    Some(match id {
        LANPARTY_STAT_RX_FRAMES => traffic.rx_frames,
        LANPARTY_STAT_RX_BYTES => traffic.rx_bytes,
        LANPARTY_STAT_RX_FLOOD_FRAMES => traffic.rx_flood_frames,
        LANPARTY_STAT_TX_FRAMES => traffic.tx_frames,
        LANPARTY_STAT_TX_BYTES => traffic.tx_bytes,
        LANPARTY_STAT_TX_FLOOD_FRAMES => traffic.tx_flood_frames,
        LANPARTY_STAT_RX_DATAGRAMS => traffic.rx_datagrams,
        LANPARTY_STAT_TX_DATAGRAMS => traffic.tx_datagrams,
        LANPARTY_STAT_RX_REASSEMBLED => traffic.rx_reassembled,
        LANPARTY_STAT_TX_FRAGMENTED => traffic.tx_fragmented,
        LANPARTY_STAT_MSS_CLAMPED => traffic.mss_clamped,
        LANPARTY_STAT_RECONNECTS => traffic.reconnects,
        LANPARTY_STAT_DROPS => traffic.drops.total(),
        _ => return None,
    })
}

pub(super) fn drops(traffic: &TrafficStats) -> Vec<lanparty_drop> {
    traffic
        .drops
        .iter()
        .map(|(reason, count)| lanparty_drop { count, reason: field(reason.as_str()) })
        .collect()
}

pub(super) fn diagnostics(known: &Diagnostics, phase: Phase) -> lanparty_diagnostics {
    let (mac, has_mac) = with_mac(known.mac, 0);
    let (relay_rtt_us, has_rtt) = micros(known.relay_rtt);
    let (gateway_rtt_us, has_gateway_rtt) = micros(known.gateway_rtt);
    let flags = [
        (LANPARTY_FLAG_RELAY_REACHABLE, known.relay_reachable),
        (LANPARTY_FLAG_JOINED, known.joined),
        (LANPARTY_FLAG_IS_GATEWAY, known.is_gateway),
        (LANPARTY_FLAG_GATEWAY_PRESENT, known.gateway_present || known.is_gateway && known.joined),
        (LANPARTY_FLAG_ROUTE_PINNED, known.route_pinned == Some(true)),
        (LANPARTY_FLAG_ROUTE_UNPINNED, known.route_pinned == Some(false)),
        (LANPARTY_FLAG_PAUSED, known.paused),
        (LANPARTY_FLAG_HAS_RTT, has_rtt),
        (LANPARTY_FLAG_HAS_GATEWAY_RTT, has_gateway_rtt),
        (LANPARTY_FLAG_BRIDGED, known.port.is_some()),
    ];
    lanparty_diagnostics {
        struct_size: 0,
        flags: flags.iter().filter(|(_, set)| *set).fold(has_mac, |all, (flag, _)| all | flag),
        datagram_budget: known.datagram_budget.map_or(0, |bytes| u32::try_from(bytes).unwrap_or(u32::MAX)),
        relay_rtt_us,
        gateway_rtt_us,
        phase: phase_number(phase),
        relay_address: field(&known.relay_address.map(|addr| addr.to_string()).unwrap_or_default()),
        port: field(known.port.as_deref().unwrap_or_default()),
        port_address: field(&known.port_addresses.first().map(ToString::to_string).unwrap_or_default()),
        mac,
        reserved: [0; 2],
    }
}

pub(super) fn user_line(line: &UserLine) -> lanparty_user_line {
    let level = match line.level {
        Level::Info => LANPARTY_LEVEL_INFO,
        _ => LANPARTY_LEVEL_WARN,
    };
    lanparty_user_line { level, text: field(&line.text) }
}

/// A time in microseconds, and whether it is known.
fn micros(time: Option<std::time::Duration>) -> (u32, bool) {
    time.map_or((0, false), |time| (u32::try_from(time.as_micros()).unwrap_or(u32::MAX), true))
}
