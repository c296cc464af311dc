//! One connection with the relay, from its first packet to its last.
#![expect(clippy::disallowed_methods, reason = "drivers own the clock")]

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::future::pending;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use quinn::{Connection, ConnectionError, Endpoint};
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout};
use tracing::{info, warn};

use crate::ctrl::{CloseCode, RoomCode};
use crate::net::RelayAddr;
use crate::quic::{
    ConnectError, ControlReader, ControlRole, ControlWriter, Outbox, TransportOptions, Trust, Unread, close,
    close_code, connect, open_control, received_datagrams, recv_batch,
};
use crate::route::{PinState, RouteError, RoutePin};
use crate::session::JoinError;

/// How long one attempt to reach one address of the relay may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How often the way to the relay is looked at.
const ROUTE_CHECK_INTERVAL: Duration = Duration::from_secs(10);
/// How long a connection that is closed may take to say so.
const FAREWELL_TIMEOUT: Duration = Duration::from_secs(2);

/// Where the relay is and how it is recognised.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) relay: RelayAddr,
    pub(super) server_name: String,
    pub(super) room: RoomCode,
    pub(super) trust: Trust,
    pub(super) transport: TransportOptions,
    /// The adapter that the way to the relay must not lead through.
    pub(super) keep_out_of: Option<String>,
}

impl Target {
    /// Tries the relay's addresses one after the other.
    pub(super) async fn connect(
        self: Arc<Self>,
        endpoint: Endpoint,
        path: Arc<PathKeeper>,
    ) -> Result<Connection, JoinError> {
        let addresses = self.relay.resolve().await.map_err(JoinError::Resolve)?;
        let failed = |source| JoinError::Connect { relay: self.relay.to_string(), source };
        let mut failure = failed(ConnectError::TimedOut);
        for address in addresses {
            // One address that only the tunnel leads to must not keep the others from being tried.
            if let Err(error) = path.keep(address.ip()) {
                failure = JoinError::Route(error);
                continue;
            }
            let attempt =
                connect(&endpoint, address, &self.server_name, &self.room, &self.trust, &self.transport);
            match timeout(CONNECT_TIMEOUT, attempt).await {
                Ok(Ok(conn)) => return Ok(conn),
                Ok(Err(error)) => failure = failed(error),
                Err(_) => failure = failed(ConnectError::TimedOut),
            }
        }
        Err(failure)
    }
}

/// A connection that stands. Dropping it ends its tasks, and with them the connection.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) conn: Connection,
    control: ControlWriter,
    pieces: ControlReader,
    tasks: JoinSet<()>,
    unread: Unread,
}

/// What came over a link.
#[derive(Debug)]
pub(super) enum Arrival {
    /// Datagrams are in the batch that was handed in, and so many were dropped before because nobody read them.
    Datagrams { dropped: u64 },
    /// The next bytes of the control stream.
    Control(Bytes),
    /// The connection is over.
    Closed { code: Option<CloseCode>, cause: String },
}

impl Link {
    pub(super) fn new(conn: Connection, outbox: &Arc<Outbox>) -> Self {
        let (control, pieces, task) = open_control(&conn, ControlRole::Member);
        let mut tasks = JoinSet::new();
        tasks.spawn(task);
        tasks.spawn(Arc::clone(outbox).run(conn.clone()));
        Self { conn, control, pieces, tasks, unread: Unread::default() }
    }

    /// Waits for what comes next. Nothing is lost if the future is dropped before it is ready.
    pub(super) async fn arrival(&mut self, datagrams: &mut Vec<Bytes>, max: usize) -> Arrival {
        let error = tokio::select! {
            // Lifecycle events first: a frame of a member counts only after its PeerJoined.
            biased;
            Some(piece) = self.pieces.recv() => return Arrival::Control(piece),
            received = recv_batch(&self.conn, datagrams, max) => match received {
                Ok(count) => {
                    let conn = &self.conn;
                    let dropped = self.unread.note(count, max, || received_datagrams(conn));
                    return Arrival::Datagrams { dropped };
                }
                Err(error) => error,
            },
        };
        // What the relay said before it closed still counts; the stream ends with the connection.
        if let Some(piece) = self.pieces.recv().await {
            return Arrival::Control(piece);
        }
        Arrival::Closed { code: close_code(&error), cause: loss_cause(error) }
    }

    /// Queues a control message; a relay that reads so slowly that the queue is full is no relay.
    pub(super) fn send(&self, message: Vec<u8>) {
        if !self.control.write(message) {
            close(&self.conn, CloseCode::TooSlow);
        }
    }

    /// Closes the connection after its last words.
    pub(super) async fn close(mut self, code: CloseCode) {
        if self.control.close(code) {
            let _ = timeout(FAREWELL_TIMEOUT, self.conn.closed()).await;
        }
        close(&self.conn, code);
        self.tasks.abort_all();
    }
}

/// Why a connection that stood is over, for people.
fn loss_cause(error: ConnectionError) -> String {
    match error {
        ConnectionError::Reset => "the relay restarted".to_owned(),
        ConnectionError::TimedOut => "nothing was heard from the relay for too long".to_owned(),
        error => ConnectError::from(error).to_string(),
    }
}

/// Keeps the way to the relay out of the tunnel, for as long as the session lives.
#[derive(Debug)]
pub(super) struct PathKeeper {
    adapter: Option<String>,
    state: Mutex<PathState>,
}

#[derive(Debug)]
struct PathState {
    pins: BTreeMap<IpAddr, RoutePin>,
    /// The address that is connected, or was last.
    relay: Option<IpAddr>,
    next_check: Instant,
}

impl PathKeeper {
    /// Keeps out of `adapter`; does nothing if there is none.
    pub(super) fn new(adapter: Option<String>) -> Self {
        let state = PathState {
            pins: BTreeMap::new(),
            relay: None,
            next_check: Instant::now() + ROUTE_CHECK_INTERVAL,
        };
        Self { adapter, state: Mutex::new(state) }
    }

    /// Whether the way is pinned; `None` if it need not be.
    pub(super) fn is_pinned(&self) -> Option<bool> {
        self.adapter.as_ref().map(|_| !self.state().pins.is_empty())
    }

    /// Waits until the way to the relay leads into the tunnel all the same, and says so.
    pub(super) async fn lost(&self) -> String {
        if self.adapter.is_none() {
            return pending().await;
        }
        loop {
            let due = self.state().next_check;
            sleep_until(due.into()).await;
            let mut state = self.state();
            state.next_check = Instant::now() + ROUTE_CHECK_INTERVAL;
            let PathState { pins, relay: current, .. } = &mut *state;
            for (relay, pin) in pins {
                match pin.check() {
                    Ok(PinState::ThroughTunnel) if *current == Some(*relay) => {
                        return format!("the way to {relay} leads into the tunnel");
                    }
                    Ok(PinState::Repinned) => {
                        info!(target: "lanparty::session", %relay, "the way to the relay has changed")
                    }
                    Ok(_) => {}
                    Err(error) => {
                        warn!(target: "lanparty::session", %relay, %error, "the way to the relay cannot be checked")
                    }
                }
            }
        }
    }

    /// Takes all pins out again.
    pub(super) fn release(&self) {
        self.state().pins.clear();
    }

    /// Says which of the relay's addresses is connected.
    pub(super) fn travel_to(&self, relay: IpAddr) {
        self.state().relay = Some(relay.to_canonical());
    }

    fn keep(&self, relay: IpAddr) -> Result<(), RouteError> {
        let relay = relay.to_canonical();
        let Some(adapter) = &self.adapter else { return Ok(()) };
        let mut state = self.state();
        if let Entry::Vacant(vacant) = state.pins.entry(relay) {
            vacant.insert(RoutePin::install(relay, Some(adapter))?);
        }
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, PathState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
