//! `cargo xtask dist`: static binaries → staged collection → archive → installed collection.

use std::path::{Path, PathBuf};

use crate::ansible_env::{self, Env};
use crate::toolchain::Toolchain;
use crate::{collection, paths, run};

/// What was made.
pub struct Dist {
    /// The archive.
    pub archive: PathBuf,
    /// The name and size in bytes of each binary for this machine.
    pub binaries: Vec<(String, u64)>,
    /// The target triple they are built for.
    pub triple: String,
}

/// The most that Ansible Galaxy takes.
const MAX_ARCHIVE: u64 = 20 << 20;

/// The command.
pub fn run(arguments: &[String]) -> Result<(), String> {
    let toolchain = match arguments {
        [] => Toolchain::smallest(),
        [option, name] if option == "--toolchain" => Toolchain::named(name)?,
        other => return Err(format!("dist takes only --toolchain NAME: {}", other.join(" "))),
    };
    let env = ansible_env::get("2.19")?;
    let other = Toolchain::other();
    let dist = make_with(&env, toolchain, other.as_ref().ok().copied())?;
    println!("Binaries for {} ({}):", dist.triple, toolchain.name());
    for (name, size) in &dist.binaries {
        println!("  {name:<20} {:>7} KB", size / 1000);
    }
    match other {
        Ok(other) => println!("The same for {} ({})", other.triple()?, other.name()),
        Err(reason) => println!("For no other architecture: {reason}"),
    }
    let size = size(&dist.archive)?;
    println!("Collection: {} ({} KB)", paths::shown(&dist.archive), size / 1000);
    println!("Installed:  {} (for ANSIBLE_COLLECTIONS_PATH)", paths::shown(&collection::installed_dir()));
    Ok(())
}

/// Builds for this machine with the toolchain for the smallest binaries, stages, packs and installs with the
/// ansible-galaxy of `env`.
pub fn make(env: &Env) -> Result<Dist, String> {
    make_with(env, Toolchain::smallest(), None)
}

/// The same for both architectures, if the other can be built here: what is released.
pub fn make_all(env: &Env) -> Result<Dist, String> {
    make_with(env, Toolchain::smallest(), Toolchain::other().ok())
}

fn make_with(env: &Env, toolchain: Toolchain, other: Option<Toolchain>) -> Result<Dist, String> {
    let modules = collection::modules()?;
    let triple = toolchain.triple()?;
    let mut built = Vec::new();
    for toolchain in std::iter::once(toolchain).chain(other) {
        built.push((toolchain.arch(), toolchain.build(&modules)?));
    }
    let binaries = stage(&modules, &built)?;
    let archive = pack(env)?;
    if size(&archive)? > MAX_ARCHIVE {
        return Err(format!("{} is larger than the 20 MB that Ansible Galaxy takes", paths::shown(&archive)));
    }
    let mut install = env.command("ansible-galaxy");
    install
        .args(["collection", "install", "--force", "--offline", "-p"])
        .arg(collection::installed_dir())
        .arg(&archive);
    paths::make_dir(&collection::installed_dir())?;
    run::logged("galaxy-install", "installing the collection", &mut install)?;
    Ok(Dist { archive, binaries, triple })
}

/// Lays out the collection with the binaries of each architecture and the folder they were built in; the first is this
/// machine's, whose sizes are returned.
fn stage(modules: &[String], built: &[(&str, PathBuf)]) -> Result<Vec<(String, u64)>, String> {
    let (from, stage) = (paths::workspace(), collection::staged_dir());
    paths::remove(&stage)?;
    paths::copy_tree(&from.join("collection"), &stage)?;
    for folder in ["roles", "docs"] {
        paths::copy_tree(&from.join(folder), &stage.join(folder))?;
    }
    for file in ["galaxy.yml", "LICENSE", "README.md", "README.zh.md"] {
        let (source, target) = (from.join(file), stage.join(file));
        std::fs::copy(&source, &target).map_err(|error| format!("{}: {error}", source.display()))?;
    }
    for (arch, folder) in built {
        let binaries = stage.join("plugins/bin").join(arch);
        paths::make_dir(&binaries)?;
        for name in modules {
            let (source, target) = (folder.join(name), binaries.join(name));
            std::fs::copy(&source, &target).map_err(|error| format!("{}: {error}", source.display()))?;
        }
    }
    let mut sizes = Vec::new();
    for name in modules {
        let link = stage.join("plugins/modules").join(name);
        let inside = format!("../bin/{}/{name}", std::env::consts::ARCH);
        std::os::unix::fs::symlink(inside, &link).map_err(|error| format!("{}: {error}", link.display()))?;
        sizes.push((name.clone(), size(&collection::binaries_dir().join(name))?));
    }
    Ok(sizes)
}

fn size(path: &Path) -> Result<u64, String> {
    let meta = std::fs::metadata(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(meta.len())
}

fn pack(env: &Env) -> Result<PathBuf, String> {
    for name in paths::list(&collection::archive_dir())?.iter().filter(|name| name.ends_with(".tar.gz")) {
        paths::remove(&collection::archive_dir().join(name))?;
    }
    let mut galaxy = env.command("ansible-galaxy");
    galaxy.args(["collection", "build", "--force", "--output-path"]).arg(collection::archive_dir());
    galaxy.arg(collection::staged_dir());
    run::logged("galaxy-build", "building the collection's archive", &mut galaxy)?;
    let archives: Vec<_> = paths::list(&collection::archive_dir())?
        .into_iter()
        .filter(|name| name.ends_with(".tar.gz"))
        .collect();
    match archives.as_slice() {
        [one] => Ok(collection::archive_dir().join(one)),
        several => {
            Err(format!("expected one archive in {}: {several:?}", collection::archive_dir().display()))
        }
    }
}
