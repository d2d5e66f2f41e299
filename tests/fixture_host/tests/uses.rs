//! From what the host uses down to the PCI function, over every kind of stack.

use std::collections::BTreeMap;
use std::path::Path;

use fixture_host::{Disk, Host, Pci};
use host::Root;
use preflight::guard_driver;

const DISK: &str = "0000:01:00.0";
const OTHER: &str = "0000:02:00.0";

struct Bench {
    _scratch: tempfile::TempDir,
    host: Host,
    /// Folders of two functions, whose driver is `ahci` and `nvme`.
    disk: String,
    other: String,
}

fn bench() -> Bench {
    let scratch = tempfile::tempdir().unwrap();
    let host = Host::new(scratch.path().join("host"));
    let under = &["0000:00:01.0"];
    host.pci(&Pci::new("0000:00:01.0", 0x8086, 1, 0x060400).driver("pcieport", ""));
    let disk = host.pci(&Pci::new(DISK, 0x8086, 2, 0x010601).under(under).driver("ahci", "ahci"));
    let other = host.pci(&Pci::new(OTHER, 0x8086, 3, 0x020000).under(under).driver("ixgbe", "ixgbe"));
    Bench { _scratch: scratch, host, disk, other }
}

/// `address: kind what [modules]` of every use.
fn uses(host: &Host) -> BTreeMap<String, Vec<String>> {
    let root = Root::open(host.dir()).unwrap();
    let devices = host::uses::devices(&root).unwrap();
    devices
        .into_iter()
        .filter(|device| !device.uses.is_empty())
        .map(|device| {
            let uses = device.uses.iter().map(|u| format!("{} {} {:?}", u.kind.as_str(), u.what, u.modules));
            (device.address.clone(), uses.collect())
        })
        .collect()
}

fn problems(host: &Host, driver: &str) -> Vec<String> {
    let devices = host::uses::devices(&Root::open(host.dir()).unwrap()).unwrap();
    guard_driver(driver, &[], &devices)
        .into_iter()
        .map(|p| format!("{} {}", p.code, p.device.unwrap_or_default()))
        .collect()
}

#[track_caller]
fn assert_uses(host: &Host, expected: &[(&str, &[&str])]) {
    let expected: BTreeMap<String, Vec<String>> =
        expected.iter().map(|(a, u)| (a.to_string(), u.iter().map(|u| u.to_string()).collect())).collect();
    assert_eq!(uses(host), expected);
}

#[test]
fn a_partition() {
    let b = bench();
    b.host
        .disk(&b.disk, Disk::Sata, "sda", (8, 0), 2)
        .mount((8, 1), "/dev/sda1", "/", "ext4")
        .swap("/dev/sda2");
    let root = r#"root_disk / on sda ["sd_mod", "ahci"]"#;
    assert_uses(&b.host, &[(DISK, &[root, r#"swap /dev/sda2 on sda ["sd_mod", "ahci"]"#])]);
    assert_eq!(problems(&b.host, "ahci"), ["root_disk 0000:01:00.0", "swap 0000:01:00.0"]);
    assert_eq!(problems(&b.host, "sd_mod"), ["root_disk 0000:01:00.0", "swap 0000:01:00.0"]);
    assert_eq!(problems(&b.host, "ixgbe"), [""; 0]);
}

#[test]
fn lvm_on_luks_on_md_over_two_controllers() {
    let b = bench();
    b.host.disk(&b.disk, Disk::Sata, "sda", (8, 0), 2).disk(&b.other, Disk::Nvme, "nvme0n1", (259, 0), 2);
    b.host.md(0, "raid1", &["sda2", "nvme0n1p2"]).mapper(0, "crypt", &["md0"]).mapper(
        1,
        "vg-root",
        &["dm-0"],
    );
    b.host.mount((252, 1), "/dev/mapper/vg-root", "/", "ext4");
    assert_uses(
        &b.host,
        &[
            (DISK, &[r#"root_disk / on sda ["sd_mod", "ahci"]"#]),
            (OTHER, &[r#"root_disk / on nvme0n1 ["ixgbe"]"#]),
        ],
    );
}

#[test]
fn btrfs_counts_every_member_and_a_source_by_its_mapper_name() {
    let b = bench();
    b.host.disk(&b.disk, Disk::Sata, "sda", (8, 0), 1).disk(&b.other, Disk::Sata, "sdb", (8, 16), 1);
    b.host.mapper(0, "data", &["sda1"]).mount((0, 33), "/dev/mapper/data", "/", "btrfs");
    b.host.relative_link("/sys/fs/btrfs/1-2/devices/dm-0", "/sys/devices/virtual/block/dm-0");
    b.host.relative_link("/sys/fs/btrfs/1-2/devices/sdb1", "/sys/class/block/sdb1");
    assert_eq!(uses(&b.host).keys().collect::<Vec<_>>(), [DISK, OTHER]);
}

#[test]
fn zfs_members_come_from_udev_and_all_disks_count_where_it_says_nothing() {
    let b = bench();
    b.host.disk(&b.disk, Disk::Sata, "sda", (8, 0), 3).disk(&b.other, Disk::Sata, "sdb", (8, 16), 3);
    b.host.mount((0, 26), "rpool/ROOT/pve-1", "/", "zfs");
    assert_eq!(uses(&b.host).len(), 2, "any of them may be the pool's");
    b.host.file("/run/udev/data/b8:3", "S:disk/by-id/x\nE:ID_FS_LABEL=rpool\nE:ID_FS_TYPE=zfs_member\n");
    b.host.file("/run/udev/data/b8:19", "E:ID_FS_LABEL=tank\nE:ID_FS_TYPE=zfs_member\n");
    assert_uses(&b.host, &[(DISK, &[r#"root_disk / on sda ["sd_mod", "ahci"]"#])]);
    b.host.mount((0, 27), "tank/data", "/tank", "zfs");
    assert_eq!(uses(&b.host)[OTHER], [r#"mount /tank on sdb ["sd_mod", "ixgbe"]"#]);
}

#[test]
fn usb_virtio_and_loop_files() {
    let b = bench();
    b.host.disk(&b.disk, Disk::Usb, "sdz", (8, 0), 1).mount((8, 1), "/dev/sdz1", "/", "ext4");
    assert_uses(&b.host, &[(DISK, &[r#"root_disk / on sdz ["sd_mod", "usb_storage", "ahci"]"#])]);

    let b = bench();
    b.host.disk(&b.disk, Disk::Virtio, "vda", (254, 0), 0).mount((254, 0), "/dev/vda", "/host", "ext4");
    b.host.loop_device(0, "/host/root.img").mount((7, 0), "/dev/loop0", "/", "squashfs").swap("/host/swap");
    assert_uses(
        &b.host,
        &[(
            DISK,
            &[
                r#"root_disk / on vda ["virtio_blk", "ahci"]"#,
                r#"swap /host/swap on vda ["virtio_blk", "ahci"]"#,
                r#"mount /host on vda ["virtio_blk", "ahci"]"#,
            ],
        )],
    );
}

#[test]
fn nvme_multipath_counts_each_controller() {
    let b = bench();
    b.host.nvme_multipath(0, &[&b.disk, &b.other], (259, 0)).mount((259, 0), "/dev/nvme0n1", "/", "xfs");
    assert_uses(
        &b.host,
        &[(DISK, &[r#"root_disk / on nvme0n1 ["ahci"]"#]), (OTHER, &[r#"root_disk / on nvme0n1 ["ixgbe"]"#])],
    );
}

#[test]
fn a_vlan_on_a_bridge_on_a_bond() {
    let b = bench();
    b.host.nic(&b.disk, "eno1").nic(&b.other, "eno2").bond("bond0", &["eno1", "eno2"]);
    b.host.bridge("vmbr0", &["bond0"]).vlan("vmbr0.10", "vmbr0").default_route("vmbr0.10");
    assert_uses(
        &b.host,
        &[
            (DISK, &[r#"default_route vmbr0.10 over eno1 ["ahci"]"#]),
            (OTHER, &[r#"default_route vmbr0.10 over eno2 ["ixgbe"]"#]),
        ],
    );
    assert_eq!(problems(&b.host, "ixgbe"), ["default_route 0000:02:00.0"]);
}

#[test]
fn usb_and_virtio_cards_and_open_vswitch() {
    let b = bench();
    b.host.usb_nic(&b.disk, "enx0").default_route("enx0");
    assert_uses(&b.host, &[(DISK, &[r#"default_route enx0 ["r8152", "ahci"]"#])]);

    let b = bench();
    b.host.virtio_nic(&b.other, "eth0").default_route_v6("eth0");
    assert_uses(&b.host, &[(OTHER, &[r#"default_route eth0 ["virtio_net", "ixgbe"]"#])]);
    assert_eq!(problems(&b.host, "virtio-net"), ["default_route 0000:02:00.0"]);

    let b = bench();
    b.host.nic(&b.other, "eno2").open_vswitch("vmbr0", &["eno2"]).default_route("vmbr0");
    assert_eq!(uses(&b.host).keys().collect::<Vec<_>>(), [OTHER]);
}

#[test]
fn network_file_systems_and_loops_of_links_end() {
    let b = bench();
    b.host.mount((0, 40), "server:/root", "/", "nfs4").mount((0, 41), "overlay", "/var", "overlay");
    b.host.disk(&b.disk, Disk::Sata, "sda", (8, 0), 0).mapper(0, "a", &["sda"]).mapper(1, "b", &["dm-0"]);
    b.host.relative_link("/sys/devices/virtual/block/dm-0/slaves/dm-1", "/sys/devices/virtual/block/dm-1");
    b.host.mount((252, 1), "/dev/mapper/b", "/boot", "ext4");
    assert_uses(&b.host, &[(DISK, &[r#"root_disk /boot on sda ["sd_mod", "ahci"]"#])]);
}

#[test]
fn this_machines_root_and_route_hang_where_sysfs_says() {
    let devices = host::uses::devices(&Root::open(Path::new("/")).unwrap()).unwrap();
    let is_pci =
        |path: &str| std::fs::canonicalize(path).is_ok_and(|p| p.to_string_lossy().contains("/pci0000:"));
    for (kind, path) in [("default_route", "/sys/class/net/eth0"), ("root_disk", "/sys/class/block/vda")] {
        if is_pci(path) {
            assert!(devices.iter().flat_map(|d| &d.uses).any(|u| u.kind.as_str() == kind), "{kind}");
        }
    }
}
