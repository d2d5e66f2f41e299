//! Runs a module's binary as Ansible does, without Ansible: arguments as JSON, one JSON object back.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::binary;

/// What a module answered.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The one JSON object on standard output.
    pub json: Value,
    /// Its exit status.
    pub code: i32,
}

impl Reply {
    /// Judges what a module printed and how it ended.
    ///
    /// # Panics
    /// If it is not one JSON object on one line and nothing else, or if exit status and `failed` disagree.
    #[must_use]
    pub fn of(output: &Output) -> Reply {
        let text = std::str::from_utf8(&output.stdout).expect("a reply is valid UTF-8");
        let errors = String::from_utf8_lossy(&output.stderr);
        let json: Value = serde_json::from_str(text).unwrap_or_else(|e| {
            panic!("no reply ({e}); {}; stdout: {text}; stderr: {errors}", output.status)
        });
        assert!(json.is_object(), "a reply is an object: {text}");
        let code = output.status.code().unwrap_or_else(|| panic!("{}: {text}", output.status));
        let failed = json["failed"] == Value::Bool(true);
        assert_eq!(code != 0, failed, "exit status {code} and failed disagree: {text}");
        Reply { json, code }
    }

    /// Whether the module failed.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.code != 0
    }

    /// Whether it says that it changed something.
    #[must_use]
    pub fn changed(&self) -> bool {
        self.json["changed"] == Value::Bool(true)
    }

    /// Its message; empty where it has none.
    #[must_use]
    pub fn msg(&self) -> &str {
        self.json["msg"].as_str().unwrap_or_default()
    }

    /// The reply of a run that must succeed.
    ///
    /// # Panics
    /// If it failed.
    #[must_use]
    pub fn expect_ok(self) -> Reply {
        assert!(!self.failed(), "failed: {}", self.json);
        self
    }

    /// The message of a run that must fail.
    ///
    /// # Panics
    /// If it succeeded or gives no message.
    #[must_use]
    pub fn expect_failure(self) -> String {
        assert!(self.failed(), "must fail: {}", self.json);
        assert!(!self.msg().is_empty(), "must say why: {}", self.json);
        self.msg().to_owned()
    }
}

/// A command that reads its arguments from standard input, ready for [`answer`].
#[must_use]
pub fn module_command(name: &str) -> Command {
    let mut command = Command::new(binary(name));
    command.arg("-");
    command
}

/// Runs `command` with `arguments` on its standard input.
///
/// # Panics
/// If it cannot be started, or its reply breaks the protocol.
#[must_use]
pub fn answer(command: &mut Command, arguments: &[u8]) -> Reply {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    // A module that refuses early may close the pipe before all is written.
    let _ = child.stdin.take().expect("a piped standard input").write_all(arguments);
    Reply::of(&child.wait_with_output().expect("a child that was started can be waited for"))
}

/// Runs the module `name` with `arguments`, `_ansible_*` keys included.
///
/// # Panics
/// As [`answer`].
#[must_use]
pub fn run_module(name: &str, arguments: &Value) -> Reply {
    answer(&mut module_command(name), arguments.to_string().as_bytes())
}
