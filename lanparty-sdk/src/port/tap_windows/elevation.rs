//! Whether this process may change what a TAP adapter needs changed.
#![allow(unsafe_code, reason = "tokens are asked through C structures")]

use std::io;

use windows::Win32::Foundation::{CloseHandle, HANDLE};
use windows::Win32::Security::{GetTokenInformation, TOKEN_ELEVATION, TOKEN_QUERY, TokenElevation};
use windows::Win32::System::Threading::{GetCurrentProcess, OpenProcessToken};

#[expect(clippy::cast_possible_truncation, reason = "it is 4")]
const ELEVATION_LEN: u32 = size_of::<TOKEN_ELEVATION>() as u32;

/// Whether this process runs as administrator: elevated, and not merely started by somebody who could be.
///
/// [`TapPort::open`](super::TapPort::open) finds that out by itself. This is for programs that want to say so before
/// anything else.
///
/// # Errors
/// The system's.
pub fn is_elevated() -> io::Result<bool> {
    let mut token = HANDLE::default();
    // SAFETY: the handle of this process needs no closing, and the token's is closed below.
    unsafe { OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &raw mut token) }?;
    let mut elevation = TOKEN_ELEVATION::default();
    let mut len = 0;
    // SAFETY: the place for the answer is as large as it says; the token is open until it is closed.
    let told = unsafe {
        let told = GetTokenInformation(
            token,
            TokenElevation,
            Some((&raw mut elevation).cast()),
            ELEVATION_LEN,
            &raw mut len,
        );
        let _ = CloseHandle(token);
        told
    };
    told?;
    Ok(elevation.TokenIsElevated != 0)
}
