//! What the decision depends on.

use host::Root;
use host::bls::{self, Bls};
use host::bootloader::{self, Bootloader};
use host::esp::{self, Entries};
use host::grub::{self, Grub};
use kernel_parameters::Machine;
use protocol::Failure;

use crate::Args;

/// Where the entries are that boot this host.
#[derive(Debug)]
pub(crate) enum Boots {
    /// In the one generated `grub.cfg`.
    GrubConfig,
    /// In files of their own, which nothing generates (Boot Loader Specification).
    Bls(Bls),
    /// On the ESPs that proxmox-boot-tool keeps in step; with the commands that do it.
    Esps(Entries, Vec<Vec<String>>),
}

/// The host as the module sees it.
#[derive(Debug)]
pub(crate) struct Observed {
    pub machine: Machine,
    pub bootloader: Bootloader,
    pub grub: Grub,
    pub boots: Boots,
}

pub(crate) fn observe(args: &Args, root: &Root) -> Result<Observed, Failure> {
    let machine = Machine::observe(&args.asked(), root)?;
    let bootloader = bootloader::detect(root)?;
    let bls = if bootloader.bls { Some(bls::read(root)?) } else { None };
    let boots = match bls {
        _ if bootloader.proxmox_boot_tool => {
            let entries = esp::observe(root)?;
            let refresh = match &args.update_command {
                Some(command) => vec![command.clone()],
                None => esp::refresh_commands(root, &machine.kernels, &entries)?,
            };
            Boots::Esps(entries, refresh)
        }
        Some(bls) if !bls.files.is_empty() => Boots::Bls(bls),
        _ => Boots::GrubConfig,
    };
    Ok(Observed { grub: grub::observe(root, &args.path)?, machine, bootloader, boots })
}
