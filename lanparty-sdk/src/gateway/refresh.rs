//! Keeps the party's switch convinced that the remote addresses live behind the gateway's cable.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::frame::{EtherType, MacAddr};

/// The shortest frame on a wire, without its check sequence.
const PADDED_LEN: usize = 60;

/// One small frame from a client's address to the gateway's own card. The switch learns the address from it and, since
/// the destination stands behind the same cable, sends it nowhere.
pub(crate) fn refresh_frame(client: MacAddr, gateway: MacAddr) -> Bytes {
    let mut frame = Vec::with_capacity(PADDED_LEN);
    frame.extend_from_slice(&gateway.octets());
    frame.extend_from_slice(&client.octets());
    frame.extend_from_slice(&EtherType::LOCAL_EXPERIMENTAL_1.0.to_be_bytes());
    frame.resize(PADDED_LEN, 0);
    frame.into()
}

/// When each client's address is due. A client is due at once when it joins, so that a silent one is known as well.
#[derive(Debug)]
pub(crate) struct Refresh {
    interval: Duration,
    due: BTreeMap<MacAddr, Instant>,
}

impl Refresh {
    pub(crate) const fn new(interval: Duration) -> Self {
        Self { interval, due: BTreeMap::new() }
    }

    pub(crate) fn add(&mut self, now: Instant, client: MacAddr) {
        self.due.insert(client, now);
    }

    pub(crate) fn remove(&mut self, client: MacAddr) {
        self.due.remove(&client);
    }

    pub(crate) fn clear(&mut self) {
        self.due.clear();
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.due.values().min().copied()
    }

    /// The addresses that are due now; each is due again one interval later.
    pub(crate) fn take_due(&mut self, now: Instant) -> Vec<MacAddr> {
        let interval = self.interval;
        let due = self.due.iter_mut().filter(|(_, at)| **at <= now).map(|(mac, at)| {
            *at = now + interval;
            *mac
        });
        due.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);
    const CARD: MacAddr = MacAddr([0, 0x1b, 0x21, 0, 0, 9]);

    #[test]
    fn the_frame_is_padded_and_goes_from_the_client_to_the_card() {
        let bytes = refresh_frame(CLIENT, CARD);
        let frame = crate::frame::Frame::parse(&bytes).unwrap();
        assert_eq!((frame.src(), frame.dst(), bytes.len()), (CLIENT, CARD, 60));
        assert_eq!(frame.ethertype(), EtherType::LOCAL_EXPERIMENTAL_1);
    }

    #[test]
    fn each_address_is_due_at_once_and_then_once_an_interval() {
        let start = Instant::now();
        let minute = Duration::from_secs(60);
        let mut refresh = Refresh::new(minute);
        assert_eq!(refresh.poll_timeout(), None);
        refresh.add(start, CLIENT);
        assert_eq!(refresh.take_due(start), [CLIENT]);
        assert!(refresh.take_due(start + minute - Duration::from_nanos(1)).is_empty());
        assert_eq!(refresh.poll_timeout(), Some(start + minute));
        assert_eq!(refresh.take_due(start + minute), [CLIENT]);
        refresh.remove(CLIENT);
        assert!(refresh.take_due(start + minute * 5).is_empty());
    }
}
