//! Instructions of a run that changes nothing, counted by callgrind, and of a static program that does nothing.

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
        let mut args = arguments(module);
        args["root"] = json!(root);
        paths::write(&file, args.to_string().as_bytes())?;
        // Once for real, so that nothing is left to do.
        run::logged("figures-settle", module, Command::new(built.join(module)).arg(&file))?;
        args["root"] = json!("/");
        args["_ansible_check_mode"] = json!(true);
        counts.push(callgrind::count(&host, &root, &built.join(module), Some(args))?.to_string());
    }
    Ok(counts)
}

fn arguments(module: &str) -> Value {
    match module {
        "grub_iommu" => json!({"update": false}),
        "systemd_boot_iommu" => json!({"update": false, "force": true}),
        "vfio_modules" => json!({"initramfs": false}),
        "driver_blacklist" => json!({"initramfs": false, "drivers": ["nouveau"]}),
        "pve_hostpci" => json!({"vmid": 100, "index": 0, "state": "absent"}),
        "vfio_bind" => json!({"initramfs": false, "devices": ["0000:01:00.0", "0000:01:00.1"]}),
        "boot_refresh" => json!({"update": false, "initramfs": false}),
        _ => json!({}),
    }
}
