//! What the tree would boot: the entries in its grub.cfg and the files in its initramfs images.

use std::fs;
use std::path::PathBuf;

use crate::tree::Tree;

/// The file GRUB reads.
pub const GRUB_CFG: &str = "/boot/grub/grub.cfg";

/// One `linux` line of grub.cfg.
#[derive(Debug)]
pub struct Entry {
    /// The kernel's release.
    pub release: String,
    /// The kernel's parameters.
    pub parameters: Vec<String>,
    /// Whether the menu calls it a recovery entry.
    pub recovery: bool,
}

/// Reads grub.cfg line by line, after GRUB's own checker found it well formed.
pub fn entries(tree: &Tree) -> Vec<Entry> {
    tree.inside(&["grub-script-check", GRUB_CFG]);
    let text = String::from_utf8(tree.read(GRUB_CFG)).expect("Debian's grub.cfg is UTF-8");
    let mut recovery = false;
    let mut found = Vec::new();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        match words.next() {
            Some("menuentry") => recovery = line.contains("(recovery mode)"),
            Some("linux") => {
                let kernel = words.next().expect("a linux line names a kernel");
                let release = kernel.rsplit_once("vmlinuz-").expect("a Debian kernel's name").1.to_owned();
                found.push(Entry { release, parameters: words.map(str::to_owned).collect(), recovery });
            }
            _ => {}
        }
    }
    found
}

/// Holds grub.cfg against what must be in force: each of `present` exactly once in every normal entry of every
/// installed kernel, none of `absent` there, none of either in the recovery entries.
pub fn expect_entries(tree: &Tree, present: &[&str], absent: &[&str]) {
    let entries = entries(tree);
    let count = |entry: &Entry, wanted: &str| entry.parameters.iter().filter(|p| *p == wanted).count();
    for release in tree.kernels() {
        let of_kernel =
            |recovery| entries.iter().filter(move |e| e.release == release && e.recovery == recovery);
        assert!(of_kernel.clone()(false).count() > 0, "no entry of an installed kernel: {entries:?}");
        assert!(of_kernel(true).count() > 0, "no recovery entry: {entries:?}");
    }
    for entry in &entries {
        let times = usize::from(!entry.recovery);
        for wanted in present {
            assert_eq!(count(entry, wanted), times, "{wanted} in {entry:?}");
        }
        for unwanted in absent {
            assert_eq!(count(entry, unwanted), 0, "{unwanted} in {entry:?}");
        }
    }
}

/// Asserts that every kernel's initramfs holds the file `inside` of the tree, with the same content.
pub fn expect_in_initramfs(tree: &Tree, inside: &str) {
    let wanted = tree.read(inside);
    for release in tree.kernels() {
        let copy = unpack(tree, &release);
        let found = fs::read(copy.join(inside.trim_start_matches('/')));
        fs::remove_dir_all(&copy).expect("an unpacked image can be removed");
        let found = found.unwrap_or_else(|e| panic!("{inside} in the initramfs of {release}: {e}"));
        assert!(found == wanted, "{inside} in the initramfs of {release} is not the one of the tree");
    }
}

/// Asserts that no kernel's initramfs holds the file.
pub fn expect_not_in_initramfs(tree: &Tree, inside: &str) {
    for release in tree.kernels() {
        let listed = tree.inside(&["lsinitramfs", &format!("/boot/initrd.img-{release}")]);
        let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
        let found = listed.lines().any(|line| line == inside.trim_start_matches('/'));
        assert!(!found, "{inside} is in the initramfs of {release}");
    }
}

/// One kernel's image as a folder in the tree.
pub fn unpack(tree: &Tree, release: &str) -> PathBuf {
    tree.inside(&["unmkinitramfs", &format!("/boot/initrd.img-{release}"), "/var/tmp/unpacked"]);
    let copy = tree.at("/var/tmp/unpacked");
    // With early microcode in front, the main archive is a folder of its own.
    if copy.join("main").is_dir() { copy.join("main") } else { copy }
}
