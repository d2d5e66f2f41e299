//! Reads the host under a root path. Nothing here writes.

pub mod bootloader;
pub mod drop_in;
pub mod firmware;
pub mod grub;
pub mod initramfs;
pub mod iommu;
pub mod kernels;
mod network;
pub mod pci;
pub mod proc;
mod root;
mod storage;
mod sysfs;
pub mod uses;

pub use root::{HostError, Location, Root};
