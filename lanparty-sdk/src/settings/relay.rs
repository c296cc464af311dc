//! How a relay is to be.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::table::{Keyed, Table, find, load_toml, names, number, parse, set, time, words, workers};
use super::{RateArg, SettingsError, TransportSettings, transport};
use crate::frame::{DEFAULT_MTU, MIN_MTU};
use crate::net::ListenAddr;
use crate::quic::ServerCert;
use crate::relay::{HandshakeConfig, RelayConfig, RelayOptions, RetryPolicy};
use crate::switch::Rate;

/// How a relay is to be, set by keys. Fields may also be set directly.
///
/// | key | value | default |
/// |---|---|---|
/// | `listen` | `PORT` or `ADDRESS:PORT`; port 0 takes any | `0.0.0.0:443` |
/// | `cert`, `key` | files: a chain and its key in PEM | none |
/// | `dev-cert-name` | the name that a self-made certificate is for | `lanparty-relay.local` |
/// | `dev-cert-der-out` | a file: where a self-made certificate is kept | in memory only |
/// | `workers` | threads of the relay's runtime, 1 to 64 | 1 |
/// | `max-clients-per-room` | clients, the gateway not counted | 32 |
/// | `limit-mtu` | the largest layer-2 MTU of a room, 1280 to 1500 | 1500 |
/// | `limit-client-bytes`, `-flood`, `-probes`, `-unknown-unicast` | rates, see [`Limits`](crate::switch::Limits) | `2Mi:4Mi`, `200:400`, `16:64`, `100:200` |
/// | `limit-gateway-bytes`, `-flood`, `-probes`, `-unknown-unicast` | the same for a gateway | `unlimited` |
/// | `limit-malformed` | malformed datagrams that close a connection | 16 |
/// | `limit-place-grace` | how long a broken member's place is kept | `30s` |
/// | `limit-table-members`, `limit-table-learned`, `limit-table-ageing` | see [`TableConfig`](crate::switch::TableConfig) | 1024, 4096, `300s` |
/// | `limit-rooms`, `limit-connections` | open at once | 4096, 20000 |
/// | `limit-hello-timeout`, `limit-message-timeout` | see [`RelayConfig`] | `5s`, `5s` |
/// | `limit-control-messages`, `limit-control-strikes` | see [`GateConfig`](crate::ctrl::GateConfig) | `2:20`, 100 |
/// | `limit-handshake-retry` | `always`, `under-load` or `never` | `under-load` |
/// | `limit-handshake-calm`, `limit-handshakes-per-address` | rates, see [`HandshakeConfig`] | `50:100`, `4:64` |
/// | `limit-connections-per-address`, `limit-handshake-addresses` | see [`HandshakeConfig`] | 256, 16384 |
/// | `limit-handshake-timeout` | how long a handshake may take | `10s` |
///
/// and those of the transport, the same as in [`SessionSettings`](super::SessionSettings).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RelaySettings {
    /// Where it listens.
    pub listen: SocketAddr,
    /// The file of its certificate chain.
    pub cert: Option<PathBuf>,
    /// The file of its private key.
    pub key: Option<PathBuf>,
    /// The name of a self-made certificate.
    pub dev_cert_name: String,
    /// Where a self-made certificate is kept.
    pub dev_cert_der_out: Option<PathBuf>,
    /// How many threads the relay's runtime is to have. For whoever makes the runtime.
    pub workers: usize,
    /// Bounds of its rooms and members.
    pub config: RelayConfig,
    /// Bounds on new connections.
    pub handshake: HandshakeConfig,
    /// How its connections behave.
    pub transport: TransportSettings,
}

impl Default for RelaySettings {
    fn default() -> Self {
        Self {
            listen: ListenAddr::default().0,
            cert: None,
            key: None,
            dev_cert_name: "lanparty-relay.local".to_owned(),
            dev_cert_der_out: None,
            workers: 1,
            config: RelayConfig::default(),
            handshake: HandshakeConfig::default(),
            transport: TransportSettings::default(),
        }
    }
}

impl RelaySettings {
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

    /// What [`Relay::bind`](crate::relay::Relay::bind) needs to know.
    ///
    /// # Errors
    /// [`SettingsError::BadValue`] if values do not fit together.
    pub fn options(&self) -> Result<RelayOptions, SettingsError> {
        self.transport.check_settings()?;
        Ok(RelayOptions {
            config: self.config.clone(),
            handshake: self.handshake.clone(),
            transport: self.transport.options.clone(),
            buffers: self.transport.buffers,
            outbox: self.transport.outbox,
        })
    }

    /// The certificate to show: from its files, or a self-made one.
    ///
    /// # Errors
    /// [`SettingsError::Certificate`], or [`SettingsError::Missing`] if only one of the two files is named.
    pub fn certificate(&self) -> Result<ServerCert, SettingsError> {
        let name = &self.dev_cert_name;
        match (&self.cert, &self.key, &self.dev_cert_der_out) {
            (Some(cert), Some(key), _) => ServerCert::from_pem_files(cert, key),
            (Some(_), None, _) => return Err(SettingsError::Missing { key: "key" }),
            (None, Some(_), _) => return Err(SettingsError::Missing { key: "cert" }),
            (None, None, Some(path)) => ServerCert::development_file(name, path),
            (None, None, None) => ServerCert::development(name),
        }
        .map_err(SettingsError::Certificate)
    }
}

impl Keyed for RelaySettings {
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

fn rate(text: &str) -> Result<Rate, String> {
    parse::<RateArg>(text).map(|rate| rate.0)
}

fn millis(text: &str) -> Result<u64, String> {
    time(text).map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

fn count(text: &str) -> Result<u32, String> {
    number(text, 1, u32::MAX)
}

fn retry(text: &str) -> Result<RetryPolicy, String> {
    match text {
        "always" => Ok(RetryPolicy::Always),
        "under-load" => Ok(RetryPolicy::UnderLoad),
        "never" => Ok(RetryPolicy::Never),
        _ => Err("write always, under-load or never".to_owned()),
    }
}

const TABLE: &Table<RelaySettings> = &[
    ("listen", |it, text| parse::<ListenAddr>(text).map(|addr| it.listen = addr.0)),
    ("cert", |it, text| words(text).map(|path| it.cert = Some(path.into()))),
    ("key", |it, text| words(text).map(|path| it.key = Some(path.into()))),
    ("dev-cert-name", |it, text| words(text).map(|name| it.dev_cert_name = name)),
    ("dev-cert-der-out", |it, text| words(text).map(|path| it.dev_cert_der_out = Some(path.into()))),
    ("workers", |it, text| workers(text).map(|workers| it.workers = workers)),
    ("max-clients-per-room", |it, text| {
        number(text, 1, u16::MAX).map(|clients| it.config.room.max_clients = clients)
    }),
    ("limit-mtu", |it, text| number(text, MIN_MTU, DEFAULT_MTU).map(|mtu| it.config.room.max_mtu = mtu)),
    ("limit-client-bytes", |it, text| rate(text).map(|rate| it.config.room.client_limits.bytes = rate)),
    ("limit-client-flood", |it, text| rate(text).map(|rate| it.config.room.client_limits.flood = rate)),
    ("limit-client-probes", |it, text| rate(text).map(|rate| it.config.room.client_limits.probes = rate)),
    ("limit-client-unknown-unicast", |it, text| {
        rate(text).map(|rate| it.config.room.client_limits.unknown_unicast = rate)
    }),
    ("limit-gateway-bytes", |it, text| rate(text).map(|rate| it.config.room.gateway_limits.bytes = rate)),
    ("limit-gateway-flood", |it, text| rate(text).map(|rate| it.config.room.gateway_limits.flood = rate)),
    ("limit-gateway-probes", |it, text| rate(text).map(|rate| it.config.room.gateway_limits.probes = rate)),
    ("limit-gateway-unknown-unicast", |it, text| {
        rate(text).map(|rate| it.config.room.gateway_limits.unknown_unicast = rate)
    }),
    ("limit-malformed", |it, text| count(text).map(|count| it.config.room.malformed_threshold = count)),
    ("limit-place-grace", |it, text| millis(text).map(|millis| it.config.room.place_grace_ms = millis)),
    ("limit-table-members", |it, text| count(text).map(|count| it.config.room.table.members = count)),
    ("limit-table-learned", |it, text| {
        number(text, 0, u32::MAX).map(|count| it.config.room.table.learned = count)
    }),
    ("limit-table-ageing", |it, text| {
        let secs = u32::try_from(time(text)?.as_secs()).unwrap_or(u32::MAX);
        it.config.room.table.ageing_secs = secs;
        Ok(())
    }),
    ("limit-rooms", |it, text| number(text, 1, u16::MAX).map(|rooms| it.config.max_rooms = rooms)),
    ("limit-connections", |it, text| count(text).map(|count| it.config.max_connections = count)),
    ("limit-hello-timeout", |it, text| millis(text).map(|millis| it.config.hello_timeout_ms = millis)),
    ("limit-message-timeout", |it, text| millis(text).map(|millis| it.config.message_timeout_ms = millis)),
    ("limit-control-messages", |it, text| rate(text).map(|rate| it.config.control.messages = rate)),
    ("limit-control-strikes", |it, text| count(text).map(|count| it.config.control.strikes = count)),
    ("limit-handshake-retry", |it, text| retry(text).map(|retry| it.handshake.retry = retry)),
    ("limit-handshake-calm", |it, text| rate(text).map(|rate| it.handshake.calm = rate)),
    ("limit-handshakes-per-address", |it, text| rate(text).map(|rate| it.handshake.per_address = rate)),
    ("limit-connections-per-address", |it, text| {
        count(text).map(|count| it.handshake.connections_per_address = count)
    }),
    ("limit-handshake-addresses", |it, text| {
        let addresses = count(text)?;
        it.handshake.addresses = usize::try_from(addresses).unwrap_or(usize::MAX);
        Ok(())
    }),
    ("limit-handshake-timeout", |it, text| millis(text).map(|millis| it.handshake.timeout_ms = millis)),
];
