//! Routes and an adapter's IP settings on Windows, over the IP Helper interface.

pub(crate) mod access;
mod adapter;
mod host;
mod network;
pub(crate) mod private;
mod registry;
mod rows;
mod table;

pub(crate) use adapter::AdapterSettings;
pub(crate) use host::{SystemHost, SystemLease};
pub(super) use table::Tables;

use std::io;
use std::net::IpAddr;

use windows::Win32::Foundation::{
    ERROR_FILE_NOT_FOUND, ERROR_NOT_FOUND, ERROR_OBJECT_ALREADY_EXISTS, ERROR_SUCCESS, WIN32_ERROR,
};

/// The addresses of the interface with the connection name `name`.
pub(crate) fn addresses(name: &str) -> Vec<IpAddr> {
    rows::addresses(name)
}

/// The size of a structure or a place for one, as Windows wants to be told.
const fn size<T>() -> u32 {
    #[expect(clippy::cast_possible_truncation, reason = "they are some hundred bytes")]
    let size = size_of::<T>() as u32;
    size
}

/// What a call of the Windows interface answered.
pub(crate) fn outcome(answer: WIN32_ERROR) -> io::Result<()> {
    let error = io::Error::from_raw_os_error(answer.0.cast_signed());
    match answer {
        ERROR_SUCCESS => Ok(()),
        // Two that the standard library does not sort.
        ERROR_FILE_NOT_FOUND | ERROR_NOT_FOUND => Err(io::Error::new(io::ErrorKind::NotFound, error)),
        ERROR_OBJECT_ALREADY_EXISTS => Err(io::Error::new(io::ErrorKind::AlreadyExists, error)),
        _ => Err(error),
    }
}

/// The system's error, with the number that it has outside of COM.
pub(crate) fn system_error(error: windows::core::Error) -> io::Error {
    if error.code().is_ok() {
        return io::Error::other("the system does not say why"); // some calls fail without setting an error
    }
    match WIN32_ERROR::from_error(&error) {
        Some(code) => io::Error::from_raw_os_error(code.0.cast_signed()),
        None => io::Error::other(error),
    }
}

#[cfg(test)]
mod tests;
