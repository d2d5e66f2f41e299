//! What is due on hosts whose entries are not in one `grub.cfg`, and that it is done. The commands are fakes.

use std::fs;
use std::path::Path;
use std::process::Command;

use fixture_host::Host;
use fixture_host::loaders::{
    ESPS, RELEASES, bls_path, debian_systemd_boot, fedora_40, proxmox_entry, proxmox_grub, proxmox_grub_cfg,
    proxmox_grub_path, proxmox_systemd_boot, rhel_8, rhel_9,
};
use proofs::{Reply, Snapshot, answer, need_root, rehearsed};
use serde_json::{Value, json};

const LINE: &str = "root=ZFS=rpool/ROOT/pve-1 boot=zfs intel_iommu=on\n";

fn run(root: &Path, update: bool) -> Reply {
    let arguments = json!({"update": update, "initramfs": false});
    rehearsed(env!("CARGO_BIN_EXE_boot_refresh"), root, &arguments)
}

fn run_once(root: &Path) -> Reply {
    let arguments = json!({"root": root, "initramfs": false});
    let mut command = Command::new(env!("CARGO_BIN_EXE_boot_refresh"));
    answer(command.arg("-"), arguments.to_string().as_bytes())
}

fn replace(host: &Host, path: &str, from: &str, to: &str) {
    let text = String::from_utf8(fs::read(host.at(path)).unwrap()).unwrap();
    assert!(text.contains(from), "{path}: {text}");
    host.file(path, text.replace(from, to));
}

/// Makes a host.
type Make = fn(&Path) -> Host;
/// Makes one of its entries differ from the settings.
type Change = fn(&Host);

#[test]
fn entries_that_differ_are_due_and_made_anew() {
    if !need_root("boot_refresh::loaders") {
        return;
    }
    let table: [(&str, Make, Change, &str); 7] = [
        (
            "Debian",
            |root| debian_systemd_boot(root, LINE),
            |host| replace(host, "/boot/efi/loader/entries/4a4b-6.8.4-2-pve.conf", " intel_iommu=on", ""),
            "4a4b-6.8.4-2-pve.conf: the entry \"Debian GNU/Linux\" (6.8.4-2-pve) has no intel_iommu=on",
        ),
        (
            "Debian, a left-over",
            |root| debian_systemd_boot(root, LINE),
            |host| replace(host, "/etc/kernel/cmdline", " intel_iommu=on", ""),
            "still has intel_iommu=on",
        ),
        (
            "Debian, no entry",
            |root| debian_systemd_boot(root, LINE),
            |host| {
                for release in RELEASES {
                    fs::remove_file(host.at(&format!("/boot/efi/loader/entries/4a4b-{release}.conf")))
                        .unwrap();
                }
            },
            "no entry boots an installed kernel",
        ),
        (
            "Proxmox, systemd-boot",
            |root| proxmox_systemd_boot(root, LINE),
            |host| replace(host, &proxmox_entry(ESPS[1], RELEASES[0]), " intel_iommu=on", ""),
            "5E6F-7A8B/loader/entries/proxmox-6.8.12-4-pve.conf: the entry",
        ),
        (
            "Proxmox, an empty ESP",
            |root| proxmox_systemd_boot(root, LINE),
            |host| {
                for release in RELEASES {
                    fs::remove_file(host.at(&proxmox_entry(ESPS[0], release))).unwrap();
                }
            },
            "the ESP 1A2B-3C4D has no entry for an installed kernel",
        ),
        (
            "Proxmox, GRUB",
            |root| proxmox_grub(root, "quiet intel_iommu=on"),
            |host| {
                host.file(&proxmox_grub_path(ESPS[1]), proxmox_grub_cfg("quiet"));
            },
            "5E6F-7A8B/grub/grub.cfg: the entry \"Proxmox VE GNU/Linux\" (6.8.12-4-pve) has no intel_iommu=on",
        ),
        (
            "Proxmox, GRUB, a left-over",
            |root| proxmox_grub(root, "quiet"),
            |host| {
                host.file(&proxmox_grub_path(ESPS[0]), proxmox_grub_cfg("quiet iommu=pt"));
            },
            "still has iommu=pt",
        ),
    ];
    for (name, make, change, reason) in table {
        let dir = tempfile::tempdir().unwrap();
        let host = make(dir.path());
        let reply = run(dir.path(), true).expect_ok();
        assert!(!reply.changed() && reply.json["boot_entries"]["stale"].is_null(), "{name}: {}", reply.json);
        change(&host);
        let due = run(dir.path(), false).expect_ok();
        assert!(!due.changed() && due.json["actions"][0]["rc"].is_null(), "{name}: {}", due.json);
        let done = run(dir.path(), true).expect_ok();
        assert!(done.changed(), "{name}: {}", done.json);
        let told = done.json["actions"][0]["reason"].as_str().unwrap();
        assert!(told.contains(reason), "{name}: {told}");
        assert_eq!(done.json["boot_entries"]["stale"], Value::Null, "{name}");
    }
}

#[test]
fn entry_files_are_brought_to_the_settings() {
    for (name, make, path, from, to) in [
        (
            "Fedora 40",
            fedora_40 as fn(&Path) -> Host,
            bls_path("6.8.5-301.fc40.x86_64"),
            "rhgb",
            "rhgb iommu=pt",
        ),
        ("RHEL 9", rhel_9, "/etc/default/grub".to_string(), "rhgb quiet", "rhgb quiet intel_iommu=on"),
        (
            "RHEL 8",
            rhel_8,
            "/etc/default/grub".to_string(),
            "rhgb quiet",
            "rhgb quiet vfio-pci.ids=10de:1b80",
        ),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let host = make(dir.path());
        assert!(!run(dir.path(), true).expect_ok().changed(), "{name}");
        replace(&host, &path, from, to);
        assert!(!run(dir.path(), false).expect_ok().changed(), "{name}");
        let reply = run(dir.path(), true).expect_ok();
        assert!(reply.changed() && reply.json["boot_entries"]["stale"].is_null(), "{name}: {}", reply.json);
    }
    // What an administrator took from one entry stays away: it is nobody's business here.
    let dir = tempfile::tempdir().unwrap();
    let host = fedora_40(dir.path());
    replace(&host, &bls_path("6.8.5-301.fc40.x86_64"), " quiet", "");
    assert!(!run(dir.path(), true).expect_ok().changed());
}

#[test]
fn nothing_is_made_from_a_file_that_would_not_boot_or_where_nothing_can_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let host = debian_systemd_boot(dir.path(), LINE);
    host.file("/etc/kernel/cmdline", "\"root=UUID=1 quiet\"\n");
    let reply = run(dir.path(), true);
    assert_eq!(reply.json["code"], "kernel_cmdline_quoted", "{}", reply.json);
    let dir = tempfile::tempdir().unwrap();
    let host = proxmox_systemd_boot(dir.path(), LINE);
    fs::remove_dir_all(host.at("/var/tmp/espmounts")).unwrap();
    assert_eq!(run(dir.path(), true).json["code"], "esp_unreadable");
}

#[test]
fn a_refresh_that_fails_leaves_the_entries_as_they_were() {
    if !need_root("boot_refresh::loaders::fails") {
        return;
    }
    for mode in ["broken", "half", "nothing"] {
        let dir = tempfile::tempdir().unwrap();
        let host = proxmox_systemd_boot(dir.path(), LINE);
        host.file("/etc/kernel/cmdline", LINE.replace("on", "on iommu=pt"))
            .file("/fake-mode", format!("{mode}\n"));
        let before = Snapshot::of(dir.path());
        assert!(run_once(dir.path()).failed(), "{mode}");
        assert_eq!(before.differences(&Snapshot::of(dir.path())), [""; 0], "{mode}");
    }
}
