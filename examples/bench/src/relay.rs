//! The measured relay: on a thread of this process, or in a process of its own.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use anyhow::{Context as _, Result, anyhow};
use lanparty_sdk::quic::{ServerCert, Trust};
use lanparty_sdk::relay::{Relay, RelayOptions, RetryPolicy};
use lanparty_sdk::switch::{Limits, Rate};
use serde::{Deserialize, Serialize};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use crate::usage::Usage;
use crate::{Engine, Flavour};

pub(crate) const SERVER_NAME: &str = "bench.lanparty";
/// The hidden command that makes a process a relay.
pub(crate) const COMMAND: &str = "relay-process";

/// How members find a relay, in one line of JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Invitation {
    addr: SocketAddr,
    cert: Vec<u8>,
}

impl Invitation {
    pub(crate) const fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(crate) fn trust(&self) -> Result<Trust> {
        Ok(Trust::certificates(&self.cert)?)
    }
}

/// What a relay has done, in one line of JSON.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct RelayEnd {
    pub(crate) sent_datagrams: u64,
    pub(crate) drops: BTreeMap<String, u64>,
}

/// A relay that runs.
#[derive(Debug)]
pub(crate) enum RelayHost {
    Thread { invitation: Invitation, stop: oneshot::Sender<()>, end: JoinHandle<Result<RelayEnd>> },
    Process { invitation: Invitation, child: Child, output: BufReader<ChildStdout> },
}

impl RelayHost {
    pub(crate) fn thread(engine: Engine) -> Result<Self> {
        let (stop, stopped) = oneshot::channel();
        let (invite, invited) = mpsc::channel();
        let run = move || {
            serve(engine, stopped, |invitation| {
                invite.send(invitation).map_err(|_| anyhow!("nobody waits for the relay"))
            })
        };
        let end = thread::Builder::new().name("relay".to_owned()).spawn(run)?;
        match invited.recv() {
            Ok(invitation) => Ok(Self::Thread { invitation, stop, end }),
            Err(_) => Err(join(end).err().unwrap_or_else(|| anyhow!("the relay ended at once"))),
        }
    }

    pub(crate) fn process(engine: Engine) -> Result<Self> {
        let program = std::env::current_exe().context("this program does not know where it is")?;
        let mut child = Command::new(program)
            .args([COMMAND, "--runtime", engine.runtime.as_str(), "--workers", &engine.workers.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("no process for the relay")?;
        let output = child.stdout.take().context("the relay has no output")?;
        let (mut output, mut line) = (BufReader::new(output), String::new());
        output.read_line(&mut line)?;
        let invitation = serde_json::from_str(&line).context("the relay's process failed")?;
        Ok(Self::Process { invitation, child, output })
    }

    pub(crate) const fn invitation(&self) -> &Invitation {
        match self {
            Self::Thread { invitation, .. } | Self::Process { invitation, .. } => invitation,
        }
    }

    /// What the relay's process has used; `None` if it has none of its own.
    pub(crate) fn usage(&self) -> Option<Usage> {
        match self {
            Self::Thread { .. } => None,
            Self::Process { child, .. } => Usage::of(&child.id().to_string()),
        }
    }

    /// Stops it.
    pub(crate) fn finish(self) -> Result<RelayEnd> {
        match self {
            Self::Thread { stop, end, .. } => {
                let _ = stop.send(()); // it may have ended by itself, which `join` tells
                join(end)
            }
            Self::Process { mut child, mut output, .. } => {
                drop(child.stdin.take());
                let mut line = String::new();
                output.read_to_string(&mut line)?;
                child.wait()?;
                serde_json::from_str(&line).context("the relay's process failed")
            }
        }
    }
}

/// What the hidden command does: a relay until the standard input ends.
pub(crate) fn process(engine: Engine) -> Result<()> {
    let (stop, stopped) = oneshot::channel();
    thread::spawn(move || {
        let _ = io::copy(&mut io::stdin(), &mut io::sink()); // an error is an end as well
        let _ = stop.send(());
    });
    let end = serve(engine, stopped, |invitation| print_line(&invitation))?;
    let _ = print_line(&end); // whoever began this process may have gone
    Ok(())
}

/// A runtime of one flavour.
pub(crate) fn runtime(flavour: Flavour) -> io::Result<Runtime> {
    match flavour {
        Flavour::Current => Builder::new_current_thread().enable_all().build(),
        Flavour::Multi => Builder::new_multi_thread().enable_all().build(),
    }
}

fn serve(
    engine: Engine,
    stopped: oneshot::Receiver<()>,
    invite: impl FnOnce(Invitation) -> Result<()>,
) -> Result<RelayEnd> {
    runtime(engine.runtime)?.block_on(async {
        let cert = ServerCert::development(SERVER_NAME)?;
        let relay = Relay::bind((Ipv4Addr::LOCALHOST, 0).into(), &cert, options(engine))?;
        invite(Invitation { addr: relay.local_addr()?, cert: cert.cert_der().to_vec() })?;
        let _ = stopped.await; // whoever could stop it is gone: that stops it too
        let stats = relay.stats();
        let mut drops = BTreeMap::new();
        let refused = relay.rooms().into_iter().flat_map(|room| room.members);
        for (reason, count) in refused.flat_map(|member| member.drops.iter().collect::<Vec<_>>()) {
            *drops.entry(reason.as_str().to_owned()).or_insert(0) += count;
        }
        for (reason, count) in stats.drops.iter() {
            *drops.entry(reason.as_str().to_owned()).or_insert(0) += count;
        }
        Ok(RelayEnd { sent_datagrams: stats.sent_datagrams, drops })
    })
}

/// What is measured is what a relay can do, not what it allows.
fn options(engine: Engine) -> RelayOptions {
    let mut options = RelayOptions::default();
    options.workers = engine.workers.into();
    // Each worker has its share, and chance may give one more than that.
    options.config.max_rooms = u16::MAX;
    options.config.max_connections *= u32::from(engine.workers);
    options.config.room.client_limits = Limits::UNLIMITED;
    options.config.room.max_clients = u16::MAX;
    options.handshake.retry = RetryPolicy::Never;
    options.handshake.calm = Rate::UNLIMITED;
    options.handshake.per_address = Rate::UNLIMITED;
    options.handshake.connections_per_address = u32::MAX;
    options
}

fn print_line(document: &impl Serialize) -> Result<()> {
    let mut output = io::stdout().lock();
    writeln!(output, "{}", serde_json::to_string(document)?)?;
    Ok(output.flush()?)
}

fn join(thread: JoinHandle<Result<RelayEnd>>) -> Result<RelayEnd> {
    thread.join().map_err(|_| anyhow!("the relay's thread panicked"))?
}
