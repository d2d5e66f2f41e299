//! The decision, pure: the problems, and whether the task fails.

use apply::Plan;
use preflight::check::{self, CODES};
use preflight::{Problem, Severity};
use protocol::{Failure, Planned};

use crate::observe::Observed;
use crate::{Args, reply};

/// How many errors a message tells of before it stops.
const SHOWN: usize = 10;

/// Refuses a code that can never come, so that a slip of the pen accepts nothing unseen.
pub fn accepts_known_codes(args: &Args) -> Result<(), Failure> {
    let Some(unknown) = args.accept.iter().find(|code| !check::is_code(code)) else { return Ok(()) };
    let unknown: String = unknown.chars().take(60).collect();
    let known: Vec<&str> = CODES.iter().map(|code| code.name).collect();
    let msg = format!("accept: there is no code '{unknown}'; use some of {}", known.join(", "));
    Err(Failure::coded("unknown_code", msg))
}

/// Judges; nothing is changed in any case.
pub fn plan(args: &Args, seen: &Observed) -> Result<Planned, Failure> {
    let selectors = args.selectors()?;
    let problems = check::check(&selectors, args.phase(), &seen.host);
    let results = reply::results(args, &selectors, &problems, seen);
    let is_accepted = |problem: &&Problem| args.accept.iter().any(|code| code == problem.code);
    let stops = |problem: &&Problem| problem.severity == Severity::Error && !is_accepted(problem);
    let fatal: Vec<&Problem> = problems.iter().filter(stops).collect();
    if let Some(first) = fatal.first() {
        let mut said: Vec<String> = fatal.iter().take(SHOWN).map(|problem| said(problem)).collect();
        if fatal.len() > SHOWN {
            said.push(format!("{} more errors are in problems", fatal.len() - SHOWN));
        }
        let codes = said.join(". ");
        let msg =
            format!("{codes}. A problem that is no obstacle here can be passed over by its code (accept).");
        let failure = Failure::coded(first.code, msg);
        return Err(results.into_iter().fold(failure, |failure, (key, value)| failure.with(&key, value)));
    }
    let warnings = problems.iter().filter(|problem| !is_accepted(problem)).map(said).collect();
    Ok(Planned { plan: Plan { warnings, ..Plan::default() }, reply: results })
}

fn said(problem: &Problem) -> String {
    format!("{} ({}): {}", problem.message, problem.code, problem.hint)
}
