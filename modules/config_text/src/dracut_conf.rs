//! Settings of dracut, `dracut.conf(5)`.
//!
//! dracut takes `/etc/modprobe.d` into host-only images alone (its module `kernel-modules`), and host-only is
//! not the default of every distribution: Debian's is a generic image, whose drivers know nothing of a
//! blacklist, of `ids=` or of a softdep.

/// Takes `/etc/modprobe.d` into every image, as initramfs-tools and mkinitcpio do.
const MODPROBE_D: &str = "install_optional_items+=\" /etc/modprobe.d/*.conf \"\n";

/// For a blacklist.
pub fn for_blacklist() -> String {
    format!(
        "# The blacklist in /etc/modprobe.d counts in the initramfs too (pci.passthrough.driver_blacklist).\n\
         {MODPROBE_D}"
    )
}

/// For devices that vfio-pci takes by their ids: a softdep needs vfio-pci itself there.
pub fn for_ids() -> String {
    format!(
        "# vfio-pci takes its devices by id in the initramfs too (pci.passthrough.vfio_bind).\n\
         {MODPROBE_D}add_drivers+=\" vfio_pci \"\n"
    )
}
