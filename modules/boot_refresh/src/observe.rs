//! What is configured, what was generated from it, and when.

use config_text::{boot_entry, grub_cfg, grub_default, kernel_cmdline};
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
    /// What GRUB takes for something else than kernel parameters, so that it is in no entry.
    pub cut_off: Option<String>,
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
        cut_off: None,
        bootloader,
        grub,
        releases,
    };
    if seen.bootloader.kind == Kind::Grub && !seen.grub.files.is_empty() {
        let effective = grub_default::effective(&seen.grub.settings())
            .map_err(|refusal| Failure::coded(refusal.code(), root.full(&refusal.to_string())))?;
        seen.cut_off = effective.cmdline.as_deref().and_then(cut_off);
        seen.configured = effective.cmdline.as_deref().map(grub_cfg::as_arguments);
        seen.entries_stale = stale(&seen);
    }
    Ok(seen)
}

fn stale(seen: &Observed) -> Option<String> {
    let entries = grub_cfg::entries(seen.grub.config.as_deref().unwrap_or_default());
    let differs = boot_entry::stale(&entries, &seen.releases, seen.configured.as_deref());
    differs.or_else(|| {
        seen.grub.newer.as_ref().map(|path| format!("{path} is newer than {}", seen.grub.output()))
    })
}

/// The first configured parameter that GRUB's own grammar takes for a comment, a new command or the
/// end of the entry.
fn cut_off(line: &[u8]) -> Option<String> {
    let arguments = grub_cfg::as_arguments(line);
    let (wanted, left) = (kernel_cmdline::tokens(line), kernel_cmdline::tokens(&arguments));
    let lost = wanted.get(left.len())?;
    Some(String::from_utf8_lossy(lost.raw).into_owned())
}
