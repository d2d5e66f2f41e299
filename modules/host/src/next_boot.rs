//! The kernel command line that the boot loader's settings amount to: what the next boot brings, as far
//! as files tell.

use config_text::grub_default;
use config_text::kernel_cmdline_file::{self, Reader};

use crate::bootloader::{self, Kind};
use crate::grub::{self, Grub};
use crate::{HostError, Root, kernel_cmdline};

/// The command line of the next boot; `None` where there are no settings or code computes them.
pub fn cmdline(root: &Root) -> Result<Option<Vec<u8>>, HostError> {
    let loader = bootloader::detect(root)?;
    match loader.kind {
        Kind::SystemdBoot => of_kernel_cmdline(root, loader.proxmox_boot_tool),
        Kind::Grub => Ok(of_grub(&grub::observe(root, "/etc/default/grub")?)),
        Kind::None | Kind::Unknown => Ok(None),
    }
}

/// What GRUB's settings amount to; `None` where there are none or code computes them.
pub fn of_grub(grub: &Grub) -> Option<Vec<u8>> {
    grub.files.first()?;
    grub_default::effective(&grub.settings()).ok()?.cmdline
}

/// What `/etc/kernel/cmdline` amounts to for the tool that reads it, proxmox-boot-tool or kernel-install;
/// `None` where there is no such file.
pub fn of_kernel_cmdline(root: &Root, proxmox_boot_tool: bool) -> Result<Option<Vec<u8>>, HostError> {
    let reader = if proxmox_boot_tool { Reader::ProxmoxBootTool } else { Reader::KernelInstall };
    let text = root.read_opt(kernel_cmdline::PATH)?;
    Ok(text.map(|text| kernel_cmdline_file::read(&text, reader).to_vec()))
}
