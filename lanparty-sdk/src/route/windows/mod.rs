//! Routes and an adapter's IP settings on Windows, over the IP Helper interface.

pub(crate) mod access;
mod adapter;
mod host;
mod network;
mod registry;
mod rows;

pub(crate) use adapter::AdapterSettings;
pub(crate) use host::{SystemHost, SystemLease};

use std::io;

use windows::Win32::Foundation::{ERROR_FILE_NOT_FOUND, ERROR_NOT_FOUND, ERROR_SUCCESS, WIN32_ERROR};

/// What a call of the Windows interface answered.
fn outcome(answer: WIN32_ERROR) -> io::Result<()> {
    let error = io::Error::from_raw_os_error(answer.0.cast_signed());
    match answer {
        ERROR_SUCCESS => Ok(()),
        // The library's own list of kinds lacks the latter.
        ERROR_FILE_NOT_FOUND | ERROR_NOT_FOUND => Err(io::Error::new(io::ErrorKind::NotFound, error)),
        _ => Err(error),
    }
}

/// The system's error, with the number that it has outside of COM.
fn system_error(error: windows::core::Error) -> io::Error {
    match WIN32_ERROR::from_error(&error) {
        Some(code) => io::Error::from_raw_os_error(code.0.cast_signed()),
        None => io::Error::other(error),
    }
}
