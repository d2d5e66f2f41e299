//! The ESPs that proxmox-boot-tool keeps in step (pve-docs, "Host Bootloader"): normally not mounted.

use super::{Entries, EntryFile, Format, loader_entries, unified_images};
use crate::{HostError, Root, private_mount, proc};

/// The list of ESPs, one UUID of a vfat a line.
pub const UUIDS: &str = "/etc/kernel/proxmox-boot-uuids";
/// Where proxmox-boot-tool itself mounts them, and where a tree that is not running has them.
const MOUNTS: &str = "/var/tmp/espmounts";
/// GRUB on an ESP: proxmox-boot-tool then writes `grub/grub.cfg` instead of loader entries.
const GRUB_MARKS: [&str; 2] = ["EFI/proxmox/grubx64.efi", "EFI/proxmox/grubaa64.efi"];

/// The listed UUIDs, in order; empty where there is no list.
pub fn listed(root: &Root) -> Result<Vec<String>, HostError> {
    let bytes = root.read_opt(UUIDS)?.unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(lines.map(str::to_string).collect())
}

/// Reads the entries on every listed ESP. One that is not mounted is mounted read-only where nobody
/// else sees it; one that cannot be read is named among the faults.
pub fn read(root: &Root) -> Result<Entries, HostError> {
    let mut found = Entries::default();
    for uuid in listed(root)? {
        if !is_vfat_uuid(&uuid) {
            found.faults.push(format!(
                "{}: {uuid} is no UUID of a vfat (1A2B-3C4D), so proxmox-boot-tool passes it over; take the line out",
                root.full(UUIDS)
            ));
        } else if let Err(why) = one(root, &uuid, &mut found) {
            found.faults.push(why);
        } else {
            found.read.push(uuid);
        }
    }
    Ok(found)
}

/// As proxmox-boot-tool asks it; nothing else may become a path.
fn is_vfat_uuid(uuid: &str) -> bool {
    let half = |part: &str| part.len() == 4 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    uuid.split_once('-').is_some_and(|(a, b)| half(a) && half(b))
}

fn one(root: &Root, uuid: &str, found: &mut Entries) -> Result<(), String> {
    let place = format!("{MOUNTS}/{uuid}");
    if !root.is_live() {
        return match root.list(&place) {
            Ok(names) if !names.is_empty() => {
                content(root, &place, &place, uuid, found).map_err(|error| error.to_string())
            }
            _ => Err(format!(
                "the ESP {uuid} is not mounted at {}: its entries were not read",
                root.full(&place)
            )),
        };
    }
    let device = format!("/dev/disk/by-uuid/{uuid}");
    let Some(stat) = root.stat(&device) else {
        return Err(format!(
            "the ESP {uuid} is listed in {UUIDS}, but there is no {device}: bring its disk back, or drop it by \
             proxmox-boot-tool clean"
        ));
    };
    let mounts = proc::mounts(root);
    let is_here = |mount: &&proc::Mount| {
        let (major, minor) = (nix::sys::stat::major(stat.st_rdev), nix::sys::stat::minor(stat.st_rdev));
        (u64::from(mount.device.0), u64::from(mount.device.1)) == (major, minor)
            && root.stat(&mount.target).is_some_and(|at| at.st_dev == stat.st_rdev)
    };
    if let Some(mount) = mounts.iter().rev().find(is_here) {
        return content(root, &mount.target, &mount.target, uuid, found).map_err(|error| error.to_string());
    }
    let shown = format!("{uuid}:");
    let read = private_mount::with(&device, "vfat", |place| content(root, place, &shown, uuid, found));
    match read {
        Ok(done) => done.map_err(|error| error.to_string()),
        Err(error) => Err(format!(
            "the ESP {uuid} ({device}) cannot be mounted to be read: {error}{}",
            crate::hint(&error)
        )),
    }
}

/// The entries on an ESP at `place`, by the loader that is on it.
fn content(root: &Root, place: &str, shown: &str, uuid: &str, found: &mut Entries) -> Result<(), HostError> {
    let grub = root.read_opt(&format!("{place}/grub/grub.cfg"))?;
    let own_entries = root
        .list(&format!("{place}/loader/entries"))?
        .iter()
        .any(|name| name.as_encoded_bytes().starts_with(b"proxmox-"));
    let bios = root.is_dir("/sys/firmware") && !root.is_dir("/sys/firmware/efi");
    let marked = bios || GRUB_MARKS.iter().any(|mark| root.exists(&format!("{place}/{mark}")));
    match grub {
        Some(bytes) if marked || !own_entries => found.files.push(EntryFile {
            path: format!("{shown}/grub/grub.cfg"),
            format: Format::GrubConfig,
            bytes,
            uname: None,
            esp: Some(uuid.to_string()),
            mounted: place == shown,
        }),
        _ => {
            loader_entries(root, place, shown, Some(uuid), found)?;
            unified_images(root, place, shown, Some(uuid), found)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn tree(files: &[(&str, &str)]) -> (tempfile::TempDir, Root) {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let root = Root::open(dir.path()).unwrap();
        (dir, root)
    }

    #[test]
    fn each_esp_is_read_by_its_loader() {
        let (_dir, root) = tree(&[
            ("etc/kernel/proxmox-boot-uuids", "1A2B-3C4D\nAAAA-0001\n\n../../etc\nBBBB-0002\n"),
            ("var/tmp/espmounts/1A2B-3C4D/loader/entries/proxmox-6.8.conf", "version 6.8\nlinux /a\n"),
            ("var/tmp/espmounts/1A2B-3C4D/loader/entries.srel", "type1\n"),
            ("var/tmp/espmounts/AAAA-0001/EFI/proxmox/grubx64.efi", ""),
            ("var/tmp/espmounts/AAAA-0001/grub/grub.cfg", "menuentry 'x' {\nlinux /vmlinuz-6.8 ro\n}\n"),
            ("var/tmp/espmounts/AAAA-0001/loader/entries/proxmox-6.8.conf", "old"),
        ]);
        let found = read(&root).unwrap();
        let told: Vec<_> = found.files.iter().map(|f| (f.esp.as_deref().unwrap(), f.format)).collect();
        assert_eq!(told, [("1A2B-3C4D", Format::LoaderEntry), ("AAAA-0001", Format::GrubConfig)]);
        assert_eq!(found.read, ["1A2B-3C4D", "AAAA-0001"]);
        assert_eq!(found.faults.len(), 2, "{:?}", found.faults);
        assert!(found.faults[0].contains("../../etc is no UUID") && found.faults[1].contains("BBBB-0002"));
        assert!(read(&tree(&[]).1).unwrap().read.is_empty());
    }

    #[test]
    fn an_esp_that_this_machine_lacks_is_a_fault() {
        let mut found = Entries::default();
        let live = Root::open(std::path::Path::new("/")).unwrap();
        let why = one(&live, "0000-FFFE", &mut found).unwrap_err();
        assert!(why.contains("there is no /dev/disk/by-uuid/0000-FFFE"), "{why}");
    }
}
