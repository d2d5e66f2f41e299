//! Instructions of a run that changes nothing, counted by callgrind, and of a static program that does nothing.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::figures::callgrind;
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
    let host = paths::workspace().join("tests/fixtures/hosts").join(HOST);
    paths::copy_tree(&host, &root)?;
    let empty = callgrind::count(&host, &root, &empty, None)?;
    let mut counts = vec![toolchain.name().to_owned(), empty.to_string()];
    for module in modules {
        let file = dir.join(format!("{module}.json"));
        let args = arguments(module, &root);
        paths::write(&file, args.to_string().as_bytes())?;
        let program = built.join(module);
        // Once for real, so that nothing is left to do.
        run::logged("figures-settle", module, Command::new(&program).arg(&file))?;
        let measured = arguments(module, Path::new("/"));
        counts.push(callgrind::count(&host, &root, &program, Some(measured))?.to_string());
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
