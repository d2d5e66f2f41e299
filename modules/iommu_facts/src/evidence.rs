//! What the verdict is concluded from.

use config_text::grub_cfg::{self, Entry};
use config_text::kernel_cmdline;
use host::bootloader::Kind;
use host::grub::{self, Grub};
use host::kernels::{Kernel, ModuleState};
use host::{Root, bls, esp, iommu, next_boot};
use preflight::Evidence;

use crate::observe::Observed;

/// Everything that `preflight::verdict` wants to know.
pub(crate) fn collect(root: &Root, seen: &Observed) -> Evidence {
    let kind = seen.bootloader.as_ref().map(|loader| loader.kind);
    // Files that this user may not read count as not known.
    let grub = (kind == Some(Kind::Grub)).then(|| grub::observe(root, "/etc/default/grub").ok()).flatten();
    let entries = entries(root, grub.as_ref(), seen);
    let settings = match kind {
        Some(Kind::SystemdBoot) => {
            let proxmox = seen.bootloader.as_ref().is_some_and(|loader| loader.proxmox_boot_tool);
            next_boot::of_kernel_cmdline(root, proxmox).ok().flatten()
        }
        _ => grub.as_ref().and_then(next_boot::of_grub),
    };
    let settings = settings.map(|line| tokens(&line));
    let table = |name| seen.firmware.table(name);
    let firmware =
        table("DMAR").map(|_| ["DMAR", "IVRS", "IORT"].into_iter().any(|t| table(t) == Some(true)));
    Evidence {
        vendor: seen.cpu.as_ref().and_then(|cpu| cpu.vendor),
        virtual_machine: seen.cpu.as_ref().is_some_and(|cpu| cpu.hypervisor),
        firmware,
        units: seen.units.len(),
        groups: seen.groups.len(),
        in_force: seen.cmdline.as_ref().map(|line| tokens(line.as_bytes())),
        next_boot: entries.or_else(|| settings.clone().map(|tokens| vec![tokens])),
        settings,
        default: seen.default_on(),
        no_boot_loader: kind == Some(Kind::None),
        vfio: seen.modules.as_ref().map(|index| {
            ["vfio", "vfio_pci"].into_iter().all(|name| index.state(name) != ModuleState::Missing)
        }),
        interrupt_remapping: seen.interrupt_remapping,
        unsafe_interrupts: iommu::allows_unsafe_interrupts(root),
    }
}

fn tokens(line: &[u8]) -> Vec<String> {
    let tokens = kernel_cmdline::tokens(line);
    tokens.iter().map(|token| String::from_utf8_lossy(token.raw).into_owned()).collect()
}

/// What the entries of the installed kernels carry, recovery left out. `None` where they cannot be read.
fn entries(root: &Root, grub: Option<&Grub>, seen: &Observed) -> Option<Vec<Vec<String>>> {
    let loader = seen.bootloader.as_ref()?;
    let kernels: Vec<Kernel> =
        seen.kernels.as_deref().unwrap_or_default().iter().map(|(kernel, _)| kernel.clone()).collect();
    let found: Vec<Entry> = match loader.kind {
        Kind::SystemdBoot => esp::observe(root).ok()?.entries(&kernels),
        Kind::Grub if loader.proxmox_boot_tool => esp::observe(root).ok()?.entries(&kernels),
        Kind::Grub if loader.bls => bls::read(root).ok()?.entries(&kernels),
        _ => grub_cfg::entries(grub?.config.as_deref()?),
    };
    let installed = |release: &str| kernels.iter().any(|kernel| kernel.entry_name() == release);
    let entries: Vec<_> = found
        .iter()
        .filter(|entry| !entry.recovery && entry.release.as_deref().is_some_and(installed))
        .map(|entry| tokens(&entry.arguments))
        .collect();
    (!entries.is_empty()).then_some(entries)
}
