//! The adapters that the registry knows.

use windows::Win32::Foundation::ERROR_FILE_NOT_FOUND;
use windows::core::Result;
use windows_registry::{Key, LOCAL_MACHINE};

use super::adapters::Entry;
use super::status;

/// The class of network adapters.
const CLASS: &str = r"SYSTEM\CurrentControlSet\Control\Class\{4D36E972-E325-11CE-BFC1-08002BE10318}";
/// Their connections, by instance id.
const CONNECTIONS: &str = r"SYSTEM\CurrentControlSet\Control\Network\{4D36E972-E325-11CE-BFC1-08002BE10318}";
/// All devices, by device id.
const DEVICES: &str = r"SYSTEM\CurrentControlSet\Enum";
/// In a device's `ConfigFlags`: somebody has switched it off.
const CONFIGFLAG_DISABLED: u32 = 1;
/// More adapters than any computer has.
const MAX_ENTRIES: usize = 10_000;

/// Reads all network adapters. What cannot be read is left out: keys of others may be closed to us.
pub(super) fn entries() -> Result<Vec<Entry>> {
    let class = match LOCAL_MACHINE.open(CLASS) {
        // A computer without any network adapter.
        Err(error) if error.code() == ERROR_FILE_NOT_FOUND.to_hresult() => return Ok(Vec::new()),
        class => class?,
    };
    let is_key = |name: &String| name.len() == 4 && name.bytes().all(|digit| digit.is_ascii_digit());
    let keys = class.keys()?.filter(is_key).take(MAX_ENTRIES);
    Ok(keys.filter_map(|name| class.open(&name).ok().map(|key| entry(name, &key))).collect())
}

fn entry(class_key: String, key: &Key) -> Entry {
    let text = |name: &str| key.get_string(name).unwrap_or_default();
    let instance_id = text("NetCfgInstanceId");
    let connection = LOCAL_MACHINE.open(format!(r"{CONNECTIONS}\{instance_id}\Connection")).ok();
    let of_connection = |name: &str| connection.as_ref().and_then(|key| key.get_string(name).ok());
    let device_id = of_connection("PnPInstanceId").unwrap_or_else(|| text("DeviceInstanceID"));
    let mut entry = Entry {
        class_key,
        component: text("ComponentId"),
        name: of_connection("Name").unwrap_or_else(|| instance_id.clone()),
        instance_id,
        version: text("DriverVersion"),
        is_disabled: false,
        is_always_connected: text("MediaStatus") == "1",
        device_id,
    };
    entry.is_disabled = entry.is_ours() && is_disabled(&entry.device_id);
    entry
}

fn is_disabled(device_id: &str) -> bool {
    let flagged = || {
        let device = LOCAL_MACHINE.open(format!(r"{DEVICES}\{device_id}")).ok()?;
        Some(device.get_u32("ConfigFlags").ok()? & CONFIGFLAG_DISABLED != 0)
    };
    !device_id.is_empty() && status::is_disabled(device_id).or_else(flagged).unwrap_or(false)
}
