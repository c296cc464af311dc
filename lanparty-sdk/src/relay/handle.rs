//! What a program holds of a relay.

use std::fmt;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::driver::{Core, Shared};
use super::worker::{FAREWELL_TIMEOUT, RelayWorker};
use super::{HandshakeConfig, RelayConfig, RelayEvent, RelayState};
use crate::ctrl::RoomCode;
use crate::obs::{DropCounts, Events};
use crate::proto::{PeerId, RoomId, Worker};
#[cfg(target_os = "linux")]
use crate::quic::bind_group;
use crate::quic::{
    BindError, BufferReport, OutboxLimits, ServerCert, SocketBuffers, TransportOptions, bind_udp,
    server_config, worker_endpoint,
};
use crate::room::RoomPeer;
use crate::room::{Room, RoomEvent, RoomSnapshot};
use crate::sealed::Sealed;

/// How a relay behaves.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RelayOptions {
    /// Bounds of its rooms and members.
    pub config: RelayConfig,
    /// Bounds on new connections.
    pub handshake: HandshakeConfig,
    /// How its connections behave.
    pub transport: TransportOptions,
    /// How large its UDP socket's buffers are to be.
    pub buffers: SocketBuffers,
    /// How much may wait for one slow member.
    pub outbox: OutboxLimits,
    /// How many threads serve its rooms, each with rooms of its own; 1 by default and at least, [`Worker::MAX`] at most.
    ///
    /// The first is the one of the runtime that [`Relay::bind`] is called from, and the others are made by the relay. More
    /// than there are processors gain nothing, and one is enough for a hundred rooms of eight. A room is on one worker for as long
    /// as it is open, by its code, so a single room never gets faster.
    ///
    /// # Platform
    /// Linux alone sorts datagrams to threads by their contents. Elsewhere there is one worker, whatever is asked for.
    pub workers: usize,
}

impl Default for RelayOptions {
    fn default() -> Self {
        Self {
            config: RelayConfig::default(),
            handshake: HandshakeConfig::default(),
            transport: TransportOptions::default(),
            buffers: SocketBuffers::default(),
            outbox: OutboxLimits::default(),
            workers: 1,
        }
    }
}

/// What a relay has done so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RelayStats {
    /// Connections that are open now, members or not.
    pub connections: usize,
    /// Datagrams sent to members.
    pub sent_datagrams: u64,
    /// Bytes of those.
    pub sent_bytes: u64,
    /// Datagrams that did not leave: slow or vanished receivers, budgets that fell, a relay that fell behind. What a room
    /// refuses is counted with its members, see [`crate::room::MemberSnapshot::drops`].
    pub drops: DropCounts,
    /// Strangers that had to prove their address.
    pub retries: u64,
    /// Strangers that were not answered because their address began too much.
    pub throttled: u64,
    /// Handshakes that began and did not end well.
    pub failed_handshakes: u64,
    /// Tasks of connections that panicked. Each took only its own connection down.
    pub panics: u64,
}

/// A relay on a UDP socket. Dropping it closes every connection at once; [`Relay::close`] says goodbye first.
pub struct Relay {
    /// At least one, each at its index.
    workers: Vec<RelayWorker>,
    shared: Arc<Shared>,
    buffers: BufferReport,
    transport: TransportOptions,
}

impl Relay {
    /// Opens the socket and serves it on the tokio runtime from which this is called, and on threads of its own if it is to
    /// have several workers. A single-threaded runtime serves best.
    ///
    /// # Errors
    /// [`BindError`], with a hint for the common causes.
    pub fn bind(addr: SocketAddr, cert: &ServerCert, options: RelayOptions) -> Result<Self, BindError> {
        let transport = options.transport.for_address(addr);
        let (sockets, buffers) = bind_sockets(addr, &options)?;
        warn_of_small_shares(&options.config, sockets.len());
        let config = server_config(cert, &transport);
        let handshake_timeout = Duration::from_millis(options.handshake.timeout_ms);
        let shared = Arc::new(Shared::new(options.handshake, options.config.max_connections));
        let mut workers = Vec::with_capacity(sockets.len());
        for (worker, socket) in Worker::all(sockets.len()).zip(sockets) {
            let state = RelayState::of_worker(options.config.clone(), seed(), worker);
            let core = Core::new(worker, state, Arc::clone(&shared), handshake_timeout, options.outbox);
            let open = || worker_endpoint(addr, socket, cert, config.clone(), worker);
            workers.push(match worker.index() {
                0 => RelayWorker::here(core, open)?,
                _ => RelayWorker::aside(addr, core, open)?,
            });
        }
        // As a task of the caller's: on a single thread, whoever asks for events right now misses none.
        let opening = Arc::clone(&shared);
        tokio::spawn(async move { opening.open() });
        Ok(Self { workers, shared, buffers, transport })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// The system does not tell.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.workers.first().ok_or(io::ErrorKind::NotConnected)?.endpoint.local_addr()
    }

    /// What the system gave of the socket buffers that were asked for.
    #[must_use]
    pub const fn buffers(&self) -> &BufferReport {
        &self.buffers
    }

    /// Its events from now on, those of all workers.
    #[must_use]
    pub fn events(&self) -> Events<RelayEvent> {
        self.shared.events.subscribe()
    }

    /// All rooms as they are now, by number.
    #[must_use]
    pub fn rooms(&self) -> Vec<RoomSnapshot> {
        let mut rooms: Vec<_> =
            self.workers.iter().flat_map(|worker| worker.core.read(RelayState::snapshot)).collect();
        rooms.sort_unstable_by_key(|room| room.id);
        rooms
    }

    /// A room that is open now.
    #[must_use]
    pub fn room(&self, code: &RoomCode) -> Option<RelayRoom> {
        let worker = self.workers.iter().find(|worker| worker.core.worker().serves(code.steering_byte()))?;
        let snapshot = worker.core.read(|state| state.room(code))?;
        Some(RelayRoom { core: Arc::clone(&worker.core), code: code.clone(), id: snapshot.id })
    }

    /// How many threads serve it.
    #[must_use]
    pub const fn workers(&self) -> usize {
        self.workers.len()
    }

    /// What it has done so far, all workers together.
    #[must_use]
    pub fn stats(&self) -> RelayStats {
        let mut stats = RelayStats::default();
        for worker in &self.workers {
            stats.add(&worker.core.stats());
        }
        stats
    }

    /// Shows another certificate to whoever connects from now on. Members that are in stay in.
    pub fn set_certificate(&self, cert: &ServerCert) {
        let config = server_config(cert, &self.transport);
        for worker in &self.workers {
            worker.endpoint.set_server_config(Some(config.clone()));
        }
    }

    /// Waits until it accepts connections no longer, in whole or in part. That happens by itself only when a socket of its
    /// fails for good: then make a new one.
    pub async fn stopped(&self) {
        let mut stopped = self.shared.stopped.subscribe();
        let _ = stopped.wait_for(|stopped| *stopped).await;
    }

    /// Tells every member that the relay goes away, and closes. Members come back by themselves when it does.
    pub async fn close(self, text: &str) {
        self.shut_down(text).await;
    }

    /// [`Relay::close`] for a relay that several hold: its UDP port is free when the last of them has dropped it. A second
    /// call changes nothing.
    pub async fn shut_down(&self, text: &str) {
        for worker in &self.workers {
            worker.endpoint.set_server_config(None);
            worker.core.update(|state, now| state.shut_down(now, text));
        }
        // One after the other, but all within one time: nobody waits for those who are done already.
        let _ = timeout(FAREWELL_TIMEOUT, async {
            for worker in &self.workers {
                worker.core.emptied().await;
            }
        })
        .await;
        for worker in &self.workers {
            worker.close();
        }
        let _ = timeout(FAREWELL_TIMEOUT, async {
            for worker in &self.workers {
                worker.endpoint.wait_idle().await;
            }
        })
        .await;
        for worker in &self.workers {
            worker.end().await;
        }
    }
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").field("addr", &self.local_addr().ok()).finish_non_exhaustive()
    }
}

/// A socket for each worker.
#[cfg(target_os = "linux")]
fn bind_sockets(
    addr: SocketAddr,
    options: &RelayOptions,
) -> Result<(Vec<UdpSocket>, BufferReport), BindError> {
    let count = Worker::all(options.workers).len();
    if count > 1 {
        return bind_group(addr, count, options.buffers);
    }
    let (socket, buffers) = bind_udp(addr, options.buffers)?;
    Ok((vec![socket], buffers))
}

/// A socket for the one worker.
#[cfg(not(target_os = "linux"))]
fn bind_sockets(
    addr: SocketAddr,
    options: &RelayOptions,
) -> Result<(Vec<UdpSocket>, BufferReport), BindError> {
    if options.workers > 1 {
        tracing::warn!(
            target: "lanparty::relay",
            asked = options.workers,
            "only Linux can share a UDP port among workers: the relay has one"
        );
    }
    let (socket, buffers) = bind_udp(addr, options.buffers)?;
    Ok((vec![socket], buffers))
}

/// A room is on one worker, and workers lend each other nothing.
fn warn_of_small_shares(config: &RelayConfig, workers: usize) {
    let clients = config.room.max_clients;
    let shares = Worker::all(workers).map(|worker| worker.share(config.max_connections));
    if let Some(connections) = shares.min().filter(|share| *share <= u32::from(clients)) {
        tracing::warn!(
            target: "lanparty::relay",
            clients,
            connections,
            workers,
            "a worker takes fewer connections than a full room and its gateway need: allow more connections, or fewer clients \
             per room or workers"
        );
    }
}

fn seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0_u8)
}

/// A room as its relay sees it.
#[derive(Clone, Debug)]
pub struct RelayRoom {
    core: Arc<Core>,
    code: RoomCode,
    id: RoomId,
}

impl RelayRoom {
    /// The room's number on this relay.
    #[must_use]
    pub const fn id(&self) -> RoomId {
        self.id
    }

    /// What the room looks like now; `None` once its last member has left.
    #[must_use]
    pub fn snapshot(&self) -> Option<RoomSnapshot> {
        self.core.read(|state| state.room(&self.code)).filter(|room| room.id == self.id)
    }

    /// Removes a member, who will not come back by itself. `false` if there is none of that number.
    pub fn kick(&self, peer: PeerId, text: &str) -> bool {
        self.core.update(|state, now| state.kick(now, self.id, peer, text))
    }
}

impl Sealed for RelayRoom {}

impl Room for RelayRoom {
    fn code(&self) -> RoomCode {
        self.code.clone()
    }

    fn mtu(&self) -> Option<u16> {
        self.snapshot().map(|room| room.mtu)
    }

    fn peers(&self) -> Vec<RoomPeer> {
        let members = self.snapshot().map(|room| room.members).unwrap_or_default();
        members.into_iter().map(|member| RoomPeer { info: member.info, rtt: None }).collect()
    }

    fn subscribe(&self) -> Events<RoomEvent> {
        self.core.room_events(&self.code, self.id)
    }
}
