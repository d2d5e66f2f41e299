//! `cargo xtask test`: every proof, in one table. Goes on after a failure; what cannot run here is counted
//! apart and never as passed.

mod aarch64;
mod count;
mod kinds;
mod sanity;
mod size;
mod table;

use std::time::Instant;

use crate::test::kinds::{Kind, Machine};
use crate::test::table::{Row, Table};

/// How one kind of proof went.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Tests that ran and held.
    pub passed: usize,
    /// Tests that did not hold.
    pub failed: usize,
    /// What did not run, and why.
    pub not_run: Vec<(String, String)>,
    /// What a reader needs when something failed.
    pub detail: String,
}

impl Outcome {
    /// One check that held.
    pub fn passed() -> Self {
        Self { passed: 1, ..Self::default() }
    }

    /// One check that did not hold.
    pub fn failed(detail: impl Into<String>) -> Self {
        Self { failed: 1, detail: detail.into(), ..Self::default() }
    }

    /// A kind that cannot run on this machine.
    pub fn not_run(name: &str, reason: impl Into<String>) -> Self {
        Self { not_run: vec![(name.to_owned(), reason.into())], ..Self::default() }
    }

    /// Makes failures of what did not run, where everything must (the tests of our own crates do so by
    /// themselves).
    fn judged(mut self) -> Self {
        if !everything_required() {
            return self;
        }
        for (name, reason) in self.not_run.drain(..) {
            self.failed += 1;
            self.detail.push_str(&format!("{name}: NOT RUN ({reason}), and here everything must run\n"));
        }
        self
    }
}

/// The command. Arguments name the kinds to run, all without any.
pub fn run(arguments: &[String]) -> Result<(), String> {
    let kinds = kinds::all()?;
    if arguments.iter().any(|argument| argument == "--list") {
        kinds.iter().for_each(|kind| println!("{:<18} {}", kind.name, kind.what));
        return Ok(());
    }
    for argument in arguments {
        if !kinds.iter().any(|kind| kind.name == *argument) {
            return Err(format!("no such kind of test: {argument} (`cargo xtask test --list` names them)"));
        }
    }
    let chosen: Vec<&Kind> = kinds.iter().filter(|kind| chosen(arguments, kind)).collect();
    let mut machine = Machine::default();
    let mut table = Table::default();
    for (at, kind) in chosen.iter().enumerate() {
        println!("[{}/{}] {}: {}", at + 1, chosen.len(), kind.name, kind.what);
        let start = Instant::now();
        let outcome = kind.run(&mut machine);
        let row = Row { name: kind.name.clone(), outcome, took: start.elapsed() };
        row.print();
        table.add(row);
    }
    table.print();
    if table.failed() > 0 { Err("not every proof holds: see FAILED above".to_owned()) } else { Ok(()) }
}

/// Whether the arguments ask for a kind: by its name, or all without any; of those that take long only where
/// everything must run.
fn chosen(arguments: &[String], kind: &Kind) -> bool {
    arguments.contains(&kind.name) || (arguments.is_empty() && (!kind.takes_long() || everything_required()))
}

/// Whether what cannot run here is a failure: in CI, and wherever it is asked for.
fn everything_required() -> bool {
    let set = |name: &str, value: &str| std::env::var(name).is_ok_and(|found| found == value);
    set("CI", "true") || set("PASSTHROUGH_REQUIRE_ALL", "1")
}
