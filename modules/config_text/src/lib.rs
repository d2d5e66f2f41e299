//! Pure editors of configuration text: current bytes in, desired bytes out. No I/O.

pub mod bls;
pub mod boot_entry;
pub mod device_override;
pub mod dracut_conf;
mod finding;
pub mod grub_cfg;
pub mod grub_default;
pub mod grubenv;
pub mod kernel_cmdline;
pub mod kernel_cmdline_file;
pub mod loader_entry;
pub mod modprobe_d;
pub mod modules_list;
pub mod qemu_server_conf;
pub mod shell_assignment;
pub mod uki;

pub use finding::Finding;
