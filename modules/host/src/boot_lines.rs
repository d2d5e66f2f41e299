//! The kernel command lines of the next boots: what is set, and what the boot entries carry.

use config_text::grub_cfg::{self, Entry};
use config_text::kernel_cmdline_file::{self, Fault, Reader};
use config_text::{boot_entry, grub_default, kernel_cmdline as cmdline};

use crate::bootloader::{Bootloader, Kind};
use crate::grub::{self, Grub};
use crate::kernels::Kernel;
use crate::{HostError, Root, bls, esp, kernel_cmdline, next_boot, proc};

/// What is known of the next boots.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BootLines {
    /// The tokens that the loader's settings amount to; `None` where there are none or code computes them.
    pub settings: Option<Vec<String>>,
    /// The tokens of each entry of an installed kernel, recovery left out; `None` where there are none, or
    /// none can be read.
    pub entries: Option<Vec<Vec<String>>>,
    /// Why the entries are not what the settings amount to.
    pub stale: Option<String>,
    /// What keeps the settings or some of the entries from being read.
    pub faults: Vec<String>,
    /// GRUB's files; `None` on a host of another loader.
    pub grub: Option<Grub>,
    /// Mistakes in `/etc/kernel/cmdline`, where the entries are made from it.
    pub mistakes: Vec<Fault>,
}

/// Reads what the loader `loader` boots next.
pub fn read(root: &Root, loader: &Bootloader, kernels: &[Kernel]) -> Result<BootLines, HostError> {
    match loader.kind {
        Kind::Grub => of_grub(root, loader, kernels),
        Kind::SystemdBoot => of_systemd_boot(root, loader, kernels),
        Kind::None | Kind::Unknown => Ok(BootLines::default()),
    }
}

fn of_grub(root: &Root, loader: &Bootloader, kernels: &[Kernel]) -> Result<BootLines, HostError> {
    let mut lines = BootLines::default();
    let grub = grub::observe(root, "/etc/default/grub")?;
    let mut configured = None;
    if !grub.files.is_empty() {
        match grub_default::effective(&grub.settings()) {
            Ok(effective) => configured = effective.cmdline,
            Err(refusal) => lines.faults.push(refusal.to_string()),
        }
    }
    lines.settings = configured.as_deref().map(words);
    let configured = configured.as_deref().map(grub_cfg::as_arguments);
    let bls = if loader.bls && !loader.proxmox_boot_tool { bls::read(root)? } else { bls::Bls::default() };
    if loader.proxmox_boot_tool {
        let found = esp::observe(root)?;
        lines.stale = found.stale(kernels, configured.as_deref(), false);
        lines.entries = carried(&found.entries(kernels), kernels);
        lines.faults.extend(found.faults);
    } else if !bls.files.is_empty() {
        let found = bls.entries(kernels);
        let stale = |line: Vec<u8>| boot_entry::stale_parameters(&found, &names(kernels), &line);
        lines.stale = configured.and_then(stale);
        lines.entries = carried(&found, kernels);
    } else if let Some(config) = &grub.config {
        let found = grub_cfg::entries(config);
        lines.entries = carried(&found, kernels);
        lines.stale = match (&configured, &grub.newer) {
            (Some(line), _) => boot_entry::stale(&found, &names(kernels), Some(line)),
            (None, Some(newer)) if lines.faults.is_empty() => {
                Some(format!("{newer} is newer than {}", grub.output()))
            }
            _ => None,
        };
    }
    lines.grub = Some(grub);
    Ok(lines)
}

fn of_systemd_boot(root: &Root, loader: &Bootloader, kernels: &[Kernel]) -> Result<BootLines, HostError> {
    let reader = if loader.proxmox_boot_tool { Reader::ProxmoxBootTool } else { Reader::KernelInstall };
    let configured = next_boot::of_kernel_cmdline(root, loader.proxmox_boot_tool)?;
    let found = esp::observe(root)?;
    let text = root.read_opt(kernel_cmdline::PATH)?;
    let running = proc::cmdline(root);
    let faults = |text: &Vec<u8>| kernel_cmdline_file::faults(text, reader, running.as_deref());
    let mistakes = text.as_ref().map(faults).unwrap_or_default();
    Ok(BootLines {
        settings: configured.as_deref().map(words),
        stale: found.stale(kernels, configured.as_deref(), false),
        entries: carried(&found.entries(kernels), kernels),
        faults: found.faults,
        grub: None,
        mistakes: mistakes.into_iter().filter(|fault| !fault.is_harmless()).collect(),
    })
}

fn names(kernels: &[Kernel]) -> Vec<String> {
    kernels.iter().map(|kernel| kernel.entry_name().to_string()).collect()
}

/// What the entries of the installed kernels carry, recovery left out.
fn carried(entries: &[Entry], kernels: &[Kernel]) -> Option<Vec<Vec<String>>> {
    let installed = |release: &str| kernels.iter().any(|kernel| kernel.entry_name() == release);
    let ours = entries.iter().filter(|e| !e.recovery && e.release.as_deref().is_some_and(installed));
    let lines: Vec<_> = ours.map(|entry| words(&entry.arguments)).collect();
    (!lines.is_empty()).then_some(lines)
}

/// The tokens of a command line as text.
pub fn words(line: &[u8]) -> Vec<String> {
    let tokens = cmdline::tokens(line);
    tokens.iter().map(|token| String::from_utf8_lossy(token.raw).into_owned()).collect()
}
