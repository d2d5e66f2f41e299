//! Instructions of a run that changes nothing, counted by callgrind, and of a static program that does nothing.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::figures::callgrind;
use crate::toolchain::Toolchain;
use crate::{collection, paths, run};

/// The sample host the modules run on.
const HOST: &str = "pve-intel-two-gpus";

/// Makes the tree `$1` the root and runs `$2` with `$3` under the callgrind `$5` of the folder `$4`: valgrind does
/// not know openat2(2), by which modules read any other root. Of /proc the tree has its own files, and callgrind
/// the real `self`.
const IN_ROOT: &str = r#"
cd "$1"
mkdir -p proc tmp valgrind real-proc
mount --rbind /proc real-proc
mount --bind "$4" valgrind
rm -rf proc/self
ln -s /real-proc/self proc/self
cp "$2" program
cp "$3" arguments
export VALGRIND_LIB=/valgrind VALGRIND_LAUNCHER=/program
exec chroot . "/valgrind/$5" --tool=callgrind --callgrind-out-file=/dev/null /program /arguments
"#;

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
        paths::write(&file, args.to_string().as_bytes())?;
        let (count, stdout) = counted(module, &mut in_root(&dir, &built.join(module), &file)?)?;
        let reply: Value = serde_json::from_str(&stdout).map_err(|error| format!("{module}: {error}"))?;
        if reply.get("changed") != Some(&Value::Bool(false)) {
            return Err(format!("{module} would still change something on its second run"));
        }
        counts.push(count);
    }
    Ok(counts)
}

fn arguments(module: &str) -> Value {
    match module {
        "grub_iommu" => json!({"update": false}),
        "vfio_modules" => json!({"initramfs": false}),
        "driver_blacklist" => json!({"initramfs": false, "drivers": ["nouveau"]}),
        "boot_refresh" => json!({"update": false, "initramfs": false}),
        _ => json!({}),
    }
}

/// The run of `program` in a copy of the settled tree, in mounts of its own.
fn in_root(dir: &Path, program: &Path, arguments: &Path) -> Result<Command, String> {
    let copy = dir.join("copy");
    paths::remove(&copy)?;
    paths::copy_tree(&dir.join("root"), &copy)?;
    let arch = if std::env::consts::ARCH == "aarch64" { "arm64" } else { "amd64" };
    let tool = format!("callgrind-{arch}-linux");
    let known = ["/usr/libexec/valgrind", "/usr/lib/valgrind", "/usr/lib64/valgrind"];
    let lib = known.into_iter().find(|lib| Path::new(lib).join(&tool).is_file());
    let lib = lib.ok_or_else(|| format!("no {tool} in {} (package valgrind)", known.join(", ")))?;
    let mut unshare = Command::new("unshare");
    unshare.args(["--map-root-user", "--mount", "sh", "-euc", IN_ROOT, "in-root"]);
    unshare.arg(&copy).arg(program).arg(arguments).args([lib, &tool]);
    Ok(unshare)
}

/// The number of instructions, and what the program printed.
fn counted(name: &str, callgrind: &mut Command) -> Result<(String, String), String> {
    let what = "counting with callgrind (package valgrind)";
    let done = run::logged(&format!("callgrind-{name}"), what, callgrind)?;
    let count = done.text.lines().find_map(|line| line.split_once("Collected : "));
    let count = count.ok_or_else(|| format!("callgrind counted nothing for {name}"))?.1.trim().to_owned();
    Ok((count, done.stdout))
}
