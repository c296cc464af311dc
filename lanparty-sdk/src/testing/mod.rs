//! A network in memory on a virtual clock, for tests of everything that happens between members and relays.
//!
//! [`SimNet`] runs the real machines ([`crate::member::Member`], [`crate::relay::RelayState`]) and replaces what is
//! around them: QUIC, the paths, the hosts and the time. Chance comes from one seed and nowhere else, and events of the
//! same instant happen in the order in which they were planned; so a failure that was seen once can be seen again.
//!
//! ```text
//!  host -> Member -> pipe up   -> RelayState -> pipe down -> Member -> host
//!            |   control stream up and down, in order   |
//! ```
//!
//! What it stands for, and what it leaves out: connections time out, close and are reset as QUIC's are, control messages
//! arrive late instead of never and in pieces, datagrams meet loss, jitter, queues and budgets ([`Physics`]). There is
//! no congestion control, no encryption, and members do not share links.
//!
//! Nothing here reads the environment. The tests of this crate take their seeds from `LANPARTY_SIM_SEED` if it is set.
//!
//! Only with the feature `testing`. Not covered by the promises about compatible versions.

mod drive;
mod faults;
mod flow;
mod inspect;
mod link;
mod net;
mod node;
mod rng;
mod wire;

pub use faults::{BUDGET_DETECTION, Death, SleepClock};
pub use flow::{Flow, FlowId, FlowReport, Target};
pub use link::{Bursts, LinkCounts, LinkPreset, Physics};
pub use net::{SimNet, Stuck};
pub use node::{Delivery, MemberId, RelayCounts, RelayId, Way};
pub use rng::{Ppm, SimRng};
pub use wire::{CLOSE_FLUSH, HANDSHAKE_TIMEOUT, IDLE_TIMEOUT, KEEP_ALIVE};
