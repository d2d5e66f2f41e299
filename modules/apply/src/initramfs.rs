//! Rebuilding the initramfs so that a failure leaves the old images in place.

use std::ffi::OsString;
use std::time::Duration;

use host::{Location, Root};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, renameat};
use nix::sys::stat::FileStat;
use nix::unistd::{fsync, linkat};

use crate::error::Step;
use crate::loader_files;
use crate::plan::Initramfs;
use crate::write::{self, discard, file_error, hidden_name};

/// Several kernels on a slow machine take many minutes.
pub(crate) const LIMIT: Duration = Duration::from_secs(3600);

/// Hard links to the old images: update-initramfs and dracut rename a new image over the old one, so
/// a link keeps it without copying a byte.
pub(crate) struct KeptImages<'a> {
    root: &'a Root,
    kept: Vec<(String, Location, OsString)>,
    /// What each image was before: see [`identity`].
    before: Vec<(String, Identity)>,
}

impl<'a> KeptImages<'a> {
    /// Links every image that is there. Where that keeps nothing, it is copied: on a file system without
    /// hard links (vfat), and for mkinitcpio, which writes into the old file itself.
    pub(crate) fn keep(
        root: &'a Root,
        images: &[String],
        command: &[String],
    ) -> Result<KeptImages<'a>, Step> {
        let (mut kept, mut before) = (Vec::new(), Vec::new());
        for path in images {
            let at = root.locate(path)?;
            before.extend(root.stat(path).map(|stat| (path.clone(), identity(&stat))));
            let link = hidden_name(&at.name);
            discard(&at, &link);
            let in_place = command.first().is_some_and(|name| name.ends_with("mkinitcpio"));
            let linked = match in_place {
                true => Err(Errno::EOPNOTSUPP),
                false => linkat(&at.dir, at.name.as_os_str(), &at.dir, link.as_os_str(), AtFlags::empty()),
            };
            let done = match linked {
                Err(Errno::EPERM | Errno::EOPNOTSUPP) => write::copy_image(&at, &link),
                other => other,
            };
            match done {
                Ok(()) => kept.push((path.clone(), at, link)),
                Err(Errno::ENOENT) => {}
                Err(errno) => {
                    discard(&at, &link);
                    KeptImages { root, kept, before }.discard();
                    return Err(file_error(root, path, "keep the old image", errno));
                }
            }
        }
        Ok(KeptImages { root, kept, before })
    }

    /// Puts the old images back; tells which could not be.
    pub(crate) fn bring_back(self) -> Vec<String> {
        let mut failed = Vec::new();
        for (path, at, link) in &self.kept {
            // A rename between two links of one file does nothing and leaves both.
            let back = renameat(&at.dir, link.as_os_str(), &at.dir, at.name.as_os_str());
            discard(at, link);
            if let Err(errno) = back.and_then(|()| fsync(&at.dir)) {
                failed.push(file_error(self.root, path, "bring the old image back", errno).to_string());
            }
            failed.extend(loader_files::settle(self.root, &at.path).err().map(|step| step.to_string()));
        }
        failed
    }

    /// After the generator ended well: every image must have been written by it.
    pub(crate) fn verify(&self, initramfs: &Initramfs) -> Result<(), Step> {
        let command = initramfs.command.join(" ");
        for path in &initramfs.images {
            let fault = match self.root.stat(path) {
                None => "is gone",
                Some(stat) if stat.st_size == 0 => "is empty",
                Some(stat) if self.before.contains(&(path.clone(), identity(&stat))) => {
                    "was not written anew"
                }
                Some(_) => {
                    // The generators leave that to chance; after a power cut the image must be whole.
                    write::sync(self.root, path)?;
                    continue;
                }
            };
            let path = self.root.full(path);
            return Err(Step::Unmet(format!(
                "{path}: {fault} though `{command}` ended well; look at its configuration"
            )));
        }
        Ok(())
    }

    /// Drops the links: the new images are good.
    pub(crate) fn discard(self) {
        for (_, at, link) in &self.kept {
            discard(at, link);
        }
    }
}

/// What tells an image that was written anew from the old one: inode and modification time.
type Identity = (u64, i64, i64);

fn identity(stat: &FileStat) -> Identity {
    (stat.st_ino, stat.st_mtime, stat.st_mtime_nsec)
}
