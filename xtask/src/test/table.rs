//! The result of each kind, and the closing table.

use std::time::Duration;

use crate::test::Outcome;
use crate::{paths, run};

/// One kind's result.
pub struct Row {
    /// The kind.
    pub name: String,
    /// How it went.
    pub outcome: Outcome,
    /// How long it took.
    pub took: Duration,
}

impl Row {
    /// Says at once how it went, with what a reader needs on a failure.
    pub fn print(&self) {
        for (name, reason) in &self.outcome.not_run {
            println!("    {name}: NOT RUN ({reason})");
        }
        if self.outcome.failed > 0 && !self.outcome.detail.is_empty() {
            for line in self.outcome.detail.lines() {
                println!("    {line}");
            }
            println!("    more in {}", paths::shown(&run::log_path(&format!("test-{}", self.name))));
        }
        println!("    {} in {}", self.verdict(), run::seconds(self.took));
    }

    fn verdict(&self) -> &'static str {
        match (&self.outcome, self.outcome.not_run.len()) {
            (Outcome { failed: 1.., .. }, _) => "FAILED",
            (Outcome { passed: 0, .. }, 1..) => "NOT RUN",
            (_, 1..) => "passed, some NOT RUN",
            _ => "passed",
        }
    }
}

/// All kinds' results.
#[derive(Default)]
pub struct Table {
    rows: Vec<Row>,
}

impl Table {
    /// One more.
    pub fn add(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// How many tests did not hold.
    pub fn failed(&self) -> usize {
        self.rows.iter().map(|row| row.outcome.failed).sum()
    }

    /// The table, then the totals alone on the last line.
    pub fn print(&self) {
        println!("\n{:<18} {:>7} {:>7} {:>8} {:>13}", "kind", "passed", "failed", "not run", "time");
        for Row { name, outcome, took } in &self.rows {
            println!(
                "{name:<18} {:>7} {:>7} {:>8} {:>13}",
                outcome.passed,
                outcome.failed,
                outcome.not_run.len(),
                run::seconds(*took)
            );
        }
        let passed: usize = self.rows.iter().map(|row| row.outcome.passed).sum();
        let skipped: usize = self.rows.iter().map(|row| row.outcome.not_run.len()).sum();
        let skipped = if skipped == 0 { String::new() } else { format!(", {skipped} skipped") };
        println!("\n{passed} passed, {} failed{skipped}", self.failed());
    }
}
