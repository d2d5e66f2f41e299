//! Hosts larger than any in the rack, to measure with.

use std::path::Path;

use crate::{Host, Pci};

/// A host with `functions` PCI functions in `groups` IOMMU groups: Intel, IOMMU on, a few dozen
/// different devices, one GRUB file. Functions spread over domains of 256 buses with 8 functions each.
pub fn synthetic(dir: &Path, functions: u32, groups: u32) -> Host {
    let host = Host::new(dir);
    host.cpu("GenuineIntel", "Synthetic", "vmx").cmdline("root=/dev/sda1 ro intel_iommu=on");
    host.acpi_table("DMAR").iommu_unit("dmar0").iommu_unit("dmar1");
    host.kernel("6.8.0-1-fixture", &["drivers/vfio/vfio.ko", "drivers/vfio/pci/vfio-pci.ko"], &[], &[]);
    host.running("6.8.0-1-fixture", &["vfio", "vfio_pci"]);
    host.file("/etc/default/grub", "GRUB_CMDLINE_LINUX_DEFAULT=\"intel_iommu=on\"\n");
    for n in 0..functions {
        let (domain, bus) = (n / 2048, n / 8 % 256);
        let address = format!("{domain:04x}:{bus:02x}:00.{}", n % 8);
        let (device, class, driver) = match n % 4 {
            0 => (0x1572, 0x020000, "i40e"),
            1 => (0x154c, 0x020000, "vfio-pci"),
            2 => (0xa80a, 0x010802, "nvme"),
            _ => (0x0d93, 0x088000, ""),
        };
        let device = device + (n % 32) as u16;
        let mut pci = Pci::new(&address, 0x8086, device, class).group(n % groups.max(1));
        if !driver.is_empty() {
            pci = pci.driver(driver, &driver.replace('-', "_"));
        }
        host.pci(&pci);
    }
    host
}
