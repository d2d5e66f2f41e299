//! Reads how many tests passed out of what the programs print.

use std::path::Path;

use crate::run::{Captured, tail};
use crate::test::Outcome;

/// Lines shown of each failed test; the rest is in its log.
const LINES_A_FAILURE: usize = 15;

/// A run of `cargo test`: the sums of its `test result:` lines, less those that declared themselves not run
/// in the file `not_run` (one line `name<TAB>reason` each).
pub fn cargo_test(done: &Captured, not_run: &Path) -> Outcome {
    let mut outcome = Outcome::default();
    let mut ignored = 0;
    for line in done.text.lines().filter_map(|line| line.strip_prefix("test result:")) {
        outcome.passed += number_before(line, "passed");
        outcome.failed += number_before(line, "failed");
        ignored += number_before(line, "ignored");
    }
    let declared = std::fs::read_to_string(not_run).unwrap_or_default();
    outcome.not_run = declared
        .lines()
        .map(|line| line.split_once('\t').unwrap_or((line, "")))
        .map(|(name, reason)| (name.to_owned(), reason.to_owned()))
        .collect();
    outcome.passed = outcome.passed.saturating_sub(outcome.not_run.len());
    if ignored > 0 {
        outcome.not_run.push((format!("{ignored} tests"), "marked #[ignore]".to_owned()));
    }
    if done.status.success() && outcome.passed + outcome.not_run.len() == 0 && declared.is_empty() {
        // A proof with a table of its own instead of the usual harness: its exit status is its word.
        outcome.passed = usize::from(!done.text.contains("test result:"));
    }
    if !done.status.success() {
        outcome.failed = outcome.failed.max(1);
        let failures = failures(&done.text);
        outcome.detail = if failures.is_empty() { tail(&done.text, 40) } else { failures };
    }
    outcome
}

/// A run of `ansible-test sanity`: its tests, and those it lists as failed.
pub fn sanity(done: &Captured) -> Outcome {
    let ran = done.text.lines().filter(|line| line.starts_with("Running sanity test ")).count();
    let listed = done
        .text
        .lines()
        .find_map(|line| line.strip_prefix("ERROR: The ")?.split_once(" sanity test(s) listed"));
    let mut failed = listed.and_then(|(count, _)| count.parse().ok()).unwrap_or(0);
    if !done.status.success() || ran == 0 {
        failed = failed.max(1);
    }
    let detail = done.text.lines().filter(|line| line.starts_with("ERROR:") || line.starts_with("FATAL:"));
    let detail: Vec<&str> = detail.collect();
    let detail = if detail.is_empty() { tail(&done.text, 40) } else { detail.join("\n") };
    Outcome { passed: ran.saturating_sub(failed), failed, not_run: Vec::new(), detail }
}

/// What each failed test said first, out of the harness's report.
fn failures(text: &str) -> String {
    let sections = text.split("\n---- ").skip(1);
    let shown = sections.map(|section| section.lines().take(LINES_A_FAILURE).collect::<Vec<_>>().join("\n"));
    shown.collect::<Vec<_>>().join("\n")
}

/// The `12` of `ok. 12 passed; 0 failed` before `word`.
fn number_before(line: &str, word: &str) -> usize {
    let words: Vec<&str> = line.split_whitespace().collect();
    let at = words.iter().position(|found| found.trim_end_matches(';') == word);
    at.and_then(|at| words.get(at.checked_sub(1)?)?.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    use super::*;

    fn done(text: &str, rc: i32) -> Captured {
        Captured { status: ExitStatus::from_raw(rc << 8), text: text.to_owned(), stdout: String::new() }
    }

    #[test]
    fn sums_the_results_and_takes_off_what_did_not_run() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("not_run");
        std::fs::write(&log, "corpus\tPASSTHROUGH_CORPUS is not set\n").unwrap();
        let text = "test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured\n\
                    test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured\n";
        let outcome = cargo_test(&done(text, 0), &log);
        assert_eq!((outcome.passed, outcome.failed, outcome.not_run.len()), (14, 0, 2));
        assert_eq!(outcome.not_run[0].0, "corpus");
    }

    #[test]
    fn what_does_not_compile_is_a_failure() {
        let outcome = cargo_test(&done("error[E0308]: mismatched types\n", 101), Path::new("/nonexistent"));
        assert_eq!((outcome.passed, outcome.failed), (0, 1));
        assert!(outcome.detail.contains("E0308"));
    }

    #[test]
    fn an_empty_harness_passes_nothing() {
        let text = "test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured\n";
        assert_eq!(cargo_test(&done(text, 0), Path::new("/nonexistent")).passed, 0);
        assert_eq!(cargo_test(&done("12 files, 12 right\n", 0), Path::new("/nonexistent")).passed, 1);
    }

    #[test]
    fn sanity_counts_its_failures() {
        let text = "Running sanity test \"compile\"\nRunning sanity test \"yamllint\"\nERROR: it is wrong\n\
                    ERROR: The 1 sanity test(s) listed below (out of 2) failed. See error output above for details.\nyamllint\n";
        let outcome = sanity(&done(text, 1));
        assert_eq!((outcome.passed, outcome.failed), (1, 1));
        assert_eq!(sanity(&done("nothing", 0)).failed, 1);
    }
}
