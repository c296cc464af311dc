//! Restarting an adapter, so that it takes the address that the registry tells it.
#![allow(unsafe_code, reason = "devices are set up by C calls")]
#![expect(clippy::cast_possible_truncation, reason = "small structures tell their size")]

use std::io;

use windows::Win32::Devices::DeviceAndDriverInstallation::{
    DICS_FLAG_CONFIGSPECIFIC, DICS_PROPCHANGE, DIF_PROPERTYCHANGE, HDEVINFO, SP_CLASSINSTALL_HEADER,
    SP_DEVINFO_DATA, SP_PROPCHANGE_PARAMS, SetupDiCallClassInstaller, SetupDiCreateDeviceInfoList,
    SetupDiDestroyDeviceInfoList, SetupDiOpenDeviceInfoW, SetupDiSetClassInstallParamsW,
};
use windows::core::HSTRING;

use crate::route::windows::system_error;

/// Stops the device and starts it again, as the device manager does after its properties were changed. Returns when the
/// system has done so; the device may take a moment more.
pub(super) fn restart(device_id: &str) -> io::Result<()> {
    let list = List::new()?;
    let device = list.open(device_id)?;
    let change = SP_PROPCHANGE_PARAMS {
        ClassInstallHeader: SP_CLASSINSTALL_HEADER {
            cbSize: size_of::<SP_CLASSINSTALL_HEADER>() as u32,
            InstallFunction: DIF_PROPERTYCHANGE,
        },
        StateChange: DICS_PROPCHANGE,
        Scope: DICS_FLAG_CONFIGSPECIFIC,
        HwProfile: 0, // the present one
    };
    // SAFETY: the list and the device in it are open; the parameters are read before the call returns, and their header
    // says what they are.
    unsafe {
        SetupDiSetClassInstallParamsW(
            list.0,
            Some(&raw const device),
            Some(&raw const change.ClassInstallHeader),
            size_of_val(&change) as u32,
        )
        .map_err(system_error)?;
        SetupDiCallClassInstaller(DIF_PROPERTYCHANGE, list.0, Some(&raw const device)).map_err(system_error)
    }
}

/// A set of devices, as the set-up functions want one.
struct List(HDEVINFO);

impl List {
    fn new() -> io::Result<Self> {
        // SAFETY: no pointer is handed over.
        unsafe { SetupDiCreateDeviceInfoList(None, None) }.map(Self).map_err(system_error)
    }

    fn open(&self, device_id: &str) -> io::Result<SP_DEVINFO_DATA> {
        let mut device =
            SP_DEVINFO_DATA { cbSize: size_of::<SP_DEVINFO_DATA>() as u32, ..Default::default() };
        // SAFETY: the list is open, and there is a place for the answer, which knows its size.
        unsafe {
            SetupDiOpenDeviceInfoW(self.0, &HSTRING::from(device_id), None, 0, Some(&raw mut device))
                .map_err(system_error)?;
        }
        Ok(device)
    }
}

impl Drop for List {
    fn drop(&mut self) {
        // SAFETY: it is open, and not used after this.
        let _ = unsafe { SetupDiDestroyDeviceInfoList(self.0) };
    }
}
