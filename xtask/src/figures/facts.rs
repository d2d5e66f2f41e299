//! `iommu_facts` on large hosts, and the usual shell loop over the group links with `lspci -nns` beside it.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use serde_json::{Value, json};

use crate::toolchain::Toolchain;
use crate::{figures, paths, run};

/// PCI functions and IOMMU groups of the hosts measured.
const HOSTS: [(u32, u32); 3] = [(256, 64), (1024, 256), (4096, 1024)];
const RUNS: usize = 11;
/// Each `lspci` of the loop reads every function anew, so the whole loop on the largest host would take
/// minutes: this many turns are timed and scaled.
const TURNS: u32 = 64;

/// The loop as guides have it, on a tree: lspci reads its sysfs through its own option.
const LOOP: &str = r#"
n=0
for link in "$1"/sys/kernel/iommu_groups/*/devices/*; do
    group=${link%/devices/*}
    printf 'IOMMU group %s: ' "${group##*/}"
    lspci -A linux-sysfs -O sysfs.path="$1/sys/bus/pci" -nns "${link##*/}"
    n=$((n + 1))
    [ "$n" -lt "$2" ] || break
done
"#;

/// Prints the table.
pub fn run() -> Result<(), String> {
    let toolchain = Toolchain::smallest();
    let built = toolchain.build(&["iommu_facts".to_owned()])?;
    let dir = paths::target().join("figures/facts");
    paths::remove(&dir)?;
    paths::make_dir(&dir)?;
    println!(
        "{}; median of {RUNS} runs; the loop: {TURNS} turns timed and scaled to all functions",
        toolchain.name()
    );
    println!(
        "  {:>9} {:>7} {:>14} {:>14} {:>8}",
        "functions", "groups", "iommu_facts", "shell loop", "ratio"
    );
    for (functions, groups) in HOSTS {
        let root = dir.join(functions.to_string());
        let mut cargo = Command::new("cargo");
        cargo.current_dir(paths::workspace()).args(["run", "--quiet", "--package", "fixture_host"]);
        cargo
            .args(["--example", "synthetic", "--"])
            .arg(&root)
            .args([functions.to_string(), groups.to_string()]);
        run::logged("figures-synthetic", &format!("making a host with {functions} functions"), &mut cargo)?;
        let own = facts(&built.join("iommu_facts"), &root, functions)?;
        let (shell, ratio) = match shell_loop(&root, functions) {
            Ok(seconds) => (format!("{:.0} ms", seconds * 1000.0), format!("{:.0}", seconds / own)),
            Err(reason) => (reason, "-".to_owned()),
        };
        println!("  {functions:>9} {groups:>7} {:>11.1} ms {shell:>14} {ratio:>8}", own * 1000.0);
    }
    Ok(())
}

/// Seconds of one run, the whole process.
fn facts(program: &Path, root: &Path, functions: u32) -> Result<f64, String> {
    let file = root.with_extension("json");
    paths::write(&file, json!({"root": root}).to_string().as_bytes())?;
    let mut times = Vec::new();
    for turn in 0..=RUNS {
        let start = Instant::now();
        let output = Command::new(program).arg(&file).output().map_err(|error| error.to_string())?;
        let took = start.elapsed().as_secs_f64();
        if turn == 0 {
            // The first run warms the caches, and shows that the work is done.
            let reply: Value = serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())?;
            let devices = reply.pointer("/ansible_facts/pci_passthrough/devices").and_then(Value::as_array);
            let count = devices.map_or(0, Vec::len);
            if count != functions as usize {
                return Err(format!("iommu_facts names {count} of {functions} functions"));
            }
        } else {
            times.push(took);
        }
    }
    Ok(figures::median(times))
}

/// Seconds of the loop over all functions, from the turns timed.
fn shell_loop(root: &Path, functions: u32) -> Result<f64, String> {
    let turns = TURNS.min(functions);
    let mut shell = Command::new("sh");
    shell.args(["-c", LOOP, "sh"]).arg(root).arg(turns.to_string());
    let start = Instant::now();
    let output = shell.output().map_err(|error| error.to_string())?;
    let took = start.elapsed().as_secs_f64();
    let named = output.stdout.split(|byte| *byte == b'\n').filter(|line| line.contains(&b'[')).count();
    if named == turns as usize {
        return Ok(took / f64::from(turns) * f64::from(functions));
    }
    let error = String::from_utf8_lossy(&output.stderr);
    Err(format!("lspci named {named} of {turns}: {}", error.lines().next().unwrap_or("no error")))
}
