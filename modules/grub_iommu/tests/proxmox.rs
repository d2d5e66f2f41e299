//! Proxmox VE with GRUB on the ESPs of proxmox-boot-tool, which is a fake here.

use std::fs;
use std::path::Path;
use std::process::Command;

use fixture_host::Host;
use fixture_host::loaders::{ESPS, RELEASES, proxmox_grub, proxmox_grub_cfg, proxmox_grub_path};
use proofs::{Reply, Snapshot, answer, need_root, rehearsed};
use serde_json::{Value, json};

fn host(root: &Path) -> Host {
    proxmox_grub(root, "quiet")
}

fn run(root: &Path, arguments: Value) -> Reply {
    let mut all = json!({"vendor": "intel"});
    all.as_object_mut().unwrap().extend(arguments.as_object().unwrap().clone());
    rehearsed(env!("CARGO_BIN_EXE_grub_iommu"), root, &all)
}

#[test]
fn the_entries_of_every_esp_carry_the_parameters() {
    if !need_root("grub_iommu::proxmox::every_esp") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let host = host(dir.path());
    let before = Snapshot::of(dir.path());
    let reply = run(dir.path(), json!({"passthrough_mode": true})).expect_ok();
    assert_eq!(reply.json["actions"][0]["command"], json!(["proxmox-boot-tool", "refresh"]));
    let esps: Vec<&Value> =
        reply.json["entries"].as_array().unwrap().iter().map(|entry| &entry["esp"]).collect();
    assert_eq!(esps, ESPS.map(|uuid| [uuid; RELEASES.len()]).concat());
    for uuid in ESPS {
        let text = fs::read_to_string(host.at(&proxmox_grub_path(uuid))).unwrap();
        assert!(text.contains("quiet intel_iommu=on iommu=pt"), "{text}");
    }
    assert!(!fs::read_to_string(host.at("/boot/grub/grub.cfg")).unwrap().contains("intel_iommu"));
    let _ = run(dir.path(), json!({"passthrough_mode": true, "state": "absent"})).expect_ok();
    assert_eq!(before.differences(&Snapshot::of(dir.path())), [""; 0]);
}

#[test]
fn an_esp_that_lags_behind_is_brought_up_to_date() {
    if !need_root("grub_iommu::proxmox::lags_behind") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let host = host(dir.path());
    proxmox_grub(dir.path(), "quiet intel_iommu=on");
    host.file(&proxmox_grub_path(ESPS[1]), proxmox_grub_cfg("quiet"));
    let reply = run(dir.path(), json!({})).expect_ok();
    assert!(reply.changed() && reply.json["files"] == json!([]), "{}", reply.json);
    assert!(reply.json["actions"][0]["reason"].as_str().unwrap().contains(ESPS[1]), "{}", reply.json);
}

#[test]
fn a_refresh_that_fails_leaves_everything_as_it_was() {
    if !need_root("grub_iommu::proxmox::fails") {
        return;
    }
    for mode in ["broken", "half", "nothing"] {
        let dir = tempfile::tempdir().unwrap();
        host(dir.path()).file("/fake-mode", format!("{mode}\n"));
        let before = Snapshot::of(dir.path());
        let arguments = json!({"root": dir.path(), "vendor": "intel"});
        let mut command = Command::new(env!("CARGO_BIN_EXE_grub_iommu"));
        let reply = answer(command.arg("-"), arguments.to_string().as_bytes());
        assert!(reply.failed(), "{mode}: {}", reply.json);
        assert_eq!(before.differences(&Snapshot::of(dir.path())), [""; 0], "{mode}");
    }
}

#[test]
fn without_any_esp_to_read_it_refuses() {
    let dir = tempfile::tempdir().unwrap();
    let host = host(dir.path());
    fs::remove_dir_all(host.at("/var/tmp/espmounts")).unwrap();
    assert_eq!(run(dir.path(), json!({})).json["code"], "esp_unreadable");
    let reply = run(dir.path(), json!({"update": false})).expect_ok();
    assert_eq!(reply.json["actions"][0]["command"], json!(["proxmox-boot-tool", "refresh"]));
    assert!(reply.json["warnings"][0].as_str().unwrap().contains(ESPS[0]), "{}", reply.json);
}
