//! What a member's session is made of.

use std::path::PathBuf;

use super::table::{self, Key, join, key, names};
use super::transport::{self, HasTransport};
use super::values::{flag, interval, number, parse, parse_member_name, path, words};
use super::{SettingsError, Span, TransportSettings};
use crate::ctrl::{PeerRole, RoomCode};
use crate::frame::{DEFAULT_MTU, MIN_MTU};
use crate::identity::Identity;
use crate::member::Timing;
use crate::net::RelayAddr;
use crate::quic::Trust;
use crate::route::AdapterPolicy;
use crate::session::SessionBuilder;

/// Settings of a client's or gateway's session.
///
/// | key | value | default |
/// |---|---|---|
/// | `relay` | host name or IP address, and the UDP port if it is not 443 | must be given |
/// | `room` | 3 to 64 letters, digits, `-` and `_` | must be given |
/// | `server-name` | the name in the relay's certificate | the relay's host |
/// | `relay-ca-cert` | a file with the certificate to trust, DER or PEM | what the system trusts |
/// | `name` | what the others call this member, 32 characters at most | none |
/// | `agent` | which program this is, for the relay's logs | the library |
/// | `mtu` | the largest payload of a frame, 1280 to 1500 bytes | what the port carries |
/// | `retry` | whether to keep trying if the relay cannot be reached at the start | `false` |
/// | `identity` | the file in which the identity is kept; read by the embedder | none |
/// | `workers` | threads of the runtime, 1 to 64; made by the embedder | `1` |
/// | `no-route-pin` | not to pin the route to the relay outside an adapter of this host; heeded by the embedder | `false` |
/// | `no-adapter-settings` | on Windows, to leave the adapter's IP settings alone; heeded by the embedder | `false` |
/// | `adapter-metric` | on Windows, the metric that the adapter gets, 1 to 9999, or 0 to leave it to Windows; heeded by the embedder | [`AdapterPolicy::DEFAULT_METRIC`] |
/// | `no-private-network` | on Windows, to leave the category of the adapter's network alone; heeded by the embedder | `false` |
/// | `idle-timeout` ... `segmentation-offload` | how the connection behaves, see [`TransportSettings`] | |
/// | `probe-interval` ... `welcome-timeout` | how patient the session is, see [`Timing`] | |
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SessionSettings {
    /// What the member is to its room.
    pub role: PeerRole,
    /// Where the relay is.
    pub relay: Option<RelayAddr>,
    /// Which room.
    pub room: Option<RoomCode>,
    /// The name in the relay's certificate.
    pub server_name: Option<String>,
    /// The file with the certificate to trust.
    pub relay_ca_cert: Option<PathBuf>,
    /// What the others call this member.
    pub name: Option<String>,
    /// Which program this is.
    pub agent: Option<String>,
    /// The largest layer-2 payload this member promises to carry.
    pub mtu: Option<u16>,
    /// Whether a first connection that fails is tried again.
    pub retry: bool,
    /// Where the embedder keeps the identity, see [`Identity::load_or_create`].
    pub identity: Option<PathBuf>,
    /// How many threads the embedder's runtime has.
    pub workers: usize,
    /// Whether the embedder leaves out [`SessionBuilder::keep_out_of`].
    pub no_route_pin: bool,
    /// Whether the embedder leaves the IP settings of a Windows adapter alone.
    pub no_adapter_settings: bool,
    /// The metric of a Windows adapter; 0 leaves it to Windows.
    pub adapter_metric: u16,
    /// Whether the embedder leaves the network category of a Windows adapter alone.
    pub no_private_network: bool,
    /// How patient the session is.
    pub timing: Timing,
    /// How its connection behaves.
    pub transport: TransportSettings,
}

const OWN: [Key<SessionSettings>; 20] = [
    key!("relay", Text, relay, text => parse(text).map(Some)),
    key!("server-name", Text, server_name, text => words(text).map(Some)),
    key!("relay-ca-cert", Text, relay_ca_cert, text => path(text).map(Some)),
    key!("room", Text, room, text => parse(text).map(Some)),
    key!("name", Text, name, text => parse_member_name(text).map(Some).map_err(|error| error.to_string())),
    key!("agent", Text, agent, text => words(text).map(Some)),
    key!("mtu", Integer, mtu, text => number(text, MIN_MTU..=DEFAULT_MTU).map(Some)),
    key!("retry", Flag, retry, text => flag(text)),
    key!("identity", Text, identity, text => path(text).map(Some)),
    key!("workers", Integer, workers, text => workers(text)),
    key!("no-route-pin", Flag, no_route_pin, text => flag(text)),
    key!("no-adapter-settings", Flag, no_adapter_settings, text => flag(text)),
    key!("adapter-metric", Integer, adapter_metric, text => number(text, 0..=MAX_METRIC)),
    key!("no-private-network", Flag, no_private_network, text => flag(text)),
    key!("probe-interval", Text, timing.probe_interval, text => interval(text)),
    key!("stats-interval", Text, timing.stats_interval, text => interval(text)),
    key!("refresh-interval", Text, timing.refresh_interval, text => interval(text)),
    key!("backoff-min", Text, timing.backoff_min, text => interval(text)),
    key!("backoff-max", Text, timing.backoff_max, text => interval(text)),
    key!("welcome-timeout", Text, timing.welcome_timeout, text => interval(text)),
];

/// The largest that the system's own tools take.
const MAX_METRIC: u16 = 9999;

const TABLE: [Key<SessionSettings>; OWN.len() + transport::LEN] = join(OWN, transport::keys());

impl HasTransport for SessionSettings {
    fn transport(&mut self) -> &mut TransportSettings {
        &mut self.transport
    }
}

impl SessionSettings {
    /// Every key.
    pub const KEYS: &'static [&'static str] = &names(&TABLE);

    /// Settings with all defaults: [`SessionSettings::relay`] and [`SessionSettings::room`] have yet to be given.
    #[must_use]
    pub fn new(role: PeerRole) -> Self {
        Self {
            role,
            relay: None,
            room: None,
            server_name: None,
            relay_ca_cert: None,
            name: None,
            agent: None,
            mtu: None,
            retry: false,
            identity: None,
            workers: 1,
            no_route_pin: false,
            no_adapter_settings: false,
            adapter_metric: AdapterPolicy::DEFAULT_METRIC,
            no_private_network: false,
            timing: Timing::default(),
            transport: TransportSettings::default(),
        }
    }

    /// Sets `key` to what `value` says. A mistake leaves it as it was.
    ///
    /// # Errors
    /// [`SettingsError::UnknownKey`] or [`SettingsError::BadValue`]
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), SettingsError> {
        table::set(self, &TABLE, key, value)
    }

    /// Applies a TOML document: everything in it, or nothing.
    ///
    /// # Errors
    /// [`SettingsError::Toml`] or [`SettingsError::Line`], with the line of the first mistake.
    pub fn load_toml(&mut self, text: &str) -> Result<(), SettingsError> {
        table::load_toml(self, &TABLE, text)
    }

    /// Checks what concerns several settings.
    ///
    /// # Errors
    /// [`SettingsError::BadValue`] with the key that does not fit the others.
    pub fn check(&self) -> Result<(), SettingsError> {
        let Timing { backoff_min, backoff_max, .. } = self.timing;
        if backoff_min > backoff_max {
            let problem = format!(
                "{} does not fit the backoff-max of {}: it must not be more",
                Span(backoff_min),
                Span(backoff_max)
            );
            return Err(SettingsError::BadValue { key: "backoff-min", problem });
        }
        self.transport.check()
    }

    /// What the embedder is to change of an adapter of Windows.
    #[must_use]
    pub fn adapter_policy(&self) -> AdapterPolicy {
        if self.no_adapter_settings {
            return AdapterPolicy::HANDS_OFF;
        }
        AdapterPolicy {
            metric: (self.adapter_metric > 0).then_some(self.adapter_metric),
            private_network: !self.no_private_network,
            ..AdapterPolicy::default()
        }
    }

    /// A session with these settings, and without a port yet. If no trust is handed in, it is what `relay-ca-cert` says, or
    /// what the system trusts.
    ///
    /// # Errors
    /// [`SettingsError::Missing`] without a relay or a room, what [`SessionSettings::check`] finds, and
    /// [`SettingsError::Trust`] if the certificate to trust cannot be read.
    pub fn builder(&self, identity: Identity, trust: Option<Trust>) -> Result<SessionBuilder, SettingsError> {
        let relay = self.relay.clone().ok_or(SettingsError::Missing { key: "relay" })?;
        let room = self.room.clone().ok_or(SettingsError::Missing { key: "room" })?;
        self.check()?;
        let trust = match (trust, &self.relay_ca_cert) {
            (Some(trust), _) => trust,
            (None, Some(path)) => Trust::certificate_file(path)?,
            (None, None) => Trust::platform()?,
        };
        let make = match self.role {
            PeerRole::Client => SessionBuilder::client,
            PeerRole::Gateway => SessionBuilder::gateway,
        };
        let mut builder = make(relay, trust, room, identity)
            .retry_first(self.retry)
            .timing(self.timing)
            .transport(self.transport.options.clone())
            .socket_buffers(self.transport.buffers)
            .outbox(self.transport.outbox);
        if let Some(name) = &self.server_name {
            builder = builder.server_name(name);
        }
        if let Some(name) = &self.name {
            builder = builder.name(name);
        }
        if let Some(agent) = &self.agent {
            builder = builder.agent(agent);
        }
        if let Some(mtu) = self.mtu {
            builder = builder.mtu(mtu);
        }
        Ok(builder)
    }
}

/// Threads of a runtime.
pub(super) fn workers(text: &str) -> Result<usize, String> {
    number(text, 1..=64)
}
