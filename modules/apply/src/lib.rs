//! The only code that changes a host: lock, backup, atomic write, command, verification, restore.

mod backup;
mod boot_entries;
mod command;
pub mod dracut_conf;
mod error;
mod esp_entries;
mod initramfs;
mod loader_files;
mod lock;
mod plan;
mod rebind;
mod run;
mod write;

pub use error::{ApplyError, Step};
pub use plan::{Action, Activation, BootEntries, FileChange, Initramfs, Plan, Rebind, RebootReason, Run};
pub use run::{Outcome, ready, run};
