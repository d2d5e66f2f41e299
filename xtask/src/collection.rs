//! Where the collection is in its three forms, and which modules are in it.

use std::path::PathBuf;

use crate::paths;

/// The collection's tree as `ansible-galaxy collection build` takes it.
pub fn staged_dir() -> PathBuf {
    paths::target().join("collection/ansible_collections/pci/passthrough")
}

/// The folder the archive is written to.
pub fn archive_dir() -> PathBuf {
    paths::target().join("collection")
}

/// The folder for `ANSIBLE_COLLECTIONS_PATH`: the collection installed from its archive, as a user has it.
pub fn installed_dir() -> PathBuf {
    paths::target().join("installed")
}

/// The binaries of the staged collection for this machine.
pub fn binaries_dir() -> PathBuf {
    staged_dir().join("plugins/bin").join(std::env::consts::ARCH)
}

/// The module binaries: every crate under modules/ with a `src/main.rs`. Each must be documented, and led to the
/// action plugin that keeps it on the target.
pub fn modules() -> Result<Vec<String>, String> {
    let dir = paths::workspace().join("modules");
    let mut names = paths::list(&dir)?;
    names.retain(|name| dir.join(name).join("src/main.rs").is_file());
    let routing = paths::read(&paths::workspace().join("collection/meta/runtime.yml"))?;
    let routing = String::from_utf8_lossy(&routing).into_owned();
    for name in &names {
        if !routing.contains(&format!("    {name}:\n      action_plugin: pci.passthrough.cached\n")) {
            return Err(format!("collection/meta/runtime.yml leads {name} to no action plugin"));
        }
        let documentation = format!("collection/plugins/modules/{name}.py");
        if !paths::workspace().join(&documentation).is_file() {
            return Err(format!("the module {name} has no documentation: {documentation} is missing"));
        }
    }
    Ok(names)
}
