//! Hosts and cables.

use std::fs::File;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use crate::tunnel::{TOOL, Tool, WireMode, inside};

/// After this, what has not happened will not happen.
const DEADLINE: Duration = Duration::from_secs(15);
/// How often something that no event announces is looked at again.
const RETRY: Duration = Duration::from_millis(2);
/// The congestion control that most hosts have.
const CONGESTION_CONTROL: &str = "cubic";

/// A computer: a network namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    Hub,
    Alice,
    Bob,
    /// In the middle of alice's cable, if that is not a plain one.
    Wire,
}

/// The two who are connected by a tunnel.
pub(crate) const MEMBERS: [Host; 2] = [Host::Alice, Host::Bob];

impl Host {
    const fn namespace(self) -> &'static str {
        match self {
            Self::Hub => "lpb-hub",
            Self::Alice => "lpb-alice",
            Self::Bob => "lpb-bob",
            Self::Wire => "lpb-wire",
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Hub => "hub",
            Self::Alice => "alice",
            Self::Bob => "bob",
            Self::Wire => "wire",
        }
    }

    /// A member's address on its cable, and the hub's there.
    pub(crate) const fn outer(self) -> (Ipv4Addr, Ipv4Addr) {
        match self {
            Self::Bob => (Ipv4Addr::new(192, 0, 2, 6), Ipv4Addr::new(192, 0, 2, 5)),
            Self::Alice | Self::Hub | Self::Wire => {
                (Ipv4Addr::new(192, 0, 2, 2), Ipv4Addr::new(192, 0, 2, 1))
            }
        }
    }

    /// A member's address in the tunnel.
    pub(crate) const fn inner(self) -> Ipv4Addr {
        match self {
            Self::Bob => Ipv4Addr::new(10, 77, 0, 1),
            Self::Alice | Self::Hub | Self::Wire => Ipv4Addr::new(10, 77, 0, 2),
        }
    }

    /// A command that runs here. Its process is the command itself.
    fn command(self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", self.namespace(), program]).stdin(Stdio::null());
        command
    }
}

/// The ends of alice's cable and of bob's.
pub(crate) const ALICE_LINK: (Host, &str) = (Host::Alice, "a0");
pub(crate) const HUB_LINK: (Host, &str) = (Host::Hub, "ra");
const HUB_LINK_TO_BOB: (Host, &str) = (Host::Hub, "rb");
const BOB_LINK: (Host, &str) = (Host::Bob, "b0");

/// What is between alice and the hub besides a cable.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Impairment {
    /// One way.
    pub(crate) delay_ms: f64,
    /// Probability for each frame, each way.
    pub(crate) loss: f64,
    pub(crate) seed: u64,
}

/// Hosts with cables, and what runs on them. All of it goes when it is dropped.
#[derive(Debug)]
pub(crate) struct Lab {
    hosts: Vec<Host>,
    folder: PathBuf,
    wire: Option<Process>,
}

impl Lab {
    pub(crate) fn new(mode: WireMode, impairment: Option<Impairment>) -> Result<Self> {
        let mut lab = Self { hosts: Vec::new(), folder: inside::scratch("logs")?, wire: None };
        lab.add(Host::Hub)?;
        for host in MEMBERS {
            lab.add(host)?;
        }
        match impairment {
            None => lab.connect(ALICE_LINK, HUB_LINK)?,
            Some(impairment) => lab.connect_through_wire(impairment)?,
        }
        lab.connect(BOB_LINK, HUB_LINK_TO_BOB)?;
        for ((member, link), (_, hub_link)) in [(ALICE_LINK, HUB_LINK), (BOB_LINK, HUB_LINK_TO_BOB)] {
            let (own, hub) = member.outer();
            lab.ip(member, &format!("addr add {own}/30 dev {link}"))?;
            lab.ip(Host::Hub, &format!("addr add {hub}/30 dev {hub_link}"))?;
        }
        if mode == WireMode::Nic {
            for (host, link) in [ALICE_LINK, HUB_LINK, BOB_LINK, HUB_LINK_TO_BOB] {
                let off = "tso off gso off tx-udp-segmentation off gro on";
                lab.run(host, "ethtool", &format!("-K {link} {off}"))?;
            }
        }
        Ok(lab)
    }

    fn add(&mut self, host: Host) -> Result<()> {
        sh("ip", &format!("netns add {}", host.namespace()))?;
        self.hosts.push(host);
        self.ip(host, "link set lo up")?;
        for (setting, value) in [
            // Nothing is to speak by itself.
            ("ipv6/conf/all/disable_ipv6", "1"),
            ("ipv6/conf/default/disable_ipv6", "1"),
            ("ipv4/ip_forward", "0"),
        ] {
            self.set(host, setting, value)?;
        }
        // Not allowed in every user namespace; what is used instead is told with the figures.
        let _ = self.set(host, "ipv4/tcp_congestion_control", CONGESTION_CONTROL);
        Ok(())
    }

    fn set(&self, host: Host, setting: &str, value: &str) -> Result<()> {
        self.run(host, "sysctl", &format!("-qw net/{setting}={value}")).map(drop)
    }

    fn connect(&self, (left, left_name): (Host, &str), (right, right_name): (Host, &str)) -> Result<()> {
        let (left_space, right_space) = (left.namespace(), right.namespace());
        sh(
            "ip",
            &format!(
                "link add {left_name} netns {left_space} mtu 1500 type veth peer name {right_name} netns {right_space} mtu 1500"
            ),
        )?;
        self.ip(left, &format!("link set {left_name} up"))?;
        self.ip(right, &format!("link set {right_name} up"))
    }

    fn connect_through_wire(&mut self, Impairment { delay_ms, loss, seed }: Impairment) -> Result<()> {
        self.add(Host::Wire)?;
        let ends = [(ALICE_LINK, "wa"), (HUB_LINK, "wb")];
        for (end, name) in ends {
            self.connect(end, (Host::Wire, name))?;
        }
        for (host, link) in ends.iter().flat_map(|(end, name)| [*end, (Host::Wire, *name)]) {
            // What a packet socket hands on has to be a whole frame with its checksum.
            self.run(host, "ethtool", &format!("-K {link} tx off tso off gso off gro off"))?;
        }
        let tool =
            Tool::Wire { left: ends[0].1.to_owned(), right: ends[1].1.to_owned(), delay_ms, loss, seed };
        let mut wire = self.start_tool(Host::Wire, &tool)?;
        wire.wait_for("ready")?;
        self.wire = Some(wire);
        Ok(())
    }

    /// Lets the kernel at the hub forward between alice and bob, or not any more: the path without a tunnel.
    pub(crate) fn set_bare(&self, on: bool) -> Result<()> {
        self.set(Host::Hub, "ipv4/ip_forward", if on { "1" } else { "0" })?;
        for (host, other) in [(Host::Alice, Host::Bob), (Host::Bob, Host::Alice)] {
            let verb = if on { "add" } else { "del" };
            self.ip(host, &format!("route {verb} {}/32 via {}", other.outer().0, host.outer().1))?;
        }
        Ok(())
    }

    /// Queues in front of a slow link with these rates in Mbit/s, alice's and the hub's towards her.
    pub(crate) fn throttle(&self, up: f64, down: f64) -> Result<()> {
        for ((host, link), mbit) in [(ALICE_LINK, up), (HUB_LINK, down)] {
            let space = host.namespace();
            let queue = format!("tbf rate {mbit}mbit burst 32k latency 400ms");
            sh("tc", &format!("-n {space} qdisc add dev {link} root {queue}"))?;
        }
        Ok(())
    }

    /// What the kernel counts on an interface in both directions.
    pub(crate) fn bytes(&self, host: Host, link: &str) -> Result<u64> {
        let text = sh("ip", &format!("-n {} -s -j link show dev {link}", host.namespace()))?;
        let links: serde_json::Value = serde_json::from_str(&text)?;
        let count = |way: &str| links.pointer(&format!("/0/stats64/{way}/bytes")).and_then(|n| n.as_u64());
        count("rx").zip(count("tx")).map(|(rx, tx)| rx + tx).context("no counters")
    }

    pub(crate) fn congestion_control(&self) -> Result<String> {
        let text = self.run(Host::Alice, "sysctl", "-n net/ipv4/tcp_congestion_control")?;
        Ok(text.trim().to_owned())
    }

    /// Runs `ip` on a host.
    pub(crate) fn ip(&self, host: Host, arguments: &str) -> Result<()> {
        sh("ip", &format!("-n {} {arguments}", host.namespace())).map(drop)
    }

    /// Runs a command on a host and returns what it prints. Arguments are separated by spaces.
    pub(crate) fn run(&self, host: Host, program: &str, arguments: &str) -> Result<String> {
        let output = host.command(program).args(arguments.split_whitespace()).output()?;
        text_of(output, || format!("{program} {arguments} on {}", host.name()))
    }

    /// As [`Lab::run`], but whatever it prints counts, even if it fails.
    pub(crate) fn run_anyway(&self, host: Host, program: &str, arguments: &str) -> Result<String> {
        let output = host.command(program).args(arguments.split_whitespace()).output()?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Runs this program as a tool on a host.
    pub(crate) fn run_tool(&self, host: Host, tool: &Tool) -> Result<String> {
        let output = tool_command(host, tool)?.output()?;
        text_of(output, || format!("{tool:?} on {}", host.name()))
    }

    /// Starts this program as a tool on a host.
    pub(crate) fn start_tool(&self, host: Host, tool: &Tool) -> Result<Process> {
        Process::start(tool_command(host, tool)?, &self.folder, host)
    }

    /// As [`Lab::start_tool`], with its output to read.
    pub(crate) fn start_tool_to_read(&self, host: Host, tool: &Tool) -> Result<(Process, ChildStdout)> {
        let mut child = tool_command(host, tool)?.stdout(Stdio::piped()).spawn()?;
        let output = child.stdout.take().context("no output")?;
        let log = self.folder.join("none");
        Ok((Process { child, log }, output))
    }

    /// Starts a command on a host.
    pub(crate) fn start(&self, host: Host, program: &Path, arguments: &[String]) -> Result<Process> {
        let program = program.to_str().context("the path is no text")?;
        let mut command = host.command(program);
        command.args(arguments).env("NO_COLOR", "1");
        Process::start(command, &self.folder, host)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        drop(self.wire.take());
        for host in &self.hosts {
            let _ = sh("ip", &format!("netns del {}", host.namespace())); // the kernel does it at the end, too
        }
    }
}

/// What runs on a host. It is killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    fn start(mut command: Command, folder: &Path, host: Host) -> Result<Self> {
        let name = command.get_args().nth(3).map(|name| name.to_string_lossy().into_owned());
        let name = name.as_deref().and_then(|name| name.rsplit('/').next()).unwrap_or("process");
        let log = folder.join(format!("{name}-{}.log", host.name()));
        let file = File::create(&log).with_context(|| format!("make {}", log.display()))?;
        let child = command.stdout(file.try_clone()?).stderr(file).spawn()?;
        Ok(Self { child, log })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it has printed something.
    pub(crate) fn wait_for(&mut self, what: &str) -> Result<()> {
        eventually(&format!("{what:?} in {}", self.log.display()), || {
            if std::fs::read_to_string(&self.log)?.contains(what) {
                return Ok(true);
            }
            match self.child.try_wait()? {
                Some(status) => bail!("it has ended, {status}: {}", std::fs::read_to_string(&self.log)?),
                None => Ok(false),
            }
        })
    }

    /// Waits until it has ended by itself.
    pub(crate) fn wait(&mut self) -> Result<()> {
        let status = self.child.wait()?;
        ensure!(status.success(), "{}: {status}", self.log.display());
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it may have ended
        let _ = self.child.wait();
    }
}

fn tool_command(host: Host, tool: &Tool) -> Result<Command> {
    let myself = std::env::current_exe().context("this program does not know where it is")?;
    let mut command = host.command(myself.to_str().context("this program's path is no text")?);
    command.arg(TOOL);
    match tool {
        Tool::Serve { port } => command.arg("serve").arg(port.to_string()),
        Tool::Send { to, size, rate, millis, trial } => {
            command.arg("send").args([to.to_string(), size.to_string(), rate.to_string()]);
            command.args([millis.to_string(), trial.to_string()])
        }
        Tool::Probe { to, millis } => command.arg("probe").args([to.to_string(), millis.to_string()]),
        Tool::Echo { port } => command.arg("echo").arg(port.to_string()),
        Tool::Game { to, rate, size, seconds } => command.arg("game").args([
            to.to_string(),
            rate.to_string(),
            size.to_string(),
            seconds.to_string(),
        ]),
        Tool::Wire { left, right, delay_ms, loss, seed } => {
            command.args(["wire", left, right]);
            command.args([delay_ms.to_string(), loss.to_string(), seed.to_string()])
        }
    };
    Ok(command)
}

/// Waits for something that no event announces.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> Result<bool>) -> Result<()> {
    let start = Instant::now();
    while !holds()? {
        ensure!(start.elapsed() < DEADLINE, "not within {DEADLINE:?}: {what}");
        thread::sleep(RETRY);
    }
    Ok(())
}

fn sh(program: &str, arguments: &str) -> Result<String> {
    let output = Command::new(program).args(arguments.split_whitespace()).stdin(Stdio::null()).output()?;
    text_of(output, || format!("{program} {arguments}"))
}

fn text_of(output: Output, what: impl FnOnce() -> String) -> Result<String> {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    bail!("{}: {}\n{text}{}", what(), output.status, String::from_utf8_lossy(&output.stderr))
}
