//! `iommu_facts`.
fn main() {}
