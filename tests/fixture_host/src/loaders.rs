//! Hosts by boot loader, each with two kernels and the entries that were made from its settings. Where a command
//! makes the entries, a fake of it is in the tree (`tests/fakes`), and a shell to run it.

use std::path::Path;

use crate::Host;

/// The kernels of the hosts with Debian's names.
pub const RELEASES: [&str; 2] = ["6.8.12-4-pve", "6.8.4-2-pve"];
/// The ESPs of the Proxmox hosts, as the installer makes them on a mirror. Each is a folder here, where
/// proxmox-boot-tool mounts it.
pub const ESPS: [&str; 2] = ["1A2B-3C4D", "5E6F-7A8B"];
/// `GRUB_CMDLINE_LINUX` of the hosts of the RHEL family.
pub const BLS_LINE: &str = "rd.lvm.lv=vg/root rhgb quiet";

const MACHINE_ID: &str = "4a4b4c4d4e4f40414243444546474849";

fn host(root: &Path) -> Host {
    let host = Host::new(root);
    host.shell();
    for release in RELEASES {
        host.file(&format!("/boot/vmlinuz-{release}"), "x").file(&format!("/boot/initrd.img-{release}"), "x");
    }
    host
}

fn fake(host: &Host, path: &str) {
    let name = path.rsplit('/').next().unwrap_or(path);
    host.program(path, &Path::new(env!("CARGO_MANIFEST_DIR")).join("../fakes").join(name));
}

/// Debian with systemd-boot: `line` is the text of `/etc/kernel/cmdline`. It looks like one by its files alone.
pub fn debian_systemd_boot(root: &Path, line: &str) -> Host {
    let host = host(root);
    host.file("/boot/efi/loader/loader.conf", "timeout 3\n").file("/etc/kernel/cmdline", line);
    fake(&host, "/usr/bin/kernel-install");
    let options = line.split_whitespace().collect::<Vec<_>>().join(" ");
    for release in RELEASES {
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

fn proxmox(root: &Path) -> Host {
    let host = host(root);
    host.file("/etc/kernel/proxmox-boot-uuids", ESPS.map(|uuid| format!("{uuid}\n")).concat());
    fake(&host, "/usr/sbin/proxmox-boot-tool");
    host
}

/// Proxmox VE on a ZFS mirror without Secure Boot: `line` is the text of `/etc/kernel/cmdline`.
pub fn proxmox_systemd_boot(root: &Path, line: &str) -> Host {
    let host = proxmox(root);
    host.file("/etc/kernel/cmdline", line).loader_info("systemd-boot 255.4-1");
    let options = line.lines().next().unwrap_or_default();
    for (uuid, release) in ESPS.iter().flat_map(|uuid| RELEASES.map(|release| (uuid, release))) {
        host.file(
            &proxmox_entry(uuid, release),
            format!(
                "title    Proxmox Virtual Environment\nversion  {release}\noptions  {options}\n\
                 linux    /EFI/proxmox/{release}/vmlinuz-{release}\ninitrd   /EFI/proxmox/{release}/initrd.img-{release}\n"
            ),
        );
    }
    host
}

/// The file of an entry on an ESP of [`proxmox_systemd_boot`].
pub fn proxmox_entry(uuid: &str, release: &str) -> String {
    format!("/var/tmp/espmounts/{uuid}/loader/entries/proxmox-{release}.conf")
}

/// Proxmox VE on a ZFS mirror with Secure Boot, where GRUB is on the ESPs: `line` is
/// `GRUB_CMDLINE_LINUX_DEFAULT`.
pub fn proxmox_grub(root: &Path, line: &str) -> Host {
    let host = proxmox(root);
    host.file(
        "/etc/default/grub",
        format!(
            "GRUB_CMDLINE_LINUX_DEFAULT=\"{line}\"\nGRUB_CMDLINE_LINUX=\"root=ZFS=rpool/ROOT/pve-1 boot=zfs\"\n"
        ),
    )
    // Not what boots: proxmox-boot-tool leaves it alone.
    .file("/boot/grub/grub.cfg", proxmox_grub_cfg("stale"))
    .loader_info("GRUB 2.06-13+pmx2");
    for uuid in ESPS {
        host.file(&proxmox_grub_path(uuid), proxmox_grub_cfg(line))
            .file(&format!("/var/tmp/espmounts/{uuid}/EFI/proxmox/grubx64.efi"), "");
    }
    host
}

/// The `grub.cfg` on an ESP of [`proxmox_grub`].
pub fn proxmox_grub_path(uuid: &str) -> String {
    format!("/var/tmp/espmounts/{uuid}/grub/grub.cfg")
}

/// Its content for this `GRUB_CMDLINE_LINUX_DEFAULT`.
pub fn proxmox_grub_cfg(line: &str) -> String {
    let entry = |release: &str| {
        format!(
            "menuentry 'Proxmox VE GNU/Linux' {{\n\tlinux\t/vmlinuz-{release} root=ZFS=rpool/ROOT/pve-1 ro  \
             root=ZFS=rpool/ROOT/pve-1 boot=zfs {line}\n}}\n"
        )
    };
    RELEASES.map(entry).concat()
}

/// Options written out in each entry, and `/etc/kernel/cmdline` for the next kernel.
pub fn fedora_40(root: &Path) -> Host {
    let host = bls(root);
    let options = format!("root=UUID=1 ro {BLS_LINE}");
    for release in ["6.8.5-301.fc40.x86_64", "6.9.4-200.fc40.x86_64", "0-rescue"] {
        bls_entry(&host, release, &options, "");
    }
    host.file("/etc/kernel/cmdline", format!("{options}\n"))
        .file("/boot/grub2/grubenv", grubenv("saved_entry=x\nmenu_auto_hide=1\nboot_success=1\n"));
    host
}

/// As Fedora, with tuned's variables in the entries, and no `/etc/kernel/cmdline`.
pub fn rhel_9(root: &Path) -> Host {
    let host = bls(root);
    let options = format!("root=/dev/mapper/vg-root ro {BLS_LINE} $tuned_params");
    bls_entry(&host, "5.14.0-427.13.1.el9_4.x86_64", &options, " $tuned_initrd");
    bls_entry(&host, "0-rescue", &options, "");
    host.file("/boot/grub2/grubenv", grubenv("saved_entry=x\ntuned_params=skew_tick=1\n"));
    host
}

/// The command line in the environment block, which a link leads to on EFI.
pub fn rhel_8(root: &Path) -> Host {
    let host = bls(root);
    bls_entry(&host, "4.18.0-553.el8_10.x86_64", "$kernelopts $tuned_params", " $tuned_initrd");
    bls_entry(&host, "0-rescue", "$kernelopts", "");
    let line = format!("kernelopts=root=/dev/mapper/vg-root ro {BLS_LINE} \n");
    host.file("/boot/efi/EFI/redhat/grubenv", grubenv(&format!("saved_entry=x\n{line}boot_success=0\n")))
        .link("/boot/grub2/grubenv", "../efi/EFI/redhat/grubenv");
    host
}

fn bls(root: &Path) -> Host {
    let host = Host::new(root);
    host.file(
        "/etc/default/grub",
        format!(
            "GRUB_TIMEOUT=5\nGRUB_DISTRIBUTOR=\"$(sed 's, release .*$,,g' /etc/system-release)\"\nGRUB_DEFAULT=saved\n\
             GRUB_DISABLE_SUBMENU=true\nGRUB_TERMINAL_OUTPUT=\"console\"\nGRUB_CMDLINE_LINUX=\"{BLS_LINE}\"\n\
             GRUB_DISABLE_RECOVERY=\"true\"\nGRUB_ENABLE_BLSCFG=true\n"
        ),
    )
    .file("/boot/grub2/grub.cfg", "insmod blscfg\nblscfg\n");
    host
}

/// The file of an entry on a host of the RHEL family.
pub fn bls_path(release: &str) -> String {
    format!("/boot/loader/entries/{MACHINE_ID}-{release}.conf")
}

fn bls_entry(host: &Host, release: &str, options: &str, initrd: &str) {
    let version = match release {
        "0-rescue" => format!("{release}-{MACHINE_ID}"),
        other => other.to_string(),
    };
    host.file(
        &bls_path(release),
        format!(
            "title Linux ({version})\nversion {version}\nlinux /vmlinuz-{version}\n\
             initrd /initramfs-{version}.img{initrd}\noptions {options}\ngrub_users $grub_users\n\
             grub_arg --unrestricted\ngrub_class fedora\n"
        ),
    )
    .file(&format!("/boot/vmlinuz-{version}"), "x");
}

/// GRUB's environment block: 1024 bytes.
pub fn grubenv(lines: &str) -> Vec<u8> {
    let head =
        "# GRUB Environment Block\n# WARNING: Do not edit this file by tools other than grub-editenv!!!\n";
    let mut block = [head, lines].concat().into_bytes();
    block.resize(1024, b'#');
    block
}
