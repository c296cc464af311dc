//! Interfaces, what the kernel says of them, and a socket that is none of the library's.

use std::ffi::CStr;
use std::fs;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::Command;

use lanparty::*;
use libtest_mimic::Trial;
use nix::ifaddrs::getifaddrs;
use nix::sys::socket::sockopt::ReceiveTimeout;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, bind, recv, send, setsockopt, socket,
};
use nix::sys::time::{TimeVal, TimeValLike as _};

use crate::support::*;
use crate::venue::try_receive;

/// The adapter that the trials make.
pub(crate) const TAP: &CStr = c"lanparty0";

/// A trial that leaves no handle behind.
pub(crate) fn trial(name: &'static str, test: impl FnOnce() + Send + 'static) -> Trial {
    Trial::test(name, move || {
        // A session that a failed trial left behind takes a moment to go.
        until("an earlier adapter is gone", || !tap_exists());
        let handles = lanparty_live_handles();
        test();
        assert_eq!(lanparty_live_handles(), handles, "handles that are left");
        Ok(())
    })
}

/// Makes the namespace quiet, gives it a loopback, and lets sysfs describe it.
pub(crate) fn prepare() {
    let mounted = Command::new("mount").args(["-t", "sysfs", "sysfs", "/sys"]).status();
    assert!(mounted.is_ok_and(|status| status.success()), "sysfs describes another namespace");
    // No frames of the kernel's own on new interfaces.
    for which in ["default", "all"] {
        let _ = fs::write(format!("/proc/sys/net/ipv6/conf/{which}/disable_ipv6"), "1");
    }
    ip("link set lo up");
}

/// Whether there is a device to make adapters with; says so if there is none.
pub(crate) fn can_make_adapters() -> bool {
    let Err(error) = fs::OpenOptions::new().read(true).write(true).open("/dev/net/tun") else { return true };
    eprintln!("lanparty-ffi linux_ports: TAP SKIPPED, NO ADAPTER WAS TESTED: /dev/net/tun: {error}");
    assert_ne!(std::env::var("LANPARTY_REQUIRE_NETNS").as_deref(), Ok("1"), "and that is demanded");
    false
}

/// Runs `ip`, which must succeed.
#[track_caller]
pub(crate) fn ip(arguments: &str) -> String {
    let output = Command::new("ip").args(arguments.split_whitespace()).output().expect("ip (iproute2)");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {arguments}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// Where the kernel describes an interface.
fn described(iface: &str) -> PathBuf {
    Path::new("/sys/class/net").join(iface)
}

pub(crate) fn exists(iface: &str) -> bool {
    described(iface).exists()
}

/// The adapter is there.
pub(crate) fn tap_exists() -> bool {
    exists(TAP.to_str().unwrap())
}

/// What the kernel says of an interface; nothing if it cannot say.
pub(crate) fn sys(iface: &str, what: &str) -> String {
    fs::read_to_string(described(iface).join(what)).unwrap_or_default().trim().to_owned()
}

pub(crate) fn counter(iface: &str, what: &str) -> u64 {
    sys(iface, &format!("statistics/{what}")).parse().unwrap()
}

/// An address as the kernel writes it.
pub(crate) fn mac_text(mac: [u8; 6]) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}

/// A port that makes the adapter `name`.
pub(crate) fn tap(name: &CStr, address: &CStr) -> Port {
    let (name, address) = (name.as_ptr(), address.as_ptr());
    Port::from(|port| call!(lanparty_port_new_tap(name, NUL, address, NUL, 0, port)))
}

/// A port for an interface that there is.
pub(crate) fn af_packet(iface: &CStr) -> Port {
    Port::from(|port| call!(lanparty_port_new_af_packet(iface.as_ptr(), NUL, port)))
}

pub(crate) fn info(port: &Port) -> lanparty_port_info {
    let mut info = sized();
    call!(lanparty_port_info_get(port.ptr(), &raw mut info)).ok();
    info
}

#[track_caller]
pub(crate) fn wait_joined(session: &Session) {
    call!(lanparty_session_wait_joined(session.ptr(), PATIENCE)).ok();
}

/// The next frame that comes to a virtual port from one address.
#[track_caller]
pub(crate) fn receive_from(port: &Port, source: [u8; 6]) -> Vec<u8> {
    for _ in 0..64 {
        let (answer, _, mut frames) = try_receive(port, 2048, 1, PATIENCE);
        answer.ok();
        let frame = frames.remove(0);
        if frame[6..12] == source {
            return frame;
        }
    }
    panic!("nothing from {}", mac_text(source));
}

/// A pair of connected interfaces, `lpa` and `lpb`, that goes when it is dropped.
#[derive(Debug)]
pub(crate) struct Veth;

impl Veth {
    /// The end that a gateway bridges.
    pub(crate) const CARD: &CStr = c"lpa";
    /// The card's own address.
    pub(crate) const MAC: [u8; 6] = [0x02, 0, 0, 0, 0x0a, 0x01];

    /// Both ends up and plugged in, with an MTU of 1500.
    pub(crate) fn up() -> Self {
        ip("link add lpa type veth peer name lpb");
        let veth = Self;
        ip(&format!("link set lpa address {}", mac_text(Self::MAC)));
        ip("link set lpa up");
        ip("link set lpb up");
        until("a carrier", || sys("lpa", "carrier") == "1");
        veth
    }

    /// Whether somebody listens to everything at the card.
    pub(crate) fn is_promiscuous(&self) -> bool {
        ip("-d link show lpa").contains("promiscuity 1")
    }
}

impl Drop for Veth {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["link", "delete", "lpa"]).status();
    }
}

/// A host of the LAN: the far end of the cable, through a socket of the kernel's.
#[derive(Debug)]
pub(crate) struct LanHost {
    socket: OwnedFd,
}

impl LanHost {
    pub(crate) const MAC: [u8; 6] = [0x02, 0, 0, 0, 0x0b, 0x02];

    pub(crate) fn open() -> Self {
        let all = SockProtocol::EthAll;
        let socket = socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, all).unwrap();
        let address = getifaddrs()
            .unwrap()
            .filter(|it| it.interface_name == "lpb")
            .find_map(|it| it.address?.as_link_addr().copied())
            .unwrap();
        // Bound with the protocol that it was made with, since the address names none.
        bind(socket.as_raw_fd(), &address).unwrap();
        setsockopt(&socket, ReceiveTimeout, &TimeVal::milliseconds(PATIENCE.into())).unwrap();
        Self { socket }
    }

    #[track_caller]
    pub(crate) fn send(&self, frame: &[u8]) {
        assert_eq!(send(self.socket.as_raw_fd(), frame, MsgFlags::empty()), Ok(frame.len()));
    }

    /// The next frame that comes along the cable from one address to another. Besides, a gateway tells the LAN's switches
    /// from time to time which clients are behind it, in frames to itself.
    #[track_caller]
    pub(crate) fn receive(&self, to: [u8; 6], from: [u8; 6]) -> Vec<u8> {
        let mut buf = vec![0; 2048];
        for _ in 0..64 {
            let len = recv(self.socket.as_raw_fd(), &mut buf, MsgFlags::empty()).unwrap();
            if buf.starts_with(&[to, from].concat()) {
                buf.truncate(len);
                return buf;
            }
        }
        panic!("nothing from {}", mac_text(from));
    }
}
