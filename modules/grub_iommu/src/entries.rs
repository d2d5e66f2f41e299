//! The boot entries: what they carry now, and whether they must be made anew.

use apply::{Activation, BootEntries, FileChange, Run};
use config_text::boot_entry::Judged;
use config_text::grub_cfg::{self, Entry};
use host::esp::Entries;
use kernel_parameters::{Wanted, judge, stale};
use serde_json::Value;

use crate::Args;
use crate::observe::{Boots, Observed};

/// The entries that boot this host.
fn current(seen: &Observed) -> Vec<Entry> {
    match &seen.boots {
        Boots::GrubConfig => grub_cfg::entries(seen.grub.config.as_deref().unwrap_or_default()),
        Boots::Bls(bls) => bls.entries(&seen.machine.kernels),
        Boots::Esps(entries, _) => entries.entries(&seen.machine.kernels),
    }
}

fn judged(args: &Args, seen: &Observed, wanted: &Wanted) -> Vec<Judged> {
    judge(&current(seen), &seen.machine, args.state, wanted)
}

/// What makes the entries anew, if that is due: a file is about to change, or an entry is not as wanted.
pub(crate) fn refresh(
    args: &Args,
    seen: &Observed,
    wanted: &Wanted,
    files: &[FileChange],
) -> Vec<Activation> {
    let changes = files.first().map(|file| file.path.as_str());
    match &seen.boots {
        Boots::GrubConfig => grub_config(args, seen, wanted, changes).into_iter().collect(),
        // The files themselves are the entries.
        Boots::Bls(_) => Vec::new(),
        Boots::Esps(entries, commands) => {
            let reason = stale(entries, &seen.machine, args.state, wanted, changes);
            let run = |(reason, command): (&String, &Vec<String>)| {
                Activation::Run(Run::make_entries(reason, command.clone()))
            };
            reason
                .iter()
                .flat_map(|reason| commands.iter().map(move |command| (reason, command)))
                .map(run)
                .collect()
        }
    }
}

fn grub_config(args: &Args, seen: &Observed, wanted: &Wanted, changes: Option<&str>) -> Option<Activation> {
    let judged = judged(args, seen, wanted);
    let faulty = judged.iter().find(|entry| !entry.carries);
    let reason = match (changes, faulty) {
        (Some(path), _) => format!("{path} changes"),
        (None, Some(entry)) => format!("the entry \"{}\" {}", entry.title, entry.fault()),
        (None, None) => return None,
    };
    let output = seen.grub.output().to_string();
    let beside = BootEntries::beside(&output);
    let (command, writes) = match &args.update_command {
        Some(command) => (command.clone(), output.clone()),
        None => (seen.grub.refresh_command(&beside), beside),
    };
    Some(Activation::BootEntries(BootEntries {
        reason,
        output,
        command,
        writes,
        kernels: seen.machine.releases(),
        present: wanted.present.clone(),
        absent: wanted.unwanted(args.state),
    }))
}

/// The entries as the reply shows them.
pub(crate) fn reply(args: &Args, seen: &Observed, wanted: &Wanted) -> Value {
    let none = Entries::default();
    let found = match &seen.boots {
        Boots::Esps(entries, _) => entries,
        Boots::GrubConfig | Boots::Bls(_) => &none,
    };
    kernel_parameters::reply(&judged(args, seen, wanted), found, seen.grub.config_path.as_deref())
}
