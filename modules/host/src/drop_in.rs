//! Directories of drop-in files, as modprobe and systemd read them: of files with the same name only
//! the one in the first directory counts.

use nix::sys::stat::FileStat;

use crate::{HostError, Root};

/// A file in one of the directories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropIn {
    /// The directory (`/etc/modprobe.d`).
    pub directory: String,
    /// Its name there.
    pub name: String,
    /// Its content; empty for a link to `/dev/null` and for a link that leads nowhere, which mask as
    /// well.
    pub bytes: Vec<u8>,
    /// Whether an earlier directory has a file of this name, so that this one does not count.
    pub masked: bool,
    /// Device and inode of the file that is reached; `None` where a link leads nowhere.
    pub identity: Option<(u64, u64)>,
}

impl DropIn {
    /// The path inside the root.
    pub fn path(&self) -> String {
        format!("{}/{}", self.directory, self.name)
    }
}

/// Every file in `directories` (in the order of their priority) whose name `counts`, sorted by name
/// within a directory. Directories among them are skipped, as their readers do.
///
/// Fails on a name that counts and is no UTF-8 and on a file that cannot be read: to leave one out would be to
/// misjudge what is in force.
pub fn read(
    root: &Root,
    directories: &[&str],
    counts: impl Fn(&str) -> bool,
) -> Result<Vec<DropIn>, HostError> {
    let mut found: Vec<DropIn> = Vec::new();
    for directory in directories {
        for name in root.list(directory)? {
            // What its reader passes over by its ending may have any name.
            if !counts(&name.to_string_lossy()) {
                continue;
            }
            let name = name.into_string().map_err(|name| HostError::Malformed {
                path: root.full(&format!("{directory}/{}", name.display())),
                message: "the file's name is no UTF-8 text; rename it".to_string(),
            })?;
            let path = format!("{directory}/{name}");
            if root.is_dir(&path) {
                continue;
            }
            let bytes = match root.read_opt(&path) {
                Err(HostError::NotAFile { .. }) => None,
                other => other?,
            };
            let masked = found.iter().any(|earlier| earlier.name == name);
            let identity = root.stat(&path).map(|stat| identity(&stat));
            let bytes = bytes.unwrap_or_default();
            found.push(DropIn { directory: directory.to_string(), name, bytes, masked, identity });
        }
    }
    Ok(found)
}

/// Device and inode.
pub fn identity(stat: &FileStat) -> (u64, u64) {
    (stat.st_dev, stat.st_ino)
}

/// Whether a file was written after this host booted (`btime` in `/proc/stat`): what is in force can
/// then lag behind it. `None` where the boot time is not known or nothing is at `path`.
pub fn newer_than_boot(root: &Root, path: &str) -> Option<bool> {
    let stat = root.text("/proc/stat")?;
    let booted: i64 = stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
    Some(root.stat(path)?.st_mtime >= booted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use std::fs;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    #[test]
    fn the_first_directory_masks_by_name() {
        let dir = tempfile::tempdir().unwrap();
        for d in ["etc/modprobe.d/sub.conf", "usr/lib/modprobe.d"] {
            fs::create_dir_all(dir.path().join(d)).unwrap();
        }
        fs::write(dir.path().join("etc/modprobe.d/a.conf"), "1").unwrap();
        symlink("/dev/null", dir.path().join("etc/modprobe.d/b.conf")).unwrap();
        for name in ["a.conf", "b.conf", "c.conf", "d.txt"] {
            fs::write(dir.path().join("usr/lib/modprobe.d").join(name), "2").unwrap();
        }
        symlink("usr/lib", dir.path().join("lib")).unwrap();
        let root = Root::open(dir.path()).unwrap();
        let found = read(&root, &["/etc/modprobe.d", "/usr/lib/modprobe.d", "/lib/modprobe.d"], |n| {
            n.ends_with(".conf")
        })
        .unwrap();
        let shown: Vec<_> =
            found.iter().map(|f| (f.path(), String::from_utf8(f.bytes.clone()).unwrap(), f.masked)).collect();
        let row = |path: &str, text: &str, masked| (path.to_string(), text.to_string(), masked);
        assert_eq!(
            shown,
            [
                row("/etc/modprobe.d/a.conf", "1", false),
                row("/etc/modprobe.d/b.conf", "", false),
                row("/usr/lib/modprobe.d/a.conf", "2", true),
                row("/usr/lib/modprobe.d/b.conf", "2", true),
                row("/usr/lib/modprobe.d/c.conf", "2", false),
                row("/lib/modprobe.d/a.conf", "2", true),
                row("/lib/modprobe.d/b.conf", "2", true),
                row("/lib/modprobe.d/c.conf", "2", true),
            ]
        );
    }

    #[test]
    fn a_name_that_is_no_text_matters_only_where_it_counts() {
        let dir = tempfile::tempdir().unwrap();
        let modprobe_d = dir.path().join("etc/modprobe.d");
        fs::create_dir_all(&modprobe_d).unwrap();
        let root = Root::open(dir.path()).unwrap();
        let names = || read(&root, &["/etc/modprobe.d"], |name| name.ends_with(".conf"));
        fs::write(modprobe_d.join(OsStr::from_bytes(b"\xff.txt")), "x").unwrap();
        assert_eq!(names().unwrap(), []);
        fs::write(modprobe_d.join(OsStr::from_bytes(b"\xff.conf")), "x").unwrap();
        let message = names().unwrap_err().to_string();
        assert!(message.contains("/etc/modprobe.d/\u{fffd}.conf: the file's name is no UTF-8"), "{message}");
    }

    #[test]
    fn the_boot_time_decides_what_is_new() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("proc")).unwrap();
        fs::write(dir.path().join("file"), "").unwrap();
        let root = Root::open(dir.path()).unwrap();
        assert_eq!(newer_than_boot(&root, "/file"), None);
        fs::write(dir.path().join("proc/stat"), "cpu 1\nbtime 1000\n").unwrap();
        assert_eq!(newer_than_boot(&root, "/file"), Some(true));
        fs::write(dir.path().join("proc/stat"), "cpu 1\nbtime 99999999999\n").unwrap();
        assert_eq!(newer_than_boot(&root, "/file"), Some(false));
        assert_eq!(newer_than_boot(&root, "/none"), None);
    }
}
