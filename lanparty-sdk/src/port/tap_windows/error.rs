//! What can be wrong with an adapter, in words for the person who starts it.

use std::io;

use crate::error::{Coded, code};
use crate::frame::{MIN_MTU, MacAddr};
use crate::port::InterfaceAddress;
use crate::route::RouteError;

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
        /// What the system said.
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
    /// There is no adapter of TAP-Windows6.
    #[error(
        "no TAP-Windows6 adapter is installed: install the driver (version 9.26 or later, as OpenVPN's installer brings \
         it) and try again"
    )]
    NoDriver,
    /// The adapter's IP settings could not be changed.
    #[error("cannot prepare the adapter {name}")]
    Settings {
        /// The adapter.
        name: String,
        /// What went wrong.
        source: RouteError,
    },
}

impl Coded for TapError {
    fn code(&self) -> u32 {
        match self {
            Self::BadMac { .. } => code::BAD_MAC,
            Self::BadMtu { .. } => code::MTU,
            Self::NoDriver => code::DRIVER_MISSING,
            Self::Settings { source, .. } => source.code(),
            Self::Address { .. } => code::SYSTEM,
        }
    }
}
