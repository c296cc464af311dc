//! The boring part of a session: moves bytes between port, member and connection, and keeps the time.
#![expect(clippy::disallowed_methods, reason = "drivers own the clock")]

use std::future::{pending, poll_fn};
use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use quinn::{Connection, Endpoint};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::{JoinHandle, JoinSet, yield_now};
use tokio::time::{sleep_until, timeout};
use tracing::{Instrument, debug, info_span, warn};

use super::JoinError;
use super::handle::{Command, Facts, MemberSession, Progress, Shared};
use super::link::{Arrival, Link, PathKeeper, Target};
use crate::ctrl::{CloseCode, encode};
use crate::member::{EndReason, Member, MemberConfig, MemberOutput, Phase, SessionEvent};
use crate::obs::{DropCounts, DropReason, EventSender};
use crate::port::{FrameBatch, Port, TrySendError};
use crate::quic::{Outbox, OutboxLimits};
use crate::room::RoomEvent;

/// Datagrams handled at once: one lock and one wake-up for all of them.
const DATAGRAM_BATCH: usize = 64;
/// How long the last packets may take to leave when the session is over.
const ENDPOINT_TIMEOUT: Duration = Duration::from_secs(1);

/// What a driver begins with.
pub(super) struct Start {
    pub(super) config: MemberConfig,
    pub(super) target: Arc<Target>,
    pub(super) endpoint: Endpoint,
    pub(super) port: Option<Port>,
    pub(super) outbox: OutboxLimits,
}

/// Spawns a session's driver.
pub(super) fn start(start: Start) -> MemberSession {
    let Start { config, target, endpoint, port, outbox } = start;
    let (commands_tx, commands) = mpsc::channel(4);
    let span = info_span!(target: "lanparty::session", "session", room = %config.room, role = %config.role);
    let shared = Arc::new(Shared {
        role: config.role,
        code: config.room.clone(),
        promised_mtu: config.mtu,
        mac: config.mac,
        member: Mutex::new(Member::new(config, seed(), Instant::now())),
        facts: Mutex::new(Facts { port: port.as_ref().map(|port| port.sink.caps()), ..Facts::default() }),
        events: EventSender::new(),
        room_events: EventSender::new(),
        changed: Notify::new(),
        progress: watch::Sender::new(Progress::default()),
    });
    let path = PathKeeper::new(target.keep_out_of.clone());
    let driver = Driver {
        shared: Arc::clone(&shared),
        target,
        endpoint,
        commands,
        connecting: None,
        link: None,
        outbox: Arc::new(Outbox::new(outbox)),
        outbox_limits: outbox,
        port,
        path: Arc::new(path),
        farewells: JoinSet::new(),
        datagrams: Vec::with_capacity(DATAGRAM_BATCH),
        batch: FrameBatch::default(),
        outgoing: Vec::with_capacity(DATAGRAM_BATCH),
        frames: Vec::with_capacity(DATAGRAM_BATCH),
    };
    tokio::spawn(driver.run().instrument(span));
    MemberSession::new(shared, commands_tx)
}

/// A seed that differs between members and between runs.
fn seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0_u8)
}

struct Driver {
    shared: Arc<Shared>,
    target: Arc<Target>,
    endpoint: Endpoint,
    commands: mpsc::Receiver<Command>,
    connecting: Option<JoinHandle<Result<Connection, JoinError>>>,
    link: Option<Link>,
    /// Of the present connection, or of the last one: then it counts what could not be sent.
    outbox: Arc<Outbox>,
    outbox_limits: OutboxLimits,
    port: Option<Port>,
    path: Arc<PathKeeper>,
    /// Connections that say their last words.
    farewells: JoinSet<()>,
    datagrams: Vec<Bytes>,
    batch: FrameBatch,
    outgoing: Vec<Bytes>,
    frames: Vec<Bytes>,
}

/// One turn of the driver.
enum Happening {
    Arrival(Arrival),
    Changed,
    Command(Option<Command>),
    Connected(Result<Connection, JoinError>),
    PathLost(String),
    PortRead(io::Result<()>),
    Timeout,
}

impl Driver {
    async fn run(mut self) {
        let _last_word = LastWord(Arc::clone(&self.shared));
        let timer = sleep_until(Instant::now().into());
        tokio::pin!(timer);
        loop {
            self.obey();
            let (phase, due) = {
                let member = self.shared.member();
                (member.phase(), member.poll_timeout())
            };
            if phase == Phase::Ended {
                self.obey(); // it may have ended since, by another thread's hand
                break;
            }
            if let Some(due) = due
                && timer.deadline() != due.into()
            {
                timer.as_mut().reset(due.into());
            }
            let Self { shared, commands, connecting, link, port, path, datagrams, batch, .. } = &mut self;
            let happening = tokio::select! {
                arrival = next_arrival(link, datagrams) => Happening::Arrival(arrival),
                read = read_port(port, batch) => Happening::PortRead(read),
                () = &mut timer, if due.is_some() => Happening::Timeout,
                () = shared.changed.notified() => Happening::Changed,
                command = commands.recv(), if !commands.is_closed() => Happening::Command(command),
                connected = next_connection(connecting) => Happening::Connected(connected),
                cause = path.lost() => Happening::PathLost(cause),
            };
            // There is more, and it may come without end: the connection sends in between, or the outbox overflows.
            let gives_way = matches!(happening, Happening::PortRead(Ok(()))) && self.batch.is_full();
            self.handle(happening);
            if gives_way {
                yield_now().await;
            }
        }
        self.finish().await;
    }

    fn handle(&mut self, happening: Happening) {
        match happening {
            Happening::Arrival(Arrival::Datagrams { dropped }) => self.receive(dropped),
            Happening::Arrival(Arrival::Control(bytes)) => {
                self.shared.member().handle_control(Instant::now(), &bytes);
            }
            Happening::Arrival(Arrival::Closed { code, cause }) => {
                self.drop_link();
                self.shared.member().handle_disconnected(Instant::now(), code, &cause);
            }
            Happening::PortRead(Ok(())) => self.transmit(),
            Happening::PortRead(Err(error)) => {
                self.port = None;
                self.shared.facts().port = None;
                self.shared.member().handle_port_closed(&error.to_string());
            }
            Happening::Timeout => {
                let rtt = self.link.as_ref().map(|link| link.conn.rtt());
                let mut member = self.shared.member();
                if let Some(rtt) = rtt {
                    member.handle_relay_rtt(rtt);
                }
                member.handle_timeout(Instant::now());
            }
            Happening::Changed | Happening::Command(None) => {}
            Happening::Command(Some(command)) => self.command(command),
            Happening::Connected(result) => self.connected(result),
            Happening::PathLost(cause) => {
                warn!(target: "lanparty::session", cause, "the way to the relay leads into the tunnel");
                if let Some(attempt) = self.connecting.take() {
                    attempt.abort();
                }
                if let Some(link) = self.take_link() {
                    self.farewells.spawn(link.close(CloseCode::Internal));
                }
                self.shared.member().handle_disconnected(Instant::now(), None, &cause);
            }
        }
    }

    fn connected(&mut self, result: Result<Connection, JoinError>) {
        self.connecting = None;
        match result {
            Ok(conn) => {
                self.retire_outbox();
                let budget = conn.max_datagram_size();
                self.path.travel_to(conn.remote_address().ip());
                let link = Link::new(conn, &self.outbox);
                {
                    let mut facts = self.shared.facts();
                    facts.conn = Some(link.conn.clone());
                    facts.outbox = Some(Arc::clone(&self.outbox));
                    facts.route_pinned = self.path.is_pinned();
                }
                self.link = Some(link);
                self.shared.member().handle_connected(Instant::now(), budget);
            }
            Err(error) => {
                let cause = chain(&error);
                debug!(target: "lanparty::session", cause, "no connection");
                self.shared.facts().failure = Some(error);
                self.shared.member().handle_disconnected(Instant::now(), None, &cause);
            }
        }
    }

    /// Datagrams of the connection become frames of the port.
    fn receive(&mut self, dropped: u64) {
        let now = Instant::now();
        {
            let mut member = self.shared.member();
            for datagram in self.datagrams.drain(..) {
                // A drop is counted by the member already.
                let _ = member.handle_datagram(now, &datagram, &mut self.frames);
            }
        }
        // Without the lock: a port may be anybody's code, and may ask the session something.
        let mut drops = DropCounts::default();
        drops.add_many(DropReason::ReceiveQueueFull, dropped);
        if let Some(port) = &self.port {
            port.sink.try_send_batch(&mut self.frames, &mut |error| drops.add(port_drop(&error)));
        } else {
            drops.add_many(DropReason::PortError, self.frames.drain(..).count() as u64);
        }
        if drops.total() > 0 {
            self.shared.member().stats_mut().drops.merge(&drops);
        }
    }

    /// Frames of the port become datagrams of the connection.
    fn transmit(&mut self) {
        let budget = self.link.as_ref().and_then(|link| link.conn.max_datagram_size());
        let port_drops = self.port.as_mut().map(|port| port.source.take_drops());
        let mut member = self.shared.member();
        if let Some(budget) = budget {
            member.handle_budget(budget);
        }
        if let Some(drops) = port_drops {
            member.stats_mut().drops.merge(&drops);
        }
        for frame in self.batch.drain() {
            // A drop is counted by the member already.
            let _ = member.handle_port_frame(frame, &mut self.outgoing);
        }
        drop(member);
        self.outbox.push_batch(&mut self.outgoing);
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Bridge(port, reply) => {
                if let Some(old) = self.port.replace(port) {
                    set_link(&old, false);
                }
                let seat = self.shared.member().seat();
                if let (Some(port), Some((_, _, mtu))) = (&self.port, seat) {
                    open_port(port, mtu);
                }
                self.shared.facts().port = self.port.as_ref().map(|port| port.sink.caps());
                let _ = reply.send(()); // whoever asked may have gone
            }
            Command::Unbridge(reply) => {
                self.shared.facts().port = None;
                if let Some(port) = &self.port {
                    set_link(port, false);
                }
                let _ = reply.send(self.port.take());
            }
        }
    }

    /// Does what the member says.
    fn obey(&mut self) {
        loop {
            let Some(output) = self.shared.member().poll_output() else { return };
            match output {
                MemberOutput::Connect => {
                    let attempt =
                        Arc::clone(&self.target).connect(self.endpoint.clone(), Arc::clone(&self.path));
                    self.connecting = Some(tokio::spawn(attempt));
                }
                MemberOutput::Send(message) => match (&self.link, encode(&message)) {
                    (Some(link), Ok(bytes)) => link.send(bytes),
                    (None, _) => {}
                    (Some(_), Err(error)) => warn!(target: "lanparty::session", %error, "message not sent"),
                },
                MemberOutput::SendDatagram(datagram) => self.outbox.push(datagram),
                MemberOutput::WritePort(frame) => {
                    if let Some(port) = &self.port
                        && let Err(error) = port.sink.try_send(frame)
                    {
                        self.shared.member().stats_mut().drop(port_drop(&error));
                    }
                }
                MemberOutput::SetMtu(mtu) => {
                    if let Some(port) = &self.port {
                        open_port(port, mtu);
                    }
                }
                MemberOutput::Close(code) => {
                    if let Some(connecting) = self.connecting.take() {
                        connecting.abort();
                    }
                    if let Some(link) = self.take_link() {
                        self.farewells.spawn(link.close(code));
                    }
                }
                MemberOutput::Event(event) => self.tell(event),
            }
        }
    }

    fn tell(&self, event: SessionEvent) {
        match &event {
            SessionEvent::Joined { .. } => {
                self.shared.progress.send_modify(|progress| progress.joined_once = true)
            }
            SessionEvent::Ended(reason) => {
                self.shared.progress.send_modify(|progress| progress.ended = Some(reason.clone()));
            }
            SessionEvent::PeerJoined(info) => {
                self.shared.room_events.send(RoomEvent::PeerJoined(info.clone()))
            }
            SessionEvent::PeerLeft { info, reason, text } => self
                .shared
                .room_events
                .send(RoomEvent::PeerLeft { info: info.clone(), reason: *reason, text: text.clone() }),
            SessionEvent::PeerPaused { peer, paused } => {
                self.shared.room_events.send(RoomEvent::PeerPaused { peer: *peer, paused: *paused });
            }
            SessionEvent::Connecting { .. } | SessionEvent::Disconnected { .. } | SessionEvent::Paused(_) => {
            }
        }
        self.shared.events.send(event);
    }

    fn take_link(&mut self) -> Option<Link> {
        self.shared.facts().conn = None;
        self.link.take()
    }

    fn drop_link(&mut self) {
        drop(self.take_link());
    }

    /// Every connection has an outbox of its own, so that nothing meant for one leaves on another.
    fn retire_outbox(&mut self) {
        let old = std::mem::replace(&mut self.outbox, Arc::new(Outbox::new(self.outbox_limits)));
        let stats = old.stats();
        let mut facts = self.shared.facts();
        facts.past.sent_datagrams += stats.sent_datagrams;
        facts.past.sent_bytes += stats.sent_bytes;
        facts.past.drops.merge(&stats.drops);
    }

    async fn finish(mut self) {
        if let Some(connecting) = self.connecting.take() {
            connecting.abort();
        }
        self.drop_link();
        if let Some(port) = &self.port {
            set_link(port, false);
        }
        drop(self.port.take());
        while self.farewells.join_next().await.is_some() {}
        self.endpoint.close(CloseCode::Leave.code().into(), b"");
        let _ = timeout(ENDPOINT_TIMEOUT, self.endpoint.wait_idle()).await;
        self.path.release();
    }
}

/// Tells those who wait that the session is over, however its driver ends: by itself, by a panic in somebody's port, or
/// with its runtime.
struct LastWord(Arc<Shared>);

impl Drop for LastWord {
    fn drop(&mut self) {
        self.0.progress.send_modify(|progress| {
            progress.ended.get_or_insert_with(|| EndReason::PortClosed {
                cause: "the session's task is gone".to_owned(),
            });
            progress.done = true;
        });
    }
}

async fn next_arrival(link: &mut Option<Link>, datagrams: &mut Vec<Bytes>) -> Arrival {
    match link {
        Some(link) => link.arrival(datagrams, DATAGRAM_BATCH).await,
        None => pending().await,
    }
}

async fn next_connection(
    connecting: &mut Option<JoinHandle<Result<Connection, JoinError>>>,
) -> Result<Connection, JoinError> {
    match connecting {
        Some(attempt) => attempt.await.unwrap_or(Err(JoinError::Cancelled)),
        None => pending().await,
    }
}

async fn read_port(port: &mut Option<Port>, batch: &mut FrameBatch) -> io::Result<()> {
    match port {
        Some(port) => poll_fn(|cx| port.source.poll_recv(cx, batch)).await,
        None => pending().await,
    }
}

fn open_port(port: &Port, mtu: u16) {
    if let Err(error) = port.sink.set_mtu(mtu) {
        warn!(target: "lanparty::session", %error, mtu, "the port does not take the room's MTU");
    }
    set_link(port, true);
}

fn set_link(port: &Port, up: bool) {
    if let Err(error) = port.sink.set_link(up) {
        warn!(target: "lanparty::session", %error, up, "the port does not take its link state");
    }
}

const fn port_drop(error: &TrySendError) -> DropReason {
    match error {
        TrySendError::Full(_) => DropReason::PortFull,
        TrySendError::Refused(_) | TrySendError::Closed(_) => DropReason::PortError,
    }
}

/// An error with all its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
