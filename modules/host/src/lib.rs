//! Reads the host under a root path. Nothing here writes.

mod root;

pub use root::{HostError, Location, Root};
