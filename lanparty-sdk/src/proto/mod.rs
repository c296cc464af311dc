//! The overlay datagram: header, fragments, probes and the arithmetic of sizes.

/// Spare bytes before a frame: enough for the longest overlay header.
pub const HEADROOM: usize = 12;
