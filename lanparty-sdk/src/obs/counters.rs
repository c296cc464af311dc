//! Counters of frames and datagrams.

use serde::{Deserialize, Serialize};

use super::{DropCounts, DropReason};

/// What one member has moved since its session began. `rx` and `tx` are seen from this host: `rx` came from the room,
/// `tx` went into it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct TrafficStats {
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
    /// Everything that went no further, by reason.
    pub drops: DropCounts,
}

impl TrafficStats {
    /// Counts a drop.
    pub fn drop(&mut self, reason: DropReason) {
        self.drops.add(reason);
    }

    /// What was moved, seen from the member's adapter or LAN, and what went no further.
    #[must_use]
    pub fn sentence(&self) -> String {
        let Self { rx_frames, tx_frames, drops, .. } = self;
        let mut text = format!("{rx_frames} frames came from the room, {tx_frames} went into it");
        if drops.total() > 0 {
            text.push_str(&format!("; dropped {drops}"));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_are_told_by_reason() {
        let mut traffic = TrafficStats { rx_frames: 2, tx_frames: 5, ..TrafficStats::default() };
        assert_eq!(traffic.sentence(), "2 frames came from the room, 5 went into it");
        traffic.drops.add_many(DropReason::Jumbo, 3);
        traffic.drops.add(DropReason::Runt);
        assert_eq!(
            traffic.sentence(),
            "2 frames came from the room, 5 went into it; dropped 4: runt 1, jumbo 3"
        );
    }
}
