//! The scripts in the initramfs that bind devices by their addresses.

use apply::FileChange;
use config_text::device_override::{self, DRACUT_SETUP, Entry, INITRAMFS_TOOLS_HOOK};
use host::initramfs::{Builder, files};
use preflight::Device;
use protocol::Failure;

use crate::method::{Bind, Method};
use crate::observe::Observed;

/// The devices that the scripts take now.
pub fn entries(seen: &Observed) -> Result<Vec<Entry>, Failure> {
    let mut found: Vec<Entry> = Vec::new();
    for path in [files::INIT_TOP, files::DRACUT_SCRIPT] {
        let Some(script) = seen.scripts.get(path) else { continue };
        let Some(entries) = device_override::parse(&script.bytes) else {
            let msg = format!(
                "{path}: is not the script of this module, whose place it has; move it away and run again"
            );
            return Err(Failure::coded("foreign_file", msg));
        };
        for entry in entries {
            if !found.iter().any(|known| known.address == entry.address) {
                found.push(entry);
            }
        }
    }
    Ok(found)
}

/// The entries once `binds` are in force: each device by one way only.
pub fn with(mut entries: Vec<Entry>, binds: &[Bind]) -> Vec<Entry> {
    entries.retain(|entry| !binds.iter().any(|bind| bind.device.address == entry.address));
    entries
        .extend(binds.iter().filter(|bind| bind.method == Method::Override).map(|bind| entry(bind.device)));
    entries.sort_by(|a, b| a.address.cmp(&b.address));
    entries
}

fn entry(device: &Device) -> Entry {
    Entry {
        address: device.address.clone(),
        id: device.id.clone(),
        subsystem: device.subsystem.clone().unwrap_or_else(|| "0000:0000".to_string()),
    }
}

/// The files that differ from what `entries` need: those of the generator that is installed, and none of
/// the other's.
pub fn changes(seen: &Observed, entries: &[Entry]) -> Result<Vec<FileChange>, Failure> {
    let builder = seen.initramfs.generator.map(|generator| generator.builder);
    let is = |wanted: Builder, path: &str| match builder {
        Some(Builder::InitramfsTools | Builder::Dracut) => builder == Some(wanted),
        // Nothing is built here: what is there is kept up, not moved.
        Some(Builder::Mkinitcpio) | None => seen.scripts.contains_key(path),
    };
    let mut changes = Vec::new();
    let all = [
        (Builder::InitramfsTools, files::INIT_TOP, device_override::init_top_script(entries)),
        (Builder::InitramfsTools, files::HOOK, INITRAMFS_TOOLS_HOOK.to_string()),
        (Builder::Dracut, files::DRACUT_SCRIPT, device_override::dracut_script(entries)),
        (Builder::Dracut, files::DRACUT_SETUP, DRACUT_SETUP.to_string()),
    ];
    for (builder, path, text) in all {
        let wanted = (!entries.is_empty() && is(builder, path)).then(|| text.into_bytes());
        let there = seen.scripts.get(path);
        if wanted.is_some() && there.is_some_and(|script| !script.executable) {
            let msg =
                format!("{path}: is not executable, so that no image gets it; chmod 755 it and run again");
            return Err(Failure::coded("not_executable", msg));
        }
        let before = there.map(|script| script.bytes.clone());
        if before != wanted {
            changes.push(FileChange {
                path: path.to_string(),
                before,
                after: wanted,
                mode: FileChange::SCRIPT,
            });
        }
    }
    Ok(changes)
}
