//! Check mode tells what the real run does, and touches nothing.

use proofs::{Snapshot, run_module};
use serde_json::{Value, json};

use crate::tree::Tree;

fn asked(tree: &Tree, arguments: &Value, check: bool) -> Value {
    let mut all = json!({"root": tree.path(), "_ansible_check_mode": check, "_ansible_diff": true});
    let map = all.as_object_mut().expect("an object");
    map.extend(arguments.as_object().expect("an object").clone());
    all
}

/// The runs build on each other: boot_refresh has both to do.
#[test]
fn its_diff_is_the_one_of_the_run_and_it_touches_nothing() {
    let Some(tree) = Tree::new("check") else { return };
    let runs = [
        ("grub_iommu", json!({"vendor": "intel", "parameters": ["hugepages=4"], "remove": ["quiet"]})),
        ("grub_iommu", json!({"vendor": "intel", "state": "absent", "update": false})),
        ("vfio_modules", json!({})),
        ("driver_blacklist", json!({"drivers": ["nouveau", "snd_hda_intel"], "initramfs": false})),
        ("boot_refresh", json!({})),
        ("vfio_modules", json!({"state": "absent"})),
    ];
    for (module, arguments) in runs {
        let before = Snapshot::of(tree.path());
        let check = run_module(module, &asked(&tree, &arguments, true)).expect_ok();
        assert_eq!(
            before.traces(&Snapshot::of(tree.path())),
            [""; 0],
            "{module} {arguments}: check mode wrote"
        );
        let real = run_module(module, &asked(&tree, &arguments, false)).expect_ok();
        assert!(check.changed() && real.changed(), "{module} {arguments}: {} / {}", check.json, real.json);
        assert_eq!(check.json["diff"], real.json["diff"], "{module} {arguments}");
        let commands = |reply: &Value| -> Vec<Value> {
            reply["actions"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|action| action["command"].clone())
                .collect()
        };
        assert_eq!(
            commands(&check.json),
            commands(&real.json),
            "{module} {arguments}: the commands foretold"
        );
        let again = run_module(module, &asked(&tree, &arguments, true)).expect_ok();
        assert!(!again.changed() && again.json["diff"] == json!([]), "{module} {arguments}: {}", again.json);
    }
}
