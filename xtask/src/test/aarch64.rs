//! The shipped binaries for aarch64 on an x86_64 machine: the fixture cases of every module, in QEMU's user mode.
//!
//! The cases start the binary that cargo built beside them. In a mount namespace of their own a script lies over it that
//! starts the shipped one.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::test::{Outcome, count};
use crate::{collection, paths, run};

/// `$1` has the scripts, `$2` is where they go; the rest is pairs of a folder and a program to run there.
const IN_THEIR_PLACE: &str = r#"
scripts=$1 built=$2
shift 2
for script in "$scripts"/*; do
    mount --bind "$script" "$built/${script##*/}" || exit 3
done
status=0
while [ $# -gt 1 ]; do
    cd "$1" && "$2" || status=1
    shift 2
done
exit $status
"#;

/// Runs them all.
pub fn run(name: &str) -> Outcome {
    let shipped = collection::staged_dir().join("plugins/bin/aarch64");
    let qemu = ["/usr/bin/qemu-aarch64-static", "/usr/bin/qemu-aarch64"]
        .iter()
        .find(|path| Path::new(path).is_file());
    let missing = match qemu {
        _ if std::env::consts::ARCH != "x86_64" => Some("emulates aarch64 on x86_64"),
        _ if !shipped.is_dir() => {
            Some("no binaries for aarch64 were built: `cargo xtask dist` says what that needs")
        }
        None => {
            Some("qemu-aarch64-static is missing: install the package qemu-user-static, version 10 or later")
        }
        Some(_) => None,
    };
    match (missing, qemu) {
        (None, Some(qemu)) => {
            cases(name, &shipped, qemu).unwrap_or_else(|error| Outcome::failed(format!("aarch64: {error}")))
        }
        (reason, _) => Outcome::not_run(name, reason.unwrap_or_default()).judged(),
    }
}

fn cases(name: &str, shipped: &Path, qemu: &str) -> Result<Outcome, String> {
    let modules = collection::modules()?;
    let (folders, built) = build(&modules)?;
    let scripts = paths::target().join("aarch64");
    paths::remove(&scripts)?;
    for module in &modules {
        let script = format!("#!/bin/sh\nexec {qemu} {} \"$@\"\n", shipped.join(module).display());
        paths::write(&scripts.join(module), script.as_bytes())?;
        executable(&scripts.join(module))?;
    }
    let not_run = paths::target().join("logs").join(format!("test-{name}.not-run"));
    paths::remove(&not_run)?;
    let mut unshare = Command::new("unshare");
    unshare.args(["--mount", "sh", "-c", IN_THEIR_PLACE, "sh"]).arg(&scripts).arg(&built);
    for (folder, program) in &folders {
        unshare.arg(folder).arg(program);
    }
    // Some look for the binary there, and would have cargo build it anew otherwise.
    unshare.env("PASSTHROUGH_BIN", &scripts);
    unshare.env("RUST_BACKTRACE", "0").env("PASSTHROUGH_NOT_RUN", &not_run);
    let done = run::captured(&format!("test-{name}"), name, &mut unshare)?;
    Ok(count::cargo_test(&done, &not_run))
}

/// Builds the fixture cases; each with its package's folder, and the folder of the binaries that they start.
fn build(modules: &[String]) -> Result<(Vec<(PathBuf, PathBuf)>, PathBuf), String> {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(paths::workspace()).args(["test", "--no-run", "--locked", "--message-format", "json"]);
    for module in modules {
        cargo.args(["--package", module]);
    }
    let told = run::logged("test-aarch64-build", "building the modules' fixture cases", &mut cargo)?;
    let (mut cases, mut built) = (Vec::new(), None);
    for line in told.stdout.lines() {
        let Ok(message) = serde_json::from_str::<Value>(line) else { continue };
        let (Some(program), Some(manifest)) =
            (message["executable"].as_str(), message["manifest_path"].as_str())
        else {
            continue;
        };
        let folder = Path::new(manifest).parent().unwrap_or(Path::new("/")).to_path_buf();
        match message["target"]["kind"][0].as_str() {
            Some("test") => cases.push((folder, PathBuf::from(program))),
            Some("bin") if message["profile"]["test"] == false => {
                built = Path::new(program).parent().map(Path::to_path_buf);
            }
            _ => {}
        }
    }
    match built {
        Some(built) if !cases.is_empty() => Ok((cases, built)),
        _ => Err("cargo names no fixture cases".to_owned()),
    }
}

fn executable(path: &Path) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(path, mode).map_err(|error| format!("{}: {error}", path.display()))
}
