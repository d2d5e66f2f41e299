//! What Ansible hands to a module: where from, and the `_ansible_*` part of it.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read};
use std::os::fd::AsFd;

use crate::coerce::{Era, boolean_word};
use crate::json;
use crate::value::{Dict, Value};

/// More than any task's arguments; the bound keeps a wrong file from eating the memory.
const MAX_BYTES: u64 = 64 << 20;

/// Reads the arguments: one JSON object from the file `source`, or from standard input where that is
/// `-`.
pub fn read(source: &OsStr) -> Result<Dict, String> {
    let mut bytes = Vec::new();
    let (name, file) = if source == "-" {
        ("standard input".to_string(), io::stdin().as_fd().try_clone_to_owned().map(fs::File::from))
    } else {
        (source.to_string_lossy().into_owned(), fs::File::open(source))
    };
    let wrong = |what: String| format!("{name}: {what}. Give the options as one JSON object.");
    let read = file.and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes));
    read.map_err(|e| wrong(format!("cannot read the arguments: {e}")))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(wrong("the arguments are larger than 64 MiB".to_string()));
    }
    let text = String::from_utf8(bytes).map_err(|e| {
        wrong(format!("the arguments are no UTF-8 from byte {} on", e.utf8_error().valid_up_to()))
    })?;
    match json::parse(&text) {
        Ok(Value::Dict(items)) => Ok(items),
        Ok(_) => Err(wrong("the arguments are JSON, but no object".to_string())),
        Err(error) => Err(wrong(format!("the arguments are no JSON: {error}"))),
    }
}

/// The `_ansible_*` arguments that matter to a module.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Predict, change nothing.
    pub check_mode: bool,
    /// The user wants `diff`.
    pub diff: bool,
    /// Leave the system log alone.
    pub no_log: bool,
    /// The module's name as the task has it (`pci.passthrough.grub_iommu`).
    pub module_name: String,
    /// Let options that do not exist pass.
    pub ignore_unknown_opts: bool,
    /// Whether the reply holds `invocation`.
    pub invocation: bool,
    /// The name of the syslog facility (`LOG_USER`).
    pub syslog_facility: String,
    /// Stands before the log line.
    pub target_log_info: String,
    /// What the version of ansible-core accepts and says.
    pub era: Era,
}

impl Settings {
    /// For a call without Ansible. The log is Ansible's: a shell keeps its own.
    pub fn by_hand(module: &str, check_mode: bool, diff: bool) -> Settings {
        Settings { check_mode, diff, no_log: true, ..Settings::take(&mut Dict::default(), module) }
    }

    /// Takes the `_ansible_*` entries out of `arguments`. Unknown ones go too: a newer Ansible may
    /// send more.
    pub fn take(arguments: &mut Dict, module: &str) -> Settings {
        let own = arguments.split_off(|key| key.starts_with("_ansible_"));
        let flag = |name: &str| match own.get(name) {
            Some(Value::Str(word)) => boolean_word(word).unwrap_or(false),
            other => other.is_some_and(Value::is_true),
        };
        let text = |name: &str| match own.get(name) {
            Some(Value::Str(text)) => Some(text.clone()),
            _ => None,
        };
        let version = text("_ansible_version").and_then(|version| release(&version));
        Settings {
            check_mode: flag("_ansible_check_mode"),
            diff: flag("_ansible_diff"),
            no_log: flag("_ansible_no_log"),
            module_name: text("_ansible_module_name").unwrap_or_else(|| module.to_string()),
            ignore_unknown_opts: flag("_ansible_ignore_unknown_opts"),
            invocation: version.is_some_and(|v| v < (2, 21)) || flag("_ansible_inject_invocation"),
            syslog_facility: text("_ansible_syslog_facility").unwrap_or_default(),
            target_log_info: text("_ansible_target_log_info").unwrap_or_default(),
            era: if version.is_some_and(|v| v < (2, 19)) { Era::Legacy } else { Era::Tagged },
        }
    }
}

/// Major and minor number of `2.16.3`.
fn release(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.split('.').map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}
