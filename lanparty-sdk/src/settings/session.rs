//! How a session is to be.

use std::path::PathBuf;

use super::table::{Keyed, Table, find, flag, load_toml, names, number, parse, set, time, words, workers};
use super::{SettingsError, TransportSettings, transport};
use crate::ctrl::{MAX_NAME_CHARS, PeerRole, RoomCode};
use crate::frame::{DEFAULT_MTU, MIN_MTU};
use crate::identity::Identity;
use crate::member::Timing;
use crate::net::RelayAddr;
use crate::quic::Trust;
use crate::session::SessionBuilder;

/// How a session is to be, set by keys. Fields may also be set directly.
///
/// | key | value | default |
/// |---|---|---|
/// | `relay` | `HOST` or `HOST:PORT` | must be set; port 443 |
/// | `room` | 3 to 64 letters, digits, `-` and `_` | must be set |
/// | `server-name` | the name in the relay's certificate | the relay's host |
/// | `relay-ca-cert` | a file (DER or PEM) to trust | what the system trusts |
/// | `name` | what the others call the member, 32 characters at most | none |
/// | `agent` | which program it is, for the relay's log | the library and its version |
/// | `mtu` | the largest layer-2 payload promised, 1280 to 1500 | what the port carries |
/// | `retry` | `true`: keep trying if the first connection fails | `false` |
/// | `identity` | a file, made if it is not there | a new identity each time |
/// | `workers` | threads of the session's runtime, 1 to 64 | 1 |
/// | `no-route-pin` | `true`: do not pin the route to the relay outside an adapter | `false` |
/// | `backoff-min`, `backoff-max` | between two attempts to reach the relay | `250ms`, `10s` |
/// | `welcome-timeout` | for the relay's answer | `10s` |
/// | `probe-interval` | between two measurements of round-trip times | `5s` |
/// | `stats-interval` | between two reports to the relay | `30s` |
/// | `refresh-interval` | of the clients' addresses on a gateway's LAN | `60s` |
/// | `idle-timeout`, `keep-alive` | see [`TransportOptions`](crate::quic::TransportOptions) | `10s`, `1500ms` |
/// | `limit-outbox-bytes`, `limit-outbox-datagrams` | see [`OutboxLimits`](crate::quic::OutboxLimits) | `256Ki`, `1024` |
/// | `limit-receive-queue`, `limit-send-queue` | datagrams waiting in QUIC, in bytes | `256Ki`, `32Ki` |
/// | `socket-receive-buffer`, `socket-send-buffer` | see [`SocketBuffers`](crate::quic::SocketBuffers) | `4Mi`, `1Mi` |
/// | `segmentation-offload` | `false` for network cards that lose what they cut | `true` |
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SessionSettings {
    /// What the member is.
    pub role: PeerRole,
    /// Where the relay is.
    pub relay: Option<RelayAddr>,
    /// Which room.
    pub room: Option<RoomCode>,
    /// The name in the relay's certificate.
    pub server_name: Option<String>,
    /// The certificates to trust.
    pub relay_ca_cert: Option<PathBuf>,
    /// What the others call the member.
    pub name: Option<String>,
    /// Which program it is.
    pub agent: Option<String>,
    /// The largest layer-2 payload that is promised.
    pub mtu: Option<u16>,
    /// Whether the first connection may fail.
    pub retry: bool,
    /// Where the identity is kept. For whoever makes the session: [`SessionSettings::builder`] does not read it.
    pub identity: Option<PathBuf>,
    /// How many threads the session's runtime is to have. For whoever makes the runtime.
    pub workers: usize,
    /// Whether the route to the relay is not to be pinned. For whoever knows the adapter.
    pub no_route_pin: bool,
    /// How patient the session is.
    pub timing: Timing,
    /// How its connection behaves.
    pub transport: TransportSettings,
}

impl SessionSettings {
    /// The defaults.
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
            timing: Timing::default(),
            transport: TransportSettings::default(),
        }
    }

    /// All keys.
    #[must_use]
    pub fn keys() -> Vec<&'static str> {
        <Self as Keyed>::names()
    }

    /// Sets one key.
    ///
    /// # Errors
    /// [`SettingsError::UnknownKey`] or [`SettingsError::BadValue`]; nothing has changed then.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), SettingsError> {
        set(self, key, value)
    }

    /// Sets all keys of a TOML text.
    ///
    /// # Errors
    /// [`SettingsError::Toml`] names the line; nothing has changed then.
    pub fn load_toml(&mut self, text: &str) -> Result<(), SettingsError> {
        load_toml(self, text)
    }

    /// A session with these settings. `trust` goes before the key `relay-ca-cert`.
    ///
    /// # Errors
    /// [`SettingsError::Missing`], [`SettingsError::Trust`], or values that do not fit together.
    pub fn builder(&self, identity: Identity, trust: Option<Trust>) -> Result<SessionBuilder, SettingsError> {
        let relay = self.relay.clone().ok_or(SettingsError::Missing { key: "relay" })?;
        let room = self.room.clone().ok_or(SettingsError::Missing { key: "room" })?;
        self.transport.check_settings()?;
        let trust = match (trust, &self.relay_ca_cert) {
            (Some(trust), _) => trust,
            (None, Some(path)) => Trust::certificate_file(path).map_err(SettingsError::Trust)?,
            (None, None) => Trust::platform().map_err(SettingsError::Trust)?,
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

impl Keyed for SessionSettings {
    fn names() -> Vec<&'static str> {
        names(TABLE).chain(names(transport::TABLE)).collect()
    }

    fn apply(&mut self, key: &str, value: &str) -> Option<Result<(), String>> {
        match find(TABLE, key) {
            Some(set) => Some(set(self, value)),
            None => find(transport::TABLE, key).map(|set| set(&mut self.transport, value)),
        }
    }
}

const TABLE: &Table<SessionSettings> = &[
    ("relay", |it, text| parse(text).map(|relay| it.relay = Some(relay))),
    ("room", |it, text| parse(text).map(|room| it.room = Some(room))),
    ("server-name", |it, text| words(text).map(|name| it.server_name = Some(name))),
    ("relay-ca-cert", |it, text| words(text).map(|path| it.relay_ca_cert = Some(path.into()))),
    ("name", |it, text| name(text).map(|name| it.name = Some(name))),
    ("agent", |it, text| words(text).map(|agent| it.agent = Some(agent))),
    ("mtu", |it, text| number(text, MIN_MTU, DEFAULT_MTU).map(|mtu| it.mtu = Some(mtu))),
    ("retry", |it, text| flag(text).map(|retry| it.retry = retry)),
    ("identity", |it, text| words(text).map(|path| it.identity = Some(path.into()))),
    ("workers", |it, text| workers(text).map(|workers| it.workers = workers)),
    ("no-route-pin", |it, text| flag(text).map(|no| it.no_route_pin = no)),
    ("backoff-min", |it, text| time(text).map(|time| it.timing.backoff_min = time)),
    ("backoff-max", |it, text| time(text).map(|time| it.timing.backoff_max = time)),
    ("welcome-timeout", |it, text| time(text).map(|time| it.timing.welcome_timeout = time)),
    ("probe-interval", |it, text| time(text).map(|time| it.timing.probe_interval = time)),
    ("stats-interval", |it, text| time(text).map(|time| it.timing.stats_interval = time)),
    ("refresh-interval", |it, text| time(text).map(|time| it.timing.refresh_interval = time)),
];

fn name(text: &str) -> Result<String, String> {
    let fits = (1..=MAX_NAME_CHARS).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if fits {
        Ok(text.to_owned())
    } else {
        Err(format!("a name has 1 to {MAX_NAME_CHARS} characters, and no control characters"))
    }
}
