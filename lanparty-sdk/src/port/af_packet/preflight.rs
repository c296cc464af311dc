//! Every check of an interface that can be made before a room is joined.

use std::fs;
use std::io;
use std::path::Path;

use super::AfPacketError;
use crate::frame::MacAddr;
use crate::port::interface::{ARPHRD_ETHER, Interface, check_name};

/// Where the kernel describes its interfaces as files.
const SYSFS: &str = "/sys/class/net";

/// An interface that passed [`preflight`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InterfaceInfo {
    /// Its name.
    pub name: String,
    /// The kernel's number for it. Another interface of the same name has another number.
    pub index: u32,
    /// Its address.
    pub mac: MacAddr,
    /// The largest payload of a frame in bytes.
    pub mtu: u16,
}

/// Checks that `iface` can be bridged: it exists, is Ethernet, wired, up and plugged in, and has an address.
///
/// It needs no privilege, so a gateway can run it before anything else and nobody ever sees a gateway that cannot bridge.
///
/// # Errors
/// An [`AfPacketError`] that names the interface and what to do about it.
pub fn preflight(iface: &str) -> Result<InterfaceInfo, AfPacketError> {
    let name = || iface.to_owned();
    check_name(iface).map_err(|source| AfPacketError::BadName { iface: name(), source })?;
    let query = |what| move |source| AfPacketError::Query { iface: name(), what, source };

    let device = Interface::new(iface).map_err(AfPacketError::Socket)?;
    let index = match device.index() {
        Ok(index) => index.cast_unsigned(),
        Err(error) if error.raw_os_error() == Some(libc::ENODEV) => {
            return Err(AfPacketError::NotFound { iface: name() });
        }
        Err(error) => return Err(query("index")(error)),
    };
    let flags = device.flags().map_err(query("flags"))?;
    if flags & libc::IFF_LOOPBACK != 0 {
        return Err(AfPacketError::Loopback { iface: name() });
    }
    let (hardware_type, mac) = device.hardware_address().map_err(query("address"))?;
    if hardware_type != ARPHRD_ETHER {
        return Err(AfPacketError::NotEthernet { iface: name(), hardware_type });
    }
    let sysfs = Sysfs::new(Path::new(SYSFS), iface, index);
    if sysfs.is_wireless().unwrap_or_else(|| device.is_wireless()) {
        return Err(AfPacketError::Wireless { iface: name() });
    }
    if !mac.is_unicast() {
        return Err(AfPacketError::BadMac { iface: name(), mac });
    }
    if flags & libc::IFF_UP == 0 {
        return Err(AfPacketError::Down { iface: name() });
    }
    // A driver that can tell neither way is trusted.
    if !sysfs.carrier().or_else(|| device.carrier().ok()).unwrap_or(true) {
        return Err(AfPacketError::NoCarrier { iface: name() });
    }
    let mtu = device.mtu().map_err(query("MTU"))?;
    Ok(InterfaceInfo { name: name(), index, mac, mtu: u16::try_from(mtu).unwrap_or(u16::MAX) })
}

/// Tells whether the port's interface is gone for good.
pub(super) fn gone(info: &InterfaceInfo) -> AfPacketError {
    let iface = info.name.clone();
    match Interface::new(&info.name).and_then(|device| device.index()) {
        Ok(_) => AfPacketError::Recreated { iface },
        Err(_) => AfPacketError::Removed { iface },
    }
}

/// What sysfs says of an interface.
///
/// It describes the network namespace that it was mounted in, which need not be ours: it is believed only if it knows
/// the interface under the same index.
struct Sysfs<'a> {
    directory: Option<std::path::PathBuf>,
    iface: &'a str,
}

impl<'a> Sysfs<'a> {
    fn new(root: &Path, iface: &'a str, index: u32) -> Self {
        let directory = root.join(iface);
        let same = read_number(&directory.join("ifindex")).is_ok_and(|known| known == index);
        if !same {
            tracing::debug!(target: "lanparty::port", iface, "sysfs does not describe this namespace");
        }
        Self { directory: same.then_some(directory), iface }
    }

    /// `None` if sysfs does not know the interface.
    fn is_wireless(&self) -> Option<bool> {
        let directory = self.directory.as_ref()?;
        Some(directory.join("wireless").exists() || directory.join("phy80211").exists())
    }

    /// `None` if the file is missing or odd.
    fn carrier(&self) -> Option<bool> {
        match read_number(&self.directory.as_ref()?.join("carrier")) {
            Ok(number) => Some(number != 0),
            Err(error) => {
                tracing::debug!(target: "lanparty::port", iface = self.iface, %error, "no carrier file");
                None
            }
        }
    }
}

fn read_number(path: &Path) -> io::Result<u32> {
    fs::read_to_string(path)?.trim().parse().map_err(|_| io::ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory like `/sys/class/net` with one interface in it.
    fn sysfs(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("wlan0");
        fs::create_dir(&directory).unwrap();
        for (name, text) in files {
            match text {
                &"/" => fs::create_dir(directory.join(name)).unwrap(),
                text => fs::write(directory.join(name), text).unwrap(),
            }
        }
        root
    }

    #[test]
    fn wireless_is_recognised_by_either_sign() {
        for sign in ["wireless", "phy80211"] {
            let root = sysfs(&[("ifindex", "3\n"), (sign, "/")]);
            assert_eq!(Sysfs::new(root.path(), "wlan0", 3).is_wireless(), Some(true), "{sign}");
            assert_eq!(Sysfs::new(root.path(), "wlan0", 4).is_wireless(), None, "another namespace's wlan0");
        }
        let root = sysfs(&[("ifindex", "3\n")]);
        assert_eq!(Sysfs::new(root.path(), "wlan0", 3).is_wireless(), Some(false));
    }

    #[test]
    fn a_missing_or_odd_carrier_file_says_nothing() {
        for (text, carrier) in [("1\n", Some(true)), ("0\n", Some(false)), ("", None), ("maybe", None)] {
            let root = sysfs(&[("ifindex", "3\n"), ("carrier", text)]);
            assert_eq!(Sysfs::new(root.path(), "wlan0", 3).carrier(), carrier, "{text:?}");
        }
        let root = sysfs(&[("ifindex", "3\n")]);
        assert_eq!(Sysfs::new(root.path(), "wlan0", 3).carrier(), None);
    }

    #[test]
    fn what_needs_no_namespace_is_refused_by_name() {
        assert!(matches!(preflight("lo"), Err(AfPacketError::Loopback { .. })));
        assert!(matches!(preflight("no/slash"), Err(AfPacketError::BadName { .. })));
        assert!(matches!(preflight("nosuchiface"), Err(AfPacketError::NotFound { .. })));
    }

    #[test]
    fn errors_tell_what_to_do() {
        let iface = || "wlan0".to_owned();
        assert_eq!(
            AfPacketError::Wireless { iface: iface() }.to_string(),
            "wlan0 is wireless: the access point will drop foreign MACs; use a wired interface"
        );
        assert_eq!(
            AfPacketError::NoCarrier { iface: iface() }.to_string(),
            "wlan0 has no carrier: plug in the cable"
        );
    }
}
