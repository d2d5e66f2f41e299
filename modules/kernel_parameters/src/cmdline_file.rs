//! What keeps the entries from being made from `/etc/kernel/cmdline`.

use config_text::kernel_cmdline_file::{self, Fault, Reader};
use host::esp::Entries;

/// The mistakes in the file's text. A machine that runs without `root=` (`running` is its command line) finds its
/// root file system otherwise - by partition types, or by what its initramfs knows - so for it that is
/// none; proxmox-boot-tool does not take such a line at all.
pub fn faults(text: &[u8], reader: Reader, running: Option<&str>) -> Vec<Fault> {
    let runs_without = reader == Reader::KernelInstall
        && running.is_some_and(|line| !kernel_cmdline_file::has_root(line.as_bytes()));
    let counts = |fault: &Fault| !(runs_without && matches!(fault, Fault::NoRoot { .. }));
    kernel_cmdline_file::check(text, reader).into_iter().filter(counts).collect()
}

/// Code and message where entries that are made anew could not be read back, or would be written beside the ESP.
/// `mounted`: whether an ESP is mounted ([`host::esp::is_mounted`]).
pub fn esp_guard(reader: Reader, found: &Entries, mounted: Option<bool>) -> Option<(&'static str, String)> {
    match reader {
        Reader::ProxmoxBootTool if found.read.is_empty() => Some((
            "esp_unreadable",
            format!("no ESP of proxmox-boot-tool can be read: {}", found.faults.join("; ")),
        )),
        Reader::KernelInstall if mounted == Some(false) => Some((
            "esp_not_mounted",
            "no ESP is mounted at /efi, /boot or /boot/efi, so the entries would be written where no boot loader \
             looks; mount it (mount /boot/efi) and run again"
                .to_string(),
        )),
        _ => None,
    }
}
