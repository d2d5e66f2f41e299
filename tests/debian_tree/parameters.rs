//! Kernel parameters in the entries that the real grub-mkconfig writes.

use proofs::{Snapshot, run_module};
use serde_json::{Value, json};

use crate::boot::expect_entries;
use crate::tree::Tree;

const DROP_IN: &str = "/etc/default/grub.d/50-cloudimg-settings.cfg";

/// How the settings may look before, and what of them stays in the entries.
const SETTINGS: [(&str, &str, &[&str]); 7] = [
    ("as installed", "", &["quiet"]),
    ("a drop-in overrides", "GRUB_CMDLINE_LINUX_DEFAULT=\"console=tty1 console=ttyS0\"\n", &["console=tty1"]),
    (
        "a drop-in appends",
        "GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT crashkernel=192M\"\n",
        &["quiet", "crashkernel=192M"],
    ),
    ("a drop-in computes", "GRUB_CMDLINE_LINUX_DEFAULT=\"panic=$(expr 2 + 3)\"\n", &["panic=5"]),
    (
        "a drop-in overrides under a condition",
        "if true; then\n  GRUB_CMDLINE_LINUX_DEFAULT=splash\nfi\n",
        &["splash"],
    ),
    ("single quotes, no final newline", "GRUB_CMDLINE_LINUX_DEFAULT='debug  audit=0'", &["debug", "audit=0"]),
    (
        "carried on over lines",
        "GRUB_CMDLINE_LINUX_DEFAULT=\"nomodeset \\\n  audit=0\"\n",
        &["nomodeset", "audit=0"],
    ),
];

fn arguments(tree: &Tree, more: Value) -> Value {
    let mut arguments = json!({"root": tree.path(), "vendor": "intel", "passthrough_mode": true});
    let map = arguments.as_object_mut().expect("an object");
    map.extend(more.as_object().expect("an object").clone());
    arguments
}

#[test]
fn every_normal_entry_carries_them_and_undoing_restores_every_file() {
    let Some(tree) = Tree::new("parameters") else { return };
    for (name, drop_in, kept) in SETTINGS {
        println!("{name}");
        if !drop_in.is_empty() {
            tree.write(DROP_IN, drop_in);
        }
        tree.inside(&["update-grub"]);
        expect_entries(&tree, kept, &["intel_iommu=on", "iommu=pt"]);
        let first = Snapshot::of(tree.path());

        let reply = run_module("grub_iommu", &arguments(&tree, json!({}))).expect_ok();
        assert!(reply.changed(), "{}", reply.json);
        assert_eq!(reply.json["actions"][0]["rc"], 0, "{}", reply.json);
        assert_eq!(reply.json["added"], json!(["intel_iommu=on", "iommu=pt"]), "{}", reply.json);
        expect_entries(&tree, &[kept, &["intel_iommu=on", "iommu=pt"]].concat(), &[]);

        let done = Snapshot::of(tree.path());
        let again = run_module("grub_iommu", &arguments(&tree, json!({}))).expect_ok();
        assert!(!again.changed() && again.json["actions"] == json!([]), "{}", again.json);
        assert_eq!(done.traces(&Snapshot::of(tree.path())), [""; 0], "a second run wrote something");

        let undone = run_module("grub_iommu", &arguments(&tree, json!({"state": "absent"}))).expect_ok();
        assert!(undone.changed(), "{}", undone.json);
        expect_entries(&tree, kept, &["intel_iommu=on", "iommu=pt"]);
        assert_eq!(first.differences(&Snapshot::of(tree.path())), [""; 0], "absent did not restore");
        let _ = std::fs::remove_file(tree.at(DROP_IN));
    }
}

#[test]
fn contrary_values_are_replaced_in_the_entries() {
    let Some(tree) = Tree::new("contrary") else { return };
    tree.write(
        DROP_IN,
        "GRUB_CMDLINE_LINUX_DEFAULT=\"intel_iommu=off intel_iommu=igfx_off quiet iommu=off\"\n",
    );
    tree.inside(&["update-grub"]);
    let reply = run_module("grub_iommu", &arguments(&tree, json!({}))).expect_ok();
    assert_eq!(reply.json["removed"], json!(["intel_iommu=off", "iommu=off"]), "{}", reply.json);
    let wanted = ["intel_iommu=on", "iommu=pt", "intel_iommu=igfx_off", "quiet"];
    expect_entries(&tree, &wanted, &["intel_iommu=off", "iommu=off"]);
}

#[test]
fn refresh_left_for_later_is_done_once_by_boot_refresh() {
    let Some(tree) = Tree::new("later") else { return };
    let root = json!({"root": tree.path()});
    let reply = run_module("grub_iommu", &arguments(&tree, json!({"update": false}))).expect_ok();
    assert_eq!(reply.json["actions"][0]["rc"], Value::Null, "due, not run: {}", reply.json);
    expect_entries(&tree, &[], &["intel_iommu=on", "iommu=pt"]);
    let refreshed = run_module("boot_refresh", &root).expect_ok();
    assert!(refreshed.changed(), "{}", refreshed.json);
    expect_entries(&tree, &["intel_iommu=on", "iommu=pt"], &[]);
    let done = Snapshot::of(tree.path());
    assert!(!run_module("boot_refresh", &root).expect_ok().changed());
    assert_eq!(done.traces(&Snapshot::of(tree.path())), [""; 0], "a second refresh wrote something");
}
