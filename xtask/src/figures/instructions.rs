//! Instructions of a run that changes nothing, counted by callgrind, and of a static program that does nothing.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::toolchain::Toolchain;
use crate::{collection, paths, run};

/// The sample host the modules run on.
const HOST: &str = "pve-intel-two-gpus";

/// Prints the table, a column for each libc.
pub fn run() -> Result<(), String> {
    let modules = collection::modules()?;
    let musl = Toolchain::musl();
    let names = ["", "an empty program"].map(str::to_owned).into_iter().chain(modules.clone());
    let mut table: Vec<Vec<String>> = vec![names.collect()];
    for toolchain in std::iter::once(Toolchain::StaticGnu).chain(musl.clone().ok()) {
        table.push(column(toolchain, &modules)?);
    }
    println!("a run without change on the sample host {HOST}");
    for row in 0..modules.len() + 2 {
        let cells: Vec<String> = table.iter().filter_map(|column| column.get(row).cloned()).collect();
        if let [name, counts @ ..] = cells.as_slice() {
            let counts: Vec<String> = counts.iter().map(|count| format!("{count:>12}")).collect();
            println!("  {name:<20} {}", counts.join(" "));
        }
    }
    if let Err(reason) = musl {
        println!("musl: not built ({reason})");
    }
    Ok(())
}

/// The toolchain's name, the count of an empty program and of each module.
fn column(toolchain: Toolchain, modules: &[String]) -> Result<Vec<String>, String> {
    let built = toolchain.build(modules)?;
    let empty = toolchain.build_empty()?;
    let dir = paths::target().join("figures/instructions");
    paths::remove(&dir)?;
    let root = dir.join("root");
    paths::copy_tree(&paths::workspace().join("tests/fixtures/hosts").join(HOST), &root)?;
    let mut counts = vec![toolchain.name().to_owned(), counted("empty", &empty, None)?];
    for module in modules {
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
        counts.push(counted(module, &program, Some(&file))?);
    }
    Ok(counts)
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
