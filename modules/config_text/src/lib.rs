//! Pure editors of configuration text: current bytes in, desired bytes out. No I/O.

pub mod boot_entry;
pub mod device_override;
mod finding;
pub mod grub_cfg;
pub mod grub_default;
pub mod modprobe_d;
pub mod modules_list;
pub mod qemu_server_conf;

pub mod kernel_cmdline;

pub use finding::Finding;
pub mod shell_assignment;
