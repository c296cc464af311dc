//! The boring part of a relay: moves bytes between connections and the state, and keeps the time.
#![expect(clippy::disallowed_methods, reason = "drivers own the clock")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use quinn::{Connection, Endpoint, Incoming};
use tokio::sync::{Notify, watch};
use tokio::task::{JoinSet, yield_now};
use tokio::time::{sleep, sleep_until, timeout};
use tracing::field::Empty;
use tracing::{Instrument, Span, debug, error, info_span};

use super::subtask::Subtask;
use super::throttle::{Throttle, Welcome};
use super::{HandshakeConfig, RelayEvent, RelayOutput, RelayState, RelayStats};
use crate::ctrl::{CloseCode, LeaveReason, RelayMessage, RoomCode, encode};
use crate::obs::{DropReason, EventSender, Events};
use crate::proto::{RoomId, Worker};
use crate::quic::{
    ControlRole, ControlWriter, Outbox, OutboxLimits, OutboxStats, close, close_code, is_astray,
    open_control, recv_batches,
};
use crate::room::{ConnId, RoomEvent};

/// Datagrams handled at once: one lock for all of them.
const DATAGRAM_BATCH: usize = 64;
/// How often a connection's datagram budget is looked at: often while the path's MTU is being discovered, seldom later.
const BUDGET_POLL_MIN: Duration = Duration::from_millis(50);
const BUDGET_POLL_MAX: Duration = Duration::from_secs(5);

/// What all tasks of a worker share.
#[derive(Debug)]
pub(super) struct Core {
    worker: Worker,
    inner: Mutex<Inner>,
    pub(super) shared: Arc<Shared>,
    /// The next deadline may have moved.
    rescheduled: Notify,
    /// A connection has ended.
    ended: Notify,
    outbox_limits: OutboxLimits,
    handshake_timeout: Duration,
}

/// What all workers of a relay share: nothing that a frame touches.
#[derive(Debug)]
pub(super) struct Shared {
    throttle: Mutex<Throttle>,
    pub(super) events: EventSender<RelayEvent>,
    /// Whether connections are accepted yet.
    opened: watch::Sender<bool>,
    /// Whether a worker accepts connections no longer.
    pub(super) stopped: watch::Sender<bool>,
}

impl Shared {
    pub(super) fn new(handshake: HandshakeConfig, max_connections: u32) -> Self {
        let throttle = Throttle::new(handshake, max_handshakes(max_connections), Instant::now());
        Self {
            throttle: Mutex::new(throttle),
            events: EventSender::new(),
            opened: watch::Sender::new(false),
            stopped: watch::Sender::new(false),
        }
    }

    /// Lets workers accept connections.
    pub(super) fn open(&self) {
        self.opened.send_replace(true);
    }

    fn throttle(&self) -> MutexGuard<'_, Throttle> {
        self.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
struct Inner {
    state: RelayState,
    links: Vec<Option<Link>>,
    /// For those who subscribed to one room.
    room_events: BTreeMap<RoomId, EventSender<RoomEvent>>,
    stats: RelayStats,
}

/// What goes to one connection.
struct Shipment {
    to: ConnId,
    outbox: Arc<Outbox>,
    load: Vec<Bytes>,
}

/// The sending half of a connection.
#[derive(Debug)]
struct Link {
    id: ConnId,
    conn: Connection,
    control: ControlWriter,
    outbox: Arc<Outbox>,
}

impl Core {
    pub(super) fn new(
        worker: Worker,
        state: RelayState,
        shared: Arc<Shared>,
        handshake_timeout: Duration,
        outbox_limits: OutboxLimits,
    ) -> Self {
        Self {
            worker,
            inner: Mutex::new(Inner {
                state,
                links: Vec::new(),
                room_events: BTreeMap::new(),
                stats: RelayStats::default(),
            }),
            shared,
            rescheduled: Notify::new(),
            ended: Notify::new(),
            outbox_limits,
            handshake_timeout,
        }
    }

    pub(super) const fn worker(&self) -> Worker {
        self.worker
    }

    /// Looks at the state.
    pub(super) fn read<T>(&self, look: impl FnOnce(&RelayState) -> T) -> T {
        look(&self.lock().state)
    }

    /// Changes the state and does what follows from it.
    pub(super) fn update<T>(&self, change: impl FnOnce(&mut RelayState, Instant) -> T) -> T {
        let mut inner = self.lock();
        let due = inner.state.poll_timeout();
        let result = change(&mut inner.state, Instant::now());
        self.obey(&mut inner);
        if inner.state.poll_timeout() != due {
            self.rescheduled.notify_one();
        }
        result
    }

    /// The events of one room; none if it is not open.
    pub(super) fn room_events(&self, code: &RoomCode, id: RoomId) -> Events<RoomEvent> {
        let mut inner = self.lock();
        if inner.state.room(code).is_none_or(|room| room.id != id) {
            return EventSender::new().subscribe();
        }
        inner.room_events.entry(id).or_insert_with(EventSender::new).subscribe()
    }

    /// Waits until no connection is left.
    pub(super) async fn emptied(&self) {
        loop {
            let ended = self.ended.notified();
            if self.read(RelayState::connections) == 0 {
                return;
            }
            ended.await;
        }
    }

    pub(super) fn stats(&self) -> RelayStats {
        let inner = self.lock();
        let mut stats = inner.stats.clone();
        stats.connections = inner.state.connections();
        for link in inner.links.iter().flatten() {
            stats.count_outbox(&link.outbox.stats());
        }
        stats
    }

    /// A panic in one task must not take the others down: the state has no half-made changes that would harm them.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn obey(&self, inner: &mut Inner) {
        while let Some(output) = inner.state.poll_output() {
            match output {
                RelayOutput::Send { conn, message } => inner.send(conn, &message),
                RelayOutput::Close { conn, code } => {
                    if let Some(link) = inner.link(conn)
                        && !link.control.close(code)
                    {
                        close(&link.conn, code);
                    }
                }
                RelayOutput::Event(event) => {
                    debug!(target: "lanparty::relay", ?event);
                    inner.tell_room(&event);
                    self.shared.events.send(event);
                }
            }
        }
    }
}

impl Inner {
    fn link(&self, id: ConnId) -> Option<&Link> {
        self.links.get(id.index as usize)?.as_ref().filter(|link| link.id == id)
    }

    /// Adds a datagram to what goes to `to`.
    fn load(&self, to: ConnId, datagram: Bytes, shipments: &mut Vec<Shipment>) {
        if let Some(shipment) = shipments.iter_mut().find(|shipment| shipment.to == to) {
            shipment.load.push(datagram);
        } else if let Some(link) = self.link(to) {
            shipments.push(Shipment { to, outbox: Arc::clone(&link.outbox), load: vec![datagram] });
        }
    }

    fn send(&self, conn: ConnId, message: &RelayMessage) {
        let Some(link) = self.link(conn) else { return };
        match encode(message) {
            Ok(bytes) => {
                if !link.control.write(bytes) {
                    // Whoever does not read what happens in the room cannot stay in it.
                    close(&link.conn, CloseCode::TooSlow);
                }
            }
            Err(error) => error!(target: "lanparty::relay", %error, "message not sent"),
        }
    }

    fn tell_room(&mut self, event: &RelayEvent) {
        let (room, told) = match event {
            RelayEvent::Joined { room, info } => (room, RoomEvent::PeerJoined(info.clone())),
            RelayEvent::Left { room, info, reason, text } => {
                (room, RoomEvent::PeerLeft { info: info.clone(), reason: *reason, text: text.clone() })
            }
            RelayEvent::Paused { room, peer, paused } => {
                (room, RoomEvent::PeerPaused { peer: *peer, paused: *paused })
            }
            RelayEvent::RoomClosed { room, .. } => {
                self.room_events.remove(room);
                return;
            }
            RelayEvent::RoomOpened { .. } | RelayEvent::Rejected { .. } | RelayEvent::Closed { .. } => return,
        };
        if let Some(events) = self.room_events.get(room) {
            events.send(told);
        }
    }

    fn insert(&mut self, link: Link) {
        let index = link.id.index as usize;
        if self.links.len() <= index {
            self.links.resize_with(index + 1, || None);
        }
        self.links[index] = Some(link);
    }

    fn remove(&mut self, id: ConnId) -> Option<Link> {
        self.links.get_mut(id.index as usize)?.take_if(|link| link.id == id)
    }
}

/// Accepts connections, once that is allowed, until the endpoint is closed. A connection's tasks may panic; the relay goes on.
pub(super) async fn accept(core: Arc<Core>, endpoint: Endpoint) {
    let _ = core.shared.opened.subscribe().wait_for(|opened| *opened).await; // it cannot end: it is ours
    let mut connections = JoinSet::new();
    loop {
        let incoming = tokio::select! {
            incoming = endpoint.accept() => incoming,
            Some(ended) = connections.join_next() => {
                if let Err(failure) = ended
                    && failure.is_panic()
                {
                    error!(target: "lanparty::relay", %failure, "a connection's task panicked");
                    core.lock().stats.panics += 1;
                }
                continue;
            }
        };
        let Some(incoming) = incoming else { break };
        if let Some(serving) = core.welcome(incoming) {
            connections.spawn(serving);
            // The new task comes next, and its TLS takes as long as the forwarding of some dozen frames. However many come at
            // once, whoever is in waits for one of them at a time.
            yield_now().await;
        }
    }
    core.shared.stopped.send_replace(true);
    while connections.join_next().await.is_some() {}
}

/// Does what is due, when it is due.
pub(super) async fn keep_time(core: Arc<Core>) {
    loop {
        let due = core.read(RelayState::poll_timeout);
        tokio::select! {
            () = core.rescheduled.notified() => {}
            () = sleep_until(due.unwrap_or_else(Instant::now).into()), if due.is_some() => {
                core.update(|state, now| state.handle_timeout(now));
            }
        }
    }
}

impl Core {
    /// Judges a stranger's first packet, and gives the task of its connection if there is to be one.
    fn welcome(self: &Arc<Self>, incoming: Incoming) -> Option<impl Future<Output = ()> + Send + use<>> {
        let address = incoming.remote_address();
        if is_astray(&incoming, self.worker) {
            // It came while the workers' sockets began or ended, and comes again.
            debug!(target: "lanparty::relay", %address, "a first packet went astray");
            if incoming.may_retry() {
                incoming.ignore();
            } else {
                // By the id of a Retry, which a relay of another number of workers gave: it must begin anew.
                incoming.refuse();
            }
            return None;
        }
        let verdict = {
            // One guard for both: another worker may be judging at this moment.
            let mut throttle = self.shared.throttle();
            let now = Instant::now();
            let verdict = throttle.judge(now, address.ip(), incoming.remote_address_validated());
            if verdict == Welcome::Accept {
                throttle.opened(now, address.ip());
            }
            verdict
        };
        match verdict {
            Welcome::Accept => {
                let guard = AddressGuard { core: Arc::clone(self), address };
                let span =
                    info_span!(target: "lanparty::relay", "connection", %address, room = Empty, peer = Empty);
                Some(Arc::clone(self).serve(incoming, guard).instrument(span))
            }
            Welcome::Retry => {
                self.lock().stats.retries += 1;
                if incoming.may_retry() {
                    let _ = incoming.retry(); // it may have become impossible; then the stranger tries again
                } else {
                    incoming.ignore();
                }
                None
            }
            Welcome::Ignore => {
                self.lock().stats.throttled += 1;
                incoming.ignore();
                None
            }
        }
    }

    async fn serve(self: Arc<Self>, incoming: Incoming, guard: AddressGuard) {
        // Accepted here, where a panic over what a stranger sent ends this task alone.
        let Ok(Ok(conn)) = timeout(self.handshake_timeout, incoming).await else {
            self.lock().stats.failed_handshakes += 1;
            return;
        };
        let outbox = Arc::new(Outbox::new(self.outbox_limits));
        let (control, mut pieces, control_task) = open_control(&conn, ControlRole::Relay);
        // Pinned here and borrowed below: a future that owns another holds twice its memory, for every member.
        let control_task = pin!(control_task);
        let id = {
            let mut inner = self.lock();
            let id = inner.state.handle_connected(Instant::now(), conn.max_datagram_size());
            inner.insert(Link { id, conn: conn.clone(), control, outbox: Arc::clone(&outbox) });
            self.obey(&mut inner);
            id
        };
        self.rescheduled.notify_one();
        let membership = Membership { core: Arc::clone(&self), id, conn: conn.clone() };
        let reading = pin!(async {
            while let Some(piece) = pieces.recv().await {
                let seat = self.update(|state, now| {
                    state.handle_control(now, id, &piece);
                    state.seat(id)
                });
                if let Some((room, peer)) = seat {
                    Span::current().record("room", room.number()).record("peer", peer.number());
                }
            }
            if conn.close_reason().is_none() {
                self.update(|state, now| state.handle_control_end(now, id));
            }
        });
        // A task of its own: a frame wakes it, and would otherwise make everything below look for work as well. It has no
        // span, which would be entered and left for each frame: what is logged about frames names room and member.
        let forwarding = Subtask::spawn(Arc::clone(&self).forward(id, conn.clone()));
        // What a member said before its connection ended still counts, so both are read to their ends.
        let receiving = async { tokio::join!(forwarding.join(), reading).0 };
        let serving = async {
            tokio::join!(
                control_task,
                Arc::clone(&outbox).run(conn.clone()),
                self.watch_budget(id, &conn, &outbox)
            )
        };
        // Both tasks of a connection end together: whatever panics in them, only this membership ends.
        tokio::select! {
            reason = receiving => membership.end(reason),
            _ = serving => {}
        }
        drop(guard);
    }

    /// Forwards a connection's datagrams until it ends. Every receiver gets the same bytes, none of them copied.
    async fn forward(self: Arc<Self>, id: ConnId, conn: Connection) -> LeaveReason {
        let mut targets = Vec::new();
        let mut shipments = Vec::new();
        let error = recv_batches(&conn, DATAGRAM_BATCH, |batch, dropped| {
            if dropped > 0 {
                self.lock().stats.drops.add_many(DropReason::ReceiveQueueFull, dropped);
            }
            self.ship(id, batch, &mut targets, &mut shipments);
        });
        leave_reason(&error.await)
    }

    /// Forwards one batch. The last two are memory that is used again.
    fn ship(
        &self,
        id: ConnId,
        datagrams: &mut Vec<Bytes>,
        targets: &mut Vec<ConnId>,
        shipments: &mut Vec<Shipment>,
    ) {
        let now = Instant::now();
        {
            let mut inner = self.lock();
            for datagram in datagrams.drain(..) {
                targets.clear();
                // A drop is counted by the room already.
                let _ = inner.state.handle_datagram(now, id, &datagram, targets);
                let Some((last, others)) = targets.split_last() else { continue };
                for target in others {
                    inner.load(*target, datagram.clone(), shipments);
                }
                inner.load(*last, datagram, shipments);
            }
            self.obey(&mut inner);
        }
        // Outside the lock: a push may send, and nobody else should wait for that.
        shipments.retain_mut(|shipment| {
            let used = !shipment.load.is_empty();
            shipment.outbox.push_batch(&mut shipment.load);
            used
        });
    }

    /// Tells the state when a connection carries larger or only smaller datagrams.
    async fn watch_budget(&self, id: ConnId, conn: &Connection, outbox: &Outbox) {
        let mut known = conn.max_datagram_size();
        let mut pause = BUDGET_POLL_MIN;
        loop {
            tokio::select! {
                () = sleep(pause) => {}
                () = outbox.shrunk() => {}
            }
            let budget = conn.max_datagram_size();
            if budget == known {
                pause = (pause * 2).min(BUDGET_POLL_MAX);
                continue;
            }
            known = budget;
            pause = BUDGET_POLL_MIN;
            if let Some(budget) = budget {
                self.update(|state, _| state.handle_budget(id, budget));
            }
        }
    }
}

/// Gives an address its place back, however its connection ends.
struct AddressGuard {
    core: Arc<Core>,
    address: SocketAddr,
}

impl Drop for AddressGuard {
    fn drop(&mut self) {
        self.core.shared.throttle().closed(self.address.ip());
    }
}

/// Ends a membership however its connection's task ends, in a panic too.
struct Membership {
    core: Arc<Core>,
    id: ConnId,
    conn: Connection,
}

impl Membership {
    fn end(self, reason: LeaveReason) {
        self.core.update(|state, now| state.handle_closed(now, self.id, reason));
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.core.update(|state, now| state.handle_closed(now, self.id, LeaveReason::Lost));
        let mut inner = self.core.lock();
        if let Some(link) = inner.remove(self.id) {
            let stats = link.outbox.stats();
            inner.stats.count_outbox(&stats);
        }
        drop(inner);
        close(&self.conn, CloseCode::Internal);
        self.core.ended.notify_waiters();
    }
}

/// Why a member whose connection ended in this way has left.
fn leave_reason(error: &quinn::ConnectionError) -> LeaveReason {
    match (error, close_code(error)) {
        (_, Some(CloseCode::Leave)) => LeaveReason::Normal,
        (_, Some(CloseCode::Shutdown)) => LeaveReason::Shutdown,
        (_, Some(CloseCode::Protocol | CloseCode::Abuse)) => LeaveReason::Protocol,
        (quinn::ConnectionError::TimedOut, _) => LeaveReason::TimedOut,
        _ => LeaveReason::Lost,
    }
}

impl RelayStats {
    /// Adds what another worker has done.
    pub(super) fn add(&mut self, other: &Self) {
        let Self {
            connections,
            sent_datagrams,
            sent_bytes,
            drops,
            retries,
            throttled,
            failed_handshakes,
            panics,
        } = other;
        self.connections += connections;
        self.sent_datagrams += sent_datagrams;
        self.sent_bytes += sent_bytes;
        self.drops.merge(drops);
        self.retries += retries;
        self.throttled += throttled;
        self.failed_handshakes += failed_handshakes;
        self.panics += panics;
    }

    fn count_outbox(&mut self, outbox: &OutboxStats) {
        self.sent_datagrams += outbox.sent_datagrams;
        self.sent_bytes += outbox.sent_bytes;
        self.drops.merge(&outbox.drops);
    }
}

/// Connections and handshakes together: some more than members, so that those beyond are told that the relay is full.
const fn max_handshakes(max_connections: u32) -> u32 {
    max_connections.saturating_add(max_connections / 16).saturating_add(16)
}
