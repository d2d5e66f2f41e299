//! A disk for BIOS and GRUB: MBR at 0, GRUB's core image from sector 1, ext4 at 1 MiB.

use std::path::Path;

use super::disk::{self, MIB, SECTOR, SIZE};
use super::tree::Tree;
use crate::paths;
use crate::vm::machine::CONSOLE;

/// The bytes of the MBR that are code; the partition table follows.
const BOOT_CODE: usize = 440;

/// GRUB's modules and core image, which `grub-install` would make if there were a disk.
pub fn prepare(tree: &Tree) -> Result<(), String> {
    tree.append("etc/default/grub", "GRUB_TERMINAL=console\nGRUB_DISABLE_OS_PROBER=true\n")?;
    tree.inside(&[
        "sh",
        "-ec",
        "mkdir -p /boot/grub/i386-pc; cp /usr/lib/grub/i386-pc/*.mod \
                   /usr/lib/grub/i386-pc/*.lst /usr/lib/grub/i386-pc/*.o /boot/grub/i386-pc/",
    ])?;
    let core = "/boot/grub/i386-pc/core.img";
    let prefix = "(hd0,msdos1)/boot/grub";
    let modules = ["biosdisk", "part_msdos", "ext2"];
    tree.inside(&[["grub-mkimage", "-O", "i386-pc", "-o", core, "-p", prefix].as_slice(), &modules].concat())
}

/// Makes the disk of a guest that boots with the parameters `cmdline`.
pub fn make(tree: &Tree, cmdline: &str, disk: &Path) -> Result<(), String> {
    set_cmdline(tree, cmdline)?;
    let (new, filesystem) = (disk.with_extension("new"), disk.with_extension("ext4"));
    disk::ext4(tree, &filesystem, SIZE - 2 * MIB)?;
    disk::partitioned(&new, "label: dos\nstart=2048, type=83, bootable\n")?;
    let boot = paths::read(&tree.root.join("usr/lib/grub/i386-pc/boot.img"))?;
    let core = paths::read(&tree.root.join("boot/grub/i386-pc/core.img"))?;
    let boot = boot.get(..BOOT_CODE).ok_or("boot.img is too short")?;
    let written = disk::put(&new, 0, boot).and_then(|()| disk::put(&new, SECTOR, &core));
    written.map_err(|error| format!("{}: {error}", new.display()))?;
    disk::move_into(&filesystem, &new, MIB)?;
    std::fs::rename(&new, disk).map_err(|error| format!("{}: {error}", disk.display()))
}

/// Sets what the guest boots with: the settings, and a first grub.cfg, which the guest's own update-grub
/// replaces (in a chroot it would find no disk).
fn set_cmdline(tree: &Tree, default: &str) -> Result<(), String> {
    let path = tree.root.join("etc/default/grub");
    let text = String::from_utf8_lossy(&paths::read(&path)?).into_owned();
    let lines = text.lines().map(|line| match line.split_once('=') {
        Some(("GRUB_TIMEOUT", _)) => "GRUB_TIMEOUT=0".to_owned(),
        Some(("GRUB_CMDLINE_LINUX", _)) => format!("GRUB_CMDLINE_LINUX=\"{CONSOLE}\""),
        Some(("GRUB_CMDLINE_LINUX_DEFAULT", _)) => format!("GRUB_CMDLINE_LINUX_DEFAULT=\"{default}\""),
        _ => line.to_owned(),
    });
    let text = lines.map(|line| line + "\n").collect::<String>();
    paths::write(&path, text.as_bytes())?;
    let (kernel, uuid) = (&tree.kernel, &tree.uuid);
    let first = format!(
        "set timeout=0\nmenuentry 'Debian' {{\n\tlinux /boot/vmlinuz-{kernel} root=UUID={uuid} ro {CONSOLE} \
         {default}\n\tinitrd /boot/initrd.img-{kernel}\n}}\n"
    );
    tree.write("boot/grub/grub.cfg", &first)
}
