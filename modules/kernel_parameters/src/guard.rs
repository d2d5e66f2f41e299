//! What refuses, unless the user goes past it.

use protocol::Failure;

/// The findings of one run that the option `force` turns into warnings.
#[derive(Debug, Default)]
pub struct Guard {
    /// The option.
    pub force: bool,
    /// What was gone past, and what is no reason to refuse.
    pub warnings: Vec<String>,
}

impl Guard {
    /// Refuses, or warns under `force`.
    ///
    /// # Errors
    /// The finding.
    pub fn refuse(&mut self, code: &'static str, message: String) -> Result<(), Failure> {
        if self.force {
            self.warn(code, &message);
            return Ok(());
        }
        Err(Failure::coded(code, message))
    }

    /// Warns in each case.
    pub fn warn(&mut self, code: &str, message: &str) {
        self.warnings.push(format!("{code}: {message}"));
    }
}
