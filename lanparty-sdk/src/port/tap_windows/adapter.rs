//! An adapter from the choice to the open device, and back.
#![expect(clippy::disallowed_methods, reason = "an adapter restarts in real time")]

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use windows::Win32::Foundation::{
    ERROR_ACCESS_DENIED, ERROR_FILE_NOT_FOUND, ERROR_GEN_FAILURE, ERROR_PATH_NOT_FOUND,
    ERROR_SHARING_VIOLATION, WIN32_ERROR,
};

use super::adapters::{DriverVersion, Entry, OLDEST_VERSION, choose};
use super::device::Device;
use super::error::hex;
use super::pump::Pump;
use super::registry::entries;
use super::restart::restart;
use super::{TapError, TapOptions};
use crate::frame::{MIN_MTU, MacAddr};
use crate::lease::{Setting, Value};
use crate::port::InterfaceAddress;
use crate::route::windows::{AdapterSettings, SystemHost, SystemLease, system_error};

/// How long an adapter may take to come back after it was restarted, and how often it is looked for.
const RESTART_TIMEOUT: Duration = Duration::from_secs(10);
const RESTART_PAUSE: Duration = Duration::from_millis(100);

/// An adapter that is ours for as long as this lives. Dropping it pulls the cable, ends what is in flight, closes the
/// device and puts the settings back, in this order.
#[derive(Debug)]
pub(super) struct Adapter {
    pub(super) pump: Pump,
    settings: AdapterSettings,
    /// The address in the registry.
    _lease: SystemLease,
    pub(super) name: String,
    pub(super) instance_id: String,
    pub(super) version: DriverVersion,
    pub(super) mac: MacAddr,
    pub(super) mtu: u16,
    /// Whether the cable is plugged in.
    is_linked: AtomicBool,
    /// Held while the cable is moved.
    link: Mutex<()>,
    /// It was removed or switched off while it was open.
    is_gone: AtomicBool,
}

impl Adapter {
    pub(super) fn open(options: &TapOptions) -> Result<Self, TapError> {
        if let Some(mac) = options.mac.filter(|mac| !mac.is_unicast()) {
            return Err(TapError::BadMac { mac });
        }
        if options.mtu < MIN_MTU {
            return Err(TapError::BadMtu { mtu: options.mtu });
        }
        if !(1..=TapOptions::MAX_OPERATIONS).contains(&options.operations) {
            return Err(TapError::BadOperations { operations: options.operations });
        }
        // What a killed run has left is put back first, so that it is not taken for the user's own.
        let mut lease = SystemLease::open(SystemHost).map_err(|source| match source.kind() {
            io::ErrorKind::PermissionDenied => TapError::NotPermitted { source },
            _ => TapError::Journal(source),
        })?;
        let entries = entries().map_err(|error| TapError::Registry(system_error(error)))?;
        let entry = choose(entries, &options.choice)?;
        let name = || entry.name.clone();
        if entry.is_always_connected {
            tracing::warn!(
                target: "lanparty::port",
                adapter = entry.name,
                "the adapter is set to be always connected, so that Windows sees a network where there is none yet: \
                 \"Media Status\" among its advanced properties should be \"Application Controlled\""
            );
        }
        if let Some(mac) = options.mac {
            let setting = Setting::AdapterMac { class_key: entry.class_key.clone() };
            lease.change(setting, Some(Value::Text(hex(mac)))).map_err(|source| TapError::SetMac {
                name: name(),
                mac,
                source,
            })?;
        }
        let (device, mac, version) = prepare(&entry, options.mac)?;
        let told =
            device.mtu().map_err(|source| TapError::Device { name: name(), question: "MTU", source })?;
        let mtu = options.mtu.min(u16::try_from(told).unwrap_or(u16::MAX));
        if mtu < MIN_MTU {
            return Err(TapError::BadMtu { mtu });
        }
        let settings = AdapterSettings::apply(&entry.instance_id, options.policy)
            .map_err(|source| TapError::Settings { name: name(), source })?;
        if u32::from(mtu) < told {
            settings.set_mtu(mtu).map_err(|source| TapError::SetMtu { name: name(), mtu, source })?;
        }
        for address in &options.addresses {
            settings.add_address(*address).map_err(|source| TapError::Address {
                name: name(),
                address: *address,
                source,
            })?;
        }
        let pump = Pump::new(device, options.operations.into())
            .map_err(|source| TapError::Pump { name: name(), source })?;
        let Entry { name, instance_id, .. } = entry;
        Ok(Self {
            pump,
            settings,
            _lease: lease,
            name,
            instance_id,
            version,
            mac,
            mtu,
            is_linked: AtomicBool::new(false),
            link: Mutex::new(()),
            is_gone: AtomicBool::new(false),
        })
    }

    pub(super) fn set_mtu(&self, mtu: u16) -> io::Result<()> {
        if mtu > self.mtu {
            let text = format!("{} carries {} bytes, and the room's frames have {mtu}", self.name, self.mtu);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        self.settings.set_mtu(mtu)
    }

    pub(super) fn add_address(&self, address: InterfaceAddress) -> io::Result<()> {
        self.settings.add_address(address)
    }

    /// Plugs the cable in or pulls it.
    pub(super) fn set_link(&self, up: bool) -> io::Result<()> {
        {
            let _moved = self.link.lock().unwrap_or_else(PoisonError::into_inner);
            if self.is_gone() {
                return Err(self.removed());
            }
            self.pump.device().set_media(up)?;
            self.is_linked.store(up, Ordering::Relaxed);
        }
        if up {
            self.pump.issue_reads();
        }
        self.settings.link_changed();
        Ok(())
    }

    pub(super) fn is_linked(&self) -> bool {
        self.is_linked.load(Ordering::Relaxed)
    }

    pub(super) fn is_gone(&self) -> bool {
        self.is_gone.load(Ordering::Relaxed)
    }

    /// After the driver has ended reads by itself: tries whether it takes them again. The adapter may have slept.
    ///
    /// # Errors
    /// The adapter is gone, as an error that says so.
    pub(super) fn revive(&self) -> io::Result<()> {
        let _moved = self.link.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.is_held() {
            self.is_gone.store(true, Ordering::Relaxed);
        }
        if self.is_gone() {
            return Err(self.removed());
        }
        if self.is_linked() && self.pump.device().set_media(true).is_ok() {
            self.pump.issue_reads();
        }
        Ok(())
    }

    /// Whether our handle is still one on the adapter. Of an adapter that was removed or switched off the handle still
    /// answers, but the name has gone, or can be opened by the next one.
    fn is_held(&self) -> bool {
        match Device::open(&self.instance_id) {
            // There are systems that open it and only then say that it is in use.
            Ok(second) => second.version().is_err(),
            Err(error) => !error.raw_os_error().is_some_and(is_missing),
        }
    }

    pub(super) fn removed(&self) -> io::Error {
        io::Error::new(io::ErrorKind::NotFound, TapError::Removed { name: self.name.clone() })
    }
}

impl Drop for Adapter {
    fn drop(&mut self) {
        if let Err(error) = self.pump.device().set_media(false) {
            tracing::debug!(target: "lanparty::port", %error, "the cable cannot be pulled: the adapter is gone");
        }
        self.pump.close();
    }
}

/// Opens the device and sees to it that it has the address that it must have.
fn prepare(entry: &Entry, wanted: Option<MacAddr>) -> Result<(Device, MacAddr, DriverVersion), TapError> {
    let (device, has, version) = look(entry)?;
    let Some(wanted) = wanted.filter(|wanted| *wanted != has) else { return Ok((device, has, version)) };
    drop(device); // it cannot be restarted while it is open
    tracing::info!(
        target: "lanparty::port",
        adapter = entry.name,
        %has,
        %wanted,
        "the adapter is restarted, so that it takes the member's address"
    );
    let failed = restart(&entry.device_id).err();
    if let Some(error) = &failed {
        tracing::warn!(target: "lanparty::port", adapter = entry.name, %error, "the adapter cannot be restarted");
    }
    // It may have been restarted by somebody else all the same.
    let (device, has, version) = look_again(entry, failed.is_none())?;
    if has == wanted {
        return Ok((device, has, version));
    }
    Err(TapError::WrongMac { name: entry.name.clone(), has, wanted, source: failed })
}

/// Opens the device, pulls its cable, which a killed run may have left plugged in, and asks what it is.
fn look(entry: &Entry) -> Result<(Device, MacAddr, DriverVersion), TapError> {
    let device = Device::open(&entry.instance_id).map_err(|error| refusal(entry, error, None))?;
    let failed = |question| move |error| refusal(entry, error, Some(question));
    device.set_media(false).map_err(failed("media status"))?;
    let version = device.version().map_err(failed("version"))?;
    if version < OLDEST_VERSION {
        return Err(TapError::DriverTooOld { name: entry.name.clone(), version });
    }
    let mac = device.mac().map_err(failed("MAC address"))?;
    Ok((device, mac, version))
}

/// As [`look`]; waits for the device to come back, if it has just been restarted.
fn look_again(entry: &Entry, is_restarted: bool) -> Result<(Device, MacAddr, DriverVersion), TapError> {
    let begun = Instant::now();
    loop {
        match look(entry) {
            // While it goes and comes, opening it fails in many ways.
            Err(
                TapError::Device { .. }
                | TapError::Disabled { .. }
                | TapError::InUse { .. }
                | TapError::NotPermitted { .. }
                | TapError::Open { .. },
            ) if is_restarted && begun.elapsed() < RESTART_TIMEOUT => {
                thread::sleep(RESTART_PAUSE);
            }
            looked => return looked,
        }
    }
}

/// What it means that a device cannot be opened, or does not answer the first `question`.
fn refusal(entry: &Entry, source: io::Error, question: Option<&'static str>) -> TapError {
    let name = entry.name.clone();
    match source.raw_os_error() {
        // The driver serves one at a time.
        Some(error) if is(error, &[ERROR_GEN_FAILURE, ERROR_SHARING_VIOLATION]) => {
            TapError::InUse { name, source }
        }
        Some(error) if is(error, &[ERROR_FILE_NOT_FOUND, ERROR_PATH_NOT_FOUND]) => {
            TapError::Disabled { name }
        }
        Some(error) if is(error, &[ERROR_ACCESS_DENIED]) => TapError::NotPermitted { source },
        _ => match question {
            Some(question) => TapError::Device { name, question, source },
            None => TapError::Open { name, source },
        },
    }
}

/// Whether there is no device of that name.
fn is_missing(error: i32) -> bool {
    is(error, &[ERROR_FILE_NOT_FOUND, ERROR_PATH_NOT_FOUND])
}

fn is(error: i32, codes: &[WIN32_ERROR]) -> bool {
    codes.iter().any(|code| code.0.cast_signed() == error)
}
