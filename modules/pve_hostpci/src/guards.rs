//! What stands against an entry: what Proxmox VE or QEMU refuses when the machine starts, what
//! another machine has, what the host would lose.

use config_text::qemu_server_conf::{Conf, Device, HostId};
use preflight::{Problem, Severity};

use crate::choice::{alternatives, functions, overlap};
use crate::machine::Entry;
use crate::observe::{Observed, RomFile};
use crate::wish::ROM_FILES;

/// Every finding about `entry` in the machine with the configuration `conf`, whose other entries
/// are `others`.
pub fn problems(vmid: u32, entry: &Entry, others: &[&Entry], conf: &Conf, seen: &Observed) -> Vec<Problem> {
    let Some(device) = entry.device() else { return Vec::new() };
    let mut found = Found { problems: Vec::new(), about: about(&device, seen) };
    found.existence(&device, seen);
    found.start(vmid, entry, others, conf, seen);
    found.other_machines(vmid, entry, &device, seen);
    // A mediated device stays with its driver on the host.
    if !entry.is_mediated() {
        let addresses = addresses(&device, seen);
        let chosen: Vec<&str> = addresses.iter().map(String::as_str).collect();
        found.problems.extend(preflight::guard_devices(&chosen, &seen.devices));
    }
    found.problems
}

/// A machine that starts at boot takes the host down at each boot, if its device can.
pub fn starts_at_boot(vmid: u32) -> Problem {
    Problem {
        code: "onboot_enabled",
        severity: Severity::Warning,
        device: None,
        message: format!(
            "machine {vmid} starts at boot, so a device that takes the host down does so at every boot"
        ),
        hint: "use onboot: off until the machine has started well by hand".to_string(),
    }
}

/// The addresses of all functions that the machine may get.
fn addresses(device: &Device, seen: &Observed) -> Vec<String> {
    alternatives(device, seen).iter().flatten().map(HostId::to_string).collect()
}

/// The address for findings about the whole entry.
fn about(device: &Device, seen: &Observed) -> Option<String> {
    match device {
        Device::Host(ids) => ids.first().map(HostId::to_string),
        Device::Mapping(_) => functions(device, seen).first().map(HostId::to_string),
    }
}

struct Found {
    problems: Vec<Problem>,
    about: Option<String>,
}

impl Found {
    fn add(&mut self, code: &'static str, severity: Severity, message: String, hint: impl Into<String>) {
        let device = self.about.clone();
        self.problems.push(Problem { code, severity, device, message, hint: hint.into() });
    }

    /// The device must be on this host.
    fn existence(&mut self, device: &Device, seen: &Observed) {
        self.bridges(device, seen);
        if let Device::Mapping(name) = device {
            return self.mapping(name, seen);
        }
        if seen.devices.is_empty() {
            return;
        }
        for id in alternatives(device, seen).iter().flatten() {
            if !seen.devices.iter().any(|device| id.covers(&device.address)) {
                self.about = Some(id.to_string());
                self.add(
                    "device_not_found",
                    Severity::Error,
                    format!("this host has no PCI device {id}"),
                    "look the address up with lspci -D; it may change when a card is added or taken out",
                );
            }
        }
    }

    /// vfio-pci refuses to take a bridge, so that QEMU gets none.
    fn bridges(&mut self, device: &Device, seen: &Observed) {
        let wanted = alternatives(device, seen);
        let is_wanted = |address: &str| wanted.iter().flatten().any(|id| id.covers(address));
        for bridge in seen.devices.iter().filter(|device| device.bridge && is_wanted(&device.address)) {
            self.problems.push(Problem {
                code: "device_is_bridge",
                severity: Severity::Error,
                device: Some(bridge.address.clone()),
                message: format!("{} is a bridge, which vfio-pci does not take", bridge.address),
                hint: "give the devices behind it".to_string(),
            });
        }
    }

    fn mapping(&mut self, name: &str, seen: &Observed) {
        let hint = "add it in the web interface under Datacenter, Resource Mappings";
        let mappings = match &seen.mappings {
            Some(mappings) => mappings.as_slice(),
            // Without qm it cannot be told whether the file is only not here.
            None if !seen.qm => return,
            None => &[],
        };
        let Some(mapping) = mappings.iter().find(|mapping| mapping.name == name) else {
            let message = format!("/etc/pve/mapping/pci.cfg has no mapping {name}");
            return self.add("mapping_not_found", Severity::Error, message, hint);
        };
        if let Some(node) = seen.node.as_deref().filter(|node| mapping.on_node(node).next().is_none()) {
            let message = format!("the mapping {name} has no device on this node, {node}");
            self.add("mapping_not_found", Severity::Error, message, hint);
        }
    }

    /// What `parse_hostpci_devices` in PVE::QemuServer::PCI, or QEMU, refuses at the start.
    fn start(&mut self, vmid: u32, entry: &Entry, others: &[&Entry], conf: &Conf, seen: &Observed) {
        let error = Severity::Error;
        let q35 = is_q35(conf.at_next_start("machine").as_deref());
        if entry.value.is_on("pcie", false) && !q35 {
            self.add(
                "pcie_needs_q35",
                error,
                format!("pcie needs the machine type q35, which machine {vmid} does not have"),
                format!("use qm set {vmid} --machine q35 (a guest may need new drivers), or leave pcie out"),
            );
        }
        if entry.value.is_on("x-vga", false) {
            for other in others.iter().filter(|other| other.value.is_on("x-vga", false)) {
                self.add(
                    "x_vga_twice",
                    Severity::Warning,
                    format!(
                        "{} and {} both have x-vga, and a machine has one primary GPU",
                        other.key(),
                        entry.key()
                    ),
                    "leave x_vga on for one of them",
                );
            }
        }
        if entry.value.is_on("legacy-igd", false) {
            for message in legacy_igd(entry, others, conf, q35, seen) {
                self.add("legacy_igd", error, message, "see legacy-igd in the manual page of qm");
            }
        }
        let romfile = entry.value.get("romfile").unwrap_or_default();
        match seen.romfile {
            RomFile::Fine => {}
            RomFile::Missing => self.add(
                "romfile_missing",
                error,
                format!("{ROM_FILES}/{romfile} is missing, and QEMU would not start without it"),
                format!("copy the file into {ROM_FILES} on the node"),
            ),
            RomFile::NoFolder => self.add(
                "romfile_missing",
                Severity::Warning,
                format!("there is no {ROM_FILES} here, so {romfile} cannot be looked for"),
                format!("make sure that {ROM_FILES}/{romfile} is there when the machine starts"),
            ),
        }
        let functions = functions_of(entry, seen);
        if entry.is_mediated() && functions > 1 {
            self.add(
                "mdev_functions",
                error,
                format!("mdev needs one function, and this entry names {functions}"),
                "give the function that has the types of mediated devices, such as 0000:00:02.0",
            );
        }
    }

    /// One device, two machines: they can never run together.
    fn other_machines(&mut self, vmid: u32, entry: &Entry, device: &Device, seen: &Observed) {
        for other in &seen.others {
            let held = other.entries().into_iter().find(|held| {
                let shares = held.device().is_some_and(|held| overlap(device, &held, seen));
                shares && !(held.is_mediated() && entry.is_mediated())
            });
            let Some(held) = held else { continue };
            let (severity, runs) = match other.running {
                true => (Severity::Error, ", which runs and holds the device now"),
                false => (Severity::Warning, ""),
            };
            self.add(
                "device_in_other_vm",
                severity,
                format!(
                    "machine {} has the device as {}{runs}; the two can never run together",
                    other.vmid,
                    held.key()
                ),
                format!(
                    "take it out of machine {}, or never start it together with machine {vmid}",
                    other.vmid
                ),
            );
        }
    }
}

fn functions_of(entry: &Entry, seen: &Observed) -> usize {
    let device = entry.device();
    device
        .map(|device| alternatives(&device, seen))
        .unwrap_or_default()
        .iter()
        .map(Vec::len)
        .max()
        .unwrap_or(0)
}

/// Whether the value of `machine` is a q35: `machine_type_is_q35` in PVE::QemuServer::Machine.
fn is_q35(machine: Option<&str>) -> bool {
    let mut parts = machine.unwrap_or_default().split(',');
    let kind = parts.find_map(|part| match part.split_once('=') {
        None => Some(part),
        Some(("type", kind)) => Some(kind),
        Some(_) => None,
    });
    kind.is_some_and(|kind| kind.contains("q35"))
}

fn legacy_igd(entry: &Entry, others: &[&Entry], conf: &Conf, q35: bool, seen: &Observed) -> Vec<String> {
    let value = &entry.value;
    let vga = conf.at_next_start("vga");
    let at_2_0 = |device: Device| {
        let functions = alternatives(&device, seen);
        functions.iter().flatten().next().is_none_or(|id| id.device == 2 && id.function == Some(0))
    };
    let checks = [
        (
            others.iter().any(|other| other.value.is_on("legacy-igd", false)),
            "only one device of a machine can have it",
        ),
        (vga.as_deref() != Some("none"), "it needs vga: none"),
        (!value.is_on("rombar", true), "it needs rombar"),
        (value.is_on("x-vga", false), "it does not go with x_vga"),
        (entry.is_mediated(), "it does not go with mdev"),
        (q35, "it does not go with the machine type q35"),
        (functions_of(entry, seen) > 1, "it takes one function alone"),
        (!entry.device().is_some_and(at_2_0), "it is for the device 00:02.0 alone"),
    ];
    let broken = checks.into_iter().filter(|(broken, _)| *broken);
    broken.map(|(_, what)| format!("legacy_igd: {what}")).collect()
}

#[cfg(test)]
mod tests {
    use super::is_q35;

    #[test]
    fn machine_types() {
        for machine in ["q35", "pc-q35-5.2", "pc-q35-9.2+pve1", "type=q35,viommu=intel", "viommu=intel,q35"] {
            assert!(is_q35(Some(machine)), "{machine}");
        }
        for machine in ["pc", "pc-i440fx-5.2", "viommu=virtio", ""] {
            assert!(!is_q35(Some(machine)), "{machine}");
        }
        assert!(!is_q35(None));
    }
}
