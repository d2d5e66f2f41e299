//! One finding, for people and for programs.

use serde::Serialize;

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The module refuses (`force: true` goes past it).
    Error,
    /// The module goes on and says so.
    Warning,
}

/// A finding that a user has to act on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// A stable code for programs: `root_disk`, `driver_builtin`, …
    pub code: &'static str,
    /// Whether it stops the module.
    pub severity: Severity,
    /// The PCI address it is about (`0000:01:00.0`).
    pub device: Option<String>,
    /// What is the matter, one sentence.
    pub message: String,
    /// What to do about it, one sentence.
    pub hint: String,
}
