//! Whether somebody can read what this process says.
#![allow(unsafe_code, reason = "the list of processes is filled by C")]

use windows::Win32::System::Console::GetConsoleProcessList;

/// Whether this process alone has its console window, which then vanishes with it: it was started by a double click, and
/// not from a prompt.
#[must_use]
pub fn owns_console() -> bool {
    let mut processes = [0; 2];
    // SAFETY: the list is there until the call returns, which knows its length.
    let count = unsafe { GetConsoleProcessList(&mut processes) };
    count == 1
}
