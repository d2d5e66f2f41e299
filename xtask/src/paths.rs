//! Where things lie.

use std::path::{Path, PathBuf};

/// The workspace's top folder.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// Cargo's target directory: `CARGO_TARGET_DIR` or `target`. All that these commands make lies there.
pub fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR").filter(|value| !value.is_empty()) {
        Some(path) => workspace().join(path),
        None => workspace().join("target"),
    }
}

/// As the user would type it: relative to the workspace where it lies in it.
pub fn shown(path: &Path) -> String {
    path.strip_prefix(workspace()).unwrap_or(path).display().to_string()
}

/// The names in a directory, sorted.
pub fn list(dir: &Path) -> Result<Vec<String>, String> {
    let error = |error: std::io::Error| format!("{}: {error}", dir.display());
    let mut names = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(error)? {
        names.push(entry.map_err(error)?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// Reads a file, naming it in the error.
pub fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// Writes a file and the directories above it, naming it in the error.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    if let Some(dir) = path.parent() {
        make_dir(dir)?;
    }
    std::fs::write(path, bytes).map_err(|error| format!("{}: {error}", path.display()))
}

/// Makes a directory and those above it.
pub fn make_dir(path: &Path) -> Result<(), String> {
    std::fs::create_dir_all(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// Removes a file or a whole directory, if it is there.
pub fn remove(path: &Path) -> Result<(), String> {
    let removed = match std::fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => std::fs::remove_dir_all(path),
        Ok(_) => std::fs::remove_file(path),
        Err(_) => return Ok(()),
    };
    removed.map_err(|error| format!("{}: {error}", path.display()))
}

/// Copies a tree: files with their modes, links as links.
pub fn copy_tree(from: &Path, to: &Path) -> Result<(), String> {
    make_dir(to)?;
    for name in list(from)? {
        let (source, target) = (from.join(&name), to.join(&name));
        let error = |error: std::io::Error| format!("{}: {error}", source.display());
        let kind = std::fs::symlink_metadata(&source).map_err(error)?.file_type();
        if kind.is_dir() {
            copy_tree(&source, &target)?;
        } else if kind.is_symlink() {
            let link = std::fs::read_link(&source).map_err(error)?;
            std::os::unix::fs::symlink(link, &target).map_err(error)?;
        } else {
            std::fs::copy(&source, &target).map_err(error)?;
        }
    }
    Ok(())
}
