//! The value of a `hostpciN` line.

use super::address::HostId;
use super::setting::{SETTINGS, is_config_id, same_setting, setting_fault};

/// Which device an entry hands to the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Device {
    /// Addresses on the host, which become the functions of one device.
    Host(Vec<HostId>),
    /// The name of a cluster-wide mapping.
    Mapping(String),
}

/// A value as it is written: parts with commas between them. Writing gives the same text back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hostpci {
    parts: Vec<String>,
}

impl Hostpci {
    /// Reads any text; [`Hostpci::fault`] says whether Proxmox VE would take it.
    pub fn parse(text: &str) -> Hostpci {
        Hostpci { parts: text.split(',').map(str::to_string).collect() }
    }

    /// A new entry: the device and the settings that are not what Proxmox VE does by itself.
    pub fn new(device: &Device, settings: &[(&str, &str)]) -> Hostpci {
        let mut entry = Hostpci { parts: vec![written(device, false)] };
        for key in SETTINGS {
            for (_, value) in settings.iter().filter(|(name, _)| *name == key) {
                entry = entry.with_setting(key, value);
            }
        }
        entry
    }

    /// The text.
    pub fn write(&self) -> String {
        self.parts.join(",")
    }

    /// What is wrong with it; `None` where Proxmox VE takes it and starts a machine with it.
    pub fn fault(&self) -> Option<String> {
        self.syntax_fault().or_else(|| match (self.get("host"), self.get("mapping")) {
            (Some(_), Some(_)) => Some("host and mapping are both given".to_string()),
            (None, None) => Some("neither host nor mapping is given".to_string()),
            _ => None,
        })
    }

    /// What is wrong with its form: Proxmox VE reads the file as if the line were not there, and leaves it
    /// out when it writes the file.
    pub fn syntax_fault(&self) -> Option<String> {
        let mut seen: Vec<&str> = Vec::new();
        for part in self.parts.iter().filter(|part| !part.trim().is_empty()) {
            let Some((key, value)) = pair(part) else { return Some(format!("{part:?} is no key=value")) };
            if !is_name(key) {
                return Some(format!("{key:?} is no sub-option's name"));
            }
            if seen.contains(&key) {
                return Some(format!("{key} is given twice"));
            }
            seen.push(key);
            match key {
                "host" if value.split(';').any(|id| HostId::parse(id).is_none() || upper(id)) => {
                    return Some(format!("{value:?} is no list of PCI addresses in lower case"));
                }
                "mapping" if !is_config_id(value) => return Some(format!("{value:?} is no mapping's name")),
                _ => {}
            }
            if let Some(fault) = setting_fault(key, value) {
                return Some(format!("{key}={value} {fault}"));
            }
        }
        None
    }

    /// The device; `None` where none is named in a way that makes sense.
    pub fn device(&self) -> Option<Device> {
        if let Some(ids) = self.get("host") {
            return ids.split(';').map(HostId::parse).collect::<Option<Vec<_>>>().map(Device::Host);
        }
        self.get("mapping").map(|name| Device::Mapping(name.to_string()))
    }

    /// A sub-option's value; `host` may stand without its name.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.parts.iter().filter_map(|part| pair(part)).find(|(name, _)| *name == key).map(|(_, value)| value)
    }

    /// Whether a boolean sub-option is on; `default` where it is not given.
    pub fn is_on(&self, key: &str, default: bool) -> bool {
        self.get(key).and_then(super::conf::boolean).unwrap_or(default)
    }

    /// With another device; the rest stays.
    #[must_use]
    pub fn with_device(&self, device: &Device) -> Hostpci {
        if self.device().as_ref() == Some(device) {
            return self.clone();
        }
        let is_device = |part: &String| pair(part).is_some_and(|(key, _)| key == "host" || key == "mapping");
        let named = self.parts.iter().any(|part| part.starts_with("host="));
        let at = self.parts.iter().position(is_device).unwrap_or(0);
        let mut parts: Vec<String> = self.parts.iter().filter(|part| !is_device(part)).cloned().collect();
        parts.insert(at.min(parts.len()), written(device, named));
        Hostpci { parts }
    }

    /// With a sub-option set; an empty value, or the default, takes it out. Nothing changes where it
    /// means that already.
    #[must_use]
    pub fn with_setting(&self, key: &str, value: &str) -> Hostpci {
        let wanted = (!value.is_empty()).then_some(value);
        if same_setting(key, self.get(key), wanted) {
            return self.clone();
        }
        let is_default = same_setting(key, wanted, None);
        let is_key = |part: &String| pair(part).is_some_and(|(name, _)| name == key);
        let at = self.parts.iter().position(is_key);
        let mut parts: Vec<String> = self.parts.iter().filter(|part| !is_key(part)).cloned().collect();
        if !is_default {
            parts.insert(at.unwrap_or(parts.len()).min(parts.len()), format!("{key}={value}"));
        }
        Hostpci { parts }
    }

    /// Whether both mean the same: order, a missing `host=` or domain, the case of hexadecimal
    /// digits and defaults that are written out do not count. An entry with a fault equals nothing.
    pub fn same_as(&self, other: &Hostpci) -> bool {
        let keys = |entry: &Hostpci| -> Vec<String> {
            let named = entry.parts.iter().filter_map(|part| pair(part)).map(|(key, _)| key.to_string());
            named.filter(|key| key != "host" && key != "mapping").collect()
        };
        self.fault().is_none()
            && other.fault().is_none()
            && self.device() == other.device()
            && keys(self)
                .iter()
                .chain(&keys(other))
                .all(|key| same_setting(key, self.get(key), other.get(key)))
    }
}

/// Key and value of a part, as `parse_property_string` splits it; `None` where it is neither a value
/// alone nor `key=value`.
fn pair(part: &str) -> Option<(&str, &str)> {
    match part.split_once('=') {
        None if part.trim().is_empty() => None,
        None => Some(("host", part)),
        Some((key, value)) => (!key.is_empty() && !value.is_empty()).then_some((key, value)),
    }
}

/// Whether a sub-option of any Proxmox VE can have this name. `parse_property_string` takes only those that
/// it knows, as they are written: a blank after a comma makes another name.
fn is_name(key: &str) -> bool {
    key.starts_with(|first: char| first.is_ascii_lowercase())
        && key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'))
}

fn written(device: &Device, named: bool) -> String {
    match device {
        Device::Host(ids) => {
            let ids: Vec<String> = ids.iter().map(HostId::to_string).collect();
            format!("{}{}", if named { "host=" } else { "" }, ids.join(";"))
        }
        Device::Mapping(name) => format!("mapping={name}"),
    }
}

fn upper(text: &str) -> bool {
    text.bytes().any(|b| b.is_ascii_uppercase())
}
