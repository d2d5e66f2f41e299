//! Writes the sample hosts in `tests/fixtures/hosts` anew.

use std::fs;
use std::path::Path;

fn main() -> std::io::Result<()> {
    let hosts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/hosts");
    for (name, build) in [
        ("pve-intel-two-gpus", fixture_host::pve_intel_two_gpus as fn(&Path) -> fixture_host::Host),
        ("debian-amd", fixture_host::debian_amd),
    ] {
        let dir = hosts.join(name);
        if dir.exists() {
            fs::remove_dir_all(&dir)?;
        }
        build(&dir);
        println!("{}", dir.display());
    }
    Ok(())
}
