//! The built module on trees of files.

use std::fs;
use std::path::Path;

use fixture_host::{Disk, Host, Pci, debian_amd, pve_intel_two_gpus};
use proofs::{Reply, Snapshot, rehearsed};
use serde_json::{Value, json};

const OWN: &str = "/etc/modprobe.d/pci-passthrough-blacklist.conf";

fn run(root: &Path, mut arguments: Value) -> Reply {
    if arguments.get("initramfs").is_none() {
        arguments["initramfs"] = json!(false);
    }
    rehearsed(env!("CARGO_BIN_EXE_driver_blacklist"), root, &arguments)
}

fn tree(files: &[(&str, &str)]) -> (tempfile::TempDir, Host) {
    let dir = tempfile::tempdir().unwrap();
    let host = Host::new(dir.path());
    host.folder("/etc/modprobe.d").folder("/run");
    for (path, text) in files {
        host.file(path, text);
    }
    (dir, host)
}

fn text(host: &Host, path: &str) -> String {
    String::from_utf8(fs::read(host.at(path)).unwrap()).unwrap()
}

/// What differs in the tree, the lock file of the run left out.
fn differences(before: &Snapshot, root: &Path) -> Vec<String> {
    let mut lines = before.differences(&Snapshot::of(root));
    lines.retain(|line| !line.starts_with("/run/pci-passthrough.lock"));
    lines
}

#[test]
fn present_writes_an_own_file_and_absent_takes_it_away() {
    let (dir, host) = tree(&[]);
    let before = Snapshot::of(dir.path());
    let reply = run(dir.path(), json!({"drivers": ["nouveau", "nvidia-drm", "nvidia_drm"]})).expect_ok();
    assert!(reply.changed());
    assert!(text(&host, OWN).ends_with("\nblacklist nouveau\nblacklist nvidia_drm\n"));
    assert_eq!(reply.json["drivers"][1]["name"], "nvidia_drm");
    assert_eq!(reply.json["drivers"][1]["blacklisted_in"], json!([OWN]));
    assert_eq!(reply.json["drivers"][1]["loaded"], Value::Null);
    assert_eq!(reply.json["drivers"].as_array().unwrap().len(), 2, "one driver, two spellings");
    assert!(run(dir.path(), json!({"drivers": ["nouveau"], "state": "absent"})).expect_ok().changed());
    assert!(!text(&host, OWN).contains("nouveau"));
    let _ = run(dir.path(), json!({"drivers": ["nvidia-drm"], "state": "absent"})).expect_ok();
    assert_eq!(differences(&before, dir.path()), [""; 0]);
}

#[test]
fn absent_after_present_gives_every_byte_back() {
    for bytes in
        ["", "# mine\r\noptions kvm ignore_msrs=1\r\n", "blacklist pcspkr", "options a \\\n", "# c\n\n"]
    {
        let (dir, host) = tree(&[(OWN, bytes)]);
        let before = Snapshot::of(dir.path());
        let drivers = json!(["nouveau", "snd-hda-intel"]);
        let reply = run(dir.path(), json!({"drivers": drivers, "block_explicit_load": true})).expect_ok();
        assert_eq!(reply.json["drivers"][1]["install_blocked"], true, "{bytes:?}");
        assert_ne!(text(&host, OWN), bytes);
        let _ = run(dir.path(), json!({"drivers": drivers, "state": "absent"})).expect_ok();
        assert_eq!(differences(&before, dir.path()), [""; 0], "{bytes:?}");
    }
}

const DRACUT_CONF: &str = "/etc/dracut.conf.d/pci-passthrough-blacklist.conf";

/// A host whose images dracut builds.
fn dracut_tree(files: &[(&str, &str)]) -> (tempfile::TempDir, Host) {
    let there = [("/usr/bin/dracut", ""), ("/boot/vmlinuz-6.12", ""), ("/boot/initrd.img-6.12", "")];
    let (dir, host) = tree(&[&there, files].concat());
    host.folder("/etc/dracut.conf.d").folder("/lib/modules/6.12");
    (dir, host)
}

/// It takes /etc/modprobe.d into host-only images alone.
#[test]
fn dracut_takes_the_blacklist_into_every_image() {
    let (dir, host) = dracut_tree(&[]);
    let before = Snapshot::of(dir.path());
    let reply = run(dir.path(), json!({"drivers": ["nvidia-drm", "nouveau"], "backup": true})).expect_ok();
    let settings = text(&host, DRACUT_CONF);
    let named = "blacklist):\n#   nouveau /etc/modprobe.d/pci-passthrough-blacklist.conf\n#   nvidia_drm ";
    assert!(settings.contains(named), "{settings}");
    assert!(settings.contains("\ninstall_optional_items+=\" /etc/modprobe.d/*.conf "), "{settings}");
    assert_eq!(reply.json["actions"][0]["command"], json!(["dracut", "-f", "--regenerate-all"]));
    assert!(!run(dir.path(), json!({"drivers": ["nouveau", "nvidia_drm"]})).expect_ok().changed());
    assert!(!run(dir.path(), json!({"drivers": []})).expect_ok().changed());
    let _ = run(dir.path(), json!({"drivers": ["nvidia_drm"], "state": "absent"})).expect_ok();
    assert!(
        text(&host, DRACUT_CONF).contains(
            "driver_blacklist):\n#   nouveau /etc/modprobe.d/pci-passthrough-blacklist.conf\ninstall"
        )
    );
    let _ = run(dir.path(), json!({"drivers": ["nouveau"], "state": "absent"})).expect_ok();
    assert_eq!(differences(&before, dir.path()), [""; 0]);
    host.file(DRACUT_CONF, "install_optional_items+=\" /etc/hosts \"\n");
    let reply = run(dir.path(), json!({"drivers": ["nouveau"]}));
    assert_eq!(reply.json["code"], "foreign_file", "{}", reply.msg());
    assert!(!run(dir.path(), json!({"drivers": ["nouveau"], "state": "absent"})).expect_ok().changed());
}

/// Where somebody else's file has the blacklist, dracut leaves that out just as well. What another task takes
/// away leaves the settings for this one alone, and none are made for nothing.
#[test]
fn dracut_s_settings_stay_until_their_own_drivers_go() {
    let (dir, host) = dracut_tree(&[("/etc/modprobe.d/site.conf", "# ours\nblacklist nouveau\n")]);
    let before = Snapshot::of(dir.path());
    let in_site = "/etc/modprobe.d/site.conf";
    let absent = json!({"drivers": ["radeon"], "state": "absent", "path": in_site});
    assert!(!run(dir.path(), absent.clone()).expect_ok().changed());
    assert!(!run(dir.path(), json!({"drivers": []})).expect_ok().changed());
    let reply = run(dir.path(), json!({"drivers": ["nouveau"]})).expect_ok();
    assert!(reply.changed() && host.at(DRACUT_CONF).exists() && !host.at(OWN).exists());
    for other in [absent, json!({"drivers": ["radeon"], "state": "absent"})] {
        assert!(!run(dir.path(), other).expect_ok().changed());
    }
    assert!(!run(dir.path(), json!({"drivers": ["nouveau"]})).expect_ok().changed());
    // The same driver through another file: that task's to take away, not this one's.
    let elsewhere = json!({"drivers": ["nouveau"], "path": "/etc/modprobe.d/else.conf", "state": "absent"});
    assert!(!run(dir.path(), elsewhere).expect_ok().changed());
    let present = json!({"drivers": ["radeon"], "path": in_site});
    let _ = run(dir.path(), present).expect_ok();
    let _ = run(dir.path(), json!({"drivers": ["radeon"], "state": "absent", "path": in_site})).expect_ok();
    assert!(
        text(&host, DRACUT_CONF).contains(
            "driver_blacklist):\n#   nouveau /etc/modprobe.d/pci-passthrough-blacklist.conf\ninstall"
        )
    );
    let _ = run(dir.path(), json!({"drivers": ["nouveau"], "state": "absent"})).expect_ok();
    assert_eq!(differences(&before, dir.path()), [""; 0]);
}

#[test]
fn what_another_file_says_already_needs_nothing_and_is_left_by_absent() {
    let (dir, host) = tree(&[("/usr/lib/modprobe.d/site.conf", "# x\nblacklist snd-hda-intel\n")]);
    let reply = run(dir.path(), json!({"drivers": ["snd_hda_intel"]})).expect_ok();
    assert!(!reply.changed() && !host.at(OWN).exists());
    assert_eq!(reply.json["drivers"][0]["blacklisted_in"], json!(["/usr/lib/modprobe.d/site.conf"]));
    let reply = run(dir.path(), json!({"drivers": ["snd_hda_intel"], "state": "absent"})).expect_ok();
    assert!(!reply.changed());
    assert!(
        reply.json["warnings"][0].as_str().unwrap().starts_with("/usr/lib/modprobe.d/site.conf:2: still")
    );
}

#[test]
fn a_masked_file_counts_for_nothing() {
    let (dir, host) = tree(&[("/usr/lib/modprobe.d/site.conf", "blacklist nouveau\n")]);
    host.link("/etc/modprobe.d/site.conf", "/dev/null");
    assert!(run(dir.path(), json!({"drivers": ["nouveau"]})).expect_ok().changed());
    assert!(text(&host, OWN).contains("blacklist nouveau\n"));
}

#[test]
fn a_path_that_modprobe_does_not_read_is_refused() {
    let (dir, host) = tree(&[("/etc/modprobe.d/vendor.conf", "# mask\n")]);
    host.link("/etc/modprobe.d/null.conf", "/dev/null");
    for (path, code, said) in [
        ("/etc/modprobe.d/x", "path_not_read", "ends in .conf"),
        ("/etc/modprobe.d/.x.conf", "path_not_read", "begins with no dot"),
        ("/etc/modules-load.d/x.conf", "path_not_read", "modprobe reads no files in"),
        ("/etc/modprobe.d/../x.conf", "path_not_read", "modprobe reads no files in"),
        ("x.conf", "path_not_read", "no absolute path"),
        ("/usr/lib/modprobe.d/vendor.conf", "path_masked", "reads /etc/modprobe.d/vendor.conf instead"),
        ("/etc/modprobe.d/null.conf", "path_masked", "a link that leads to no file"),
    ] {
        let reply = run(dir.path(), json!({"drivers": ["nouveau"], "path": path}));
        assert_eq!(reply.json["code"], code, "{path}");
        let msg = reply.expect_failure();
        assert!(msg.contains(said), "{path}: {msg}");
    }
}

#[test]
fn an_install_line_that_is_read_earlier_is_named() {
    let (dir, _host) = tree(&[("/etc/modprobe.d/alsa.conf", "\ninstall snd* /sbin/load-it\n")]);
    let reply = run(dir.path(), json!({"drivers": ["snd_hda_intel"], "block_explicit_load": true}));
    assert_eq!(reply.json["code"], "not_in_force");
    assert!(reply.expect_failure().starts_with("/etc/modprobe.d/alsa.conf:2: this install line"));
    let _ = run(dir.path(), json!({"drivers": ["snd_hda_intel"]})).expect_ok();
}

#[test]
fn names_that_are_no_modules_are_refused() {
    let (dir, _host) = tree(&[]);
    for bad in ["", "nvidia*", "nouveau.ko", "/lib/x", "a b", "a\nblacklist b", "a\\", "#a", "$(x)"] {
        let reply = run(dir.path(), json!({"drivers": [bad]}));
        assert_eq!(reply.json["code"], "invalid_value", "{bad:?}");
    }
}

#[test]
fn the_drivers_that_a_host_needs_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("pve");
    pve_intel_two_gpus(&root);
    for (driver, code, device) in [
        ("nvme", "root_disk", "0000:03:00.0"),
        ("dm-mod", "", ""),
        ("igc", "default_route", "0000:02:00.0"),
        ("simplefb", "driver_builtin", ""),
        ("nouveau", "", ""),
        ("snd-hda-intel", "", ""),
    ] {
        let reply = run(&root, json!({"drivers": [driver]}));
        if code.is_empty() {
            let _ = reply.expect_ok();
            continue;
        }
        assert_eq!(reply.json["code"], code, "{}", reply.json);
        assert_eq!(reply.json["problems"][0]["code"], code);
        if !device.is_empty() {
            assert_eq!(reply.json["problems"][0]["device"], device);
        }
        let forced = run(&root, json!({"drivers": [driver], "force": true})).expect_ok();
        assert!(forced.changed());
        assert!(forced.json["warnings"][0].as_str().unwrap().contains(code));
    }
}

#[test]
fn the_way_to_disk_and_route_is_walked() {
    let dir = tempfile::tempdir().unwrap();
    let host = Host::new(dir.path());
    host.folder("/run");
    let ahci = host.pci(&Pci::new("0000:00:17.0", 0x8086, 0x7ae2, 0x010601).driver("ahci", "ahci"));
    let sas = host.pci(&Pci::new("0000:04:00.0", 0x1000, 0x72, 0x010700).driver("mpt3sas", "mpt3sas"));
    let nic = host.pci(&Pci::new("0000:02:00.0", 0x8086, 0x1533, 0x020000).driver("igb", "igb"));
    let spare = host.pci(&Pci::new("0000:03:00.0", 0x8086, 0x1533, 0x020000).driver("e1000e", "e1000e"));
    host.disk(&ahci, Disk::Sata, "sda", (8, 0), 1).disk(&sas, Disk::Sata, "sdb", (8, 16), 1);
    // / on LVM on an md mirror of sda1; sdb only holds data.
    host.md(0, "raid1", &["sda1"]).mapper(0, "vg-root", &["md0"]).mount(
        (252, 0),
        "/dev/mapper/vg-root",
        "/",
        "ext4",
    );
    host.nic(&nic, "eno1").nic(&spare, "eno2").bond("bond0", &["eno1"]).vlan("bond0.7", "bond0");
    host.bridge("vmbr0", &["bond0.7"]).default_route("vmbr0");
    for (driver, code) in [("ahci", json!("root_disk")), ("igb", json!("default_route"))] {
        assert_eq!(run(dir.path(), json!({"drivers": [driver]})).json["code"], code, "{driver}");
    }
    let _ = run(dir.path(), json!({"drivers": ["mpt3sas", "e1000e"]})).expect_ok();
}

#[test]
fn the_only_display_is_refused_and_a_second_one_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("amd");
    debian_amd(&root);
    let reply = run(&root, json!({"drivers": ["amdgpu"]}));
    assert_eq!(reply.json["code"], "only_display");
    let root = dir.path().join("pve");
    pve_intel_two_gpus(&root);
    let _ = run(&root, json!({"drivers": ["i915"]})).expect_ok();
}

#[test]
fn a_loaded_driver_asks_for_a_reboot_and_findings_are_shown() {
    let dir = tempfile::tempdir().unwrap();
    let host = pve_intel_two_gpus(dir.path());
    host.file("/etc/modprobe.d/vfio.conf", "options vfio-pci diable_vga=1\n");
    host.file("/etc/modprobe.d/vfio", "options vfio-pci ids=10de:1b80\n");
    let reply = run(dir.path(), json!({"drivers": ["nouveau", "nvidiafb"]})).expect_ok();
    assert_eq!(reply.json["reboot_required"], true);
    assert_eq!(
        reply.json["reboot_reasons"],
        json!([{"code": "driver_loaded", "message": "nouveau is blacklisted but still loaded, on 0000:01:00.0"}])
    );
    assert_eq!(reply.json["drivers"][0]["used_by"], json!(["0000:01:00.0"]));
    assert_eq!(reply.json["drivers"][1]["blacklisted_in"], json!(["/etc/modprobe.d/pve-blacklist.conf"]));
    assert_eq!(reply.json["lint"][0]["code"], "unknown_vfio_pci_option");
    assert_eq!(reply.json["lint"][0]["line"], 1);
    let forgotten: Vec<_> = reply.json["lint"].as_array().unwrap().iter().skip(1).collect();
    assert_eq!(forgotten.len(), 1, "{forgotten:?}");
    assert_eq!(
        (&forgotten[0]["code"], &forgotten[0]["file"]),
        (&json!("file_not_read"), &json!("/etc/modprobe.d/vfio"))
    );
    let due = &reply.json["actions"][0];
    assert_eq!((&due["command"][0], &due["rc"]), (&json!("update-initramfs"), &Value::Null));
    assert!(!text(&host, OWN).contains("nvidiafb"));
}

#[test]
fn a_driver_that_came_in_spite_of_the_blacklist_asks_for_no_reboot() {
    let (dir, host) = tree(&[(OWN, "blacklist nouveau\n"), ("/proc/modules", "nouveau 1 0 - Live 0x0\n")]);
    host.file("/proc/stat", "cpu 0\nbtime 32503680000\n");
    let reply = run(dir.path(), json!({"drivers": ["nouveau"]})).expect_ok();
    assert_eq!(reply.json["reboot_required"], false);
    assert!(reply.json["warnings"][0].as_str().unwrap().contains("in spite of the blacklist"));
    host.file("/proc/stat", "cpu 0\nbtime 1000\n");
    let reply = run(dir.path(), json!({"drivers": ["nouveau"]})).expect_ok();
    assert_eq!(reply.json["reboot_required"], true, "the file is newer than this boot");
}

#[test]
fn links_are_followed_and_kept() {
    let (dir, host) = tree(&[("/etc/site/blacklist.conf", "# site\n")]);
    host.link(OWN, "../site/blacklist.conf");
    let _ = run(dir.path(), json!({"drivers": ["nouveau"]})).expect_ok();
    assert!(host.at(OWN).is_symlink());
    assert_eq!(text(&host, "/etc/site/blacklist.conf"), "# site\nblacklist nouveau\n");
}

#[test]
fn a_directory_in_its_place_and_a_missing_directory() {
    let (dir, host) = tree(&[]);
    host.folder(OWN);
    assert!(run(dir.path(), json!({"drivers": ["nouveau"]})).expect_failure().contains("is a directory"));
    let empty = tempfile::tempdir().unwrap();
    Host::new(empty.path()).folder("/etc").folder("/run");
    let _ = run(empty.path(), json!({"drivers": ["nouveau"]})).expect_ok();
    assert!(empty.path().join(&OWN[1..]).exists());
}
