//! This computer's settings, one at a time.

use std::io;

use super::rows::{self, InterfaceRow, RouteKey};
use super::{network, registry};
use crate::lease::{Host, Lease, Setting, Value};

/// This computer.
#[derive(Debug)]
pub(crate) struct SystemHost;

/// A lease on settings of this computer.
pub(crate) type SystemLease = Lease<SystemHost>;

impl Host for SystemHost {
    fn read(&mut self, setting: &Setting) -> io::Result<Option<Value>> {
        Ok(match setting {
            Setting::AdapterMac { class_key } => registry::network_address(class_key)?.map(Value::Text),
            Setting::Address { luid, address } => {
                rows::address(*luid, *address)?.map(u32::from).map(Value::Number)
            }
            Setting::DefaultRoutesIgnored { luid, family } => {
                Some(Value::Flag(InterfaceRow::read(*luid, *family)?.ignores_default_routes()))
            }
            Setting::Metric { luid, family } => {
                InterfaceRow::read(*luid, *family)?.own_metric().map(Value::Number)
            }
            Setting::Mtu { luid, family } => Some(Value::Number(InterfaceRow::read(*luid, *family)?.mtu())),
            Setting::NetworkCategory { network } => Some(Value::Number(network::category(network)?)),
            Setting::Route { .. } => rows::route_metric(&key(setting)?)?.map(Value::Number),
        })
    }

    fn write(&mut self, setting: &Setting, value: Option<&Value>) -> io::Result<()> {
        match (setting, value) {
            (Setting::AdapterMac { class_key }, None) => registry::set_network_address(class_key, None),
            (Setting::AdapterMac { class_key }, Some(Value::Text(text))) => {
                registry::set_network_address(class_key, Some(text))
            }
            (Setting::Address { luid, address }, None) => rows::remove_address(*luid, *address),
            (Setting::Address { luid, address }, Some(Value::Number(prefix_len))) => {
                let prefix_len = u8::try_from(*prefix_len).map_err(|_| unfit())?;
                rows::set_address(*luid, *address, prefix_len)
            }
            (Setting::DefaultRoutesIgnored { luid, family }, Some(Value::Flag(ignore))) => {
                let mut row = InterfaceRow::read(*luid, *family)?;
                row.ignore_default_routes(*ignore);
                row.write()
            }
            (Setting::Metric { luid, family }, None | Some(Value::Number(_))) => {
                let metric = if let Some(Value::Number(metric)) = value { Some(*metric) } else { None };
                let mut row = InterfaceRow::read(*luid, *family)?;
                row.set_own_metric(metric);
                row.write()
            }
            (Setting::Mtu { luid, family }, Some(Value::Number(mtu))) => {
                let mut row = InterfaceRow::read(*luid, *family)?;
                row.set_mtu(*mtu);
                row.write()
            }
            (Setting::NetworkCategory { network }, Some(Value::Number(category))) => {
                network::set_category(network, *category)
            }
            (Setting::Route { .. }, None) => rows::remove_route(&key(setting)?),
            (Setting::Route { .. }, Some(Value::Number(metric))) => rows::set_route(&key(setting)?, *metric),
            _ => Err(unfit()),
        }
    }
}

fn key(setting: &Setting) -> io::Result<RouteKey> {
    match *setting {
        Setting::Route { destination, prefix_len, gateway, luid } => {
            Ok(RouteKey { destination, prefix_len, gateway, luid })
        }
        _ => Err(unfit()),
    }
}

fn unfit() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "no such value")
}
