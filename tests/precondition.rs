//! What a proof needs from the machine, and what happens where the machine lacks it.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

/// Whether a missing precondition is a failure: in CI (`CI=true`) and wherever
/// `PASSTHROUGH_REQUIRE_ALL=1` is set.
#[must_use]
pub fn everything_required() -> bool {
    let set = |name: &str, value: &str| std::env::var(name).is_ok_and(|found| found == value);
    set("CI", "true") || set("PASSTHROUGH_REQUIRE_ALL", "1")
}

/// Declares that the proof `name` did not run and why; fails it where everything must run. Prints `name: NOT RUN (reason)` past the test
/// harness's capture; `cargo xtask test`, which names a file in `PASSTHROUGH_NOT_RUN`, finds one line
/// `name<TAB>reason` there for each call. Call it at most once in a test, then return from the test.
///
/// # Panics
/// Where everything must run (see [`everything_required`]): there a missing precondition is a failure.
pub fn not_run(name: &str, reason: &str) {
    assert!(!everything_required(), "{name}: NOT RUN ({reason}), and here every proof must run");
    declare(name, reason);
}

fn declare(name: &str, reason: &str) {
    let line = format!("{name}: NOT RUN ({reason})\n");
    // Not `eprintln!`: the harness swallows its output for a test that passes.
    std::io::stderr().write_all(line.as_bytes()).expect("standard error takes a line");
    if let Some(log) = std::env::var_os("PASSTHROUGH_NOT_RUN") {
        let mut log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&log)
            .unwrap_or_else(|error| panic!("{}: {error}", PathBuf::from(&log).display()));
        log.write_all(format!("{name}\t{reason}\n").as_bytes())
            .expect("the log of what did not run takes a line");
    }
}

/// The folder of real configuration files, from `PASSTHROUGH_CORPUS`; `None` where the variable is unset, after
/// saying so as [`not_run`] does. The corpus is no part of the project, so even CI may lack it.
///
/// # Panics
/// If the variable names no directory: a mistake in the call, not a missing precondition.
#[must_use]
pub fn corpus(name: &str) -> Option<PathBuf> {
    let Some(path) = std::env::var_os("PASSTHROUGH_CORPUS").filter(|value| !value.is_empty()) else {
        declare("corpus", &format!("PASSTHROUGH_CORPUS is not set: {name}"));
        return None;
    };
    let path = PathBuf::from(path);
    assert!(path.is_dir(), "PASSTHROUGH_CORPUS={}: no such directory", path.display());
    Some(path.canonicalize().expect("an existing directory has a canonical path"))
}

/// The full path of `program` on PATH or in the system directories; `None` after [`not_run`] where it is
/// missing. `package` is the Debian package that brings it.
#[must_use]
pub fn need_program(name: &str, program: &str, package: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    let found =
        std::env::split_paths(&path).chain(system).map(|dir| dir.join(program)).find(|file| file.is_file());
    if found.is_none() {
        not_run(name, &format!("{program} is missing: install the package {package}"));
    }
    found
}

/// Whether the proof runs as root; `false` after [`not_run`] where it does not.
#[must_use]
pub fn need_root(name: &str) -> bool {
    // The owner of /proc/self is the effective user: no libc call needed for one number.
    use std::os::unix::fs::MetadataExt;
    let root = std::fs::metadata("/proc/self").is_ok_and(|meta| meta.uid() == 0);
    if !root {
        not_run(name, "needs root");
    }
    root
}
