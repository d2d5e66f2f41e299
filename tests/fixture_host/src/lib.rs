//! Builds trees of files that look like a host, for the tests of every module.
//!
//! The layout is sysfs's own: devices live in `/sys/devices`, everything else is a relative link
//! to them, with the same number of `..` as the kernel writes. A builder's mistake is a test's
//! mistake, so it panics.

mod block;
mod healthy;
mod kernel;
pub mod loaders;
mod net;
mod pci;
mod samples;
mod shell;
mod synthetic;

use std::path::{Path, PathBuf};
use std::{fs, io};

pub use block::Disk;
pub use healthy::{desktop_two_gpus, sriov_server, zfs_two_hbas};
pub use pci::Pci;
pub use samples::{debian_amd, pve_intel_two_gpus};
pub use synthetic::synthetic;

/// A host under construction. Paths are given as on the host (`/etc/default/grub`).
#[derive(Debug)]
pub struct Host {
    dir: PathBuf,
}

impl Host {
    /// A host without anything in `dir`, which is made.
    pub fn new(dir: impl Into<PathBuf>) -> Host {
        let host = Host { dir: dir.into() };
        host.folder("/");
        host
    }

    /// The folder that holds the tree.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The place in the scratch folder of a path on the host.
    pub fn at(&self, path: &str) -> PathBuf {
        self.dir.join(path.trim_start_matches('/'))
    }

    /// A folder and its parents.
    pub fn folder(&self, path: &str) -> &Host {
        let at = self.at(path);
        fs::create_dir_all(&at).unwrap_or_else(|e| panic!("{}: {e}", at.display()));
        self
    }

    /// A file; one that is there already is replaced.
    pub fn file(&self, path: &str, content: impl AsRef<[u8]>) -> &Host {
        let at = self.at(path);
        self.making_the_folder(path, || fs::write(&at, content.as_ref()))
    }

    /// Puts a line at the end of a file.
    pub fn line(&self, path: &str, line: &str) -> &Host {
        let mut text = fs::read(self.at(path)).unwrap_or_default();
        text.extend_from_slice(line.as_bytes());
        text.push(b'\n');
        self.file(path, text)
    }

    /// Takes a file, a link or a whole folder away.
    pub fn remove(&self, path: &str) -> &Host {
        let at = self.at(path);
        let gone =
            if at.is_dir() && !at.is_symlink() { fs::remove_dir_all(&at) } else { fs::remove_file(&at) };
        gone.unwrap_or_else(|e| panic!("{}: {e}", at.display()));
        self
    }

    /// Gives a file or folder a time, in seconds since 1970.
    pub fn time(&self, path: &str, seconds: u64) -> &Host {
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        let set = fs::File::open(self.at(path)).and_then(|file| file.set_modified(time));
        set.unwrap_or_else(|e| panic!("{path}: {e}"));
        self
    }

    /// A symbolic link with exactly this target.
    pub fn link(&self, path: &str, target: &str) -> &Host {
        let at = self.at(path);
        self.making_the_folder(path, || std::os::unix::fs::symlink(target, &at))
    }

    /// Large hosts have a hundred thousand files: folders are made only where one is missing.
    fn making_the_folder(&self, path: &str, make: impl Fn() -> io::Result<()>) -> &Host {
        let mut made = make();
        if made.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            self.folder(parent(path));
            made = make();
        }
        made.unwrap_or_else(|e| panic!("{}: {e}", self.at(path).display()));
        self
    }

    /// A link from one path on the host to another, relative as sysfs has them.
    pub fn relative_link(&self, path: &str, to: &str) -> &Host {
        let from: Vec<&str> = parent(path).split('/').filter(|p| !p.is_empty()).collect();
        let to: Vec<&str> = to.split('/').filter(|p| !p.is_empty()).collect();
        let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
        let target = ["..", "/"].concat().repeat(from.len() - shared) + &to[shared..].join("/");
        self.link(path, target.trim_end_matches('/'))
    }

    /// A driver that has a device: the device's link and the driver's own folder with its module.
    fn driver(&self, bus: &str, device: &str, driver: &str, module: &str) -> &Host {
        let folder = format!("/sys/bus/{bus}/drivers/{driver}");
        let name = device.rsplit('/').next().unwrap_or_default();
        self.relative_link(&format!("{device}/driver"), &folder);
        self.relative_link(&format!("{folder}/{name}"), device);
        if !module.is_empty() && !self.at(&format!("{folder}/module")).is_symlink() {
            self.folder(&format!("/sys/module/{module}"));
            self.relative_link(&format!("{folder}/module"), &format!("/sys/module/{module}"));
        }
        self
    }
}

fn parent(path: &str) -> &str {
    path.trim_end_matches('/').rsplit_once('/').map_or("/", |(parent, _)| parent)
}
