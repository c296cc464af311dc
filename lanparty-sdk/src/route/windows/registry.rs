//! The one value of the registry that is changed: an adapter's `NetworkAddress`.
#![allow(unsafe_code, reason = "the registry is read and written by C calls")]

use std::io;

use windows::Win32::Foundation::ERROR_FILE_NOT_FOUND;
use windows::Win32::System::Registry::{
    HKEY, HKEY_LOCAL_MACHINE, KEY_QUERY_VALUE, KEY_SET_VALUE, REG_SAM_FLAGS, REG_SZ, RRF_RT_REG_SZ,
    RegCloseKey, RegDeleteValueW, RegGetValueW, RegOpenKeyExW, RegSetValueExW,
};
use windows::core::{HSTRING, PCWSTR, w};

use super::{outcome, size};

/// The class of network adapters; each has a key of four digits below it.
const ADAPTERS: &str = r"SYSTEM\CurrentControlSet\Control\Class\{4D36E972-E325-11CE-BFC1-08002BE10318}";
const ADDRESS: PCWSTR = w!("NetworkAddress");
/// More than any address is written with.
const MAX_TEXT_LEN: usize = 64;

/// What the adapter with the key `class_key` is told to have as its address. `None`: its own.
pub(super) fn network_address(class_key: &str) -> io::Result<Option<String>> {
    let key = Key::open(class_key, KEY_QUERY_VALUE)?;
    let mut text = [0u16; MAX_TEXT_LEN];
    let mut len = size::<[u16; MAX_TEXT_LEN]>();
    // SAFETY: the key is open, and the place is as large as it says.
    let told = unsafe {
        RegGetValueW(
            key.0,
            None,
            ADDRESS,
            RRF_RT_REG_SZ,
            None,
            Some(text.as_mut_ptr().cast()),
            Some(&raw mut len),
        )
    };
    if told == ERROR_FILE_NOT_FOUND {
        return Ok(None);
    }
    outcome(told)?;
    let text = text.split(|unit| *unit == 0).next().unwrap_or_default();
    Ok(Some(String::from_utf16_lossy(text)))
}

/// Tells it. It follows when it is next started.
pub(super) fn set_network_address(class_key: &str, address: Option<&str>) -> io::Result<()> {
    let key = Key::open(class_key, KEY_SET_VALUE)?;
    let Some(address) = address else {
        // SAFETY: the key is open.
        let told = unsafe { RegDeleteValueW(key.0, ADDRESS) };
        return if told == ERROR_FILE_NOT_FOUND { Ok(()) } else { outcome(told) };
    };
    let text: Vec<u8> = address.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
    // SAFETY: the key is open, and the text ends with a zero.
    outcome(unsafe { RegSetValueExW(key.0, ADDRESS, None, REG_SZ, Some(&text)) })
}

/// An open key of an adapter.
struct Key(HKEY);

impl Key {
    fn open(class_key: &str, access: REG_SAM_FLAGS) -> io::Result<Self> {
        let path = HSTRING::from(format!(r"{ADAPTERS}\{class_key}"));
        let mut key = HKEY::default();
        // SAFETY: the path lives until the call returns, and there is a place for the answer.
        outcome(unsafe { RegOpenKeyExW(HKEY_LOCAL_MACHINE, &path, None, access, &raw mut key) })?;
        Ok(Self(key))
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        // SAFETY: it is open, and not used after this.
        let _ = unsafe { RegCloseKey(self.0) };
    }
}
