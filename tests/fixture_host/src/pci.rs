//! PCI functions, IOMMU units and groups.

use crate::Host;

/// One PCI function to put on a host.
#[derive(Debug, Clone)]
pub struct Pci {
    address: String,
    under: String,
    id: (u16, u16),
    subsystem: (u16, u16),
    class: u32,
    revision: u8,
    driver: String,
    module: String,
    group: Option<u32>,
    boot_vga: bool,
    reset: String,
    sriov: Option<(u32, u32)>,
    physfn: String,
    numa_node: i32,
}

impl Pci {
    /// A function on the root bus with ids and class code (`0x030000`), without driver and group.
    pub fn new(address: &str, vendor: u16, device: u16, class: u32) -> Pci {
        Pci {
            address: address.to_string(),
            under: String::new(),
            id: (vendor, device),
            subsystem: (vendor, device),
            class,
            revision: 1,
            driver: String::new(),
            module: String::new(),
            group: None,
            boot_vga: false,
            reset: "flr bus".to_string(),
            sriov: None,
            physfn: String::new(),
            numa_node: -1,
        }
    }

    /// The addresses of the bridges above it, from the root down.
    pub fn under(mut self, bridges: &[&str]) -> Pci {
        self.under = bridges.iter().map(|bridge| format!("/{bridge}")).collect();
        self
    }

    /// The bound driver and its module; the module is empty for a driver built in.
    pub fn driver(mut self, driver: &str, module: &str) -> Pci {
        (self.driver, self.module) = (driver.to_string(), module.to_string());
        self
    }

    /// The number of its IOMMU group.
    pub fn group(mut self, group: u32) -> Pci {
        self.group = Some(group);
        self
    }

    /// Subsystem ids.
    pub fn subsystem(mut self, vendor: u16, device: u16) -> Pci {
        self.subsystem = (vendor, device);
        self
    }

    /// The firmware's first display.
    pub fn boot_vga(mut self) -> Pci {
        self.boot_vga = true;
        self
    }

    /// The content of `reset_method`; empty for a function that cannot be reset.
    pub fn reset(mut self, methods: &str) -> Pci {
        self.reset = methods.to_string();
        self
    }

    /// How many virtual functions it may have and has.
    pub fn sriov(mut self, total: u32, active: u32) -> Pci {
        self.sriov = Some((total, active));
        self
    }

    /// Makes it a virtual function of the physical one in the folder `path`.
    pub fn virtual_of(mut self, path: &str) -> Pci {
        self.physfn = path.to_string();
        self
    }

    /// Its NUMA node.
    pub fn numa_node(mut self, node: i32) -> Pci {
        self.numa_node = node;
        self
    }

    /// Its folder on the host.
    pub fn path(&self) -> String {
        let first = self.under.split('/').nth(1).unwrap_or(&self.address);
        let (domain_and_bus, _) = first.rsplit_once(':').expect("an address has a bus");
        format!("/sys/devices/pci{domain_and_bus}{}/{}", self.under, self.address)
    }
}

impl Host {
    /// Adds a PCI function and returns its folder.
    pub fn pci(&self, pci: &Pci) -> String {
        let path = pci.path();
        let Pci { address, id: (vendor, device), subsystem: (sub_vendor, sub_device), class, .. } = pci;
        let modalias = format!(
            "pci:v{vendor:08X}d{device:08X}sv{sub_vendor:08X}sd{sub_device:08X}bc{:02X}sc{:02X}i{:02X}",
            class >> 16,
            class >> 8 & 0xff,
            class & 0xff
        );
        let driver = if pci.driver.is_empty() { String::new() } else { format!("DRIVER={}\n", pci.driver) };
        let uevent = format!(
            "{driver}PCI_CLASS={class:X}\nPCI_ID={vendor:04X}:{device:04X}\n\
             PCI_SUBSYS_ID={sub_vendor:04X}:{sub_device:04X}\nPCI_SLOT_NAME={address}\nMODALIAS={modalias}\n"
        );
        let bridge = class >> 8 == 0x0604;
        for (name, value) in [
            ("uevent", uevent),
            ("vendor", format!("0x{vendor:04x}\n")),
            ("device", format!("0x{device:04x}\n")),
            ("subsystem_vendor", format!("0x{sub_vendor:04x}\n")),
            ("subsystem_device", format!("0x{sub_device:04x}\n")),
            ("class", format!("0x{class:06x}\n")),
            ("revision", format!("0x{:02x}\n", pci.revision)),
            ("modalias", format!("{modalias}\n")),
            ("enable", format!("{}\n", u8::from(!pci.driver.is_empty()))),
            ("numa_node", format!("{}\n", pci.numa_node)),
        ] {
            self.file(&format!("{path}/{name}"), value);
        }
        if !pci.reset.is_empty() {
            self.file(&format!("{path}/reset_method"), format!("{}\n", pci.reset));
        }
        if bridge {
            self.file(&format!("{path}/secondary_bus_number"), "1\n");
        }
        if class >> 8 == 0x0300 {
            self.file(&format!("{path}/boot_vga"), format!("{}\n", u8::from(pci.boot_vga)));
        }
        if let Some((total, active)) = pci.sriov {
            self.file(&format!("{path}/sriov_totalvfs"), format!("{total}\n"));
            self.file(&format!("{path}/sriov_numvfs"), format!("{active}\n"));
        }
        if !pci.physfn.is_empty() {
            self.relative_link(&format!("{path}/physfn"), &pci.physfn);
        }
        self.relative_link(&format!("{path}/subsystem"), "/sys/bus/pci");
        self.relative_link(&format!("/sys/bus/pci/devices/{address}"), &path);
        if !pci.driver.is_empty() {
            self.driver("pci", &path, &pci.driver, &pci.module);
        }
        if let Some(group) = pci.group {
            self.group_member(group, &path);
        }
        path
    }

    /// Gives the PCI function in `path` another driver, or none.
    pub fn rebind(&self, path: &str, driver: &str, module: &str) -> &Host {
        let old =
            std::fs::read_to_string(self.at(&format!("{path}/uevent"))).expect("a PCI function's uevent");
        let kept: String =
            old.lines().filter(|l| !l.starts_with("DRIVER=")).map(|l| format!("{l}\n")).collect();
        if self.at(&format!("{path}/driver")).is_symlink() {
            self.remove(&format!("{path}/driver"));
        }
        if driver.is_empty() {
            return self.file(&format!("{path}/uevent"), kept);
        }
        self.file(&format!("{path}/uevent"), format!("DRIVER={driver}\n{kept}"));
        self.driver("pci", path, driver, module)
    }

    fn group_member(&self, group: u32, device: &str) {
        let folder = format!("/sys/kernel/iommu_groups/{group}");
        let name = device.rsplit('/').next().unwrap_or_default();
        if !self.at(&folder).exists() {
            self.file(&format!("{folder}/type"), "DMA-FQ\n");
            let regions = "0x00000000fee00000 0x00000000feefffff msi\n";
            self.file(&format!("{folder}/reserved_regions"), regions);
        }
        self.relative_link(&format!("{device}/iommu_group"), &folder);
        self.relative_link(&format!("{folder}/devices/{name}"), device);
    }

    /// An IOMMU unit that is on: `dmar0`, `ivhd0`.
    pub fn iommu_unit(&self, name: &str) -> &Host {
        let device = format!("/sys/devices/virtual/iommu/{name}");
        self.folder(&device).relative_link(&format!("/sys/class/iommu/{name}"), &device)
    }

    /// A DRM card or framebuffer on a display controller's folder: `("drm", "card0")`.
    pub fn display(&self, device: &str, class: &str, name: &str) -> &Host {
        let folder = format!("{device}/{class}/{name}");
        self.folder(&folder).relative_link(&format!("/sys/class/{class}/{name}"), &folder);
        self.relative_link(&format!("{folder}/device"), device)
    }

    /// An ACPI table. Its content is not read, so there is none.
    pub fn acpi_table(&self, name: &str) -> &Host {
        self.file(&format!("/sys/firmware/acpi/tables/{name}"), "")
    }
}
