//! What Linux is asked about an interface by name, and told: one method per `ioctl`.
#![allow(unsafe_code, reason = "the kernel's interface requests are ioctls on C structures")]

use std::io;
use std::mem::zeroed;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use libc::c_ulong;

use crate::frame::MacAddr;

/// `ARPHRD_ETHER`: the hardware type of Ethernet.
pub(super) const ARPHRD_ETHER: u16 = 1;
/// The longest interface name in bytes: `IFNAMSIZ` less its terminating zero.
pub(super) const MAX_NAME_LEN: usize = libc::IFNAMSIZ - 1;

/// `ETHTOOL_GLINK`: is there a carrier?
const ETHTOOL_GLINK: u32 = 0x0a;
const SIOCETHTOOL: c_ulong = 0x8946;
/// The first request of the wireless extensions, which only wireless drivers answer.
const SIOCGIWNAME: c_ulong = 0x8b01;

/// Why a text cannot name an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// It contains `/`, `:`, `%`, whitespace or a control character.
    #[error("it contains {0:?}")]
    Character(char),
    /// There is nothing there.
    #[error("it is empty")]
    Empty,
    /// `.` and `..` are directories to sysfs.
    #[error("it means a directory")]
    Reserved,
    /// It is longer than 15 bytes.
    #[error("it is longer than {MAX_NAME_LEN} bytes")]
    TooLong,
}

/// Checks `name` by the kernel's own rules, and refuses `%` too: the kernel would make a pattern of it.
pub(super) fn check_name(name: &str) -> Result<(), NameError> {
    if name.is_empty() {
        return Err(NameError::Empty);
    }
    if name == "." || name == ".." {
        return Err(NameError::Reserved);
    }
    if let Some(bad) =
        name.chars().find(|c| matches!(c, '/' | ':' | '%') || c.is_whitespace() || c.is_control())
    {
        return Err(NameError::Character(bad));
    }
    if name.len() > MAX_NAME_LEN {
        return Err(NameError::TooLong);
    }
    Ok(())
}

/// The addresses of the interface called `name`; none if the kernel does not tell.
pub(super) fn addresses(name: &str) -> Vec<IpAddr> {
    let Ok(all) = nix::ifaddrs::getifaddrs() else { return Vec::new() };
    all.filter(|entry| entry.interface_name == name)
        .filter_map(|entry| entry.address)
        .filter_map(|address| {
            let v4 = address.as_sockaddr_in().map(|address| IpAddr::V4(address.ip()));
            v4.or_else(|| address.as_sockaddr_in6().map(|address| IpAddr::V6(address.ip())))
        })
        .collect()
}

/// A request structure that names `name`.
pub(super) fn request(name: &str) -> io::Result<libc::ifreq> {
    check_name(name).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    // SAFETY: ifreq is plain data, for which all zeros is a valid value.
    let mut request: libc::ifreq = unsafe { zeroed() };
    for (place, byte) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *place = byte as libc::c_char;
    }
    Ok(request)
}

/// A socket that serves only to ask and tell about one interface.
#[derive(Debug)]
pub(super) struct Interface {
    name: String,
    socket: OwnedFd,
}

impl Interface {
    pub(super) fn new(name: &str) -> io::Result<Self> {
        Ok(Self { name: name.to_owned(), socket: control_socket(libc::AF_INET)? })
    }

    pub(super) fn index(&self) -> io::Result<i32> {
        let request = self.ioctl(libc::SIOCGIFINDEX, |_| ())?;
        // SAFETY: SIOCGIFINDEX has written the index, and every bit pattern is one.
        Ok(unsafe { request.ifr_ifru.ifru_ifindex })
    }

    pub(super) fn flags(&self) -> io::Result<i32> {
        let request = self.ioctl(libc::SIOCGIFFLAGS, |_| ())?;
        // SAFETY: SIOCGIFFLAGS has written the flags, and every bit pattern is valid.
        Ok(i32::from(unsafe { request.ifr_ifru.ifru_flags }))
    }

    /// Sets or clears `IFF_UP`.
    pub(super) fn set_up(&self, up: bool) -> io::Result<()> {
        let flags = self.flags()?;
        let wanted = if up { flags | libc::IFF_UP } else { flags & !libc::IFF_UP };
        if wanted == flags {
            return Ok(());
        }
        #[expect(clippy::cast_possible_truncation, reason = "the kernel's field holds the low sixteen flags")]
        let low = wanted as libc::c_short;
        self.ioctl(libc::SIOCSIFFLAGS, |request| request.ifr_ifru.ifru_flags = low).map(drop)
    }

    pub(super) fn mtu(&self) -> io::Result<u32> {
        let request = self.ioctl(libc::SIOCGIFMTU, |_| ())?;
        // SAFETY: SIOCGIFMTU has written the MTU, and every bit pattern is valid.
        Ok(unsafe { request.ifr_ifru.ifru_mtu }.cast_unsigned())
    }

    pub(super) fn set_mtu(&self, mtu: u16) -> io::Result<()> {
        self.ioctl(libc::SIOCSIFMTU, |request| request.ifr_ifru.ifru_mtu = i32::from(mtu)).map(drop)
    }

    /// The hardware type and the first six bytes of the hardware address.
    pub(super) fn hardware_address(&self) -> io::Result<(u16, MacAddr)> {
        let request = self.ioctl(libc::SIOCGIFHWADDR, |_| ())?;
        // SAFETY: SIOCGIFHWADDR has written the address, and every bit pattern is valid.
        let address = unsafe { request.ifr_ifru.ifru_hwaddr };
        let mut mac = [0; 6];
        for (to, from) in mac.iter_mut().zip(address.sa_data) {
            *to = from as u8;
        }
        Ok((address.sa_family, MacAddr(mac)))
    }

    pub(super) fn set_hardware_address(&self, mac: MacAddr) -> io::Result<()> {
        let mut address = libc::sockaddr { sa_family: ARPHRD_ETHER, sa_data: [0; 14] };
        for (to, from) in address.sa_data.iter_mut().zip(mac.octets()) {
            *to = from as libc::c_char;
        }
        self.ioctl(libc::SIOCSIFHWADDR, |request| request.ifr_ifru.ifru_hwaddr = address).map(drop)
    }

    /// Whether the driver sees a carrier. Fails where a driver cannot tell.
    pub(super) fn carrier(&self) -> io::Result<bool> {
        #[repr(C)]
        struct EthtoolValue {
            command: u32,
            data: u32,
        }
        let mut value = EthtoolValue { command: ETHTOOL_GLINK, data: 0 };
        let pointer = (&raw mut value).cast();
        self.ioctl(SIOCETHTOOL, |request| request.ifr_ifru.ifru_data = pointer)?;
        Ok(value.data != 0)
    }

    /// Whether the driver answers to the wireless extensions.
    pub(super) fn is_wireless(&self) -> bool {
        self.ioctl(SIOCGIWNAME, |_| ()).is_ok()
    }

    /// Makes `address` the IPv4 address of the interface.
    pub(super) fn set_ipv4(&self, address: Ipv4Addr, prefix_len: u8) -> io::Result<()> {
        self.ioctl(libc::SIOCSIFADDR, |request| request.ifr_ifru.ifru_addr = ipv4_sockaddr(address))?;
        let mask = Ipv4Addr::from_bits(u32::MAX.checked_shl(32 - u32::from(prefix_len)).unwrap_or(0));
        self.ioctl(libc::SIOCSIFNETMASK, |request| request.ifr_ifru.ifru_netmask = ipv4_sockaddr(mask))?;
        let broadcast = address | !mask;
        self.ioctl(libc::SIOCSIFBRDADDR, |request| request.ifr_ifru.ifru_broadaddr = ipv4_sockaddr(broadcast))
            .map(drop)
    }

    /// Adds an IPv6 address to the interface.
    pub(super) fn add_ipv6(&self, address: Ipv6Addr, prefix_len: u8) -> io::Result<()> {
        let socket = control_socket(libc::AF_INET6)?;
        let request = libc::in6_ifreq {
            ifr6_addr: libc::in6_addr { s6_addr: address.octets() },
            ifr6_prefixlen: u32::from(prefix_len),
            ifr6_ifindex: self.index()?,
        };
        // SAFETY: the descriptor is open, and the kernel only reads the structure that it expects for this request.
        check(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFADDR as _, &raw const request) })
            .map(drop)
    }

    fn ioctl(&self, number: c_ulong, fill: impl FnOnce(&mut libc::ifreq)) -> io::Result<libc::ifreq> {
        let mut request = request(&self.name)?;
        fill(&mut request);
        // SAFETY: the descriptor is open, every request number used here takes an ifreq, and the only pointer that
        // `fill` may store (ethtool) is to a value that outlives the call.
        check(unsafe { libc::ioctl(self.socket.as_raw_fd(), number as _, &raw mut request) })?;
        Ok(request)
    }
}

/// Turns -1 into the error that the thread's `errno` holds.
pub(super) fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

fn control_socket(family: libc::c_int) -> io::Result<OwnedFd> {
    // SAFETY: socket() takes no pointers.
    let fd = check(unsafe { libc::socket(family, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) })?;
    // SAFETY: the kernel has just made this descriptor, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn ipv4_sockaddr(address: Ipv4Addr) -> libc::sockaddr {
    #[expect(clippy::cast_possible_truncation, reason = "AF_INET is 2")]
    let mut generic = libc::sockaddr { sa_family: libc::AF_INET as u16, sa_data: [0; 14] };
    // Two bytes of port come first in a sockaddr_in.
    for (to, from) in generic.sa_data.iter_mut().skip(2).zip(address.octets()) {
        *to = from as libc::c_char;
    }
    generic
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_kernels_rules() {
        for good in ["eth0", "lan-party_1", "a", "123456789012345", "ü", "wlp0s20f3.5"] {
            assert_eq!(check_name(good), Ok(()), "{good}");
        }
        for (bad, why) in [
            ("", NameError::Empty),
            (".", NameError::Reserved),
            ("..", NameError::Reserved),
            ("1234567890123456", NameError::TooLong),
            ("üüüüüüüü", NameError::TooLong),
            ("a/b", NameError::Character('/')),
            ("a b", NameError::Character(' ')),
            ("a\tb", NameError::Character('\t')),
            ("a:1", NameError::Character(':')),
            ("tap%d", NameError::Character('%')),
            ("a\0b", NameError::Character('\0')),
        ] {
            assert_eq!(check_name(bad), Err(why), "{bad:?}");
        }
    }
}
