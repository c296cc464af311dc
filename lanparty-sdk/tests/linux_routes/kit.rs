//! Interfaces, commands, and what the kernel's routes look like.
#![expect(clippy::disallowed_methods, reason = "real devices come up in real time")]

use std::net::IpAddr;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use lanparty_sdk::route::RoutePin;
use libtest_mimic::Trial;

pub(crate) const RELAY: &str = "203.0.113.7";
pub(crate) const RELAY6: &str = "2001:db8::7";
pub(crate) const TAP: Option<&str> = Some("tap0");
/// After this, what has not happened will not happen.
const DEADLINE: Duration = Duration::from_secs(10);

/// A test in a namespace with a network `wan0`, which has the default routes, and a tunnel `tap0`.
pub(crate) fn trial(name: &'static str, test: fn()) -> Trial {
    Trial::test(name, move || {
        // The commands that a thread starts share its namespace.
        let thread = std::thread::Builder::new().name(name.to_owned());
        let ran = thread.spawn(move || {
            nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET).expect("a namespace");
            run("ip link set lo up");
            let _wan = Link::new("wan0", "10.1.0.2/24", "fd01::2/64");
            let _tap = Link::new("tap0", "10.9.0.2/24", "fd09::2/64");
            run("ip route add default via 10.1.0.1 dev wan0 metric 100");
            run("ip -6 route add default via fd01::1 dev wan0");
            test();
        });
        ran?.join().map_err(|_| "panicked, see above".into())
    })
}

/// One end of a pair of connected interfaces, that goes when it is dropped.
pub(crate) struct Link(&'static str);

impl Link {
    pub(crate) fn new(name: &'static str, address: &str, address6: &str) -> Self {
        run(&format!("ip link add {name} type veth peer name {name}-peer"));
        for end in [format!("{name}-peer"), name.to_owned()] {
            // No addresses of the kernel's own, which would come whenever they like.
            run(&format!("ip link set {end} addrgenmode none"));
            run(&format!("ip link set {end} up"));
        }
        run(&format!("ip address add {address} dev {name}"));
        run(&format!("ip address add {address6} dev {name} nodad"));
        // The kernel adds its own IPv6 routes once it has noticed the carrier.
        let (address6, _) = address6.split_once('/').unwrap();
        let own = [
            format!("local {address6} dev {name} "),
            format!("multicast ff00::/8 dev {name} "),
            format!("multicast ff00::/8 dev {name}-peer "),
        ];
        let start = Instant::now();
        loop {
            let routes = run("ip -6 route show table local");
            if own.iter().all(|route| routes.contains(route)) {
                return Self(name);
            }
            assert!(start.elapsed() < DEADLINE, "{name} does not come up: {routes}");
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["link", "delete", self.0]).stderr(Stdio::null()).status();
    }
}

pub(crate) fn install(relay: &str) -> RoutePin {
    RoutePin::install(ip(relay), TAP).unwrap()
}

pub(crate) fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Runs a command, which must succeed.
pub(crate) fn run(command: &str) -> String {
    let mut words = command.split_whitespace();
    let output = Command::new(words.next().unwrap()).args(words).output().expect("ip (iproute2)");
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// All routes of the namespace, and its rules.
pub(crate) fn state() -> String {
    format!("{}IPv6\n{}", state_of("-4"), state_of("-6"))
}

pub(crate) fn state_of(family: &str) -> String {
    let routes = run(&format!("ip {family} route show table all"));
    let rules = run(&format!("ip {family} rule show"));
    // How soon the kernel notices a carrier is a matter of chance.
    let mut lines: Vec<_> = routes.lines().map(|line| line.replace(" linkdown", "")).collect();
    lines.sort();
    lines
        .into_iter()
        .chain(rules.lines().map(str::to_owned))
        .map(|line| line.trim_end().to_owned() + "\n")
        .collect()
}

/// How many pins of ours there are.
pub(crate) fn pins() -> usize {
    state().lines().filter(|line| line.contains("proto 76")).count()
}

/// The gateway and the interface by which the kernel sends to a host, as `via 10.1.0.1 dev wan0`.
pub(crate) fn way(host: &str) -> String {
    let told = run(&format!("ip route get {host}"));
    let words: Vec<_> = told.split_whitespace().collect();
    let after = |word| words.iter().position(|w| *w == word).map(|at| words[at + 1]);
    match (after("via"), after("dev").unwrap()) {
        (Some(gateway), interface) => format!("via {gateway} dev {interface}"),
        (None, interface) => format!("dev {interface}"),
    }
}
