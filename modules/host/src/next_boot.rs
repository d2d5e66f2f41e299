//! The kernel command line that the boot loader's settings amount to: what the next boot brings, as far
//! as files tell.

use config_text::grub_default;

use crate::bootloader::{self, Kind};
use crate::grub::{self, Grub};
use crate::{HostError, Root};

/// The command line of the next boot; `None` where there are no settings or code computes them.
pub fn cmdline(root: &Root) -> Result<Option<Vec<u8>>, HostError> {
    match bootloader::detect(root)?.kind {
        Kind::SystemdBoot => root.read_opt("/etc/kernel/cmdline"),
        Kind::Grub => Ok(of_grub(&grub::observe(root, "/etc/default/grub")?)),
        Kind::None | Kind::Unknown => Ok(None),
    }
}

/// What GRUB's settings amount to; `None` where there are none or code computes them.
pub fn of_grub(grub: &Grub) -> Option<Vec<u8>> {
    grub.files.first()?;
    grub_default::effective(&grub.settings()).ok()?.cmdline
}
