//! The modules and the role on a real Debian installation in a folder: its own GRUB generates the entries, its
//! own initramfs-tools builds the images. Needs root and the package mmdebstrap; the first run downloads about
//! 150 MB from the mirror that this machine's apt uses.

mod bind;
mod boot;
mod check_mode;
mod cut;
mod failures;
mod initramfs;
mod parameters;
mod role;
mod systemd_boot;
mod tree;

use boot::{GRUB_CFG, expect_entries, expect_not_in_initramfs};
use tree::Tree;

/// What the other scenarios stand on: the tree is Debian, and the readers of its entries and images see them.
#[test]
fn the_installation_is_real() {
    let Some(tree) = Tree::new("installation") else { return };
    let kernels = tree.kernels();
    assert!(!kernels.is_empty(), "no kernel");
    assert!(
        kernels.iter().all(|release| tree.at(&format!("/boot/initrd.img-{release}")).is_file()),
        "{kernels:?}"
    );
    expect_entries(&tree, &["quiet"], &["intel_iommu=on"]);
    expect_not_in_initramfs(&tree, initramfs::BLACKLIST);
    let before = tree.read(GRUB_CFG);
    tree.inside(&["update-grub"]);
    assert!(tree.read(GRUB_CFG) == before, "update-grub is not deterministic here");
}
