//! GRUB with entries in files of their own (Fedora and the RHEL family, `GRUB_ENABLE_BLSCFG=true`).
//!
//! GRUB's `blscfg` reads `/boot/loader/entries/*.conf` at boot and expands variables of its environment
//! block in `options`: RHEL 8 keeps the command line there (`$kernelopts`), tuned its own part
//! (`$tuned_params`). Nothing generates the files anew but the installation of a kernel, which takes
//! `/etc/kernel/cmdline` or `/etc/default/grub`.

use config_text::grub_cfg::{self, Entry};
use config_text::{grubenv, loader_entry};

use crate::kernels::Kernel;
use crate::{HostError, Root};

/// Where the entries are.
pub const ENTRIES: &str = "/boot/loader/entries";
/// Where `grubby` looks for the environment block, and Debian's place.
const ENVIRONMENTS: [&str; 2] = ["/boot/grub2/grubenv", "/boot/grub/grubenv"];

/// The entries and what they are made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bls {
    /// Path and bytes of each entry, in the order of their names.
    pub files: Vec<(String, Vec<u8>)>,
    /// Path and bytes of the environment block.
    pub environment: Option<(String, Vec<u8>)>,
    /// `/etc/kernel/cmdline`, from which the entries of kernels to come are made.
    pub kernel_cmdline: Option<Vec<u8>>,
}

/// Reads them.
pub fn read(root: &Root) -> Result<Bls, HostError> {
    let mut bls = Bls { kernel_cmdline: root.read_opt(crate::kernel_cmdline::PATH)?, ..Bls::default() };
    for name in root.list(ENTRIES)? {
        let Some(name) = name.to_str().filter(|name| name.ends_with(".conf")) else { continue };
        let path = format!("{ENTRIES}/{name}");
        if let Some(bytes) = root.read_opt(&path)? {
            bls.files.push((path, bytes));
        }
    }
    for path in ENVIRONMENTS {
        if let Some(bytes) = root.read_opt(path)? {
            bls.environment = Some((path.to_string(), bytes));
            break;
        }
    }
    Ok(bls)
}

impl Bls {
    /// Every entry that boots a Linux kernel, variables of GRUB's environment expanded and read as GRUB
    /// reads it: blscfg makes a `linux` command of the options, where `#` begins a comment.
    pub fn entries(&self, kernels: &[Kernel]) -> Vec<Entry> {
        let names: Vec<(&str, &str)> = kernels.iter().map(|k| (k.release.as_str(), k.entry_name())).collect();
        let block = self.environment.as_ref().map(|(_, bytes)| bytes.as_slice()).unwrap_or_default();
        let linux = |(path, bytes): &(String, Vec<u8>)| {
            let entry = loader_entry::parse(bytes);
            entry.linux.as_ref()?;
            let options = grubenv::expand(block, &entry.arguments(bytes));
            Some(entry.judged_as(grub_cfg::as_arguments(&options), path, &names))
        };
        self.files.iter().filter_map(linux).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn variables_of_the_environment_block_are_expanded() {
        let dir = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write(
            "boot/loader/entries/4a-4.18.conf",
            "version 4.18\nlinux /vmlinuz-4.18\noptions $kernelopts $tuned_params quiet\n",
        );
        write(
            "boot/loader/entries/4a-0-rescue.conf",
            "version 0-rescue-4a\nlinux /vmlinuz-0-rescue-4a\noptions x\n",
        );
        write("boot/loader/entries/notes.txt", "");
        write("boot/grub2/grubenv", "# GRUB Environment Block\nkernelopts=root=/dev/sda ro \n##");
        let bls = read(&Root::open(dir.path()).unwrap()).unwrap();
        let kernel = Kernel { release: "4.18".into(), ..Kernel::default() };
        let entries = bls.entries(&[kernel]);
        let told: Vec<_> = entries.iter().map(|e| (e.release.as_deref(), e.arguments.as_slice())).collect();
        assert_eq!(told, [(None, b"x".as_slice()), (Some("4.18"), b"root=/dev/sda ro quiet")]);
        assert!(entries[0].recovery && !entries[1].recovery);
    }
}
