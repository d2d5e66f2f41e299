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

/// The rows of one guest, or of what is done before any is there.
pub struct Steps {
    place: String,
    rows: Vec<Row>,
}

impl Table {
    /// Adds the rows of a guest that is done.
    pub fn add(&mut self, steps: Steps) {
        self.rows.extend(steps.rows);
    }

    /// All rows, the time of each guest, and the closing line.
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
        text.push('\n');
        for (name, took) in self.times() {
            text.push_str(&format!("{name:<place$}  {:>12}\n", run::seconds(took)));
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

    /// The whole time of each guest, in the order of the rows.
    fn times(&self) -> Vec<(&str, Duration)> {
        let mut times: Vec<(&str, Duration)> = Vec::new();
        for row in &self.rows {
            match times.last_mut().filter(|(place, _)| *place == row.place) {
                Some((_, took)) => *took += row.took,
                None => times.push((&row.place, row.took)),
            }
        }
        times
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

impl Steps {
    /// Begins the rows of a guest, such as `Debian 12 Intel`.
    pub fn begin(place: &str) -> Steps {
        Steps { place: place.to_owned(), rows: Vec::new() }
    }

    /// Does a step. What it returns is evidence, or what is wrong; `None` after a failure, for `?`.
    pub fn step(&mut self, name: &str, work: impl FnOnce() -> Result<String, String>) -> Option<()> {
        let start = Instant::now();
        let result = work();
        let row = Row { place: self.place.clone(), step: name.to_owned(), result, took: start.elapsed() };
        let (word, evidence) = row.outcome();
        // Each line names the guest: two may be running.
        let mut lines = format!("{}: {word}  {name} ({}): {evidence}", row.place, run::seconds(row.took));
        if let Err(error) = &row.result {
            error.lines().skip(1).for_each(|line| lines.push_str(&format!("\n    {line}")));
        }
        run::say(&lines);
        let done = row.result.is_ok();
        self.rows.push(row);
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
        let mut steps = Steps::begin("a guest");
        assert_eq!(steps.step("one", || Ok("seen\nmore".to_owned())), Some(()));
        assert_eq!(steps.step("two", || ensure(false, || "wrong".to_owned()).map(|()| String::new())), None);
        let mut table = Table::default();
        table.add(steps);
        let text = table.text();
        assert!(text.ends_with("\n1 passed, 1 failed\n"), "{text}");
        assert_eq!(text.lines().filter(|line| line.starts_with("a guest")).count(), 3, "{text}");
    }
}
