//! IOMMU groups: what goes together, what stands in the way, what the host would lose.
//!
//! A group is handed over as a whole. Linux up to 5.18 asked `vfio_dev_viable` in
//! `drivers/vfio/vfio.c`: each member is without a driver, on vfio-pci or pci-stub, or a bridge.
//! Since 5.19 `iommu_group_claim_dma_owner` in `drivers/iommu/iommu.c` refuses while a member's
//! driver uses the kernel's DMA, which each driver does unless it sets `driver_managed_dma`: vfio-pci
//! with its variants, pci-stub and pcieport, which has the bridges.

use crate::guards::{last_display, lost, severity};
use crate::{Device, Problem, Severity, UseKind};

/// A member because of which a group cannot be handed to a guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocker {
    /// `0000:00:1f.0`.
    pub address: String,
    /// The driver that it is on.
    pub driver: String,
}

impl std::fmt::Display for Blocker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} is on the driver {}", self.address, self.driver)
    }
}

/// The members that keep the group from being handed to a guest now; empty where it is viable.
pub fn blockers(group: u32, devices: &[Device]) -> Vec<Blocker> {
    let members = devices.iter().filter(|d| d.iommu_group == Some(group));
    members
        .filter(|d| !d.bridge && !d.is_kept_for_guests())
        .filter_map(|d| Some((d, d.driver.as_deref()?)))
        .filter(|(_, driver)| *driver != "pcieport")
        .map(|(d, driver)| Blocker { address: d.address.clone(), driver: driver.to_string() })
        .collect()
}

/// The other devices that leave the host together with `device`: all of its group but those
/// that may stay. Empty where the group is not known.
///
/// Bridges stay, and so does what is of the bridge class and has no driver: the host bridges
/// that AMD's processors show beside each root port are no device for a guest.
pub fn companions<'a>(device: &Device, devices: &'a [Device]) -> Vec<&'a Device> {
    let Some(group) = device.iommu_group else { return Vec::new() };
    let stays = |d: &Device| d.bridge || (d.class >> 16 == 0x06 && d.driver.is_none());
    devices
        .iter()
        .filter(|d| d.iommu_group == Some(group) && d.address != device.address && !stays(d))
        .collect()
}

/// What is missing so that the groups of the devices `chosen` (addresses) go whole.
///
/// Codes: `group_incomplete` (error), `group_unknown` (warning: without the IOMMU there are no
/// groups; the other functions of the same slot are named, which go together nearly always).
pub fn group_problems(chosen: &[&str], devices: &[Device]) -> Vec<Problem> {
    let is_chosen = |d: &Device| chosen.contains(&d.address.as_str());
    let mut problems = Vec::new();
    let mut told = Vec::new();
    for device in devices.iter().filter(|d| is_chosen(d)) {
        match device.iommu_group {
            Some(group) if !told.contains(&group) => {
                let left = companions(device, devices);
                let left: Vec<String> = left.into_iter().filter(|d| !is_chosen(d)).map(described).collect();
                if !left.is_empty() {
                    told.push(group);
                    problems.push(incomplete(device, group, &left));
                }
            }
            Some(_) => {}
            None => problems.push(unknown(device, devices, &is_chosen)),
        }
    }
    problems
}

fn incomplete(device: &Device, group: u32, left: &[String]) -> Problem {
    Problem {
        code: "group_incomplete",
        severity: Severity::Error,
        device: Some(device.address.clone()),
        message: format!(
            "{} is in IOMMU group {group}, which goes to a guest as a whole, with {}",
            device.address,
            left.join(", ")
        ),
        hint: "list these devices too, or take them with group: expand; a device in another slot may have a group \
               of its own"
            .to_string(),
    }
}

fn unknown(device: &Device, devices: &[Device], is_chosen: &dyn Fn(&Device) -> bool) -> Problem {
    let same_slot = devices.iter().filter(|d| d.slot() == device.slot() && !d.bridge && !is_chosen(d));
    let others: Vec<String> = same_slot.map(described).collect();
    let others = match others.is_empty() {
        true => String::new(),
        false => format!("; in the same slot there is {}, which most likely goes with it", others.join(", ")),
    };
    Problem {
        code: "group_unknown",
        severity: Severity::Warning,
        device: Some(device.address.clone()),
        message: format!("the IOMMU is off, so the group of {} is not known{others}", device.address),
        hint: "switch the IOMMU on, reboot and run this again".to_string(),
    }
}

/// `0000:01:00.1 (10de:228b, on snd_hda_intel)`.
fn described(device: &Device) -> String {
    match &device.driver {
        Some(driver) => format!("{} ({}, on {driver})", device.address, device.id),
        None => format!("{} ({})", device.address, device.id),
    }
}

/// What the host would lose with the devices `chosen` (addresses) and all that goes with them.
///
/// Codes: `root_disk`, `default_route`, `only_display`, `sriov_active` (errors; the last two are
/// warnings for a device that is kept for guests by now), `swap`, `mount` (warnings).
pub fn guard_devices(chosen: &[&str], devices: &[Device]) -> Vec<Problem> {
    let is_chosen = |d: &Device| chosen.contains(&d.address.as_str());
    // Each device that goes, with the chosen one that it goes with.
    let mut taken: Vec<(&Device, &Device)> =
        devices.iter().filter(|d| is_chosen(d)).map(|d| (d, d)).collect();
    for device in devices.iter().filter(|d| is_chosen(d)) {
        for other in companions(device, devices) {
            if !taken.iter().any(|(known, _)| known.address == other.address) {
                taken.push((other, device));
            }
        }
    }
    let mut problems = Vec::new();
    for (device, with) in &taken {
        problems.extend(uses(device, with));
        problems.extend(sriov(device, with));
    }
    let goes = |d: &Device| taken.iter().any(|(known, _)| known.address == d.address);
    if let Some(lost) = last_display(devices, &goes) {
        let with = taken.iter().find(|(d, _)| d.address == lost.address).map_or(lost, |(_, with)| *with);
        problems.push(only_display(lost, with));
    }
    problems
}

/// What to add to a device's name where the user did not name it.
fn going_with(device: &Device, with: &Device) -> String {
    match device.iommu_group {
        Some(group) if device.address != with.address => {
            format!("{}, which is in IOMMU group {group} with {},", device.address, with.address)
        }
        _ => device.address.clone(),
    }
}

fn uses(device: &Device, with: &Device) -> Vec<Problem> {
    let used = device.uses.iter().filter(|used| used.kind != UseKind::Display);
    used.map(|used| Problem {
        code: used.kind.as_str(),
        severity: severity(used.kind),
        device: Some(device.address.clone()),
        message: format!("{} has {} ({})", going_with(device, with), lost(used.kind), used.what),
        hint: match severity(used.kind) {
            Severity::Error => "leave this device to the host and pass another one",
            Severity::Warning => "make sure that the host can do without it",
        }
        .to_string(),
    })
    .collect()
}

fn sriov(device: &Device, with: &Device) -> Option<Problem> {
    (device.active_vfs > 0).then(|| Problem {
        code: "sriov_active",
        // On vfio-pci already, its virtual functions were made after that, on purpose (`enable_sriov`).
        severity: if device.is_kept_for_guests() { Severity::Warning } else { Severity::Error },
        device: Some(device.address.clone()),
        message: format!(
            "{} is a physical function with {} virtual functions switched on, which would go away with it",
            going_with(device, with),
            device.active_vfs
        ),
        hint: format!(
            "pass its virtual functions, or write 0 to /sys/bus/pci/devices/{}/sriov_numvfs first",
            device.address
        ),
    })
}

fn only_display(device: &Device, with: &Device) -> Problem {
    let name = going_with(device, with);
    let kept = device.is_kept_for_guests();
    Problem {
        code: "only_display",
        severity: if kept { Severity::Warning } else { Severity::Error },
        device: Some(device.address.clone()),
        message: match kept {
            true => format!("{name} is kept for guests, and the host has no other display"),
            false => format!("{name} is a display, and no other one would be left to the host"),
        },
        hint: "make sure that the host can be reached over SSH or a serial console, then use force: true"
            .to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Use;

    fn device(address: &str, class: u32, driver: &str, group: u32) -> Device {
        Device {
            address: address.to_string(),
            id: "10de:1b80".to_string(),
            class,
            bridge: class >> 8 == 0x0604,
            driver: (!driver.is_empty()).then(|| driver.to_string()),
            iommu_group: (group > 0).then_some(group),
            ..Device::default()
        }
    }

    fn codes(problems: &[Problem]) -> Vec<(&str, &str)> {
        problems.iter().map(|p| (p.code, p.device.as_deref().unwrap_or_default())).collect()
    }

    #[test]
    fn viable_as_the_kernel_sees_it() {
        for (class, driver, viable) in [
            (0x030000, "", true),
            (0x030000, "vfio-pci", true),
            (0x020000, "mlx5_vfio_pci", true),
            (0x030000, "pci-stub", true),
            (0x060400, "pcieport", true),
            (0x060400, "shpchp", true),
            (0x060000, "", true),
            (0x060100, "lpc_ich", false),
            (0x030000, "nouveau", false),
        ] {
            let devices =
                [device("0000:01:00.0", class, driver, 1), device("0000:02:00.0", 0x020000, "igb", 2)];
            assert_eq!(blockers(1, &devices).is_empty(), viable, "{class:x} {driver}");
        }
        let devices = [device("0000:00:1f.0", 0x060100, "lpc_ich", 1)];
        assert_eq!(blockers(1, &devices)[0].to_string(), "0000:00:1f.0 is on the driver lpc_ich");
    }

    #[test]
    fn a_group_goes_whole_without_its_bridges() {
        let devices = [
            device("0000:00:03.0", 0x060000, "", 1),
            device("0000:00:03.1", 0x060400, "pcieport", 1),
            device("0000:07:00.0", 0x030000, "amdgpu", 1),
            device("0000:07:00.1", 0x040300, "snd_hda_intel", 1),
            device("0000:08:00.0", 0x020000, "igb", 2),
        ];
        let problems = group_problems(&["0000:07:00.0"], &devices);
        assert_eq!(codes(&problems), [("group_incomplete", "0000:07:00.0")]);
        assert!(
            problems[0].message.ends_with("with 0000:07:00.1 (10de:1b80, on snd_hda_intel)"),
            "{problems:?}"
        );
        assert_eq!(group_problems(&["0000:07:00.0", "0000:07:00.1", "0000:08:00.0"], &devices), []);
    }

    #[test]
    fn without_groups_the_slot_is_named() {
        let devices = [
            device("0000:07:00.0", 0x030000, "amdgpu", 0),
            device("0000:07:00.1", 0x040300, "snd_hda_intel", 0),
            device("0000:07:01.0", 0x020000, "igb", 0),
        ];
        let problems = group_problems(&["0000:07:00.0", "0000:07:01.0"], &devices);
        assert_eq!(codes(&problems), [("group_unknown", "0000:07:00.0"), ("group_unknown", "0000:07:01.0")]);
        assert!(
            problems[0].message.contains("0000:07:00.1 (10de:1b80")
                && problems[0].severity == Severity::Warning
        );
        assert!(!problems[1].message.contains("slot"));
    }

    #[test]
    fn the_whole_group_is_guarded() {
        let used = |kind| Use { kind, what: "x".to_string(), modules: Vec::new() };
        let mut disk = device("0000:03:00.0", 0x010601, "ahci", 1);
        disk.uses = vec![used(UseKind::RootDisk), used(UseKind::Swap)];
        let mut port = device("0000:04:00.0", 0x020000, "igb", 2);
        (port.uses, port.active_vfs) = (vec![used(UseKind::DefaultRoute)], 3);
        let devices = [
            device("0000:01:00.0", 0x030000, "nouveau", 1),
            device("0000:02:00.0", 0x030000, "i915", 3),
            disk,
            port,
        ];
        let problems = guard_devices(&["0000:01:00.0"], &devices);
        assert_eq!(codes(&problems), [("root_disk", "0000:03:00.0"), ("swap", "0000:03:00.0")]);
        assert_eq!(
            problems[0].message,
            "0000:03:00.0, which is in IOMMU group 1 with 0000:01:00.0, has the disk that this host runs from (x)"
        );
        let problems = guard_devices(&["0000:04:00.0"], &devices);
        assert_eq!(codes(&problems), [("default_route", "0000:04:00.0"), ("sriov_active", "0000:04:00.0")]);
        assert_eq!(guard_devices(&["0000:02:00.0"], &devices), [], "another display is left");
        let both = guard_devices(&["0000:01:00.0", "0000:02:00.0"], &devices);
        assert!(both.iter().any(|p| p.code == "only_display" && p.severity == Severity::Error));
    }

    #[test]
    fn a_display_that_is_gone_already_is_only_a_warning() {
        let mut only = device("0000:01:00.0", 0x030000, "vfio-pci", 1);
        only.boot_vga = Some(true);
        let problems = guard_devices(&["0000:01:00.0"], std::slice::from_ref(&only));
        assert_eq!(problems[0].severity, Severity::Warning);
        only.driver = Some("i915".to_string());
        assert_eq!(guard_devices(&["0000:01:00.0"], &[only])[0].severity, Severity::Error);
    }
}
