//! Whether Windows has an adapter switched on.
#![allow(unsafe_code, reason = "devices are asked about by C calls")]

use windows::Win32::Devices::DeviceAndDriverInstallation::{
    CM_DEVNODE_STATUS_FLAGS, CM_Get_DevNode_Status, CM_LOCATE_DEVNODE_NORMAL, CM_Locate_DevNodeW, CM_PROB,
    CM_PROB_DISABLED, CR_SUCCESS, DN_HAS_PROBLEM,
};
use windows::core::HSTRING;

/// Whether somebody has switched the device off. `None` if the system does not know it.
pub(super) fn is_disabled(device_id: &str) -> Option<bool> {
    let mut device = 0;
    // SAFETY: the name and the place for the answer are there until the call returns.
    let located =
        unsafe { CM_Locate_DevNodeW(&raw mut device, &HSTRING::from(device_id), CM_LOCATE_DEVNODE_NORMAL) };
    if located != CR_SUCCESS {
        return None;
    }
    let (mut status, mut problem) = (CM_DEVNODE_STATUS_FLAGS::default(), CM_PROB::default());
    // SAFETY: the places for the answer are there until the call returns.
    let told = unsafe { CM_Get_DevNode_Status(&raw mut status, &raw mut problem, device, 0) };
    (told == CR_SUCCESS).then(|| status.contains(DN_HAS_PROBLEM) && problem == CM_PROB_DISABLED)
}
