//! The role, by the real ansible-playbook, on the tree as its root.

use proofs::{AnsibleEnv, Snapshot, ansible, workspace_dir};
use serde_json::{Value, json};

use crate::boot::{expect_entries, expect_in_initramfs, expect_not_in_initramfs};
use crate::initramfs::BLACKLIST;
use crate::tree::Tree;

/// Runs the role; returns the number of changed tasks and what was printed.
fn run_role(env: &AnsibleEnv, tree: &Tree, state: &str, options: &[&str]) -> (u32, String) {
    let variables: Value = json!({
        "vfio_host_root": tree.path(),
        "vfio_host_state": state,
        "vfio_host_vendor": "intel",
        "vfio_host_passthrough_mode": true,
        "vfio_host_blacklist_drivers": ["nouveau"],
    });
    let mut command = env.command("ansible-playbook");
    command.arg("--inventory=localhost,").args(options).arg("--extra-vars").arg(variables.to_string());
    let output = command.arg(workspace_dir().join("tests/debian_tree/role.yml")).output();
    let output = output.expect("ansible-playbook starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{state} {options:?}: {}\n{text}\n{errors}", output.status);
    let recap = text.lines().rfind(|line| line.starts_with("localhost ")).expect("a recap");
    let changed = recap.split_whitespace().find_map(|word| word.strip_prefix("changed="));
    (changed.expect("a count of changed tasks").parse().expect("a number"), text)
}

#[test]
fn the_role_prepares_the_tree_once_and_takes_everything_back() {
    let name = "debian_tree::role";
    let Some(env) = ansible(name, "newest") else { return };
    let Some(tree) = Tree::new("role") else { return };
    let parameters = ["intel_iommu=on", "iommu=pt"];
    let first = Snapshot::of(tree.path());

    let (foretold, _) = run_role(&env, &tree, "present", &["--check", "--diff"]);
    assert_eq!(first.traces(&Snapshot::of(tree.path())), [""; 0], "check mode wrote");
    let (changed, text) = run_role(&env, &tree, "present", &[]);
    assert_eq!(changed, 4, "parameters, modules, blacklist, one refresh: {text}");
    assert_eq!(foretold, changed, "check mode foretold another number of changes");
    expect_entries(&tree, &parameters, &[]);
    expect_in_initramfs(&tree, BLACKLIST);

    let done = Snapshot::of(tree.path());
    let (changed, text) = run_role(&env, &tree, "present", &[]);
    assert_eq!(changed, 0, "{text}");
    assert_eq!(done.traces(&Snapshot::of(tree.path())), [""; 0], "the second run wrote something");

    let (changed, text) = run_role(&env, &tree, "absent", &[]);
    assert_eq!(changed, 4, "{text}");
    expect_entries(&tree, &[], &parameters);
    expect_not_in_initramfs(&tree, BLACKLIST);
    // The images are new ones, and the note of what went into them is kept.
    let left = first.differences(&Snapshot::of(tree.path()));
    let expected =
        |line: &String| line.starts_with("/boot/initrd.img-") || line.starts_with("/var/lib/pci-passthrough");
    let left: Vec<&String> = left.iter().filter(|line| !expected(line)).collect();
    assert!(left.is_empty(), "absent left: {left:?}");
}
