//! The generated entries: what they carry now, and whether they must be generated anew.

use apply::BootEntries;
use config_text::boot_entry::{self, Judged};
use config_text::grub_cfg;
use serde_json::{Value, json};

use crate::observe::Observed;
use crate::wish::Wanted;
use crate::{Args, State};

/// What switches an IOMMU off, and must not stay in an entry where `present` asks for one.
const OFF: [&str; 3] = ["intel_iommu=off", "amd_iommu=off", "iommu=off"];

/// Judges the entries as they are now.
pub(crate) fn judge(args: &Args, seen: &Observed, wanted: &Wanted) -> Vec<Judged> {
    let config = seen.grub.config.as_deref().unwrap_or_default();
    boot_entry::judge(&grub_cfg::entries(config), &releases(seen), &wanted.present, &unwanted(args, wanted))
}

/// Tokens and keys that no entry may carry.
fn unwanted(args: &Args, wanted: &Wanted) -> Vec<String> {
    let off: &[&str] = if args.state == State::Present { &OFF } else { &[] };
    off.iter().map(|token| token.to_string()).chain(wanted.absent.iter().cloned()).collect()
}

fn releases(seen: &Observed) -> Vec<String> {
    seen.kernels.iter().map(|kernel| kernel.entry_name().to_string()).collect()
}

/// The refresh, if it is due: a file is about to change, or an entry is not as wanted.
pub(crate) fn refresh(
    args: &Args,
    seen: &Observed,
    wanted: &Wanted,
    changes: Option<&str>,
) -> Option<BootEntries> {
    let judged = judge(args, seen, wanted);
    let stale = judged.iter().find(|entry| !entry.carries);
    let reason = match (changes, stale) {
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
    Some(BootEntries {
        reason,
        output,
        command,
        writes,
        kernels: releases(seen),
        present: wanted.present.clone(),
        absent: unwanted(args, wanted),
    })
}

/// The entries as the reply shows them.
pub(crate) fn reply(judged: &[Judged]) -> Value {
    judged
        .iter()
        .map(|entry| {
            json!({
                "title": entry.title,
                "kernel": entry.release,
                "carries": entry.carries,
                "missing": entry.missing,
                "unwanted": entry.unwanted,
            })
        })
        .collect()
}
