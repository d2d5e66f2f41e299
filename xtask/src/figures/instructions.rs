//! Instructions of a run that changes nothing, counted by callgrind, and of a static program that does nothing.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::{collection, dist, paths, run};

/// The sample host the modules run on.
const HOST: &str = "pve-intel-two-gpus";

/// Prints the table.
pub fn run() -> Result<(), String> {
    let modules = collection::modules()?;
    let built = dist::build(&modules, &dist::host_triple()?)?;
    let dir = paths::target().join("figures/instructions");
    paths::remove(&dir)?;
    let root = dir.join("root");
    paths::copy_tree(&paths::workspace().join("tests/fixtures/hosts").join(HOST), &root)?;
    println!("a run without change on the sample host {HOST}");
    println!("  {:<20} {:>12}", "an empty program", counted("empty", &empty(&dir)?, None)?);
    for module in &modules {
        let file = dir.join(format!("{module}.json"));
        let args = arguments(module, &root);
        paths::write(&file, args.to_string().as_bytes())?;
        let program = built.join(module);
        // Once for real, so that nothing is left to do.
        run::logged("figures-settle", module, Command::new(&program).arg(&file))?;
        let again = run::logged("figures-settle", module, Command::new(&program).arg(&file))?;
        let reply: Value =
            serde_json::from_str(&again.stdout).map_err(|error| format!("{module}: {error}"))?;
        if reply.get("changed") == Some(&Value::Bool(true)) {
            return Err(format!("{module} still changes something on its second run"));
        }
        println!("  {module:<20} {:>12}", counted(module, &program, Some(&file))?);
    }
    Ok(())
}

fn arguments(module: &str, root: &Path) -> Value {
    match module {
        "grub_iommu" => json!({"root": root, "update": false}),
        "vfio_modules" => json!({"root": root, "initramfs": false}),
        "driver_blacklist" => json!({"root": root, "initramfs": false, "drivers": ["nouveau"]}),
        "boot_refresh" => json!({"root": root, "update": false, "initramfs": false}),
        _ => json!({"root": root}),
    }
}

fn counted(name: &str, program: &Path, argument: Option<&PathBuf>) -> Result<String, String> {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(program).args(argument);
    let done = run::logged(
        &format!("callgrind-{name}"),
        "counting with callgrind (package valgrind)",
        &mut valgrind,
    )?;
    let line = done.text.lines().find_map(|line| line.split_once("Collected : "));
    line.map(|(_, count)| count.trim().to_owned())
        .ok_or_else(|| format!("callgrind counted nothing for {name}"))
}

/// The least a static Rust program costs: built with the flags of the release profile.
fn empty(dir: &Path) -> Result<PathBuf, String> {
    let (source, program) = (dir.join("empty.rs"), dir.join("empty"));
    paths::write(&source, b"fn main() {}\n")?;
    let mut rustc = Command::new("rustc");
    rustc.args(["--edition", "2024", "-C", "opt-level=z", "-C", "panic=abort", "-C", "strip=symbols"]);
    rustc
        .args(["-C", "target-feature=+crt-static", "-C", "lto=fat", "-C", "codegen-units=1", "-o"])
        .arg(&program)
        .arg(&source);
    run::logged("figures-empty", "building an empty program", &mut rustc)?;
    Ok(program)
}
