//! Every playbook both ways: what Ansible prints, how it ends and what the host looks like after it are the same.

use std::path::Path;

use proofs::Snapshot;
use serde_json::json;

use crate::world::{Ran, Way, World, within};

/// The sample hosts.
const HOSTS: [&str; 2] = ["pve-intel-two-gpus", "debian-amd"];

/// Runs one thing both ways on a fresh copy of a sample host each; all must agree. The cached run is returned.
fn both(world: &World, host: &str, what: &str, one: impl Fn(Way, &Path) -> Ran) -> Ran {
    let mut seen = [Way::Ordinary, Way::Cached].map(|way| {
        let root = world.host(host);
        let ran = one(way, &root);
        (ran, Snapshot::of(&root))
    });
    let text = |ran: &Ran| plain(&world.without_paths(&ran.text));
    let (ordinary, cached) = (text(&seen[0].0), text(&seen[1].0));
    assert_eq!(ordinary, cached, "{what}: the ordinary run, the cached run");
    assert_eq!(seen[0].0.rc, seen[1].0.rc, "{what}: {cached}");
    assert_eq!(seen[0].1.differences(&seen[1].1), [""; 0], "{what}: the host differs");
    assert!(seen[0].0.files() > 0, "{what}: the ordinary way copies files: {:?}", seen[0].0.channels);
    std::mem::replace(&mut seen[1].0, Ran { text: String::new(), rc: 0, channels: Vec::new() })
}

/// The text without what differs from run to run: job numbers and their files, times.
fn plain(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        // Ansible polls a task in the background until it is done: how often is chance.
        if line.starts_with("ASYNC POLL") {
            continue;
        }
        let words = line.split_inclusive(['"', ' ', ',', '=', '/']).map(|word| {
            let bare = word.trim_end_matches(['"', ' ', ',', '=', '/']);
            let digits = bare.strip_prefix('j').unwrap_or(bare);
            let number = digits.len() > 6 && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
            if number { word.replace(bare, "NUMBER") } else { word.to_owned() }
        });
        out.extend(words);
        out.push('\n');
    }
    out
}

pub fn of_every_playbook(version: &str) {
    within("cached::of_every_playbook", version, |world| {
        let playbooks =
            ["ansible/check_mode.yml", "ansible/keywords.yml", "ansible/refusals.yml", "ansible/role.yml"];
        for (playbook, host) in playbooks.iter().flat_map(|playbook| HOSTS.map(|host| (playbook, host))) {
            for rights in [None, Some("--become")] {
                let what = format!("{playbook} {host} {rights:?}");
                let ran = both(world, host, &what, |way, root| {
                    let variables = json!({
                        "root": root,
                        "vfio_host_root": root,
                        "vfio_host_update": false,
                        "vfio_host_initramfs": false,
                        "vfio_host_blacklist_drivers": ["floppy"],
                    });
                    let variables = variables.to_string();
                    let mut options = vec!["-v", "--diff", "--extra-vars", &variables];
                    options.extend(rights);
                    world.play(way, playbook, &options)
                });
                assert_eq!(ran.rc, 0, "{what}: {}", ran.text);
                // Its task in the background is copied the ordinary way.
                let background = usize::from(playbook.ends_with("keywords.yml"));
                assert_eq!(ran.files().min(1), background, "{what}: files are copied: {:?}", ran.channels);
            }
        }
    });
}

pub fn of_every_keyword(version: &str) {
    within("cached::of_every_keyword", version, |world| {
        for options in [&["-v"][..], &["-v", "--check", "--diff"], &["-v", "--become"]] {
            let ran = both(world, HOSTS[0], &format!("{options:?}"), |way, root| {
                let variables = json!({"root": root}).to_string();
                let options = [options, &["--extra-vars", &variables]].concat();
                world.play(way, "cached/keywords.yml", &options)
            });
            assert_eq!(ran.rc, 0, "{}", ran.text);
            assert_eq!(ran.files(), 0, "{:?}", ran.channels);
            assert!(!ran.text.contains("hunter2"), "the secret shows: {}", ran.text);
        }
    });
}

pub fn of_ad_hoc_runs(version: &str) {
    within("cached::of_ad_hoc_runs", version, |world| {
        let (diff, check) = (&["--diff"][..], &["--check", "--become"][..]);
        for (module, arguments, options) in [
            ("grub_iommu", "root=ROOT passthrough_mode=yes update=no parameters=one=1,two", diff),
            (
                "driver_blacklist",
                r#"{"root": "ROOT", "drivers": ["nouveau", "pcspkr"], "initramfs": false}"#,
                check,
            ),
            ("iommu_facts", "root=host gather_subset=devices", diff),
            ("vfio_modules", "root=$HOME/host initramfs=false", diff),
            ("boot_refresh", "root=ROOT update=maybe", check),
            ("grub_iommu", "root=~/nowhere", check),
        ] {
            for host in HOSTS {
                both(world, host, &format!("{module} {arguments} {host} {options:?}"), |way, root| {
                    world.task(way, module, &arguments.replace("ROOT", &root.display().to_string()), options)
                });
            }
        }
    });
}

/// A date without quotes breaks a binary module on the oldest core; here every version takes it.
pub fn of_values_that_only_old_versions_refuse(version: &str) {
    within("cached::of_values", version, |world| {
        let root = world.host("debian-amd");
        let book = format!(
            "- hosts: target\n  gather_facts: false\n  tasks:\n    - pci.passthrough.grub_iommu:\n        root: {}\n        \
             update: false\n        parameters: [2026-11-24]\n",
            root.display()
        );
        for options in [&[][..], &["--extra-vars", "ansible_pipelining=false", "--become"]] {
            let ran = world.play(Way::Cached, &book, options);
            assert!(!ran.text.contains("not JSON serializable"), "{}", ran.text);
            ran.succeeded();
        }
    });
}
