//! How many control messages one member may send.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::switch::{Rate, TokenBucket};

/// Bounds of a [`ControlGate`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct GateConfig {
    /// Messages a member may send; a burst of 20 and 2 per second by default.
    pub messages: Rate,
    /// At how many strikes the connection is closed; 100 by default. A refused message is one strike, an admitted one
    /// takes one back.
    pub strikes: u32,
}

impl Default for GateConfig {
    fn default() -> Self {
        Self { messages: Rate::new(2, 20), strikes: 100 }
    }
}

/// What to do with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GateVerdict {
    /// Handle it.
    Admit,
    /// Ignore it.
    Drop,
    /// Close the connection with [`super::CloseCode::Abuse`].
    Close,
}

/// Counts one member's control messages.
#[derive(Debug)]
pub struct ControlGate {
    bucket: TokenBucket,
    strikes: u32,
    limit: u32,
}

impl ControlGate {
    /// A gate with a full burst.
    #[must_use]
    pub fn new(config: GateConfig, now: Instant) -> Self {
        Self { bucket: TokenBucket::new(config.messages, now), strikes: 0, limit: config.strikes.max(1) }
    }

    /// Judges one message.
    pub fn judge(&mut self, now: Instant) -> GateVerdict {
        if self.bucket.try_take(1, now) {
            self.strikes = self.strikes.saturating_sub(1);
            return GateVerdict::Admit;
        }
        self.strikes += 1;
        if self.strikes >= self.limit { GateVerdict::Close } else { GateVerdict::Drop }
    }
}
