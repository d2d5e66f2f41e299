//! `grub_iommu`.
fn main() {}
