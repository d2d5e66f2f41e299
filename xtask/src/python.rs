//! Finds Python interpreters that can make a virtual environment.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A CPython 3 on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Python {
    /// The `12` of 3.12.
    pub minor: u32,
    /// The interpreter.
    pub path: PathBuf,
    /// Whether it brings pip into a new environment by itself; otherwise its own pip does.
    ensurepip: bool,
}

/// The interpreters 3.10 and later, newest first: `python3.N` on PATH, in the system directories and among
/// pyenv's versions. Those that cannot install packages (no ensurepip and no pip) are left out.
pub fn found() -> Vec<Python> {
    let mut names = BTreeSet::new();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut dirs: Vec<PathBuf> = std::env::split_paths(&path).collect();
    dirs.extend(["/usr/bin", "/usr/local/bin"].map(PathBuf::from));
    let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".pyenv"));
    let pyenv = std::env::var_os("PYENV_ROOT").map(PathBuf::from).or(home);
    if let Some(versions) = pyenv.and_then(|pyenv| std::fs::read_dir(pyenv.join("versions")).ok()) {
        dirs.extend(versions.flatten().map(|version| version.path().join("bin")));
    }
    for dir in dirs {
        for entry in std::fs::read_dir(&dir).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let minor = name.to_str().and_then(|name| name.strip_prefix("python3.")?.parse::<u32>().ok());
            if let Some(minor) = minor.filter(|minor| *minor >= 10) {
                // A shim of pyenv stands for whichever version is switched on, or none.
                if !dir.ends_with("shims") {
                    names.insert((std::cmp::Reverse(minor), entry.path()));
                }
            }
        }
    }
    names.into_iter().filter_map(|(minor, path)| probe(minor.0, path)).collect()
}

/// The first of `minors` that is on this machine.
pub fn first_of(minors: &[u32]) -> Option<Python> {
    let found = found();
    minors.iter().find_map(|minor| found.iter().find(|python| python.minor == *minor).cloned())
}

/// Makes an environment in `dir` with pip in reach; returns the command that installs into it.
pub fn make_venv(python: &Python, dir: &Path) -> Result<Command, String> {
    let mut venv = Command::new(&python.path);
    venv.args(["-m", "venv", "--clear"]);
    if !python.ensurepip {
        venv.arg("--without-pip");
    }
    let status = venv.arg(dir).status().map_err(|error| format!("{}: {error}", python.path.display()))?;
    if !status.success() {
        return Err(format!("{} -m venv {}: {status}", python.path.display(), dir.display()));
    }
    let inside = dir.join("bin/python");
    let mut pip;
    if python.ensurepip {
        pip = Command::new(inside);
        pip.args(["-m", "pip"]);
    } else {
        // Debian without python3-venv: the interpreter's own pip works on another environment.
        pip = Command::new(&python.path);
        pip.args(["-m", "pip", "--python"]).arg(inside);
    }
    pip.args(["--disable-pip-version-check", "install", "--progress-bar", "off"]);
    Ok(pip)
}

fn probe(minor: u32, path: PathBuf) -> Option<Python> {
    let works = |code: &str| {
        let mut command = Command::new(&path);
        command.args(["-c", code]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    if !works(&format!("import sys, venv; sys.exit(sys.version_info[:2] != (3, {minor}))")) {
        return None;
    }
    let ensurepip = works("import ensurepip");
    (ensurepip || works("import pip")).then_some(Python { minor, path, ensurepip })
}
