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
use crate::plan::BootEntries;
use crate::write::{commit, discard, dress_like, file_error, hidden_name};

/// os-prober on a host with many disks takes minutes.
pub(crate) const LIMIT: Duration = Duration::from_secs(900);

/// A refresh under way.
pub(crate) struct Refresh {
    /// The generated file's bytes until now.
    pub(crate) before: Option<Vec<u8>>,
    /// The command with the place to write filled in.
    pub(crate) command: Vec<String>,
    at: Location,
    /// The name beside the old file; `None` where the command writes the file itself.
    beside: Option<OsString>,
}

/// Chooses where the new file is generated.
pub(crate) fn prepare(root: &Root, entries: &BootEntries) -> Result<Refresh, Step> {
    let before = root.read_opt(&entries.output)?;
    let at = root.locate(&entries.output)?;
    let own = entries.command.iter().all(|word| word != BootEntries::OUTPUT);
    let hidden = hidden_name(&at.name);
    let dir = at.path.rsplit_once('/').map_or("", |(dir, _)| dir);
    let place = format!("{dir}/{}", hidden.to_string_lossy());
    let fill = |word: &String| if word == BootEntries::OUTPUT { place.clone() } else { word.clone() };
    let command = entries.command.iter().map(fill).collect();
    let refresh = Refresh { before, command, at, beside: (!own).then_some(hidden) };
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
        let dir = self.at.path.rsplit_once('/').map_or("", |(dir, _)| dir);
        let path = match &self.beside {
            Some(name) => format!("{dir}/{}", name.to_string_lossy()),
            None => entries.output.clone(),
        };
        let bytes = root.read(&path)?;
        verify(&entries.output, &entries.command.join(" "), &bytes, entries)?;
        let Some(name) = &self.beside else { return Ok(()) };
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
        let mut half = name.clone();
        half.push(".new");
        discard(&self.at, &half);
    }
}

/// Whether every non-recovery entry of an installed kernel is as wanted.
fn verify(path: &str, command: &str, bytes: &[u8], wanted: &BootEntries) -> Result<(), Step> {
    let entries = grub_cfg::entries(bytes);
    let judged = boot_entry::judge(&entries, &wanted.kernels, &wanted.present, &wanted.absent);
    if judged.is_empty() && !wanted.kernels.is_empty() {
        return Err(Step::Unmet(format!(
            "`{command}` ended well but wrote no entry for any installed kernel ({}); {path} was left as it was",
            wanted.kernels.join(", ")
        )));
    }
    match judged.iter().find(|entry| !entry.carries) {
        None => Ok(()),
        Some(entry) => Err(Step::Unmet(format!(
            "the entry \"{}\" that `{command}` wrote {}; {path} was left as it was",
            entry.title,
            entry.fault()
        ))),
    }
}
