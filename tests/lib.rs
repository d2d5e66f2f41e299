//! What every proof shares: the built module binaries, the corpus of real files, the Ansible
//! environments, and the one way to say that a proof did not run.
//!
//! A proof whose precondition is missing must never look like a success. It calls [`not_run`] (or a
//! helper that does) and returns; `cargo xtask test` counts it apart from the passed ones.

mod ansible;
mod binaries;
mod module_run;
mod precondition;
mod rehearsal;
mod snapshot;

pub use ansible::{AnsibleEnv, VERSIONS, ansible};
pub use binaries::{binary, target_dir, workspace_dir};
pub use module_run::{Reply, answer, module_command, run_module};
pub use precondition::{corpus, everything_required, need_program, need_root, not_run};
pub use rehearsal::rehearsed;
pub use snapshot::Snapshot;
