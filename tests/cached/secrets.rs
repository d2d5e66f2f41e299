//! Arguments reach the module over standard input alone.

use std::collections::BTreeSet;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::world::{Way, within};

const SECRET: &str = "hunter2_is_no_parameter";

/// A playbook that hands the secret over, twenty times, so that a look at the processes cannot miss all of them.
fn book(root: &std::path::Path, no_log: bool) -> String {
    format!(
        "- hosts: target\n  gather_facts: false\n  become: true\n  tasks:\n    - pci.passthrough.grub_iommu:\n        \
         root: {}\n        update: false\n        parameters: [{SECRET}]\n      loop: '{{{{ range(20) | list }}}}'\n      \
         no_log: {no_log}\n",
        root.display()
    )
}

pub fn arguments_are_in_no_process_list(version: &str) {
    within("cached::process_list", version, |world| {
        let text = book(&world.host("debian-amd"), false);
        world.play(Way::Cached, &text, &[]).succeeded();
        let done = AtomicBool::new(false);
        let seen = std::thread::scope(|scope| {
            let watch = scope.spawn(|| {
                let mut seen = BTreeSet::new();
                while !done.load(Ordering::Relaxed) {
                    for process in fs::read_dir("/proc").expect("processes").flatten() {
                        for list in ["cmdline", "environ"] {
                            let bytes = fs::read(process.path().join(list)).unwrap_or_default();
                            seen.insert(String::from_utf8_lossy(&bytes).into_owned());
                        }
                    }
                }
                seen
            });
            let ran = world.play(Way::Cached, &text, &[]);
            done.store(true, Ordering::Relaxed);
            ran.succeeded();
            watch.join().expect("the watcher")
        });
        let has = |what: &str| seen.iter().any(|text| text.contains(what));
        assert!(has("/proc/self/fd/9\0-\0"), "the module itself was never seen: {} lists", seen.len());
        assert!(!has(SECRET), "{:?}", seen.iter().find(|text| text.contains(SECRET)));
    });
}

pub fn arguments_are_in_no_log_but_the_modules_own_line(version: &str) {
    within("cached::log", version, |world| {
        let root = world.host("debian-amd");
        world.play(Way::Cached, &book(&root, true), &[]).succeeded();
        let lines = world.logged();
        assert!(lines.iter().any(|line| line.contains("sudo") && line.contains("COMMAND=")), "{lines:?}");
        assert!(!lines.iter().any(|line| line.contains(SECRET)), "{lines:?}");
        world.play(Way::Cached, &book(&root, false), &[]).succeeded();
        let lines = world.logged();
        let own =
            lines.iter().filter(|line| line.contains("ansible-pci.passthrough.grub_iommu: Invoked with"));
        assert_eq!(own.count(), 20, "{lines:?}");
        for line in lines.iter().filter(|line| line.contains(SECRET)) {
            assert!(line.contains("ansible-pci.passthrough.grub_iommu: Invoked with"), "{line}");
        }
        let sshd = fs::read_to_string(world.path("sshd.log")).expect("sshd's log");
        assert!(!sshd.contains(SECRET), "{sshd}");
    });
}
