//! What a program's own loop waits on: an eventfd on Linux, an event object on Windows.

use crate::error::Failure;

#[cfg(target_os = "linux")]
pub(crate) use linux::WaitHandle;
#[cfg(not(any(target_os = "linux", windows)))]
pub(crate) use other::WaitHandle;
#[cfg(windows)]
pub(crate) use windows::WaitHandle;

#[cfg(target_os = "linux")]
mod linux {
    use std::os::fd::{AsFd as _, AsRawFd as _};

    use nix::sys::eventfd::{EfdFlags, EventFd};

    use super::{Failure, failed};

    #[derive(Debug)]
    pub(crate) struct WaitHandle(EventFd);

    impl WaitHandle {
        pub(crate) fn new() -> Result<Self, Failure> {
            EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)
                .map(Self)
                .map_err(|error| failed(&error.into()))
        }

        pub(crate) fn raw(&self) -> i64 {
            self.0.as_fd().as_raw_fd().into()
        }

        pub(crate) fn set(&self, ready: bool) {
            // An eventfd that is full is readable, and one that is empty is not: neither needs anything done.
            let _ = if ready { self.0.write(1).map(drop) } else { self.0.read().map(drop) };
        }
    }
}

#[cfg(windows)]
mod windows {
    use std::os::windows::io::{AsRawHandle as _, FromRawHandle as _, OwnedHandle};

    use windows::Win32::Foundation::HANDLE;
    use windows::Win32::System::Threading::{CreateEventW, ResetEvent, SetEvent};
    use windows::core::PCWSTR;

    use super::{Failure, failed};

    /// Manual-reset, so that it stays signalled for everybody until there is nothing more to take, as a descriptor does.
    #[derive(Debug)]
    pub(crate) struct WaitHandle(OwnedHandle);

    impl WaitHandle {
        pub(crate) fn new() -> Result<Self, Failure> {
            // SAFETY: no attributes and no name: it is this process's own, and no child inherits it.
            let event = unsafe { CreateEventW(None, true, false, PCWSTR::null()) };
            let event = event.map_err(|error| failed(&error.into()))?;
            // SAFETY: it has just been made, and nobody else closes it.
            Ok(Self(unsafe { OwnedHandle::from_raw_handle(event.0) }))
        }

        pub(crate) fn raw(&self) -> i64 {
            // Handles of a process have 32 bits that count, and as a 64-bit number their sign.
            self.0.as_raw_handle() as isize as i64
        }

        pub(crate) fn set(&self, ready: bool) {
            let event = HANDLE(self.0.as_raw_handle());
            // SAFETY: the event lives as long as `self`. It can only fail for a handle that is none, which the caller would
            // have closed against the rules.
            let _ = unsafe { if ready { SetEvent(event) } else { ResetEvent(event) } };
        }
    }
}

#[cfg(not(any(target_os = "linux", windows)))]
mod other {
    use super::Failure;

    #[derive(Debug)]
    pub(crate) struct WaitHandle;

    impl WaitHandle {
        pub(crate) fn new() -> Result<Self, Failure> {
            let code = lanparty_sdk::error::code::UNSUPPORTED;
            Err(Failure::coded(code, "this system has no wait handles yet: use timeouts"))
        }

        pub(crate) fn raw(&self) -> i64 {
            -1
        }

        pub(crate) fn set(&self, _ready: bool) {}
    }
}

#[cfg(any(target_os = "linux", windows))]
fn failed(error: &std::io::Error) -> Failure {
    Failure::system("nothing to wait on can be made", error)
}
