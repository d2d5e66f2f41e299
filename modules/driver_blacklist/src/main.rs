//! `driver_blacklist`.
fn main() {}
