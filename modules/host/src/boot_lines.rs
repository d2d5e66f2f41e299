//! The kernel command lines of the next boots: what is set, and what the generated entries carry.

use config_text::{boot_entry, grub_cfg, grub_default, kernel_cmdline};

use crate::bootloader::{Bootloader, Kind};
use crate::grub::{self, Grub};
use crate::kernels::Kernel;
use crate::{HostError, Root};

/// Where systemd-boot's hosts keep the command line.
pub const KERNEL_CMDLINE: &str = "/etc/kernel/cmdline";

/// What is known of the next boots.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BootLines {
    /// The tokens that the loader's settings amount to; `None` where there are none or code computes them.
    pub settings: Option<Vec<String>>,
    /// The tokens of each generated entry of an installed kernel, recovery left out; `None` where this
    /// loader's entries are not read here (proxmox-boot-tool, BLS, systemd-boot), or there are none.
    pub entries: Option<Vec<Vec<String>>>,
    /// Why those entries are not what the settings amount to.
    pub stale: Option<String>,
    /// Why the settings cannot be read as a shell would.
    pub broken: Option<String>,
    /// GRUB's files; `None` on a host of another loader.
    pub grub: Option<Grub>,
}

/// Reads what the loader `loader` boots next.
pub fn read(root: &Root, loader: &Bootloader, kernels: &[Kernel]) -> Result<BootLines, HostError> {
    let mut lines = BootLines::default();
    match loader.kind {
        Kind::Grub => {
            let grub = grub::observe(root, "/etc/default/grub")?;
            of_grub(&grub, loader, kernels, &mut lines);
            lines.grub = Some(grub);
        }
        Kind::SystemdBoot => lines.settings = root.read_opt(KERNEL_CMDLINE)?.map(|line| words(&line)),
        Kind::None | Kind::Unknown => {}
    }
    Ok(lines)
}

fn of_grub(grub: &Grub, loader: &Bootloader, kernels: &[Kernel], lines: &mut BootLines) {
    let mut configured = None;
    if !grub.files.is_empty() {
        match grub_default::effective(&grub.settings()) {
            Ok(effective) => configured = effective.cmdline,
            Err(refusal) => lines.broken = Some(refusal.to_string()),
        }
    }
    lines.settings = configured.as_deref().map(words);
    if loader.proxmox_boot_tool || loader.bls {
        return;
    }
    let Some(config) = &grub.config else { return };
    let generated = grub_cfg::entries(config);
    let names: Vec<String> = kernels.iter().map(|kernel| kernel.entry_name().to_string()).collect();
    let ours = |entry: &&grub_cfg::Entry| {
        !entry.recovery && entry.release.as_ref().is_some_and(|release| names.contains(release))
    };
    let entries: Vec<_> = generated.iter().filter(ours).map(|entry| words(&entry.arguments)).collect();
    lines.entries = (!entries.is_empty()).then_some(entries);
    let arguments = configured.as_deref().map(grub_cfg::as_arguments);
    if arguments.is_some() {
        lines.stale = boot_entry::stale(&generated, &names, arguments.as_deref());
    } else if lines.broken.is_none() {
        let newer = grub.newer.as_ref();
        lines.stale = newer.map(|path| format!("{path} is newer than {}", grub.output()));
    }
}

/// The tokens of a command line as text.
pub fn words(line: &[u8]) -> Vec<String> {
    let tokens = kernel_cmdline::tokens(line);
    tokens.iter().map(|token| String::from_utf8_lossy(token.raw).into_owned()).collect()
}
