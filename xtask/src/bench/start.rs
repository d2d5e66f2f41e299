//! Instructions until a program has started and ended: the module, and what a Python module starts with.

use std::path::PathBuf;
use std::process::Command;

use serde_json::json;

use crate::bench::bed::Bed;
use crate::figures::callgrind;
use crate::{collection, paths, run};

/// Prints the table.
pub fn run(bed: &Bed) -> Result<(), String> {
    let host = paths::workspace().join("tests/fixtures/hosts/pve-intel-two-gpus");
    let root = bed.dir.join("start/root");
    paths::copy_tree(&host, &root)?;
    let module = collection::binaries_dir().join("driver_blacklist");
    let arguments = json!({
        "root": "/", "drivers": ["nouveau"], "initramfs": false, "_ansible_check_mode": true,
    });
    // A file that has what the task wants: nothing changes.
    paths::write(&root.join("etc/modprobe.d/blacklist-bench.conf"), b"blacklist nouveau\n")?;
    println!("instructions, counted by callgrind");
    println!(
        "  {:<44} {:>12}",
        "driver_blacklist, all of it",
        callgrind::count(&host, &root, &module, Some(arguments))?
    );
    for (what, code) in [
        ("python3, an empty program", "pass"),
        ("python3, importing AnsibleModule", "from ansible.module_utils.basic import AnsibleModule"),
    ] {
        println!("  {what:<44} {:>12}", python(bed, code)?);
    }
    Ok(())
}

fn python(bed: &Bed, code: &str) -> Result<u64, String> {
    let program: PathBuf = bed.env.python();
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(program).args(["-c", code]);
    let done = run::logged("bench-start", "counting Python's instructions", &mut valgrind)?;
    let line = done.text.lines().find_map(|line| line.split_once("Collected : "));
    line.and_then(|(_, count)| count.trim().parse().ok())
        .ok_or_else(|| format!("callgrind counted nothing: {}", done.text))
}
