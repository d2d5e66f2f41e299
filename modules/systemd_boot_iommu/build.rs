//! Turns the module's documentation into its argument spec.
fn main() {
    argument_spec::generate("systemd_boot_iommu");
}
