//! The programs on their hosts.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use crate::tunnel::lab::{Host, Lab, MEMBERS, Process, eventually};
use crate::tunnel::{Common, inside};
use crate::usage::Usage;

/// The adapter's name.
pub(crate) const TAP: &str = "lp0";
const RELAY: &str = "lanparty-relay";
const CLIENT: &str = "lanparty-client";
/// The name on the relay's certificate of its own making.
const SERVER_NAME: &str = "lanparty-relay.local";
const ROOM: &str = "BENCH-1";
/// What is measured is what a relay can do, not what it allows.
const UNLIMITED: [&str; 4] = ["bytes", "flood", "probes", "unknown-unicast"];

/// The programs that are measured.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    folder: PathBuf,
    client_options: Vec<String>,
    relay_options: Vec<String>,
}

impl Programs {
    pub(crate) fn find(common: &Common) -> Result<Self> {
        let folder = match &common.programs {
            Some(folder) => folder.clone(),
            None => {
                let myself = std::env::current_exe().context("this program does not know where it is")?;
                myself.parent().context("this program is in no folder")?.to_owned()
            }
        };
        for name in [RELAY, CLIENT] {
            let path = folder.join(name);
            ensure!(
                path.is_file(),
                "there is no {}: `cargo build --release -p {RELAY} -p {CLIENT}`, or name a folder with --programs",
                path.display()
            );
        }
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect();
        Ok(Self {
            folder: folder.canonicalize()?,
            client_options: words(&common.client_options),
            relay_options: words(&common.relay_options),
        })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn client_options(&self) -> String {
        self.client_options.join(" ")
    }

    pub(crate) fn relay_options(&self) -> String {
        self.relay_options.join(" ")
    }
}

/// A relay and up to two clients. They end when it is dropped.
#[derive(Debug)]
pub(crate) struct Party<'a> {
    lab: &'a Lab,
    programs: &'a Programs,
    folder: PathBuf,
    relay: Process,
    clients: Vec<(Host, Process)>,
}

impl<'a> Party<'a> {
    /// The relay, ready.
    pub(crate) fn start(lab: &'a Lab, programs: &'a Programs) -> Result<Self> {
        let folder = inside::scratch("party")?;
        let cert = folder.join("relay-cert.der");
        let mut arguments: Vec<String> =
            ["--listen", "443/udp", "--dev-cert-der-out"].map(str::to_owned).into();
        arguments.push(text(&cert)?);
        arguments.extend(UNLIMITED.map(|what| format!("--limit-client-{what}=unlimited")));
        arguments.extend(programs.relay_options.iter().cloned());
        let mut relay = lab.start(Host::Hub, &programs.folder.join(RELAY), &arguments)?;
        relay.wait_for("listening on")?;
        Ok(Self { lab, programs, folder, relay, clients: Vec::new() })
    }

    /// Relay and both clients, ready.
    pub(crate) fn complete(lab: &'a Lab, programs: &'a Programs) -> Result<Self> {
        let mut party = Self::start(lab, programs)?;
        for member in MEMBERS {
            party.join(member)?;
        }
        for member in MEMBERS {
            party.wait_until_ready(member)?;
        }
        Ok(party)
    }

    /// Starts a client.
    pub(crate) fn join(&mut self, member: Host) -> Result<()> {
        let mut arguments: Vec<String> = [
            ("--relay", format!("{}:443", member.outer().1)),
            ("--server-name", SERVER_NAME.to_owned()),
            ("--relay-ca-cert", text(&self.folder.join("relay-cert.der"))?),
            ("--room", ROOM.to_owned()),
            ("--tap", TAP.to_owned()),
            ("--address", format!("{}/24", member.inner())),
            ("--identity", text(&self.folder.join(format!("{}.json", member.name())))?),
        ]
        .into_iter()
        .flat_map(|(option, value)| [option.to_owned(), value])
        .collect();
        arguments.extend(self.programs.client_options.iter().cloned());
        let client = self.lab.start(member, &self.programs.folder.join(CLIENT), &arguments)?;
        self.clients.push((member, client));
        Ok(())
    }

    /// Waits until the adapter has its address.
    pub(crate) fn wait_until_ready(&mut self, member: Host) -> Result<()> {
        let address = member.inner().to_string();
        let (lab, clients) = (self.lab, &mut self.clients);
        for (_, client) in clients.iter_mut().filter(|(host, _)| *host == member) {
            client.wait_for("joined room")?;
        }
        eventually(&format!("{} has its address", member.name()), || {
            Ok(lab.run(member, "ip", "-4 -o addr show")?.contains(&address))
        })
    }

    /// What the relay, alice's client and bob's have used.
    pub(crate) fn usage(&self) -> Result<[Usage; 3]> {
        let of = |process: &Process| Usage::of(&process.pid().to_string()).context("a program has ended");
        let client = |member| {
            let found = self.clients.iter().find(|(host, _)| *host == member);
            found.context("a client has not been started").and_then(|(_, process)| of(process))
        };
        Ok([of(&self.relay)?, client(Host::Alice)?, client(Host::Bob)?])
    }

    /// The most memory that the relay has had, in MiB.
    pub(crate) fn relay_peak_mib(&self) -> Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.relay.pid()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
        let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kib / 1024.0)
    }
}

fn text(path: &Path) -> Result<String> {
    Ok(path.to_str().context("the path is no text")?.to_owned())
}
