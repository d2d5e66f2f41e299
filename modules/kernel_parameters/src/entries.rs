//! The boot entries, judged by what is wanted.

use config_text::boot_entry::{self, Judged};
use config_text::grub_cfg::Entry;
use host::esp::Entries;
use serde_json::{Value, json};

use crate::{Machine, State, Wanted};

/// Judges the entries of the installed kernels as they are now.
pub fn judge(entries: &[Entry], machine: &Machine, state: State, wanted: &Wanted) -> Vec<Judged> {
    boot_entry::judge(entries, &machine.releases(), &wanted.present, &wanted.unwanted(state))
}

/// Why the entries on the ESPs must be made anew: a file is about to change (`changes`: its path), or one
/// of them is not as wanted. `None` where they are as wanted.
pub fn stale(
    found: &Entries,
    machine: &Machine,
    state: State,
    wanted: &Wanted,
    changes: Option<&str>,
) -> Option<String> {
    if let Some(path) = changes {
        return Some(format!("{path} changes"));
    }
    let judged = judge(&found.entries(&machine.kernels), machine, state, wanted);
    if let Some(entry) = judged.iter().find(|entry| !entry.carries) {
        let place = entry.place.as_deref().unwrap_or_default();
        return Some(format!("the entry \"{}\" ({place}) {}", entry.title, entry.fault()));
    }
    if state == State::Absent || machine.kernels.is_empty() {
        return None;
    }
    let has_entry = |esp: &&String| {
        let of_esp = |file: &&host::esp::EntryFile| file.esp.is_none() || file.esp.as_ref() == Some(*esp);
        let mut files = found.files.iter().filter(of_esp);
        files.any(|file| judged.iter().any(|entry| entry.place.as_ref() == Some(&file.path)))
    };
    match found.read.iter().find(|esp| !has_entry(esp)) {
        Some(esp) => Some(format!("the ESP {esp} has no entry for an installed kernel")),
        None if judged.is_empty() => Some("no entry boots an installed kernel".to_string()),
        None => None,
    }
}

/// The entries as the reply shows them. `file` is where those are that have no file of their own.
pub fn reply(judged: &[Judged], found: &Entries, file: Option<&str>) -> Value {
    judged
        .iter()
        .map(|entry| {
            let own = found.files.iter().find(|file| Some(&file.path) == entry.place.as_ref());
            json!({
                "title": entry.title,
                "kernel": entry.release,
                "carries": entry.carries,
                "missing": entry.missing,
                "unwanted": entry.unwanted,
                "file": entry.place.as_deref().or(file),
                "esp": own.and_then(|file| file.esp.as_deref()),
            })
        })
        .collect()
}
