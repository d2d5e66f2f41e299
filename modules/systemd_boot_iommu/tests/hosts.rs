//! Hosts that boot by systemd-boot, with a fake `kernel-install` and a fake `proxmox-boot-tool` in them.

use std::fs;
use std::path::Path;

use fixture_host::Host;
use proofs::{Reply, rehearsed};
use serde_json::{Value, json};

/// The two kernels.
pub const RELEASES: [&str; 2] = ["6.8.12-4-pve", "6.8.4-2-pve"];
/// Two ESPs, as the installer makes them on a mirror.
pub const ESPS: [&str; 2] = ["1A2B-3C4D", "5E6F-7A8B"];

/// A tree with two kernels and a shell.
fn host(root: &Path) -> Host {
    let host = Host::new(root);
    host.shell();
    for release in RELEASES {
        host.file(&format!("/boot/vmlinuz-{release}"), "x").file(&format!("/boot/initrd.img-{release}"), "x");
    }
    host
}

/// Debian with systemd-boot: `line` in /etc/kernel/cmdline, entries made from it.
pub fn debian(root: &Path, line: &str) -> Host {
    let host = host(root);
    host.file("/boot/efi/loader/loader.conf", "timeout 3\n")
        .file("/etc/kernel/cmdline", line)
        .program("/usr/bin/kernel-install", &fake("kernel-install"));
    for release in RELEASES {
        let options = line.split_whitespace().collect::<Vec<_>>().join(" ");
        host.file(
            &format!("/boot/efi/loader/entries/4a4b-{release}.conf"),
            format!(
                "title      Debian GNU/Linux\nversion    {release}\nmachine-id 4a4b\noptions    {options} \
                 systemd.machine_id=4a4b\nlinux      /4a4b/{release}/linux\n"
            ),
        );
    }
    host
}

/// Proxmox VE on a ZFS mirror.
pub fn proxmox(root: &Path, line: &str) -> Host {
    let host = host(root);
    host.file("/etc/kernel/cmdline", line)
        .file("/etc/kernel/proxmox-boot-uuids", ESPS.map(|uuid| format!("{uuid}\n")).concat())
        .loader_info("systemd-boot 255.4-1")
        .program("/usr/sbin/proxmox-boot-tool", &fake("proxmox-boot-tool"));
    let options = line.lines().next().unwrap_or_default();
    for (uuid, release) in ESPS.iter().flat_map(|uuid| RELEASES.map(|release| (uuid, release))) {
        host.file(
            &entry(uuid, release),
            format!(
                "title    Proxmox Virtual Environment\nversion  {release}\noptions  {options}\n\
                 linux    /EFI/proxmox/{release}/vmlinuz-{release}\ninitrd   /EFI/proxmox/{release}/initrd.img-{release}\n"
            ),
        );
    }
    host
}

/// The file of an entry on an ESP.
pub fn entry(uuid: &str, release: &str) -> String {
    format!("/var/tmp/espmounts/{uuid}/loader/entries/proxmox-{release}.conf")
}

fn fake(name: &str) -> std::path::PathBuf {
    proofs::workspace_dir().join("tests/fakes").join(name)
}

/// The module on `root`, for VT-d, rehearsed.
pub fn run(root: &Path, arguments: Value) -> Reply {
    let mut all = json!({"vendor": "intel"});
    all.as_object_mut().unwrap().extend(arguments.as_object().unwrap().clone());
    rehearsed(env!("CARGO_BIN_EXE_systemd_boot_iommu"), root, &all)
}

/// The text of a file of the tree.
pub fn text(host: &Host, path: &str) -> String {
    String::from_utf8(fs::read(host.at(path)).unwrap_or_else(|e| panic!("{path}: {e}"))).unwrap()
}
