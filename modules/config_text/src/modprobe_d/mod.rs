//! `modprobe.d(5)` as kmod reads it: which lines count, what they mean together, how to edit them,
//! and the mistakes that people make in them.
//!
//! Source: `libkmod/libkmod-config.c` and `shared/util.c` of kmod, checked against the real
//! `modprobe -C DIR --showconfig`.

mod config;
mod directive;
mod edit;
pub mod glob;
mod kernel_cmdline;
mod line;
mod lint;
mod unread;
mod vfio_binding;
mod vfio_pci;

pub use config::{Config, Place, SourceFile, blocks_loading, is_config_name, same_module};
pub use directive::{Content, Directive, Ignored, Line, parse};
pub use edit::{absent, with_blacklist, with_install_false};
pub use lint::lint;
pub use unread::{lint_unread, looks_forgotten};
pub use vfio_binding::{
    disables_vga, ids_in_force, is_same_id, keeps_vfio_pci_out, own_ids, own_softdeps, softdep_in_force,
    softdep_in_table, with_disable_vga, with_ids, with_softdep, without_disable_vga, without_softdeps,
};

/// The directories that modprobe reads, in the order of their priority: of files with the same name
/// only the first counts.
///
/// A kmod built without `/usr/lib` as its distribution directory reads `/lib` alone; on a merged
/// `/usr` both are one directory.
pub const DIRECTORIES: [&str; 5] = [
    "/etc/modprobe.d",
    "/run/modprobe.d",
    "/usr/local/lib/modprobe.d",
    "/usr/lib/modprobe.d",
    "/lib/modprobe.d",
];
