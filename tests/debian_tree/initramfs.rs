//! modprobe.d files in the images that the real initramfs-tools builds.

use proofs::{Snapshot, run_module};
use serde_json::{Value, json};

use crate::boot::{expect_in_initramfs, expect_not_in_initramfs};
use crate::tree::Tree;

/// Where `driver_blacklist` writes unless told otherwise.
pub const BLACKLIST: &str = "/etc/modprobe.d/pci-passthrough-blacklist.conf";

/// Arguments of `driver_blacklist` for a driver that the tree's kernels need not have.
pub fn blacklist(tree: &Tree) -> Value {
    json!({"root": tree.path(), "drivers": ["nouveau"]})
}

#[test]
fn a_blacklist_reaches_every_image_and_leaves_it_again() {
    let Some(tree) = Tree::new("blacklist") else { return };
    let reply = run_module("driver_blacklist", &blacklist(&tree)).expect_ok();
    assert!(reply.changed(), "{}", reply.json);
    let command = json!(["update-initramfs", "-u", "-k", "all"]);
    assert!(
        reply.json["actions"][0]["command"] == command && reply.json["actions"][0]["rc"] == 0,
        "{}",
        reply.json
    );
    expect_in_initramfs(&tree, BLACKLIST);

    let done = Snapshot::of(tree.path());
    for module in ["driver_blacklist", "boot_refresh"] {
        let arguments =
            if module == "boot_refresh" { json!({"root": tree.path()}) } else { blacklist(&tree) };
        let again = run_module(module, &arguments).expect_ok();
        assert!(!again.changed() && again.json["actions"] == json!([]), "{module}: {}", again.json);
    }
    assert_eq!(done.traces(&Snapshot::of(tree.path())), [""; 0], "a second run wrote something");

    let mut absent = blacklist(&tree);
    absent["state"] = "absent".into();
    assert!(run_module("driver_blacklist", &absent).expect_ok().changed());
    assert!(!tree.at(BLACKLIST).exists());
    expect_not_in_initramfs(&tree, BLACKLIST);
}

/// initramfs-tools does not copy modules-load.d: no image has to be rebuilt for it.
#[test]
fn modules_to_load_need_no_new_image() {
    let Some(tree) = Tree::new("modules") else { return };
    let first = Snapshot::of(tree.path());
    let arguments = json!({"root": tree.path()});
    let reply = run_module("vfio_modules", &arguments).expect_ok();
    assert!(reply.changed() && reply.json["actions"] == json!([]), "{}", reply.json);
    let changed = first.differences(&Snapshot::of(tree.path()));
    assert!(changed.len() == 1 && changed[0].starts_with("/etc/modules: content"), "{changed:?}");
    let modules = String::from_utf8(tree.read("/etc/modules")).expect("text");
    let listed: Vec<&str> = modules.lines().filter(|line| !line.starts_with('#')).collect();
    // In Debian 12's kernels vfio_virqfd is still a module of its own.
    for name in ["vfio", "vfio_iommu_type1", "vfio_pci", "vfio_virqfd"] {
        assert!(listed.contains(&name), "{name} in {listed:?}");
    }
    let absent = json!({"root": tree.path(), "state": "absent"});
    assert!(run_module("vfio_modules", &absent).expect_ok().changed());
    assert_eq!(first.differences(&Snapshot::of(tree.path())), [""; 0], "absent did not restore");
}
