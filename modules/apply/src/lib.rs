//! The only code that changes a host: lock, backup, atomic write, command, verification, restore.

mod plan;

pub use plan::{Action, Activation, BootEntries, FileChange, Initramfs, LoadModule, Plan, RebootReason};
