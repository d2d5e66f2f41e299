//! A disk for UEFI and systemd-boot: GPT, an ESP that kernel-install fills, ext4 behind it. The ESP is written by
//! mtools: this machine's kernel need not know its file system.

use std::path::Path;
use std::process::Command;

use super::disk::{self, MIB, SIZE};
use super::tree::{self, Tree};
use crate::vm::machine::CONSOLE;
use crate::{paths, run};

/// The ESP's size: room for two kernels and their initramfs.
const ESP: u64 = 256 * MIB;
/// Where the guest mounts it.
const MOUNT_POINT: &str = "/boot/efi";

/// `$1` is the tree, `$2` the kernel's release, `$3` the ESP's file. All mounts end with the namespace that this
/// runs in. bootctl takes nothing but the top of a mounted file
/// system, and any kind of it if told so; kernel-install of Debian 13 too, that of Debian 12 finds bootctl's folder.
const FILL_ESP: &str = "\
mount --bind /proc $1/proc
mount --bind /sys $1/sys
mount --bind /dev $1/dev
mount -t tmpfs esp $1/boot/efi
export SYSTEMD_RELAX_ESP_CHECKS=1
chroot $1 bootctl install --esp-path=/boot/efi --no-variables --make-entry-directory=yes
! chroot $1 kernel-install --help | grep -q esp-path || esp=--esp-path=/boot/efi
chroot $1 kernel-install $esp add $2 /boot/vmlinuz-$2 /boot/initrd.img-$2
echo timeout 0 >$1/boot/efi/loader/loader.conf
cd $1/boot/efi
mcopy -s -i $3 * ::/
";

/// What the loader's tools must find in the tree.
pub fn prepare(tree: &Tree) -> Result<(), String> {
    // The entries' names begin with it.
    tree.write("etc/machine-id", &(tree::random_uuid()?.replace('-', "") + "\n"))?;
    tree.append("etc/fstab", &format!("LABEL=ESP {MOUNT_POINT} vfat umask=0077 0 1\n"))?;
    paths::make_dir(&tree.root.join("boot/efi"))
}

/// Makes the disk of a guest that boots with the parameters `cmdline`.
pub fn make(tree: &Tree, cmdline: &str, disk: &Path) -> Result<(), String> {
    let uuid = &tree.uuid;
    tree.write("etc/kernel/cmdline", &format!("root=UUID={uuid} ro {CONSOLE} {cmdline}\n"))?;
    let (new, filesystem, esp) =
        (disk.with_extension("new"), disk.with_extension("ext4"), disk.with_extension("esp"));
    disk::sparse(&esp, ESP)?;
    let mut mformat = Command::new("mformat");
    mformat.arg("-i").arg(&esp).args(["-F", "-v", "ESP", "-T", &(ESP / disk::SECTOR).to_string(), "::"]);
    run::logged("vm-mformat", "formatting the ESP", &mut mformat)?;
    let mut fill = Command::new("unshare");
    fill.args(["--mount", "sh", "-ec", FILL_ESP, "sh"]).arg(&tree.root).arg(&tree.kernel).arg(&esp);
    run::logged("vm-esp", "filling the ESP", fill.env("LC_ALL", "C"))?;
    let rest = SIZE - ESP - 2 * MIB;
    disk::ext4(tree, &filesystem, rest)?;
    let table = format!(
        "label: gpt\nstart=1MiB, size={}MiB, type=uefi\nstart={}MiB, size={}MiB, type=linux\n",
        ESP / MIB,
        1 + ESP / MIB,
        rest / MIB
    );
    disk::partitioned(&new, &table)?;
    disk::move_into(&esp, &new, MIB)?;
    disk::move_into(&filesystem, &new, MIB + ESP)?;
    std::fs::rename(&new, disk).map_err(|error| format!("{}: {error}", disk.display()))
}
