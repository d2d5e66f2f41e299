//! Names of vendors, devices and classes from the host's own `pci.ids`, in one pass.

use crate::pci::PciDevice;
use crate::{HostError, Root};

/// Debian, then Fedora and Arch.
const PLACES: [&str; 2] = ["/usr/share/misc/pci.ids", "/usr/share/hwdata/pci.ids"];

/// The names that were found, by what they name: sorted, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    names: Vec<(Key, String)>,
}

/// What has a name, by its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Vendor(u16),
    Device(u16, u16),
    Subsystem(u16, u16, u16, u16),
    Class(u16),
}

impl Names {
    /// The vendor's name.
    pub fn vendor(&self, device: &PciDevice) -> Option<&str> {
        self.get(Key::vendor(device))
    }

    /// The device's name.
    pub fn device(&self, device: &PciDevice) -> Option<&str> {
        self.get(Key::device(device))
    }

    /// The subsystem's name, the board's as a rule.
    pub fn subsystem(&self, device: &PciDevice) -> Option<&str> {
        self.get(Key::subsystem(device))
    }

    /// The name of the class and subclass: `VGA compatible controller`.
    pub fn class(&self, device: &PciDevice) -> Option<&str> {
        self.get(Key::class(device))
    }

    fn get(&self, key: Key) -> Option<&str> {
        let at = self.names.binary_search_by_key(&key, |(key, _)| *key).ok()?;
        self.names.get(at).map(|(_, name)| name.as_str())
    }
}

impl Key {
    fn vendor(device: &PciDevice) -> Key {
        Key::Vendor(device.vendor)
    }

    fn device(device: &PciDevice) -> Key {
        Key::Device(device.vendor, device.device)
    }

    fn subsystem(device: &PciDevice) -> Key {
        Key::Subsystem(device.vendor, device.device, device.subsystem_vendor, device.subsystem_device)
    }

    fn class(device: &PciDevice) -> Key {
        Key::Class(u16::try_from(device.class >> 8).unwrap_or_default())
    }
}

/// Looks the devices up; empty where the host has no pci.ids.
pub fn names(root: &Root, devices: &[PciDevice]) -> Result<Names, HostError> {
    for place in PLACES {
        if let Some(bytes) = root.read_opt(place)? {
            return Ok(parse(&String::from_utf8_lossy(&bytes), devices));
        }
    }
    Ok(Names::default())
}

/// Reads the format described in pci.ids(5): vendors at the margin, devices behind one tab,
/// subsystems behind two; classes behind a `C`.
fn parse(text: &str, devices: &[PciDevice]) -> Names {
    let keys = [Key::vendor, Key::device, Key::subsystem, Key::class];
    let mut wanted: Vec<Key> = devices.iter().flat_map(|device| keys.map(|key| key(device))).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let mut names = Vec::new();
    let mut keep = |key: Key, name: &str| {
        let is_wanted = wanted.binary_search(&key).is_ok();
        if is_wanted {
            names.push((key, name.trim().to_string()));
        }
        is_wanted
    };
    let mut block = Block::Other;
    let mut device = None;
    for line in text.split('\n') {
        if let Some(rest) = line.strip_prefix("\t\t") {
            if let (Block::Vendor(vendor), Some(device)) = (block, device)
                && let Some((sub_vendor, rest)) = number(rest, 4)
                && let Some((sub_device, name)) = number(rest.trim_start(), 4)
            {
                keep(Key::Subsystem(vendor, device, sub_vendor, sub_device), name);
            }
        } else if let Some(rest) = line.strip_prefix('\t') {
            match block {
                Block::Vendor(vendor) => {
                    device = None;
                    if let Some((id, name)) = number(rest, 4)
                        && keep(Key::Device(vendor, id), name)
                    {
                        device = Some(id);
                    }
                }
                Block::Class(base) => {
                    if let Some((sub, name)) = number(rest, 2) {
                        keep(Key::Class(base << 8 | sub), name);
                    }
                }
                Block::Other => {}
            }
        } else if !line.is_empty() && !line.starts_with('#') {
            device = None;
            block = Block::Other;
            if let Some((base, _)) = line.strip_prefix("C ").and_then(|rest| number(rest, 2)) {
                block = Block::Class(base);
            } else if let Some((vendor, name)) = number(line, 4)
                && keep(Key::Vendor(vendor), name)
            {
                block = Block::Vendor(vendor);
            }
        }
    }
    // Of a name that is there twice the last one counts.
    names.reverse();
    names.sort_by_key(|(key, _)| *key);
    names.dedup_by_key(|(key, _)| *key);
    Names { names }
}

#[derive(Clone, Copy)]
enum Block {
    Vendor(u16),
    Class(u16),
    Other,
}

/// A hexadecimal number of so many digits and what follows it.
fn number(text: &str, digits: usize) -> Option<(u16, &str)> {
    let (number, rest) = text.split_at_checked(digits)?;
    Some((u16::from_str_radix(number, 16).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_asked_for_is_kept() {
        let device = PciDevice {
            vendor: 0x10de,
            device: 0x2484,
            subsystem_vendor: 0x1043,
            subsystem_device: 0x87b8,
            class: 0x030000,
            ..PciDevice::default()
        };
        let text = "# comment\n1002  AMD\n\t2484  Wrong vendor\n10de  NVIDIA Corporation\n\t2483  Other\n\
                    \t\t1043 87b8  Wrong device\n\t2484  GA104 [GeForce RTX 3070]\n\t\t1043 87b8  TUF\n\
                    C 03  Display controller\n\t00  VGA compatible controller\n\t\t00  VGA controller\n";
        let names = parse(text, std::slice::from_ref(&device));
        assert_eq!(names.vendor(&device), Some("NVIDIA Corporation"));
        assert_eq!(names.device(&device), Some("GA104 [GeForce RTX 3070]"));
        assert_eq!(names.subsystem(&device), Some("TUF"));
        assert_eq!(names.class(&device), Some("VGA compatible controller"));
        assert_eq!(names.names.len(), 4);
        assert_eq!(parse("", std::slice::from_ref(&device)), Names::default());
        let broken = parse("10de\n\t\u{fffd}484\n\t\té\nC 0é\n", std::slice::from_ref(&device));
        assert_eq!(broken.vendor(&device), Some(""));
    }
}
