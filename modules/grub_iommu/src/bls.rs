//! Entries in files of their own: edited in place, as grubby does, for there is nothing that generates them.

use apply::FileChange;
use config_text::{bls, kernel_cmdline};
use host::bls::Bls;
use kernel_parameters::{Wanted, fits, judge};
use protocol::Failure;

use crate::Args;
use crate::observe::Observed;

/// The variable of `/etc/default/grub` that entries of kernels to come are made from: grubby edits that
/// one, whatever `variable` says.
pub(crate) const VARIABLE: &str = "GRUB_CMDLINE_LINUX";

/// The files beside the settings that change: `/etc/kernel/cmdline`, from which kernel-install makes the
/// next entry, the environment block, and the entries. The first is written after `/etc/default/grub`:
/// where it is the older one, the next kernel's installation would make it anew.
pub(crate) fn changes(
    args: &Args,
    seen: &Observed,
    found: &Bls,
    wanted: &Wanted,
) -> Result<Vec<FileChange>, Failure> {
    let full = |path: &str| seen.machine.full(path);
    let mut changes = Vec::new();
    if let Some(before) = &found.kernel_cmdline {
        let (after, edit) = kernel_cmdline::rewrite(before, &wanted.wish);
        if !edit.is_noop() {
            fits(after.trim_ascii(), &full(host::kernel_cmdline::PATH))?;
            changes.push((host::kernel_cmdline::PATH.to_string(), after));
        }
    }
    let edited = bls::edit(&found.files, found.environment.as_ref(), &wanted.wish)
        .map_err(|error| Failure::coded(error.code(), full(&error.to_string())))?;
    carried(args, seen, found, wanted, &edited)?;
    changes.extend(edited);
    let change = |(path, after): (String, Vec<u8>)| FileChange {
        before: old(found, &path),
        after: Some(after),
        mode: FileChange::PLAIN,
        path,
    };
    Ok(changes.into_iter().map(change).collect())
}

fn old(found: &Bls, path: &str) -> Option<Vec<u8>> {
    if path == host::kernel_cmdline::PATH {
        return found.kernel_cmdline.clone();
    }
    let files = found.files.iter().chain(&found.environment);
    files.into_iter().find(|(known, _)| known == path).map(|(_, bytes)| bytes.clone())
}

/// Refuses where the entries would not carry the parameters in the end.
fn carried(
    args: &Args,
    seen: &Observed,
    found: &Bls,
    wanted: &Wanted,
    edited: &[(String, Vec<u8>)],
) -> Result<(), Failure> {
    let new =
        |file: &(String, Vec<u8>)| edited.iter().find(|(path, _)| *path == file.0).unwrap_or(file).clone();
    let after = Bls {
        files: found.files.iter().map(new).collect(),
        environment: found.environment.as_ref().map(new),
        kernel_cmdline: None,
    };
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
