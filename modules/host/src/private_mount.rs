//! Looks into a file system that is not mounted, without the host ever seeing it mounted.

use std::io;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::stat::Mode;
use nix::unistd::{chroot, fchdir};

/// An empty directory of every system (FHS): covered for the moment, in our own mount namespace only.
const PLACE: &str = "/mnt";

/// Mounts `device` read-only in a mount namespace of this process alone, from which nothing spreads, calls
/// `work` with the place, and comes back to the namespace of before.
///
/// # Errors
/// What the system refuses: `EPERM` without root's rights, `ENODEV` where the kernel does not know `fstype`.
pub(crate) fn with<T>(device: &str, fstype: &str, work: impl FnOnce(&str) -> T) -> io::Result<T> {
    let path = OFlag::O_PATH | OFlag::O_CLOEXEC;
    let top = open("/", path | OFlag::O_DIRECTORY, Mode::empty())?;
    let here = open(".", path | OFlag::O_DIRECTORY, Mode::empty())?;
    let host = open("/proc/thread-self/ns/mnt", OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?;
    unshare(CloneFlags::CLONE_NEWNS)?;
    let result = mounted(device, fstype, work);
    // Our namespace, and with it the mount, ends as we leave it. Joining a namespace sets root and
    // working directory to its top, which need not be where this process was.
    setns(&host, CloneFlags::CLONE_NEWNS)?;
    fchdir(&top)?;
    chroot(".")?;
    fchdir(&here)?;
    Ok(result?)
}

fn mounted<T>(device: &str, fstype: &str, work: impl FnOnce(&str) -> T) -> Result<T, Errno> {
    let nothing = None::<&str>;
    mount(nothing, "/", nothing, MsFlags::MS_REC | MsFlags::MS_PRIVATE, nothing)?;
    let flags = MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some(device), PLACE, Some(fstype), flags, nothing)?;
    let result = work(PLACE);
    umount2(PLACE, MntFlags::MNT_DETACH)?;
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// A file system made of memory stands for the disk: this needs root, and no disk.
    #[test]
    fn nobody_else_sees_the_mount() {
        if !nix::unistd::geteuid().is_root() {
            let refused = with("none", "tmpfs", |_| ()).unwrap_err();
            assert_eq!(refused.raw_os_error(), Some(Errno::EPERM as i32));
            return;
        }
        let mounts = || fs::read_to_string("/proc/thread-self/mountinfo").unwrap();
        let (before, cwd) = (mounts(), std::env::current_dir().unwrap());
        let inside = with("none", "tmpfs", |place| {
            let others = fs::read_to_string("/proc/1/mountinfo").unwrap();
            assert!(mounts().lines().any(|line| line.contains(" /mnt ") && line.contains("tmpfs")));
            assert!(fs::write(format!("{place}/x"), "").is_err(), "read-only");
            others
        })
        .unwrap();
        assert!(!inside.lines().any(|line| line.contains(" /mnt ") && line.contains("tmpfs")));
        assert_eq!((mounts(), std::env::current_dir().unwrap()), (before, cwd));
        let unknown = with("none", "no-such-file-system", |_| ()).unwrap_err();
        assert_eq!(unknown.raw_os_error(), Some(Errno::ENODEV as i32));
    }
}
