//! Entries in files of their own: edited in place, as grubby does, for there is nothing that generates them.

use apply::FileChange;
use config_text::kernel_cmdline_file::Reader;
use config_text::{bls, kernel_cmdline};
use host::bls::Bls;
use kernel_parameters::{Guard, State, Wanted, fits, judge, sound};
use protocol::Failure;

use crate::Args;
use crate::observe::Observed;

/// The variable of `/etc/default/grub` that entries of kernels to come are made from: grubby edits that
/// one, whatever `variable` says.
pub(crate) const VARIABLE: &str = "GRUB_CMDLINE_LINUX";

/// What happens beside the settings.
#[derive(Debug, Default)]
pub(crate) struct Edited {
    /// The files that change.
    pub files: Vec<FileChange>,
    /// The command line of the first entry that is no recovery entry, variables expanded, before and after;
    /// `None` where there is no such entry.
    pub line: Option<(Vec<u8>, Vec<u8>)>,
    /// Tokens that are new in one of the files.
    pub added: Vec<Vec<u8>>,
    /// Tokens that are gone from one of the files.
    pub removed: Vec<Vec<u8>>,
}

/// The files beside the settings that change: `/etc/kernel/cmdline`, from which kernel-install makes the
/// next entry, the environment block, and the entries. The first is written after `/etc/default/grub`:
/// where it is the older one, the next kernel's installation would make it anew.
pub(crate) fn changes(
    args: &Args,
    seen: &Observed,
    found: &Bls,
    wanted: &Wanted,
    guard: &mut Guard,
) -> Result<Edited, Failure> {
    let full = |path: &str| seen.machine.full(path);
    let mut changes = Vec::new();
    let mut result = Edited::default();
    // kernel-install takes a blank file for none.
    if let Some(before) = found.kernel_cmdline.as_ref().filter(|text| !text.trim_ascii().is_empty()) {
        let path = host::kernel_cmdline::PATH;
        let (after, edit) = kernel_cmdline::rewrite(before, &wanted.wish);
        let idle = args.state == State::Absent && edit.is_noop();
        sound((before, path), Reader::KernelInstall, &seen.machine, idle, guard)?;
        if !edit.is_noop() {
            fits(after.trim_ascii(), &full(path))?;
            changes.push((path.to_string(), after));
        }
        (result.added, result.removed) = (edit.added, edit.removed);
    }
    let edited = bls::edit(&found.files, found.environment.as_ref(), &wanted.wish)
        .map_err(|error| Failure::coded(error.code(), full(&error.to_string())))?;
    let after = edited_entries(found, &edited);
    carried(args, seen, &after, wanted)?;
    tell(seen, found, &after, &mut result);
    changes.extend(edited);
    let change = |(path, after): (String, Vec<u8>)| FileChange {
        before: old(found, &path),
        after: Some(after),
        mode: FileChange::PLAIN,
        path,
    };
    result.files = changes.into_iter().map(change).collect();
    Ok(result)
}

/// The entries and the environment block as they will be.
fn edited_entries(found: &Bls, edited: &[(String, Vec<u8>)]) -> Bls {
    let new =
        |file: &(String, Vec<u8>)| edited.iter().find(|(path, _)| *path == file.0).unwrap_or(file).clone();
    Bls {
        files: found.files.iter().map(new).collect(),
        environment: found.environment.as_ref().map(new),
        kernel_cmdline: None,
    }
}

/// Fills in what the entries carry before and after.
fn tell(seen: &Observed, before: &Bls, after: &Bls, result: &mut Edited) {
    let (before, after) = (before.entries(&seen.machine.kernels), after.entries(&seen.machine.kernels));
    for (old, new) in before.iter().zip(&after) {
        let (old, new) = (&old.arguments, &new.arguments);
        merge(&mut result.added, beyond(new, old));
        merge(&mut result.removed, beyond(old, new));
    }
    let mut lines = before.into_iter().zip(after).filter(|(old, _)| !old.recovery);
    result.line = lines.next().map(|(old, new)| (old.arguments, new.arguments));
}

/// The tokens of `line` that `other` does not have, or not as often.
fn beyond(line: &[u8], other: &[u8]) -> Vec<Vec<u8>> {
    let mut other: Vec<&[u8]> = kernel_cmdline::tokens(other).iter().map(|token| token.raw).collect();
    let mut left = Vec::new();
    for token in kernel_cmdline::tokens(line) {
        match other.iter().position(|raw| *raw == token.raw) {
            Some(at) => drop(other.swap_remove(at)),
            None => left.push(token.raw.to_vec()),
        }
    }
    left
}

/// Adds what is not there yet, in order.
pub(crate) fn merge(tokens: &mut Vec<Vec<u8>>, more: Vec<Vec<u8>>) {
    for token in more {
        if !tokens.contains(&token) {
            tokens.push(token);
        }
    }
}

fn old(found: &Bls, path: &str) -> Option<Vec<u8>> {
    if path == host::kernel_cmdline::PATH {
        return found.kernel_cmdline.clone();
    }
    let files = found.files.iter().chain(&found.environment);
    files.into_iter().find(|(known, _)| known == path).map(|(_, bytes)| bytes.clone())
}

/// Refuses where the entries would not carry the parameters in the end.
fn carried(args: &Args, seen: &Observed, after: &Bls, wanted: &Wanted) -> Result<(), Failure> {
    let entries = after.entries(&seen.machine.kernels);
    for entry in &entries {
        fits(&entry.arguments, &seen.machine.full(entry.place.as_deref().unwrap_or_default()))?;
    }
    let judged = judge(&entries, &seen.machine, args.state, wanted);
    match judged.iter().find(|entry| !entry.carries) {
        None => Ok(()),
        Some(entry) => Err(Failure::coded(
            "bls_entry_not_in_force",
            format!(
                "{}: the entry \"{}\" {} even after the edit: a variable of GRUB's environment block brings it; look \
                 at grub2-editenv list",
                seen.machine.full(entry.place.as_deref().unwrap_or_default()),
                entry.title,
                entry.fault()
            ),
        )),
    }
}
