//! What a user holds of a session.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quinn::Connection;
use tokio::sync::{Notify, mpsc, oneshot, watch};

use super::{BridgeError, JoinError, Session};
use crate::ctrl::{CloseCode, LeaveReason, PeerRole, RoomCode};
use crate::frame::MacAddr;
use crate::member::EndReason;
use crate::member::SessionEvent;
use crate::member::{Member, Phase};
use crate::obs::{Diagnostics, EventSender, Events, Level, TrafficStats, UserLine};
use crate::port::{Port, PortCaps, host_addresses};
use crate::proto::{PeerId, RoomId};
use crate::quic::{Outbox, OutboxStats};
use crate::room::{Room, RoomEvent, RoomPeer};
use crate::sealed::Sealed;

/// What the driver does on request.
#[derive(Debug)]
pub(super) enum Command {
    Bridge(Port, oneshot::Sender<()>),
    Unbridge(oneshot::Sender<Option<Port>>),
}

/// What the driver and all handles share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) member: Mutex<Member>,
    pub(super) facts: Mutex<Facts>,
    pub(super) events: EventSender<SessionEvent>,
    pub(super) room_events: EventSender<RoomEvent>,
    /// Something was changed in the member from outside; the driver must look.
    pub(super) changed: Notify,
    pub(super) progress: watch::Sender<Progress>,
    pub(super) role: PeerRole,
    pub(super) code: RoomCode,
    pub(super) promised_mtu: u16,
    pub(super) mac: Option<MacAddr>,
}

/// What the driver knows beside the member.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) conn: Option<Connection>,
    pub(super) port: Option<PortCaps>,
    pub(super) route_pinned: Option<bool>,
    pub(super) outbox: Option<Arc<Outbox>>,
    /// Of the outboxes of connections that are over.
    pub(super) past: OutboxStats,
    /// Why the first connection failed.
    pub(super) failure: Option<JoinError>,
}

/// How far the session has come, for those who wait.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress {
    pub(super) joined_once: bool,
    pub(super) ended: Option<EndReason>,
    /// The driver has said goodbye and is gone.
    pub(super) done: bool,
}

impl Shared {
    /// The member's machine leaves no half-made state behind, so a panic elsewhere is no reason to stop.
    pub(super) fn member(&self) -> MutexGuard<'_, Member> {
        self.member.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn facts(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn traffic(&self) -> TrafficStats {
        let mut traffic = self.member().stats().clone();
        let facts = self.facts();
        let now = facts.outbox.as_ref().map(|outbox| outbox.stats());
        for stats in [Some(&facts.past), now.as_ref()].into_iter().flatten() {
            traffic.tx_datagrams += stats.sent_datagrams;
            traffic.drops.merge(&stats.drops);
        }
        traffic
    }

    fn leave(&self, reason: LeaveReason, text: &str) {
        self.member().leave(reason, text);
        self.changed.notify_one();
    }

    fn peers(&self) -> Vec<RoomPeer> {
        let member = self.member();
        member.peers().map(|info| RoomPeer { rtt: member.rtt(info.peer), info: info.clone() }).collect()
    }
}

/// A session with a relay, for clients and gateways alike. Made by [`super::SessionBuilder`]; see [`Session`] for what
/// it does. Cloning gives another handle; the session ends when the last one is dropped.
#[derive(Clone)]
pub struct MemberSession(Arc<Owner>);

struct Owner {
    shared: Arc<Shared>,
    commands: mpsc::Sender<Command>,
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.shared.leave(LeaveReason::Normal, "");
    }
}

impl MemberSession {
    pub(super) fn new(shared: Arc<Shared>, commands: mpsc::Sender<Command>) -> Self {
        Self(Arc::new(Owner { shared, commands }))
    }

    /// The largest layer-2 payload that this member promised to carry. A port that carries less is refused, see
    /// [`Session::bridge`]: look before you hand one over.
    #[must_use]
    pub fn promised_mtu(&self) -> u16 {
        self.0.shared.promised_mtu
    }

    /// The numbers of the room and of this member; `None` while it is not in.
    #[must_use]
    pub fn seat(&self) -> Option<(RoomId, PeerId)> {
        self.0.shared.member().seat().map(|(room, peer, _)| (room, peer))
    }

    /// Waits until the member has been in its room once.
    ///
    /// # Errors
    /// [`JoinError`] if the session ended before that.
    pub async fn joined(&self) -> Result<(), JoinError> {
        let mut progress = self.0.shared.progress.subscribe();
        let reached = progress.wait_for(|progress| progress.joined_once || progress.done).await;
        let ended = match reached {
            Ok(progress) if progress.joined_once => return Ok(()),
            Ok(progress) => progress.ended.clone(),
            Err(_) => None,
        };
        Err(self.join_error(ended))
    }

    fn join_error(&self, ended: Option<EndReason>) -> JoinError {
        let relay = || "the relay".to_owned();
        match ended {
            Some(EndReason::Rejected(reject)) => JoinError::Rejected(reject),
            Some(EndReason::Closed { code: CloseCode::Protocol, text }) => {
                JoinError::Protocol { relay: relay(), cause: text }
            }
            Some(EndReason::Closed { code, .. }) => JoinError::Closed(code),
            Some(EndReason::PortClosed { cause }) => JoinError::Port { cause },
            Some(EndReason::Unreachable { cause }) => {
                let failure = self.0.shared.facts().failure.take();
                failure.unwrap_or_else(|| JoinError::Protocol { relay: relay(), cause })
            }
            Some(EndReason::Left) | None => JoinError::Cancelled,
        }
    }
}

impl Sealed for MemberSession {}

impl Session for MemberSession {
    type Room = MemberRoom;

    fn phase(&self) -> Phase {
        self.0.shared.member().phase()
    }

    fn end_reason(&self) -> Option<EndReason> {
        self.0.shared.progress.borrow().ended.clone()
    }

    fn events(&self) -> Events<SessionEvent> {
        self.0.shared.events.subscribe()
    }

    async fn bridge(&self, port: Port) -> Result<(), BridgeError> {
        check_port(&port, self.0.shared.promised_mtu)?;
        let (reply, done) = oneshot::channel();
        self.0.commands.send(Command::Bridge(port, reply)).await.map_err(|_| BridgeError::Ended)?;
        done.await.map_err(|_| BridgeError::Ended)
    }

    async fn unbridge(&self) -> Option<Port> {
        let (reply, port) = oneshot::channel();
        self.0.commands.send(Command::Unbridge(reply)).await.ok()?;
        port.await.ok()?
    }

    fn set_paused(&self, paused: bool) {
        self.0.shared.member().set_paused(paused);
        self.0.shared.changed.notify_one();
    }

    fn stats(&self) -> TrafficStats {
        self.0.shared.traffic()
    }

    fn diagnostics(&self) -> Diagnostics {
        let shared = &self.0.shared;
        let traffic = shared.traffic();
        let port = shared.facts().port.clone();
        // Asks the system, so no lock is held.
        let port_addresses = port.as_ref().map(host_addresses).unwrap_or_default();
        let member = shared.member();
        let facts = shared.facts();
        let conn = facts.conn.as_ref();
        let Progress { joined_once, ended, .. } = shared.progress.borrow().clone();
        Diagnostics {
            connecting: !joined_once
                && ended.is_none()
                && matches!(member.phase(), Phase::Connecting | Phase::Greeting),
            ended: ended.map(|reason| end_line(&reason)),
            mac: shared.mac,
            relay_reachable: conn.is_some(),
            joined: member.phase() == Phase::Joined,
            is_gateway: shared.role == PeerRole::Gateway,
            gateway_present: member.gateway().is_some(),
            route_pinned: facts.route_pinned,
            datagram_budget: conn.and_then(Connection::max_datagram_size),
            port_kind: port.as_ref().map(|caps| caps.kind),
            port: port.map(|caps| caps.name),
            port_addresses,
            relay_address: conn.map(|conn| canonical(conn.remote_address())),
            relay_rtt: conn.map(Connection::rtt),
            gateway_rtt: member.gateway().and_then(|gateway| member.rtt(gateway)),
            paused: member.is_paused(),
            traffic,
        }
    }

    fn room(&self) -> MemberRoom {
        MemberRoom(Arc::clone(&self.0.shared))
    }

    async fn close(&self, reason: LeaveReason, text: &str) {
        self.0.shared.leave(reason, text);
        let mut progress = self.0.shared.progress.subscribe();
        let _ = progress.wait_for(|progress| progress.done).await;
    }

    async fn ended(&self) -> EndReason {
        let mut progress = self.0.shared.progress.subscribe();
        let ended = match progress.wait_for(|progress| progress.ended.is_some()).await {
            Ok(progress) => progress.ended.clone(),
            Err(_) => None,
        };
        ended.unwrap_or(EndReason::Left)
    }
}

impl fmt::Debug for MemberSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shared = &self.0.shared;
        f.debug_struct("MemberSession")
            .field("room", &shared.code)
            .field("role", &shared.role)
            .finish_non_exhaustive()
    }
}

/// A room as one of its members sees it. It does not hold its session open.
#[derive(Clone, Debug)]
pub struct MemberRoom(Arc<Shared>);

impl Sealed for MemberRoom {}

impl Room for MemberRoom {
    fn code(&self) -> RoomCode {
        self.0.code.clone()
    }

    fn mtu(&self) -> Option<u16> {
        self.0.member().seat().map(|(_, _, mtu)| mtu)
    }

    fn peers(&self) -> Vec<RoomPeer> {
        self.0.peers()
    }

    fn subscribe(&self) -> Events<RoomEvent> {
        self.0.room_events.subscribe()
    }
}

fn end_line(reason: &EndReason) -> UserLine {
    let level = if *reason == EndReason::Left { Level::Info } else { Level::Warning };
    UserLine { level, text: format!("the session is over: {reason}") }
}

/// An IPv4 address as such, although the socket is of IPv6.
fn canonical(addr: SocketAddr) -> SocketAddr {
    SocketAddr::new(addr.ip().to_canonical(), addr.port())
}

/// Whether `port` carries what a session has promised.
fn check_port(port: &Port, promised: u16) -> Result<(), BridgeError> {
    let mtu = port.sink.caps().mtu;
    if mtu < promised { Err(BridgeError::MtuTooSmall { port: mtu, promised }) } else { Ok(()) }
}
