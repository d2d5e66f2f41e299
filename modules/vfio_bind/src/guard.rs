//! Refusals: what the host would lose, and what would not work.

use preflight::{Device, Problem, Severity};
use protocol::Failure;
use serde_json::Value;

use crate::Args;
use crate::observe::Observed;

/// What stands against taking the devices that are named, and `all` with what goes along.
pub fn problems(args: &Args, seen: &Observed, named: &[&Device], all: &[&Device]) -> Vec<Problem> {
    let mut problems = preflight::guard_devices(&addresses(named), &seen.devices);
    problems.extend(preflight::group_problems(&addresses(all), &seen.devices));
    if args.now {
        for problem in problems.iter_mut().filter(|p| matches!(p.code, "swap" | "mount")) {
            // At boot the host does without; now the disk would be pulled from under a file system.
            problem.severity = Severity::Error;
            problem.hint = "unmount it or switch it off first".to_string();
        }
    }
    problems
}

fn addresses<'a>(devices: &[&'a Device]) -> Vec<&'a str> {
    devices.iter().map(|device| device.address.as_str()).collect()
}

/// Fails on the first error, unless `force`.
pub fn refuse(args: &Args, problems: &[Problem]) -> Result<(), Failure> {
    let fatal: Vec<&Problem> =
        problems.iter().filter(|p| p.severity == Severity::Error && !args.force).collect();
    let Some(first) = fatal.first() else { return Ok(()) };
    let said: Vec<String> = fatal.iter().map(|p| format!("{} ({}); {}", p.message, p.code, p.hint)).collect();
    let msg = format!("{}. Nothing was changed; force: true goes on in spite of it.", said.join(". "));
    Err(Failure::coded(first.code, msg).with("problems", list(problems)))
}

/// A problem as a warning's text.
pub fn warning(problem: &Problem) -> String {
    format!("{} ({}): {}", problem.message, problem.code, problem.hint)
}

/// Problems as the reply shows them.
pub fn list(problems: &[Problem]) -> Value {
    serde_json::to_value(problems).unwrap_or_default()
}
