//! Reads the host under a root path. Nothing here writes.

pub mod bls;
pub mod boot_lines;
pub mod bootloader;
pub mod drop_in;
pub mod esp;
pub mod firmware;
pub mod grub;
pub mod initramfs;
pub mod interfaces;
pub mod iommu;
pub mod kernel_cmdline;
pub mod kernel_config;
pub mod kernel_log;
pub mod kernels;
pub mod modalias;
pub mod modprobe;
pub mod modules_load;
mod network;
pub mod next_boot;
pub mod pci;
pub mod pci_ids;
mod private_mount;
pub mod proc;
mod root;
mod storage;
mod sysfs;
pub mod uses;
pub mod vfio;

pub use root::{HostError, Location, Root, hint};
