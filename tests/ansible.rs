//! The Ansible environments that `cargo xtask ansible-env` makes, with the collection that
//! `cargo xtask dist` installs in `target/installed`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{not_run, target_dir, workspace_dir};

/// The versions of ansible-core a proof can ask for: the oldest supported, the newest for Python 3.11, and
/// the newest that a Python on the machine can run.
pub const VERSIONS: [&str; 3] = ["2.16", "2.19", "newest"];

/// One environment with a real ansible-core.
#[derive(Debug, Clone)]
pub struct AnsibleEnv {
    dir: PathBuf,
}

impl AnsibleEnv {
    /// The environment's folder, e.g. `target/ansible/2.16`.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The Python that runs ansible-core there.
    #[must_use]
    pub fn python(&self) -> PathBuf {
        self.dir.join("bin/python")
    }

    /// A command of the environment (`ansible`, `ansible-playbook`, …) that sees the installed collection and
    /// nothing of the user's own Ansible configuration.
    #[must_use]
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.dir.join("bin").join(program));
        command
            .current_dir(workspace_dir())
            .env("ANSIBLE_CONFIG", self.dir.join("ansible.cfg"))
            .env("ANSIBLE_HOME", self.dir.join("home"))
            .env("ANSIBLE_LOCAL_TEMP", self.dir.join("home/tmp"))
            .env("ANSIBLE_REMOTE_TEMP", self.dir.join("home/tmp"))
            .env("ANSIBLE_COLLECTIONS_PATH", target_dir().join("installed"))
            .env("ANSIBLE_NOCOLOR", "1")
            // The modules need no Python on the target: none is there.
            .env("ANSIBLE_PYTHON_INTERPRETER", "/nonexistent/python")
            .env("ANSIBLE_LOCALHOST_WARNING", "false")
            .env("LC_ALL", "C.UTF-8");
        command
    }
}

/// The environment of `version` (one of [`VERSIONS`]); `None` after [`not_run`] where it has not been made.
#[must_use]
pub fn ansible(name: &str, version: &str) -> Option<AnsibleEnv> {
    if !target_dir().join("installed/ansible_collections/pci/passthrough").is_dir() {
        not_run(name, "the collection is not installed: run `cargo xtask dist`");
        return None;
    }
    let dir = target_dir().join("ansible").join(version);
    if dir.join("bin/ansible-playbook").exists() {
        return Some(AnsibleEnv { dir });
    }
    not_run(name, &format!("no ansible-core {version}: run `cargo xtask ansible-env {version}`"));
    None
}

/// Tests that run each proof, `MODULE::FUNCTION` of the caller, once for each version of ansible-core.
#[macro_export]
macro_rules! on_every_version {
    ($($module:ident :: $proof:ident),* $(,)?) => {
        mod core_2_16 { $(#[test] fn $proof() { super::$module::$proof("2.16"); })* }
        mod core_2_19 { $(#[test] fn $proof() { super::$module::$proof("2.19"); })* }
        mod core_newest { $(#[test] fn $proof() { super::$module::$proof("newest"); })* }
    };
}
