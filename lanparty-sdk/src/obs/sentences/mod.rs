//! What happens, in sentences: the same for every program and launcher.

use super::TrafficStats;
use crate::ctrl::{LeaveReason, PeerInfo, PeerRole, RoomCode};
use crate::member::SessionEvent;
use crate::proto::{PeerId, RoomId};
use crate::relay::RelayEvent;

/// What the user of a member of that `role` should read about `event`, if anything. `name_of` names the members that are
/// in the room.
#[must_use]
pub fn session_sentence(
    event: &SessionEvent,
    role: PeerRole,
    room: &RoomCode,
    name_of: impl Fn(PeerId) -> String,
) -> Option<String> {
    Some(match event {
        SessionEvent::Joined { mtu, gateway_present, again, .. } => {
            let how = if *again { "back in" } else { "joined" };
            let complete = *gateway_present || role == PeerRole::Gateway;
            let gateway = if complete { "" } else { "; no gateway yet" };
            format!("{how} room {room} (MTU {mtu}){gateway}")
        }
        SessionEvent::PeerJoined(info) => match (info.role, info.mac) {
            (PeerRole::Gateway, None) => format!("{} joined", peer_name(info)),
            (PeerRole::Gateway, Some(mac)) => format!("{} joined ({mac})", peer_name(info)),
            (role, Some(mac)) => format!("{} joined ({role}, {mac})", peer_name(info)),
            (role, None) => format!("{} joined ({role})", peer_name(info)),
        },
        SessionEvent::PeerLeft { info, reason, text } => farewell(info, *reason, text),
        SessionEvent::PeerPaused { peer, paused: true } => format!("{} paused", name_of(*peer)),
        SessionEvent::PeerPaused { peer, paused: false } => format!("{} resumed", name_of(*peer)),
        SessionEvent::Paused(true) => "paused: no frames cross until you resume".to_owned(),
        SessionEvent::Paused(false) => "resumed".to_owned(),
        SessionEvent::Disconnected { cause, retry_in } => {
            format!("relay lost: {cause}; trying again in {:.1} s", retry_in.as_secs_f64())
        }
        // The end is told as the program's result, and a first attempt is nothing yet.
        _ => return None,
    })
}

/// What a relay's operator should read about `event`, if anything. `code_of` names rooms.
#[must_use]
pub fn relay_sentence(event: &RelayEvent, code_of: impl Fn(RoomId) -> String) -> Option<String> {
    Some(match event {
        RelayEvent::RoomOpened { code, mtu, .. } => format!("room {code} opened (MTU {mtu})"),
        RelayEvent::RoomClosed { code, .. } => format!("room {code} closed"),
        RelayEvent::Joined { room, info } => {
            let mac = info.mac.map(|mac| format!(", {mac}")).unwrap_or_default();
            format!("{} joined room {} ({}{mac})", relay_name(info), code_of(*room), info.role)
        }
        RelayEvent::Left { room, info, reason, text } => {
            let why = cause(*reason, text).map(|why| format!(": {why}")).unwrap_or_default();
            format!("{} left room {}{why}", relay_name(info), code_of(*room))
        }
        RelayEvent::Rejected { code, reason, detail } if detail.is_empty() => {
            format!("refused a newcomer to room {code}: {reason}")
        }
        RelayEvent::Rejected { code, reason, detail } => {
            format!("refused a newcomer to room {code}: {reason} ({detail})")
        }
        RelayEvent::Paused { room, peer, paused } => {
            let what = if *paused { "paused" } else { "resumed" };
            format!("member {peer} of room {} {what}", code_of(*room))
        }
        _ => return None,
    })
}

/// What a member has moved, seen from its adapter or LAN, and what went no further.
#[must_use]
pub fn traffic_sentence(traffic: &TrafficStats) -> String {
    let TrafficStats { rx_frames, tx_frames, drops, .. } = traffic;
    let mut text = format!("{rx_frames} frames came from the room, {tx_frames} went into it");
    if drops.total() > 0 {
        let reasons: Vec<String> = drops.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
        text.push_str(&format!("; dropped {}: {}", drops.total(), reasons.join(", ")));
    }
    text
}

/// How a member is called by the others.
#[must_use]
pub fn peer_name(info: &PeerInfo) -> String {
    match (info.role, &info.name) {
        (PeerRole::Gateway, _) => "the LAN's gateway".to_owned(),
        (PeerRole::Client, Some(name)) => name.clone(),
        (PeerRole::Client, None) => format!("member {}", info.peer),
    }
}

/// How a member is called on the relay, where there are many gateways.
fn relay_name(info: &PeerInfo) -> String {
    info.name.clone().unwrap_or_else(|| format!("member {}", info.peer))
}

fn farewell(info: &PeerInfo, reason: LeaveReason, text: &str) -> String {
    match cause(reason, text) {
        Some(why) => format!("{} left: {why}", peer_name(info)),
        None => format!("{} left", peer_name(info)),
    }
}

fn cause(reason: LeaveReason, text: &str) -> Option<String> {
    match (reason, text) {
        (LeaveReason::Normal, "") => None,
        (LeaveReason::Normal, text) => Some(text.to_owned()),
        (reason, "") => Some(reason.to_string()),
        (reason, text) => Some(format!("{reason} ({text})")),
    }
}

#[cfg(test)]
mod tests;
