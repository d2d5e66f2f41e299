//! The real `kernel-install` of Debian makes the entries of systemd-boot. The ESP is a folder of the tree.

use std::fs;
use std::process::Command;

use proofs::{Reply, Snapshot, answer, binary, run_module};
use serde_json::{Value, json};

use crate::tree::Tree;

const LINE: &str = "root=/dev/sda2 ro quiet\n";
const ENTRIES: &str = "/boot/efi/loader/entries";

/// The tree without GRUB's files, with systemd-boot's, and with the entries that Debian makes at a kernel's
/// installation.
fn with_systemd_boot(tree: &Tree) {
    fs::remove_dir_all(tree.at("/boot/grub")).expect("GRUB's files");
    fs::remove_file(tree.at("/etc/default/grub")).expect("GRUB's settings");
    fs::create_dir_all(tree.at(ENTRIES)).expect("a folder");
    fs::create_dir_all(tree.at("/etc/kernel")).expect("a folder");
    tree.write("/boot/efi/loader/loader.conf", "timeout 3\n");
    tree.write("/boot/efi/loader/entries.srel", "type1\n");
    tree.write("/etc/machine-id", "4a4b4c4d4e4f40414243444546474849\n");
    tree.write("/etc/kernel/cmdline", LINE);
    for release in tree.kernels() {
        tree.inside(&["kernel-install", "add", &release, &format!("/boot/vmlinuz-{release}")]);
    }
}

fn options(tree: &Tree) -> Vec<String> {
    let entries = fs::read_dir(tree.at(ENTRIES)).expect("entries");
    let texts = entries.map(|entry| fs::read_to_string(entry.expect("an entry").path()).expect("a text"));
    let line =
        |text: String| text.lines().find_map(|line| line.strip_prefix("options    ").map(str::to_owned));
    texts.map(|text| line(text).expect("options")).collect()
}

fn run(tree: &Tree, more: Value) -> Reply {
    let mut arguments = json!({"root": tree.path(), "vendor": "intel", "passthrough_mode": true});
    arguments.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    answer(Command::new(binary("systemd_boot_iommu")).arg("-"), arguments.to_string().as_bytes())
}

#[test]
fn the_real_kernel_install_brings_the_parameters_into_every_entry() {
    let Some(tree) = Tree::new("systemd-boot") else { return };
    with_systemd_boot(&tree);
    let kernels = tree.kernels();
    assert_eq!(options(&tree).len(), kernels.len());
    let first = Snapshot::of(tree.path());

    let reply = run(&tree, json!({})).expect_ok();
    assert_eq!(reply.json["actions"].as_array().expect("actions").len(), kernels.len(), "{}", reply.json);
    let carried = "root=/dev/sda2 ro quiet intel_iommu=on iommu=pt systemd.machine_id=";
    assert!(options(&tree).iter().all(|line| line.starts_with(carried)), "{:?}", options(&tree));
    assert!(reply.json["entries"].as_array().expect("entries").iter().all(|entry| entry["carries"] == true));
    let done = Snapshot::of(tree.path());
    assert!(!run(&tree, json!({})).expect_ok().changed());
    assert_eq!(done.traces(&Snapshot::of(tree.path())), [""; 0], "a second run wrote something");

    let _ = run(&tree, json!({"state": "absent"})).expect_ok();
    assert_eq!(first.differences(&Snapshot::of(tree.path())), [""; 0], "absent did not restore");
}

#[test]
fn left_for_later_it_is_done_once_by_boot_refresh() {
    let Some(tree) = Tree::new("systemd-boot-later") else { return };
    with_systemd_boot(&tree);
    let later = run(&tree, json!({"update": false})).expect_ok();
    assert!(later.json["actions"][0]["rc"].is_null(), "{}", later.json);
    assert!(options(&tree).iter().all(|line| !line.contains("intel_iommu")));
    let arguments = json!({"root": tree.path(), "initramfs": false});
    let done = run_module("boot_refresh", &arguments).expect_ok();
    assert!(
        done.changed() && options(&tree).iter().all(|line| line.contains("intel_iommu=on")),
        "{}",
        done.json
    );
    assert!(!run_module("boot_refresh", &arguments).expect_ok().changed());
}

#[test]
fn a_plugin_that_fails_leaves_everything_as_it_was() {
    let Some(tree) = Tree::new("systemd-boot-fails") else { return };
    with_systemd_boot(&tree);
    fs::create_dir_all(tree.at("/etc/kernel/install.d")).expect("a folder");
    // After the entry of the last kernel was written; the first ones are whole by then.
    let last = tree.kernels().pop().expect("a kernel");
    tree.script(
        "/etc/kernel/install.d/95-full.install",
        &format!("[ \"$2\" != {last} ] || {{ echo full >&2; exit 1; }}"),
    );
    let before = Snapshot::of(tree.path());
    let reply = run(&tree, json!({}));
    assert!(reply.failed() && reply.msg().contains("full"), "{}", reply.json);
    assert_eq!(before.differences(&Snapshot::of(tree.path())), [""; 0]);
}
