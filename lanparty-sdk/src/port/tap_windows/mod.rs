//! A virtual Ethernet adapter as a port: an adapter of TAP-Windows6.
//!
//! The adapter is installed beforehand and stays; [`TapPort::open`] takes it for as long as the port lives. It gets the
//! member's MAC address, and its cable stays pulled until [`set_link`](super::FrameSink::set_link) says that there is a
//! room. Whatever is changed on this computer is put back when the port is dropped, or at the next start if the
//! process was killed.
//!
//! It needs an elevated process.

mod adapters;
mod control;
mod error;
mod ring;

#[cfg(windows)]
mod adapter;
#[cfg(windows)]
mod console;
#[cfg(windows)]
mod device;
#[cfg(windows)]
mod elevation;
#[cfg(windows)]
mod port;
#[cfg(windows)]
mod pump;
#[cfg(windows)]
mod registry;
#[cfg(windows)]
mod restart;
#[cfg(windows)]
mod state;
#[cfg(windows)]
mod status;

use crate::frame::{DEFAULT_MTU, MacAddr};
use crate::port::InterfaceAddress;
use crate::route::AdapterPolicy;

pub use adapters::DriverVersion;
#[cfg(windows)]
pub use console::owns_console;
#[cfg(windows)]
pub use elevation::is_elevated;
pub use error::TapError;
#[cfg(windows)]
pub use port::{TapHandle, TapPort, TapSink, TapSource};
#[cfg(windows)]
pub use state::state_folder;

/// Which adapter is taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AdapterChoice {
    /// The only one there is.
    #[default]
    Only,
    /// The one with this connection name, as in "Ethernet 2". Upper and lower case are the same.
    Named(String),
    /// The one with this `NetCfgInstanceId`, as in "{6AE5C2A0-...}", braces included.
    Instance(String),
}

impl AdapterChoice {
    /// Understands what a user wrote: nothing, an instance id in braces, or a connection name.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text.trim() {
            "" => Self::Only,
            id if id.starts_with('{') && id.ends_with('}') => Self::Instance(id.to_owned()),
            name => Self::Named(name.to_owned()),
        }
    }
}

/// How a TAP adapter is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TapOptions {
    choice: AdapterChoice,
    mac: Option<MacAddr>,
    mtu: u16,
    addresses: Vec<InterfaceAddress>,
    operations: u16,
    policy: AdapterPolicy,
}

impl TapOptions {
    /// How many reads, and how many writes, are in flight at once unless set.
    pub const DEFAULT_OPERATIONS: u16 = 64;

    /// How many may be in flight at most.
    pub const MAX_OPERATIONS: u16 = 256;

    /// The chosen adapter, with its own address.
    #[must_use]
    pub fn new(choice: AdapterChoice) -> Self {
        Self {
            choice,
            mac: None,
            mtu: DEFAULT_MTU,
            addresses: Vec::new(),
            operations: Self::DEFAULT_OPERATIONS,
            policy: AdapterPolicy::default(),
        }
    }

    /// The address that it must have. Unless set, it keeps the one it has.
    pub const fn mac(&mut self, mac: MacAddr) -> &mut Self {
        self.mac = Some(mac);
        self
    }

    /// The largest payload of a frame in bytes; [`DEFAULT_MTU`] unless set, and at least
    /// [`MIN_MTU`](crate::frame::MIN_MTU).
    pub const fn mtu(&mut self, mtu: u16) -> &mut Self {
        self.mtu = mtu;
        self
    }

    /// Gives it a static IP address; see [`TapHandle::add_address`].
    pub fn address(&mut self, address: InterfaceAddress) -> &mut Self {
        self.addresses.push(address);
        self
    }

    /// How many reads, and how many writes, may be in flight at once: 1 to [`MAX_OPERATIONS`](Self::MAX_OPERATIONS),
    /// [`DEFAULT_OPERATIONS`](Self::DEFAULT_OPERATIONS) unless set.
    pub const fn operations(&mut self, operations: u16) -> &mut Self {
        self.operations = operations;
        self
    }

    /// What is changed of the adapter's IP settings while the port lives.
    pub const fn policy(&mut self, policy: AdapterPolicy) -> &mut Self {
        self.policy = policy;
        self
    }
}
