//! The same binary without Ansible: `grub_iommu vendor=intel --check --diff`.
//!
//! Ansible calls a module with one argument, the file that holds the options; everything else is a
//! person's call. What the module does is the same in both; only the way in and out differs.

mod command_line;
mod help;
mod report;
mod screen;
mod unified;

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};

use crate::Module;
use crate::arguments::Settings;
use crate::reply;
use crate::run::go;

pub use command_line::ansibles;

use command_line::Call;
use screen::Screen;

/// Changed, where `--detailed-exitcode` asks to tell it apart.
const CHANGED: u8 = 2;

/// Does what the command line asks; returns the exit status.
pub fn run<M: Module>(words: Vec<OsString>) -> u8 {
    let call = match command_line::parse(words, M::SPEC, M::READ_ONLY) {
        Ok(call) => call,
        Err(usage) => {
            let hint = format!("{usage}\nNothing was done. `{} --help` lists the options.", M::SPEC.module);
            return failed(&hint);
        }
    };
    let (options, arguments) = match call {
        Call::Help => return print(&help::text(M::SPEC, M::READ_ONLY)),
        Call::Version => return print(&help::version(M::SPEC)),
        Call::Run(options, arguments) => (options, arguments),
    };
    let settings = Settings::by_hand(M::SPEC.module, options.check, options.diff && options.json);
    let run = go::<M>(arguments, &settings);
    let changed = run.result.as_ref().is_ok_and(|done| !done.plan.is_empty());
    let status = match (&run.result, changed && options.detailed_exitcode) {
        (Err(_), _) => 1,
        (Ok(_), true) => CHANGED,
        (Ok(_), false) => 0,
    };
    if options.json {
        return if run.send(&settings).is_ok() { status } else { 1 };
    }
    for warning in &run.warnings {
        warn("warning", warning);
    }
    let text = match run.result {
        Ok(done) if M::READ_ONLY => {
            let printed = print(&report::facts(&done.reply));
            // Standard output is JSON, for programs too.
            warn("ok", &report::verdict(&done.reply, run.warnings.len()));
            return printed.max(status);
        }
        Ok(done) => report::changes(&done, &options),
        Err(failure) => {
            let code = failure.code.map_or(String::new(), |code| format!(" ({code})"));
            warn(&format!("failed{code}"), &failure.msg);
            report::actions(&reply::failed(failure))
        }
    };
    print(&text).max(status)
}

/// Prints to standard output what a report or help text says.
fn print(text: &screen::Text) -> u8 {
    let stdout = io::stdout();
    let screen = Screen::of(stdout.is_terminal());
    let mut stdout = stdout.lock();
    let written = stdout.write_all(&screen.render(text)).and_then(|()| stdout.flush());
    u8::from(written.is_err())
}

/// A line on standard error: its reader may be gone, and then nobody is to be told.
fn warn(what: &str, message: &str) {
    let mut text = screen::Text::default();
    text.line(format!("{what}: {message}"));
    let stderr = io::stderr();
    let screen = Screen::of(stderr.is_terminal());
    let _ = stderr.lock().write_all(&screen.render(&text));
}

/// What is wrong with the call, or a fault of the module itself; always exit status 1.
pub fn failed(message: &str) -> u8 {
    warn("failed", message);
    1
}
