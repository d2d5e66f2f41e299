//! One folder of sysfs, opened once: each attribute then costs one open, one read, one close.

use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;

use nix::fcntl::{OFlag, openat, readlinkat};
use nix::sys::stat::Mode;
use nix::unistd::read;

use crate::Root;

/// sysfs hands an attribute out as a whole and none is larger than a page.
const PAGE: usize = 4096;

/// A folder under the root. Names are single components and links are not followed, so that
/// nothing leads out of the root.
#[derive(Debug)]
pub(crate) struct Folder(OwnedFd);

impl Folder {
    /// Opens the folder; `None` where there is none or it may not be opened.
    pub(crate) fn open(root: &Root, path: &str) -> Option<Folder> {
        root.open_at(path, OFlag::O_PATH | OFlag::O_DIRECTORY).ok().map(Folder)
    }

    /// An attribute without its trailing white space; `None` where it is missing or unreadable.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let fd = openat(&self.0, name, flags, Mode::empty()).ok()?;
        let mut page = [0; PAGE];
        let length = read(&fd, &mut page).ok()?;
        let text = String::from_utf8_lossy(page.get(..length)?);
        Some(text.trim_end().to_string())
    }

    /// A decimal attribute.
    pub(crate) fn number<N: std::str::FromStr>(&self, name: &str) -> Option<N> {
        self.text(name)?.parse().ok()
    }

    /// A hexadecimal attribute with or without `0x`.
    pub(crate) fn hex(&self, name: &str) -> Option<u32> {
        let text = self.text(name)?;
        u32::from_str_radix(text.strip_prefix("0x").unwrap_or(&text), 16).ok()
    }

    /// The last component of a link's target: sysfs names things by it.
    pub(crate) fn link_name(&self, name: &str) -> Option<String> {
        let target = readlinkat(&self.0, name).ok()?;
        let last = target.as_bytes().rsplit(|b| *b == b'/').next()?;
        Some(String::from_utf8_lossy(last).into_owned())
    }

    /// The whole target of a link, as it is written.
    pub(crate) fn link(&self, name: &str) -> Option<String> {
        Some(readlinkat(&self.0, name).ok()?.to_string_lossy().into_owned())
    }

    /// Whether there is an attribute of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        openat(&self.0, name, OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC, Mode::empty()).is_ok()
    }
}

/// Where a link in a folder of `/sys/class` or `/sys/bus` leads: `../../devices/…` as
/// `/sys/devices/…`.
pub(crate) fn device_path(target: &str) -> Option<String> {
    target.find("devices/").map(|at| format!("/sys/{}", target.get(at..).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn attributes_are_read_and_links_are_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("sys/x");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("numa_node"), "-1\n").unwrap();
        fs::write(folder.join("class"), "0x030000\n").unwrap();
        fs::write(dir.path().join("secret"), "1\n").unwrap();
        symlink("../../secret", folder.join("leak")).unwrap();
        symlink("../../../bus/pci/drivers/vfio-pci", folder.join("driver")).unwrap();
        let folder = Folder::open(&Root::open(dir.path()).unwrap(), "/sys/x").unwrap();
        assert_eq!(folder.number::<i32>("numa_node"), Some(-1));
        assert_eq!(folder.hex("class"), Some(0x30000));
        assert_eq!(folder.text("leak"), None);
        assert_eq!(folder.link_name("driver").as_deref(), Some("vfio-pci"));
        assert!(folder.has("class") && !folder.has("nothing"));
        assert_eq!(
            device_path("../../../devices/pci0000:00/0000:00:01.0").unwrap(),
            "/sys/devices/pci0000:00/0000:00:01.0"
        );
    }
}
