//! What is configured, what was generated from it, and when.

use config_text::{boot_entry, grub_cfg, grub_default, kernel_cmdline};
use host::Root;
use host::bls::{self, Bls};
use host::bootloader::{self, Bootloader, Kind};
use host::grub::{self, Grub};
use host::initramfs::{self, InitramfsState};
use host::kernels::{self, Kernel};
use host::proc;
use protocol::Failure;

use crate::Args;
use crate::esps::Esps;

/// The main file of GRUB's settings.
const SETTINGS: &str = "/etc/default/grub";

/// Where the entries are that boot this host.
#[derive(Debug)]
pub(crate) enum Boots {
    /// In the one generated `grub.cfg`.
    GrubConfig,
    /// In files of their own, which nothing generates (Boot Loader Specification).
    Bls(Bls),
    /// On ESPs: systemd-boot, and whatever proxmox-boot-tool keeps in step.
    Esps(Esps),
    /// It is not known.
    Unknown,
}

/// The host as the module sees it.
#[derive(Debug)]
pub(crate) struct Observed {
    pub bootloader: Bootloader,
    pub grub: Grub,
    pub boots: Boots,
    pub kernels: Vec<Kernel>,
    /// Why the entries must be made anew; `None` where they need not.
    pub entries_stale: Option<String>,
    /// What GRUB takes for something else than kernel parameters, so that it is in no entry.
    pub cut_off: Option<String>,
    /// The configured command line as the loader hands it on; `None` where the settings compute it.
    pub configured: Option<Vec<u8>>,
    pub initramfs: InitramfsState,
    /// The command line in force; `None` in a tree that is not running.
    pub cmdline: Option<String>,
    /// The root before each path of a message.
    pub root: String,
}

impl Observed {
    /// The names under which boot entries know the kernels.
    pub(crate) fn releases(&self) -> Vec<String> {
        self.kernels.iter().map(|kernel| kernel.entry_name().to_string()).collect()
    }
}

pub(crate) fn observe(_args: &Args, root: &Root) -> Result<Observed, Failure> {
    let bootloader = bootloader::detect(root)?;
    let kernels = kernels::installed(root)?;
    let boots = match bootloader.kind {
        Kind::None => Boots::GrubConfig,
        Kind::SystemdBoot => Boots::Esps(Esps::observe(root, &kernels, bootloader.proxmox_boot_tool)?),
        Kind::Grub if bootloader.proxmox_boot_tool => Boots::Esps(Esps::observe(root, &kernels, true)?),
        Kind::Grub if bootloader.bls => match bls::read(root)? {
            bls if bls.files.is_empty() => Boots::GrubConfig,
            bls => Boots::Bls(bls),
        },
        Kind::Grub => Boots::GrubConfig,
        Kind::Unknown => Boots::Unknown,
    };
    let mut seen = Observed {
        initramfs: initramfs::observe(root, &kernels)?,
        cmdline: proc::cmdline(root),
        configured: None,
        entries_stale: None,
        cut_off: None,
        grub: grub::observe(root, SETTINGS)?,
        root: root.path().display().to_string(),
        bootloader,
        boots,
        kernels,
    };
    if seen.bootloader.kind == Kind::Grub && !seen.grub.files.is_empty() {
        let effective = grub_default::effective(&seen.grub.settings())
            .map_err(|refusal| Failure::coded(refusal.code(), root.full(&refusal.to_string())))?;
        seen.cut_off = effective.cmdline.as_deref().and_then(cut_off);
        seen.configured = effective.cmdline.as_deref().map(grub_cfg::as_arguments);
    }
    if let (Kind::SystemdBoot, Boots::Esps(esps)) = (seen.bootloader.kind, &seen.boots) {
        seen.configured = esps.configured().map(<[u8]>::to_vec);
    }
    seen.entries_stale = stale(&seen);
    Ok(seen)
}

fn stale(seen: &Observed) -> Option<String> {
    match &seen.boots {
        Boots::GrubConfig if seen.bootloader.kind == Kind::Grub && !seen.grub.files.is_empty() => {
            let entries = grub_cfg::entries(seen.grub.config.as_deref().unwrap_or_default());
            let differs = boot_entry::stale(&entries, &seen.releases(), seen.configured.as_deref());
            let newer = || {
                seen.grub.newer.as_ref().map(|path| format!("{path} is newer than {}", seen.grub.output()))
            };
            differs.or_else(newer)
        }
        Boots::Bls(bls) => crate::bls::stale(seen, bls),
        Boots::Esps(esps) => esps.stale(&seen.kernels, seen.configured.as_deref()),
        Boots::GrubConfig | Boots::Unknown => None,
    }
}

/// The first configured parameter that GRUB's own grammar takes for a comment, a new command or the
/// end of the entry.
fn cut_off(line: &[u8]) -> Option<String> {
    let arguments = grub_cfg::as_arguments(line);
    let (wanted, left) = (kernel_cmdline::tokens(line), kernel_cmdline::tokens(&arguments));
    let lost = wanted.get(left.len())?;
    Some(String::from_utf8_lossy(lost.raw).into_owned())
}
