//! Runs of Ansible with the plugin enabled, and the report each leaves.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use proofs::{AnsibleEnv, target_dir, workspace_dir};
use serde_json::Value;

/// A scratch folder with an inventory; reports are kept in target/report, to be looked at.
pub struct Site {
    env: AnsibleEnv,
    scratch: tempfile::TempDir,
    /// Where the report is written.
    pub reports: PathBuf,
}

/// What was printed, and the report.
pub struct Ran {
    /// Standard output and error.
    pub text: String,
    /// The exit status.
    pub rc: i32,
}

impl Site {
    /// A site without hosts. `name` becomes a folder in target/report.
    pub fn new(env: &AnsibleEnv, name: &str) -> Site {
        let version = env.dir().file_name().expect("a version").to_string_lossy().into_owned();
        let reports = target_dir().join("report").join(version).join(name);
        if reports.exists() {
            std::fs::remove_dir_all(&reports).expect("the old report is removed");
        }
        std::fs::create_dir_all(&reports).expect("a folder for the report");
        Site { env: env.clone(), scratch: tempfile::tempdir().expect("a scratch folder"), reports }
    }

    /// A path in the scratch folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    /// A copy of a sample host's tree in the scratch folder.
    pub fn tree(&self, sample: &str, name: &str) -> PathBuf {
        let from = workspace_dir().join("tests/fixtures/hosts").join(sample);
        let to = self.path(name);
        let copied = Command::new("cp").arg("-a").arg(from).arg(&to).status();
        assert!(copied.expect("cp starts").success(), "cp {sample}");
        to
    }

    /// Writes the inventory: each host with its variables, all with a local connection.
    pub fn inventory<'a>(&self, hosts: impl IntoIterator<Item = (&'a str, Value)>) {
        let mut entries = serde_json::Map::new();
        for (name, variables) in hosts {
            entries.insert(name.to_owned(), variables);
        }
        let vars = serde_json::json!({
            "ansible_connection": "local",
            "ansible_python_interpreter": self.env.python(),
            "place": self.scratch.path(),
        });
        let inventory = serde_json::json!({"all": {"vars": vars, "hosts": entries}});
        std::fs::write(self.path("inventory.yml"), inventory.to_string()).expect("the inventory is written");
    }

    /// A program of Ansible with the plugin enabled and the inventory given.
    pub fn command(&self, program: &str) -> Command {
        let mut command = self.env.command(program);
        command
            .env("ANSIBLE_CALLBACKS_ENABLED", "pci.passthrough.diff_report")
            .env("ANSIBLE_PIPELINING", "true")
            .env("PCI_PASSTHROUGH_REPORT_DIRECTORY", &self.reports)
            .env("PYTHONUNBUFFERED", "1")
            .stdin(Stdio::null());
        command.arg("--inventory").arg(self.path("inventory.yml"));
        command
    }

    /// A run of ansible-playbook in check and diff mode.
    pub fn check(&self, playbook: &str) -> Command {
        let mut command = self.command("ansible-playbook");
        command.args(["--check", "--diff"]).arg(self::playbook(playbook));
        command
    }

    /// The report as it is on disk.
    pub fn report(&self) -> Value {
        let path = self.reports.join("report.json");
        let text =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// The page as it is on disk.
    pub fn page(&self) -> String {
        std::fs::read_to_string(self.reports.join("report.html")).expect("the page is there")
    }
}

/// A playbook of this folder.
pub fn playbook(name: &str) -> PathBuf {
    workspace_dir().join("tests/report").join(name)
}

/// Runs a command to its end.
pub fn run(command: &mut Command) -> Ran {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Ran { text, rc: output.status.code().unwrap_or(-1) }
}

/// Runs a command that must succeed.
#[track_caller]
pub fn succeed(command: &mut Command) -> Ran {
    let ran = run(command);
    assert_eq!(ran.rc, 0, "{}", ran.text);
    ran
}

/// Files that are in a folder.
pub fn names(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).expect("the folder is there");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// A list of objects, a line each: the fields named.
pub fn rows(list: &Value, fields: &[&str]) -> Vec<String> {
    let list = list.as_array().unwrap_or_else(|| panic!("no list: {list}"));
    let row = |entry: &Value| {
        let mut row = String::new();
        for field in fields {
            let value = match &entry[*field] {
                Value::String(text) => text.clone(),
                Value::Array(values) => values
                    .iter()
                    .map(|v| v.as_str().map_or(v.to_string(), str::to_owned))
                    .collect::<Vec<_>>()
                    .join(","),
                other => other.to_string(),
            };
            let gap = if row.is_empty() { "" } else { " | " };
            write!(row, "{gap}{value}").expect("a string takes text");
        }
        row
    };
    list.iter().map(row).collect()
}
