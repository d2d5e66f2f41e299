//! Turns a module's DOCUMENTATION into its constant table of options, at build time.

/// Writes `$OUT_DIR/spec.rs` for the module `name`.
pub fn generate(_name: &str) {}
