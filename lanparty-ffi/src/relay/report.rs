//! What a relay knows, as structs.

use std::collections::BTreeMap;
use std::ffi::c_char;
use std::time::{Duration, Instant};

use lanparty_sdk::ctrl::RoomCode;
use lanparty_sdk::error::reject_code;
use lanparty_sdk::proto::RoomId;
use lanparty_sdk::relay::{RelayEvent, RelayStats};
use lanparty_sdk::room::{MemberSnapshot, RoomSnapshot};

use crate::event::*;
use crate::room::lanparty_room;
use crate::status::status_of;
use crate::text::{Record, field};

/// A member as the relay sees it. An element of a list.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct lanparty_member {
    /// Its number in the room.
    pub peer: u32,
    /// LANPARTY_ROLE_*.
    pub role: u32,
    /// LANPARTY_FLAG_HAS_MAC, LANPARTY_FLAG_PAUSED.
    pub flags: u32,
    /// How many malformed datagrams it sent.
    pub malformed: u32,
    /// Milliseconds since it joined.
    pub joined_ms: u64,
    /// Milliseconds since its last well-formed frame.
    pub last_seen_ms: u64,
    /// Datagrams it sent.
    pub sent_datagrams: u64,
    /// Bytes of those.
    pub sent_bytes: u64,
    /// Datagrams meant for it.
    pub received_datagrams: u64,
    /// Bytes of those.
    pub received_bytes: u64,
    /// How much of its sending went no further.
    pub drops: u64,
    /// Its address, if LANPARTY_FLAG_HAS_MAC is set.
    pub mac: [u8; 6],
    /// Zero.
    pub reserved: [u8; 2],
    /// What it is called; empty if it has no name.
    pub name: [c_char; 132],
    /// The largest datagram that can be sent to it at the moment, in bytes.
    pub budget: u32,
}

/// What a relay has done so far.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct lanparty_relay_stats {
    /// sizeof(lanparty_relay_stats), set by the caller.
    pub struct_size: u32,
    /// Zero.
    pub reserved: u32,
    /// Connections that are open now, members or not.
    pub connections: u64,
    /// Datagrams sent to members.
    pub sent_datagrams: u64,
    /// Bytes of those.
    pub sent_bytes: u64,
    /// Datagrams that did not leave: slow or vanished receivers.
    pub drops: u64,
    /// Strangers that had to prove their address.
    pub retries: u64,
    /// Strangers that were not answered because their address began too much.
    pub throttled: u64,
    /// Handshakes that began and did not end well.
    pub failed_handshakes: u64,
    /// Tasks of connections that panicked. Each took only its own connection down.
    pub panics: u64,
}

// SAFETY: numbers and arrays of numbers, as C lays them out.
unsafe impl Record for lanparty_member {
    const FIRST_SIZE: usize = 216;
}

// SAFETY: numbers, as C lays them out.
unsafe impl Record for lanparty_relay_stats {
    const FIRST_SIZE: usize = 72;

    fn keep_size(&mut self, size: u32) {
        self.struct_size = size;
    }
}

pub(super) fn relay_event(event: &RelayEvent, codes: &BTreeMap<RoomId, RoomCode>) -> lanparty_event {
    let code_of = |room: RoomId| codes.get(&room).map_or_else(|| room.to_string(), ToString::to_string);
    let of_room = |kind, room: &RoomId| lanparty_event {
        room: room.number().into(),
        code: field(&code_of(*room)),
        ..lanparty_event::new(kind)
    };
    let mut told = match event {
        RelayEvent::RoomOpened { room, mtu, .. } => {
            lanparty_event { mtu: (*mtu).into(), ..of_room(LANPARTY_EVENT_ROOM_OPENED, room) }
        }
        RelayEvent::RoomClosed { room, .. } => of_room(LANPARTY_EVENT_ROOM_CLOSED, room),
        RelayEvent::Joined { room, info } => of_room(LANPARTY_EVENT_MEMBER_JOINED, room).about(info),
        RelayEvent::Left { room, info, reason, text } => {
            of_room(LANPARTY_EVENT_MEMBER_LEFT, room).about(info).left(*reason, text)
        }
        RelayEvent::Rejected { code, reason, detail } => lanparty_event {
            code: field(code.as_str()),
            status: status_of(reject_code(*reason)),
            ..lanparty_event::new(LANPARTY_EVENT_REJECTED)
        }
        .text(detail),
        RelayEvent::Closed { code } => {
            lanparty_event::new(LANPARTY_EVENT_CONNECTION_CLOSED).text(&code.to_string())
        }
        RelayEvent::Paused { room, peer, paused } => {
            lanparty_event { peer: peer.number().into(), ..of_room(LANPARTY_EVENT_MEMBER_PAUSED, room) }
                .flag(LANPARTY_FLAG_PAUSED, *paused)
        }
        // Younger than this interface.
        _ => lanparty_event::new(0),
    };
    told.line = field(&event.sentence(code_of).unwrap_or_default());
    told
}

pub(super) fn room(room: &RoomSnapshot) -> lanparty_room {
    lanparty_room {
        struct_size: 0,
        room: room.id.number().into(),
        mtu: room.mtu.into(),
        self_peer: 0,
        gateway_peer: room.gateway.map_or(0, |peer| peer.number().into()),
        members: u32::try_from(room.members.len()).unwrap_or(u32::MAX),
        code: field(room.code.as_str()),
    }
}

pub(super) fn member(member: &MemberSnapshot, now: Instant) -> lanparty_member {
    let (mac, mut flags) = with_mac(member.info.mac, 0);
    flags |= if member.info.paused { LANPARTY_FLAG_PAUSED } else { 0 };
    lanparty_member {
        peer: member.info.peer.number().into(),
        role: role_number(member.info.role),
        flags,
        malformed: member.malformed,
        joined_ms: millis(now.saturating_duration_since(member.joined)),
        last_seen_ms: millis(now.saturating_duration_since(member.last_seen)),
        sent_datagrams: member.sent_datagrams,
        sent_bytes: member.sent_bytes,
        received_datagrams: member.received_datagrams,
        received_bytes: member.received_bytes,
        drops: member.drops.total(),
        mac,
        reserved: [0; 2],
        name: field(member.info.name.as_deref().unwrap_or_default()),
        budget: member.info.budget,
    }
}

pub(super) fn stats(stats: &RelayStats) -> lanparty_relay_stats {
    lanparty_relay_stats {
        struct_size: 0,
        reserved: 0,
        connections: u64::try_from(stats.connections).unwrap_or(u64::MAX),
        sent_datagrams: stats.sent_datagrams,
        sent_bytes: stats.sent_bytes,
        drops: stats.drops.total(),
        retries: stats.retries,
        throttled: stats.throttled,
        failed_handshakes: stats.failed_handshakes,
        panics: stats.panics,
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
