//! The relay's options. Every limit of the library is one.

use std::future::Future;
use std::path::PathBuf;

use clap::{Args, Parser, ValueEnum, value_parser};
use lanparty_cli::{CommonOptions, Failure, Program, RateArg, Shutdown, Span, TransportArgs};
use lanparty_sdk::ctrl::GateConfig;
use lanparty_sdk::frame::{DEFAULT_MTU, MIN_MTU};
use lanparty_sdk::net::ListenAddr;
use lanparty_sdk::proto::Worker;
use lanparty_sdk::relay::{HandshakeConfig, RelayConfig, RelayOptions, RetryPolicy};
use lanparty_sdk::room::RoomConfig;
use lanparty_sdk::switch::{Limits, TableConfig};

#[cfg(not(windows))]
const EXAMPLES: &str = r"
  A relay with a certificate of its own making, to be handed to the members:
    lanparty-relay --listen 443/udp --dev-cert-name relay.example.org \
        --dev-cert-der-out relay-cert.der
  A relay with a certificate that everybody trusts (SIGHUP reads it again once it was renewed):
    lanparty-relay --cert fullchain.pem --key privkey.pem";
#[cfg(windows)]
const EXAMPLES: &str = r"
  A relay with a certificate of its own making, to be handed to the members:
    lanparty-relay --listen 443/udp --dev-cert-name relay.example.org ^
        --dev-cert-der-out relay-cert.der
  A relay with a certificate that everybody trusts (start it again once it was renewed):
    lanparty-relay --cert fullchain.pem --key privkey.pem
  Windows asks once whether its firewall is to let the relay be reached.";

/// Not every system has that signal.
const CERT_HELP: &str = if cfg!(unix) {
    "The relay's certificate chain in PEM, its own certificate first; SIGHUP reads it again"
} else {
    "The relay's certificate chain in PEM, its own certificate first"
};

/// Lets LAN party members meet: puts them into rooms and forwards their Ethernet frames over QUIC.
///
/// Rates are written PER_SECOND:BURST, as in 200:400 or 2MiB/s:4MiB, or as the word unlimited. Numbers may end with
/// k, M (thousands) or Ki, Mi (1024s). Times need their unit: 250ms, 10s, 5m.
#[derive(Parser, Clone, Debug)]
#[command(name = "lanparty-relay", version)]
pub(crate) struct Options {
    /// Where to listen: PORT or ADDRESS:PORT, an IPv6 address in brackets, also with /udp behind it; port 0 takes any
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0:443")]
    pub(crate) listen: ListenAddr,
    /// Threads that serve the rooms, each room by one of them: up to as many as there are processors. More than one on
    /// Linux only
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = value_parser!(u16).range(1..=i64::from(Worker::MAX)))]
    workers: u16,
    #[command(flatten)]
    pub(crate) cert: CertOptions,
    #[command(flatten)]
    room: RoomOptions,
    #[command(flatten)]
    relay: LimitOptions,
    #[command(flatten)]
    transport: TransportArgs,
    #[command(flatten)]
    common: CommonOptions,
}

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Certificate")]
pub(crate) struct CertOptions {
    #[arg(long, value_name = "FILE", requires = "key", help = CERT_HELP)]
    pub(crate) cert: Option<PathBuf>,
    /// The private key in PEM
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,
    /// Without --cert: keep a self-made certificate here, for the members' --relay-ca-cert, and its secret key beside it
    /// under the same name with .key behind. Both are made if they are not there
    #[arg(long, value_name = "FILE", conflicts_with = "cert")]
    pub(crate) dev_cert_der_out: Option<PathBuf>,
    /// Without --cert: the name that the self-made certificate is for
    #[arg(long, value_name = "NAME", default_value = "lanparty-relay.local", conflicts_with = "cert")]
    pub(crate) dev_cert_name: String,
}

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Limits of a room")]
struct RoomOptions {
    /// Clients that a room may have, the gateway not counted
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = value_parser!(u16).range(1..))]
    max_clients_per_room: u16,
    /// Largest layer-2 MTU that a room may have, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = DEFAULT_MTU,
          value_parser = value_parser!(u16).range(i64::from(MIN_MTU)..=i64::from(DEFAULT_MTU)))]
    limit_mtu: u16,
    /// Bytes of frames that a client may send
    #[arg(long, value_name = "RATE", default_value = "2Mi:4Mi")]
    limit_client_bytes: RateArg,
    /// Broadcasts and multicasts that a client may send
    #[arg(long, value_name = "RATE", default_value = "200:400")]
    limit_client_flood: RateArg,
    /// Round-trip probes that a client may send
    #[arg(long, value_name = "RATE", default_value = "16:64")]
    limit_client_probes: RateArg,
    /// Frames to addresses nobody is known to own that a client may send
    #[arg(long, value_name = "RATE", default_value = "100:200")]
    limit_client_unknown_unicast: RateArg,
    /// Bytes of frames that a gateway may send
    #[arg(long, value_name = "RATE", default_value = "unlimited")]
    limit_gateway_bytes: RateArg,
    /// Broadcasts and multicasts that a gateway may send
    #[arg(long, value_name = "RATE", default_value = "unlimited")]
    limit_gateway_flood: RateArg,
    /// Round-trip probes that a gateway may send
    #[arg(long, value_name = "RATE", default_value = "unlimited")]
    limit_gateway_probes: RateArg,
    /// Frames to addresses nobody is known to own that a gateway may send
    #[arg(long, value_name = "RATE", default_value = "unlimited")]
    limit_gateway_unknown_unicast: RateArg,
    /// Malformed datagrams that close a member's connection
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = value_parser!(u32).range(1..))]
    limit_malformed: u32,
    /// How long a client's place is kept after its connection broke
    #[arg(long, value_name = "TIME", default_value = "30s")]
    limit_place_grace: Span,
    /// Addresses that the clients of a room may own together
    #[arg(long, value_name = "N", default_value_t = TableConfig::DEFAULT_MEMBERS, value_parser = value_parser!(u32).range(1..))]
    limit_table_members: u32,
    /// Addresses of the LAN that a room remembers
    #[arg(long, value_name = "N", default_value_t = TableConfig::DEFAULT_LEARNED)]
    limit_table_learned: u32,
    /// How long a silent address of the LAN is remembered, in whole seconds
    #[arg(long, value_name = "TIME", default_value = "300s")]
    limit_table_ageing: Span,
}

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Limits of the relay")]
struct LimitOptions {
    /// Rooms that may be open at once. Of this and the next each of --workers has its share
    #[arg(long, value_name = "N", default_value_t = 4096, value_parser = value_parser!(u16).range(1..))]
    limit_rooms: u16,
    /// Connections that may be open at once
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = value_parser!(u32).range(1..))]
    limit_connections: u32,
    /// How long a connection may take to say Hello
    #[arg(long, value_name = "TIME", default_value = "5s")]
    limit_hello_timeout: Span,
    /// How long a control message may take from its first byte to its last
    #[arg(long, value_name = "TIME", default_value = "5s")]
    limit_message_timeout: Span,
    /// Control messages that a member may send
    #[arg(long, value_name = "RATE", default_value = "2:20")]
    limit_control_messages: RateArg,
    /// Control messages above that rate that close a member's connection
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = value_parser!(u32).range(1..))]
    limit_control_strikes: u32,
    /// When unknown addresses must prove that they are their own
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = Retry::UnderLoad)]
    limit_handshake_retry: Retry,
    /// Handshakes that are no load yet
    #[arg(long, value_name = "RATE", default_value = "50:100")]
    limit_handshake_calm: RateArg,
    /// Handshakes that one address may begin; an IPv6 /64 counts as one
    #[arg(long, value_name = "RATE", default_value = "4:64")]
    limit_handshakes_per_address: RateArg,
    /// Connections that one address may have at once
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = value_parser!(u32).range(1..))]
    limit_connections_per_address: u32,
    /// Addresses that are remembered for these limits
    #[arg(long, value_name = "N", default_value_t = 16_384, value_parser = value_parser!(u32).range(1..))]
    limit_handshake_addresses: u32,
    /// How long a handshake may take
    #[arg(long, value_name = "TIME", default_value = "10s")]
    limit_handshake_timeout: Span,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Retry {
    /// Always
    Always,
    /// When handshakes come faster than --limit-handshake-calm
    UnderLoad,
    /// Never
    Never,
}

impl Program for Options {
    const EXAMPLES: &'static str = EXAMPLES;

    fn common(&self) -> &CommonOptions {
        &self.common
    }

    fn check(&self) -> Result<(), Failure> {
        self.transport.check()
    }

    fn run(self, shutdown: Shutdown) -> impl Future<Output = Result<(), Failure>> {
        crate::run::run(self, shutdown)
    }
}

impl Options {
    /// What the library needs to know.
    pub(crate) fn relay_options(&self) -> RelayOptions {
        let mut options = RelayOptions::default();
        options.config = self.relay.config(self.room.config());
        options.handshake = self.relay.handshake();
        let transport = self.transport.settings();
        options.transport = transport.options;
        options.buffers = transport.buffers;
        options.outbox = transport.outbox;
        options.workers = self.workers.into();
        options
    }
}

impl RoomOptions {
    fn config(&self) -> RoomConfig {
        let mut config = RoomConfig::default();
        config.max_clients = self.max_clients_per_room;
        config.max_mtu = self.limit_mtu;
        config.client_limits = limits(
            self.limit_client_bytes,
            self.limit_client_flood,
            self.limit_client_probes,
            self.limit_client_unknown_unicast,
        );
        config.gateway_limits = limits(
            self.limit_gateway_bytes,
            self.limit_gateway_flood,
            self.limit_gateway_probes,
            self.limit_gateway_unknown_unicast,
        );
        config.malformed_threshold = self.limit_malformed;
        config.place_grace_ms = self.limit_place_grace.millis();
        config.table.members = self.limit_table_members;
        config.table.learned = self.limit_table_learned;
        config.table.ageing_secs = u32::try_from(self.limit_table_ageing.millis() / 1000).unwrap_or(u32::MAX);
        config
    }
}

impl LimitOptions {
    fn config(&self, room: RoomConfig) -> RelayConfig {
        let mut control = GateConfig::default();
        control.messages = self.limit_control_messages.0;
        control.strikes = self.limit_control_strikes;
        let mut config = RelayConfig::default();
        config.room = room;
        config.max_rooms = self.limit_rooms;
        config.max_connections = self.limit_connections;
        config.hello_timeout_ms = self.limit_hello_timeout.millis();
        config.message_timeout_ms = self.limit_message_timeout.millis();
        config.control = control;
        config
    }

    fn handshake(&self) -> HandshakeConfig {
        let mut config = HandshakeConfig::default();
        config.retry = match self.limit_handshake_retry {
            Retry::Always => RetryPolicy::Always,
            Retry::UnderLoad => RetryPolicy::UnderLoad,
            Retry::Never => RetryPolicy::Never,
        };
        config.calm = self.limit_handshake_calm.0;
        config.per_address = self.limit_handshakes_per_address.0;
        config.connections_per_address = self.limit_connections_per_address;
        config.addresses = usize::try_from(self.limit_handshake_addresses).unwrap_or(usize::MAX);
        config.timeout_ms = self.limit_handshake_timeout.millis();
        config
    }
}

fn limits(bytes: RateArg, flood: RateArg, probes: RateArg, unknown_unicast: RateArg) -> Limits {
    let mut limits = Limits::default();
    limits.bytes = bytes.0;
    limits.flood = flood.0;
    limits.probes = probes.0;
    limits.unknown_unicast = unknown_unicast.0;
    limits
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::CommandFactory as _;
    use lanparty_sdk::settings::RelaySettings;

    use super::*;

    /// What a program has and a library has not.
    const PROGRAM: [&str; 4] = ["check-config", "config", "log-format", "log-level"];

    #[test]
    fn options_are_the_keys_of_the_library_s_settings() {
        let command = Options::command();
        let longs = command.get_arguments().filter_map(|arg| arg.get_long());
        let options: BTreeSet<_> = longs.filter(|long| !PROGRAM.contains(long)).collect();
        let keys: BTreeSet<_> = RelaySettings::KEYS.iter().copied().collect();
        assert_eq!(options, keys);
    }

    #[test]
    fn options_and_settings_have_the_same_defaults() {
        let untouched = format!("{:?}", RelaySettings::new());
        let mut settings = RelaySettings::new();
        for arg in Options::command().get_arguments() {
            let (Some(key), [default]) = (arg.get_long(), arg.get_default_values()) else { continue };
            if PROGRAM.contains(&key) {
                continue;
            }
            let default = default.to_str().expect("ASCII");
            settings.set(key, default).expect("a value of its kind");
            if key == "dev-cert-name" {
                // Kept apart from none, which goes with --cert.
                assert_eq!(settings.dev_cert_name.take().as_deref(), Some(RelaySettings::DEV_CERT_NAME));
            }
            assert_eq!(format!("{settings:?}"), untouched, "{key}");
        }
    }

    #[test]
    fn without_options_the_library_s_defaults_hold() {
        let options =
            Options::try_parse_from(["lanparty-relay"]).expect("nothing is required").relay_options();
        let defaults = RelayOptions::default();
        assert_eq!(options.config, defaults.config);
        assert_eq!(options.handshake, defaults.handshake);
        assert_eq!(options.transport, defaults.transport);
        assert_eq!(options.buffers, defaults.buffers);
        assert_eq!(options.outbox, defaults.outbox);
        assert_eq!(options.workers, defaults.workers);
    }
}
