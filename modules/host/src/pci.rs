//! The PCI functions that sysfs shows.
//!
//! Attributes as in the kernel's Documentation/ABI/testing/sysfs-bus-pci. Configuration space is
//! not read: that would wake a sleeping device.

use crate::sysfs::{Folder, device_path};
use crate::{HostError, Root};

const DEVICES: &str = "/sys/bus/pci/devices";

/// One PCI function.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PciDevice {
    /// `0000:01:00.0`: domain, bus, device, function, hexadecimal.
    pub address: String,
    /// Its folder (`/sys/devices/pci0000:00/…`), whose parents are the bridges above it.
    pub path: String,
    /// Vendor id.
    pub vendor: u16,
    /// Device id.
    pub device: u16,
    /// Subsystem vendor id; 0 where the function has none.
    pub subsystem_vendor: u16,
    /// Subsystem device id; 0 where the function has none.
    pub subsystem_device: u16,
    /// Class code, 24 bits: base class, subclass, programming interface (`0x030000`).
    pub class: u32,
    /// Revision.
    pub revision: Option<u8>,
    /// The driver bound to it.
    pub driver: Option<String>,
    /// What modprobe looks a driver up by.
    pub modalias: String,
    /// The number of its IOMMU group.
    pub iommu_group: Option<u32>,
    /// Whether the firmware used it as the first display; `None` for what is no display.
    pub boot_vga: Option<bool>,
    /// The NUMA node; `None` where the firmware names none.
    pub numa_node: Option<i32>,
    /// How the function can be reset, best first; empty where it cannot. `None` before Linux 5.15,
    /// whose sysfs does not tell.
    pub reset_methods: Option<Vec<String>>,
    /// SR-IOV, where the function has it.
    pub sriov: Option<Sriov>,
    /// The physical function, where this is a virtual one.
    pub physfn: Option<String>,
    /// Whether it is a PCI-to-PCI or CardBus bridge (header type 1 or 2).
    pub bridge: bool,
    /// Whether a driver has enabled it.
    pub enabled: Option<bool>,
}

/// How many virtual functions a physical function has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sriov {
    /// `sriov_totalvfs`
    pub total: u32,
    /// `sriov_numvfs`
    pub active: u32,
}

impl PciDevice {
    /// `10de:1b80`, as `lspci -n` and `vfio-pci.ids` have it.
    pub fn id(&self) -> String {
        format!("{:04x}:{:04x}", self.vendor, self.device)
    }

    /// `1043:87b8`, the subsystem; `None` where the function has none.
    pub fn subsystem_id(&self) -> Option<String> {
        let (vendor, device) = (self.subsystem_vendor, self.subsystem_device);
        ((vendor, device) != (0, 0)).then(|| format!("{vendor:04x}:{device:04x}"))
    }

    /// Whether it is a display controller (base class 0x03).
    pub fn is_display(&self) -> bool {
        self.class >> 16 == 0x03
    }
}

/// Every PCI function, by address; empty where there is no PCI.
pub fn devices(root: &Root) -> Result<Vec<PciDevice>, HostError> {
    let mut devices = Vec::new();
    let Some(links) = Folder::open(root, DEVICES) else { return Ok(devices) };
    for name in root.list(DEVICES)? {
        let Some(address) = name.to_str().filter(|name| is_address(name)) else { continue };
        let target = links.link(address).and_then(|target| device_path(&target));
        let path = target.unwrap_or_else(|| format!("{DEVICES}/{address}"));
        // A device may be unplugged while the list is read.
        if let Some(folder) = Folder::open(root, &path) {
            devices.extend(device(&folder, address, path));
        }
    }
    let tells_resets = devices.iter().any(|d| d.reset_methods.is_some());
    for device in devices.iter_mut().filter(|_| tells_resets) {
        // The kernel hides the attribute of a function that cannot be reset.
        device.reset_methods.get_or_insert_default();
    }
    Ok(devices)
}

fn device(folder: &Folder, address: &str, path: String) -> Option<PciDevice> {
    let mut found = PciDevice { address: address.to_string(), path, ..PciDevice::default() };
    // One attribute has nearly all of it.
    let uevent = folder.text("uevent").unwrap_or_default();
    for (key, value) in uevent.lines().filter_map(|line| line.split_once('=')) {
        match key {
            "DRIVER" => found.driver = Some(value.to_string()),
            "PCI_CLASS" => found.class = u32::from_str_radix(value, 16).ok()?,
            "PCI_ID" => (found.vendor, found.device) = pair(value)?,
            "PCI_SUBSYS_ID" => (found.subsystem_vendor, found.subsystem_device) = pair(value)?,
            "MODALIAS" => found.modalias = value.to_string(),
            _ => {}
        }
    }
    if found.vendor == 0 {
        let id = |name: &str| folder.hex(name).and_then(|id| u16::try_from(id).ok());
        (found.vendor, found.device) = (id("vendor")?, id("device")?);
        found.subsystem_vendor = id("subsystem_vendor").unwrap_or_default();
        found.subsystem_device = id("subsystem_device").unwrap_or_default();
        found.class = folder.hex("class").unwrap_or_default();
        found.modalias = folder.text("modalias").unwrap_or_default();
        found.driver = folder.link_name("driver");
    }
    found.revision = folder.hex("revision").and_then(|r| u8::try_from(r).ok());
    found.iommu_group = folder.link_name("iommu_group").and_then(|group| group.parse().ok());
    found.numa_node = folder.number("numa_node").filter(|node| *node >= 0);
    found.enabled = folder.number::<u32>("enable").map(|count| count > 0);
    let resets = folder.text("reset_method");
    found.reset_methods = resets.map(|text| text.split_whitespace().map(str::to_string).collect());
    match found.class >> 16 {
        0x03 => found.boot_vga = folder.number::<u32>("boot_vga").map(|flag| flag == 1),
        // Only functions with a header of type 1 or 2 have this attribute.
        0x06 => found.bridge = folder.has("secondary_bus_number"),
        _ => {}
    }
    if !found.bridge {
        let total = folder.number("sriov_totalvfs").filter(|total| *total > 0);
        found.sriov =
            total.map(|total| Sriov { total, active: folder.number("sriov_numvfs").unwrap_or_default() });
        found.physfn = folder.link_name("physfn");
    }
    Some(found)
}

fn pair(text: &str) -> Option<(u16, u16)> {
    let (a, b) = text.split_once(':')?;
    Some((u16::from_str_radix(a, 16).ok()?, u16::from_str_radix(b, 16).ok()?))
}

/// Whether a name is a PCI address: `0000:01:00.0`; a domain made by the kernel has more digits.
pub fn is_address(name: &str) -> bool {
    let hex = |text: &str, least: usize, most: usize| {
        (least..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit())
    };
    let mut parts = name.split(':');
    let (Some(domain), Some(bus), Some(rest), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let Some((device, function)) = rest.split_once('.') else { return false };
    hex(domain, 4, 8) && hex(bus, 2, 2) && hex(device, 2, 2) && matches!(function.as_bytes(), [b'0'..=b'7'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for name in ["0000:00:00.0", "10000:e0:06.0", "ffff:ff:1f.7"] {
            assert!(is_address(name), "{name}");
        }
        for name in
            ["", "0000:00:00", "00:00.0", "0000:00:00.8", "pci0000:00", "0000:00:00.0:x", "0000:0g:00.0"]
        {
            assert!(!is_address(name), "{name}");
        }
    }

    #[test]
    fn this_machine_agrees_with_a_plain_count() {
        let root = Root::open(std::path::Path::new("/")).unwrap();
        let expected = std::fs::read_dir(DEVICES).map(|dir| dir.count()).unwrap_or_default();
        let devices = devices(&root).unwrap();
        assert_eq!(devices.len(), expected);
        assert!(devices.iter().all(|d| d.vendor != 0 && d.path.starts_with("/sys/devices/")));
    }
}
