//! What can be wrong with an adapter, in words for the person who starts it.

use std::io;

use super::adapters::{DriverVersion, OLDEST_VERSION};
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
    /// There are several adapters, and none, or no single one, was chosen.
    #[error(
        "there are several TAP adapters: choose one by its name (--tap) or its id (--tap-instance-id): {adapters}"
    )]
    Ambiguous {
        /// Their names and ids.
        adapters: String,
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
    /// So many operations cannot be in flight.
    #[error("{operations} operations in flight: 1 to 256 can be")]
    BadOperations {
        /// How many.
        operations: u16,
    },
    /// The driver did not answer as it should.
    #[error("the adapter {name} does not answer ({question})")]
    Device {
        /// The adapter.
        name: String,
        /// What it was asked or told.
        question: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// Somebody has switched the adapter off.
    #[error("the adapter {name} is switched off: enable it in the system's network connections")]
    Disabled {
        /// The adapter.
        name: String,
    },
    /// The driver has faults that players would notice.
    #[error(
        "the driver of the adapter {name} is too old: it is version {version}, install TAP-Windows6 {OLDEST_VERSION} or \
         later"
    )]
    DriverTooOld {
        /// The adapter.
        name: String,
        /// Its driver's version.
        version: DriverVersion,
    },
    /// Another program has the adapter.
    #[error(
        "another program uses the adapter {name} (OpenVPN, or another tunnel): end it, or add one more TAP-Windows6 \
         adapter and choose that one"
    )]
    InUse {
        /// The adapter.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// The journal of changes could not be begun, and so nothing may be changed.
    #[error("cannot begin a journal of what is changed on this computer")]
    Journal(#[source] io::Error),
    /// There is no adapter of TAP-Windows6.
    #[error(
        "no TAP-Windows6 adapter is installed: install the driver, version {OLDEST_VERSION} or later (OpenVPN's installer \
         brings it), with at least one adapter"
    )]
    NoDriver,
    /// There is no adapter of that name or id.
    #[error("there is no TAP adapter {wanted:?}: there is {adapters}")]
    NoSuchAdapter {
        /// What was asked for.
        wanted: String,
        /// The names and ids of those that are there.
        adapters: String,
    },
    /// The process may not use adapters.
    #[error("not elevated: run it as administrator")]
    NotPermitted {
        /// What the system said.
        source: io::Error,
    },
    /// Other products have brought adapters of their own.
    #[error(
        "no TAP-Windows6 adapter is installed: install the driver, version {OLDEST_VERSION} or later (OpenVPN's installer \
         brings it), with at least one adapter; those of other products are left to them: {adapters}"
    )]
    OnlyOthers {
        /// Their names.
        adapters: String,
    },
    /// Opening the adapter failed.
    #[error("cannot open the adapter {name}")]
    Open {
        /// The adapter.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// The pump of the adapter could not be set up.
    #[error("cannot begin to read from the adapter {name}")]
    Pump {
        /// The adapter.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// The registry did not tell the adapters.
    #[error("cannot read the list of network adapters from the registry")]
    Registry(#[source] io::Error),
    /// The open adapter was removed or switched off.
    #[error("the adapter {name} was removed or switched off")]
    Removed {
        /// The adapter.
        name: String,
    },
    /// The adapter's IP settings could not be changed.
    #[error("cannot prepare the adapter {name}")]
    Settings {
        /// The adapter.
        name: String,
        /// What went wrong.
        source: RouteError,
    },
    /// The adapter did not take its address.
    #[error("cannot tell the adapter {name} to take the address {mac}")]
    SetMac {
        /// The adapter.
        name: String,
        /// The address.
        mac: MacAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The adapter did not take its MTU.
    #[error("cannot set the MTU of {name} to {mtu}")]
    SetMtu {
        /// The adapter.
        name: String,
        /// The MTU.
        mtu: u16,
        /// What the system said.
        source: io::Error,
    },
    /// The adapter has another address than the member, and did not change it when it was restarted.
    #[error(
        "the adapter {name} has the address {has} and not {wanted}, and does not change it by itself: set \"MAC Address\" \
         to {} among its advanced properties in the device manager, and try again",
        hex(*wanted)
    )]
    WrongMac {
        /// The adapter.
        name: String,
        /// The address that it has.
        has: MacAddr,
        /// The address that it must have.
        wanted: MacAddr,
        /// Why it could not be restarted, if that was it.
        source: Option<io::Error>,
    },
}

impl Coded for TapError {
    fn code(&self) -> u32 {
        match self {
            Self::Ambiguous { .. } => code::ADAPTER_AMBIGUOUS,
            Self::BadMac { .. } => code::BAD_MAC,
            Self::BadMtu { .. } => code::MTU,
            Self::BadOperations { .. } => code::BAD_VALUE,
            Self::Disabled { .. } => code::ADAPTER_DISABLED,
            Self::DriverTooOld { .. } => code::DRIVER_OLD,
            Self::InUse { .. } => code::ADAPTER_BUSY,
            Self::NoDriver | Self::OnlyOthers { .. } => code::DRIVER_MISSING,
            Self::NoSuchAdapter { .. } | Self::Removed { .. } => code::INTERFACE_MISSING,
            Self::NotPermitted { .. } => code::NOT_PERMITTED,
            Self::Settings { source, .. } => source.code(),
            Self::WrongMac { .. } => code::ADAPTER_MAC,
            Self::Address { .. }
            | Self::Device { .. }
            | Self::Journal(_)
            | Self::Open { .. }
            | Self::Pump { .. }
            | Self::Registry(_)
            | Self::SetMac { .. }
            | Self::SetMtu { .. } => code::SYSTEM,
        }
    }
}

/// An address as the driver wants it: twelve digits and nothing between them.
pub(super) fn hex(mac: MacAddr) -> String {
    mac.octets().iter().map(|octet| format!("{octet:02X}")).collect()
}
