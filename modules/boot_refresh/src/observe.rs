//! What is configured, what was generated from it, and when.

use config_text::{boot_entry, grub_cfg, grub_default};
use host::Root;
use host::bootloader::{self, Bootloader, Kind};
use host::grub::{self, Grub};
use host::initramfs::{self, InitramfsState};
use host::kernels;
use host::proc;
use protocol::Failure;

use crate::Args;

/// The main file of GRUB's settings.
const SETTINGS: &str = "/etc/default/grub";

/// The host as the module sees it.
#[derive(Debug)]
pub(crate) struct Observed {
    pub bootloader: Bootloader,
    pub grub: Grub,
    /// Releases of the installed kernels.
    pub releases: Vec<String>,
    /// Why GRUB's entries must be generated anew; `None` where they need not.
    pub entries_stale: Option<String>,
    /// The configured command line as GRUB hands it on; `None` where the settings compute it.
    pub configured: Option<Vec<u8>>,
    pub initramfs: InitramfsState,
    /// The command line in force; `None` in a tree that is not running.
    pub cmdline: Option<String>,
}

pub(crate) fn observe(_args: &Args, root: &Root) -> Result<Observed, Failure> {
    let bootloader = bootloader::detect(root)?;
    let kernels = kernels::installed(root)?;
    let releases: Vec<String> = kernels.iter().map(|kernel| kernel.entry_name().to_string()).collect();
    let grub = grub::observe(root, SETTINGS)?;
    let mut seen = Observed {
        initramfs: initramfs::observe(root, &kernels)?,
        cmdline: proc::cmdline(root),
        configured: None,
        entries_stale: None,
        bootloader,
        grub,
        releases,
    };
    if seen.bootloader.kind == Kind::Grub && !seen.grub.files.is_empty() {
        let effective = grub_default::effective(&seen.grub.settings())
            .map_err(|refusal| Failure::coded(refusal.code(), refusal.to_string()))?;
        seen.configured = effective.cmdline.as_deref().map(grub_cfg::as_arguments);
        seen.entries_stale = stale(&seen);
    }
    Ok(seen)
}

fn stale(seen: &Observed) -> Option<String> {
    let entries = grub_cfg::entries(seen.grub.config.as_deref().unwrap_or_default());
    let differs =
        seen.configured.as_deref().and_then(|line| boot_entry::stale(&entries, &seen.releases, line));
    differs.or_else(|| {
        seen.grub.newer.as_ref().map(|path| format!("{path} is newer than {}", seen.grub.output()))
    })
}
