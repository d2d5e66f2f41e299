//! The role on the sample hosts.

use proofs::{AnsibleEnv, Snapshot, ansible};
use serde_json::{Value, json};

use crate::hosts::{Host, Ran, play, playbook};

const HOSTS: [&str; 2] = ["pve-intel-two-gpus", "debian-amd"];

fn role(env: &AnsibleEnv, host: &Host, more: &[(&str, Value)], options: &[&str]) -> Ran {
    let mut variables = json!({
        "vfio_host_root": host.root(),
        "vfio_host_update": false,
        "vfio_host_initramfs": false,
        "vfio_host_blacklist_drivers": ["floppy"],
    });
    for (name, value) in more {
        variables[name] = value.clone();
    }
    play(env, &playbook("role.yml"), &variables, options).succeeded()
}

/// What differs, without the collection's own lock and stamps.
fn differences(first: &Snapshot, host: &Host) -> Vec<String> {
    let own = |line: &String| line.starts_with("/run") || line.starts_with("/var/lib/pci-passthrough");
    let mut differences = first.differences(&Snapshot::of(&host.root()));
    differences.retain(|line| !own(line));
    differences
}

pub fn prepares_a_host_once_and_takes_everything_back(version: &str) {
    let Some(env) = ansible("ansible::role", version) else { return };
    for name in HOSTS {
        let host = Host::copy(name);
        let first = Snapshot::of(&host.root());
        let ran = role(&env, &host, &[], &["--diff"]);
        assert_eq!(ran.changed(), 3, "{name}: parameters, modules, blacklist\n{}", ran.text);
        assert!(ran.text.contains("\n+"), "{name}: no diff\n{}", ran.text);
        let done = Snapshot::of(&host.root());
        let again = role(&env, &host, &[], &[]);
        assert_eq!(again.changed(), 0, "{name}\n{}", again.text);
        assert_eq!(done.traces(&Snapshot::of(&host.root())), [""; 0], "{name}: the second run wrote");
        let absent = role(&env, &host, &[("vfio_host_state", json!("absent"))], &[]);
        assert_eq!(absent.changed(), 3, "{name}\n{}", absent.text);
        assert_eq!(differences(&first, &host), [""; 0], "{name}: absent did not bring the first bytes back");
    }
}

pub fn foretells_in_check_mode_what_it_does(version: &str) {
    let Some(env) = ansible("ansible::role_check_mode", version) else { return };
    for name in HOSTS {
        let host = Host::copy(name);
        let first = Snapshot::of(&host.root());
        let foretold = role(&env, &host, &[], &["--check", "--diff"]);
        assert_eq!(first.traces(&Snapshot::of(&host.root())), [""; 0], "{name}: check mode wrote");
        let ran = role(&env, &host, &[], &["--diff"]);
        assert_eq!(foretold.changed(), ran.changed(), "{name}\n{}\n{}", foretold.text, ran.text);
        assert_eq!(diff_lines(&foretold), diff_lines(&ran), "{name}");
    }
}

pub fn reports_only(version: &str) {
    let Some(env) = ansible("ansible::role_report", version) else { return };
    let host = Host::copy("debian-amd");
    let first = Snapshot::of(&host.root());
    let ran = role(&env, &host, &[("vfio_host_state", json!("report"))], &[]);
    assert_eq!(ran.changed(), 0, "{}", ran.text);
    assert!(ran.text.contains("verdict") && ran.text.contains("grub"), "{}", ran.text);
    assert_eq!(first.traces(&Snapshot::of(&host.root())), [""; 0], "the report wrote");
}

pub fn runs_the_tasks_of_a_tag(version: &str) {
    let Some(env) = ansible("ansible::role_tags", version) else { return };
    let host = Host::copy("debian-amd");
    let ran = role(&env, &host, &[], &["--tags=modules"]);
    assert_eq!(ran.changed(), 1, "{}", ran.text);
    let grub = std::fs::read_to_string(host.root().join("etc/default/grub")).expect("the settings");
    assert!(!grub.contains("amd_iommu"), "the parameters were set: {grub}");
}

fn diff_lines(ran: &Ran) -> Vec<&str> {
    ran.text.lines().filter(|line| line.starts_with(['+', '-', '@'])).collect()
}
