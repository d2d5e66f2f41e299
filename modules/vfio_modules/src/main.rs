//! `vfio_modules`.
fn main() {}
