//! Boot entries on EFI system partitions: where they are, and what they hold.

mod proxmox;
mod refresh;

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use config_text::grub_cfg::{self, Entry};
use config_text::{boot_entry, loader_entry, uki};
use nix::fcntl::OFlag;

use crate::kernels::Kernel;
use crate::{HostError, Root, proc};

pub use proxmox::{UUIDS, listed, read as read_proxmox};
pub use refresh::refresh_commands;

/// Where kernel-install looks for `$BOOT` (kernel-install(8)).
const PLACES: [&str; 3] = ["/efi", "/boot", "/boot/efi"];
/// Longer sections are no command lines.
const MAX_SECTION: u64 = 64 << 10;

/// What a file with boot entries is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `loader/entries/*.conf`.
    LoaderEntry,
    /// `EFI/Linux/*.efi`: the command line is inside; the bytes are that section.
    UnifiedImage,
    /// `grub/grub.cfg`.
    GrubConfig,
}

/// A file with boot entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryFile {
    /// Its path inside the root; on an ESP that is not mounted, `UUID:/path`.
    pub path: String,
    /// What it is.
    pub format: Format,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// A unified image's kernel release (`.uname`).
    pub uname: Option<String>,
    /// The UUID of the ESP, where proxmox-boot-tool's list names it.
    pub esp: Option<String>,
    /// Whether the file can be reached by its path.
    pub mounted: bool,
}

/// The boot entries of a host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entries {
    /// Every file with entries.
    pub files: Vec<EntryFile>,
    /// The ESPs whose entries were read: mount points, or UUIDs of proxmox-boot-tool's list.
    pub read: Vec<String>,
    /// ESPs and images that could not be read, each with the reason and what to do.
    pub faults: Vec<String>,
}

/// Reads the entries of the host: those on proxmox-boot-tool's ESPs where it lists some, else those of systemd-boot.
pub fn observe(root: &Root) -> Result<Entries, HostError> {
    if listed(root)?.is_empty() { read(root) } else { read_proxmox(root) }
}

/// Reads the entries of systemd-boot: on each of `/efi`, `/boot`, `/boot/efi` and the `BOOT_ROOT` of
/// `/etc/kernel/install.conf`.
pub fn read(root: &Root) -> Result<Entries, HostError> {
    let mut found = Entries::default();
    let mut seen = Vec::new();
    let mounted = mounted_places(root);
    for place in places(root) {
        // Beside a mounted ESP, entries in a mere folder are another boot loader's, or nobody's.
        if !mounted.is_empty() && !mounted.contains(&place) {
            continue;
        }
        // Links between the places lead to the same entries.
        let identity = root.stat(&place).map(|stat| (stat.st_dev, stat.st_ino));
        let Some(identity) = identity.filter(|identity| !seen.contains(identity)) else { continue };
        seen.push(identity);
        let before = found.files.len();
        loader_entries(root, &place, &place, None, &mut found)?;
        unified_images(root, &place, &place, None, &mut found)?;
        if found.files.len() > before {
            found.read.push(place);
        }
    }
    Ok(found)
}

/// The places where the boot partition may be mounted, the configured one first.
fn places(root: &Root) -> Vec<String> {
    let config = root.text("/etc/kernel/install.conf").unwrap_or_default();
    let configured = config.lines().filter_map(|line| line.trim().strip_prefix("BOOT_ROOT="));
    let configured = configured.map(|path| path.trim_matches(['"', '\'']).trim_end_matches('/').to_string());
    let usual = PLACES.into_iter().map(str::to_string);
    configured.filter(|path| path.starts_with('/')).chain(usual).collect()
}

/// Whether a boot partition is mounted where entries are looked for; `None` where mounts are not
/// known (another tree). Entries in the folder that an ESP should cover boot nothing.
pub fn is_mounted(root: &Root) -> Option<bool> {
    if proc::mounts(root).is_empty() {
        return None;
    }
    Some(!mounted_places(root).is_empty())
}

fn mounted_places(root: &Root) -> Vec<String> {
    let mut places = places(root);
    let mounts = proc::mounts(root);
    // systemd mounts an ESP that no table lists by autofs.
    let is_esp = |mount: &proc::Mount| matches!(mount.fstype.as_str(), "vfat" | "msdos" | "autofs");
    places.retain(|place| mounts.iter().any(|mount| mount.target == *place && is_esp(mount)));
    places
}

fn loader_entries(
    root: &Root,
    place: &str,
    shown: &str,
    esp: Option<&str>,
    found: &mut Entries,
) -> Result<(), HostError> {
    for name in root.list(&format!("{place}/loader/entries"))? {
        let Some(name) = name.to_str().filter(|name| name.ends_with(".conf")) else { continue };
        // vfat takes no links; an entry that vanished meanwhile is none.
        if let Some(bytes) = root.read_opt(&format!("{place}/loader/entries/{name}"))? {
            found.files.push(EntryFile {
                path: format!("{shown}/loader/entries/{name}"),
                format: Format::LoaderEntry,
                bytes,
                uname: None,
                esp: esp.map(str::to_string),
                mounted: place == shown,
            });
        }
    }
    Ok(())
}

fn unified_images(
    root: &Root,
    place: &str,
    shown: &str,
    esp: Option<&str>,
    found: &mut Entries,
) -> Result<(), HostError> {
    for name in root.list(&format!("{place}/EFI/Linux"))? {
        let Some(name) = name.to_str().filter(|name| name.to_ascii_lowercase().ends_with(".efi")) else {
            continue;
        };
        let shown_path = format!("{shown}/EFI/Linux/{name}");
        let Some((cmdline, uname)) = sections(root, &format!("{place}/EFI/Linux/{name}")) else {
            found.faults.push(format!(
                "{}: not verified: this unified kernel image has no command line that can be read",
                root.full(&shown_path)
            ));
            continue;
        };
        found.files.push(EntryFile {
            path: shown_path,
            format: Format::UnifiedImage,
            bytes: cmdline,
            uname,
            esp: esp.map(str::to_string),
            mounted: place == shown,
        });
    }
    Ok(())
}

/// Command line and release of a unified kernel image; `None` where it has no command line.
fn sections(root: &Root, path: &str) -> Option<(Vec<u8>, Option<String>)> {
    let mut file = File::from(root.open_at(path, OFlag::O_RDONLY | OFlag::O_NONBLOCK).ok()?);
    let mut head = Vec::new();
    (&mut file).take(8192).read_to_end(&mut head).ok()?;
    let sections = uki::sections(&head);
    let mut content = |name: &str| {
        let section = sections.iter().find(|section| section.name == name && section.size <= MAX_SECTION)?;
        file.seek(SeekFrom::Start(section.offset)).ok()?;
        let mut bytes = Vec::new();
        (&mut file).take(section.size).read_to_end(&mut bytes).ok()?;
        while matches!(bytes.last(), Some(0 | b'\n')) {
            bytes.pop();
        }
        Some(bytes)
    };
    let cmdline = content(".cmdline")?;
    let uname = content(".uname").map(|name| String::from_utf8_lossy(&name).into_owned());
    Some((cmdline, uname))
}

impl Entries {
    /// Every entry that boots a Linux kernel, as [`config_text::boot_entry`] judges them.
    pub fn entries(&self, kernels: &[Kernel]) -> Vec<Entry> {
        self.files.iter().flat_map(|file| file.entries(kernels)).collect()
    }
}

impl Entries {
    /// Why the entries must be made anew from the command line `configured` (`None` where code works it
    /// out), the file of the first that differs first. `always`: whether a host without any entry lacks
    /// one.
    pub fn stale(&self, kernels: &[Kernel], configured: Option<&[u8]>, always: bool) -> Option<String> {
        let releases: Vec<String> = kernels.iter().map(|kernel| kernel.entry_name().to_string()).collect();
        let mut with_entries = Vec::new();
        for file in &self.files {
            let entries = file.entries(kernels);
            let none = boot_entry::stale(&entries, &releases, None).is_some();
            if none {
                continue;
            }
            with_entries.push(file);
            if let Some(why) = boot_entry::stale(&entries, &releases, configured) {
                return Some(format!("{}: {why}", file.path));
            }
        }
        let has_one =
            |uuid: &&String| with_entries.iter().any(|file| file.esp.as_ref().is_none_or(|esp| esp == *uuid));
        match self.read.iter().find(|esp| !has_one(esp)) {
            Some(esp) if !kernels.is_empty() => {
                Some(format!("the ESP {esp} has no entry for an installed kernel"))
            }
            _ if with_entries.is_empty() && !kernels.is_empty() && always => {
                Some("no entry boots an installed kernel".to_string())
            }
            _ => None,
        }
    }
}

impl EntryFile {
    /// The entries in this file that boot a Linux kernel.
    pub fn entries(&self, kernels: &[Kernel]) -> Vec<Entry> {
        let names: Vec<(&str, &str)> = kernels.iter().map(|k| (k.release.as_str(), k.entry_name())).collect();
        match self.format {
            Format::LoaderEntry => {
                let entry = loader_entry::parse(&self.bytes);
                let linux = entry.linux.is_some();
                linux
                    .then(|| entry.judged_as(entry.arguments(&self.bytes), &self.path, &names))
                    .into_iter()
                    .collect()
            }
            Format::GrubConfig => {
                let mut entries = grub_cfg::entries(&self.bytes);
                for entry in &mut entries {
                    entry.place = Some(self.path.clone());
                }
                entries
            }
            Format::UnifiedImage => {
                let name = self.path.rsplit('/').next().unwrap_or_default();
                let is = |release: &str| match &self.uname {
                    Some(uname) => uname == release,
                    None => name.contains(release),
                };
                let release = names.iter().find(|(release, _)| is(release)).map(|(_, name)| name.to_string());
                vec![Entry {
                    title: name.to_string(),
                    kernel_path: self.path.clone(),
                    release,
                    arguments: self.bytes.clone(),
                    script: None,
                    recovery: false,
                    place: Some(self.path.clone()),
                }]
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::fs;

    pub(super) fn tree(files: &[(&str, &[u8])]) -> (tempfile::TempDir, Root) {
        let dir = tempfile::tempdir().unwrap();
        for (path, bytes) in files {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        let root = Root::open(dir.path()).unwrap();
        (dir, root)
    }

    /// The smallest file with the two sections.
    pub(super) fn image(cmdline: &[u8], uname: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; 0x40];
        bytes[..2].copy_from_slice(b"MZ");
        bytes[0x3c] = 0x40;
        bytes.extend_from_slice(b"PE\0\0\x64\x86\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
        let mut at = 0x200u32;
        for (name, content) in [(b".cmdline", cmdline), (b".uname\0\0", uname)] {
            bytes.extend_from_slice(name);
            for value in [content.len() as u32, 0, 0x100, at] {
                bytes.extend_from_slice(&value.to_le_bytes());
            }
            bytes.resize(bytes.len() + 16, 0);
            at += 0x100;
        }
        for content in [cmdline, uname] {
            bytes.resize(bytes.len().next_multiple_of(0x100).max(0x200), 0);
            bytes.extend_from_slice(content);
        }
        bytes
    }

    #[test]
    fn entries_and_unified_images_of_every_place_are_found_once() {
        let unified = image(b"root=a quiet\n", b"6.6.54");
        let (dir, root) = tree(&[
            ("boot/efi/loader/entries/4a-6.1.conf", b"version 6.1\nlinux /4a/6.1/linux\noptions root=a\n"),
            ("boot/efi/loader/entries/windows.conf", b"title W\nefi /x.efi\n"),
            ("boot/efi/EFI/Linux/arch.efi", &unified),
            ("boot/efi/EFI/Linux/broken.efi", b"MZ"),
        ]);
        std::os::unix::fs::symlink("boot/efi", dir.path().join("efi")).unwrap();
        let found = read(&root).unwrap();
        let kernel = |release: &str| Kernel { release: release.into(), ..Kernel::default() };
        let entries = found.entries(&[kernel("6.1"), kernel("6.6.54")]);
        let told: Vec<_> = entries.iter().map(|e| (e.release.as_deref(), e.arguments.as_slice())).collect();
        assert_eq!(told, [(Some("6.1"), b"root=a".as_slice()), (Some("6.6.54"), b"root=a quiet")]);
        assert_eq!(found.faults.len(), 1, "{:?}", found.faults);
        assert!(found.faults[0].contains("broken.efi"));
        assert_eq!(is_mounted(&root), None);
    }

    #[test]
    fn beside_a_mounted_esp_a_mere_folder_holds_no_entries() {
        let entry = b"version 6.1\nlinux /x\n".as_slice();
        let (_dir, root) = tree(&[
            ("proc/self/mountinfo", b"36 25 8:1 / /boot/efi rw - vfat /dev/sda1 rw\n"),
            ("boot/loader/entries/old.conf", entry),
            ("boot/efi/loader/entries/4a-6.1.conf", entry),
        ]);
        let found = read(&root).unwrap();
        let paths: Vec<&str> = found.files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["/boot/efi/loader/entries/4a-6.1.conf"]);
    }

    #[test]
    fn a_mounted_vfat_is_told_from_a_mere_folder() {
        let line = |fstype: &str| format!("36 25 8:1 / /boot/efi rw - {fstype} /dev/sda1 rw\n");
        for (fstype, want) in [("vfat", true), ("autofs", true), ("ext4", false)] {
            let (_dir, root) = tree(&[("proc/self/mountinfo", line(fstype).as_bytes())]);
            assert_eq!(is_mounted(&root), Some(want), "{fstype}");
        }
    }
}
