//! Whether the IOMMU is on, and VFIO can work with it.

use super::Context;
use crate::{Problem, Reason, verdict};

pub(super) fn check(context: &Context) -> Vec<Problem> {
    let seen = context.seen;
    let mut reasons = verdict(&seen.evidence).reasons;
    if seen.evidence.vfio == Some(false) && !has(&reasons, "vfio_modules_missing") {
        let message = "the running kernel has no vfio-pci".to_string();
        reasons.push(Reason { code: "vfio_modules_missing", message });
    }
    // What this boot lacked does not matter where the next one has it, or where only generating is due.
    if has(&reasons, "not_rebooted") || has(&reasons, "boot_entries_out_of_date") {
        reasons.retain(|reason| !matches!(reason.code, "parameter_missing" | "iommu_disabled_parameter"));
    }
    let mut problems: Vec<Problem> = reasons
        .into_iter()
        .map(|reason| context.problem(reason.code, reason.message, hint(reason.code)))
        .collect();
    if let Some(place) = &seen.unsafe_interrupts {
        problems.push(context.problem(
            "unsafe_interrupts",
            format!("allow_unsafe_interrupts is set ({place}): a guest with a device can forge interrupts of the host"),
            "take it out where the firmware can remap interrupts; keep it only for guests that are trusted",
        ));
    }
    problems
}

fn has(reasons: &[Reason], code: &str) -> bool {
    reasons.iter().any(|reason| reason.code == code)
}

fn hint(code: &str) -> &'static str {
    match code {
        "firmware_off" => {
            "look for VT-d, AMD-Vi, IOMMU or SMMU in the firmware's setup, or in the virtual machine's settings, then reboot"
        }
        "no_boot_loader" => "change the kernel command line where the kernel is started from",
        "parameter_missing" | "iommu_disabled_parameter" => {
            "set the parameters with grub_iommu or systemd_boot_iommu, then reboot"
        }
        "not_rebooted" => "reboot",
        "not_running" => "check again on the running host",
        "no_groups" => "look for DMAR, AMD-Vi or SMMU errors in the kernel log (dmesg)",
        "vfio_modules_missing" => "install a kernel that has vfio and vfio-pci",
        "no_interrupt_remapping" => "update the firmware, or pass no device on this host",
        "wrong_vendor_parameter" => "remove it with grub_iommu or systemd_boot_iommu (remove)",
        "boot_entries_out_of_date" => "run boot_refresh",
        _ => "see the message",
    }
}
