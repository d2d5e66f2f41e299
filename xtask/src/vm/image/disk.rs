//! A bootable BIOS disk from an installed tree: MBR at 0, GRUB's core image from sector 1, ext4 at 1 MiB.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::process::Command;

use super::tree::Tree;
use crate::{paths, run};

const MIB: u64 = 1 << 20;
/// The disk's size. Its file is sparse: about 350 MB of it are there.
const SIZE: u64 = 2048 * MIB;
/// The bytes of the MBR that are code; the partition table follows.
const BOOT_CODE: usize = 440;
const SECTOR: u64 = 512;

/// Writes the disk. The name appears when it is finished.
pub fn make(tree: &Tree, disk: &Path) -> Result<(), String> {
    let (new, filesystem) = (disk.with_extension("new"), disk.with_extension("ext4"));
    paths::remove(&new)?;
    paths::remove(&filesystem)?;
    sparse(&filesystem, SIZE - 2 * MIB)?;
    let mut mke2fs = Command::new("mke2fs");
    // Two features that GRUB of Debian 12 cannot read.
    mke2fs.args(["-q", "-F", "-t", "ext4", "-L", "root", "-O", "^metadata_csum_seed,^orphan_file"]);
    mke2fs.args(["-E", "root_owner=0:0", "-U", &tree.uuid, "-d"]).arg(&tree.root).arg(&filesystem);
    run::logged("vm-mke2fs", "making the file system", system(&mut mke2fs))?;
    sparse(&new, SIZE)?;
    let mut sfdisk = Command::new("sh");
    sfdisk.args([
        "-ec",
        "printf 'label: dos\\nstart=2048, type=83, bootable\\n' | sfdisk --quiet \"$1\"",
        "sh",
    ]);
    run::logged("vm-sfdisk", "partitioning", system(sfdisk.arg(&new)))?;
    let boot = paths::read(&tree.root.join("usr/lib/grub/i386-pc/boot.img"))?;
    let core = paths::read(&tree.root.join("boot/grub/i386-pc/core.img"))?;
    let boot = boot.get(..BOOT_CODE).ok_or("boot.img is too short")?;
    let written = put(&new, 0, boot)
        .and_then(|()| put(&new, SECTOR, &core))
        .and_then(|()| copy_sparse(&filesystem, &new, MIB));
    written.map_err(|error| format!("{}: {error}", new.display()))?;
    paths::remove(&filesystem)?;
    std::fs::rename(&new, disk).map_err(|error| format!("{}: {error}", disk.display()))
}

/// The tools lie in the system administrator's directories.
fn system(command: &mut Command) -> &mut Command {
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{path}:/usr/sbin:/sbin"))
}

fn sparse(path: &Path, size: u64) -> Result<(), String> {
    File::create(path)
        .and_then(|file| file.set_len(size))
        .map_err(|error| format!("{}: {error}", path.display()))
}

fn put(path: &Path, at: u64, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    file.seek(SeekFrom::Start(at))?;
    file.write_all(bytes)
}

/// Copies what is not zero to the offset `at`; what is stays a hole.
fn copy_sparse(from: &Path, to: &Path, at: u64) -> std::io::Result<()> {
    let mut source = File::open(from)?;
    let mut target = OpenOptions::new().write(true).open(to)?;
    let mut block = vec![0; 1 << 16];
    let mut position = at;
    loop {
        let length = source.read(&mut block)?;
        if length == 0 {
            return Ok(());
        }
        let filled = &block[..length];
        if filled.iter().any(|byte| *byte != 0) {
            target.seek(SeekFrom::Start(position))?;
            target.write_all(filled)?;
        }
        position += length as u64;
    }
}
