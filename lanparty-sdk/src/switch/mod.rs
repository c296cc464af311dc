//! Where a frame goes and whether it may.

mod limit;
mod table;

pub use limit::{Limits, MemberLimits, Rate, TokenBucket};
pub use table::{ClaimError, Learned, MacTable, Owner, TableConfig};
