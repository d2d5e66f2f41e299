//! What the verdict is concluded from.

use host::bootloader::Kind;
use host::kernels::{Kernel, ModuleState};
use host::{Root, boot_lines, iommu};
use preflight::Evidence;

use crate::observe::Observed;

/// Everything that `preflight::verdict` wants to know.
pub(crate) fn collect(root: &Root, seen: &Observed) -> Evidence {
    let kind = seen.bootloader.as_ref().map(|loader| loader.kind);
    // Files that this user may not read count as not known.
    let kernels: Vec<Kernel> = seen.kernels.iter().flatten().map(|(kernel, _)| kernel.clone()).collect();
    let lines = seen.bootloader.as_ref().and_then(|loader| boot_lines::read(root, loader, &kernels).ok());
    let lines = lines.unwrap_or_default();
    let table = |name| seen.firmware.table(name);
    let firmware =
        table("DMAR").map(|_| ["DMAR", "IVRS", "IORT"].into_iter().any(|t| table(t) == Some(true)));
    Evidence {
        vendor: seen.cpu.as_ref().and_then(|cpu| cpu.vendor),
        virtual_machine: seen.cpu.as_ref().is_some_and(|cpu| cpu.hypervisor),
        firmware,
        units: seen.units.len(),
        groups: seen.groups.len(),
        in_force: seen.cmdline.as_ref().map(|line| boot_lines::words(line.as_bytes())),
        next_boot: lines.entries.or_else(|| lines.settings.clone().map(|tokens| vec![tokens])),
        settings: lines.settings,
        default: seen.default_on(),
        no_boot_loader: kind == Some(Kind::None),
        vfio: seen.modules.as_ref().map(|index| {
            ["vfio", "vfio_pci"].into_iter().all(|name| index.state(name) != ModuleState::Missing)
        }),
        interrupt_remapping: seen.interrupt_remapping,
        unsafe_interrupts: iommu::allows_unsafe_interrupts(root),
    }
}
