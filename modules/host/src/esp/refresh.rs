//! Which commands make the boot entries on the ESPs anew.

use super::{Entries, EntryFile, Format, listed};
use crate::kernels::Kernel;
use crate::{HostError, Root};

/// The commands that make the entries anew, in order: `proxmox-boot-tool refresh` where it lists an ESP,
/// `reinstall-kernels` where a distribution has it, `mkinitcpio -P` where the kernels boot as unified images that it
/// makes, else `kernel-install add` for each kernel that has an entry (for all of them where none has one:
/// adding a kernel to an ESP unasked may fill it).
pub fn refresh_commands(
    root: &Root,
    kernels: &[Kernel],
    entries: &Entries,
) -> Result<Vec<Vec<String>>, HostError> {
    let words = |words: &[&str]| words.iter().map(|word| word.to_string()).collect::<Vec<_>>();
    if !listed(root)?.is_empty() {
        return Ok(vec![words(&["proxmox-boot-tool", "refresh"])]);
    }
    let dirs = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin"];
    let installed = |name: &str| dirs.iter().any(|dir| root.exists(&format!("{dir}/{name}")));
    if installed("reinstall-kernels") {
        return Ok(vec![words(&["reinstall-kernels"])]);
    }
    let unified = |file: &EntryFile| file.format == Format::UnifiedImage;
    if installed("mkinitcpio") && !entries.files.is_empty() && entries.files.iter().all(unified) {
        return Ok(vec![words(&["mkinitcpio", "-P"])]);
    }
    let known = entries.entries(kernels);
    let has_entry =
        |kernel: &&Kernel| known.iter().any(|entry| entry.release.as_deref() == Some(kernel.entry_name()));
    let some = kernels.iter().any(|kernel| has_entry(&kernel));
    let add =
        |kernel: &Kernel| Some(words(&["kernel-install", "add", &kernel.release, kernel.image.as_deref()?]));
    Ok(kernels.iter().filter(|kernel| !some || has_entry(kernel)).filter_map(add).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::esp::observe;
    use crate::esp::tests::{image, tree};

    #[test]
    fn the_command_that_makes_the_entries_is_the_one_that_is_there() {
        let entry = ("boot/efi/loader/entries/4a-6.1.conf", b"version 6.1\nlinux /4a/6.1/linux\n".as_slice());
        let unified = image(b"root=a", b"6.1");
        let unified = ("boot/efi/EFI/Linux/arch.efi", unified.as_slice());
        let kernel = |release: &str| Kernel {
            release: release.into(),
            image: Some(format!("/boot/vmlinuz-{release}")),
            ..Kernel::default()
        };
        let kernels = [kernel("6.1"), kernel("6.12")];
        type Case<'a> = (&'a [(&'a str, &'a [u8])], &'a [&'a str]);
        let table: [Case; 6] = [
            (&[entry], &["kernel-install add 6.1 /boot/vmlinuz-6.1"]),
            (
                &[],
                &["kernel-install add 6.1 /boot/vmlinuz-6.1", "kernel-install add 6.12 /boot/vmlinuz-6.12"],
            ),
            (&[entry, ("usr/bin/reinstall-kernels", b"")], &["reinstall-kernels"]),
            (&[unified, ("usr/bin/mkinitcpio", b"")], &["mkinitcpio -P"]),
            (&[unified, entry, ("usr/bin/mkinitcpio", b"")], &["kernel-install add 6.1 /boot/vmlinuz-6.1"]),
            (&[entry, ("etc/kernel/proxmox-boot-uuids", b"1A2B-3C4D\n")], &["proxmox-boot-tool refresh"]),
        ];
        for (files, want) in table {
            let (_dir, root) = tree(files);
            let commands = refresh_commands(&root, &kernels, &observe(&root).unwrap()).unwrap();
            let commands: Vec<String> = commands.iter().map(|words| words.join(" ")).collect();
            assert_eq!(commands, want, "{files:?}");
        }
    }
}
