//! Every code, and how bad it is in each phase.

use crate::Severity;

/// What the check is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Before the host is configured: what configuration mends is a warning, what it cannot is an error.
    Configure,
    /// After the reboot: a guest could start now, and could after the next boot.
    Ready,
}

/// A code and its severities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// The stable name.
    pub name: &'static str,
    /// In phase configure.
    pub configure: Severity,
    /// In phase ready.
    pub ready: Severity,
}

const fn error(name: &'static str) -> Code {
    Code { name, configure: Severity::Error, ready: Severity::Error }
}

const fn warning(name: &'static str) -> Code {
    Code { name, configure: Severity::Warning, ready: Severity::Warning }
}

/// What the other modules mend.
const fn mended(name: &'static str) -> Code {
    Code { name, configure: Severity::Warning, ready: Severity::Error }
}

/// All codes: of the whole host first, then of single devices.
pub const CODES: [Code; 43] = [
    error("firmware_off"),
    error("no_boot_loader"),
    error("no_groups"),
    mended("not_running"),
    mended("parameter_missing"),
    mended("iommu_disabled_parameter"),
    mended("not_rebooted"),
    mended("reboot_required"),
    Code { name: "boot_loader_unknown", configure: Severity::Error, ready: Severity::Warning },
    warning("wrong_boot_loader_file"),
    warning("wrong_vendor_parameter"),
    warning("parameter_overridden"),
    warning("parameter_doubled"),
    mended("boot_entries_out_of_date"),
    mended("initramfs_out_of_date"),
    error("vfio_modules_missing"),
    error("no_interrupt_remapping"),
    warning("unsafe_interrupts"),
    warning("config_mistake"),
    warning("leftover_ids"),
    warning("leftover_override"),
    warning("leftover_file"),
    warning("nic_renamed"),
    error("cannot_tell"),
    error("device_not_found"),
    error("device_drifted"),
    error("device_is_bridge"),
    mended("host_driver_bound"),
    error("not_bound"),
    error("group_incomplete"),
    error("group_not_viable"),
    mended("group_unknown"),
    error("identical_devices"),
    error("root_disk"),
    error("default_route"),
    warning("swap"),
    warning("mount"),
    error("only_display"),
    mended("boot_framebuffer"),
    error("sriov_active"),
    warning("no_reset"),
    warning("reset_unknown"),
    error("rmrr"),
];

/// Whether there is such a code.
pub fn is_code(name: &str) -> bool {
    CODES.iter().any(|code| code.name == name)
}

/// How bad the code is in the phase.
pub(super) fn severity(name: &str, phase: Phase) -> Severity {
    let code = CODES.iter().find(|code| code.name == name);
    // A code without an entry would be a mistake here; to stop is the safe side.
    code.map_or(Severity::Error, |code| match phase {
        Phase::Configure => code.configure,
        Phase::Ready => code.ready,
    })
}
