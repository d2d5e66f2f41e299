//! Turns the module's documentation into its argument spec.
fn main() {
    argument_spec::generate("passthrough_check");
}
