//! Files that a boot loader reads. GRUB takes a file system as it lies on the disk and replays no journal: while a new
//! file's inode, or its name, is in the journal alone, a machine that lost its power finds an empty file or none, and does
//! not boot, although the kernel would find the right one. fsync(2) ends at the journal; syncfs(2) writes what is behind
//! it to its place too (Linux, fs/sync.c: `sync_filesystem` ends with the block device). XFS keeps some of it back.

use std::ffi::{OsStr, OsString};

use host::{Location, Root};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, renameat};
use nix::unistd::{fsync, linkat, syncfs};

use crate::error::Step;
use crate::write::{discard, file_error, hidden_name};

/// Where boot loaders read: `/boot`, and ESPs that are mounted elsewhere.
const FOLDERS: [&str; 2] = ["/boot/", "/efi/"];

/// Whether the running machine's boot loader may read the file. Nothing boots from another tree.
pub(crate) fn concern(root: &Root, path: &str) -> bool {
    root.is_live() && FOLDERS.iter().any(|folder| path.starts_with(folder))
}

/// Renames a finished file over the one at `at` so that at every moment the disk has one of them whole: the new file is
/// in its place before a name leads there, the old one stays until no name does.
pub(crate) fn swap(at: &Location, temporary: &OsStr) -> Result<(), Errno> {
    let old = old_name(&at.name);
    discard(at, &old);
    // There may be none; and vfat, which has no journal, has no links either.
    let _ = linkat(&at.dir, at.name.as_os_str(), &at.dir, old.as_os_str(), AtFlags::empty());
    let done = syncfs(&at.dir)
        .and_then(|()| renameat(&at.dir, temporary, &at.dir, at.name.as_os_str()))
        .and_then(|()| fsync(&at.dir))
        .and_then(|()| syncfs(&at.dir));
    discard(at, &old);
    done
}

/// The name of the old file's link while it is replaced; a cut run may leave it.
pub(crate) fn old_name(name: &OsStr) -> OsString {
    let mut old = hidden_name(name);
    old.push(".old");
    old
}

/// Brings to its place what was written, renamed or removed at `path`, if a boot loader may read it.
pub(crate) fn settle(root: &Root, path: &str) -> Result<(), Step> {
    if !concern(root, path) {
        return Ok(());
    }
    let at = root.locate(path)?;
    syncfs(&at.dir).map_err(|errno| file_error(root, path, "make durable", errno))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn the_new_file_takes_the_place_and_no_link_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("boot");
        fs::create_dir(&folder).unwrap();
        let root = Root::open(dir.path()).unwrap();
        let at = root.locate("/boot/grub.cfg").unwrap();
        for content in ["one", "two"] {
            fs::write(folder.join("new"), content).unwrap();
            fs::write(folder.join(".grub.cfg.pci-passthrough.old"), "left by a cut run").unwrap();
            swap(&at, OsStr::new("new")).unwrap();
            assert_eq!(fs::read_to_string(folder.join("grub.cfg")).unwrap(), content);
            assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        }
        assert_eq!(swap(&at, OsStr::new("missing")), Err(Errno::ENOENT));
        assert_eq!(fs::read_to_string(folder.join("grub.cfg")).unwrap(), "two");
    }

    #[test]
    fn only_the_running_machine_s_loader_counts() {
        let live = Root::open(Path::new("/")).unwrap();
        assert!(concern(&live, "/boot/grub/grub.cfg") && concern(&live, "/efi/loader/entries/a.conf"));
        assert!(!concern(&live, "/etc/default/grub") && !concern(&live, "/bootleg"));
        let dir = tempfile::tempdir().unwrap();
        assert!(!concern(&Root::open(dir.path()).unwrap(), "/boot/grub/grub.cfg"));
    }
}
