//! Hosts made of network namespaces, and what is done on them.

use std::fs::File;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::process::Command;
use std::time::{Duration, Instant};

use lanparty_sdk::frame::MacAddr;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};

/// After this, what has not happened will not happen.
pub(crate) const DEADLINE: Duration = Duration::from_secs(15);
/// How often something that no event announces is looked at again.
const RETRY: Duration = Duration::from_millis(10);

/// A host: a network namespace, and a view of the file system whose `/sys` shows that network. It goes when it is dropped
/// and its last process has ended.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) name: &'static str,
    net: File,
    files: File,
}

impl Host {
    pub(crate) fn new(name: &'static str) -> Self {
        let host = std::thread::spawn(move || {
            unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS).expect("a namespace");
            let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
            mount(None::<&str>, "/", None::<&str>, private, None::<&str>).unwrap();
            mount(Some("sysfs"), "/sys", Some("sysfs"), MsFlags::empty(), None::<&str>)
                .expect("a /sys of its own");
            let open = |which| File::open(format!("/proc/thread-self/ns/{which}")).unwrap();
            Self { name, net: open("net"), files: open("mnt") }
        });
        let host = host.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        host.run(|| {
            for (setting, value) in [
                ("ipv6/conf/all/disable_ipv6", "0"),
                ("ipv6/conf/default/disable_ipv6", "0"),
                // An address can be used at once: nobody else has it.
                ("ipv6/conf/default/accept_dad", "0"),
                ("ipv6/conf/all/accept_dad", "0"),
                // What is crafted for the far side must not change this host.
                ("ipv6/conf/default/accept_ra", "0"),
                ("ipv6/conf/default/router_solicitations", "0"),
                // The one that every kernel has, and whose behaviour does not differ between machines.
                ("ipv4/tcp_congestion_control", "reno"),
            ] {
                // Absent without IPv6; then a test of it fails.
                let _ = std::fs::write(format!("/proc/sys/net/{setting}"), value);
            }
            ip("link set lo up");
        });
        host
    }

    /// Does something on this host: in a thread whose children, sockets and files are the host's.
    pub(crate) fn run<T: Send>(&self, job: impl FnOnce() -> T + Send) -> T {
        let inside = || {
            // Threads share their view of the file system unless told otherwise, and then cannot change it.
            unshare(CloneFlags::CLONE_FS).unwrap();
            setns(&self.net, CloneFlags::CLONE_NEWNET).unwrap();
            setns(&self.files, CloneFlags::CLONE_NEWNS).unwrap();
            job()
        };
        std::thread::scope(|scope| scope.spawn(inside).join())
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// Runs `ip` here, which must succeed.
    pub(crate) fn ip(&self, arguments: &str) -> String {
        self.run(|| ip(arguments))
    }

    /// Runs a command here, which must succeed. Arguments are separated by spaces.
    pub(crate) fn sh(&self, command: &str) -> String {
        self.try_sh(command).unwrap_or_else(|error| panic!("on {}: {error}", self.name))
    }

    /// Runs a command here; if it fails, all that it printed.
    pub(crate) fn try_sh(&self, command: &str) -> Result<String, String> {
        self.run(|| sh(command))
    }

    /// Whether an interface of that name exists here.
    pub(crate) fn has(&self, iface: &str) -> bool {
        self.run(|| std::path::Path::new("/sys/class/net").join(iface).exists())
    }

    pub(crate) fn mac(&self, iface: &str) -> MacAddr {
        self.run(|| std::fs::read_to_string(format!("/sys/class/net/{iface}/address")))
            .unwrap_or_else(|error| panic!("{iface} on {}: {error}", self.name))
            .trim()
            .parse()
            .unwrap()
    }

    /// Where other processes find this host's network.
    pub(crate) fn path(&self) -> String {
        format!("/proc/{}/fd/{}", std::process::id(), self.net.as_raw_fd())
    }

    pub(crate) fn udp(&self, addr: &str) -> UdpSocket {
        let socket = self
            .run(|| UdpSocket::bind(addr))
            .unwrap_or_else(|error| panic!("{addr} on {}: {error}", self.name));
        socket.set_broadcast(true).unwrap();
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        socket
    }
}

/// A cable between two interfaces that it makes.
pub(crate) fn connect((left, left_name): (&Host, &str), (right, right_name): (&Host, &str)) {
    left.ip(&format!("link add {left_name} type veth peer name {right_name} netns {}", right.path()));
    left.ip(&format!("link set {left_name} up"));
    right.ip(&format!("link set {right_name} up"));
}

fn ip(arguments: &str) -> String {
    sh(&format!("ip {arguments}")).unwrap_or_else(|error| panic!("{error}"))
}

fn sh(command: &str) -> Result<String, String> {
    let mut words = command.split_whitespace();
    let program = words.next().unwrap();
    let output = Command::new(program).args(words).output().map_err(|error| format!("{program}: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    Err(format!("{command}: {}\n{text}{}", output.status, String::from_utf8_lossy(&output.stderr)))
}

/// Waits for a state of the system that no event announces.
pub(crate) fn eventually(what: &str, holds: impl FnMut() -> bool) {
    within(DEADLINE, what, holds);
}

/// Waits for a state of the system, and says how long it took.
pub(crate) fn within(deadline: Duration, what: &str, mut holds: impl FnMut() -> bool) -> Duration {
    let start = Instant::now();
    loop {
        if holds() {
            return start.elapsed();
        }
        assert!(start.elapsed() < deadline, "not within {deadline:?}: {what}");
        std::thread::sleep(RETRY);
    }
}
