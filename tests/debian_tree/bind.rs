//! Devices bound by id and by address, in the images that the real initramfs-tools builds.

use std::fs;

use fixture_host::{Host, Pci};
use proofs::{Snapshot, run_module};
use serde_json::{Value, json};

use crate::boot::{expect_in_initramfs, expect_not_in_initramfs, unpack};
use crate::tree::Tree;

const INIT_TOP: &str = "/etc/initramfs-tools/scripts/init-top/00-pci-passthrough";
const IN_IMAGE: &str = "/scripts/init-top/00-pci-passthrough";
const OWN: &str = "/etc/modprobe.d/zz-pci-passthrough-vfio.conf";

/// Two identical network cards and one of another kind, whose driver the tree's kernels have.
fn cards(tree: &mut Tree) {
    tree.own_sysfs();
    let host = Host::new(tree.path());
    for (address, device, group) in
        [("0000:02:00.0", 0x1041, 1), ("0000:03:00.0", 0x1041, 2), ("0000:04:00.0", 0x1000, 3)]
    {
        host.pci(&Pci::new(address, 0x1af4, device, 0x020000).group(group));
    }
}

/// Whether each image has the module.
fn has_module(tree: &Tree, name: &str) -> bool {
    tree.kernels().iter().all(|release| {
        let listed = tree.inside(&["lsinitramfs", &format!("/boot/initrd.img-{release}")]);
        let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
        listed.lines().any(|line| line.contains(&format!("/{name}.ko")))
    })
}

fn ran(reply: &Value) -> bool {
    reply["actions"][0]["command"][0] == "update-initramfs" && reply["actions"][0]["rc"] == 0
}

#[test]
fn by_address_the_script_runs_before_udev_and_goes_again() {
    let Some(mut tree) = Tree::new("bind-address") else { return };
    cards(&mut tree);
    assert!(!has_module(&tree, "vfio-pci"), "the images are to have it from us alone");
    let first = Snapshot::of(&tree.at("/etc"));
    let mut arguments = json!({"root": tree.path(), "devices": ["0000:03:00.0"]});
    let reply = run_module("vfio_bind", &arguments).expect_ok();
    assert!(reply.changed() && ran(&reply.json), "{}", reply.json);
    assert_eq!(reply.json["devices"][0]["method"], "override");
    let script = tree.read(INIT_TOP);
    assert!(String::from_utf8_lossy(&script).contains("\ntake 0000:03:00.0 1af4:1041 1af4:1041\n"));
    for release in tree.kernels() {
        let image = unpack(&tree, &release);
        let copied = fs::read(image.join(&IN_IMAGE[1..])).expect("the script in the image");
        assert!(copied == script, "{release}: another script");
        let order =
            fs::read_to_string(image.join("scripts/init-top/ORDER")).expect("the order of the scripts");
        let scripts: Vec<&str> = order
            .lines()
            .filter_map(|line| line.strip_prefix("/scripts/init-top/")?.split(' ').next())
            .collect();
        assert_eq!(scripts.first(), Some(&"00-pci-passthrough"), "{release}: {scripts:?}");
        assert!(scripts.contains(&"udev"), "{release}: {scripts:?}");
        fs::remove_dir_all(image).expect("an unpacked image can be removed");
    }
    assert!(has_module(&tree, "vfio-pci") && has_module(&tree, "vfio_iommu_type1"));

    let done = Snapshot::of(tree.path());
    for module in ["vfio_bind", "boot_refresh"] {
        let arguments = if module == "vfio_bind" { arguments.clone() } else { json!({"root": tree.path()}) };
        let again = run_module(module, &arguments).expect_ok();
        assert!(!again.changed() && again.json["actions"] == json!([]), "{module}: {}", again.json);
    }
    assert_eq!(done.traces(&Snapshot::of(tree.path())), [""; 0], "a second run wrote something");

    // Changed with the rebuild left for later: boot_refresh sees that the script went.
    arguments["state"] = "absent".into();
    arguments["initramfs"] = false.into();
    assert!(run_module("vfio_bind", &arguments).expect_ok().changed());
    assert_eq!(first.differences(&Snapshot::of(&tree.at("/etc"))), [""; 0], "absent did not restore");
    let refreshed = run_module("boot_refresh", &json!({"root": tree.path()})).expect_ok();
    assert!(refreshed.changed(), "{}", refreshed.json);
    expect_not_in_initramfs(&tree, IN_IMAGE);
    assert!(!has_module(&tree, "vfio-pci"));
}

/// initramfs-tools asks modprobe what a module needs, soft dependencies included: where the driver is in the image,
/// vfio-pci comes along.
#[test]
fn by_id_vfio_pci_comes_with_the_driver() {
    let Some(mut tree) = Tree::new("bind-id") else { return };
    cards(&mut tree);
    tree.write("/etc/initramfs-tools/modules", "virtio_pci\n");
    let mut arguments = json!({"root": tree.path(), "devices": ["0000:04:00.0"]});
    let reply = run_module("vfio_bind", &arguments).expect_ok();
    assert!(reply.changed() && ran(&reply.json), "{}", reply.json);
    assert_eq!(reply.json["devices"][0]["method"], "ids");
    let text = String::from_utf8(tree.read(OWN)).expect("text");
    assert!(text.contains("options vfio-pci ids=1af4:1000\n"), "{text}");
    assert!(text.contains("softdep virtio_pci pre: vfio-pci\n"), "{text}");
    expect_in_initramfs(&tree, OWN);
    assert!(has_module(&tree, "virtio_pci") && has_module(&tree, "vfio-pci"));
    arguments["state"] = "absent".into();
    assert!(run_module("vfio_bind", &arguments).expect_ok().changed());
    expect_not_in_initramfs(&tree, OWN);
}
