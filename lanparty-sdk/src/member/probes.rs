//! When to measure the round-trip time to whom.

use std::time::{Duration, Instant};

use crate::member::backoff::Chance;
use crate::proto::PeerId;
use crate::room::Directory;
use crate::switch::{Rate, TokenBucket};

/// Answers that a member gives; beyond it, whoever asks is flooding.
const ANSWERS: Rate = Rate::new(16, 64);
/// The shortest time between two probes, however many peers there are.
const MIN_GAP: Duration = Duration::from_millis(250);

/// One probe at a time goes round the room.
#[derive(Debug)]
pub(super) struct Prober {
    interval: Duration,
    due: Option<Instant>,
    cursor: Option<PeerId>,
    waiting: Option<(PeerId, u64, Instant)>,
    answers: TokenBucket,
}

impl Prober {
    pub(super) const fn new(interval: Duration, now: Instant) -> Self {
        Self { interval, due: None, cursor: None, waiting: None, answers: TokenBucket::new(ANSWERS, now) }
    }

    /// Somebody came: measure soon.
    pub(super) fn hurry(&mut self, now: Instant) {
        self.due = Some(self.due.map_or(now, |due| due.min(now)));
    }

    pub(super) fn stop(&mut self) {
        self.due = None;
        self.waiting = None;
    }

    pub(super) const fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }

    /// Whom to ask now, with which token. Newcomers come first.
    pub(super) fn next(
        &mut self,
        now: Instant,
        directory: &mut Directory,
        chance: &mut Chance,
    ) -> Option<(PeerId, u64)> {
        if self.due.is_none_or(|due| due > now) {
            return None;
        }
        if let Some((unanswered, ..)) = self.waiting.take()
            && let Some(peer) = directory.get_mut(unanswered)
        {
            peer.rtt.missed = peer.rtt.missed.saturating_add(1);
        }
        let newcomer = directory
            .iter()
            .find(|peer| peer.rtt.smoothed.is_none() && peer.rtt.missed == 0 && !peer.info.paused)
            .map(|peer| peer.info.peer);
        let Some(peer) = newcomer.or_else(|| directory.next_after(self.cursor)) else {
            self.due = None; // alone; the next to join makes it due again
            return None;
        };
        let peers = u32::try_from(directory.len()).unwrap_or(u32::MAX).max(1);
        let gap = if newcomer.is_some() { MIN_GAP } else { (self.interval / peers).max(MIN_GAP) };
        self.due = Some(now + gap);
        self.cursor = Some(peer);
        let token = chance.next();
        self.waiting = Some((peer, token, now));
        Some((peer, token))
    }

    /// Whether a request may be answered.
    pub(super) fn may_answer(&mut self, now: Instant) -> bool {
        self.answers.try_take(1, now)
    }

    /// An answer came.
    pub(super) fn answered(
        &mut self,
        now: Instant,
        from: PeerId,
        token: u64,
        directory: &mut Directory,
    ) -> bool {
        let Some((peer, expected, sent)) = self.waiting else { return false };
        if (peer, expected) != (from, token) {
            return false;
        }
        self.waiting = None;
        if let Some(peer) = directory.get_mut(from) {
            peer.rtt.measured(now.saturating_duration_since(sent));
        }
        true
    }
}
