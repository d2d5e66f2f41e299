//! Counts the instructions of a module with callgrind.
//!
//! valgrind does not know openat2, which every root but `/` needs. So the program runs with the root `/`,
//! chrooted into a sample host, in a mount namespace of its own: the machine's files are left alone.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::{paths, run};

/// Lays the machine's procfs under the chroot (valgrind reads its own maps there), and the sample host's `$1` over
/// what modules read of it; then runs the rest in the chroot `$2`.
const IN_THE_HOST: &str = r#"
set -e
host=$1 root=$2
shift 2
mount --rbind /proc "$root/proc"
for file in cpuinfo cmdline modules mounts swaps; do
    if [ -f "$host/proc/$file" ] && [ -f "$root/proc/$file" ]; then
        mount --bind "$host/proc/$file" "$root/proc/$file"
    fi
done
# The exec below keeps the process, and so its number.
if [ -f "$host/proc/self/mountinfo" ]; then
    mount --bind "$host/proc/self/mountinfo" "$root/proc/$$/mountinfo"
fi
exec chroot "$root" "$@"
"#;

/// Where everything that is no part of the sample host lies in the chroot.
const OWN: &str = "measured";

/// The instructions of `program` on the host in `root`, a copy of `host`; with the arguments of a module its reply
/// must say that nothing changed.
pub fn count(host: &Path, root: &Path, program: &Path, arguments: Option<Value>) -> Result<u64, String> {
    let tool = tool()?;
    let own = root.join(OWN);
    paths::remove(&own)?;
    paths::copy_tree(tool.parent().unwrap_or(&tool), &own.join("valgrind"))?;
    paths::make_dir(&root.join("tmp"))?;
    let copy = own.join("program");
    std::fs::copy(program, &copy).map_err(|error| format!("{}: {error}", program.display()))?;
    paths::write(&own.join("arguments"), arguments.clone().unwrap_or(json!({})).to_string().as_bytes())?;

    let mut unshare = Command::new("unshare");
    unshare.args(["--mount", "--map-root-user", "sh", "-c", IN_THE_HOST, "sh"]).args([host, root]);
    unshare.arg(inside(&format!("valgrind/{}", tool.file_name().unwrap_or_default().display())));
    unshare
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .args([inside("program"), inside("arguments")]);
    // The program walks through its environment at its start: with the caller's, counts would not repeat.
    unshare.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    // What valgrind's own launcher sets before it starts a tool.
    unshare.env("VALGRIND_LIB", inside("valgrind")).env("VALGRIND_LAUNCHER", inside("valgrind/launcher"));
    let done = run::logged("callgrind", "counting with callgrind, in a mount namespace", &mut unshare)?;
    if arguments.is_some() {
        let reply: Value =
            serde_json::from_str(&done.stdout).map_err(|error| format!("{error}: {}", done.text))?;
        if reply.get("changed") != Some(&Value::Bool(false)) {
            return Err(format!("{} changes something: {reply}", program.display()));
        }
    }
    let line = done.text.lines().find_map(|line| line.split_once("Collected : "));
    line.and_then(|(_, count)| count.trim().parse().ok())
        .ok_or_else(|| format!("callgrind counted nothing: {}", done.text))
}

/// callgrind itself, a static program: the `valgrind` on PATH only starts it.
fn tool() -> Result<PathBuf, String> {
    let name = match std::env::consts::ARCH {
        "x86_64" => "callgrind-amd64-linux",
        "aarch64" => "callgrind-arm64-linux",
        other => return Err(format!("no callgrind is known for {other}")),
    };
    let places =
        ["/usr/libexec/valgrind", "/usr/lib/valgrind", "/usr/lib64/valgrind", "/usr/local/libexec/valgrind"];
    let found = places.iter().map(|dir| Path::new(dir).join(name)).find(|path| path.is_file());
    found.ok_or_else(|| format!("{name} is missing: install the package valgrind"))
}

fn inside(name: &str) -> String {
    format!("/{OWN}/{name}")
}
