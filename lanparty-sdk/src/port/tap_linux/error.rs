//! What can be wrong with an adapter, in words for the person who starts it.

use std::io;

use crate::error::{Coded, code};
use crate::frame::{MIN_MTU, MacAddr};
use crate::port::InterfaceAddress;
use crate::port::interface::NameError;

/// Why there is no TAP adapter. Each says what to do where there is something to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TapError {
    /// The adapter did not take an IP address.
    #[error("cannot give {name} the address {address}")]
    Address {
        /// The adapter.
        name: String,
        /// The address.
        address: InterfaceAddress,
        /// What the kernel said.
        source: io::Error,
    },
    /// No station can have that address.
    #[error("{mac} cannot be the address of an adapter: it is not unicast")]
    BadMac {
        /// The address.
        mac: MacAddr,
    },
    /// The MTU is less than IPv6 needs.
    #[error("an MTU of {mtu} is too small: at least {MIN_MTU} bytes")]
    BadMtu {
        /// The MTU.
        mtu: u16,
    },
    /// No interface can be called that.
    #[error("{name:?} cannot be the name of an adapter: {source}")]
    BadName {
        /// The text.
        name: String,
        /// What is wrong with it.
        source: NameError,
    },
    /// There is an interface of that name already.
    #[error(
        "an interface called {name} exists already: choose another name, or remove it with `ip link delete {name}` \
         if no other program uses it"
    )]
    Busy {
        /// The name.
        name: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// Making the adapter failed.
    #[error("cannot make the adapter {name} (TUNSETIFF)")]
    Create {
        /// The adapter.
        name: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// The kernel's driver is not loaded.
    #[error("there is no /dev/net/tun: load the driver with `sudo modprobe tun`")]
    NoDriver {
        /// What the kernel said.
        source: io::Error,
    },
    /// The process may not make adapters.
    #[error("not root: run with sudo, or give this binary cap_net_admin")]
    NotPermitted {
        /// What the kernel said.
        source: io::Error,
    },
    /// Opening the driver failed.
    #[error("cannot open /dev/net/tun")]
    Open {
        /// What the kernel said.
        source: io::Error,
    },
    /// Asking the kernel about the adapter failed.
    #[error("cannot read the address of {name}")]
    Query {
        /// The adapter.
        name: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// Registering the device with the asynchronous runtime failed.
    #[error("cannot register the adapter with the runtime")]
    Reactor(#[source] io::Error),
    /// The open adapter was deleted by another program.
    #[error("{name} was removed from this host")]
    Removed {
        /// The adapter.
        name: String,
    },
    /// The adapter did not take its address.
    #[error("cannot give {name} the address {mac}")]
    SetMac {
        /// The adapter.
        name: String,
        /// The address.
        mac: MacAddr,
        /// What the kernel said.
        source: io::Error,
    },
    /// The adapter did not take its MTU.
    #[error("cannot give {name} an MTU of {mtu}")]
    SetMtu {
        /// The adapter.
        name: String,
        /// The MTU.
        mtu: u16,
        /// What the kernel said.
        source: io::Error,
    },
    /// The adapter could not be switched on.
    #[error("cannot bring {name} up")]
    SetUp {
        /// The adapter.
        name: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// Making a socket for control requests failed.
    #[error("cannot make a socket")]
    Socket(#[source] io::Error),
}

impl Coded for TapError {
    fn code(&self) -> u32 {
        match self {
            Self::BadMac { .. } => code::BAD_MAC,
            Self::BadMtu { .. } => code::MTU,
            Self::BadName { .. } => code::INTERFACE_NAME,
            Self::Busy { .. } => code::ADAPTER_BUSY,
            Self::NoDriver { .. } => code::DRIVER_MISSING,
            Self::NotPermitted { .. } => code::NOT_PERMITTED,
            Self::Removed { .. } => code::INTERFACE_MISSING,
            _ => code::SYSTEM,
        }
    }
}
