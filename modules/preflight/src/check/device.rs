//! Each device by itself: whether it is the one that is meant, who has it, whether it can be passed.

use super::{Context, Phase, chosen};
use crate::{Device, Problem, Selector};

/// Whether what the task names is there, and is what it expects.
pub(super) fn selected(context: &Context, selectors: &[Selector]) -> Vec<Problem> {
    let devices = &context.seen.devices;
    let mut problems = Vec::new();
    for selector in selectors {
        let meant = chosen(std::slice::from_ref(selector), devices);
        if meant.is_empty() {
            let message =
                format!("no device of this host is '{}'{}", selector.text, moved(selector, devices));
            let hint = "look the device up with lspci -nn: addresses change when cards are added or moved";
            problems.push(context.problem("device_not_found", message, hint));
        }
        for device in meant {
            let Some(expected) = selector.expected.as_ref().filter(|expected| !expected.is(device)) else {
                continue;
            };
            let subsystem = device.subsystem.as_deref().unwrap_or("0000:0000");
            let found = match &expected.subsystem {
                Some(_) => format!("{}:{subsystem}", device.id),
                None => device.id.clone(),
            };
            let message = format!(
                "{} is {found} and not the expected {expected}{}",
                device.address,
                moved(selector, devices)
            );
            let hint = "correct the address: it changed when a card was added or moved";
            problems.push(context.about(device, "device_drifted", message, hint));
        }
    }
    problems
}

/// Where the expected device is by now.
fn moved(selector: &Selector, devices: &[Device]) -> String {
    let Some(expected) = &selector.expected else { return String::new() };
    let now: Vec<&str> = devices.iter().filter(|d| expected.is(d)).map(|d| d.address.as_str()).collect();
    match now.is_empty() {
        true => String::new(),
        false => format!("; {expected} is at {}", now.join(", ")),
    }
}

/// `guarded`: what the host would lose.
pub(super) fn check(context: &Context, guarded: &[Problem]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for device in &context.chosen {
        if device.bridge {
            problems.push(context.about(
                device,
                "device_is_bridge",
                format!("{} is a bridge, which vfio-pci does not take", device.address),
                "list the devices behind it",
            ));
            continue;
        }
        // To say "bind it" of what the host cannot do without would be bad advice.
        let is_needed = guarded.iter().any(|problem| problem.device.as_ref() == Some(&device.address));
        if context.phase == Phase::Ready || !is_needed {
            problems.extend(driver(context, device));
        }
        problems.extend(framebuffer(context, device));
        problems.extend(reset(context, device));
        problems.extend(mapped_by_firmware(context, device));
    }
    problems
}

/// Who has the device, or would have it after the next boot.
fn driver(context: &Context, device: &Device) -> Option<Problem> {
    let seen = context.seen;
    if device.is_kept_for_guests() {
        return None;
    }
    let mut drivers = seen.candidates.get(&device.modalias).cloned().unwrap_or_default();
    // The kernel's own word for what has it now counts too, and comes first.
    drivers.retain(|driver| Some(driver) != device.module.as_ref() && driver != "vfio_pci");
    drivers.splice(0..0, device.module.clone());
    let takes = seen.binding.takes(device);
    let faster = seen.binding.faster(device, &drivers);
    let name = &device.address;
    if takes && faster.is_none() && (context.phase == Phase::Configure || seen.newer_than_boot.is_some()) {
        let newer = seen.newer_than_boot.as_deref().unwrap_or("the binding");
        let message = format!("vfio-pci takes {name} at the next boot: {newer} is newer than this one");
        return Some(context.about(device, "reboot_required", message, "reboot"));
    }
    let mut hint = "bind it with vfio_bind, then run boot_refresh and reboot";
    let why = match (seen.binding.never_loaded(), takes, faster) {
        (Some(place), _, _) => {
            hint = "take that line out, bind it with vfio_bind, then run boot_refresh and reboot";
            format!("{place} keeps vfio-pci from being loaded")
        }
        (None, false, _) => "nothing gives it to vfio-pci".to_string(),
        (None, true, Some(driver)) => format!("{driver} is loaded before vfio-pci"),
        (None, true, None) => "vfio-pci was to take it at boot, and did not".to_string(),
    };
    match (&device.driver, context.phase) {
        (Some(driver), _) => {
            let message = format!("{name} is on the host's driver {driver}: {why}");
            Some(context.about(device, "host_driver_bound", message, hint))
        }
        (None, Phase::Ready) => {
            let message = format!("{name} is on no driver, and so not on vfio-pci: {why}");
            Some(context.about(device, "not_bound", message, hint))
        }
        (None, Phase::Configure) => None,
    }
}

/// Framebuffers on what the firmware left behind. They hold the memory of the boot display, which no
/// driver owns: `efifb`, `vesafb`, `simplefb`, `simpledrm`, `efidrm`, `vesadrm`.
fn framebuffer(context: &Context, device: &Device) -> Option<Problem> {
    let holds = |name: &&String| {
        let name = name.to_ascii_lowercase();
        ["efi", "vesa", "simple"].iter().any(|known| name.starts_with(known))
    };
    let name = context.seen.framebuffers.iter().find(holds).filter(|_| device.boot_vga == Some(true))?;
    Some(context.about(
        device,
        "boot_framebuffer",
        format!("{} is the display that the firmware uses, and the framebuffer '{name}' holds its memory", device.address),
        "make another display the firmware's first one, or add initcall_blacklist=sysfb_init to the kernel's parameters",
    ))
}

fn reset(context: &Context, device: &Device) -> Option<Problem> {
    match &device.reset_methods {
        Some(methods) if methods.is_empty() => Some(context.about(
            device,
            "no_reset",
            format!(
                "{} cannot be reset: a guest that is started again finds it as the last one left it",
                device.address
            ),
            "expect to reboot the host between two starts of a guest with it",
        )),
        Some(_) => None,
        None => Some(context.about(
            device,
            "reset_unknown",
            format!("this kernel does not tell whether {} can be reset", device.address),
            "Linux 5.15 and later tell (reset_method in sysfs)",
        )),
    }
}

/// RMRR, and AMD's unity maps: memory that the firmware wants the device to reach, whoever has it.
/// `direct` is what the kernel calls a region that it never gives up; USB and graphics have
/// `direct-relaxable` (`drivers/iommu/intel/iommu.c`, `device_rmrr_is_relaxable`).
fn mapped_by_firmware(context: &Context, device: &Device) -> Option<Problem> {
    let regions = device.iommu_group.and_then(|group| context.seen.regions.get(&group));
    let direct = regions.is_some_and(|kinds| kinds.iter().any(|kind| kind == "direct"));
    let refused = |line: &&String| {
        line.contains(&device.address)
            && ((line.contains("ineligible") && line.contains("RMRR")) || line.contains("1:1 IOMMU mapping"))
    };
    let line = context.seen.log.iter().find(refused);
    if !direct && line.is_none() {
        return None;
    }
    let said = line.map_or(String::new(), |line| format!("; the kernel says: {line}"));
    Some(context.about(
        device,
        "rmrr",
        format!("the firmware maps memory for {} (RMRR), so the kernel hands it to no guest{said}", device.address),
        "look for a firmware update or setting that gives the mapping up (HPE servers have one for each slot)",
    ))
}

#[cfg(test)]
mod tests {
    use super::super::{Seen, check};
    use super::*;
    use serde_json::json;

    /// The kernel's own words, which name the device that it refused.
    #[test]
    fn the_kernel_log_tells_of_an_rmrr_too() {
        let device = |address: &str| Device {
            address: address.to_string(),
            id: "14e4:1657".to_string(),
            driver: Some("vfio-pci".to_string()),
            iommu_group: Some(7),
            reset_methods: Some(vec!["flr".to_string()]),
            ..Device::default()
        };
        for (line, expected) in [
            (
                "vfio-pci 0000:02:00.0: Device is ineligible for IOMMU domain attach due to platform RMRR requirement.  \
                 Contact your platform vendor.",
                true,
            ),
            (
                "vfio-pci 0000:02:00.0: Firmware has requested this device have a 1:1 IOMMU mapping, rejecting \
                 configuring the device without a 1:1 mapping. Contact your platform vendor.",
                true,
            ),
            ("DMAR: Setting RMRR:", false),
            (
                "vfio-pci 0000:03:00.0: Device is ineligible for IOMMU domain attach due to platform RMRR requirement.",
                false,
            ),
        ] {
            let seen = Seen {
                devices: vec![device("0000:02:00.0")],
                log: vec![line.to_string()],
                ..Seen::default()
            };
            let selectors = [Selector::from_option(&json!("02:00.0")).unwrap()];
            let found = check(&selectors, Phase::Ready, &seen);
            let rmrr = found.iter().find(|problem| problem.code == "rmrr");
            assert_eq!(rmrr.is_some(), expected, "{line}");
            assert!(rmrr.is_none_or(|problem| problem.message.contains("the kernel says")));
        }
    }
}
