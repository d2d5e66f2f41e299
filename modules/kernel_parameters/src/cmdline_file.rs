//! What keeps the entries from being made from `/etc/kernel/cmdline`.

use config_text::kernel_cmdline_file::{Reader, faults};
use host::esp::{Entries, EntryFile, Format};
use protocol::Failure;

use crate::{Guard, Machine, State, Wanted, judge};

/// Refuses a file from which nothing would boot, or not as written; `name` is the file's. Where nothing is
/// written to it or made from it (`idle`), its mistakes are warnings.
///
/// # Errors
/// The first mistake, with its code and line.
pub fn sound(
    (text, name): (&[u8], &str),
    reader: Reader,
    machine: &Machine,
    idle: bool,
    guard: &mut Guard,
) -> Result<(), Failure> {
    for fault in faults(text, reader, machine.cmdline.as_deref()) {
        let message = format!("{}:{}: {fault}", machine.full(name), fault.line());
        match idle || fault.is_harmless() {
            true => guard.warn(fault.code(), &message),
            false => guard.refuse(fault.code(), message)?,
        }
    }
    Ok(())
}

/// Code and message of the first entry that is not as wanted and that no tool would write anew: kernel-install
/// and proxmox-boot-tool name each file after the kernel's release, people do not.
pub fn by_hand(
    found: &Entries,
    machine: &Machine,
    state: State,
    wanted: &Wanted,
) -> Option<(&'static str, String)> {
    // Packages may name the image otherwise, as Arch's do: the name of the entry is of no use then.
    let written = |file: &EntryFile, name: &str| {
        let file = file.path.rsplit('/').next().unwrap_or_default();
        let mut kernels = machine.kernels.iter().filter(|kernel| kernel.entry_name() == name);
        kernels.any(|kernel| file.contains(&kernel.release))
    };
    let own = found.files.iter().filter(|file| file.format == Format::LoaderEntry);
    let lagging = own.flat_map(|file| {
        let judged = judge(&file.entries(&machine.kernels), machine, state, wanted);
        judged.into_iter().map(move |entry| (file, entry))
    });
    let (file, entry) =
        lagging.into_iter().find(|(file, entry)| !entry.carries && !written(file, &entry.release))?;
    Some((
        "entry_by_hand",
        format!(
            "{}: the entry \"{}\" {}, and was written by hand: kernel-install and proxmox-boot-tool put the kernel's \
             release into the name of each file they write, and leave this one as it is; edit its options line, or \
             remove the file where another entry boots this kernel, and run again",
            machine.full(&file.path),
            entry.title,
            entry.fault()
        ),
    ))
}

/// Code and message where entries that are made anew could not be read back, or would be written beside the ESP.
/// `mounted`: whether an ESP is mounted ([`host::esp::is_mounted`]).
pub fn esp_guard(reader: Reader, found: &Entries, mounted: Option<bool>) -> Option<(&'static str, String)> {
    match reader {
        Reader::ProxmoxBootTool if found.read.is_empty() => Some((
            "esp_unreadable",
            format!("no ESP of proxmox-boot-tool can be read: {}", found.faults.join("; ")),
        )),
        Reader::KernelInstall if mounted == Some(false) => Some((
            "esp_not_mounted",
            "no ESP is mounted at /efi, /boot or /boot/efi, so the entries would be written where no boot loader \
             looks; mount it (mount /boot/efi) and run again"
                .to_string(),
        )),
        _ => None,
    }
}
