//! What a run has to say to a person.

use super::command_line::Options;
use super::screen::Text;
use super::unified;
use crate::json;
use crate::run::Done;
use crate::value::{Dict, Value};

/// Of a module that changes a host: the diff, the commands, the reasons for a reboot, and one line that
/// says it all.
pub fn changes(done: &Done, options: &Options) -> Text {
    let mut out = Text::default();
    let files: Vec<_> = done.plan.files.iter().filter(|file| !file.is_noop()).collect();
    if options.diff {
        for file in &files {
            let [before, after] = [&file.before, &file.after].map(|side| side.as_deref().unwrap_or_default());
            unified::diff(&mut out, &done.root.full(&file.path), before, after);
        }
    }
    let [ran, due] = list_actions(&mut out, &done.reply);
    for copy in texts(&done.reply, "backup_file") {
        out.line(format!("backup: {copy}"));
    }
    for reason in dicts(&done.reply, "reboot_reasons") {
        out.line(format!("reboot needed: {}", text(reason, "message")));
    }
    let mut what: Vec<String> = Vec::new();
    for (number, thing) in [(files.len(), "file"), (ran, "command run"), (due, "command due")] {
        if number > 0 {
            let thing = if number == 1 {
                thing.to_string()
            } else {
                thing.replacen("file", "files", 1).replacen("command", "commands", 1)
            };
            what.push(format!("{number} {thing}"));
        }
    }
    let checked = if options.check { " (check mode: nothing was changed)" } else { "" };
    let verdict = match done.plan.is_empty() {
        false => format!("changed: {}{checked}", what.join(", ")),
        true if what.is_empty() => "ok: nothing to change".to_string(),
        true => format!("ok: nothing to change, {}", what.join(", ")),
    };
    match text(&done.reply, "msg") {
        "" => out.line(verdict),
        msg => out.line(format!("{verdict}; {msg}")),
    }
    out
}

/// The commands of a reply, also of a failed one.
pub fn actions(reply: &Dict) -> Text {
    let mut out = Text::default();
    list_actions(&mut out, reply);
    out
}

/// Adds a line for each command; returns how many ran and how many are due.
fn list_actions(out: &mut Text, reply: &Dict) -> [usize; 2] {
    let [mut ran, mut due] = [0, 0];
    for action in dicts(reply, "actions") {
        let command = texts(action, "command").join(" ");
        let reason = text(action, "reason");
        match action.get("rc") {
            Some(Value::Int(0)) => out.line(format!("ran: {command} ({reason})")),
            Some(Value::Int(rc)) => out.line(format!("ran: {command} ({reason}): exit status {rc}")),
            _ => {
                due += 1;
                out.line(format!("due: {command} ({reason})"));
                continue;
            }
        }
        ran += 1;
    }
    [ran, due]
}

/// Of a module that only looks: what it found, as JSON for people and programs.
pub fn facts(reply: &Dict) -> Text {
    let mut shown = String::new();
    pretty(&mut shown, &Value::Dict(found(reply).clone()), 0);
    let mut out = Text::default();
    out.line(shown);
    out
}

/// The same in a few words: what the host is ready for, where that was asked, and how many warnings there are.
pub fn verdict(reply: &Dict, warnings: usize) -> String {
    let state = match found(reply).get("verdict") {
        Some(Value::Dict(verdict)) => text(verdict, "state"),
        _ => "",
    };
    let warnings = match warnings {
        0 if state.is_empty() => "no warnings".to_string(),
        0 => String::new(),
        1 => "1 warning".to_string(),
        several => format!("{several} warnings"),
    };
    let words: Vec<&str> = [state, &warnings].into_iter().filter(|word| !word.is_empty()).collect();
    words.join(", ")
}

/// The results without Ansible's own wrapping of facts, which says nothing here.
fn found(reply: &Dict) -> &Dict {
    let mut found = reply;
    while let Some((_, Value::Dict(inner))) =
        found.iter().find(|(name, _)| ["ansible_facts", "pci_passthrough"].contains(name))
    {
        found = inner;
    }
    found
}

fn pretty(out: &mut String, value: &Value, depth: usize) {
    let (open, close, items): (char, char, Vec<(Option<&str>, &Value)>) = match value {
        Value::List(items) if !items.is_empty() => {
            ('[', ']', items.iter().map(|item| (None, item)).collect())
        }
        Value::Dict(items) if value.is_true() => {
            ('{', '}', items.iter().map(|(key, item)| (Some(key), item)).collect())
        }
        plain => return json::write(out, plain, json::Style::Strict),
    };
    let indent = |out: &mut String, depth| {
        out.push('\n');
        out.push_str(&"  ".repeat(depth));
    };
    out.push(open);
    for (at, (key, item)) in items.into_iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        indent(out, depth + 1);
        if let Some(key) = key {
            json::write_string(out, key, json::Style::Strict);
            out.push_str(": ");
        }
        pretty(out, item, depth + 1);
    }
    indent(out, depth);
    out.push(close);
}

fn text<'a>(reply: &'a Dict, key: &str) -> &'a str {
    match reply.get(key) {
        Some(Value::Str(text)) => text,
        _ => "",
    }
}

/// The texts of a list, or one text.
fn texts<'a>(reply: &'a Dict, key: &str) -> Vec<&'a str> {
    let items = match reply.get(key) {
        Some(Value::List(items)) => items.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => &[],
    };
    let text = |item: &'a Value| if let Value::Str(text) = item { Some(text.as_str()) } else { None };
    items.iter().filter_map(text).collect()
}

fn dicts<'a>(reply: &'a Dict, key: &str) -> impl Iterator<Item = &'a Dict> {
    let items = if let Some(Value::List(items)) = reply.get(key) { items.as_slice() } else { &[] };
    items.iter().filter_map(|item| if let Value::Dict(dict) = item { Some(dict) } else { None })
}
