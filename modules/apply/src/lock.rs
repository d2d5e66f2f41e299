//! One writer per root at a time.

use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use host::Root;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, FcntlArg, FdFlag, OFlag, fcntl, openat};
use nix::sys::stat::{Mode, fstat, fstatat, mkdirat};
use nix::unistd::{UnlinkatFlags, unlinkat};

use crate::error::Step;

/// Not in /run/lock, which is world-writable: anyone could hold a lock there.
const PATH: &str = "/run/pci-passthrough.lock";
const NAME: &str = "pci-passthrough.lock";
/// An initramfs rebuild of several kernels takes minutes.
const PATIENCE: Duration = Duration::from_secs(600);

/// Held until dropped; the file is then removed, so that no run leaves one behind.
pub(crate) struct Lock<'a> {
    _file: File,
    dir: OwnedFd,
    /// Where this run had to make the directory, which then goes again.
    made_in: Option<&'a Root>,
}

impl<'a> Lock<'a> {
    /// Waits for the lock, at most ten minutes.
    pub(crate) fn take(root: &'a Root) -> Result<Lock<'a>, Step> {
        Lock::take_within(root, PATIENCE)
    }

    fn take_within(root: &'a Root, patience: Duration) -> Result<Lock<'a>, Step> {
        let fail = |doing, errno: Errno| Step::File { path: root.full(PATH), doing, source: errno.into() };
        let made_in = match mkdirat(root.as_fd(), "run", Mode::from_bits_truncate(0o755)) {
            Ok(()) => Some(root),
            Err(Errno::EEXIST) => None,
            // Comes before EEXIST: a read-only root may well have a writable /run.
            Err(Errno::EROFS) if root.is_dir("/run") => None,
            Err(errno) => return Err(fail("create its directory", errno)),
        };
        let dir = root
            .open_at("/run", OFlag::O_RDONLY | OFlag::O_DIRECTORY)
            .map_err(|source| Step::File { path: root.full("/run"), doing: "open", source })?;
        let flags = OFlag::O_CREAT | OFlag::O_RDWR | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let deadline = Instant::now() + patience;
        loop {
            let fd =
                openat(&dir, NAME, flags, Mode::from_bits_truncate(0o600)).map_err(|e| fail("lock", e))?;
            let mut file = File::from(fd);
            match file.try_lock() {
                Ok(()) => {
                    // The holder before us removed the file we opened: lock the one that is there now.
                    let mine = fstat(&file).map_err(|e| fail("lock", e))?;
                    let there = fstatat(&dir, NAME, AtFlags::AT_SYMLINK_NOFOLLOW);
                    if there.is_ok_and(|s| s.st_ino == mine.st_ino) {
                        // Only for the message of whoever waits; the lock holds without it.
                        let _ = file.set_len(0);
                        let _ = file.write_all(std::process::id().to_string().as_bytes());
                        // Inherited by the commands that run under the lock: if this process is
                        // killed, an orphaned update-initramfs still keeps the next run waiting.
                        fcntl(&file, FcntlArg::F_SETFD(FdFlag::empty())).map_err(|e| fail("lock", e))?;
                        return Ok(Lock { _file: file, dir, made_in });
                    }
                }
                Err(TryLockError::WouldBlock) => {
                    if Instant::now() >= deadline {
                        let mut holder = String::new();
                        let _ = file.read_to_string(&mut holder);
                        return Err(Step::Locked {
                            path: root.full(PATH),
                            seconds: patience.as_secs(),
                            holder,
                        });
                    }
                    std::thread::sleep(Duration::from_millis(50));
                }
                Err(TryLockError::Error(e)) if e.kind() == ErrorKind::Interrupted => {}
                Err(TryLockError::Error(source)) => {
                    return Err(Step::File { path: root.full(PATH), doing: "lock", source });
                }
            }
        }
    }
}

impl Drop for Lock<'_> {
    fn drop(&mut self) {
        // A left-over file locks nothing: failing to remove it does no harm.
        let _ = unlinkat(&self.dir, NAME, UnlinkatFlags::NoRemoveDir);
        if let Some(root) = self.made_in {
            let _ = unlinkat(root.as_fd(), "run", UnlinkatFlags::RemoveDir);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_and_nothing_left_behind() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        let first = Lock::take(&root).unwrap();
        let refused = Lock::take_within(&root, Duration::from_millis(120)).err().unwrap().to_string();
        assert!(refused.contains(&format!("process {}", std::process::id())), "{refused}");
        drop(first);
        drop(Lock::take(&root).unwrap());
        assert!(!dir.path().join("run").exists());
    }

    #[test]
    fn a_planted_link_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("run")).unwrap();
        std::os::unix::fs::symlink("/tmp/elsewhere", dir.path().join("run").join(NAME)).unwrap();
        let root = Root::open(dir.path()).unwrap();
        assert!(Lock::take(&root).is_err());
    }
}
