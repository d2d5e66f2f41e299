//! `boot_refresh`.
fn main() {}
