//! What the kernel shows of the IOMMU: units, groups, interrupt remapping.

use crate::sysfs::Folder;
use crate::{HostError, Root};

const UNITS: &str = "/sys/class/iommu";
const GROUPS: &str = "/sys/kernel/iommu_groups";

/// One IOMMU group: the least that can be handed to a guest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Group {
    /// Its number.
    pub id: u32,
    /// The default domain's type: `DMA`, `DMA-FQ`, `identity`, …; `None` on old kernels.
    pub domain_type: Option<String>,
    /// Its devices' names: PCI addresses, and on some hosts platform devices.
    pub devices: Vec<String>,
    /// Address ranges that a guest cannot use.
    pub reserved_regions: Vec<ReservedRegion>,
}

/// A line of `reserved_regions`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReservedRegion {
    /// First address, as the kernel writes it.
    pub start: String,
    /// Last address.
    pub end: String,
    /// `direct` (an RMRR), `direct-relaxable`, `msi`, `reserved`.
    pub kind: String,
}

/// The IOMMU units' names: `dmar0`, `ivhd0`, `smmu3.0x…`.
pub fn units(root: &Root) -> Result<Vec<String>, HostError> {
    Ok(root.list(UNITS)?.iter().map(|name| name.to_string_lossy().into_owned()).collect())
}

/// The groups by number.
pub fn groups(root: &Root) -> Result<Vec<Group>, HostError> {
    let mut groups = Vec::new();
    for name in root.list(GROUPS)? {
        let Some((name, id)) = name.to_str().and_then(|n| Some((n, n.parse().ok()?))) else { continue };
        let path = format!("{GROUPS}/{name}");
        let Some(folder) = Folder::open(root, &path) else { continue };
        let devices = root.list(&format!("{path}/devices"))?;
        groups.push(Group {
            id,
            domain_type: folder.text("type"),
            devices: devices.iter().map(|name| name.to_string_lossy().into_owned()).collect(),
            reserved_regions: folder.text("reserved_regions").map(|text| regions(&text)).unwrap_or_default(),
        });
    }
    groups.sort_by_key(|group| group.id);
    Ok(groups)
}

fn regions(text: &str) -> Vec<ReservedRegion> {
    let region = |line: &str| {
        let mut words = line.split_whitespace().map(str::to_string);
        Some(ReservedRegion { start: words.next()?, end: words.next()?, kind: words.next()? })
    };
    text.lines().filter_map(region).collect()
}

/// Whether interrupts go through the IOMMU, as `/proc/interrupts` names the chips (`IR-IO-APIC`,
/// `IR-PCI-MSI`). `None` where neither kind of chip is listed, as on Arm and in other trees.
pub fn interrupt_remapping(root: &Root) -> Option<bool> {
    // The I/O APIC comes first. On hundreds of processors each line has thousands of bytes.
    let text = crate::proc::head(root, "/proc/interrupts", 256 << 10)?;
    let has = |chip: &str| text.contains(chip);
    match (has(" IR-IO-APIC") || has(" IR-PCI-MSI"), has(" IO-APIC") || has(" PCI-MSI")) {
        (true, _) => Some(true),
        (false, true) => Some(false),
        (false, false) => None,
    }
}

/// Whether VFIO was told to go without interrupt remapping.
pub fn allows_unsafe_interrupts(root: &Root) -> bool {
    root.text("/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts").as_deref() == Some("Y")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn groups_come_by_number_with_their_regions() {
        let dir = tempfile::tempdir().unwrap();
        for (id, device) in [("10", "0000:00:02.0"), ("9", "0000:00:01.0")] {
            let group = dir.path().join("sys/kernel/iommu_groups").join(id);
            fs::create_dir_all(group.join("devices").join(device)).unwrap();
            fs::write(group.join("type"), "DMA-FQ\n").unwrap();
            fs::write(
                group.join("reserved_regions"),
                "0x00000000fee00000 0x00000000feefffff msi\n0x0000000078000000 0x000000007a7fffff direct-relaxable\n",
            )
            .unwrap();
        }
        let root = Root::open(dir.path()).unwrap();
        let groups = groups(&root).unwrap();
        assert_eq!(groups.iter().map(|g| g.id).collect::<Vec<_>>(), [9, 10]);
        assert_eq!(groups[1].devices, ["0000:00:02.0"]);
        assert_eq!(groups[1].domain_type.as_deref(), Some("DMA-FQ"));
        assert_eq!(groups[0].reserved_regions[1].kind, "direct-relaxable");
        assert_eq!(interrupt_remapping(&root), None);
        for (line, remapped) in [("IR-IO-APIC    2-edge", true), ("IO-APIC   2-edge", false)] {
            fs::create_dir_all(dir.path().join("proc")).unwrap();
            let text = format!("           CPU0\n  0:         10   {line}      timer\n");
            fs::write(dir.path().join("proc/interrupts"), text).unwrap();
            assert_eq!(interrupt_remapping(&root), Some(remapped));
        }
    }
}
