//! Reads the host under a root path. Nothing here writes.

pub mod bootloader;
pub mod firmware;
pub mod grub;
pub mod initramfs;
pub mod kernels;
pub mod proc;
mod root;

pub use root::{HostError, Location, Root};
