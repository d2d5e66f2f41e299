//! Where the module binaries are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// The workspace's top folder.
#[must_use]
pub fn workspace_dir() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the workspace")
}

/// Cargo's target directory: `CARGO_TARGET_DIR` or `target` in the workspace.
#[must_use]
pub fn target_dir() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR").filter(|value| !value.is_empty()) {
        Some(path) => workspace_dir().join(path),
        None => workspace_dir().join("target"),
    }
}

/// The binary `name`: a shipped module from the folder `PASSTHROUGH_BIN` where that is set; otherwise, and
/// for programs that exist for tests alone, built by cargo with the profile of the tests (once a process;
/// cargo itself sees whether it is up to date, so a proof never runs yesterday's binary).
///
/// # Panics
/// If it cannot be built, or is missing in `PASSTHROUGH_BIN`.
#[must_use]
pub fn binary(name: &str) -> PathBuf {
    let shipped = workspace_dir().join("modules").join(name).join("src/main.rs").is_file();
    if let Some(dir) = std::env::var_os("PASSTHROUGH_BIN").filter(|value| shipped && !value.is_empty()) {
        let path = PathBuf::from(dir).join(name);
        assert!(path.is_file(), "PASSTHROUGH_BIN: {} is missing", path.display());
        return path;
    }
    static BUILT: Mutex<BTreeMap<String, PathBuf>> = Mutex::new(BTreeMap::new());
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    built.entry(name.to_owned()).or_insert_with(|| build(name)).clone()
}

fn build(name: &str) -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(workspace_dir()).args(["build", "--quiet", "--workspace", "--bin", name]);
    let profile = if cfg!(debug_assertions) {
        "debug"
    } else {
        command.arg("--release");
        "release"
    };
    let status = command.status().expect("cargo starts");
    assert!(status.success(), "cargo build --bin {name}: {status}");
    let path = target_dir().join(profile).join(name);
    assert!(path.is_file(), "{} is missing after the build", path.display());
    path
}
