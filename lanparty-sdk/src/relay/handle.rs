//! What a program holds of a relay.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use quinn::Endpoint;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::driver::{Core, accept, keep_time};
use super::{HandshakeConfig, RelayConfig, RelayEvent, RelayState};
use crate::ctrl::{CloseCode, RoomCode};
use crate::obs::{DropCounts, Events};
use crate::proto::{PeerId, RoomId};
use crate::quic::{
    BindError, BufferReport, OutboxLimits, ServerCert, SocketBuffers, TransportOptions, server_config,
    server_endpoint,
};
use crate::room::RoomPeer;
use crate::room::{Room, RoomEvent, RoomSnapshot};
use crate::sealed::Sealed;

/// How long members may take to acknowledge a relay's farewell.
const FAREWELL_TIMEOUT: Duration = Duration::from_secs(2);

/// How a relay behaves.
#[derive(Clone, Debug, Default)]
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
    /// Datagrams that did not leave: slow or vanished receivers, budgets that fell. What a room refuses is counted with
    /// its members, see [`crate::room::MemberSnapshot::drops`].
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
    core: Arc<Core>,
    endpoint: Endpoint,
    buffers: BufferReport,
    transport: TransportOptions,
    tasks: Vec<JoinHandle<()>>,
}

impl Relay {
    /// Opens the socket and serves it on the tokio runtime from which this is called. A single-threaded runtime of its
    /// own serves it best.
    ///
    /// # Errors
    /// [`BindError`], with a hint for the common causes.
    pub fn bind(addr: SocketAddr, cert: &ServerCert, options: RelayOptions) -> Result<Self, BindError> {
        let transport = options.transport.for_address(addr);
        let (endpoint, buffers) =
            server_endpoint(addr, cert, server_config(cert, &transport), options.buffers)?;
        let max_connections = options.config.max_connections;
        let state = RelayState::new(options.config, seed());
        let core = Arc::new(Core::new(state, max_connections, options.handshake, options.outbox));
        let tasks = vec![
            tokio::spawn(accept(Arc::clone(&core), endpoint.clone())),
            tokio::spawn(keep_time(Arc::clone(&core))),
        ];
        Ok(Self { core, endpoint, buffers, transport, tasks })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// The system does not tell.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.endpoint.local_addr()
    }

    /// What the system gave of the socket buffers that were asked for.
    #[must_use]
    pub const fn buffers(&self) -> &BufferReport {
        &self.buffers
    }

    /// Its events from now on.
    #[must_use]
    pub fn events(&self) -> Events<RelayEvent> {
        self.core.events.subscribe()
    }

    /// All rooms as they are now.
    #[must_use]
    pub fn rooms(&self) -> Vec<RoomSnapshot> {
        self.core.read(RelayState::snapshot)
    }

    /// A room that is open now.
    #[must_use]
    pub fn room(&self, code: &RoomCode) -> Option<RelayRoom> {
        let snapshot = self.core.read(|state| state.room(code))?;
        Some(RelayRoom { core: Arc::clone(&self.core), code: code.clone(), id: snapshot.id })
    }

    /// What it has done so far.
    #[must_use]
    pub fn stats(&self) -> RelayStats {
        self.core.stats()
    }

    /// Shows another certificate to whoever connects from now on. Members that are in stay in.
    pub fn set_certificate(&self, cert: &ServerCert) {
        self.endpoint.set_server_config(Some(server_config(cert, &self.transport)));
    }

    /// Waits until it accepts connections no longer. That happens by itself only when its socket fails for good: then
    /// make a new one.
    pub async fn stopped(&self) {
        let mut stopped = self.core.stopped.subscribe();
        let _ = stopped.wait_for(|stopped| *stopped).await;
    }

    /// Tells every member that the relay goes away, and closes. Members come back by themselves when it does.
    pub async fn close(self, text: &str) {
        self.shut_down(text).await;
    }

    /// [`Relay::close`] for a relay that several hold: its UDP port is free when the last of them has dropped it. A second
    /// call changes nothing.
    pub async fn shut_down(&self, text: &str) {
        self.endpoint.set_server_config(None);
        self.core.update(|state, now| state.shut_down(now, text));
        let _ = timeout(FAREWELL_TIMEOUT, self.core.emptied()).await;
        self.endpoint.close(CloseCode::Shutdown.code().into(), b"");
        let _ = timeout(FAREWELL_TIMEOUT, self.endpoint.wait_idle()).await;
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.endpoint.close(CloseCode::Shutdown.code().into(), b"");
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").field("addr", &self.endpoint.local_addr().ok()).finish_non_exhaustive()
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
