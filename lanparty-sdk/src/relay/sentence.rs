//! What a relay's operator reads about events.

use super::RelayEvent;
use crate::ctrl::PeerInfo;
use crate::proto::RoomId;

impl RelayEvent {
    /// What a relay's operator should read about this, if anything. `code_of` names the rooms.
    ///
    /// A stranger's connection that was closed has no sentence: anybody can cause that.
    #[must_use]
    pub fn sentence(&self, code_of: impl Fn(RoomId) -> String) -> Option<String> {
        Some(match self {
            Self::RoomOpened { code, mtu, .. } => format!("room {code} opened (MTU {mtu})"),
            Self::RoomClosed { code, .. } => format!("room {code} closed"),
            Self::Joined { room, info } => {
                let mac = info.mac.map(|mac| format!(", {mac}")).unwrap_or_default();
                format!("{} joined room {} ({}{mac})", called(info), code_of(*room), info.role)
            }
            Self::Left { room, info, reason, text } => {
                let why = reason.with_words(text).map(|why| format!(": {why}")).unwrap_or_default();
                format!("{} left room {}{why}", called(info), code_of(*room))
            }
            Self::Rejected { code, reason, detail } if detail.is_empty() => {
                format!("refused a newcomer to room {code}: {reason}")
            }
            Self::Rejected { code, reason, detail } => {
                format!("refused a newcomer to room {code}: {reason} ({detail})")
            }
            Self::Paused { room, peer, paused } => {
                let what = if *paused { "paused" } else { "resumed" };
                format!("member {peer} of room {} {what}", code_of(*room))
            }
            Self::Closed { .. } => return None,
        })
    }
}

/// How a member is called on the relay, where there are many gateways.
fn called(info: &PeerInfo) -> String {
    info.name.clone().unwrap_or_else(|| format!("member {}", info.peer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ctrl::{LeaveReason, PeerRole};
    use crate::frame::MacAddr;
    use crate::proto::PeerId;

    #[test]
    fn an_operator_reads_which_room_it_was() {
        let room = RoomId::new(1).unwrap();
        let say = |event: &RelayEvent| event.sentence(|_| "ROOM1".to_owned()).unwrap();
        let ann = PeerInfo {
            peer: PeerId::new(3).unwrap(),
            role: PeerRole::Client,
            mac: Some(MacAddr([0x02, 0, 0, 0, 0, 7])),
            name: Some("Ann".to_owned()),
            budget: 1200,
            paused: false,
        };
        assert_eq!(
            say(&RelayEvent::Joined { room, info: ann.clone() }),
            "Ann joined room ROOM1 (client, 02:00:00:00:00:07)"
        );
        let event = RelayEvent::Left { room, info: ann, reason: LeaveReason::Lost, text: String::new() };
        assert_eq!(say(&event), "Ann left room ROOM1: lost the connection");
    }
}
