//! Entries on ESPs: systemd-boot's, and GRUB's where proxmox-boot-tool keeps it.

use config_text::kernel_cmdline_file::{self, Fault, Reader};
use host::Root;
use host::esp::{self, Entries, EntryFile, Format};
use host::kernel_cmdline::{self, KernelCmdline};
use host::kernels::Kernel;
use host::proc;
use protocol::Failure;

/// The ESPs and what their entries are made from.
#[derive(Debug)]
pub(crate) struct Esps {
    pub entries: Entries,
    /// The commands that make the entries anew, in order.
    pub refresh: Vec<Vec<String>>,
    /// Who makes them.
    pub reader: Reader,
    /// Mistakes in `/etc/kernel/cmdline`, from which nothing should be made before they are mended.
    pub faults: Vec<Fault>,
    /// Whether an ESP is mounted; `None` where that is not known.
    pub mounted: Option<bool>,
    cmdline: KernelCmdline,
}

impl Esps {
    pub(crate) fn observe(root: &Root, kernels: &[Kernel], proxmox: bool) -> Result<Esps, Failure> {
        let reader = if proxmox { Reader::ProxmoxBootTool } else { Reader::KernelInstall };
        let entries = esp::observe(root)?;
        let cmdline = kernel_cmdline::read(root, kernel_cmdline::PATH, reader)?;
        let running = proc::cmdline(root);
        let faults =
            cmdline.text.as_deref().map(|text| kernel_parameters::faults(text, reader, running.as_deref()));
        Ok(Esps {
            refresh: esp::refresh_commands(root, kernels, &entries)?,
            faults: faults.unwrap_or_default().into_iter().filter(|fault| !fault.is_harmless()).collect(),
            mounted: esp::is_mounted(root),
            entries,
            reader,
            cmdline,
        })
    }

    /// The configured command line of systemd-boot. What a running kernel happens to have is none: somebody may
    /// have typed it in for this boot.
    pub(crate) fn configured(&self) -> Option<&[u8]> {
        let text = match &self.cmdline.fallback {
            Some((source, _)) if source == "/proc/cmdline" => None,
            _ => self.cmdline.effective(),
        }?;
        Some(kernel_cmdline_file::read(text, self.reader))
    }

    /// Why the entries must be made anew, the file of the first that differs first.
    pub(crate) fn stale(&self, kernels: &[Kernel], configured: Option<&[u8]>) -> Option<String> {
        self.entries.stale(kernels, configured, self.reader == Reader::KernelInstall)
    }

    /// Whether the entries are made from `/etc/kernel/cmdline`: with GRUB on the ESPs they are not.
    pub(crate) fn reads_cmdline(&self) -> bool {
        let grub = |file: &EntryFile| file.format == Format::GrubConfig;
        !self.entries.files.iter().all(grub) || self.entries.files.is_empty()
    }
}
