//! Which adapter is taken: a choice among what the registry tells.

use std::fmt;

use super::{AdapterChoice, TapError};

/// What Windows knows the adapters of TAP-Windows6 by. The driver of another product has another one.
const COMPONENT: &str = "tap0901";
/// The first version without a known fault in short frames that are not IP.
pub(super) const OLDEST_VERSION: DriverVersion = DriverVersion { major: 9, minor: 26 };

/// A version of the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DriverVersion {
    /// The first number.
    pub major: u32,
    /// The second number.
    pub minor: u32,
}

impl DriverVersion {
    /// Understands what an installer wrote, as in "9.26.0.0". `None` if that is no version.
    fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split('.').map(str::parse);
        let (Some(Ok(major)), Some(Ok(minor))) = (numbers.next(), numbers.next()) else { return None };
        Some(Self { major, minor })
    }
}

impl fmt::Display for DriverVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// An adapter as the registry describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its four digits below the class of network adapters.
    pub(super) class_key: String,
    /// `ComponentId`.
    pub(super) component: String,
    /// `NetCfgInstanceId`: a GUID in braces.
    pub(super) instance_id: String,
    /// `DeviceInstanceID`, as in `ROOT\NET\0000`; empty if the registry does not tell.
    pub(super) device_id: String,
    /// What people call it; the instance id if it has no name.
    pub(super) name: String,
    /// `DriverVersion`, as the installer wrote it.
    pub(super) version: String,
    /// Somebody has switched it off.
    pub(super) is_disabled: bool,
    /// Its cable cannot be pulled.
    pub(super) is_always_connected: bool,
}

impl Entry {
    /// Whether it is an adapter of TAP-Windows6 itself.
    pub(super) fn is_ours(&self) -> bool {
        self.component_name() == COMPONENT && is_guid(&self.instance_id)
    }

    /// Whether another product has brought it, with the same driver under another name.
    fn is_of_others(&self) -> bool {
        let component = self.component_name();
        component.starts_with("tap") && component != COMPONENT
    }

    fn component_name(&self) -> String {
        let component = self.component.to_ascii_lowercase();
        component.strip_prefix(r"root\").map(str::to_owned).unwrap_or(component)
    }

    /// Refuses a driver that is too old before anything is changed. Whoever does not say is asked when it is open.
    fn with_a_driver_that_serves(self) -> Result<Self, TapError> {
        match DriverVersion::parse(&self.version) {
            Some(version) if version < OLDEST_VERSION => {
                Err(TapError::DriverTooOld { name: self.name, version })
            }
            _ => Ok(self),
        }
    }

    fn listed(&self) -> String {
        let note = if self.is_disabled { ", switched off" } else { "" };
        format!("{:?} {}{note}", self.name, self.instance_id)
    }
}

/// Takes the one that is meant.
pub(super) fn choose(entries: Vec<Entry>, choice: &AdapterChoice) -> Result<Entry, TapError> {
    let (mut ours, others): (Vec<_>, Vec<_>) = entries.into_iter().partition(Entry::is_ours);
    ours.sort_by(|a, b| a.class_key.cmp(&b.class_key));
    if ours.is_empty() {
        let others: Vec<_> = others
            .iter()
            .filter(|entry| entry.is_of_others())
            .map(|entry| format!("{:?}", entry.name))
            .collect();
        return Err(match others.is_empty() {
            true => TapError::NoDriver,
            false => TapError::OnlyOthers { adapters: others.join(", ") },
        });
    }
    let list = |entries: &[Entry]| entries.iter().map(Entry::listed).collect::<Vec<_>>().join("; ");
    let all = list(&ours);
    let wanted = match choice {
        AdapterChoice::Only => None,
        AdapterChoice::Named(name) => Some(name),
        AdapterChoice::Instance(id) => Some(id),
    };
    let mut fit: Vec<_> = ours
        .into_iter()
        .filter(|entry| match choice {
            AdapterChoice::Only => true,
            AdapterChoice::Named(name) => same(&entry.name, name),
            AdapterChoice::Instance(id) => same(&entry.instance_id, id),
        })
        .collect();
    // One that is switched off is only meant if there is no other.
    if fit.len() > 1 && fit.iter().filter(|entry| !entry.is_disabled).count() == 1 {
        fit.retain(|entry| !entry.is_disabled);
    }
    if fit.len() > 1 {
        return Err(TapError::Ambiguous { adapters: list(&fit) });
    }
    match (fit.pop(), wanted) {
        (Some(entry), _) if entry.is_disabled => Err(TapError::Disabled { name: entry.name }),
        (Some(entry), _) => entry.with_a_driver_that_serves(),
        (None, Some(wanted)) => Err(TapError::NoSuchAdapter { wanted: wanted.clone(), adapters: all }),
        (None, None) => Err(TapError::NoDriver),
    }
}

/// Windows does not tell upper from lower case in names.
fn same(a: &str, b: &str) -> bool {
    a.to_lowercase() == b.to_lowercase()
}

/// Whether a text can be an instance id. It becomes part of a device's name, so that nothing else may be in it.
fn is_guid(text: &str) -> bool {
    let Some(inner) = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) else { return false };
    let groups: Vec<_> = inner.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| group.bytes().all(|digit| digit.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "{1A2B3C4D-0000-4000-8000-00000000000A}";
    const B: &str = "{1A2B3C4D-0000-4000-8000-00000000000B}";

    fn entry(class_key: &str, component: &str, instance_id: &str, name: &str) -> Entry {
        Entry {
            class_key: class_key.into(),
            component: component.into(),
            instance_id: instance_id.into(),
            device_id: r"ROOT\NET\0000".into(),
            name: name.into(),
            version: "9.26.0.0".into(),
            ..Entry::default()
        }
    }

    fn two() -> Vec<Entry> {
        vec![entry("0012", r"root\tap0901", B, "Party"), entry("0007", "TAP0901", A, "Ethernet 2")]
    }

    #[test]
    fn only_adapters_of_tap_windows_itself_are_taken() {
        for (component, instance_id) in [
            ("wintun", A),
            (r"PCI\VEN_8086", A),
            ("", A),
            ("tap0901", ""),
            ("tap0901", "1A2B3C4D-0000-4000-8000-00000000000A"),
            ("tap0901", r"{..\..\PhysicalDrive0-0000-0000-00000}"),
        ] {
            let chosen = choose(vec![entry("0001", component, instance_id, "x")], &AdapterChoice::Only);
            assert!(matches!(chosen, Err(TapError::NoDriver)), "{component} {instance_id}");
        }
        let foreign = entry("0001", "tapoas", B, "Other");
        let ours = entry("0002", r"ROOT\Tap0901", A, "Ethernet 2");
        assert_eq!(choose(vec![foreign, ours.clone()], &AdapterChoice::Only).unwrap(), ours);
    }

    #[test]
    fn adapters_of_other_products_are_named_but_not_taken() {
        let others =
            vec![entry("0001", "tapoas", A, "Access"), entry("0002", r"root\tap_ovpnconnect", B, "Connect")];
        for choice in ["", "Access", A] {
            let error = choose(others.clone(), &AdapterChoice::parse(choice)).unwrap_err();
            assert!(matches!(error, TapError::OnlyOthers { .. }), "{error}");
            assert!(error.to_string().contains(r#""Access", "Connect""#), "{error}");
        }
    }

    #[test]
    fn an_old_driver_is_refused() {
        for (version, serves) in [
            ("9.26.0.0", true),
            ("9.27", true),
            ("10.0.0.1", true),
            ("9.24.7.601", false),
            ("9.21.2", false),
            ("9.9.9.9", false),
            // Asked when it is open.
            ("", true),
            ("9", true),
            ("new", true),
            ("9.x", true),
            ("99999999999.1", true),
        ] {
            let mut adapter = two().remove(0);
            adapter.version = version.into();
            match choose(vec![adapter], &AdapterChoice::Only) {
                Ok(_) => assert!(serves, "{version}"),
                Err(error) => {
                    assert!(!serves && matches!(error, TapError::DriverTooOld { .. }), "{version}: {error}");
                    assert!(
                        error.to_string().contains(&version[..version.rfind('.').unwrap()][..3]),
                        "{error}"
                    );
                }
            }
        }
    }

    #[test]
    fn of_several_one_must_be_chosen() {
        let error = choose(two(), &AdapterChoice::Only).unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, TapError::Ambiguous { .. }), "{text}");
        let listed = format!("\"Ethernet 2\" {A}; \"Party\" {B}");
        assert!(text.contains(&listed) && text.contains("--tap"), "{text}");
        for choice in ["party", "PARTY", B, &B.to_lowercase(), " Party "] {
            assert_eq!(choose(two(), &AdapterChoice::parse(choice)).unwrap().class_key, "0012", "{choice}");
        }
        let error = choose(two(), &AdapterChoice::parse("Ethernet 3")).unwrap_err().to_string();
        assert!(error.contains("\"Ethernet 3\"") && error.contains(&listed), "{error}");
    }

    #[test]
    fn two_of_the_same_name_are_told_apart_by_id() {
        let mut both = two();
        both[0].name = "ethernet 2".into();
        assert!(matches!(
            choose(both.clone(), &AdapterChoice::parse("Ethernet 2")),
            Err(TapError::Ambiguous { .. })
        ));
        assert_eq!(choose(both, &AdapterChoice::parse(A)).unwrap().class_key, "0007");
    }

    #[test]
    fn one_that_is_switched_off_is_named_unless_another_serves() {
        let mut all = two();
        all[0].is_disabled = true;
        assert_eq!(choose(all.clone(), &AdapterChoice::Only).unwrap().class_key, "0007");
        assert!(matches!(
            choose(all.clone(), &AdapterChoice::parse("party")),
            Err(TapError::Disabled { .. })
        ));
        all[1].is_disabled = true;
        let error = choose(all, &AdapterChoice::Only).unwrap_err();
        assert!(error.to_string().contains("switched off"), "{error}");
    }

    #[test]
    fn versions_are_ordered() {
        let version = |major, minor| DriverVersion { major, minor };
        assert!(version(9, 24) < OLDEST_VERSION && version(9, 26) >= OLDEST_VERSION);
        assert!(version(10, 0) > OLDEST_VERSION && version(8, 99) < OLDEST_VERSION);
        assert_eq!(OLDEST_VERSION.to_string(), "9.26");
    }
}
