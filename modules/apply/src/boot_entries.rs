//! Refreshing `grub.cfg` atomically: the new file is generated beside the old one, its entries are
//! verified there, and only then does it take the old one's place.

use std::ffi::OsString;
use std::fs::File;
use std::time::Duration;

use config_text::boot_entry;
use config_text::grub_cfg;
use host::{Location, Root};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{Mode, fstatat};
use nix::unistd::fsync;

use crate::error::Step;
use crate::loader_files;
use crate::plan::BootEntries;
use crate::write::{commit, discard, dress_like, file_error, hidden_name, sync};

/// os-prober on a host with many disks takes minutes.
pub(crate) const LIMIT: Duration = Duration::from_secs(900);

/// A refresh under way.
pub(crate) struct Refresh {
    /// The generated file's bytes until now.
    pub(crate) before: Option<Vec<u8>>,
    at: Location,
    /// The name beside the old file; `None` where the command writes the file itself.
    beside: Option<OsString>,
}

/// Looks at the old file and clears away what a cut run left.
pub(crate) fn prepare(root: &Root, entries: &BootEntries) -> Result<Refresh, Step> {
    let before = root.read_opt(&entries.output)?;
    let at = root.locate(&entries.output)?;
    let beside = (entries.writes != entries.output).then(|| hidden_name(&at.name));
    let refresh = Refresh { before, at, beside };
    refresh.clean();
    Ok(refresh)
}

impl Refresh {
    /// After the command: verifies the new entries and puts the file in place, or clears it away.
    pub(crate) fn finish(
        self,
        root: &Root,
        entries: &BootEntries,
        done: Result<(), Step>,
    ) -> Result<(), Step> {
        let result = done.and_then(|()| self.take(root, entries));
        self.clean();
        result
    }

    fn take(&self, root: &Root, entries: &BootEntries) -> Result<(), Step> {
        let Some(bytes) = root.read_opt(&entries.writes)? else {
            return Err(Step::Unmet(format!(
                "`{}` ended well but wrote no file; {} was left as it was",
                entries.command.join(" "),
                root.full(&entries.output)
            )));
        };
        verify(root, entries, self.before.as_deref(), &bytes)?;
        let Some(name) = &self.beside else { return sync(root, &entries.output) };
        let fail = |errno: Errno| file_error(root, &entries.output, "write", errno);
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let file = File::from(openat(&self.at.dir, name.as_os_str(), flags, Mode::empty()).map_err(fail)?);
        match fstatat(&self.at.dir, self.at.name.as_os_str(), AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(stat) => dress_like(&file, &self.at, &self.at.name, &stat).map_err(fail)?,
            Err(Errno::ENOENT) => {}
            Err(errno) => return Err(fail(errno)),
        }
        fsync(&file).map_err(fail)?;
        commit(root, &self.at, name)
    }

    /// Removes what a failed or cut run left: our file, and the one grub-mkconfig makes beside it.
    fn clean(&self) {
        let Some(name) = &self.beside else { return };
        discard(&self.at, name);
        discard(&self.at, &loader_files::old_name(&self.at.name));
        let mut half = name.clone();
        half.push(".new");
        discard(&self.at, &half);
    }
}

/// Whether every non-recovery entry of an installed kernel is as wanted, and none that had an entry
/// lost it.
fn verify(root: &Root, wanted: &BootEntries, before: Option<&[u8]>, after: &[u8]) -> Result<(), Step> {
    let judge = |bytes| {
        boot_entry::judge(&grub_cfg::entries(bytes), &wanted.kernels, &wanted.present, &wanted.absent)
    };
    let judged = judge(after);
    let unmet = |what: String| {
        let (command, path) = (wanted.command.join(" "), root.full(&wanted.output));
        Err(Step::Unmet(format!("`{command}` ended well but {what}; {path} was left as it was")))
    };
    if judged.is_empty() && !wanted.kernels.is_empty() {
        return unmet(format!("wrote no entry for any installed kernel ({})", wanted.kernels.join(", ")));
    }
    let old = judge(before.unwrap_or_default());
    if let Some(lost) = old.iter().find(|old| !judged.iter().any(|new| new.release == old.release)) {
        return unmet(format!("wrote no entry for the kernel {}, which had one", lost.release));
    }
    match judged.iter().find(|entry| !entry.carries) {
        None => Ok(()),
        Some(entry) => unmet(format!("the entry \"{}\" ({}) {}", entry.title, entry.release, entry.fault())),
    }
}
