//! Scratch copies of the sample hosts, and runs of Ansible's programs.

use std::path::{Path, PathBuf};
use std::process::Command;

use proofs::{AnsibleEnv, workspace_dir};
use serde_json::Value;

/// A copy of a host from tests/fixtures/hosts; gone with the value.
pub struct Host {
    dir: tempfile::TempDir,
}

impl Host {
    /// Copies the host `name`.
    pub fn copy(name: &str) -> Host {
        let dir = tempfile::tempdir().expect("a scratch folder");
        let from = workspace_dir().join("tests/fixtures/hosts").join(name);
        let copied = Command::new("cp").arg("-a").arg(from).arg(dir.path().join("root")).status();
        assert!(copied.expect("cp starts").success(), "cp {name}");
        Host { dir }
    }

    /// The copy's root.
    pub fn root(&self) -> PathBuf {
        self.dir.path().join("root")
    }

    /// What lies beside the root: playbooks made up for a test.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

/// What a program of Ansible printed, and its exit status.
pub struct Ran {
    pub text: String,
    pub rc: i32,
}

impl Ran {
    /// The number of changed tasks in the closing recap.
    pub fn changed(&self) -> u32 {
        let recap =
            self.text.split_once("PLAY RECAP").unwrap_or_else(|| panic!("no recap:\n{}", self.text)).1;
        let count = recap.split_whitespace().find_map(|word| word.strip_prefix("changed=")?.parse().ok());
        count.unwrap_or_else(|| panic!("no count of changed tasks:\n{}", self.text))
    }

    /// Holds it against success, with all that was printed on failure.
    #[track_caller]
    pub fn succeeded(self) -> Ran {
        assert_eq!(self.rc, 0, "{}", self.text);
        self
    }
}

/// Runs a playbook with variables and more options.
pub fn play(env: &AnsibleEnv, playbook: &Path, variables: &Value, options: &[&str]) -> Ran {
    let mut command = env.command("ansible-playbook");
    command.arg("--inventory=localhost,").arg("--extra-vars").arg(variables.to_string());
    run(command.args(options).arg(playbook))
}

/// Runs a command to its end.
pub fn run(command: &mut Command) -> Ran {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Ran { text, rc: output.status.code().unwrap_or(-1) }
}

/// A playbook of this folder.
pub fn playbook(name: &str) -> PathBuf {
    workspace_dir().join("tests/ansible").join(name)
}
