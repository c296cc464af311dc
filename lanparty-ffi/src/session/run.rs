//! A session with the threads behind it.

use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use lanparty_sdk::ctrl::{LeaveReason, PeerRole};
use lanparty_sdk::error::code;
use lanparty_sdk::frame::MacAddr;
use lanparty_sdk::identity::Identity;
use lanparty_sdk::member::{EndReason, SessionEvent};
use lanparty_sdk::obs::Events;
use lanparty_sdk::port::Port;
use lanparty_sdk::route::AdapterPolicy;
use lanparty_sdk::session::{BridgeError, JoinError, MemberSession, Session as _, SessionBuilder};
use tokio::sync::Mutex as AsyncMutex;
use tokio::task::JoinHandle;

use super::config::Plan;
use super::report;
use crate::error::Failure;
use crate::event::{EventQueue, LastEvent, lanparty_event};
use crate::host::{Host, NoResult};
use crate::lock::lock;
use crate::port::{Capture, Device, Opened, Wanted};
use crate::signal::{Deadline, Signal};
use crate::status::*;

/// What a session handle holds.
#[derive(Debug)]
pub(crate) struct Running {
    host: Arc<Host>,
    pub(super) session: MemberSession,
    pub(super) events: Arc<EventQueue>,
    pub(super) role: PeerRole,
    /// The address that a client's adapter gets, and what is changed of it besides.
    mac: Option<MacAddr>,
    policy: AdapterPolicy,
    /// Whether the way to the relay must be kept out of an adapter, and of which it is.
    pins_route: bool,
    kept_out_of: Option<String>,
    shared: Arc<Shared>,
}

/// What the handle and the task that watches the session share.
#[derive(Debug, Default)]
struct Shared {
    joined: Mutex<Option<Result<(), Failure>>>,
    changed: Signal,
    /// The port that is bridged. Held while that changes.
    bridged: AsyncMutex<Option<Used>>,
    closed: Mutex<bool>,
    watch: Mutex<Option<JoinHandle<()>>>,
}

/// A port that the session uses. However that ends, the port learns of it: dropping it says that it ended with the session.
#[derive(Debug)]
struct Used {
    /// `None` once it was given back.
    device: Option<Arc<Device>>,
    capture: Option<Capture>,
}

impl Running {
    /// Starts a session, without waiting for anything but its own threads.
    pub(super) fn start(plan: &Plan) -> Result<Self, Failure> {
        let settings = &plan.settings;
        let identity = match (&plan.identity, &settings.identity) {
            (Some(identity), _) => identity.clone(),
            (None, Some(path)) => load(path)?,
            (None, None) => Identity::generate()?,
        };
        let role = settings.role;
        let mac = (role == PeerRole::Client).then(|| identity.mac());
        let policy = settings.adapter_policy();
        let mut builder = settings.builder(identity, plan.trust.clone())?;
        let host = Host::new(settings.workers, "lanparty-member")?;
        let mut bridged = None;
        let pins_route = pins_route(plan);
        let mut kept_out_of = None;
        if let Some(device) = &plan.device {
            // What the member promises follows from the port, unless the settings say more than it carries.
            let wanted = Wanted { mac, mtu: settings.mtu.unwrap_or(0), policy };
            let opened = host.inside(|| device.take(wanted));
            let Opened { port, capture } = match opened {
                Ok(opened) => opened,
                Err(failure) => {
                    host.end(async {}, ());
                    return Err(failure);
                }
            };
            if pins_route && device.is_adapter() {
                // As it is called now that it is open: who asked for it may not have known.
                let adapter = port.sink.caps().name;
                builder = builder.keep_out_of(&adapter);
                kept_out_of = Some(adapter);
            }
            builder = builder.port(port);
            bridged = Some(Used { device: Some(Arc::clone(device)), capture });
        }
        // On the session's own thread, so that no event comes before somebody listens.
        let started = host.run(Deadline::Never, async move {
            let session = builder.try_start()?;
            let events = session.events();
            Ok::<_, Box<(JoinError, SessionBuilder)>>((session, events))
        });
        let (session, events) = match started {
            Ok(Ok(started)) => started,
            failed => {
                host.end(async {}, ());
                let Ok(Err(failed)) = failed else {
                    return Err(Failure::coded(code::SYSTEM, "the session's threads ended at once"));
                };
                let (error, mut builder) = *failed;
                if let (Some(used), Some(port)) = (bridged, builder.take_port()) {
                    used.give_back(port);
                }
                return Err(error.into());
            }
        };
        let shared = Arc::new(Shared { bridged: AsyncMutex::new(bridged), ..Shared::default() });
        let queue = Arc::<EventQueue>::default();
        let epilogue = Epilogue::new(&shared, &queue);
        let watch = Watch { session: session.clone(), role, epilogue };
        *lock(&shared.watch) = Some(host.spawn(watch.run(events)));
        Ok(Self { host, session, events: queue, role, mac, policy, pins_route, kept_out_of, shared })
    }

    pub(super) fn wait_joined(&self, deadline: Deadline) -> Result<i32, Failure> {
        let joined = self.shared.changed.until(deadline, || lock(&self.shared.joined).clone());
        match joined {
            Some(result) => result.map(|()| LANPARTY_OK),
            None => Ok(LANPARTY_WOULD_BLOCK),
        }
    }

    pub(super) fn bridge(&self, device: &Arc<Device>, deadline: Deadline) -> Result<i32, Failure> {
        self.must_be_open()?;
        if self.session.end_reason().is_some() {
            return Err(BridgeError::Ended.into());
        }
        let pinned = self.pins_route && device.is_adapter();
        if pinned && self.kept_out_of.is_none() {
            return Err(not_kept_out());
        }
        let wanted = Wanted { mac: self.mac, mtu: self.session.promised_mtu(), policy: self.policy };
        let Opened { port, capture } = self.host.inside(|| device.take(wanted))?;
        if pinned && self.kept_out_of.as_ref() != Some(&port.sink.caps().name) {
            device.give_back(port);
            return Err(not_kept_out());
        }
        let used = Used { device: Some(Arc::clone(device)), capture };
        let (session, shared) = (self.session.clone(), Arc::clone(&self.shared));
        let done = self.host.run(deadline, async move {
            let mut bridged = shared.bridged.lock().await;
            if let (Some(old), Some(port)) = (bridged.take(), session.unbridge().await) {
                old.give_back(port);
            }
            if let Err(error) = session.bridge(port).await {
                tracing::warn!(target: "lanparty::ffi", %error, "a port was not bridged"); // maybe nobody waits any more
                return Err(error);
            }
            used.keep_tunnel_out(&session);
            *bridged = Some(used);
            Ok(())
        });
        answer(done)
    }

    pub(super) fn unbridge(&self, deadline: Deadline) -> Result<i32, Failure> {
        self.must_be_open()?;
        let (session, shared) = (self.session.clone(), Arc::clone(&self.shared));
        let done = self.host.run(deadline, async move {
            let mut bridged = shared.bridged.lock().await;
            if let (Some(used), Some(port)) = (bridged.take(), session.unbridge().await) {
                used.give_back(port);
            }
            Ok(())
        });
        answer(done)
    }

    pub(super) fn close(&self, text: &str, deadline: Deadline) -> Result<i32, Failure> {
        self.end(text);
        let gone = self.host.wait_gone(deadline);
        Ok(if gone { LANPARTY_OK } else { LANPARTY_WOULD_BLOCK })
    }

    /// Begins the end, if nobody has.
    fn end(&self, text: &str) {
        if std::mem::replace(&mut *lock(&self.shared.closed), true) {
            return;
        }
        let (session, text) = (self.session.clone(), text.to_owned());
        let watch = lock(&self.shared.watch).take();
        let farewell = async move {
            session.close(LeaveReason::Normal, &text).await;
            if let Some(watch) = watch {
                let _ = watch.await; // if it panicked, it has told the end on its way out
            }
        };
        self.host.end(farewell, Epilogue::new(&self.shared, &self.events));
    }

    pub(super) fn must_be_open(&self) -> Result<(), Failure> {
        if *lock(&self.shared.closed) { Err(Failure::closed("session")) } else { Ok(()) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end("");
    }
}

fn not_kept_out() -> Failure {
    let message = "the way to the relay must be kept out of an adapter from the start: set the port in the \
                   configuration, or the key no-route-pin";
    Failure::usage(LANPARTY_E_WRONG_PORT, message)
}

/// What became of a change that somebody waits for.
fn answer(done: Result<Result<(), BridgeError>, NoResult>) -> Result<i32, Failure> {
    match done {
        Ok(result) => result.map(|()| LANPARTY_OK).map_err(Failure::from),
        Err(NoResult::Late) => Ok(LANPARTY_WOULD_BLOCK),
        Err(NoResult::Gone) => Err(BridgeError::Ended.into()),
    }
}

/// The identity of a file, made if it is not there.
fn load(path: &Path) -> Result<Identity, Failure> {
    let loaded = Identity::load_or_create(path)?;
    if let Some(warning) = loaded.warning {
        tracing::warn!(target: "lanparty::ffi", "{warning}");
    }
    Ok(loaded.identity)
}

/// Whether the way to the relay is to be kept out of an adapter. What goes to this host itself takes no route.
fn pins_route(plan: &Plan) -> bool {
    let host = plan.settings.relay.as_ref().map(|relay| relay.server_name()).unwrap_or_default();
    let local = host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    !local && !plan.settings.no_route_pin
}

impl Used {
    /// The session has let go of the port, which can be used again.
    fn give_back(mut self, port: Port) {
        if let Some(device) = self.device.take() {
            // To let go of an adapter may take its time, in which the session's connection must live.
            tokio::task::block_in_place(|| device.give_back(port));
        }
    }

    /// A gateway must not hear its own tunnel, should the bridged interface also lead to the relay.
    fn keep_tunnel_out(&self, session: &MemberSession) {
        #[cfg(target_os = "linux")]
        if let (Some(capture), Some(relay)) = (&self.capture, session.diagnostics().relay_address)
            && let Err(error) = capture.ignore_udp_flow(relay)
        {
            tracing::warn!(target: "lanparty::ffi", %error, %relay, "the tunnel is not kept out of the room");
        }
        #[cfg(not(target_os = "linux"))]
        let _ = (session, &self.capture);
    }
}

impl Drop for Used {
    fn drop(&mut self) {
        if let Some(device) = self.device.take() {
            device.session_over();
        }
    }
}

/// What is left to say to those who wait, whatever becomes of the session's threads.
struct Epilogue {
    shared: Arc<Shared>,
    last: LastEvent,
}

impl Epilogue {
    fn new(shared: &Arc<Shared>, events: &Arc<EventQueue>) -> Self {
        Self { shared: Arc::clone(shared), last: LastEvent(Arc::clone(events)) }
    }

    /// The first outcome counts.
    fn join_outcome(&self, outcome: Result<(), Failure>) {
        lock(&self.shared.joined).get_or_insert(outcome);
        self.shared.changed.notify();
    }
}

impl Drop for Epilogue {
    fn drop(&mut self) {
        self.join_outcome(Err(JoinError::Cancelled.into()));
    }
}

/// Watches a session and tells its program what happens.
struct Watch {
    session: MemberSession,
    role: PeerRole,
    epilogue: Epilogue,
}

impl Watch {
    async fn run(self, mut events: Events<SessionEvent>) {
        let ended = self.session.clone();
        let reason = loop {
            tokio::select! {
                biased;
                Some(event) = events.next() => match event {
                    SessionEvent::Ended(reason) => break reason,
                    event => self.tell(&event, events.missed()).await,
                },
                // Without an event: something in the session panicked.
                reason = ended.ended() => break reason,
            }
        };
        // Until the session's own task is done, its port is not free.
        let outcome = self.session.joined().await;
        self.session.close(LeaveReason::Normal, "").await;
        if outcome.is_ok() {
            self.epilogue.join_outcome(Ok(()));
        }
        while let Some(event) = events.try_next() {
            if !matches!(event, SessionEvent::Ended(_)) {
                self.tell(&event, events.missed()).await;
            }
        }
        let failure = match (outcome, &reason) {
            (Err(_), EndReason::Left) => None,
            (Err(error), _) => Some(Failure::from(error)),
            (Ok(()), reason) => end_failure(reason),
        };
        drop(self.epilogue.shared.bridged.lock().await.take());
        let cancelled = || Failure::from(JoinError::Cancelled);
        self.epilogue.join_outcome(Err(failure.clone().unwrap_or_else(cancelled)));
        self.epilogue.last.0.end(lanparty_event::ended(failure.as_ref()));
    }

    /// `missed` is how many events have been lost so far.
    async fn tell(&self, event: &SessionEvent, missed: u64) {
        if matches!(event, SessionEvent::Joined { .. }) {
            if let Some(used) = &*self.epilogue.shared.bridged.lock().await {
                used.keep_tunnel_out(&self.session);
            }
            self.epilogue.join_outcome(Ok(()));
        }
        self.epilogue.last.0.push_after(missed, report::session_event(event, self.role, &self.session));
    }
}

/// Why a session that had begun is over; `None` if it was closed here.
fn end_failure(reason: &EndReason) -> Option<Failure> {
    let number = match reason {
        EndReason::Left => return None,
        EndReason::Rejected(reject) => lanparty_sdk::error::reject_code(reject.reason),
        EndReason::Closed { .. } => code::CLOSED,
        EndReason::PortClosed { .. } => code::PORT,
        _ => code::UNREACHABLE,
    };
    Some(Failure::coded(number, reason.to_string()))
}
