//! What the arguments may name: modules, and a file that modprobe reads.

use host::kernels::is_module_name;
use protocol::Failure;

use crate::Args;

/// The drivers, spelled as the kernel does, each once.
pub fn drivers(args: &Args) -> Result<Vec<String>, Failure> {
    let mut names: Vec<String> = Vec::new();
    for driver in &args.drivers {
        if !is_module_name(driver) {
            let driver: String = driver.chars().take(60).collect();
            let msg = format!(
                "option drivers: {driver:?} is no module's name; give letters, digits, - and _ alone, such as \
                 nouveau: no path, no .ko, no wildcard"
            );
            return Err(Failure::coded("invalid_value", msg));
        }
        let name = driver.replace('-', "_");
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names)
}

/// Directory and name of the file to write.
pub fn path(args: &Args) -> Result<(&'static str, &str), Failure> {
    host::modprobe::place(&args.path).map_err(|what| {
        let msg = format!(
            "option path: {}: {what}; give a file such as /etc/modprobe.d/pci-passthrough-blacklist.conf",
            args.path
        );
        Failure::coded("path_not_read", msg)
    })
}
