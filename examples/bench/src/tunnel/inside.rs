//! Getting away from the machine's own network, or saying what is missing.
//!
//! The program calls itself inside fresh network, mount and process namespaces. There `ip netns` keeps its names on a `/run`
//! of its own, so that runs never meet, and the kernel ends every process and takes every namespace away once the first
//! process in there ends: after a panic and after SIGKILL, too. That first process ends as soon as its standard input, a
//! pipe from outside, does, so that it outlives neither Ctrl-C nor anything else that ends this program.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Stdio, exit};
use std::thread;

use anyhow::{Context as _, Result, bail, ensure};

const INSIDE: &str = "LANPARTY_BENCH_INSIDE";
/// What a shell says of a program that SIGINT has ended.
const INTERRUPTED: i32 = 130;
/// Where everything of a run is written. It vanishes with the run.
pub(crate) const SCRATCH: &str = "/run/lanparty-bench";

/// Each tool, an argument with which it does nothing, and the Debian package that has it.
const TOOLS: &[(&str, &str, &str)] = &[
    ("ethtool", "--version", "ethtool"),
    ("ip", "-V", "iproute2"),
    ("iperf3", "--version", "iperf3"),
    ("mount", "--version", "mount"),
    ("ping", "-V", "iputils-ping"),
    ("tc", "-V", "iproute2"),
    ("unshare", "--version", "util-linux"),
];
/// What the peers' harness needs besides.
const HARNESS_TOOLS: &[(&str, &str, &str)] = &[
    ("gcc", "--version", "gcc"),
    ("nft", "--version", "nftables"),
    ("openssl", "version", "openssl"),
    ("python3", "--version", "python3"),
];

/// Who is to run inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Our own measurements.
    Lab,
    /// The peers' harness. It looks at settings that only the machine's own network namespace has, and makes namespaces of
    /// its own for all that it does.
    Harness,
}

pub(crate) fn is_inside() -> bool {
    std::env::var_os(INSIDE).is_some()
}

/// Runs this program again, inside, and ends as it does.
pub(crate) fn enter(needs: Needs) -> Result<()> {
    let harness: &[_] = if needs == Needs::Harness { HARNESS_TOOLS } else { &[] };
    let missing: Vec<_> = TOOLS.iter().chain(harness).filter(|tool| !is_there(tool)).collect();
    if !missing.is_empty() {
        let mut packages: Vec<_> = missing.iter().map(|(_, _, package)| *package).collect();
        packages.dedup();
        let names: Vec<_> = missing.iter().map(|(name, _, _)| *name).collect();
        bail!("missing tools: {}; `apt-get install {}`", names.join(", "), packages.join(" "));
    }
    OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/net/tun")
        .context("no TAP adapter can be made: /dev/net/tun cannot be opened (`modprobe tun`, as root)")?;

    let processes = ["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"].as_slice();
    let candidates = match needs {
        Needs::Harness => vec![processes.to_vec()],
        Needs::Lab => vec![
            [processes, &["--net"]].concat(),
            [processes, &["--net", "--user", "--map-root-user"]].concat(),
        ],
    };
    let probe = "mount -t tmpfs tmpfs /run && ip netns add t && ip netns exec t ip tuntap add t mode tap";
    let can = |flags: &Vec<&str>| {
        succeeds(Command::new("unshare").args(flags).args(["sh", "-c", probe])) == Some(true)
    };
    let Some(flags) = candidates.into_iter().find(can) else {
        bail!("no network namespaces with TAP adapters can be made here: run it as root");
    };

    let myself = std::env::current_exe().context("this program does not know where it is")?;
    let mut child = Command::new("unshare")
        .args(flags)
        .arg(myself)
        .args(std::env::args_os().skip(1))
        .env(INSIDE, "1")
        .stdin(Stdio::piped())
        .spawn()
        .context("unshare")?;
    let leash = child.stdin.take(); // `wait` would close it
    let status = child.wait()?;
    drop(leash);
    match (status.code(), status.signal()) {
        (Some(0), _) => Ok(()),
        (Some(code), _) => exit(code), // the reason was told in there
        (None, signal) => bail!("the measurement was ended by signal {}", signal.unwrap_or(0)),
    }
}

/// Makes the inside ready.
pub(crate) fn prepare() -> Result<()> {
    thread::Builder::new().name("leash".to_owned()).spawn(|| {
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink()); // an error is an end as well
        exit(INTERRUPTED);
    })?;
    let mounted = succeeds(Command::new("mount").args(["-t", "tmpfs", "tmpfs", "/run"]));
    ensure!(mounted == Some(true), "no /run of our own can be mounted");
    std::fs::create_dir_all(SCRATCH).with_context(|| format!("make {SCRATCH}"))
}

/// A fresh folder of this run.
pub(crate) fn scratch(name: &str) -> Result<std::path::PathBuf> {
    let folder = Path::new(SCRATCH).join(name);
    std::fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
    Ok(folder)
}

fn is_there((tool, argument, _): &&(&str, &str, &str)) -> bool {
    succeeds(Command::new(tool).arg(argument)).is_some()
}

/// Runs something quietly. `None` if it cannot be run.
fn succeeds(command: &mut Command) -> Option<bool> {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().ok().map(|status| status.success())
}
