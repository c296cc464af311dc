//! How a session is made.

use std::sync::Arc;

use super::JoinError;
use super::driver::{self, Start};
use super::handle::MemberSession;
use super::link::Target;
use crate::ctrl::{IdentityToken, MAX_NAME_CHARS, PeerRole, RoomCode, clean_text};
use crate::frame::MacAddr;
use crate::identity::Identity;
use crate::member::{MemberConfig, Timing};
use crate::net::RelayAddr;
use crate::port::Port;
use crate::quic::{OutboxLimits, SocketBuffers, TransportOptions, Trust, client_endpoint};

/// Makes a session. What must be decided is asked for at once; everything else has a default.
///
/// ```no_run
/// # async fn join() -> Result<(), Box<dyn std::error::Error>> {
/// use lanparty_sdk::identity::Identity;
/// use lanparty_sdk::quic::Trust;
/// use lanparty_sdk::session::{Session, SessionBuilder};
///
/// let trust = Trust::certificate_file("relay-cert.der")?;
/// let session = SessionBuilder::client("relay.example".parse()?, trust, "PARTY-42".parse()?, Identity::generate()?)
///     .name("Ann")
///     .connect()
///     .await?;
/// println!("{:?}", session.stats());
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[must_use = "a builder does nothing until it connects"]
pub struct SessionBuilder {
    role: PeerRole,
    relay: RelayAddr,
    server_name: Option<String>,
    trust: Trust,
    room: RoomCode,
    identity: Identity,
    card: Option<MacAddr>,
    name: Option<String>,
    agent: Option<String>,
    mtu: Option<u16>,
    port: Option<Port>,
    timing: Timing,
    transport: TransportOptions,
    buffers: SocketBuffers,
    outbox: OutboxLimits,
    retry_first: bool,
    keep_out_of: Option<String>,
}

impl SessionBuilder {
    /// A client: one player's computer, which uses the identity's address.
    pub fn client(relay: RelayAddr, trust: Trust, room: RoomCode, identity: Identity) -> Self {
        Self::new(PeerRole::Client, relay, trust, room, identity)
    }

    /// A gateway: stands for the LAN behind its port. The identity only serves to be recognised again.
    pub fn gateway(relay: RelayAddr, trust: Trust, room: RoomCode, identity: Identity) -> Self {
        Self::new(PeerRole::Gateway, relay, trust, room, identity)
    }

    fn new(role: PeerRole, relay: RelayAddr, trust: Trust, room: RoomCode, identity: Identity) -> Self {
        Self {
            role,
            relay,
            server_name: None,
            trust,
            room,
            identity,
            card: None,
            name: None,
            agent: None,
            mtu: None,
            port: None,
            timing: Timing::default(),
            transport: TransportOptions::default(),
            buffers: SocketBuffers::default(),
            outbox: OutboxLimits::default(),
            retry_first: false,
            keep_out_of: None,
        }
    }

    /// The name in the relay's certificate. The relay's host by default.
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = Some(name.into());
        self
    }

    /// What the others call this member, 32 characters at most. None by default.
    pub fn name(mut self, name: &str) -> Self {
        self.name = Some(clean_text(name, MAX_NAME_CHARS)).filter(|name| !name.is_empty());
        self
    }

    /// Which program this is, for the relay's logs. The library's name and version by default.
    pub fn agent(mut self, agent: impl Into<String>) -> Self {
        self.agent = Some(agent.into());
        self
    }

    /// The largest layer-2 payload this member promises to carry. What its port carries by default, or 1500 without one.
    pub const fn mtu(mut self, mtu: u16) -> Self {
        self.mtu = Some(mtu);
        self
    }

    /// The port that is bridged from the start. None by default; see also [`super::Session::bridge`].
    pub fn port(mut self, port: Port) -> Self {
        self.port = Some(port);
        self
    }

    /// Takes the port out again.
    pub fn take_port(&mut self) -> Option<Port> {
        self.port.take()
    }

    /// How patient the session is.
    pub const fn timing(mut self, timing: Timing) -> Self {
        self.timing = timing;
        self
    }

    /// How the connection behaves.
    pub fn transport(mut self, transport: TransportOptions) -> Self {
        self.transport = transport;
        self
    }

    /// How large the UDP socket's buffers are to be.
    pub const fn socket_buffers(mut self, buffers: SocketBuffers) -> Self {
        self.buffers = buffers;
        self
    }

    /// How much may wait for a slow uplink.
    pub const fn outbox(mut self, limits: OutboxLimits) -> Self {
        self.outbox = limits;
        self
    }

    /// Keeps trying when the very first connection fails, instead of giving that failure back. Off by default, so that
    /// a typing error shows.
    pub const fn retry_first(mut self, retry: bool) -> Self {
        self.retry_first = retry;
        self
    }

    /// Pins the way to the relay outside this adapter, before each connection and for as long as the session lives, so
    /// that the tunnel never carries itself. Off by default; needed wherever the port is an adapter of this host.
    ///
    /// # Platform
    /// Linux; needs `CAP_NET_ADMIN`.
    pub fn keep_out_of(mut self, adapter: impl Into<String>) -> Self {
        self.keep_out_of = Some(adapter.into());
        self
    }

    /// Connects and waits until the room lets the member in.
    ///
    /// The session's tasks run on the tokio runtime from which this is called.
    ///
    /// # Errors
    /// [`JoinError`]. Nothing half-open is left behind.
    pub async fn connect(self) -> Result<MemberSession, JoinError> {
        let session = self.start()?;
        session.joined().await?;
        Ok(session)
    }

    /// Begins without waiting. [`MemberSession::joined`] tells how it went.
    ///
    /// # Errors
    /// [`JoinError::Bind`] if no socket can be opened, or if there is no tokio runtime.
    pub fn start(self) -> Result<MemberSession, JoinError> {
        self.try_start().map_err(|failed| failed.0)
    }

    /// As [`SessionBuilder::start`], but gives the builder back, and with it the port, if it fails.
    ///
    /// # Errors
    /// As there.
    pub fn try_start(mut self) -> Result<MemberSession, Box<(JoinError, Self)>> {
        let (endpoint, report) = match client_endpoint(self.buffers) {
            Ok(opened) => opened,
            Err(error) => return Err(Box::new((JoinError::Bind(error), self))),
        };
        if let Some(warning) = report.warning() {
            tracing::warn!(target: "lanparty::session", "{warning}");
        }
        let server_name = self.server_name.take().unwrap_or_else(|| self.relay.server_name());
        let caps = self.port.as_ref().map(|port| port.sink.caps());
        if let Some(caps) = &caps
            && self.role == PeerRole::Gateway
        {
            self.card = caps.mac;
        }
        let mac = match self.role {
            PeerRole::Client => Some(self.identity.mac()),
            PeerRole::Gateway => self.card,
        };
        let token = IdentityToken(self.identity.token(&server_name, self.room.as_str()));
        let mut config = MemberConfig::new(self.role, self.room, mac, token);
        if let Some(mtu) = self.mtu.or_else(|| caps.map(|caps| caps.mtu.min(crate::frame::DEFAULT_MTU))) {
            config.mtu = mtu;
        }
        if let Some(agent) = self.agent {
            config.agent = clean_text(&agent, crate::ctrl::MAX_TEXT_CHARS);
        }
        config.name = self.name;
        config.timing = self.timing;
        config.retry_first = self.retry_first;
        let target = Arc::new(Target {
            relay: self.relay,
            server_name,
            room: config.room.clone(),
            trust: self.trust,
            transport: self.transport,
            keep_out_of: self.keep_out_of,
        });
        Ok(driver::start(Start { config, target, endpoint, port: self.port, outbox: self.outbox }))
    }
}
