//! Whole parties on a virtual clock: relays, gateways and clients over bad paths, with everything that goes wrong.
//!
//! Nothing here sleeps or reads the time. Every failure prints its seed; `LANPARTY_SIM_SEED` replaces all seeds, and
//! `LANPARTY_BLESS=1` rewrites the table of `sim_presets.txt`.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::ops::{Deref, DerefMut};
use std::time::{Duration, Instant};

use lanparty_sdk::testing::{FlowId, MemberId, SimNet};

#[path = "sim/abuse.rs"]
mod abuse;
#[path = "sim/budget.rs"]
mod budget;
#[path = "sim/join.rs"]
mod join;
#[path = "sim/loss.rs"]
mod loss;
#[path = "sim/outage.rs"]
mod outage;
#[path = "sim/props.rs"]
mod props;
#[path = "sim/rooms.rs"]
mod rooms;
#[path = "sim/safety.rs"]
mod safety;

/// A network that tells its seed and the end of its log when the test around it fails.
struct Sim(SimNet);

impl Sim {
    fn new(default_seed: u64) -> Self {
        Self(SimNet::new(seed(default_seed), base()))
    }

    fn audited(&self) {
        self.0.audit().unwrap();
    }

    fn settled(&mut self, limit: Duration) -> Duration {
        self.0.settle(limit).unwrap_or_else(|stuck| panic!("{stuck}"))
    }

    fn until(&mut self, limit: Duration, condition: impl FnMut(&SimNet) -> bool) -> Duration {
        self.0.run_until(limit, condition).unwrap_or_else(|stuck| panic!("{stuck}"))
    }

    /// The frames of `flow` that were sent within these times and did not come out at `member`.
    fn lost_between(&self, flow: FlowId, member: MemberId, from: Duration, to: Duration) -> Vec<u32> {
        let arrived = self.numbers(flow, member);
        (0..)
            .map_while(|number| self.sent_at(flow, number).map(|at| (number, at)))
            .filter(|(number, at)| (from..to).contains(at) && arrived.binary_search(number).is_err())
            .map(|(number, _)| number)
            .collect()
    }
}

impl Deref for Sim {
    type Target = SimNet;
    fn deref(&self) -> &SimNet {
        &self.0
    }
}

impl DerefMut for Sim {
    fn deref_mut(&mut self) -> &mut SimNet {
        &mut self.0
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("LANPARTY_SIM_SEED={}; the log ends with:\n{}", self.0.seed(), self.0.log_tail());
        }
    }
}

/// Where a virtual clock begins: anywhere, since nothing depends on it.
#[allow(clippy::disallowed_methods, reason = "the one reading of a real clock, whose value does not matter")]
fn base() -> Instant {
    Instant::now()
}

/// The seed of the environment, or the test's own.
fn seed(default: u64) -> u64 {
    match std::env::var("LANPARTY_SIM_SEED") {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("LANPARTY_SIM_SEED is no number: {text}")),
        Err(_) => default,
    }
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}
