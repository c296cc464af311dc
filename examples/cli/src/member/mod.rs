//! A member's program: its options, and its life from the first connection to the last word.

use std::future::Future;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use lanparty_sdk::ctrl::{LeaveReason, PeerRole, RoomCode};
use lanparty_sdk::identity::Identity;
use lanparty_sdk::member::SessionEvent;
use lanparty_sdk::net::RelayAddr;
use lanparty_sdk::obs::{Diagnostics, Level, TrafficStats, UserLine};
use lanparty_sdk::quic::Trust;
use lanparty_sdk::room::Room as _;
use lanparty_sdk::session::{MemberSession, Session as _, SessionBuilder};
use lanparty_sdk::settings::parse_member_name;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{info, warn};

use crate::log::SAY;
use crate::{Exit, Failure, Shutdown, Signal, TransportArgs};

/// How often the state is looked at for something new to say.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// The options that all members have.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Relay and room")]
pub struct MemberOptions {
    /// The relay's host name or IP address, and its UDP port if that is not 443
    #[arg(long, value_name = "HOST[:PORT]")]
    relay: RelayAddr,
    /// The name in the relay's certificate [default: the relay's host]
    #[arg(long, value_name = "NAME")]
    server_name: Option<String>,
    /// Trust this certificate (DER or PEM): the relay's own, or the authority's that signed it [default: what the system
    /// trusts]
    #[arg(long, value_name = "FILE")]
    relay_ca_cert: Option<PathBuf>,
    /// The room's code: 3 to 64 letters, digits, '-' and '_'
    #[arg(long, value_name = "CODE")]
    room: RoomCode,
    /// What the others call you, 32 characters at most
    #[arg(long, value_name = "NAME", value_parser = parse_member_name)]
    name: Option<String>,
    /// Keep trying if the relay cannot be reached at the start
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = false,
          default_missing_value = "true", action = clap::ArgAction::Set)]
    retry: bool,
    #[command(flatten)]
    transport: TransportArgs,
}

/// What a member needs besides its port.
#[derive(Debug)]
pub struct Setup {
    /// The relay's addresses; none if they could not be found, and are to be looked for again.
    pub relay: Vec<SocketAddr>,
    trust: Trust,
}

impl MemberOptions {
    /// Checks what concerns several options.
    ///
    /// # Errors
    /// What does not fit together.
    pub fn check(&self) -> Result<(), Failure> {
        self.transport.check()
    }

    /// The room.
    #[must_use]
    pub const fn room(&self) -> &RoomCode {
        &self.room
    }

    /// Keeps trying whatever the options say: for a program that starts with the computer, before there is a network.
    pub const fn keep_trying(&mut self) {
        self.retry = true;
    }

    /// The file with the certificate to trust, if there is one.
    #[must_use]
    pub fn certificate_file(&self) -> Option<&Path> {
        self.relay_ca_cert.as_deref()
    }

    /// Reads the certificate and looks the relay up: what can fail before a port is opened.
    ///
    /// # Errors
    /// What failed.
    pub async fn prepare(&self) -> Result<Setup, Failure> {
        let trust = match &self.relay_ca_cert {
            Some(path) => Trust::certificate_file(path)?,
            None => Trust::platform()?,
        };
        let relay = match self.relay.resolve().await {
            Ok(addresses) => addresses,
            Err(error) if self.retry => {
                warn!(target: SAY, "{}; trying again", crate::chain(&error));
                Vec::new()
            }
            Err(error) => return Err(Failure::from_error(Exit::Unreachable, &error)),
        };
        Ok(Setup { relay, trust })
    }

    /// A session with these options.
    pub fn session(&self, role: PeerRole, setup: Setup, identity: Identity, agent: &str) -> SessionBuilder {
        let make = match role {
            PeerRole::Client => SessionBuilder::client,
            PeerRole::Gateway => SessionBuilder::gateway,
        };
        let transport = self.transport.settings();
        let mut builder = make(self.relay.clone(), setup.trust, self.room.clone(), identity)
            .agent(agent)
            .retry_first(self.retry)
            .transport(transport.options)
            .socket_buffers(transport.buffers)
            .outbox(transport.outbox);
        if let Some(name) = &self.server_name {
            builder = builder.server_name(name);
        }
        if let Some(name) = &self.name {
            builder = builder.name(name);
        }
        builder
    }

    /// Where the identity is kept: at `given`, or where this user's programs keep their state.
    ///
    /// # Errors
    /// There is no such place.
    pub fn identity_path(given: Option<PathBuf>, file: &str) -> Result<PathBuf, Failure> {
        given.or_else(|| Some(state_dir()?.join("lanparty").join(file))).ok_or_else(|| {
            Failure::new(
                Exit::Usage,
                "there is no home directory to keep the identity in: name a file with --identity",
            )
        })
    }
}

/// What a program does besides while its session lives.
pub trait Hooks {
    /// What the member is to its room.
    const ROLE: PeerRole;

    /// The room let the member in; `first` only once.
    fn joined(&mut self, session: &MemberSession, first: bool) -> impl Future<Output = Result<(), Failure>>;

    /// The member is about to leave, or has been made to.
    fn leaving(&mut self) -> impl Future<Output = ()>;
}

/// Runs a session until it ends or the program is told to end, and says what happens.
///
/// # Errors
/// Why it ended, unless it was told to.
pub async fn run_member<H: Hooks>(
    builder: SessionBuilder,
    options: &MemberOptions,
    mut shutdown: Shutdown,
    hooks: &mut H,
) -> Result<(), Failure> {
    info!(target: SAY, relay = %options.relay, room = %options.room, "connecting to {}", options.relay);
    let session = builder.start()?;
    let mut events = session.events();
    let mut teller = Teller::default();
    let mut look = interval(LOOK_INTERVAL);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut joined = false;
    let result = loop {
        tokio::select! {
            signal = shutdown.requested() => break Ok(signal),
            event = events.next() => match event {
                Some(event) => {
                    tell(&event, H::ROLE, &session);
                    match event {
                        SessionEvent::Joined { .. } => {
                            let first = !std::mem::replace(&mut joined, true);
                            tokio::select! {
                                result = hooks.joined(&session, first) => if let Err(failure) = result {
                                    break Err(failure);
                                },
                                signal = shutdown.requested() => break Ok(signal),
                            }
                        }
                        SessionEvent::Ended(reason) if joined => break Err(reason.into()),
                        SessionEvent::Ended(reason) => {
                            let result = session.joined().await;
                            break Err(result.map_or_else(Failure::from, |()| reason.into()));
                        }
                        _ => {}
                    }
                }
                None => break Err(session.ended().await.into()),
            },
            _ = look.tick(), if joined => teller.tell(&session.diagnostics()),
        }
    };
    if joined {
        hooks.leaving().await;
    }
    let (reason, result) = match result {
        Ok(Signal::Interrupt) => (LeaveReason::Normal, Ok(())),
        Ok(Signal::Terminate) => (LeaveReason::Shutdown, Ok(())),
        Err(failure) => (LeaveReason::Normal, Err(failure)),
    };
    session.close(reason, "").await;
    if joined {
        tell_traffic(&session.stats());
    }
    if joined && result.is_ok() {
        info!(target: SAY, room = %options.room, "left room {}", options.room);
    }
    result
}

fn tell(event: &SessionEvent, role: PeerRole, session: &MemberSession) {
    let room = session.room();
    let name_of = |peer| {
        let known = room.peers().into_iter().find(|known| known.info.peer == peer);
        known.map_or_else(|| format!("member {peer}"), |known| known.info.called())
    };
    let Some(sentence) = event.sentence(role, &room.code(), name_of) else { return };
    let room = room.code();
    match event {
        SessionEvent::Joined { peer, mtu, again, .. } => {
            info!(target: SAY, event = "joined", %room, %peer, mtu, again, "{sentence}");
        }
        SessionEvent::PeerJoined(info) => {
            info!(target: SAY, event = "peer_joined", %room, peer = %info.peer, role = %info.role,
                mac = info.mac.map(tracing::field::display), name = info.name, "{sentence}");
        }
        SessionEvent::PeerLeft { info, reason, .. } => {
            info!(target: SAY, event = "peer_left", %room, peer = %info.peer, role = %info.role, %reason, "{sentence}");
        }
        SessionEvent::Disconnected { retry_in, .. } => {
            let retry_ms = u64::try_from(retry_in.as_millis()).unwrap_or(u64::MAX);
            warn!(target: SAY, event = "disconnected", %room, retry_ms, "{sentence}");
        }
        _ => info!(target: SAY, %room, "{sentence}"),
    }
}

/// Says what was moved, and where the rest went.
fn tell_traffic(traffic: &TrafficStats) {
    info!(
        target: SAY, event = "traffic", rx_frames = traffic.rx_frames, rx_bytes = traffic.rx_bytes,
        tx_frames = traffic.tx_frames, tx_bytes = traffic.tx_bytes, drops = traffic.drops.total(),
        "{}", traffic.sentence()
    );
}

/// Says what a session's diagnostics have to say, each line once until it changes.
#[derive(Debug, Default)]
struct Teller {
    told: Vec<UserLine>,
}

impl Teller {
    fn tell(&mut self, diagnostics: &Diagnostics) {
        for line in self.news(diagnostics) {
            match line.level {
                Level::Info => info!(target: SAY, "{}", line.text),
                _ => warn!(target: SAY, "{}", line.text),
            }
        }
    }

    fn news(&mut self, diagnostics: &Diagnostics) -> Vec<UserLine> {
        // Measurements and counters always change; that they do is no news.
        let mut steady = diagnostics.clone();
        steady.relay_rtt = None;
        steady.gateway_rtt = None;
        steady.traffic.rx_flood_frames = steady.traffic.rx_flood_frames.min(1);
        steady.traffic.tx_flood_frames = steady.traffic.tx_flood_frames.min(1);
        let before = std::mem::replace(&mut self.told, steady.user_lines());
        let lines = diagnostics.user_lines().into_iter().zip(&self.told);
        lines.filter(|(_, steady)| !before.contains(steady)).map(|(line, _)| line).collect()
    }
}

/// Where this user's programs keep their state (XDG base directories).
#[cfg(unix)]
fn state_dir() -> Option<PathBuf> {
    if nix::unistd::geteuid().is_root() {
        return Some(PathBuf::from("/var/lib"));
    }
    let absolute =
        |name| std::env::var_os(name).map(PathBuf::from).filter(|path: &PathBuf| path.is_absolute());
    absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")))
}

/// Where this user's programs keep what stays on this computer.
#[cfg(windows)]
fn state_dir() -> Option<PathBuf> {
    std::env::var_os("LOCALAPPDATA").map(PathBuf::from).filter(|path| path.is_absolute())
}

#[cfg(not(any(unix, windows)))]
fn state_dir() -> Option<PathBuf> {
    None
}

#[cfg(test)]
mod tests;
