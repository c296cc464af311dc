//! Numbered frames as fast as a window lets them go, and what became of them.

use std::fmt;
use std::time::{Duration, Instant};

use smoltcp::wire::EthernetAddress;

/// For experiments on a LAN, by IEEE 802.
const ETHERTYPE: [u8; 2] = [0x88, 0xb5];
const ASK: u8 = 0;
const ANSWER: u8 = 1;
const HEADER: usize = 14;
/// Header, kind and number.
const MIN_LEN: usize = HEADER + 6;
/// Without an answer for so long, what is out is given up, so that a loss does not end the flood.
const STALL: Duration = Duration::from_millis(500);

/// The book of one flood.
#[derive(Debug)]
pub(crate) struct Flood {
    seen: Vec<bool>,
    window: usize,
    sent: usize,
    /// Everything below it is answered or given up.
    base: usize,
    duplicated: usize,
    reordered: usize,
    highest: Option<usize>,
    begun: Instant,
    last_answer: Instant,
}

impl Flood {
    pub(crate) fn new(count: usize, window: usize) -> Self {
        let now = Instant::now();
        Self {
            seen: vec![false; count],
            window,
            sent: 0,
            base: 0,
            duplicated: 0,
            reordered: 0,
            highest: None,
            begun: now,
            last_answer: now,
        }
    }

    /// The number of the frame that may go now.
    pub(crate) fn next(&mut self) -> Option<usize> {
        let may = self.sent < self.seen.len() && self.sent - self.base < self.window;
        may.then(|| {
            self.sent += 1;
            self.sent - 1
        })
    }

    /// An answer has come.
    pub(crate) fn answered(&mut self, number: usize, now: Instant) {
        let Some(seen) = self.seen.get_mut(number) else { return };
        if std::mem::replace(seen, true) {
            self.duplicated += 1;
            return;
        }
        self.last_answer = now;
        if self.highest.is_some_and(|highest| number < highest) {
            self.reordered += 1;
        } else {
            self.highest = Some(number);
            self.base = self.base.max(number + 1);
        }
    }

    /// Time has gone by. Whether all is over.
    pub(crate) fn is_over(&mut self, now: Instant) -> bool {
        let all_sent = self.sent == self.seen.len();
        if self.base == self.sent && all_sent && self.lost() == 0 {
            return true;
        }
        if now.duration_since(self.last_answer) < STALL {
            return false;
        }
        self.base = self.sent;
        self.last_answer = now;
        all_sent
    }

    fn lost(&self) -> usize {
        self.seen.iter().take(self.sent).filter(|seen| !**seen).count()
    }
}

impl fmt::Display for Flood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sent, duplicated, reordered, .. } = self;
        let took = self.last_answer.duration_since(self.begun).as_millis();
        write!(f, "sent={sent} lost={} reordered={reordered} duplicated={duplicated} ms={took}", self.lost())
    }
}

/// The frame of that number.
pub(crate) fn ask(from: EthernetAddress, to: EthernetAddress, number: usize, size: usize) -> Vec<u8> {
    let number = u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes();
    let mut frame = [&to.0[..], &from.0, &ETHERTYPE, &[ASK, 0], &number].concat();
    frame.resize(size.max(MIN_LEN), 0x5a);
    frame
}

/// The same frame back to where it came from, if it is one.
pub(crate) fn answer(frame: &[u8]) -> Option<Vec<u8>> {
    let mut answer = (kind(frame)? == ASK).then(|| frame.to_vec())?;
    let (to, from) = answer.split_at_mut(6);
    to.swap_with_slice(from.get_mut(..6)?);
    *answer.get_mut(HEADER)? = ANSWER;
    Some(answer)
}

/// The number of the frame that this one answers.
pub(crate) fn answered(frame: &[u8]) -> Option<usize> {
    let number = frame.get(HEADER + 2..MIN_LEN)?.try_into().ok()?;
    (kind(frame)? == ANSWER).then(|| u32::from_be_bytes(number) as usize)
}

/// What kind of frame of a flood it is, if one at all.
pub(crate) fn kind(frame: &[u8]) -> Option<u8> {
    let is_ours = frame.len() >= MIN_LEN && frame.get(12..HEADER)? == ETHERTYPE;
    is_ours.then(|| frame.get(HEADER).copied())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_is_lost_late_and_twice() {
        let mut flood = Flood::new(6, 4);
        let now = Instant::now();
        assert_eq!(std::iter::from_fn(|| flood.next()).collect::<Vec<_>>(), [0, 1, 2, 3], "a window of 4");
        for number in [0, 2, 1, 1, 9] {
            flood.answered(number, now);
        }
        assert_eq!(std::iter::from_fn(|| flood.next()).collect::<Vec<_>>(), [4, 5]);
        flood.answered(5, now);
        assert!(!flood.is_over(now));
        assert!(flood.is_over(now + STALL));
        assert!(flood.to_string().starts_with("sent=6 lost=2 reordered=1 duplicated=1 "), "{flood}");
    }

    #[test]
    fn a_loss_of_a_whole_window_does_not_end_it() {
        let mut flood = Flood::new(3, 2);
        let now = Instant::now();
        assert_eq!((flood.next(), flood.next(), flood.next()), (Some(0), Some(1), None));
        assert!(!flood.is_over(now + STALL), "one is still to go");
        assert_eq!(flood.next(), Some(2));
        flood.answered(2, now + STALL);
        assert!(flood.is_over(now + STALL * 3));
    }

    #[test]
    fn an_answer_goes_back() {
        let (here, there) = (EthernetAddress([2, 0, 0, 0, 0, 1]), EthernetAddress([2, 0, 0, 0, 0, 2]));
        let asked = ask(here, there, 7, 100);
        assert_eq!((asked.len(), answered(&asked)), (100, None));
        let back = answer(&asked).expect("it is an ask");
        assert_eq!((&back[..6], &back[6..12]), (&here.0[..], &there.0[..]));
        assert_eq!(answered(&back), Some(7));
        assert_eq!(answer(&back), None, "answers are not answered");
        assert_eq!(answer(&asked[..19]), None);
    }
}
