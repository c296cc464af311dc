//! A relay from its certificate to its farewell.

use std::collections::BTreeMap;
use std::time::Duration;

use lanparty_cli::{Exit, Failure, SAY, Shutdown};
use lanparty_sdk::ctrl::RoomCode;
use lanparty_sdk::obs::DropCounts;
use lanparty_sdk::proto::RoomId;
use lanparty_sdk::quic::ServerCert;
use lanparty_sdk::relay::{Relay, RelayEvent, RelayStats};
use lanparty_sdk::room::RoomSnapshot;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{debug, info, warn};

use crate::options::{CertOptions, Options};

/// How often counters are logged, at debug.
const STATS_INTERVAL: Duration = Duration::from_secs(30);

/// Serves until a signal comes, then says goodbye to the members.
pub(crate) async fn run(options: Options, mut shutdown: Shutdown) -> Result<(), Failure> {
    let mut reload = Reload::listen()
        .map_err(|error| Failure::with_source(Exit::Internal, "cannot listen to SIGHUP", error))?;

    let cert = certificate(&options.cert)?;
    let relay = Relay::bind(options.listen.0, &cert, options.relay_options())?;
    let mut events = relay.events();
    let mut rooms = Rooms::default();
    let mut stats = interval(STATS_INTERVAL);
    stats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    welcome(&relay, &options);
    loop {
        tokio::select! {
            _ = shutdown.requested() => break,
            () = reload.requested() => reread(&relay, &options.cert),
            Some(event) = events.next() => rooms.tell(&event),
            _ = stats.tick() => tell_stats(&relay),
            () = relay.stopped() => {
                return Err(Failure::new(Exit::Internal, "the relay's socket failed for good: start the relay again"));
            }
        }
    }
    info!(target: SAY, event = "shutdown", "shutting down; the members are told");
    tell_traffic(&relay);
    relay.close("the relay shuts down").await;
    while let Some(event) = events.try_next() {
        rooms.tell(&event);
    }
    Ok(())
}

fn certificate(options: &CertOptions) -> Result<ServerCert, Failure> {
    if let (Some(cert), Some(key)) = (&options.cert, &options.key) {
        return Ok(ServerCert::from_pem_files(cert, key)?);
    }
    let name = &options.dev_cert_name;
    let Some(path) = &options.dev_cert_der_out else {
        warn!(
            target: SAY,
            "nobody can trust this relay: give it a certificate with --cert and --key, \
             or have its own one written with --dev-cert-der-out"
        );
        return Ok(ServerCert::development(name)?);
    };
    let cert = ServerCert::development_file(name, path)?;
    let path = path.display();
    info!(
        target: SAY, event = "certificate", name, %path,
        "members need --server-name {name} --relay-ca-cert {path}"
    );
    Ok(cert)
}

fn welcome(relay: &Relay, options: &Options) {
    if let Some(warning) = relay.buffers().warning() {
        warn!(target: SAY, "{warning}");
    }
    let addr = relay.local_addr().unwrap_or(options.listen.0);
    info!(target: SAY, event = "listening", %addr, workers = relay.workers(), "listening on {addr}/udp");
}

fn reread(relay: &Relay, options: &CertOptions) {
    let (Some(cert), Some(key)) = (&options.cert, &options.key) else {
        info!(target: SAY, "SIGHUP: there is no certificate file to read again");
        return;
    };
    match ServerCert::from_pem_files(cert, key) {
        Ok(cert) => {
            relay.set_certificate(&cert);
            info!(target: SAY, event = "certificate", "read the certificate again; new connections see it");
        }
        Err(error) => warn!(
            target: SAY,
            "the certificate stays as it was: {}", lanparty_cli::chain(&error)
        ),
    }
}

fn tell_stats(relay: &Relay) {
    let (stats, rooms) = (relay.stats(), relay.rooms());
    let members: usize = rooms.iter().map(|room| room.members.len()).sum();
    debug!(
        target: SAY, event = "stats", rooms = rooms.len(), members, connections = stats.connections,
        sent_datagrams = stats.sent_datagrams, sent_bytes = stats.sent_bytes, drops = stats.drops.total(),
        retries = stats.retries, throttled = stats.throttled, failed_handshakes = stats.failed_handshakes,
        panics = stats.panics,
        "{} rooms, {members} members, {} connections; {}; {} retries, {} throttled, {} failed handshakes, {} panics",
        rooms.len(), stats.connections, traffic(&stats, &rooms), stats.retries, stats.throttled,
        stats.failed_handshakes, stats.panics
    );
}

fn tell_traffic(relay: &Relay) {
    let stats = relay.stats();
    info!(
        target: SAY, event = "traffic", sent_datagrams = stats.sent_datagrams, sent_bytes = stats.sent_bytes,
        drops = stats.drops.total(), "{}", traffic(&stats, &relay.rooms())
    );
}

/// What was sent, and by reason what was not: at the relay, and by the rooms from those who are members now.
fn traffic(stats: &RelayStats, rooms: &[RoomSnapshot]) -> String {
    let mut refused = DropCounts::default();
    for member in rooms.iter().flat_map(|room| &room.members) {
        refused.merge(&member.drops);
    }
    let mut text = format!("sent {} datagrams to members, dropped {}", stats.sent_datagrams, stats.drops);
    if refused.total() > 0 {
        text.push_str(&format!("; the rooms refused from their members {refused}"));
    }
    text
}

/// The rooms by number, as people know them.
#[derive(Debug, Default)]
struct Rooms(BTreeMap<RoomId, RoomCode>);

impl Rooms {
    fn tell(&mut self, event: &RelayEvent) {
        if let RelayEvent::RoomOpened { room, code, .. } = event {
            self.0.insert(*room, code.clone());
        }
        let code_of = |room| self.0.get(&room).map_or_else(|| format!("number {room}"), ToString::to_string);
        let sentence = event.sentence(code_of).unwrap_or_default();
        match event {
            RelayEvent::RoomOpened { code, mtu, .. } => {
                info!(target: SAY, event = "room_opened", room = %code, mtu, "{sentence}");
            }
            RelayEvent::RoomClosed { room, code } => {
                info!(target: SAY, event = "room_closed", room = %code, "{sentence}");
                self.0.remove(room);
            }
            RelayEvent::Joined { room, info } => info!(
                target: SAY, event = "joined", room = code_of(*room), peer = %info.peer, role = %info.role,
                mac = info.mac.map(tracing::field::display), name = info.name, "{sentence}"
            ),
            RelayEvent::Left { room, info, reason, .. } => info!(
                target: SAY, event = "left", room = code_of(*room), peer = %info.peer, role = %info.role,
                %reason, "{sentence}"
            ),
            RelayEvent::Rejected { code, reason, .. } => {
                info!(target: SAY, event = "rejected", room = %code, ?reason, "{sentence}");
            }
            RelayEvent::Paused { room, peer, paused } => {
                info!(target: SAY, event = "paused", room = code_of(*room), %peer, paused, "{sentence}");
            }
            // Of strangers: anybody can cause these.
            RelayEvent::Closed { code } => {
                debug!(target: SAY, event = "closed", %code, "a connection was closed: {code}")
            }
            _ => {}
        }
    }
}

/// SIGHUP, where there is such a thing.
struct Reload {
    #[cfg(unix)]
    signal: tokio::signal::unix::Signal,
}

impl Reload {
    #[cfg(unix)]
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { signal: signal(SignalKind::hangup())? })
    }

    #[cfg(not(unix))]
    fn listen() -> std::io::Result<Self> {
        Ok(Self {})
    }

    async fn requested(&mut self) {
        #[cfg(unix)]
        if self.signal.recv().await.is_some() {
            return;
        }
        std::future::pending().await
    }
}
