//! Who uses which PCI device: what would be lost if it left the host.

use std::collections::BTreeMap;

use preflight::{Device, Use, UseKind};

use crate::pci::{self, PciDevice};
use crate::proc::{self, Mount};
use crate::{HostError, Root, network, storage};

/// Without one of these file systems the host does not run.
const ESSENTIAL: [&str; 7] = ["/", "/boot", "/boot/efi", "/efi", "/usr", "/var", "/etc"];

/// The uses of each PCI device that has any, by address.
pub fn uses(root: &Root, devices: &[PciDevice]) -> Result<BTreeMap<String, Vec<Use>>, HostError> {
    let mut found = Found { root, devices, uses: BTreeMap::new() };
    let mounts = proc::mounts(root);
    for (target, mount) in visible(&mounts) {
        let kind = match ESSENTIAL.contains(&target) {
            true => UseKind::RootDisk,
            false => UseKind::Mount,
        };
        let ground = storage::under_mount(root, mount, &mounts)?;
        for leaf in &ground.leaves {
            found.add(kind, format!("{target} on {}", leaf.name), &leaf.path);
        }
        if ground.incomplete && kind == UseKind::RootDisk {
            // Which disks they are cannot be told: none of them may be taken by accident.
            for leaf in storage::all_disks(root)? {
                let what =
                    format!("{target} on {} ({}), perhaps on {}", mount.source, mount.fstype, leaf.name);
                found.add(kind, what, &leaf.path);
            }
        }
    }
    for path in proc::swaps(root) {
        for leaf in storage::under_swap(root, &path, &mounts)?.leaves {
            found.add(UseKind::Swap, format!("{path} on {}", leaf.name), &leaf.path);
        }
    }
    for name in proc::default_route_interfaces(root) {
        for (port, path) in network::ports(root, &name)? {
            let what = if port == name { name.clone() } else { format!("{name} over {port}") };
            found.add(UseKind::DefaultRoute, what, &path);
        }
    }
    found.displays()?;
    for uses in found.uses.values_mut() {
        uses.sort();
        uses.dedup();
    }
    Ok(found.uses)
}

/// Every PCI device as the guards of `preflight` want it.
pub fn devices(root: &Root) -> Result<Vec<Device>, HostError> {
    let devices = pci::devices(root)?;
    let mut uses = uses(root, &devices)?;
    let guarded = devices.into_iter().map(|device| Device {
        uses: uses.remove(&device.address).unwrap_or_default(),
        module: device.driver.as_deref().map(|driver| module_of(root, &device.path, driver)),
        id: device.id(),
        subsystem: device.subsystem_id(),
        address: device.address,
        modalias: device.modalias,
        bridge: device.bridge,
        iommu_group: device.iommu_group,
        active_vfs: device.sriov.map_or(0, |sriov| sriov.active),
        physfn: device.physfn,
        reset_methods: device.reset_methods,
        class: device.class,
        driver: device.driver,
        boot_vga: device.boot_vga,
    });
    Ok(guarded.collect())
}

/// One mount a path, the last one, and one path a file system: bind mounts, containers and ZFS
/// datasets show the same disks hundreds of times.
fn visible(mounts: &[Mount]) -> Vec<(&str, &Mount)> {
    let mut last: Vec<(&str, &Mount)> =
        mounts.iter().rev().map(|mount| (mount.target.as_str(), mount)).collect();
    last.sort_by_key(|(target, _)| *target);
    last.dedup_by_key(|(target, _)| *target);
    let mut seen = Vec::new();
    let mut kept = Vec::new();
    for (target, mount) in last {
        let key = match mount.fstype.as_str() {
            "zfs" => ((0, 0), mount.source.split('/').next().unwrap_or_default()),
            "overlay" => ((0, 0), "overlay"),
            _ => (mount.device, mount.source.as_str()),
        };
        let new = !seen.contains(&key);
        if new {
            seen.push(key);
        }
        if new || ESSENTIAL.contains(&target) {
            kept.push((target, mount));
        }
    }
    kept
}

struct Found<'a> {
    root: &'a Root,
    devices: &'a [PciDevice],
    uses: BTreeMap<String, Vec<Use>>,
}

impl Found<'_> {
    /// Notes a use of the PCI functions above `path` in the device tree.
    fn add(&mut self, kind: UseKind, what: String, path: &str) {
        let owners = owners(path);
        if owners.is_empty() {
            return;
        }
        let modules = modules(self.root, path);
        for address in owners {
            let used = Use { kind, what: what.clone(), modules: modules.clone() };
            self.uses.entry(address.to_string()).or_default().push(used);
        }
    }

    fn displays(&mut self) -> Result<(), HostError> {
        for device in self.devices.iter().filter(|d| d.is_display()) {
            let mut shown = Vec::new();
            if device.boot_vga == Some(true) {
                shown.push("boot VGA".to_string());
            }
            for folder in ["drm", "graphics"] {
                let names = self.root.list(&format!("{}/{folder}", device.path))?;
                let names = names.iter().map(|name| name.to_string_lossy().into_owned());
                shown.extend(names.filter(|name| name.starts_with("card") || name.starts_with("fb")));
            }
            if !shown.is_empty() {
                let modules = modules(self.root, &device.path);
                let used = Use { kind: UseKind::Display, what: shown.join(", "), modules };
                self.uses.entry(device.address.clone()).or_default().push(used);
            }
        }
        Ok(())
    }
}

/// The PCI functions that own a device: the one it hangs on, and one that makes a domain of its
/// own for it (Intel VMD). Bridges on the way cannot be passed and do not count.
fn owners(path: &str) -> Vec<&str> {
    let parts: Vec<&str> = path.split('/').collect();
    let last = parts.iter().rposition(|part| pci::is_address(part));
    let owns = |(at, part): (usize, &&str)| {
        pci::is_address(part)
            && (Some(at) == last || parts.get(at + 1).is_some_and(|next| next.starts_with("pci")))
    };
    parts.iter().enumerate().filter(|(at, part)| owns((*at, part))).map(|(_, part)| *part).collect()
}

/// The modules of all drivers from the device up to the root of the device tree, bridges left out.
fn modules(root: &Root, path: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut at = path;
    while at.len() > "/sys/devices".len() {
        if let Some(driver) = root.link(&format!("{at}/driver")) {
            let driver = driver.to_string_lossy().into_owned();
            let module = module_of(root, at, driver.rsplit('/').next().unwrap_or_default());
            if module != "pcieport" && !found.contains(&module) {
                found.push(module);
            }
        }
        at = at.rsplit_once('/').map(|(parent, _)| parent).unwrap_or_default();
    }
    found
}

/// The module that a bound driver comes from; the driver's own name where the kernel does not
/// say, as for built-in ones.
fn module_of(root: &Root, device: &str, driver: &str) -> String {
    let link =
        root.link(&format!("{device}/driver/module")).map(|target| target.to_string_lossy().into_owned());
    match link.as_deref().and_then(|target| target.rsplit('/').next()) {
        Some(module) => module.to_string(),
        None => driver.replace('-', "_"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_is_the_function_a_device_hangs_on() {
        for (path, expected) in [
            ("/sys/devices/pci0000:00/0000:00:1d.0/0000:03:00.0/nvme/nvme0/nvme0n1", &["0000:03:00.0"][..]),
            ("/sys/devices/pci0000:00/0000:00:14.0/usb1/1-1/1-1:1.0/net/eth0", &["0000:00:14.0"]),
            (
                "/sys/devices/pci0000:00/0000:00:0e.0/pci10000:e0/10000:e0:06.0/10000:e1:00.0/nvme/nvme0",
                &["0000:00:0e.0", "10000:e1:00.0"],
            ),
            ("/sys/devices/virtual/block/dm-0", &[]),
            ("/sys/devices/platform/soc/mmc0/block/mmcblk0", &[]),
        ] {
            assert_eq!(owners(path), expected, "{path}");
        }
    }
}
