//! What was seen: a row a step, printed when it is done, and all of them once more at the end.

use std::time::{Duration, Instant};

use crate::run;

/// All rows of a run.
#[derive(Default)]
pub struct Table {
    rows: Vec<Row>,
}

struct Row {
    place: String,
    step: String,
    result: Result<String, String>,
    took: Duration,
}

/// The rows of one guest.
pub struct Steps<'a> {
    table: &'a mut Table,
    place: String,
}

impl Table {
    /// Begins the rows of a guest, such as `Debian 12 Intel`.
    pub fn begin(&mut self, place: &str) -> Steps<'_> {
        println!("\n== {place}");
        Steps { table: self, place: place.to_owned() }
    }

    /// All rows and the closing line.
    pub fn text(&self) -> String {
        let width = |text: fn(&Row) -> &str| self.rows.iter().map(|row| text(row).chars().count()).max();
        let place = width(|row| &row.place).unwrap_or(0);
        let step = width(|row| &row.step).unwrap_or(0);
        let mut text =
            format!("{:<place$}  {:<step$}  {:<6}  {:>12}  evidence\n", "guest", "step", "result", "time");
        for row in &self.rows {
            let (word, evidence) = row.outcome();
            let time = run::seconds(row.took);
            text.push_str(&format!(
                "{:<place$}  {:<step$}  {word:<6}  {time:>12}  {evidence}\n",
                row.place, row.step
            ));
        }
        text + &format!("\n{} passed, {} failed\n", self.passed(), self.failed())
    }

    /// How many steps held.
    pub fn passed(&self) -> usize {
        self.rows.len() - self.failed()
    }

    /// How many did not.
    pub fn failed(&self) -> usize {
        self.rows.iter().filter(|row| row.result.is_err()).count()
    }
}

impl Row {
    /// The word for the result, and the first line of what was seen.
    fn outcome(&self) -> (&'static str, &str) {
        let (word, text) = match &self.result {
            Ok(evidence) => ("pass", evidence),
            Err(error) => ("FAILED", error),
        };
        (word, text.lines().next().unwrap_or_default())
    }
}

impl Steps<'_> {
    /// Does a step. What it returns is evidence, or what is wrong; `None` after a failure, for `?`.
    pub fn step(&mut self, name: &str, work: impl FnOnce() -> Result<String, String>) -> Option<()> {
        let start = Instant::now();
        let result = work();
        let row = Row { place: self.place.clone(), step: name.to_owned(), result, took: start.elapsed() };
        let (word, evidence) = row.outcome();
        println!("   {word:<6}  {name} ({}): {evidence}", run::seconds(row.took));
        if let Err(error) = &row.result {
            error.lines().skip(1).for_each(|line| println!("           {line}"));
        }
        let done = row.result.is_ok();
        self.table.rows.push(row);
        done.then_some(())
    }
}

/// An error with `message` unless the condition holds.
pub fn ensure(holds: bool, message: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(message()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_failed_and_stops_there() {
        let mut table = Table::default();
        let mut steps = table.begin("a guest");
        assert_eq!(steps.step("one", || Ok("seen\nmore".to_owned())), Some(()));
        assert_eq!(steps.step("two", || ensure(false, || "wrong".to_owned()).map(|()| String::new())), None);
        assert!(table.text().ends_with("\n1 passed, 1 failed\n"), "{}", table.text());
    }
}
