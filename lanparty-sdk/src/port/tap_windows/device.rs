//! The driver's device: one method per control code.
#![allow(unsafe_code, reason = "a driver is opened and driven by C calls")]

use std::io;
use std::os::windows::io::{AsRawHandle, FromRawHandle as _, OwnedHandle};

use windows::Win32::Foundation::{
    CloseHandle, ERROR_IO_INCOMPLETE, ERROR_IO_PENDING, GENERIC_READ, GENERIC_WRITE, HANDLE, WAIT_TIMEOUT,
    WIN32_ERROR,
};
use windows::Win32::Storage::FileSystem::{
    CreateFileW, FILE_ATTRIBUTE_SYSTEM, FILE_FLAG_OVERLAPPED, FILE_SHARE_NONE, OPEN_EXISTING,
};
use windows::Win32::System::IO::{CancelIoEx, DeviceIoControl, GetOverlappedResultEx, OVERLAPPED};
use windows::Win32::System::Threading::CreateEventW;
use windows::core::HSTRING;

use super::adapters::DriverVersion;
use super::control;
use crate::frame::MacAddr;
use crate::route::windows::system_error;

/// How long the driver may take for an answer that needs nothing but memory.
const ANSWER_MS: u32 = 5000;

/// An adapter's device, open. The driver lets only one be open at a time.
#[derive(Debug)]
pub(super) struct Device {
    handle: OwnedHandle,
}

impl Device {
    pub(super) fn open(instance_id: &str) -> io::Result<Self> {
        let path = HSTRING::from(control::device_path(instance_id));
        // SAFETY: the path lives until the call returns; no other pointer is handed over.
        let handle = unsafe {
            CreateFileW(
                &path,
                (GENERIC_READ | GENERIC_WRITE).0,
                FILE_SHARE_NONE,
                None,
                OPEN_EXISTING,
                FILE_ATTRIBUTE_SYSTEM | FILE_FLAG_OVERLAPPED,
                None,
            )
        };
        let handle = handle.map_err(system_error)?;
        // SAFETY: the system has just made this handle, and nobody else knows it.
        Ok(Self { handle: unsafe { OwnedHandle::from_raw_handle(handle.0) } })
    }

    /// For calls that the device does not wrap. Valid for as long as the device.
    pub(super) fn raw(&self) -> HANDLE {
        HANDLE(self.handle.as_raw_handle())
    }

    /// The address that the adapter was last started with.
    pub(super) fn mac(&self) -> io::Result<MacAddr> {
        let mut mac = [0; 6];
        self.ask(control::GET_MAC, &mut mac)?;
        Ok(MacAddr(mac))
    }

    pub(super) fn version(&self) -> io::Result<DriverVersion> {
        let mut answer = [0; 12];
        self.ask(control::GET_VERSION, &mut answer)?;
        let word =
            |at: usize| u32::from_le_bytes([answer[at], answer[at + 1], answer[at + 2], answer[at + 3]]);
        Ok(DriverVersion { major: word(0), minor: word(4) })
    }

    /// The largest payload of a frame in bytes.
    pub(super) fn mtu(&self) -> io::Result<u32> {
        let mut mtu = [0; 4];
        self.ask(control::GET_MTU, &mut mtu)?;
        Ok(u32::from_le_bytes(mtu))
    }

    /// Plugs the cable in or pulls it.
    pub(super) fn set_media(&self, connected: bool) -> io::Result<()> {
        // The driver writes its answer to the same place, and says one byte or four.
        let mut state = u32::from(connected).to_le_bytes();
        let input = state;
        self.control(control::SET_MEDIA_STATUS, &input, &mut state).map(drop)
    }

    /// Asks for exactly as much as `answer` holds.
    fn ask(&self, code: u32, answer: &mut [u8]) -> io::Result<()> {
        let len = self.control(code, &[], answer)?;
        if len == answer.len() { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
    }

    #[expect(clippy::cast_possible_truncation, reason = "they are a few bytes")]
    fn control(&self, code: u32, input: &[u8], output: &mut [u8]) -> io::Result<usize> {
        let event = Event::new()?;
        // An event with its lowest bit set keeps the answer away from the pump's completion port.
        let quiet = HANDLE(event.0.0.map_addr(|address| address | 1));
        let mut operation = OVERLAPPED { hEvent: quiet, ..OVERLAPPED::default() };
        let mut len = 0;
        // SAFETY: the device is open, and all memory lives until the operation has ended, below.
        let begun = unsafe {
            DeviceIoControl(
                self.raw(),
                code,
                Some(input.as_ptr().cast()),
                input.len() as u32,
                Some(output.as_mut_ptr().cast()),
                output.len() as u32,
                Some(&raw mut len),
                Some(&raw mut operation),
            )
        };
        match begun {
            Ok(()) => return Ok(len as usize),
            Err(error) if WIN32_ERROR::from_error(&error) == Some(ERROR_IO_PENDING) => {}
            Err(error) => return Err(system_error(error)),
        }
        let mut is_cancelled = false;
        loop {
            // SAFETY: the operation is the one that was begun above.
            let ended = unsafe {
                GetOverlappedResultEx(self.raw(), &raw const operation, &raw mut len, ANSWER_MS, false)
            };
            let Err(error) = ended else { return Ok(len as usize) };
            match WIN32_ERROR::from_error(&error) {
                // The memory is the driver's until it has let go of it: there is no way but to wait for that.
                Some(WIN32_ERROR(code)) if code == WAIT_TIMEOUT.0 || code == ERROR_IO_INCOMPLETE.0 => {
                    is_cancelled = true;
                    // SAFETY: as above. If it has just ended there is nothing to cancel, which is as well.
                    let _ = unsafe { CancelIoEx(self.raw(), Some(&raw const operation)) };
                }
                _ if is_cancelled => return Err(io::ErrorKind::TimedOut.into()),
                _ => return Err(system_error(error)),
            }
        }
    }
}

/// An event that belongs to one operation.
struct Event(HANDLE);

impl Event {
    fn new() -> io::Result<Self> {
        // SAFETY: no pointer is handed over.
        unsafe { CreateEventW(None, true, false, None) }.map(Self).map_err(system_error)
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: it is open, and not used after this.
        let _ = unsafe { CloseHandle(self.0) };
    }
}
