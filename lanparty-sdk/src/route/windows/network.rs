//! Windows' list of networks: which one an adapter is in, and whether it is public or private.
#![allow(unsafe_code, reason = "the list is a COM object")]

use std::io;

use windows::Win32::Foundation::{ERROR_NOT_FOUND, ERROR_SUCCESS, WIN32_ERROR};
use windows::Win32::Networking::NetworkListManager::{
    INetwork, INetworkConnection, INetworkListManager, NLM_NETWORK_CATEGORY, NetworkListManager,
};
use windows::Win32::System::Com::{
    CLSCTX_ALL, COINIT_MULTITHREADED, CoCreateInstance, CoInitializeEx, CoUninitialize,
};
use windows::core::GUID;

use super::rows::parse_guid;
use super::system_error;

/// The category of the network with the id `network`, as in "{6AE5C2A0-...}".
pub(super) fn category(network: &str) -> io::Result<u32> {
    let list = List::open()?;
    let network = list.network(network)?;
    // SAFETY: a call of an object that is held.
    let category = unsafe { network.GetCategory() }.map_err(system_error)?;
    Ok(category.0.cast_unsigned())
}

pub(super) fn set_category(network: &str, category: u32) -> io::Result<()> {
    let list = List::open()?;
    let network = list.network(network)?;
    // SAFETY: a call of an object that is held.
    unsafe { network.SetCategory(NLM_NETWORK_CATEGORY(category.cast_signed())) }.map_err(system_error)
}

/// The id of the network that the adapter `guid` is in; `None` while Windows has not found out.
pub(super) fn of_adapter(guid: &str) -> io::Result<Option<String>> {
    let Some(guid) = parse_guid(guid) else { return Ok(None) };
    let list = List::open()?;
    // SAFETY: calls of objects that are held; the place for the answer is there until the call returns.
    unsafe {
        let connections = list.manager.GetNetworkConnections().map_err(system_error)?;
        loop {
            let mut next: [Option<INetworkConnection>; 1] = [None];
            let mut count = 0;
            // It fails at the end of the list.
            let more = connections.Next(&mut next, Some(&raw mut count));
            let [Some(connection)] = next else { return more.map(|()| None).map_err(system_error) };
            if connection.GetAdapterId().map_err(system_error)? == guid {
                let network = connection.GetNetwork().map_err(system_error)?;
                let id = network.GetNetworkId().map_err(system_error)?;
                return Ok(Some(format!("{{{id:?}}}")));
            }
        }
    }
}

/// The list, for as long as one question takes.
struct List {
    manager: INetworkListManager,
    /// Dropped last.
    _apartment: Apartment,
}

impl List {
    fn open() -> io::Result<Self> {
        let apartment = Apartment::enter();
        // SAFETY: this thread has COM.
        let manager = unsafe { CoCreateInstance(&NetworkListManager, None, CLSCTX_ALL) };
        Ok(Self { manager: manager.map_err(system_error)?, _apartment: apartment })
    }

    fn network(&self, id: &str) -> io::Result<INetwork> {
        let missing = || io::Error::new(io::ErrorKind::NotFound, "no such network");
        let id: GUID = parse_guid(id).ok_or_else(missing)?;
        // SAFETY: a call of an object that is held.
        unsafe { self.manager.GetNetwork(id) }.map_err(|error| match WIN32_ERROR::from_error(&error) {
            // It answers that there is none, or well and with nothing.
            Some(ERROR_NOT_FOUND | ERROR_SUCCESS) => missing(),
            None if error.code().is_ok() => missing(),
            // Anything else may be over at the next try: what is to be put back must not be forgotten.
            _ => system_error(error),
        })
    }
}

/// COM on this thread.
struct Apartment {
    is_ours: bool,
}

impl Apartment {
    fn enter() -> Self {
        // SAFETY: no condition. It fails on a thread that has COM in another way, which is as good.
        let entered = unsafe { CoInitializeEx(None, COINIT_MULTITHREADED) };
        Self { is_ours: entered.is_ok() }
    }
}

impl Drop for Apartment {
    fn drop(&mut self) {
        if self.is_ours {
            // SAFETY: it belongs to the successful call above, on the same thread: this type is not sent.
            unsafe { CoUninitialize() };
        }
    }
}
