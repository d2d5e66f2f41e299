//! Commands made to fail, and commands that end well without doing their work: every file is as it was before,
//! byte for byte, and the message says why.

use std::fs;

use proofs::{Snapshot, run_module};
use serde_json::{Value, json};

use crate::boot::{expect_entries, expect_in_initramfs};
use crate::initramfs::{BLACKLIST, blacklist};
use crate::tree::Tree;

const MKCONFIG: &str = "/usr/sbin/grub-mkconfig";
const UPDATE_INITRAMFS: &str = "/usr/sbin/update-initramfs";

/// A way to break a tree, and words that the message must hold.
struct Sabotage {
    name: &'static str,
    work: fn(&mut Tree),
    words: &'static [&'static str],
}

const fn sabotage(name: &'static str, work: fn(&mut Tree), words: &'static [&'static str]) -> Sabotage {
    Sabotage { name, work, words }
}

/// In place of the real one. The comment keeps it a grub-mkconfig that reads drop-ins.
fn false_mkconfig(tree: &Tree, body: &str) {
    tree.script(MKCONFIG, &format!("# reads ${{sysconfdir}}/default/grub.d/*.cfg\n{body}"));
}

const GRUB: [Sabotage; 11] = [
    sabotage(
        "ends at once",
        |t| false_mkconfig(t, "echo no disk left >&2; exit 7"),
        &["status 7", "no disk left"],
    ),
    sabotage(
        "half a file, then an error",
        |t| {
            let half = r#"head -c 900 /boot/grub/grub.cfg > "$2"; echo cut short >&2; exit 1"#;
            false_mkconfig(t, half);
        },
        &["grub-mkconfig", "status 1", "cut short"],
    ),
    sabotage(
        "half a file, no error",
        |t| false_mkconfig(t, r#"head -c 900 /boot/grub/grub.cfg > "$2""#),
        &["grub-mkconfig", "entr"],
    ),
    sabotage("an empty file, no error", |t| false_mkconfig(t, r#": > "$2""#), &["grub-mkconfig", "entr"]),
    sabotage("no file, no error", |t| false_mkconfig(t, "exit 0"), &["grub-mkconfig"]),
    sabotage(
        "entries of yesterday, no error",
        |t| false_mkconfig(t, r#"cat /boot/grub/grub.cfg > "$2""#),
        &["intel_iommu=on"],
    ),
    sabotage("killed", |t| false_mkconfig(t, r#"echo 'menuentry x {' > "$2"; kill -9 $$"#), &["signal 9"]),
    sabotage(
        "the real one, a script of /etc/grub.d fails",
        |t| {
            t.script(
                "/etc/grub.d/11_broken",
                "echo 'menuentry broken {'\necho this script is broken >&2\nexit 3",
            )
        },
        &["grub-mkconfig", "status 3", "this script is broken"],
    ),
    sabotage(
        "the real one writes no entries",
        |t| t.mode("/etc/grub.d/10_linux", 0o644),
        &["grub-mkconfig", "entr"],
    ),
    sabotage("the real one without /dev", Tree::unmount_system, &["grub-probe", "/dev"]),
    sabotage(
        "not installed",
        |t| fs::remove_file(t.at(MKCONFIG)).expect("remove grub-mkconfig"),
        &["grub-mkconfig", "install"],
    ),
];

#[test]
fn entries_that_cannot_be_made_leave_everything_as_it_was() {
    let Some(mut tree) = Tree::new("grub-failure") else { return };
    for Sabotage { name, work, words } in GRUB {
        println!("{name}");
        work(&mut tree);
        let before = Snapshot::of(tree.path());
        let arguments = json!({"root": tree.path(), "vendor": "intel"});
        let reply = run_module("grub_iommu", &arguments);
        assert!(!reply.changed(), "{name}: {}", reply.json);
        expect_words(name, &reply.expect_failure(), words);
        assert_eq!(before.differences(&Snapshot::of(tree.path())), [""; 0], "{name}");
        tree.mend(&[MKCONFIG, "/etc/grub.d"]);
    }
}

/// A run that changed nothing has nothing to keep a copy of.
#[test]
fn a_failed_run_keeps_no_backup_copy() {
    let Some(tree) = Tree::new("grub-backup") else { return };
    tree.script("/etc/grub.d/11_broken", "exit 3");
    let before = Snapshot::of(tree.path());
    let arguments = json!({"root": tree.path(), "vendor": "intel", "backup": true});
    let _ = run_module("grub_iommu", &arguments).expect_failure();
    assert_eq!(before.differences(&Snapshot::of(tree.path())), [""; 0]);
}

#[test]
fn what_failed_is_done_once_the_cause_is_gone() {
    let Some(tree) = Tree::new("grub-mended") else { return };
    tree.script("/etc/grub.d/11_broken", "exit 3");
    let arguments = json!({"root": tree.path(), "vendor": "intel"});
    let _ = run_module("grub_iommu", &arguments).expect_failure();
    fs::remove_file(tree.at("/etc/grub.d/11_broken")).expect("remove the script");
    assert!(run_module("grub_iommu", &arguments).expect_ok().changed());
    expect_entries(&tree, &["intel_iommu=on"], &[]);
}

const INITRAMFS: [Sabotage; 5] = [
    sabotage(
        "the real one, a hook fails",
        |t| {
            t.script(
                "/etc/initramfs-tools/hooks/broken",
                "test \"$1\" = prereqs && exit\necho no firmware >&2\nexit 3",
            )
        },
        &["update-initramfs", "status 3", "no firmware"],
    ),
    sabotage(
        "the real one is switched off and ends well",
        |t| {
            t.write(
                "/etc/initramfs-tools/update-initramfs.conf",
                "update_initramfs=no\nbackup_initramfs=no\n",
            )
        },
        &["update-initramfs", "/boot/initrd.img-"],
    ),
    sabotage(
        "only one kernel's image is made",
        |t| {
            t.script(
                "/usr/sbin/update-initramfs",
                "for i in /boot/initrd.img-*; do cp $i $i.new; mv $i.new $i; exit; done",
            )
        },
        &["update-initramfs", "/boot/initrd.img-"],
    ),
    sabotage(
        "ends at once",
        |t| t.script(UPDATE_INITRAMFS, "echo no space left >&2\nexit 1"),
        &["update-initramfs", "status 1", "no space left"],
    ),
    sabotage(
        "not installed",
        |t| fs::remove_file(t.at(UPDATE_INITRAMFS)).expect("remove update-initramfs"),
        &["update-initramfs", "install"],
    ),
];

#[test]
fn images_that_cannot_be_made_leave_everything_as_it_was() {
    let Some(mut tree) = Tree::new("initramfs-failure") else { return };
    for Sabotage { name, work, words } in INITRAMFS {
        println!("{name}");
        work(&mut tree);
        let before = Snapshot::of(tree.path());
        let reply = run_module("driver_blacklist", &blacklist(&tree));
        assert!(!reply.changed(), "{name}: {}", reply.json);
        expect_words(name, &reply.expect_failure(), words);
        assert_eq!(before.differences(&Snapshot::of(tree.path())), [""; 0], "{name}");
        tree.mend(&[UPDATE_INITRAMFS, "/etc/initramfs-tools"]);
    }
}

/// The role runs the modules with `initramfs: false` and boot_refresh after them: what boot_refresh could not do
/// stays due, and the files of the others stay.
#[test]
fn a_refresh_that_failed_is_due_again() {
    let Some(tree) = Tree::new("refresh-failure") else { return };
    let mut later = blacklist(&tree);
    later["initramfs"] = Value::Bool(false);
    assert!(run_module("driver_blacklist", &later).expect_ok().changed());
    let hook = "/etc/initramfs-tools/hooks/broken";
    tree.script(hook, "test \"$1\" = prereqs && exit\nexit 3");
    let before = Snapshot::of(tree.path());
    let arguments = json!({"root": tree.path()});
    for _ in 0..2 {
        let _ = run_module("boot_refresh", &arguments).expect_failure();
        assert_eq!(before.differences(&Snapshot::of(tree.path())), [""; 0]);
    }
    fs::remove_file(tree.at(hook)).expect("remove the hook");
    assert!(run_module("boot_refresh", &arguments).expect_ok().changed());
    expect_in_initramfs(&tree, BLACKLIST);
    assert!(!run_module("boot_refresh", &arguments).expect_ok().changed());
}

fn expect_words(name: &str, message: &str, words: &[&str]) {
    println!("  {message}");
    for word in words {
        assert!(message.contains(word), "{name}: {word:?} is not in: {message}");
    }
}
