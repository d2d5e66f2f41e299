//! The one way of every run: arguments, validation, observe, plan, apply, verify, reply.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::ExitCode;

use apply::{Activation, Plan};
use host::Root;
use serde::Deserialize;

use crate::arguments::{self, Settings};
use crate::by_hand;
use crate::mask::Secrets;
use crate::reply::{self, Envelope};
use crate::validate::{self, Checked};
use crate::value::{Dict, Value};
use crate::{Failure, Module, log};

/// Runs the module `M`: as Ansible calls it, or by hand. This is the whole of a module's `main`.
///
/// Ansible's call reads the arguments, does what they ask and prints one JSON object. Exit status 0,
/// or 1 where the reply says `failed`. A panic, too, becomes such a reply.
pub fn run<M: Module>() -> ExitCode {
    let words: Vec<OsString> = env::args_os().skip(1).collect();
    let ansibles = by_hand::ansibles(&words);
    let by_hand = ansibles.is_none();
    std::panic::set_hook(Box::new(move |panic| {
        let msg = format!("{panic}\nThis is a fault of the module itself; please report it with the task.");
        if by_hand {
            by_hand::failed(&msg);
        } else {
            let _ = reply::print(&reply::failed(Failure::new(msg)));
        }
        std::process::exit(1);
    }));
    if let Some(number) = env::args_os().next().as_deref().and_then(own_descriptor) {
        // If it is not open after all, nothing is to be closed.
        let _ = nix::unistd::close(number);
    }
    let Some(source) = ansibles else { return ExitCode::from(by_hand::run::<M>(words)) };
    let (failed, sent) = match arguments::read(source) {
        Ok(mut arguments) => {
            let settings = Settings::take(&mut arguments, M::SPEC.module);
            let run = go::<M>(arguments, &settings);
            (run.result.is_err(), run.send(&settings))
        }
        Err(msg) => (true, reply::print(&reply::failed(Failure::new(msg)))),
    };
    // Who closed the pipe reads no reply; the exit status is all that is left to tell.
    ExitCode::from(u8::from(failed || sent.is_err()))
}

/// The descriptor that a verified module is executed through (`/proc/self/fd/9`). It would stay open in every
/// command that the module starts, of which LVM's complain.
fn own_descriptor(program: &OsStr) -> Option<i32> {
    let number = program.to_str()?.strip_prefix("/proc/self/fd/")?.parse().ok()?;
    (number > 2).then_some(number)
}

/// What came of one run.
pub struct Run {
    /// The results, or why there are none.
    pub result: Result<Done, Failure>,
    /// For the user.
    pub warnings: Vec<String>,
    params: Dict,
    secrets: Secrets,
    deprecations: Vec<Value>,
}

/// A run that succeeded.
pub struct Done {
    /// The module's results and what every module adds.
    pub reply: Dict,
    /// What was done, or is to be done.
    pub plan: Plan,
    /// Where.
    pub root: Root,
}

impl Run {
    /// Prints the reply that Ansible reads.
    pub fn send(self, settings: &Settings) -> std::io::Result<()> {
        let Run { result, warnings, params, secrets, deprecations } = self;
        let reply = result.map_or_else(reply::failed, |done| done.reply);
        Envelope { settings, secrets: &secrets, params: &params, warnings, deprecations }.send(reply)
    }
}

/// Validates the arguments and does what they ask.
pub fn go<M: Module>(arguments: Dict, settings: &Settings) -> Run {
    let checked = validate::validate(M::SPEC.options, &M::RULES, arguments, settings.era);
    let Checked { params, secrets, mut warnings, deprecations, error, unsupported } = checked;
    let unsupported = unsupported
        .filter(|_| !settings.ignore_unknown_opts)
        .map(|what| format!("Unsupported parameters for ({}) module: {what}", settings.module_name));
    let result = match error.or(unsupported) {
        Some(msg) => Err(Failure::new(msg)),
        None => {
            let (line, found) = log::invocation(M::SPEC.options, &M::RULES, &params, &secrets);
            let mut lines = log::warning_lines(settings.era, &found);
            lines.push(line);
            log::send(settings, &secrets, &lines);
            if !settings.no_log {
                warnings.extend(found);
            }
            leave_unreadable_directory();
            carry_out::<M>(&params, settings, &mut warnings)
        }
    };
    Run { result, warnings, params, secrets, deprecations }
}

/// `become` may leave the process in a directory its user cannot read, where commands fail.
fn leave_unreadable_directory() {
    if std::fs::read_dir(".").is_err() {
        // `/` is there in every case; if even that fails, a command that needs the directory says so.
        let _ = env::set_current_dir("/");
    }
}

fn carry_out<M: Module>(
    params: &Dict,
    settings: &Settings,
    warnings: &mut Vec<String>,
) -> Result<Done, Failure> {
    let known = Value::Dict(validate::known(M::SPEC.options, params.clone()));
    let args = match M::AS_JSON {
        true => serde_json::from_value(known.into_json()).map_err(|error| error.to_string()),
        false => M::Args::deserialize(known).map_err(|error| error.to_string()),
    };
    let args =
        args.map_err(|error| Failure::new(format!("An option has a value that is out of range: {error}.")))?;
    let root = match params.get("root") {
        Some(Value::Str(path)) => Root::open(Path::new(path))?,
        _ => Root::open(Path::new("/"))?,
    };
    let observed = M::observe(&args, &root)?;
    let planned = M::plan(&args, &observed)?;
    let plan = planned.plan;
    let mut results = planned.reply;
    warnings.extend(plan.warnings.iter().cloned());
    apply::ready(&root, &plan).map_err(not_applied)?;
    let mut actions = None;
    let mut backups = Vec::new();
    debug_assert!(!M::READ_ONLY || plan.is_empty(), "a module that only looks plans nothing");
    // Constant for a module: what only looks is built without the code that changes a host.
    if !M::READ_ONLY && !settings.check_mode && !plan.is_empty() {
        let backup = params.get("backup").is_some_and(Value::is_true);
        let mut after = None;
        let mut verify = || {
            let seen = M::observe(&args, &root).map_err(|failure| failure.into_parts().msg)?;
            let again = M::plan(&args, &seen).map_err(|failure| failure.into_parts().msg)?;
            after = Some(seen);
            unfinished(&again.plan, &root)
        };
        let outcome = apply::run(&root, &plan, backup, &mut verify).map_err(not_applied)?;
        if let Some(after) = after {
            M::settle(&args, &after, &mut results);
        }
        actions = Some(outcome.actions);
        backups = outcome.backups;
    }
    let mut out = Dict::from(results);
    out.set("changed", Value::Bool(!plan.is_empty()));
    if !M::READ_ONLY {
        reply::add_plan(&mut out, &plan, actions);
        reply::add_backups(&mut out, backups);
        if settings.diff {
            out.set("diff", reply::diff(&plan, &root));
        }
    }
    Ok(Done { reply: out, plan, root })
}

/// The changes of a second plan, which would not be there if the first had brought what it promised.
fn unfinished(plan: &Plan, root: &Root) -> Result<(), String> {
    let files = plan.files.iter().filter(|file| !file.is_noop()).map(|file| root.full(&file.path));
    let due = plan.activations.iter().map(|activation| activation.command().join(" "));
    let left: Vec<String> = files.chain(due).collect();
    if left.is_empty() {
        return Ok(());
    }
    let mut why: Vec<&str> = plan.activations.iter().map(Activation::reason).collect();
    why.dedup();
    let why: String = why.iter().map(|reason| format!("; {reason}")).collect();
    Err(format!("the changes are not in force after all; still to do: {}{why}", left.join(", ")))
}

fn not_applied(error: apply::ApplyError) -> Failure {
    let actions = error.actions.iter().map(reply::action).collect();
    Failure::new(error.to_string()).with("actions", actions)
}

#[cfg(test)]
mod tests;
