//! Files that lie in a modprobe.d directory and that modprobe passes over, because of their name.

use super::config::{SourceFile, is_config_name};
use super::directive::{Content, parse};
use crate::Finding;

/// Endings that someone writes who means the file to count. Any other (`.bak`, `.conf~`, `.ORIG`,
/// `.dpkg-old`, `.disabled`, …) is a way to take a file out of use.
const MEANT: [&str; 4] = ["local", "config", "cfg", "cnf"];

/// Whether kmod passes over a file of this name although its writer seems to mean it: it has no ending,
/// as in module-init-tools' days, or one close to `.conf`.
pub fn looks_forgotten(name: &str) -> bool {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending);
    !is_config_name(name)
        && !name.starts_with('.')
        && !name.ends_with('~')
        && !name.starts_with("README")
        && ending.is_none_or(|ending| MEANT.contains(&ending))
}

/// The finding where such a file holds directives; its line is the first of them.
pub fn lint_unread(file: &SourceFile) -> Option<Finding> {
    if !looks_forgotten(file.name) {
        return None;
    }
    let first = parse(file.bytes).into_iter().find(|line| matches!(line.content, Content::Directive(_)))?;
    let directory = file.directory.trim_end_matches('/');
    let stem = match file.name.rsplit_once('.') {
        Some((stem, ending)) if ending != "local" => stem,
        _ => file.name,
    };
    Some(Finding {
        code: "file_not_read",
        file: format!("{directory}/{}", file.name),
        line: first.number,
        message: "modprobe reads only files whose name ends in .conf: nothing in this one counts".to_string(),
        hint: format!("rename it to {directory}/{stem}.conf"),
    })
}
