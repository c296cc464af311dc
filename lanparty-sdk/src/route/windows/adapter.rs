//! An adapter's IP settings, held and put back.
#![expect(clippy::disallowed_methods, reason = "Windows forgets in real time")]

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::io;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::super::wanted::{self, Need, Wanted};
use super::host::{SystemHost, SystemLease};
use super::network;
use super::rows::{self, InterfaceRow};
use crate::lease::{Family, Setting, Value};
use crate::port::InterfaceAddress;
use crate::route::{AdapterPolicy, RouteError};

/// When to look after the cable was plugged in: Windows sets much of an interface anew then, and takes some seconds.
const SOON: [Duration; 3] = [Duration::from_millis(500), Duration::from_secs(2), Duration::from_secs(5)];
/// When to look otherwise.
const PERIOD: Duration = Duration::from_secs(10);
/// How long an adapter that was just started may take until it speaks IPv4.
const START_TIMEOUT: Duration = Duration::from_secs(5);
const START_PAUSE: Duration = Duration::from_millis(100);
/// How long the end waits for a look that is under way.
const END_TIMEOUT: Duration = Duration::from_secs(2);

/// Windows' number of a network that is not trusted.
const PUBLIC: Value = Value::Number(0);
/// Windows' number of a network that is.
const PRIVATE: Value = Value::Number(1);

/// Holds the IP settings of one adapter as a policy says. Dropping it puts back what was before.
///
/// A thread of its own looks every ten seconds whether everything still is as it should, and soon after the cable was
/// plugged in: Windows forgets some of it then.
#[derive(Debug)]
pub(crate) struct AdapterSettings {
    /// `None`: nothing is touched.
    keeper: Option<Keeper>,
}

/// The thread, and what it shares with its owner.
#[derive(Debug)]
struct Keeper {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    /// Closed when the thread has let go of what is shared.
    ended: Mutex<Receiver<Infallible>>,
}

#[derive(Debug)]
struct Shared {
    guid: String,
    luid: u64,
    name: String,
    policy: AdapterPolicy,
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Debug)]
struct State {
    lease: SystemLease,
    wanted: Vec<Wanted>,
    /// What could not be set, and was told.
    refused: BTreeSet<Setting>,
    /// When to look next, the earliest last.
    due: Vec<Instant>,
    is_over: bool,
}

impl AdapterSettings {
    /// Applies `policy` to the adapter with the interface `guid`, as in "{6AE5C2A0-...}".
    ///
    /// It waits some seconds if the adapter was only just started.
    ///
    /// # Errors
    /// What is essential could not be set. Everything is as before then.
    pub(crate) fn apply(guid: &str, policy: AdapterPolicy) -> Result<Self, RouteError> {
        if !policy.manage {
            return Ok(Self { keeper: None });
        }
        let lease = SystemLease::open(SystemHost).map_err(|error| {
            if error.kind() == io::ErrorKind::PermissionDenied {
                RouteError::NotPermitted(error)
            } else {
                RouteError::Journal(error)
            }
        })?;
        let luid =
            wait_for_ip(guid).map_err(|source| RouteError::Setting { setting: "IPv4".into(), source })?;
        let shared = Shared {
            guid: guid.to_owned(),
            luid,
            name: rows::alias(luid),
            policy,
            state: Mutex::new(State {
                lease,
                wanted: Vec::new(),
                refused: BTreeSet::new(),
                due: vec![Instant::now() + PERIOD],
                is_over: false,
            }),
            wake: Condvar::new(),
        };
        for wanted in wanted::by_policy(&policy, luid) {
            shared.want(wanted.clone()).map_err(|source| setting_error(&wanted.setting, source))?;
        }
        Keeper::start(shared).map(|keeper| Self { keeper: Some(keeper) })
    }

    /// Sets the largest IP packet, in bytes.
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn set_mtu(&self, mtu: u16) -> io::Result<()> {
        let Some(keeper) = &self.keeper else { return Ok(()) };
        for wanted in wanted::by_mtu(keeper.shared.luid, mtu) {
            keeper.shared.want(wanted)?;
        }
        Ok(())
    }

    /// Adds an address.
    ///
    /// # Errors
    /// The system's; [`io::ErrorKind::Unsupported`] if the policy is to change nothing.
    pub(crate) fn add_address(&self, address: InterfaceAddress) -> io::Result<()> {
        let Some(keeper) = &self.keeper else {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "the adapter's settings are to be left alone",
            ));
        };
        keeper.shared.want(wanted::by_address(keeper.shared.luid, address))
    }

    /// The cable was plugged in, or pulled: look soon whether all is still in place.
    pub(crate) fn link_changed(&self) {
        let Some(keeper) = &self.keeper else { return };
        let now = Instant::now();
        let mut state = keeper.shared.state();
        state.due = vec![now + PERIOD];
        state.due.extend(SOON.iter().rev().map(|pause| now + *pause));
        drop(state);
        keeper.shared.wake.notify_one();
    }
}

impl Keeper {
    fn start(shared: Shared) -> Result<Self, RouteError> {
        let shared = Arc::new(shared);
        let (end, ended) = mpsc::channel();
        let thread = thread::Builder::new().name("lanparty-adapter".to_owned()).spawn({
            let shared = Arc::clone(&shared);
            move || {
                shared.look_after();
                drop(shared);
                drop(end);
            }
        });
        match thread {
            Ok(thread) => Ok(Self { shared, thread: Some(thread), ended: Mutex::new(ended) }),
            Err(source) => Err(RouteError::Setting { setting: "IP settings".into(), source }),
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.shared.state().is_over = true;
        self.shared.wake.notify_one();
        match self.ended.get_mut().unwrap_or_else(PoisonError::into_inner).recv_timeout(END_TIMEOUT) {
            Err(RecvTimeoutError::Timeout) => {
                tracing::warn!(
                    target: "lanparty::route",
                    interface = self.shared.name,
                    "Windows does not answer: the adapter's settings are put back when it does, or at the next start"
                );
            }
            _ => {
                let _ = self.thread.take().map(JoinHandle::join);
            }
        }
    }
}

impl Shared {
    /// Sets it now, if that is possible now, and from now on.
    fn want(&self, wanted: Wanted) -> io::Result<()> {
        let state = &mut *self.state();
        if wanted.need != Need::WithCable {
            match state.lease.change(wanted.setting.clone(), Some(wanted.value.clone())) {
                Ok(true) if is_ipv4_default(&wanted.setting) => tracing::warn!(
                    target: "lanparty::route",
                    interface = self.name,
                    "default routes through {} were enabled; they are ignored while the session lives",
                    self.name
                ),
                Ok(_) => {}
                Err(error) if wanted.need == Need::Must => return Err(error),
                Err(error) => self.tell_refusal(state, &wanted, &error),
            }
        }
        state.wanted.retain(|other| other.setting != wanted.setting);
        state.wanted.push(wanted);
        Ok(())
    }

    /// The thread.
    fn look_after(&self) {
        let mut private = None;
        let mut state = self.state();
        while !state.is_over {
            let now = Instant::now();
            let due = state.due.last().copied().unwrap_or(now + PERIOD);
            if let Some(pause) = due.checked_duration_since(now).filter(|pause| !pause.is_zero()) {
                let woken = self.wake.wait_timeout(state, pause);
                state = woken.unwrap_or_else(PoisonError::into_inner).0;
                continue;
            }
            state.due.pop();
            if state.due.is_empty() {
                state.due.push(now + PERIOD);
            }
            if !InterfaceRow::read(self.luid, Family::V4).is_ok_and(|row| row.is_connected()) {
                continue;
            }
            self.renew(&mut state);
            drop(state);
            if self.policy.private_network {
                self.make_private(&mut private);
            }
            state = self.state();
        }
    }

    /// Sets what is not as it should be.
    fn renew(&self, state: &mut State) {
        for wanted in state.wanted.clone() {
            let Err(error) = self.set(state, &wanted) else { continue };
            self.tell_refusal(state, &wanted, &error);
            if let Some(instead) = wanted::instead_of(&wanted.setting, &self.policy) {
                if let Err(error) = self.set(state, &instead) {
                    self.tell_refusal(state, &instead, &error);
                }
                state.wanted.retain(|other| other.setting != instead.setting);
                state.wanted.push(instead);
            }
        }
    }

    fn set(&self, state: &mut State, wanted: &Wanted) -> io::Result<()> {
        if state.lease.change(wanted.setting.clone(), Some(wanted.value.clone()))? {
            tracing::debug!(
                target: "lanparty::route",
                interface = self.name,
                setting = %wanted.setting,
                "set after the adapter has changed"
            );
        }
        state.refused.remove(&wanted.setting);
        Ok(())
    }

    /// Makes the adapter's network private, once for each network that Windows takes it for. The user has the last word.
    fn make_private(&self, done: &mut Option<String>) {
        let network = match network::of_adapter(&self.guid) {
            Ok(Some(network)) => network,
            // Windows is still finding out.
            Ok(None) => return,
            Err(error) => {
                tracing::debug!(target: "lanparty::route", %error, "the list of networks cannot be read");
                return;
            }
        };
        if done.as_ref() == Some(&network) {
            return;
        }
        let setting = Setting::NetworkCategory { network: network.clone() };
        let state = &mut *self.state();
        let result = match state.lease.read(&setting) {
            Ok(Some(PUBLIC)) => state.lease.change(setting, Some(PRIVATE)),
            present => present.map(|_| false),
        };
        match result {
            Ok(is_changed) => {
                *done = Some(network);
                if is_changed {
                    tracing::info!(
                        target: "lanparty::route",
                        interface = self.name,
                        "its network is private while the session lives: the firewall lets games in"
                    );
                }
            }
            Err(error) => {
                tracing::debug!(target: "lanparty::route", %error, "the network cannot be made private yet");
            }
        }
    }

    /// Once for each setting.
    fn tell_refusal(&self, state: &mut State, wanted: &Wanted, error: &io::Error) {
        let Wanted { setting, need, .. } = wanted;
        if !state.refused.insert(setting.clone()) {
            return;
        }
        // An adapter may do without IPv6, and IPv6 alone is no reason to worry a player.
        let is_ipv6 = *need == Need::Should
            || matches!(setting, Setting::Route { destination, .. } if destination.is_ipv6());
        if is_ipv6 {
            tracing::debug!(target: "lanparty::route", interface = self.name, %setting, %error, "cannot be set");
        } else {
            tracing::warn!(target: "lanparty::route", interface = self.name, %setting, %error, "cannot be set");
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The interface's LUID, once it speaks IPv4.
fn wait_for_ip(guid: &str) -> io::Result<u64> {
    let deadline = Instant::now() + START_TIMEOUT;
    loop {
        let found = rows::luid_of(guid).and_then(|luid| InterfaceRow::read(luid, Family::V4).map(|_| luid));
        match found {
            Err(error) if error.kind() == io::ErrorKind::NotFound && Instant::now() < deadline => {
                thread::sleep(START_PAUSE);
            }
            result => return result,
        }
    }
}

const fn is_ipv4_default(setting: &Setting) -> bool {
    matches!(setting, Setting::DefaultRoutesIgnored { family: Family::V4, .. })
}

fn setting_error(setting: &Setting, source: io::Error) -> RouteError {
    if source.kind() == io::ErrorKind::PermissionDenied {
        RouteError::NotPermitted(source)
    } else {
        RouteError::Setting { setting: setting.to_string(), source }
    }
}
