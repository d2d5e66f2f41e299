//! After a refresh that failed or fell short, the boot entries on the ESPs must be those of before.

use host::Root;
use host::esp::{self, Entries, EntryFile, Format};

use crate::error::Step;
use crate::loader_files;
use crate::plan::FileChange;
use crate::write;

/// Puts back what still differs from `before` once the refresh ran again with the old settings: it may be
/// the refresh itself that is broken. Tells what could not be brought back.
pub(crate) fn bring_back(root: &Root, before: &Entries) -> Vec<String> {
    let now = match esp::observe(root) {
        Ok(now) => now,
        Err(error) => return vec![error.to_string()],
    };
    let mut failed = Vec::new();
    for old in &before.files {
        if !now.files.contains(old) {
            failed.extend(put(root, old, Some(&old.bytes)).err());
        }
    }
    for new in &now.files {
        if !before.files.iter().any(|old| old.path == new.path) {
            failed.extend(put(root, new, None).err());
        }
    }
    failed
}

/// Brings the entries that a command has written to their places on the ESPs that are mounted.
pub(crate) fn settle(root: &Root) -> Result<(), Step> {
    if !root.is_live() {
        return Ok(());
    }
    let entries = esp::observe(root)?;
    entries
        .files
        .iter()
        .filter(|file| file.mounted)
        .try_for_each(|file| loader_files::settle(root, &file.path))
}

/// Writes or removes one file of entries, where it is mounted and not an image.
fn put(root: &Root, file: &EntryFile, bytes: Option<&[u8]>) -> Result<(), String> {
    if !file.mounted || file.format == Format::UnifiedImage {
        return Err(format!(
            "{}: differs from before; make the entries anew by hand and look at it",
            file.path
        ));
    }
    let done: Result<(), Step> = match bytes {
        Some(bytes) => write::replace(root, &file.path, bytes, FileChange::PLAIN),
        None => write::remove(root, &file.path),
    };
    done.map_err(|step| step.to_string())
}
