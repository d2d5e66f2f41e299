//! Atomic, durable writes that keep what belongs to the file: owner, mode, attributes, label.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;

use host::{Location, Root};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat, renameat};
use nix::sys::stat::{FileStat, Mode, fchmod, fstat, fstatat, mkdirat};
use nix::unistd::{Gid, Uid, UnlinkatFlags, fchown, fsync, unlinkat};
use xattr::FileExt;

use crate::error::Step;
use crate::loader_files;
use crate::plan::FileChange;

/// The end of the name of a folder that holds nothing but files of ours.
const OWN_FOLDER: &str = "pci-passthrough";

/// Where copies go that cannot lie beside their file.
const ASIDE: &str = "/var/lib/pci-passthrough";

/// Writes `bytes` to `path`, following links inside the root, through a temporary file in the same
/// directory: a reader, or the machine after a power cut, sees the old bytes or the new ones. A file that
/// did not exist gets the permission bits `mode`.
pub(crate) fn replace(root: &Root, path: &str, bytes: &[u8], mode: u32) -> Result<(), Step> {
    make_parents(root, path)?;
    let at = root.locate(path)?;
    let temporary = hidden_name(&at.name);
    create_like(root, &at, &temporary, bytes, &at.name, mode)?;
    commit(root, &at, &temporary)?;
    if root.read(path)? != bytes {
        return Err(Step::ReadBack { path: root.full(path) });
    }
    Ok(())
}

/// Removes `path` durably; a link is followed, as for a write. A folder of ours goes with its last file.
pub(crate) fn remove(root: &Root, path: &str) -> Result<(), Step> {
    let at = root.locate(path)?;
    let fail = |errno: Errno| file_error(root, path, "remove", errno);
    unlinkat(&at.dir, at.name.as_os_str(), UnlinkatFlags::NoRemoveDir).map_err(fail)?;
    fsync(&at.dir).map_err(fail)?;
    loader_files::settle(root, &at.path)?;
    if let Some((folder, _)) = at.path.rsplit_once('/').filter(|(folder, _)| folder.ends_with(OWN_FOLDER)) {
        let above = root.locate(folder)?;
        // That it is not empty yet is no fault.
        let _ = unlinkat(&above.dir, above.name.as_os_str(), UnlinkatFlags::RemoveDir);
    }
    Ok(())
}

/// Copies `bytes` beside `path` under `name`, with the owner, mode and attributes of `path`; the copy's
/// path inside the root.
pub(crate) fn copy_beside(root: &Root, path: &str, name: &OsStr, bytes: &[u8]) -> Result<String, Step> {
    let at = root.locate(path)?;
    create_like(root, &at, name, bytes, &at.name, FileChange::PLAIN)?;
    let dir = at.path.rsplit_once('/').map_or("", |(dir, _)| dir);
    Ok(format!("{dir}/{}", name.to_string_lossy()))
}

/// Keeps `bytes` under `name` in this project's own directory, readable by root alone: for a file whose own
/// directory takes no copies. Gives the copy's path inside the root.
pub(crate) fn copy_aside(root: &Root, name: &str, bytes: &[u8]) -> Result<String, Step> {
    let path = format!("{ASIDE}/{name}");
    make_parents(root, &path)?;
    let at = root.locate(&path)?;
    discard(&at, &at.name);
    let flags = OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_WRONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let made = openat(&at.dir, at.name.as_os_str(), flags, Mode::from_bits_truncate(0o600));
    let written = made.and_then(|fd| {
        let mut file = File::from(fd);
        file.write_all(bytes).map_err(|e| Errno::from_raw(e.raw_os_error().unwrap_or(Errno::EIO as i32)))?;
        fsync(&file)
    });
    written.map_err(|errno| {
        discard(&at, &at.name);
        file_error(root, &path, "write", errno)
    })?;
    Ok(path)
}

/// Copies the file at `at` to `name` beside it, durably, with its owner and mode.
pub(crate) fn copy_image(at: &Location, name: &OsStr) -> Result<(), Errno> {
    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let mut old = File::from(openat(&at.dir, at.name.as_os_str(), flags, Mode::empty())?);
    let flags = OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_WRONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let mut copy = File::from(openat(&at.dir, name, flags, Mode::from_bits_truncate(0o600))?);
    let mut part = vec![0; 1 << 16];
    loop {
        let part = match old.read(&mut part).map_err(errno)? {
            0 => break,
            length => part.get(..length).unwrap_or_default(),
        };
        copy.write_all(part).map_err(errno)?;
    }
    dress_like(&copy, at, &at.name, &fstat(&old)?)?;
    fsync(&copy)
}

/// Makes a file that a command wrote, and its name, durable.
pub(crate) fn sync(root: &Root, path: &str) -> Result<(), Step> {
    let at = root.locate(path)?;
    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let file = openat(&at.dir, at.name.as_os_str(), flags, Mode::empty());
    let done = file.and_then(|file| fsync(&file)).and_then(|()| fsync(&at.dir));
    done.map_err(|errno| file_error(root, path, "make durable", errno))?;
    loader_files::settle(root, &at.path)
}

/// Renames a finished file over the one at `at`, and makes the rename durable.
pub(crate) fn commit(root: &Root, at: &Location, temporary: &OsStr) -> Result<(), Step> {
    let renamed = match loader_files::concern(root, &at.path) {
        true => loader_files::swap(at, temporary),
        false => renameat(&at.dir, temporary, &at.dir, at.name.as_os_str()).and_then(|()| fsync(&at.dir)),
    };
    renamed.map_err(|errno| {
        discard(at, temporary);
        file_error(root, &at.path, "replace", errno)
    })
}

/// Gives an open file the owner, mode, extended attributes (access lists) and label of `model`.
pub(crate) fn dress_like(file: &File, at: &Location, model: &OsStr, stat: &FileStat) -> Result<(), Errno> {
    let own = fstat(file)?;
    if (own.st_uid, own.st_gid) != (stat.st_uid, stat.st_gid) {
        fchown(file, Some(Uid::from_raw(stat.st_uid)), Some(Gid::from_raw(stat.st_gid)))?;
    }
    fchmod(file, Mode::from_bits_truncate(stat.st_mode & 0o7777))?;
    let original =
        openat(&at.dir, model, OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC, Mode::empty())?;
    let original = File::from(original);
    let names = match original.list_xattr() {
        Ok(names) => names,
        Err(e) if e.raw_os_error() == Some(Errno::EOPNOTSUPP as i32) => return Ok(()),
        Err(e) => return Err(errno(e)),
    };
    for name in names {
        let Some(value) = original.get_xattr(&name).map_err(errno)? else { continue };
        if file.get_xattr(&name).map_err(errno)?.as_ref() != Some(&value) {
            file.set_xattr(&name, &value).map_err(errno)?;
        }
    }
    Ok(())
}

/// The system's answer; an error that has none is one of reading or writing.
fn errno(error: std::io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}

/// A temporary name beside `name`, unlike anything a boot loader, run-parts or modprobe reads.
pub(crate) fn hidden_name(name: &OsStr) -> OsString {
    let mut hidden = OsString::from(".");
    hidden.push(name);
    hidden.push(".pci-passthrough");
    hidden
}

fn create_like(
    root: &Root,
    at: &Location,
    name: &OsStr,
    bytes: &[u8],
    model: &OsStr,
    mode: u32,
) -> Result<(), Step> {
    // The lock makes a file of this name the left-over of a cut run.
    discard(at, name);
    let made = write_new(at, name, bytes, model, mode);
    made.map_err(|errno| {
        discard(at, name);
        file_error(root, &at.path, "write", errno)
    })
}

fn write_new(at: &Location, name: &OsStr, bytes: &[u8], model: &OsStr, mode: u32) -> Result<(), Errno> {
    let flags = OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_WRONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let mut file = File::from(openat(&at.dir, name, flags, Mode::from_bits_truncate(0o600))?);
    file.write_all(bytes).map_err(errno)?;
    match fstatat(&at.dir, model, AtFlags::AT_SYMLINK_NOFOLLOW) {
        Ok(stat) => dress_like(&file, at, model, &stat)?,
        Err(Errno::ENOENT) => fchmod(&file, Mode::from_bits_truncate(mode & 0o777))?,
        Err(errno) => return Err(errno),
    }
    fsync(&file)
}

/// Creates the missing directories above `path`, inside the root, with mode 0755.
fn make_parents(root: &Root, path: &str) -> Result<(), Step> {
    let Some((parent, _)) = path.rsplit_once('/') else { return Ok(()) };
    if parent.is_empty() || root.is_dir(parent) {
        return Ok(());
    }
    make_parents(root, parent)?;
    let at = root.locate(parent)?;
    let made = mkdirat(&at.dir, at.name.as_os_str(), Mode::from_bits_truncate(0o755));
    made.and_then(|()| fsync(&at.dir))
        .map_err(|errno| file_error(root, parent, "create the directory", errno))
}

/// Removes a temporary file; that it is not there is what is wanted.
pub(crate) fn discard(at: &Location, name: &OsStr) {
    let _ = unlinkat(at.dir.as_fd(), name, UnlinkatFlags::NoRemoveDir);
}

pub(crate) fn file_error(root: &Root, path: &str, doing: &'static str, errno: Errno) -> Step {
    Step::File { path: root.full(path), doing, source: errno.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    fn tree() -> (tempfile::TempDir, Root) {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("etc")).unwrap();
        let root = Root::open(dir.path()).unwrap();
        (dir, root)
    }

    fn names(dir: &std::path::Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn mode_owner_and_attributes_stay() {
        let (dir, root) = tree();
        let path = dir.path().join("etc/grub");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let labelled = xattr::set(&path, "user.note", b"kept").is_ok();
        let owner = fs::metadata(&path).unwrap().uid();
        replace(&root, "/etc/grub", b"new", 0o644).unwrap();
        let meta = fs::metadata(&path).unwrap();
        assert_eq!((meta.mode() & 0o7777, meta.uid()), (0o640, owner));
        assert_eq!(fs::read(&path).unwrap(), b"new");
        if labelled {
            assert_eq!(xattr::get(&path, "user.note").unwrap().unwrap(), b"kept");
        }
        assert_eq!(names(&dir.path().join("etc")), ["grub"], "no temporary file is left");
    }

    #[test]
    fn a_link_stays_a_link_and_never_leads_out() {
        let (dir, root) = tree();
        fs::create_dir(dir.path().join("data")).unwrap();
        fs::write(dir.path().join("data/grub"), "old").unwrap();
        symlink("../../../../data/grub", dir.path().join("etc/grub")).unwrap();
        replace(&root, "/etc/grub", b"new", 0o644).unwrap();
        assert_eq!(fs::read(dir.path().join("data/grub")).unwrap(), b"new");
        assert!(fs::symlink_metadata(dir.path().join("etc/grub")).unwrap().is_symlink());
    }

    #[test]
    fn new_files_get_their_directories_and_a_plain_mode() {
        let (dir, root) = tree();
        replace(&root, "/etc/modprobe.d/a.conf", b"x", 0o644).unwrap();
        let meta = fs::metadata(dir.path().join("etc/modprobe.d/a.conf")).unwrap();
        assert_eq!(meta.mode() & 0o7777, 0o644);
        remove(&root, "/etc/modprobe.d/a.conf").unwrap();
        assert!(names(&dir.path().join("etc/modprobe.d")).is_empty());
    }

    #[test]
    fn a_new_script_can_run_and_an_own_folder_goes_with_it() {
        let (dir, root) = tree();
        let folder = dir.path().join("etc/70pci-passthrough");
        for name in ["a.sh", "b.sh"] {
            replace(&root, &format!("/etc/70pci-passthrough/{name}"), b"x", 0o755).unwrap();
            assert_eq!(fs::metadata(folder.join(name)).unwrap().mode() & 0o7777, 0o755);
        }
        remove(&root, "/etc/70pci-passthrough/a.sh").unwrap();
        assert_eq!(names(&folder), ["b.sh"]);
        remove(&root, "/etc/70pci-passthrough/b.sh").unwrap();
        assert!(!folder.exists());
    }

    #[test]
    fn a_left_over_of_a_cut_run_is_no_obstacle() {
        let (dir, root) = tree();
        fs::write(dir.path().join("etc/.grub.pci-passthrough"), "half").unwrap();
        replace(&root, "/etc/grub", b"new", 0o644).unwrap();
        assert_eq!(names(&dir.path().join("etc")), ["grub"]);
    }
}
