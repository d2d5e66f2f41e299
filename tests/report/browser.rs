//! The page in Debian's headless Chromium, driven by browser/page.js. Screenshots are kept in
//! target/report/screenshots.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use proofs::{need_program, not_run, target_dir, workspace_dir};

use crate::run::{Site, run};

/// Looks at a site's page as `kind` says; what was printed. `None` after [`not_run`] where a browser is missing.
#[track_caller]
pub fn looks_right(name: &str, kind: &str, site: &Site) -> Option<String> {
    let chromium = need_program(name, "chromium", "chromium")?;
    let node = need_program(name, "node", "nodejs")?;
    let modules = modules(name)?;
    let script = workspace_dir().join("tests/report/browser/page.js");
    let shots = target_dir().join("report/screenshots");
    let mut look = Command::new(node);
    look.arg(script).arg(kind).arg(&site.reports).arg(shots).arg(modules).env("CHROMIUM", chromium);
    let ran = run(&mut look);
    assert_eq!(ran.rc, 0, "{kind}:\n{}", ran.text);
    Some(ran.text)
}

/// The folder with playwright-core and axe-core, installed there the first time.
fn modules(name: &str) -> Option<PathBuf> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let dir = target_dir().join("report/browser");
    let modules = dir.join("node_modules");
    let wanted = workspace_dir().join("tests/report/browser/package.json");
    if same(&wanted, &dir.join("package.json")) && modules.join(".package-lock.json").is_file() {
        return Some(modules);
    }
    let npm = need_program(name, "npm", "npm")?;
    std::fs::create_dir_all(&dir).expect("a folder");
    std::fs::copy(wanted, dir.join("package.json")).expect("package.json is copied");
    let mut install = Command::new(npm);
    install
        .args(["install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"])
        .current_dir(dir);
    let ran = run(&mut install);
    if ran.rc != 0 {
        not_run(name, &format!("npm cannot install playwright-core and axe-core: {}", ran.text.trim()));
        return None;
    }
    Some(modules)
}

fn same(one: &Path, other: &Path) -> bool {
    matches!((std::fs::read(one), std::fs::read(other)), (Ok(one), Ok(other)) if one == other)
}
