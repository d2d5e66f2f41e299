//! Disks as sparse files, put together from what plain tools make: no loop device, nothing mounted.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::process::Command;

use super::tree::Tree;
use crate::{paths, run};

/// Bytes.
pub const MIB: u64 = 1 << 20;
/// Bytes.
pub const SECTOR: u64 = 512;
/// A disk's size in bytes. Its file is sparse: about 350 MB of it are there.
pub const SIZE: u64 = 2048 * MIB;

/// A file system with the tree in it, `size` bytes large.
pub fn ext4(tree: &Tree, path: &Path, size: u64) -> Result<(), String> {
    sparse(path, size)?;
    let mut mke2fs = Command::new("mke2fs");
    // Two features that GRUB of Debian 12 cannot read.
    mke2fs.args(["-q", "-F", "-t", "ext4", "-L", "root", "-O", "^metadata_csum_seed,^orphan_file"]);
    mke2fs.args(["-E", "root_owner=0:0", "-U", &tree.uuid, "-d"]).arg(&tree.root).arg(path);
    run::logged("vm-mke2fs", "making the file system", system(&mut mke2fs)).map(|_| ())
}

/// An empty disk with a partition table, as sfdisk reads it.
pub fn partitioned(path: &Path, table: &str) -> Result<(), String> {
    sparse(path, SIZE)?;
    let mut sfdisk = Command::new("sh");
    sfdisk.args(["-ec", "printf %s \"$2\" | sfdisk --quiet \"$1\"", "sh"]).arg(path).arg(table);
    run::logged("vm-sfdisk", "partitioning", system(&mut sfdisk)).map(|_| ())
}

/// Moves a partition's content to its place on the disk.
pub fn move_into(from: &Path, disk: &Path, at: u64) -> Result<(), String> {
    copy_sparse(from, disk, at).map_err(|error| format!("{}: {error}", disk.display()))?;
    paths::remove(from)
}

/// The tools lie in the system administrator's directories.
fn system(command: &mut Command) -> &mut Command {
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{path}:/usr/sbin:/sbin"))
}

/// A new file of that size with nothing in it.
pub fn sparse(path: &Path, size: u64) -> Result<(), String> {
    paths::remove(path)?;
    File::create(path)
        .and_then(|file| file.set_len(size))
        .map_err(|error| format!("{}: {error}", path.display()))
}

/// Writes bytes to a place of the disk.
pub fn put(path: &Path, at: u64, bytes: &[u8]) -> std::io::Result<()> {
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
