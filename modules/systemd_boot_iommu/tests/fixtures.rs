//! The built module on trees of files. Commands run chrooted, which needs root.

use std::fs;
use std::path::Path;

use fixture_host::Host;
use fixture_host::loaders::{
    ESPS, RELEASES, debian_systemd_boot as debian, proxmox_entry as entry, proxmox_systemd_boot as proxmox,
};
use proofs::{Reply, Snapshot, need_root, rehearsed};
use serde_json::{Value, json};

/// For VT-d, rehearsed.
fn run(root: &Path, arguments: Value) -> Reply {
    let mut all = json!({"vendor": "intel"});
    all.as_object_mut().unwrap().extend(arguments.as_object().unwrap().clone());
    rehearsed(env!("CARGO_BIN_EXE_systemd_boot_iommu"), root, &all)
}

fn text(host: &Host, path: &str) -> String {
    String::from_utf8(fs::read(host.at(path)).unwrap_or_else(|e| panic!("{path}: {e}"))).unwrap()
}

const LINE: &str = "root=UUID=1 ro quiet\n";
const ZFS: &str = "root=ZFS=rpool/ROOT/pve-1 boot=zfs\n";
const FILE: &str = "/etc/kernel/cmdline";

#[test]
fn every_entry_carries_the_parameters_and_absent_restores_every_byte() {
    if !need_root("systemd_boot_iommu::every_entry") {
        return;
    }
    for (make, line) in [
        (debian as fn(&_, &str) -> Host, LINE),
        (proxmox, ZFS),
        (proxmox, "root=ZFS=rpool/ROOT/pve-1 boot=zfs"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let host = make(dir.path(), line);
        let before = Snapshot::of(dir.path());
        let reply = run(dir.path(), json!({"passthrough_mode": true})).expect_ok();
        assert_eq!(reply.json["added"], json!(["intel_iommu=on", "iommu=pt"]));
        assert_eq!(reply.json["cmdline"]["after"], format!("{} intel_iommu=on iommu=pt", line.trim_end()));
        assert!(text(&host, FILE).starts_with(&format!("{} intel_iommu=on iommu=pt", line.trim_end())));
        let entries = reply.json["entries"].as_array().unwrap();
        assert!(entries.iter().all(|entry| entry["carries"] == true), "{}", reply.json);
        let esps = if line == LINE { 1 } else { ESPS.len() };
        assert_eq!(entries.len(), esps * RELEASES.len());
        assert_eq!(reply.json["actions"][0]["rc"], 0);
        let gone = run(dir.path(), json!({"passthrough_mode": true, "state": "absent"})).expect_ok();
        assert_eq!(gone.json["removed"], json!(["intel_iommu=on", "iommu=pt"]));
        assert_eq!(before.differences(&Snapshot::of(dir.path())), [""; 0]);
    }
}

#[test]
fn a_refresh_that_fails_or_falls_short_leaves_everything_as_it_was() {
    if !need_root("systemd_boot_iommu::a_refresh_that_fails") {
        return;
    }
    for (make, line) in [(debian as fn(&_, &str) -> Host, LINE), (proxmox, ZFS)] {
        for (mode, words) in [
            ("broken", "failed with exit status 7"),
            ("half", "failed with exit status 1"),
            ("nothing", "lacks intel_iommu=on"),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let host = make(dir.path(), line);
            host.file("/fake-mode", format!("{mode}\n"));
            let before = Snapshot::of(dir.path());
            let reply = run_once(dir.path());
            assert!(reply.failed() && reply.msg().contains(words), "{mode}: {}", reply.json);
            assert_eq!(before.differences(&Snapshot::of(dir.path())), [""; 0], "{mode}");
        }
        // The second run of the refresh is what brings the entries back.
        let dir = tempfile::tempdir().unwrap();
        let host = make(dir.path(), line);
        host.file("/fake-mode", "half-once\n");
        let before = Snapshot::of(dir.path());
        let reply = run_once(dir.path());
        assert!(reply.failed() && !reply.msg().contains("NOT brought back"), "{}", reply.json);
        host.file("/fake-mode", "half-once\n");
        assert_eq!(before.differences(&Snapshot::of(dir.path())), [""; 0]);
    }
}

/// Check mode cannot know that a refresh will fail, so it is not rehearsed.
fn run_once(root: &Path) -> Reply {
    let arguments = json!({"root": root, "vendor": "intel"});
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_systemd_boot_iommu"));
    proofs::answer(command.arg("-"), arguments.to_string().as_bytes())
}

#[test]
fn entries_that_are_out_of_date_are_made_anew_without_an_edit() {
    if !need_root("systemd_boot_iommu::out_of_date") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let host = proxmox(dir.path(), "root=a intel_iommu=on\n");
    let stale = entry(ESPS[1], RELEASES[0]);
    host.file(&stale, text(&host, &stale).replace("intel_iommu=on", ""));
    let reply = run(dir.path(), json!({})).expect_ok();
    assert!(reply.changed() && reply.json["files"] == json!([]), "{}", reply.json);
    assert!(reply.json["actions"][0]["reason"].as_str().unwrap().contains("lacks intel_iommu=on"));
    assert!(text(&host, &stale).contains("intel_iommu=on"));
    fs::remove_file(host.at(&entry(ESPS[0], RELEASES[0]))).unwrap();
    fs::remove_file(host.at(&entry(ESPS[0], RELEASES[1]))).unwrap();
    host.file(&format!("/var/tmp/espmounts/{}/EFI/x", ESPS[0]), "");
    let reply = run(dir.path(), json!({})).expect_ok();
    let reason = format!("the ESP {} has no entry for an installed kernel", ESPS[0]);
    assert_eq!(reply.json["actions"][0]["reason"], reason);
}

#[test]
fn an_esp_that_is_missing_is_a_warning_and_none_at_all_a_refusal() {
    if !need_root("systemd_boot_iommu::an_esp_that_is_missing") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let host = proxmox(dir.path(), ZFS);
    fs::remove_dir_all(host.at(&format!("/var/tmp/espmounts/{}", ESPS[1]))).unwrap();
    let reply = run(dir.path(), json!({})).expect_ok();
    assert!(reply.json["warnings"][0].as_str().unwrap().contains(ESPS[1]), "{}", reply.json);
    assert!(reply.changed() && text(&host, &entry(ESPS[0], RELEASES[0])).contains("intel_iommu=on"));
    fs::remove_dir_all(host.at("/var/tmp/espmounts")).unwrap();
    host.file(FILE, ZFS);
    let reply = run(dir.path(), json!({}));
    assert_eq!(reply.json["code"], "esp_unreadable");
    assert!(run(dir.path(), json!({"update": false})).expect_ok().changed());
}

#[test]
fn a_file_from_which_nothing_would_boot_is_refused_with_its_line() {
    for (make, line, code, place) in [
        (
            debian as fn(&_, &str) -> Host,
            "\"root=UUID=1 ro quiet\"\n",
            "kernel_cmdline_quoted",
            "cmdline:1: ",
        ),
        (debian, "quiet\n", "kernel_cmdline_no_root", "cmdline:1: "),
        (debian, "root=UUID=1\n# switch the IOMMU on\n", "kernel_cmdline_comment", "cmdline:2: "),
        (debian, "root=UUID=1 \"quiet\n", "kernel_cmdline_open_quote", "cmdline:1: "),
        (proxmox, "root=ZFS=a\nintel_iommu=on\n", "kernel_cmdline_second_line", "cmdline:2: "),
        (proxmox, "", "kernel_cmdline_no_root", "cmdline:1: "),
    ] {
        let dir = tempfile::tempdir().unwrap();
        make(dir.path(), line);
        let reply = run(dir.path(), json!({"update": false}));
        assert_eq!(reply.json["code"], code, "{}", reply.json);
        assert!(reply.msg().contains(place), "{}", reply.msg());
        let forced = run(dir.path(), json!({"update": false, "force": true})).expect_ok();
        assert!(forced.json["warnings"][0].as_str().unwrap().starts_with(code), "{}", forced.json);
    }
    let dir = tempfile::tempdir().unwrap();
    debian(dir.path(), LINE);
    let reply = run(dir.path(), json!({"update": false, "remove": ["root"]}));
    assert_eq!(reply.json["code"], "kernel_cmdline_no_root");
}

#[test]
fn a_faulty_file_without_anything_to_take_out_is_left_alone() {
    for (line, code) in [("quiet\n", "kernel_cmdline_no_root"), ("\"root=a ro\"\n", "kernel_cmdline_quoted")]
    {
        let dir = tempfile::tempdir().unwrap();
        let host = debian(dir.path(), line);
        let reply = run(dir.path(), json!({"state": "absent"})).expect_ok();
        let warning = reply.json["warnings"][0].as_str().unwrap();
        assert!(!reply.changed() && warning.starts_with(code), "{}", reply.json);
        assert!(!warning.contains("/proc/cmdline"), "nothing runs here: {warning}");
        // An entry that lags behind would be made from the faulty file.
        let entry = format!("/boot/efi/loader/entries/4a4b-{}.conf", RELEASES[0]);
        host.file(
            &entry,
            text(&host, &entry).replace("systemd.machine_id", "intel_iommu=on systemd.machine_id"),
        );
        assert_eq!(run(dir.path(), json!({"state": "absent"})).json["code"], code);
    }
}

#[test]
fn a_tree_with_nothing_but_the_file_boots_by_systemd_boot() {
    let dir = tempfile::tempdir().unwrap();
    let host = Host::new(dir.path());
    host.file(FILE, LINE);
    let reply = run(dir.path(), json!({"update": false})).expect_ok();
    assert_eq!(reply.json["bootloader"], "systemd_boot");
    assert_eq!(text(&host, FILE), "root=UUID=1 ro quiet intel_iommu=on\n");
    host.file("/etc/kernel/proxmox-boot-uuids", "1A2B-3C4D\n").file(FILE, ZFS);
    assert!(run(dir.path(), json!({"update": false})).expect_ok().changed());
    host.file(FILE, "\"root=UUID=1 ro\"\n");
    let reply = run(dir.path(), json!({"update": false}));
    assert_eq!(reply.json["code"], "kernel_cmdline_quoted", "{}", reply.json);
    // In a container it is not read, unless the user knows better.
    host.file("/.dockerenv", "").file(FILE, LINE).remove("/etc/kernel/proxmox-boot-uuids");
    let reply = run(dir.path(), json!({"update": false})).expect_ok();
    assert!(!reply.changed() && reply.msg().starts_with("no boot loader"), "{}", reply.json);
    let reply = run(dir.path(), json!({"update": false, "force": true})).expect_ok();
    assert!(reply.json["warnings"][0].as_str().unwrap().starts_with("no_boot_loader"), "{}", reply.json);
    assert_eq!(text(&host, FILE), "root=UUID=1 ro quiet intel_iommu=on\n");
}

#[test]
fn an_entry_that_somebody_wrote_by_hand_is_refused_before_anything_changes() {
    let dir = tempfile::tempdir().unwrap();
    let host = debian(dir.path(), LINE);
    let entry = "/boot/efi/loader/entries/arch.conf";
    let write = |options: &str| {
        host.file(entry, format!("title Arch\nlinux /vmlinuz-{}\noptions {options}\n", RELEASES[0]));
    };
    write("root=UUID=1 rw");
    let reply = run(dir.path(), json!({}));
    assert_eq!(reply.json["code"], "entry_by_hand", "{}", reply.json);
    assert!(reply.msg().contains(entry) && reply.msg().contains("lacks intel_iommu=on"), "{}", reply.msg());
    assert!(run(dir.path(), json!({"update": false})).expect_ok().changed(), "the file alone");
    if need_root("systemd_boot_iommu::an_entry_by_hand") {
        write("root=UUID=1 rw intel_iommu=on");
        let _ = run(dir.path(), json!({})).expect_ok();
        let reply = run(dir.path(), json!({"state": "absent"}));
        assert_eq!(reply.json["code"], "entry_by_hand", "{}", reply.json);
        assert!(reply.msg().contains("still carries intel_iommu=on"), "{}", reply.msg());
    }
}

#[test]
fn two_lines_are_edited_where_both_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let host = debian(dir.path(), "root=UUID=1\nquiet\n");
    let reply = run(dir.path(), json!({"update": false})).expect_ok();
    assert_eq!(text(&host, FILE), "root=UUID=1\nquiet intel_iommu=on\n");
    assert_eq!(reply.json["cmdline"]["before"], "root=UUID=1 quiet");
    assert!(reply.json["warnings"][0].as_str().unwrap().starts_with("kernel_cmdline_second_line"));
}

#[test]
fn without_a_file_it_starts_from_what_its_reader_takes_instead() {
    if !need_root("systemd_boot_iommu::without_a_file") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let host = debian(dir.path(), LINE);
    fs::remove_file(host.at(FILE)).unwrap();
    let reply = run(dir.path(), json!({}));
    assert_eq!(reply.json["code"], "no_settings", "{}", reply.json);
    assert!(!run(dir.path(), json!({"state": "absent"})).expect_ok().changed());
    host.file("/proc/cmdline", "initrd=\\4a4b\\initrd root=UUID=1 ro quiet systemd.machine_id=4a4b\n");
    let reply = run(dir.path(), json!({})).expect_ok();
    assert_eq!(text(&host, FILE), "root=UUID=1 ro quiet systemd.machine_id=4a4b intel_iommu=on\n");
    assert!(reply.json["cmdline"]["source"].as_str().unwrap().ends_with("/proc/cmdline"), "{}", reply.json);
    assert_eq!(reply.json["reboot_reasons"][0]["code"], "parameter_not_in_force");
    let _ = run(dir.path(), json!({"state": "absent"})).expect_ok();
    assert_eq!(text(&host, FILE), "root=UUID=1 ro quiet systemd.machine_id=4a4b\n");
}

#[test]
fn the_wrong_loader_is_refused_and_the_right_module_named() {
    for (info, code) in [("GRUB 2.12", "wrong_boot_loader"), ("rEFInd 0.14.2", "boot_loader_unknown")] {
        let dir = tempfile::tempdir().unwrap();
        debian(dir.path(), LINE).loader_info(info);
        let reply = run(dir.path(), json!({"update": false}));
        assert_eq!(reply.json["code"], code);
        assert!(reply.msg().contains(&format!("LoaderInfo says {info}")), "{}", reply.msg());
        assert_eq!(reply.msg().contains("pci.passthrough.grub_iommu"), code == "wrong_boot_loader");
        assert!(run(dir.path(), json!({"update": false, "force": true})).expect_ok().changed());
    }
    let dir = tempfile::tempdir().unwrap();
    Host::new(dir.path()).file("/.dockerenv", "");
    let reply = run(dir.path(), json!({})).expect_ok();
    assert!(!reply.changed() && reply.msg().starts_with("no boot loader"), "{}", reply.json);
}

#[test]
fn update_false_names_what_is_due() {
    let dir = tempfile::tempdir().unwrap();
    debian(dir.path(), LINE);
    let reply = run(dir.path(), json!({"update": false, "backup": true})).expect_ok();
    let commands: Vec<Value> =
        reply.json["actions"].as_array().unwrap().iter().map(|action| action["command"].clone()).collect();
    let add = |release: &str| json!(["kernel-install", "add", release, format!("/boot/vmlinuz-{release}")]);
    assert_eq!(commands, RELEASES.map(add));
    assert!(reply.json["backup_file"].as_str().unwrap().contains("/etc/kernel/cmdline."));
}
