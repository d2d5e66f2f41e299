//! Hosts whose GRUB reads entry files: the layouts that Fedora 40, RHEL 9 and RHEL 8 install.

use std::fs;
use std::path::Path;

use fixture_host::Host;
use fixture_host::loaders::{BLS_LINE, bls_path, fedora_40, grubenv, rhel_8, rhel_9};
use proofs::{Reply, Snapshot, rehearsed};
use serde_json::{Value, json};

fn run(root: &Path, arguments: Value) -> Reply {
    let mut all = json!({"vendor": "intel"});
    all.as_object_mut().unwrap().extend(arguments.as_object().unwrap().clone());
    rehearsed(env!("CARGO_BIN_EXE_grub_iommu"), root, &all)
}

fn text(host: &Host, path: &str) -> String {
    String::from_utf8(fs::read(host.at(path)).unwrap_or_else(|e| panic!("{path}: {e}"))).unwrap()
}

#[test]
fn every_place_that_grubby_edits_carries_them_and_absent_restores_every_byte() {
    for (name, make) in
        [("Fedora 40", fedora_40 as fn(&Path) -> Host), ("RHEL 9", rhel_9), ("RHEL 8", rhel_8)]
    {
        println!("{name}");
        let dir = tempfile::tempdir().unwrap();
        let host = make(dir.path());
        let before = Snapshot::of(dir.path());
        let arguments = json!({"passthrough_mode": true, "parameters": ["hugepages=16"]});
        let reply = run(dir.path(), arguments.clone()).expect_ok();
        assert_eq!(reply.json["added"], json!(["intel_iommu=on", "iommu=pt", "hugepages=16"]));
        assert_eq!(reply.json["actions"], json!([]), "nothing to generate");
        let entries = reply.json["entries"].as_array().unwrap();
        assert!(
            !entries.is_empty() && entries.iter().all(|entry| entry["carries"] == true),
            "{}",
            reply.json
        );
        let added = "quiet intel_iommu=on iommu=pt hugepages=16";
        assert!(
            text(&host, "/etc/default/grub")
                .contains(&format!("{BLS_LINE} intel_iommu=on iommu=pt hugepages=16\""))
        );
        match name {
            "RHEL 8" => {
                let block = text(&host, "/boot/grub2/grubenv");
                assert!(block.contains(&format!("{added} \nboot_success")) && block.len() == 1024, "{block}");
                assert!(host.at("/boot/grub2/grubenv").is_symlink());
                assert!(text(&host, &bls_path("0-rescue")).contains("options $kernelopts\n"));
            }
            _ => assert!(
                text(&host, &bls_path("0-rescue")).contains(" intel_iommu=on iommu=pt hugepages=16\n")
            ),
        }
        if name == "Fedora 40" {
            assert!(text(&host, "/etc/kernel/cmdline").ends_with(&format!("{added}\n")));
        }
        let gone = json!({"passthrough_mode": true, "parameters": ["hugepages=16"], "state": "absent"});
        let _ = run(dir.path(), gone).expect_ok();
        assert_eq!(before.differences(&Snapshot::of(dir.path())), [""; 0], "{name}");
    }
}

#[test]
fn an_entry_that_lags_behind_is_mended_and_a_contrary_value_goes() {
    let dir = tempfile::tempdir().unwrap();
    let host = fedora_40(dir.path());
    let lagging = bls_path("6.8.5-301.fc40.x86_64");
    host.file(&lagging, text(&host, &lagging).replace("rhgb", "intel_iommu=off rhgb"));
    let _ = run(dir.path(), json!({})).expect_ok();
    assert!(text(&host, &lagging).contains("intel_iommu=on rhgb"), "{}", text(&host, &lagging));
    host.file(&lagging, text(&host, &lagging).replace("intel_iommu=on ", ""));
    let reply = run(dir.path(), json!({})).expect_ok();
    assert_eq!(reply.json["files"], json!([format!("{}{lagging}", dir.path().display())]));
    // Entries are settings here: update: false edits them too.
    host.file(&lagging, text(&host, &lagging).replace(" intel_iommu=on", ""));
    assert!(run(dir.path(), json!({"update": false})).expect_ok().changed());
}

#[test]
fn what_cannot_be_carried_is_refused_with_its_file() {
    let dir = tempfile::tempdir().unwrap();
    let host = rhel_8(dir.path());
    host.file("/boot/efi/EFI/redhat/grubenv", grubenv("saved_entry=x\n"));
    let reply = run(dir.path(), json!({}));
    assert_eq!(reply.json["code"], "kernelopts_missing", "{}", reply.json);
    host.file("/boot/efi/EFI/redhat/grubenv", "kernelopts=root=/dev/sda\n");
    let reply = run(dir.path(), json!({}));
    assert_eq!(reply.json["code"], "grubenv_unusable", "{}", reply.json);
    let line = format!("kernelopts=root=/dev/sda {}\n", "a".repeat(900));
    host.file("/boot/efi/EFI/redhat/grubenv", grubenv(&line));
    let reply = run(dir.path(), json!({"parameters": ["hugepages=160000000000000000000000"]}));
    assert_eq!(reply.json["code"], "grubenv_unusable", "{}", reply.json);
    // Another variable switches the IOMMU off behind everything that is edited here.
    let dir = tempfile::tempdir().unwrap();
    let host = rhel_9(dir.path());
    host.file("/boot/grub2/grubenv", grubenv("tuned_params=intel_iommu=off\n"));
    let reply = run(dir.path(), json!({}));
    assert_eq!(reply.json["code"], "bls_entry_not_in_force", "{}", reply.json);
}

#[test]
fn the_file_for_kernels_to_come_is_edited_as_carefully_as_systemd_boots() {
    for (line, code) in [
        ("\"root=UUID=1 ro\"\n", "kernel_cmdline_quoted"),
        ("root=UUID=1 ro\n# note\n", "kernel_cmdline_comment"),
        ("ro quiet\n", "kernel_cmdline_no_root"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let host = fedora_40(dir.path());
        host.file("/etc/kernel/cmdline", line);
        let reply = run(dir.path(), json!({}));
        assert_eq!(reply.json["code"], code, "{}", reply.json);
        assert!(reply.msg().contains("/etc/kernel/cmdline:"), "{}", reply.msg());
        assert!(!run(dir.path(), json!({"state": "absent"})).expect_ok().changed(), "nothing to take out");
        let reply = run(dir.path(), json!({"force": true})).expect_ok();
        assert!(reply.json["warnings"][0].as_str().unwrap().starts_with(code), "{}", reply.json);
    }
    for blank in ["", " \n"] {
        let dir = tempfile::tempdir().unwrap();
        let host = fedora_40(dir.path());
        host.file("/etc/kernel/cmdline", blank);
        let reply = run(dir.path(), json!({})).expect_ok();
        assert!(reply.changed() && text(&host, "/etc/kernel/cmdline") == blank, "as if it were missing");
    }
}

#[test]
fn the_setting_is_read_as_the_shell_reads_it() {
    for setting in ["GRUB_ENABLE_BLSCFG=true  # keep", "export GRUB_ENABLE_BLSCFG=true"] {
        let dir = tempfile::tempdir().unwrap();
        let host = fedora_40(dir.path());
        let settings = text(&host, "/etc/default/grub").replace("GRUB_ENABLE_BLSCFG=true", setting);
        host.file("/etc/default/grub", settings);
        let _ = run(dir.path(), json!({})).expect_ok();
        assert!(text(&host, &bls_path("6.8.5-301.fc40.x86_64")).contains("intel_iommu=on"), "{setting}");
    }
}

#[test]
fn the_reply_tells_of_the_entries_too() {
    let dir = tempfile::tempdir().unwrap();
    let host = rhel_8(dir.path());
    let block = grubenv("kernelopts=root=/dev/sda ro intel_iommu=off\ntuned_params=skew_tick=1\n");
    host.file("/boot/efi/EFI/redhat/grubenv", block);
    let reply = run(dir.path(), json!({})).expect_ok();
    assert_eq!(reply.json["added"], json!(["intel_iommu=on"]));
    assert_eq!(reply.json["removed"], json!(["intel_iommu=off"]));
    assert_eq!(reply.json["cmdline"]["before"], "root=/dev/sda ro intel_iommu=off skew_tick=1");
    assert_eq!(reply.json["cmdline"]["after"], "root=/dev/sda ro intel_iommu=on skew_tick=1");

    let dir = tempfile::tempdir().unwrap();
    let host = fedora_40(dir.path());
    let settings = text(&host, "/etc/default/grub").replace(BLS_LINE, &format!("{BLS_LINE} intel_iommu=on"));
    host.file("/etc/default/grub", settings);
    let reply = run(dir.path(), json!({})).expect_ok();
    assert_eq!(reply.json["added"], json!(["intel_iommu=on"]), "the entries lacked it");
    assert_eq!(reply.json["cmdline"]["before"], format!("root=UUID=1 ro {BLS_LINE}"));
    assert_eq!(reply.json["cmdline"]["after"], format!("root=UUID=1 ro {BLS_LINE} intel_iommu=on"));
}

#[test]
fn entries_without_settings_are_edited_by_themselves() {
    for make in [fedora_40 as fn(&Path) -> Host, rhel_8] {
        let dir = tempfile::tempdir().unwrap();
        let host = make(dir.path());
        host.remove("/etc/default/grub");
        let before = Snapshot::of(dir.path());
        let reply = run(dir.path(), json!({})).expect_ok();
        assert_eq!(reply.json["added"], json!(["intel_iommu=on"]));
        let entries = reply.json["entries"].as_array().unwrap();
        assert!(
            !entries.is_empty() && entries.iter().all(|entry| entry["carries"] == true),
            "{}",
            reply.json
        );
        assert!(!host.at("/etc/default/grub").exists());
        assert_eq!(run(dir.path(), json!({"path": "/etc/defaults/grub"})).json["code"], "no_settings");
        let _ = run(dir.path(), json!({"state": "absent"})).expect_ok();
        assert_eq!(before.differences(&Snapshot::of(dir.path())), [""; 0]);
    }
}
