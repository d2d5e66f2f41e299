//! The tree a module works on: `/`, or another root as image builders use.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat2, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat};
use nix::sys::statfs::{PROC_SUPER_MAGIC, SYSFS_MAGIC, statfs};

/// Larger files are no configuration: reading them would only eat memory.
const MAX_FILE: u64 = 64 << 20;
/// As the kernel's own bound on nested links (`MAXSYMLINKS`).
const MAX_LINKS: usize = 40;

/// Why something under the root could not be read.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// A system call failed on `path` (the whole path, root included).
    #[error("{path}: cannot {doing}: {source}{}", hint(.source))]
    Io {
        /// What was tried, as a verb: `read`, `list`, …
        doing: &'static str,
        /// The whole path, root included.
        path: String,
        /// The system's answer.
        source: io::Error,
    },
    /// A directory, device or pipe lies where a file belongs.
    #[error("{path}: is {found}, not a regular file; move it away and run again")]
    NotAFile {
        /// The whole path, root included.
        path: String,
        /// `a directory`, `a FIFO`, …
        found: &'static str,
    },
    /// The file is larger than any configuration file.
    #[error("{path}: {bytes} bytes is too large for a configuration file (at most 64 MiB are read)")]
    TooLarge {
        /// The whole path, root included.
        path: String,
        /// Its size in bytes.
        bytes: u64,
    },
    /// What was read does not make sense.
    #[error("{path}: {message}")]
    Malformed {
        /// The whole path, root included, with `:line` where one is known.
        path: String,
        /// What is wrong and what to do next.
        message: String,
    },
}

/// A file's place after all symbolic links were followed inside the root.
#[derive(Debug)]
pub struct Location {
    /// The directory that holds the file.
    pub dir: OwnedFd,
    /// The file's name in that directory. It need not exist; it is no link.
    pub name: OsString,
    /// The path inside the root that led there, for messages.
    pub path: String,
}

/// A tree of files: every path a module reads resolves inside it.
///
/// Paths are given as in the tree (`/etc/default/grub`); a symbolic link, `..` or an absolute
/// target never leads out (`openat2(2)`, `RESOLVE_IN_ROOT`). `/proc` and `/sys` of another tree
/// count only if they are real files there: a mounted procfs or sysfs shows the builder's machine.
#[derive(Debug)]
pub struct Root {
    path: PathBuf,
    fd: OwnedFd,
    live: bool,
    hidden: Vec<&'static str>,
}

impl Root {
    /// Opens the tree at `path`, which must be a directory.
    pub fn open(path: &Path) -> Result<Root, HostError> {
        let fail = |errno: Errno| HostError::Io {
            doing: "open the root directory",
            path: shown(&path.display().to_string()),
            source: errno.into(),
        };
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let fd = open(path, flags, Mode::empty()).map_err(fail)?;
        let here = fstat(&fd).map_err(fail)?;
        let top = nix::sys::stat::stat("/").map_err(fail)?;
        let live = (here.st_dev, here.st_ino) == (top.st_dev, top.st_ino);
        let mut root = Root { path: path.to_path_buf(), fd, live, hidden: Vec::new() };
        if !live {
            for (dir, magic) in [("/proc", PROC_SUPER_MAGIC), ("/sys", SYSFS_MAGIC)] {
                let mounted = statfs(&root.path.join(&dir[1..])).is_ok_and(|s| s.filesystem_type() == magic);
                if mounted {
                    root.hidden.push(dir);
                }
            }
        }
        Ok(root)
    }

    /// Whether this is the running system's own `/`: live actions make sense only there.
    pub fn is_live(&self) -> bool {
        self.live
    }

    /// The root as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// `path` with the root before it, for messages and results.
    pub fn full(&self, path: &str) -> String {
        if self.path.as_os_str() == "/" {
            return shown(path);
        }
        shown(&format!("{}{path}", self.path.display().to_string().trim_end_matches('/')))
    }

    /// Opens `path` inside the root with `flags` (close-on-exec is added).
    pub fn open_at(&self, path: &str, flags: OFlag) -> io::Result<OwnedFd> {
        if self
            .hidden
            .iter()
            .any(|dir| path == *dir || path.strip_prefix(dir).is_some_and(|r| r.starts_with('/')))
        {
            return Err(Errno::ENOENT.into());
        }
        let flags = flags | OFlag::O_CLOEXEC;
        if self.live {
            return Ok(open(path, flags, Mode::empty())?);
        }
        let how = OpenHow::new().flags(flags).resolve(ResolveFlag::RESOLVE_IN_ROOT);
        // Both mean the same to the kernel. To QEMU's user mode an absolute path is the machine's own, and it makes up
        // what is in some of them, such as /proc/cpuinfo.
        let relative = match path.trim_start_matches('/') {
            "" => ".",
            relative => relative,
        };
        openat2(&self.fd, relative, how).map_err(|errno| match errno {
            Errno::ENOSYS => io::Error::other("a root other than / needs openat2(2): Linux 5.6 or newer"),
            other => other.into(),
        })
    }

    fn io(&self, doing: &'static str, path: &str) -> impl FnOnce(io::Error) -> HostError {
        let path = self.full(path);
        move |source| HostError::Io { doing, path, source }
    }

    /// The bytes of a regular file. A FIFO or device in its place never blocks.
    pub fn read(&self, path: &str) -> Result<Vec<u8>, HostError> {
        let fd = self.open_at(path, OFlag::O_RDONLY | OFlag::O_NONBLOCK).map_err(self.io("read", path))?;
        let stat = fstat(&fd).map_err(|e| self.io("read", path)(e.into()))?;
        if let Some(found) = not_a_file(&stat) {
            return Err(HostError::NotAFile { path: self.full(path), found });
        }
        if stat.st_size as u64 > MAX_FILE {
            return Err(HostError::TooLarge { path: self.full(path), bytes: stat.st_size as u64 });
        }
        // sysfs says 4096 of every attribute and procfs 0: the content is most often one line, and a
        // page of memory for each of thousands would be dear. Read until the end.
        let guess = if stat.st_size <= 4096 { 256 } else { (stat.st_size as usize).min(1 << 20) };
        let mut bytes = Vec::with_capacity(guess);
        File::from(fd).take(MAX_FILE).read_to_end(&mut bytes).map_err(self.io("read", path))?;
        Ok(bytes)
    }

    /// As [`Root::read`], `None` where there is no such file.
    pub fn read_opt(&self, path: &str) -> Result<Option<Vec<u8>>, HostError> {
        match self.read(path) {
            Err(HostError::Io { source, .. }) if is_missing(&source) => Ok(None),
            other => other.map(Some),
        }
    }

    /// A small text file without its trailing white space; `None` where it is missing or
    /// unreadable, as sysfs attributes often are.
    pub fn text(&self, path: &str) -> Option<String> {
        let bytes = self.read(path).ok()?;
        Some(String::from_utf8_lossy(&bytes).trim_end().to_string())
    }

    /// The names in a directory in byte order (`C` collation); empty where there is no directory.
    pub fn list(&self, path: &str) -> Result<Vec<OsString>, HostError> {
        let fd = match self.open_at(path, OFlag::O_RDONLY | OFlag::O_DIRECTORY) {
            Err(e) if is_missing(&e) => return Ok(Vec::new()),
            other => other.map_err(self.io("list", path))?,
        };
        let mut dir = Dir::from_fd(fd).map_err(|e| self.io("list", path)(e.into()))?;
        let mut names = Vec::new();
        for entry in dir.iter() {
            let entry = entry.map_err(|e| self.io("list", path)(e.into()))?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                names.push(OsStr::from_bytes(name).to_os_string());
            }
        }
        names.sort();
        Ok(names)
    }

    /// The target of the symbolic link `path`, as it is written; `None` where it is no link.
    pub fn link(&self, path: &str) -> Option<OsString> {
        let (dir, name) = split(path);
        let dir = self.open_at(dir, OFlag::O_PATH | OFlag::O_DIRECTORY).ok()?;
        readlinkat(&dir, name).ok()
    }

    /// `stat` after all links; `None` where nothing is there.
    pub fn stat(&self, path: &str) -> Option<FileStat> {
        let fd = self.open_at(path, OFlag::O_PATH).ok()?;
        fstat(&fd).ok()
    }

    /// Whether something is there, links followed.
    pub fn exists(&self, path: &str) -> bool {
        self.stat(path).is_some()
    }

    /// Whether a directory is there, links followed.
    pub fn is_dir(&self, path: &str) -> bool {
        self.stat(path)
            .is_some_and(|s| SFlag::from_bits_truncate(s.st_mode & SFlag::S_IFMT.bits()) == SFlag::S_IFDIR)
    }

    /// Follows every symbolic link of `path` inside the root, to the directory and name where the
    /// file is or would be. A writer works there, so that a link is never replaced by a file.
    pub fn locate(&self, path: &str) -> Result<Location, HostError> {
        let mut at = path.to_string();
        for _ in 0..MAX_LINKS {
            let (dir_path, name) = split(&at);
            let dir = self
                .open_at(dir_path, OFlag::O_RDONLY | OFlag::O_DIRECTORY)
                .map_err(self.io("open the directory of", &at))?;
            match readlinkat(&dir, name) {
                Ok(target) => {
                    let target = String::from_utf8_lossy(&target.into_vec()).into_owned();
                    at = if target.starts_with('/') { target } else { format!("{dir_path}/{target}") };
                }
                Err(_) => {
                    let name = OsString::from(name);
                    return Ok(Location { dir, name, path: at });
                }
            }
        }
        Err(self.io("follow the links of", path)(Errno::ELOOP.into()))
    }

    /// The directory handle of the root itself.
    pub fn as_fd(&self) -> impl AsFd + '_ {
        self.fd.as_fd()
    }
}

/// A path as a message shows it: one that is longer than the system takes (`PATH_MAX`) names nothing,
/// and its first part is enough to find it.
fn shown(path: &str) -> String {
    if path.len() < 4096 {
        return path.to_string();
    }
    path.chars().take(100).chain(['…']).collect()
}

/// What to do about the usual refusals of the system, as the end of a message.
pub fn hint(error: &io::Error) -> &'static str {
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::EACCES | Errno::EPERM) => "; run as root (become: true)",
        Some(Errno::EROFS) => "; remount the file system read-write and run again",
        Some(Errno::ENOSPC | Errno::EDQUOT) => "; free some space and run again",
        _ => "",
    }
}

/// Whether an error only says that nothing is there.
fn is_missing(error: &io::Error) -> bool {
    matches!(error.raw_os_error().map(Errno::from_raw), Some(Errno::ENOENT | Errno::ENOTDIR))
}

/// Directory and name of an absolute path.
fn split(path: &str) -> (&str, &str) {
    match path.trim_end_matches('/').rsplit_once('/') {
        Some(("", name)) => ("/", name),
        Some((dir, name)) => (dir, name),
        None => ("/", path),
    }
}

fn not_a_file(stat: &FileStat) -> Option<&'static str> {
    let kind = SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits());
    match kind {
        SFlag::S_IFREG => None,
        SFlag::S_IFDIR => Some("a directory"),
        SFlag::S_IFIFO => Some("a FIFO"),
        SFlag::S_IFSOCK => Some("a socket"),
        _ => Some("a device"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn tree() -> (tempfile::TempDir, Root) {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("etc/default")).unwrap();
        fs::write(dir.path().join("etc/default/grub"), b"X=1\n").unwrap();
        let root = Root::open(dir.path()).unwrap();
        (dir, root)
    }

    #[test]
    fn links_never_lead_out() {
        let (dir, root) = tree();
        symlink("/etc/passwd", dir.path().join("etc/absolute")).unwrap();
        symlink("../../../../../../../etc/passwd", dir.path().join("etc/dots")).unwrap();
        assert!(root.read_opt("/etc/absolute").unwrap().is_none());
        assert!(root.read_opt("/etc/dots").unwrap().is_none());
        assert!(root.read_opt("/../../etc/passwd").unwrap().is_none());
        fs::write(dir.path().join("etc/passwd"), b"inside").unwrap();
        assert_eq!(root.read("/etc/absolute").unwrap(), b"inside");
        assert_eq!(root.locate("/etc/dots").unwrap().name, "passwd");
    }

    #[test]
    fn a_directory_or_fifo_is_named_and_never_blocks() {
        let (dir, root) = tree();
        assert!(
            root.read("/etc/default").unwrap_err().to_string().contains("is a directory, not a regular file")
        );
        nix::unistd::mkfifo(&dir.path().join("etc/pipe"), Mode::S_IRWXU).unwrap();
        assert!(root.read("/etc/pipe").unwrap_err().to_string().contains("is a FIFO"));
    }

    #[test]
    fn a_loop_of_links_ends() {
        let (dir, root) = tree();
        symlink("b", dir.path().join("etc/a")).unwrap();
        symlink("a", dir.path().join("etc/b")).unwrap();
        assert!(root.read("/etc/a").is_err());
        assert!(root.locate("/etc/a").is_err());
    }

    #[test]
    fn names_come_in_byte_order_and_a_missing_directory_is_empty() {
        let (dir, root) = tree();
        for name in ["b", "B", "a", "10"] {
            fs::write(dir.path().join("etc/default").join(name), b"").unwrap();
        }
        assert_eq!(root.list("/etc/default").unwrap(), ["10", "B", "a", "b", "grub"]);
        assert!(root.list("/nowhere").unwrap().is_empty());
    }

    #[test]
    fn a_mounted_procfs_of_another_tree_is_not_this_host() {
        let live = Root::open(Path::new("/")).unwrap();
        assert!(live.is_live() && live.exists("/proc/self"));
        let (dir, root) = tree();
        fs::create_dir_all(dir.path().join("proc")).unwrap();
        fs::write(dir.path().join("proc/cmdline"), b"quiet").unwrap();
        assert_eq!(root.text("/proc/cmdline").unwrap(), "quiet", "real files count");
    }
}
