//! Commands that make boot entries: what they did is brought back when they fail or fall short. The commands
//! run chrooted, which needs root; they are fakes.

use std::fs;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use apply::{Activation, FileChange, Plan, Run};
use fixture_host::loaders::{ESPS, RELEASES, debian_systemd_boot, proxmox_entry, proxmox_systemd_boot};
use host::Root;
use proofs::{Snapshot, need_root};

const OLD: &str = "root=a\n";
const NEW: &str = "root=a iommu=pt\n";

/// A command is started with the whole process chrooted for the moment: one test at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn plan(commands: &[&[&str]]) -> Plan {
    let run = |words: &&[&str]| {
        Activation::Run(Run::make_entries("test", words.iter().map(|word| word.to_string()).collect()))
    };
    let bytes = |text: &str| Some(text.as_bytes().to_vec());
    let change = FileChange {
        path: "/etc/kernel/cmdline".into(),
        before: bytes(OLD),
        after: bytes(NEW),
        mode: FileChange::PLAIN,
    };
    Plan { files: vec![change], activations: commands.iter().map(run).collect(), ..Plan::default() }
}

fn refresh() -> Plan {
    plan(&[&["proxmox-boot-tool", "refresh"]])
}

fn text(root: &Path, path: &str) -> String {
    fs::read_to_string(root.join(&path[1..])).unwrap()
}

#[test]
fn a_good_refresh_stays() {
    if !need_root("apply::entries::good") {
        return;
    }
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    proxmox_systemd_boot(dir.path(), OLD);
    let root = Root::open(dir.path()).unwrap();
    let outcome = apply::run(&root, &refresh(), false, &mut || Ok(())).unwrap();
    assert_eq!(outcome.actions[0].rc, Some(0));
    assert!(text(dir.path(), &proxmox_entry(ESPS[1], RELEASES[1])).contains("root=a iommu=pt\n"));
}

#[test]
fn the_undo_runs_with_the_old_files_and_the_entries_are_those_of_before() {
    if !need_root("apply::entries::undo") {
        return;
    }
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let host = proxmox_systemd_boot(dir.path(), OLD);
    // The undo leaves a trace of the settings that it saw.
    host.file(
        "/usr/sbin/noting",
        "#!/bin/sh\nIFS= read -r line </etc/kernel/cmdline\necho \"$line\" >>/seen\n",
    );
    let mut permissions = fs::metadata(host.at("/usr/sbin/noting")).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o755);
    fs::set_permissions(host.at("/usr/sbin/noting"), permissions).unwrap();
    let root = Root::open(dir.path()).unwrap();
    let plan = plan(&[&["noting"], &["proxmox-boot-tool", "refresh"]]);
    let before = Snapshot::of(dir.path());
    let error = apply::run(&root, &plan, false, &mut || Err("fell short".into())).unwrap_err();
    assert!(error.restored && error.not_restored.is_empty(), "{error}");
    assert_eq!(
        text(dir.path(), "/seen"),
        format!("{NEW}{OLD}"),
        "once with the new file, once with the old one"
    );
    fs::remove_file(host.at("/seen")).unwrap();
    assert_eq!(before.differences(&Snapshot::of(dir.path())), [""; 0]);
}

#[test]
fn a_refresh_that_stays_broken_still_leaves_the_old_entries() {
    if !need_root("apply::entries::broken") {
        return;
    }
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let host = debian_systemd_boot(dir.path(), OLD);
    host.file("/fake-mode", "half\n").file("/boot/vmlinuz-6.9", "x");
    let root = Root::open(dir.path()).unwrap();
    let before = Snapshot::of(dir.path());
    // The second kernel has no entry before: the half one must go.
    let add = |release: &'static str, image: &'static str| ["kernel-install", "add", release, image];
    let (first, second) = (add("6.8.4-2-pve", "/boot/vmlinuz-6.8.4-2-pve"), add("6.9", "/boot/vmlinuz-6.9"));
    for commands in [[first.as_slice()].as_slice(), &[second.as_slice()]] {
        let error = apply::run(&root, &plan(commands), false, &mut || Ok(())).unwrap_err();
        assert_eq!(error.actions[0].rc, Some(1));
        assert_eq!(error.not_restored.len(), 1, "the undo failed too, which is told: {error}");
        assert_eq!(before.differences(&Snapshot::of(dir.path())), [""; 0]);
    }
}
