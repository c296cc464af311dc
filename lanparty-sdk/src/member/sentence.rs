//! What a member's user reads about events.

use super::SessionEvent;
use crate::ctrl::{PeerRole, RoomCode};
use crate::proto::PeerId;

impl SessionEvent {
    /// What the user of a member of that `role` should read about this, if anything. `name_of` names the members that are
    /// in the room, see [`PeerInfo::called`](crate::ctrl::PeerInfo::called).
    ///
    /// The end has no sentence: it is told as the session's [`EndReason`](super::EndReason).
    #[must_use]
    pub fn sentence(
        &self,
        role: PeerRole,
        room: &RoomCode,
        name_of: impl Fn(PeerId) -> String,
    ) -> Option<String> {
        Some(match self {
            Self::Joined { mtu, gateway_present, again, .. } => {
                let how = if *again { "back in" } else { "joined" };
                let complete = *gateway_present || role == PeerRole::Gateway;
                let gateway = if complete { "" } else { "; no gateway yet" };
                format!("{how} room {room} (MTU {mtu}){gateway}")
            }
            Self::PeerJoined(info) => match (info.role, info.mac) {
                (PeerRole::Gateway, None) => format!("{} joined", info.called()),
                (PeerRole::Gateway, Some(mac)) => format!("{} joined ({mac})", info.called()),
                (role, Some(mac)) => format!("{} joined ({role}, {mac})", info.called()),
                (role, None) => format!("{} joined ({role})", info.called()),
            },
            Self::PeerLeft { info, reason, text } => {
                let why = reason.with_words(text).map(|why| format!(": {why}")).unwrap_or_default();
                format!("{} left{why}", info.called())
            }
            Self::PeerPaused { peer, paused: true } => format!("{} paused", name_of(*peer)),
            Self::PeerPaused { peer, paused: false } => format!("{} resumed", name_of(*peer)),
            Self::Paused(true) => "paused: no frames cross until you resume".to_owned(),
            Self::Paused(false) => "resumed".to_owned(),
            Self::Disconnected { cause, retry_in } => {
                format!("relay lost: {cause}; trying again in {:.1} s", retry_in.as_secs_f64())
            }
            // A first attempt is nothing yet.
            Self::Connecting { .. } | Self::Ended(_) => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::ctrl::{LeaveReason, PeerInfo};
    use crate::frame::MacAddr;
    use crate::member::EndReason;
    use crate::proto::RoomId;

    fn info(role: PeerRole, name: Option<&str>) -> PeerInfo {
        let name = name.map(str::to_owned);
        let mac = Some(MacAddr([0x02, 0, 0, 0, 0, 7]));
        PeerInfo { peer: peer(), role, mac, name, budget: 1200, paused: false }
    }

    fn peer() -> PeerId {
        PeerId::new(3).unwrap()
    }

    fn sentence(role: PeerRole, event: &SessionEvent) -> Option<String> {
        event.sentence(role, &"ROOM1".parse().unwrap(), |peer| format!("member {peer}"))
    }

    fn say(event: &SessionEvent) -> String {
        sentence(PeerRole::Client, event).unwrap()
    }

    fn left(info: PeerInfo, reason: LeaveReason, text: &str) -> SessionEvent {
        SessionEvent::PeerLeft { info, reason, text: text.to_owned() }
    }

    #[test]
    fn members_come_and_go() {
        let ann = info(PeerRole::Client, Some("Ann"));
        let gateway = info(PeerRole::Gateway, None);
        assert_eq!(say(&SessionEvent::PeerJoined(ann.clone())), "Ann joined (client, 02:00:00:00:00:07)");
        assert_eq!(
            say(&SessionEvent::PeerJoined(gateway.clone())),
            "the LAN's gateway joined (02:00:00:00:00:07)"
        );
        assert_eq!(say(&left(ann.clone(), LeaveReason::Normal, "")), "Ann left");
        assert_eq!(say(&left(ann, LeaveReason::Normal, "dinner")), "Ann left: dinner");
        assert_eq!(say(&left(gateway, LeaveReason::TimedOut, "")), "the LAN's gateway left: timed out");
        assert_eq!(
            say(&left(info(PeerRole::Client, None), LeaveReason::Kicked, "rude")),
            "member 3 left: was kicked (rude)"
        );
        assert_eq!(say(&SessionEvent::PeerPaused { peer: peer(), paused: true }), "member 3 paused");
    }

    #[test]
    fn losing_the_relay_says_when_it_is_tried_again() {
        let event = SessionEvent::Disconnected {
            cause: "no answer".to_owned(),
            retry_in: Duration::from_millis(812),
        };
        assert_eq!(say(&event), "relay lost: no answer; trying again in 0.8 s");
    }

    #[test]
    fn joining_tells_what_the_room_is_like() {
        let joined = |gateway_present, again| SessionEvent::Joined {
            room: RoomId::new(1).unwrap(),
            peer: peer(),
            mtu: 1500,
            gateway_present,
            again,
        };
        assert_eq!(say(&joined(false, false)), "joined room ROOM1 (MTU 1500); no gateway yet");
        assert_eq!(
            sentence(PeerRole::Gateway, &joined(false, false)).unwrap(),
            "joined room ROOM1 (MTU 1500)"
        );
        assert_eq!(say(&joined(true, true)), "back in room ROOM1 (MTU 1500)");
    }

    #[test]
    fn beginning_and_end_have_no_sentence() {
        for event in [SessionEvent::Connecting { attempt: 1 }, SessionEvent::Ended(EndReason::Left)] {
            assert_eq!(sentence(PeerRole::Client, &event), None);
        }
    }
}
