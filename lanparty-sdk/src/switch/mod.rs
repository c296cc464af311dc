//! Where a frame goes and whether it may.

mod limit;

pub use limit::{Limits, MemberLimits, Rate, TokenBucket};
