//! A whole party: a relay in the Internet, a gateway at a LAN with one host, and two players elsewhere.
//!
//! ```text
//!  alice --+                                       +-- lanhost (DHCP, games)
//!  bob   --+-- wan --+-- relay      gw -- cable -- lan
//!                    +------------- gw
//! ```

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use libtest_mimic::Trial;
use tempfile::TempDir;

use crate::cable::Cable;
use crate::host::{Host, connect, eventually};
use crate::program::Program;

pub(crate) const RELAY_NAME: &str = "lanparty-relay.local";
pub(crate) const RELAY: &str = "10.9.0.1";
pub(crate) const ROOM: &str = "PARTY";
pub(crate) const TAP: &str = "lanparty0";
/// The address of the host on the LAN.
pub(crate) const LAN_HOST: &str = "192.168.77.1";

/// Addresses that players give themselves where a test is not about DHCP.
pub(crate) const ALICE: &str = "192.168.77.11";
pub(crate) const BOB: &str = "192.168.77.12";

pub(crate) struct Party {
    /// Where both switches are: the Internet's and the LAN's.
    pub(crate) switches: Host,
    pub(crate) relay: Host,
    pub(crate) gw: Host,
    pub(crate) lanhost: Host,
    pub(crate) alice: Host,
    pub(crate) bob: Host,
    pub(crate) dir: TempDir,
}

impl Party {
    /// Hosts and cables; no program runs yet.
    pub(crate) fn new() -> Self {
        let party = Self {
            switches: Host::new("switches"),
            relay: Host::new("relay"),
            gw: Host::new("gw"),
            lanhost: Host::new("lanhost"),
            alice: Host::new("alice"),
            bob: Host::new("bob"),
            dir: TempDir::new().unwrap(),
        };
        let Self { switches, relay, gw, lanhost, alice, bob, .. } = &party;
        switches.run(|| std::fs::write("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1").unwrap());
        for bridge in ["wan", "lan"] {
            switches.ip(&format!("link add {bridge} type bridge stp_state 0 mcast_snooping 0"));
            switches.ip(&format!("link set {bridge} up"));
        }
        for (host, address) in [(relay, RELAY), (gw, "10.9.0.2"), (alice, "10.9.0.11"), (bob, "10.9.0.12")] {
            connect((switches, &format!("w-{}", host.name)), (host, "wan0"));
            switches.ip(&format!("link set w-{} master wan", host.name));
            host.ip(&format!("addr add {address}/24 dev wan0"));
        }
        for host in [gw, lanhost] {
            connect((switches, &format!("l-{}", host.name)), (host, "lan0"));
            switches.ip(&format!("link set l-{} master lan", host.name));
        }
        lanhost.ip(&format!("addr add {LAN_HOST}/24 dev lan0"));
        party
    }

    /// The relay and the gateway, ready.
    pub(crate) fn start_lan(&self) -> (Program, Program) {
        let relay = self.start_relay(&[]);
        let gateway = self.start_gateway(&[]);
        (relay, gateway)
    }

    pub(crate) fn start_relay(&self, more: &[&str]) -> Program {
        let mut arguments = words("--listen 443/udp");
        if !more.contains(&"--cert") {
            arguments.extend(["--dev-cert-der-out".to_owned(), self.cert()]);
        }
        arguments.extend(more.iter().map(ToString::to_string));
        let relay = Program::start(&self.relay, "lanparty-relay", &arguments);
        relay.line(RELAY_READY);
        relay
    }

    pub(crate) fn start_gateway(&self, more: &[&str]) -> Program {
        let gateway = Program::start(&self.gw, "lanparty-gateway", &self.gateway_arguments(ROOM, more));
        gateway.line(JOINED);
        gateway
    }

    /// A client with its adapter ready for use.
    pub(crate) fn start_client(&self, host: &Host, more: &[&str]) -> Program {
        self.start_client_in(host, ROOM, more)
    }

    pub(crate) fn start_client_in(&self, host: &Host, room: &str, more: &[&str]) -> Program {
        self.start_tap(host, room, TAP, more)
    }

    /// As [`Party::start_client`], with everything to choose.
    pub(crate) fn start_tap(&self, host: &Host, room: &str, tap: &str, more: &[&str]) -> Program {
        let more = [&["--tap", tap], more].concat();
        let client = Program::start(host, "lanparty-client", &self.client_arguments(host, room, &more));
        client.line(JOINED);
        eventually("the adapter is plugged in", || has_carrier(host, tap));
        if more.contains(&"--address") {
            eventually("the adapter has its address", || address(host, tap).is_some());
        }
        client
    }

    /// Waits until the LAN knows the player on `host`: whatever it sends there from now on crosses. The player itself knows
    /// that it has joined a moment before the gateway does.
    pub(crate) fn wait_until_lan_knows(&self, host: &Host) {
        let entry = format!("{} dev l-gw", host.mac(TAP));
        eventually("the LAN knows the player", || {
            self.switches.sh("bridge fdb show br lan").contains(&entry)
        });
    }

    pub(crate) fn gateway_arguments(&self, room: &str, more: &[&str]) -> Vec<String> {
        let mut arguments = self.member_arguments(room, "gateway", more);
        if !more.contains(&"--iface") {
            arguments.extend(words("--iface lan0"));
        }
        arguments
    }

    pub(crate) fn client_arguments(&self, host: &Host, room: &str, more: &[&str]) -> Vec<String> {
        self.member_arguments(room, host.name, more)
    }

    fn member_arguments(&self, room: &str, identity: &str, more: &[&str]) -> Vec<String> {
        let mut arguments = words(&format!("--room {room} --relay-ca-cert"));
        arguments.push(self.cert());
        for (option, value) in
            [("--relay", RELAY), ("--server-name", RELAY_NAME), ("--identity", &self.file(identity))]
        {
            if !more.contains(&option) {
                arguments.extend([option, value].map(str::to_owned));
            }
        }
        arguments.extend(more.iter().map(ToString::to_string));
        arguments
    }

    pub(crate) fn file(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    /// Writes a certificate that outlives the relay where members look for one, and returns the relay's options for it.
    pub(crate) fn write_certificate(&self) -> [String; 4] {
        let made = rcgen::generate_simple_self_signed([RELAY_NAME.to_owned()]).unwrap();
        std::fs::write(self.cert(), made.cert.pem()).unwrap();
        std::fs::write(self.file("key.pem"), made.signing_key.serialize_pem()).unwrap();
        ["--cert".to_owned(), self.cert(), "--key".to_owned(), self.file("key.pem")]
    }

    pub(crate) fn cert(&self) -> String {
        self.file("relay-cert")
    }

    /// The gateway's cable, seen from the switch: what comes in is what the gateway puts onto the LAN.
    pub(crate) fn lan_cable(&self) -> Cable {
        Cable::open(&self.switches, "l-gw")
    }

    /// A real DHCP server on the LAN.
    pub(crate) fn start_dhcp(&self) -> Program {
        let mut command = Command::new("dnsmasq");
        command
            // In this mode it stays whoever it is, which is all that a user namespace allows.
            .args([
                "--no-daemon",
                "--conf-file=/dev/null",
                "--port=0",
                "--interface=lan0",
                "--bind-interfaces",
            ])
            .args(["--log-dhcp", "--no-ping", "--dhcp-authoritative"])
            .arg("--dhcp-range=192.168.77.100,192.168.77.199,255.255.255.0,1h")
            .arg(format!("--dhcp-leasefile={}", self.file("leases")))
            .arg(format!("--pid-file={}", self.file("dnsmasq.pid")));
        let dnsmasq = Program::spawn(&self.lanhost, command);
        dnsmasq.line("DHCP, IP range");
        dnsmasq
    }

    /// Asks for a lease on the adapter of `host`, uses it, and returns it.
    pub(crate) fn lease(&self, host: &Host) -> String {
        let script = self.file("udhcpc.sh");
        if !Path::new(&script).exists() {
            std::fs::write(&script, UDHCPC).unwrap();
            std::fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).unwrap();
        }
        host.sh(&format!("udhcpc -i {TAP} -f -n -q -t 8 -T 1 -s {script}"));
        address(host, TAP).expect("an address of the lease")
    }
}

/// Does what a DHCP client does to an interface.
const UDHCPC: &str = r#"#!/bin/sh
[ "$1" = bound ] || [ "$1" = renew ] || exit 0
ip addr flush dev "$interface" scope global
ip addr add "$ip/$mask" broadcast + dev "$interface"
"#;

/// What the relay says once it serves.
const RELAY_READY: &str = "listening on";
/// What a member says once it is in.
pub(crate) const JOINED: &str = "joined room";
/// What it says once it is in again.
pub(crate) const BACK: &str = "back in room";

pub(crate) fn trial(name: &'static str, test: fn()) -> Trial {
    Trial::test(name, move || {
        test();
        Ok(())
    })
}

pub(crate) fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// The IPv4 address of an interface.
pub(crate) fn address(host: &Host, iface: &str) -> Option<String> {
    let text = host.ip(&format!("-4 -o addr show dev {iface}"));
    let address = text.split_whitespace().skip_while(|word| *word != "inet").nth(1)?;
    Some(address.split('/').next().unwrap().to_owned())
}

pub(crate) fn has_carrier(host: &Host, iface: &str) -> bool {
    // The file cannot be read while the interface is switched off.
    host.run(|| std::fs::read_to_string(format!("/sys/class/net/{iface}/carrier")))
        .is_ok_and(|text| text.trim() == "1")
}

pub(crate) fn ping(host: &Host, target: &str) {
    host.sh(&format!("ping -c 3 -i 0.1 -w 10 {target}"));
}
