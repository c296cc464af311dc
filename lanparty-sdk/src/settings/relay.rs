//! What a relay is made of.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::session::workers;
use super::table::{self, Key, join, key, names};
use super::transport::{self, HasTransport, count};
use super::values::{millis, number, parse, path, rate, words};
use super::{SettingsError, TransportSettings};
use crate::frame::{DEFAULT_MTU, MIN_MTU};
use crate::net::ListenAddr;
use crate::quic::ServerCert;
use crate::relay::{HandshakeConfig, RelayConfig, RelayOptions, RetryPolicy};

/// Settings of a relay.
///
/// | key | value | default |
/// |---|---|---|
/// | `listen` | `PORT` or `ADDRESS:PORT`; port 0 takes any | `0.0.0.0:443` |
/// | `cert`, `key` | files with the certificate chain and its private key, in PEM | none |
/// | `dev-cert-der-out` | without `cert`: the file in which a self-made certificate is kept, its key beside it | none |
/// | `dev-cert-name` | without `cert`: the name that the self-made certificate is for | `lanparty-relay.local` |
/// | `workers` | threads that serve the rooms, 1 to 64, see [`RelayOptions::workers`]; more than one on Linux only | `1` |
/// | `max-clients-per-room`, `limit-...` | bounds, see [`RelayConfig`] and [`HandshakeConfig`] | |
/// | `idle-timeout` ... `segmentation-offload` | how connections behave, see [`TransportSettings`] | |
///
/// What each bound means stands in `lanparty-relay --help`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RelaySettings {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The file with the certificate chain.
    pub cert: Option<PathBuf>,
    /// The file with its private key.
    pub key: Option<PathBuf>,
    /// The file in which a self-made certificate is kept.
    pub dev_cert_der_out: Option<PathBuf>,
    /// The name that the self-made certificate is for, if it is not [`RelaySettings::DEV_CERT_NAME`].
    pub dev_cert_name: Option<String>,
    /// How many threads serve the rooms.
    pub workers: usize,
    /// Bounds of the rooms and members.
    pub config: RelayConfig,
    /// Bounds on new connections.
    pub handshake: HandshakeConfig,
    /// How the connections behave.
    pub transport: TransportSettings,
}

impl Default for RelaySettings {
    fn default() -> Self {
        Self {
            listen: ListenAddr::default().0,
            cert: None,
            key: None,
            dev_cert_der_out: None,
            dev_cert_name: None,
            workers: 1,
            config: RelayConfig::default(),
            handshake: HandshakeConfig::default(),
            transport: TransportSettings::default(),
        }
    }
}

const OWN: [Key<RelaySettings>; 33] = [
    key!("listen", Text, listen, text => parse::<ListenAddr>(text).map(|listen| listen.0)),
    key!("cert", Text, cert, text => path(text).map(Some)),
    key!("key", Text, key, text => path(text).map(Some)),
    key!("dev-cert-der-out", Text, dev_cert_der_out, text => path(text).map(Some)),
    key!("dev-cert-name", Text, dev_cert_name, text => words(text).map(Some)),
    key!("workers", Integer, workers, text => workers(text)),
    key!("max-clients-per-room", Integer, config.room.max_clients, text => number(text, 1..=u16::MAX)),
    key!("limit-mtu", Integer, config.room.max_mtu, text => number(text, MIN_MTU..=DEFAULT_MTU)),
    key!("limit-client-bytes", Text, config.room.client_limits.bytes, text => rate(text)),
    key!("limit-client-flood", Text, config.room.client_limits.flood, text => rate(text)),
    key!("limit-client-probes", Text, config.room.client_limits.probes, text => rate(text)),
    key!("limit-client-unknown-unicast", Text, config.room.client_limits.unknown_unicast, text => rate(text)),
    key!("limit-gateway-bytes", Text, config.room.gateway_limits.bytes, text => rate(text)),
    key!("limit-gateway-flood", Text, config.room.gateway_limits.flood, text => rate(text)),
    key!("limit-gateway-probes", Text, config.room.gateway_limits.probes, text => rate(text)),
    key!("limit-gateway-unknown-unicast", Text, config.room.gateway_limits.unknown_unicast, text => rate(text)),
    key!("limit-malformed", Integer, config.room.malformed_threshold, text => number(text, 1..=u32::MAX)),
    key!("limit-place-grace", Text, config.room.place_grace_ms, text => millis(text)),
    key!("limit-table-members", Integer, config.room.table.members, text => number(text, 1..=u32::MAX)),
    key!("limit-table-learned", Integer, config.room.table.learned, text => number(text, 0..=u32::MAX)),
    key!("limit-table-ageing", Text, config.room.table.ageing_secs, text => seconds(text)),
    key!("limit-rooms", Integer, config.max_rooms, text => number(text, 1..=u16::MAX)),
    key!("limit-connections", Integer, config.max_connections, text => number(text, 1..=u32::MAX)),
    key!("limit-hello-timeout", Text, config.hello_timeout_ms, text => millis(text)),
    key!("limit-message-timeout", Text, config.message_timeout_ms, text => millis(text)),
    key!("limit-control-messages", Text, config.control.messages, text => rate(text)),
    key!("limit-control-strikes", Integer, config.control.strikes, text => number(text, 1..=u32::MAX)),
    key!("limit-handshake-retry", Text, handshake.retry, text => retry(text)),
    key!("limit-handshake-calm", Text, handshake.calm, text => rate(text)),
    key!("limit-handshakes-per-address", Text, handshake.per_address, text => rate(text)),
    key!("limit-connections-per-address", Integer, handshake.connections_per_address, text => number(text, 1..=u32::MAX)),
    key!("limit-handshake-addresses", Integer, handshake.addresses, text => count(text)),
    key!("limit-handshake-timeout", Text, handshake.timeout_ms, text => millis(text)),
];

const TABLE: [Key<RelaySettings>; OWN.len() + transport::LEN] = join(OWN, transport::keys());

impl HasTransport for RelaySettings {
    fn transport(&mut self) -> &mut TransportSettings {
        &mut self.transport
    }
}

impl RelaySettings {
    /// Every key.
    pub const KEYS: &'static [&'static str] = &names(&TABLE);
    /// The name that a self-made certificate is for, unless `dev-cert-name` says another.
    pub const DEV_CERT_NAME: &'static str = "lanparty-relay.local";

    /// Settings with all defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
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

    /// What [`Relay::bind`](crate::relay::Relay::bind) needs to know.
    ///
    /// # Errors
    /// [`SettingsError::BadValue`] with the key that does not fit the others.
    pub fn options(&self) -> Result<RelayOptions, SettingsError> {
        self.transport.check()?;
        let mut options = RelayOptions::default();
        options.config = self.config.clone();
        options.handshake = self.handshake.clone();
        options.transport = self.transport.options.clone();
        options.buffers = self.transport.buffers;
        options.outbox = self.transport.outbox;
        options.workers = self.workers;
        Ok(options)
    }

    /// The relay's certificate: from the files `cert` and `key`, the self-made one kept at `dev-cert-der-out`, or else one
    /// that is made anew at each call.
    ///
    /// # Errors
    /// [`SettingsError::Certificate`]; [`SettingsError::Missing`] if only one of `cert` and `key` was given;
    /// [`SettingsError::BadValue`] if a self-made certificate was asked for as well.
    pub fn certificate(&self) -> Result<ServerCert, SettingsError> {
        let development = [
            ("dev-cert-der-out", self.dev_cert_der_out.is_some()),
            ("dev-cert-name", self.dev_cert_name.is_some()),
        ];
        match (&self.cert, &self.key) {
            (Some(cert), Some(key)) => {
                if let Some((key, _)) = development.into_iter().find(|(_, given)| *given) {
                    let problem = "it is for a relay without `cert`: leave one of them out".to_owned();
                    return Err(SettingsError::BadValue { key, problem });
                }
                return Ok(ServerCert::from_pem_files(cert, key)?);
            }
            (Some(_), None) => return Err(SettingsError::Missing { key: "key" }),
            (None, Some(_)) => return Err(SettingsError::Missing { key: "cert" }),
            (None, None) => {}
        }
        let name = self.dev_cert_name.as_deref().unwrap_or(Self::DEV_CERT_NAME);
        Ok(match &self.dev_cert_der_out {
            Some(path) => ServerCert::development_file(name, path)?,
            None => ServerCert::development(name)?,
        })
    }
}

fn seconds(text: &str) -> Result<u32, String> {
    Ok(u32::try_from(millis(text)? / 1000).unwrap_or(u32::MAX))
}

fn retry(text: &str) -> Result<RetryPolicy, String> {
    match text {
        "always" => Ok(RetryPolicy::Always),
        "under-load" => Ok(RetryPolicy::UnderLoad),
        "never" => Ok(RetryPolicy::Never),
        _ => Err("write one of always, under-load, never".to_owned()),
    }
}
