//! The help text, out of the same documentation as the argument spec.

use super::command_line::OPTIONS;
use super::screen::{Look, Text};
use crate::pytext;
use crate::spec::{Kind, Literal, Opt, Spec};
use crate::value::Value;

/// The width of a terminal that every terminal has.
const WIDTH: usize = 80;

/// `--version`.
pub fn version(spec: &Spec) -> Text {
    let mut out = Text::default();
    out.line(format!("{} {} (pci.passthrough)", spec.module, env!("CARGO_PKG_VERSION")));
    out.line("Licence GPL-3.0-or-later: free software, without any warranty.");
    out
}

/// `--help`.
pub fn text(spec: &Spec, read_only: bool) -> Text {
    let mut out = Text::default();
    wrapped(&mut out, 0, 0, &format!("{}: {}.", spec.module, spec.summary.trim_end_matches('.')));
    let check = if read_only { "" } else { " [--check] [--diff]" };
    out.line(format!("\nUsage: {}{check} [NAME=VALUE ...]", spec.module));
    out.look(Look::Header, "\nOptions of the module:");
    options(&mut out, spec.options, 2);
    out.look(Look::Header, "\nOptions of this command:");
    let of_changes = ["--check", "--diff", "--detailed-exitcode"];
    for (name, what) in OPTIONS.iter().filter(|(name, _)| !read_only || !of_changes.contains(name)) {
        out.line(format!("  {name:<20} {what}"));
    }
    out.line("\nA list is a,b,c or JSON, a bool yes or no. Exit status: 0 success, 1 failure.");
    out
}

fn options(out: &mut Text, table: &[Opt], indent: usize) {
    for opt in table {
        let mut about = vec![kind(opt)];
        if opt.required {
            about.push("required".to_string());
        }
        if !opt.choices.is_empty() {
            let choices: Vec<String> = opt.choices.iter().map(|choice| shown(*choice)).collect();
            about.push(format!("one of {}", choices.join(", ")));
        }
        if !opt.aliases.is_empty() {
            about.push(format!("also {}", opt.aliases.join(", ")));
        }
        if !matches!(opt.default, Literal::None | Literal::List([])) {
            about.push(format!("default {}", shown(opt.default)));
        }
        wrapped(out, indent, indent + 6, &format!("{} ({})", opt.name, about.join("; ")));
        wrapped(out, indent + 6, indent + 6, opt.summary);
        options(out, opt.options, indent + 4);
    }
}

fn kind(opt: &Opt) -> String {
    match opt.elements {
        Some(elements) if elements != Kind::STR => format!("list of {}", elements.name()),
        _ => opt.kind.name().to_string(),
    }
}

/// A default or choice as it would be typed.
fn shown(literal: Literal) -> String {
    match literal {
        Literal::Bool(value) => if value { "yes" } else { "no" }.to_string(),
        Literal::List(items) => items.iter().map(|item| shown(*item)).collect::<Vec<_>>().join(","),
        other => pytext::str(&Value::from(other)),
    }
}

/// Adds words as lines of at most 80 columns, the first with the indent `first`; only a longer word
/// makes a longer line.
fn wrapped(out: &mut Text, first: usize, rest: usize, text: &str) {
    let mut line = String::new();
    let mut indent = first;
    for word in text.split(' ') {
        let wide = line.chars().count() + 1 + word.chars().count() > WIDTH;
        if wide && !line.is_empty() {
            out.line(std::mem::take(&mut line));
            indent = rest;
        }
        let gap = if line.is_empty() { indent } else { 1 };
        line.push_str(&" ".repeat(gap));
        line.push_str(word);
    }
    out.line(line);
}
