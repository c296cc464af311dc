//! What differs between the systems: which adapter it is, and how it is taken.

// Other systems understand the same options, and then say that they cannot.
#[cfg(not(windows))]
mod linux;
#[cfg(any(windows, test))]
mod windows;

#[cfg(not(windows))]
pub(crate) use linux::*;
#[cfg(windows)]
pub(crate) use windows::*;
