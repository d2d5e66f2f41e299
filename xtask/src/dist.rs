//! `cargo xtask dist`: static binaries → staged collection → archive → installed collection.

use std::path::{Path, PathBuf};

use crate::ansible_env::{self, Env};
use crate::toolchain::Toolchain;
use crate::{collection, paths, run};

/// What was made.
pub struct Dist {
    /// The archive.
    pub archive: PathBuf,
    /// The name and size in bytes of each binary.
    pub binaries: Vec<(String, u64)>,
    /// The target triple they are built for.
    pub triple: String,
}

/// The command.
pub fn run(arguments: &[String]) -> Result<(), String> {
    let toolchain = match arguments {
        [] => Toolchain::smallest(),
        [option, name] if option == "--toolchain" => Toolchain::named(name)?,
        other => return Err(format!("dist takes only --toolchain NAME: {}", other.join(" "))),
    };
    let env = ansible_env::get("2.19")?;
    let dist = make_with(&env, toolchain)?;
    println!("Binaries for {} ({}):", dist.triple, toolchain.name());
    for (name, size) in &dist.binaries {
        println!("  {name:<20} {:>7} KB", size / 1000);
    }
    println!("Collection: {}", paths::shown(&dist.archive));
    println!("Installed:  {} (for ANSIBLE_COLLECTIONS_PATH)", paths::shown(&collection::installed_dir()));
    Ok(())
}

/// Builds with the toolchain for the smallest binaries, stages, packs and installs with the ansible-galaxy of
/// `env`.
pub fn make(env: &Env) -> Result<Dist, String> {
    make_with(env, Toolchain::smallest())
}

fn make_with(env: &Env, toolchain: Toolchain) -> Result<Dist, String> {
    let modules = collection::modules()?;
    let triple = toolchain.triple()?;
    let built = toolchain.build(&modules)?;
    let binaries = stage(&modules, &built)?;
    let archive = pack(env)?;
    let mut install = env.command("ansible-galaxy");
    install
        .args(["collection", "install", "--force", "--offline", "-p"])
        .arg(collection::installed_dir())
        .arg(&archive);
    paths::make_dir(&collection::installed_dir())?;
    run::logged("galaxy-install", "installing the collection", &mut install)?;
    Ok(Dist { archive, binaries, triple })
}

fn stage(modules: &[String], built: &Path) -> Result<Vec<(String, u64)>, String> {
    let (from, stage) = (paths::workspace(), collection::staged_dir());
    paths::remove(&stage)?;
    paths::copy_tree(&from.join("collection"), &stage)?;
    paths::copy_tree(&from.join("roles"), &stage.join("roles"))?;
    for file in ["galaxy.yml", "LICENSE", "README.md", "README.zh.md"] {
        let (source, target) = (from.join(file), stage.join(file));
        std::fs::copy(&source, target).map_err(|error| format!("{}: {error}", source.display()))?;
    }
    let binaries = collection::binaries_dir();
    paths::make_dir(&binaries)?;
    let mut sizes = Vec::new();
    for name in modules {
        let (source, target) = (built.join(name), binaries.join(name));
        let size =
            std::fs::copy(&source, &target).map_err(|error| format!("{}: {error}", source.display()))?;
        let link = stage.join("plugins/modules").join(name);
        let inside = format!("../bin/{}/{name}", std::env::consts::ARCH);
        std::os::unix::fs::symlink(inside, &link).map_err(|error| format!("{}: {error}", link.display()))?;
        sizes.push((name.clone(), size));
    }
    Ok(sizes)
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
