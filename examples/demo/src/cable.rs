//! A memory port as smoltcp sees it: a network card with two short queues.

use std::collections::VecDeque;

use bytes::Bytes;
use smoltcp::phy::{self, Device, DeviceCapabilities, Medium};
use smoltcp::time::Instant;

/// Frames that wait for the port. smoltcp holds its segments back while this is full, so nothing is lost here.
const TX_QUEUE: usize = 64;

/// The card. [`super::stack::Stack`]'s driver moves frames between it and the port.
#[derive(Debug)]
pub(crate) struct Cable {
    rx: VecDeque<Bytes>,
    tx: VecDeque<Vec<u8>>,
    mtu: usize,
}

impl Cable {
    /// A card for frames with payloads of up to `mtu` bytes.
    pub(crate) fn new(mtu: usize) -> Self {
        Self { rx: VecDeque::new(), tx: VecDeque::with_capacity(TX_QUEUE), mtu }
    }

    /// A frame came from the port.
    pub(crate) fn push(&mut self, frame: Bytes) {
        self.rx.push_back(frame);
    }

    /// Sends a frame that is not the stack's own.
    pub(crate) fn send(&mut self, frame: Vec<u8>) {
        self.tx.push_back(frame);
    }

    /// The frames that are to go into the port.
    pub(crate) fn take_sent(&mut self, into: &mut Vec<Vec<u8>>) {
        into.extend(self.tx.drain(..));
    }
}

impl Device for Cable {
    type RxToken<'a> = RxToken;
    type TxToken<'a> = TxToken<'a>;

    fn receive(&mut self, _: Instant) -> Option<(RxToken, TxToken<'_>)> {
        // An answer to a received frame needs room as well.
        if self.tx.len() >= TX_QUEUE {
            return None;
        }
        let frame = self.rx.pop_front()?;
        Some((RxToken(frame), TxToken(&mut self.tx)))
    }

    fn transmit(&mut self, _: Instant) -> Option<TxToken<'_>> {
        (self.tx.len() < TX_QUEUE).then_some(TxToken(&mut self.tx))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut caps = DeviceCapabilities::default();
        caps.medium = Medium::Ethernet;
        caps.max_transmission_unit = self.mtu + ETHERNET_HEADER;
        caps
    }
}

/// A received frame.
#[derive(Debug)]
pub(crate) struct RxToken(Bytes);

impl phy::RxToken for RxToken {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        read(&self.0)
    }
}

/// Room for one frame.
#[derive(Debug)]
pub(crate) struct TxToken<'a>(&'a mut VecDeque<Vec<u8>>);

impl phy::TxToken for TxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        let mut frame = vec![0; len];
        let result = write(&mut frame);
        self.0.push_back(frame);
        result
    }
}

const ETHERNET_HEADER: usize = 14;
