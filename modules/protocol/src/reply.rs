//! The one JSON object that a module prints.

use std::io::{self, Write};

use apply::{Action, Activation, Plan};
use host::Root;
use serde_json::json;

use crate::arguments::Settings;
use crate::failure::{Failure, Said};
use crate::json;
use crate::mask::Secrets;
use crate::value::{Dict, Value};

/// Larger files are only named in a diff, as `ansible.builtin.copy` does: nobody reads a megabyte.
const MAX_DIFF: usize = 1 << 20;

/// A text value.
pub fn text(text: impl Into<String>) -> Value {
    Value::Str(text.into())
}

/// The fields of a failed run.
pub fn failed(failure: Failure) -> Dict {
    let Said { msg, code, details } = failure.into_parts();
    let mut out = Dict::from(details);
    out.set("failed", Value::Bool(true));
    out.set("msg", text(msg));
    if let Some(code) = code {
        out.set("code", text(code));
    }
    out
}

/// Adds what every module that changes a host tells: `actions`, `reboot_required`, `reboot_reasons`.
/// `done` are the commands that ran; `None` where nothing was carried out.
pub fn add_plan(out: &mut Dict, plan: &Plan, done: Option<Vec<Action>>) {
    let run = done.unwrap_or_else(|| plan.activations.iter().map(Activation::due).collect());
    out.set("actions", Value::List(run.iter().chain(&plan.left_due).map(|a| action(a).into()).collect()));
    out.set("reboot_required", Value::Bool(!plan.reboot.is_empty()));
    let reasons = plan.reboot.iter().map(|reason| {
        let mut out = Dict::default();
        out.set("code", text(reason.code));
        out.set("message", text(reason.message.as_str()));
        Value::Dict(out)
    });
    out.set("reboot_reasons", Value::List(reasons.collect()));
}

/// A command as the reply shows it: `rc` is null where it did not run.
pub fn action(action: &Action) -> serde_json::Value {
    json!({ "command": action.command, "reason": action.reason, "rc": action.rc })
}

/// `backup_file`: the copy's path, or the list of them where several files were copied.
pub fn add_backups(out: &mut Dict, backups: Vec<(String, String)>) {
    let mut copies: Vec<Value> = backups.into_iter().map(|(_, copy)| Value::Str(copy)).collect();
    let value = match copies.len() {
        0 => return,
        1 => copies.remove(0),
        _ => Value::List(copies),
    };
    out.set("backup_file", value);
}

/// `diff`: one entry a changed file; the header is the path as the user sees it.
pub fn diff(plan: &Plan, root: &Root) -> Value {
    let files = plan.changed_files().map(|file| {
        let mut out = Dict::default();
        let path = root.full(&file.path);
        side(&mut out, &path, ["before", "before_header", "src_larger"], file.before.as_deref());
        side(&mut out, &path, ["after", "after_header", "dst_larger"], file.after.as_deref());
        Value::Dict(out)
    });
    Value::List(files.collect())
}

fn side(out: &mut Dict, path: &str, [content, header, larger]: [&str; 3], bytes: Option<&[u8]>) {
    let bytes = bytes.unwrap_or_default();
    if bytes.len() > MAX_DIFF {
        out.set(larger, Value::Int(MAX_DIFF as i64));
        return;
    }
    out.set(header, text(path));
    out.set(content, text(String::from_utf8_lossy(bytes)));
}

/// Adds what Ansible itself reads, hides the secrets and prints; tells whether it went out.
pub struct Envelope<'a> {
    /// The `_ansible_*` arguments.
    pub settings: &'a Settings,
    /// What must not be shown.
    pub secrets: &'a Secrets,
    /// The arguments after validation, for `invocation`.
    pub params: &'a Dict,
    /// For `warnings`.
    pub warnings: Vec<String>,
    /// For `deprecations`.
    pub deprecations: Vec<Value>,
}

impl Envelope<'_> {
    /// Prints `reply`.
    pub fn send(self, mut reply: Dict) -> io::Result<()> {
        if self.settings.invocation {
            let mut invocation = Dict::default();
            invocation.set("module_args", Value::Dict(self.params.clone()));
            reply.set("invocation", Value::Dict(invocation));
        }
        if !self.warnings.is_empty() {
            reply.set("warnings", Value::List(self.warnings.into_iter().map(Value::Str).collect()));
        }
        if !self.deprecations.is_empty() {
            reply.set("deprecations", Value::List(self.deprecations));
        }
        print(&self.secrets.hide_all(&reply, self.settings.era))
    }
}

/// Prints one JSON object on a line of its own.
pub fn print(reply: &Dict) -> io::Result<()> {
    let mut out = String::new();
    json::write(&mut out, &Value::Dict(reply.clone()), json::Style::Strict);
    out.push('\n');
    let mut stdout = io::stdout().lock();
    stdout.write_all(out.as_bytes())?;
    stdout.flush()
}
