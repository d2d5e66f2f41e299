//! What keeps the entries from being made from `/etc/kernel/cmdline`.

use config_text::kernel_cmdline_file::Reader;
use host::esp::Entries;

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
