//! The configuration of a Proxmox VE virtual machine, `/etc/pve/qemu-server/VMID.conf`.
//!
//! `key: value` lines; `#` lines are the description; `[PENDING]` holds what a running machine takes
//! up at its next start, `[special:…]` is Proxmox VE's own, any other `[name]` is a snapshot.
//! Sources: `parse_vm_config` and `write_vm_config` in proxmox/qemu-server, src/PVE/QemuServer.pm;
//! `$hostpci_fmt` in src/PVE/QemuServer/PCI.pm; `parse_property_string` in proxmox/pve-common,
//! src/PVE/JSONSchema.pm; the pending section in proxmox/pve-guest-common, src/PVE/AbstractConfig.pm.
//!
//! Laws: what was parsed is written back byte for byte; an edit touches one key's line in the main
//! section; `set` twice is `set` once; `remove(set(x)) == x` where `x` did not have the key.

mod address;
mod conf;
mod edit;
mod hostpci;
mod mapping;
mod setting;
mod written_by_qm;

pub use address::HostId;
pub use conf::{Conf, boolean};
pub use hostpci::{Device, Hostpci};
pub use mapping::{Mapping, mappings};
pub use setting::{SETTINGS, is_config_id, same_setting, setting_fault};
pub use written_by_qm::{Change, after_qm_set, canonical};
