//! The IOMMU, the running kernel, VFIO.

use host::kernels::{self, Kernel, ModuleState};
use host::{Root, firmware, iommu, kernel_config, proc};
use preflight::check::Seen;
use preflight::{IommuDefault, Vendor};

use super::Unread;
use super::boot::Next;

/// Reads it into the evidence.
pub fn observe(root: &Root, next: &Next, host: &mut Seen, unread: &mut Unread) {
    let cpu = proc::cpu(root);
    let running = kernels::running(root);
    let is_running = host.evidence.in_force.is_some();
    if is_running && cpu.is_none() {
        unread.note("/proc/cpuinfo cannot be read", "which processor this is");
    }
    if is_running && running.is_none() {
        unread.note("/proc/sys/kernel/osrelease cannot be read", "which kernel is running");
    }
    let vendor = cpu.as_ref().and_then(|cpu| cpu.vendor);
    let firmware = unread.take(firmware::read(root), "what the firmware announces");
    let groups = unread.take(iommu::groups(root), "which IOMMU groups there are");
    let evidence = &mut host.evidence;
    evidence.vendor = vendor;
    evidence.virtual_machine = cpu.is_some_and(|cpu| cpu.hypervisor);
    let table = |name| firmware.table(name);
    evidence.firmware =
        table("DMAR").map(|_| ["DMAR", "IVRS", "IORT"].into_iter().any(|name| table(name) == Some(true)));
    evidence.units = unread.take(iommu::units(root), "whether an IOMMU is on").len();
    evidence.groups = groups.len();
    let is_on = evidence.units > 0 && evidence.groups > 0;
    evidence.default = default(root, running.as_deref(), next, vendor.filter(|_| !is_on), unread);
    evidence.vfio = running.as_deref().and_then(|release| has_vfio(root, release, unread));
    evidence.interrupt_remapping = iommu::interrupt_remapping(root);
    evidence.unsafe_interrupts = iommu::allows_unsafe_interrupts(root);
    let x86 = matches!(vendor, Some(Vendor::Intel | Vendor::Amd));
    if is_running && is_on && x86 && evidence.interrupt_remapping.is_none() {
        unread.note("/proc/interrupts names no interrupt controller", "whether interrupts are remapped");
    }
    host.unsafe_interrupts = evidence.unsafe_interrupts.then(|| "in the running kernel".to_string());
    for group in groups {
        let kinds = group.reserved_regions.into_iter().map(|region| region.kind).collect();
        host.regions.insert(group.id, kinds);
    }
}

/// The kernel's default, which matters only where the IOMMU is off.
fn default(
    root: &Root,
    running: Option<&str>,
    next: &Next,
    vendor: Option<Vendor>,
    unread: &mut Unread,
) -> Option<IommuDefault> {
    let vendor = vendor?;
    let mut read = |kernel: &Kernel| {
        let default = kernel_config::iommu_default(root, kernel, vendor);
        (kernel.clone(), unread.take(default, "whether the kernel switches the IOMMU on by itself"))
    };
    let kernels: Vec<_> = next.kernels.iter().map(&mut read).collect();
    kernel_config::default_in_force(running, &kernels)
}

/// Whether vfio and vfio-pci are in the kernel or can be loaded.
fn has_vfio(root: &Root, release: &str, unread: &mut Unread) -> Option<bool> {
    const MODULES: [&str; 2] = ["vfio", "vfio_pci"];
    if MODULES.into_iter().all(|name| proc::is_module_live(root, name)) {
        return Some(true);
    }
    let needed = "whether the running kernel has vfio-pci";
    let index = unread.take(kernels::modules(root, release), needed);
    if !index.is_known() {
        let what =
            format!("/lib/modules/{release} has no tables of modules, as after a kernel's removal: reboot");
        unread.note(&what, needed);
        return None;
    }
    Some(MODULES.into_iter().all(|name| index.state(name) != ModuleState::Missing))
}
