//! What waits for a connection: bounded, and the oldest gives way.

use std::collections::VecDeque;

use bytes::Bytes;

use super::OutboxLimits;
use crate::obs::{DropCounts, DropReason};

/// Datagrams up to this length are copied when they have to wait.
const COPIED_LEN: usize = 512;

/// Datagrams in the order in which they were pushed.
#[derive(Debug)]
pub(super) struct Queue {
    limits: OutboxLimits,
    datagrams: VecDeque<Bytes>,
    bytes: usize,
}

impl Queue {
    pub(super) const fn new(limits: OutboxLimits) -> Self {
        Self { limits, datagrams: VecDeque::new(), bytes: 0 }
    }

    /// Adds a datagram and counts those that had to give way.
    pub(super) fn push(&mut self, datagram: Bytes, drops: &mut DropCounts) {
        let len = datagram.len();
        if len > self.limits.bytes || self.limits.datagrams == 0 {
            drops.add(DropReason::OverBudget);
            return;
        }
        while self.bytes + len > self.limits.bytes || self.datagrams.len() >= self.limits.datagrams {
            if self.pop().is_none() {
                break;
            }
            drops.add(DropReason::OutboxFull);
        }
        self.bytes += len;
        // A small slice may hold a whole receive buffer of 64 KiB: what waits must not cost more than it counts.
        let datagram = if len <= COPIED_LEN { Bytes::copy_from_slice(&datagram) } else { datagram };
        self.datagrams.push_back(datagram);
    }

    /// Takes the datagram whose turn it is.
    pub(super) fn pop(&mut self) -> Option<Bytes> {
        let oldest = self.datagrams.pop_front()?;
        self.bytes -= oldest.len();
        Some(oldest)
    }

    pub(super) fn clear(&mut self) {
        self.datagrams.clear();
        self.bytes = 0;
    }

    pub(super) fn len(&self) -> usize {
        self.datagrams.len()
    }

    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }
}
