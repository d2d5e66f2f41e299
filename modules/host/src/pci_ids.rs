//! Names of vendors, devices and classes from the host's own `pci.ids`, in one pass.

use std::collections::{BTreeMap, BTreeSet};

use crate::pci::PciDevice;
use crate::{HostError, Root};

/// Debian, then Fedora and Arch.
const PLACES: [&str; 2] = ["/usr/share/misc/pci.ids", "/usr/share/hwdata/pci.ids"];

/// The names that were found, by what they name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    vendors: BTreeMap<u16, String>,
    devices: BTreeMap<(u16, u16), String>,
    subsystems: BTreeMap<[u16; 4], String>,
    classes: BTreeMap<u16, String>,
}

impl Names {
    /// The vendor's name.
    pub fn vendor(&self, device: &PciDevice) -> Option<&str> {
        self.vendors.get(&device.vendor).map(String::as_str)
    }

    /// The device's name.
    pub fn device(&self, device: &PciDevice) -> Option<&str> {
        self.devices.get(&(device.vendor, device.device)).map(String::as_str)
    }

    /// The subsystem's name, the board's as a rule.
    pub fn subsystem(&self, device: &PciDevice) -> Option<&str> {
        self.subsystems.get(&subsystem(device)).map(String::as_str)
    }

    /// The name of the class and subclass: `VGA compatible controller`.
    pub fn class(&self, device: &PciDevice) -> Option<&str> {
        self.classes.get(&class(device)).map(String::as_str)
    }
}

fn subsystem(device: &PciDevice) -> [u16; 4] {
    [device.vendor, device.device, device.subsystem_vendor, device.subsystem_device]
}

fn class(device: &PciDevice) -> u16 {
    u16::try_from(device.class >> 8).unwrap_or_default()
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
    let vendors: BTreeSet<u16> = devices.iter().map(|d| d.vendor).collect();
    let ids: BTreeSet<(u16, u16)> = devices.iter().map(|d| (d.vendor, d.device)).collect();
    let subsystems: BTreeSet<[u16; 4]> = devices.iter().map(subsystem).collect();
    let classes: BTreeSet<u16> = devices.iter().map(class).collect();
    let mut names = Names::default();
    let mut block = Block::Other;
    let mut device = None;
    for line in text.split('\n') {
        if let Some(rest) = line.strip_prefix("\t\t") {
            if let (Block::Vendor(vendor), Some(device)) = (block, device)
                && let Some((sub_vendor, rest)) = number(rest, 4)
                && let Some((sub_device, name)) = number(rest.trim_start(), 4)
                && subsystems.contains(&[vendor, device, sub_vendor, sub_device])
            {
                names.subsystems.insert([vendor, device, sub_vendor, sub_device], name.trim().to_string());
            }
        } else if let Some(rest) = line.strip_prefix('\t') {
            match block {
                Block::Vendor(vendor) => {
                    device = None;
                    if let Some((id, name)) = number(rest, 4)
                        && ids.contains(&(vendor, id))
                    {
                        device = Some(id);
                        names.devices.insert((vendor, id), name.trim().to_string());
                    }
                }
                Block::Class(base) => {
                    if let Some((sub, name)) = number(rest, 2)
                        && classes.contains(&(base << 8 | sub))
                    {
                        names.classes.insert(base << 8 | sub, name.trim().to_string());
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
                && vendors.contains(&vendor)
            {
                block = Block::Vendor(vendor);
                names.vendors.insert(vendor, name.trim().to_string());
            }
        }
    }
    names
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
        assert_eq!(
            names.vendors.len() + names.devices.len() + names.subsystems.len() + names.classes.len(),
            4
        );
        assert_eq!(parse("", std::slice::from_ref(&device)), Names::default());
        let broken = parse("10de\n\t\u{fffd}484\n\t\té\nC 0é\n", std::slice::from_ref(&device));
        assert_eq!(broken.vendor(&device), Some(""));
    }
}
