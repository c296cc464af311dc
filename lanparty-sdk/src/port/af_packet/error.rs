//! What can be wrong with an interface, in words for the person who chose it.

use std::io;

use crate::error::{Coded, code};
use crate::frame::MacAddr;
use crate::port::interface::NameError;

/// Why an interface cannot be a port. Each says what to do where there is something to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AfPacketError {
    /// Switching on the description of stripped VLAN tags failed.
    #[error("cannot ask {iface} for VLAN tags (PACKET_AUXDATA)")]
    Auxdata {
        /// The interface.
        iface: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// The interface has no usable address.
    #[error("{iface} has the address {mac}, which no station can have")]
    BadMac {
        /// The interface.
        iface: String,
        /// Its address.
        mac: MacAddr,
    },
    /// No interface can be called that.
    #[error("{iface:?} cannot be the name of an interface: {source}")]
    BadName {
        /// The text.
        iface: String,
        /// What is wrong with it.
        source: NameError,
    },
    /// Binding to the interface failed.
    #[error("cannot listen on {iface} (bind)")]
    Bind {
        /// The interface.
        iface: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// The interface is switched off.
    #[error("{iface} is down: bring it up with `ip link set {iface} up`")]
    Down {
        /// The interface.
        iface: String,
    },
    /// Attaching the filter that ignores a flow failed.
    #[error("cannot attach a filter to {iface} (SO_ATTACH_FILTER)")]
    Filter {
        /// The interface.
        iface: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// It is the loopback interface.
    #[error("{iface} is the loopback interface: there is no LAN behind it; use a wired interface")]
    Loopback {
        /// The interface.
        iface: String,
    },
    /// There is no cable in it.
    #[error("{iface} has no carrier: plug in the cable")]
    NoCarrier {
        /// The interface.
        iface: String,
    },
    /// It carries something else than Ethernet.
    #[error("{iface} is not an Ethernet interface (hardware type {hardware_type}); use a wired interface")]
    NotEthernet {
        /// The interface.
        iface: String,
        /// The kernel's number for what it is (`ARPHRD_...`).
        hardware_type: u16,
    },
    /// There is no such interface.
    #[error("there is no interface called {iface}: `ip link` lists them")]
    NotFound {
        /// The name that was looked for.
        iface: String,
    },
    /// The process may not open raw sockets.
    #[error("not root: run with sudo, or give this binary cap_net_raw")]
    NotPermitted {
        /// What the kernel said.
        source: io::Error,
    },
    /// Promiscuous mode was refused. Without it, frames for the remote members would not be seen.
    #[error("{iface} refuses promiscuous mode (PACKET_MR_PROMISC)")]
    Promiscuous {
        /// The interface.
        iface: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// Asking the kernel about the interface failed.
    #[error("cannot read the {what} of {iface}")]
    Query {
        /// The interface.
        iface: String,
        /// What was asked for.
        what: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
    /// Registering the socket with the asynchronous runtime failed.
    #[error("cannot register the socket with the runtime")]
    Reactor(#[source] io::Error),
    /// The receive buffer could not be set.
    #[error("cannot set the receive buffer (SO_RCVBUF)")]
    ReceiveBuffer(#[source] io::Error),
    /// The open interface was removed, and another has its name now.
    #[error("{iface} was removed and created again: open the port again")]
    Recreated {
        /// The interface.
        iface: String,
    },
    /// The open interface was removed.
    #[error("{iface} was removed from this host")]
    Removed {
        /// The interface.
        iface: String,
    },
    /// Making the socket failed.
    #[error("cannot make a packet socket")]
    Socket(#[source] io::Error),
    /// Switching on the description of offloaded work failed.
    #[error("cannot ask {iface} for offload headers (PACKET_VNET_HDR)")]
    VnetHeader {
        /// The interface.
        iface: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// It is a wireless interface.
    #[error("{iface} is wireless: the access point will drop foreign MACs; use a wired interface")]
    Wireless {
        /// The interface.
        iface: String,
    },
}

impl Coded for AfPacketError {
    fn code(&self) -> u32 {
        match self {
            Self::BadName { .. } => code::INTERFACE_NAME,
            Self::BadMac { .. } | Self::Loopback { .. } | Self::NotEthernet { .. } => {
                code::INTERFACE_NOT_ETHERNET
            }
            Self::Down { .. } => code::INTERFACE_DOWN,
            Self::NoCarrier { .. } => code::INTERFACE_NO_CARRIER,
            Self::NotFound { .. } | Self::Recreated { .. } | Self::Removed { .. } => code::INTERFACE_MISSING,
            Self::NotPermitted { .. } => code::NOT_PERMITTED,
            Self::Wireless { .. } => code::INTERFACE_WIRELESS,
            _ => code::SYSTEM,
        }
    }
}
