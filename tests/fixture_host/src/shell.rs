//! Programs for a tree: modules run commands chrooted into it, where a bare tree has not even a shell.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Host;

impl Host {
    /// This machine's own `sh`, with the libraries it needs.
    pub fn shell(&self) -> &Host {
        let shell = fs::canonicalize("/bin/sh").expect("this machine has a shell");
        let libraries = Command::new("ldd").arg(&shell).output().expect("ldd starts");
        let libraries = String::from_utf8_lossy(&libraries.stdout).into_owned();
        let paths = libraries.split_whitespace().filter(|word| word.starts_with('/'));
        let copies = paths.map(|path| (PathBuf::from(path), path.to_string()));
        for (from, to) in copies.chain([(shell, "/bin/sh".to_string())]) {
            self.making_the_folder(&to, || fs::copy(&from, self.at(&to)).map(drop));
        }
        self
    }

    /// An executable file of this machine, such as one of the fakes in `tests/fakes`.
    pub fn program(&self, path: &str, from: &Path) -> &Host {
        let content = fs::read(from).unwrap_or_else(|e| panic!("{}: {e}", from.display()));
        self.file(path, content);
        fs::set_permissions(self.at(path), fs::Permissions::from_mode(0o755)).expect("permissions");
        self
    }
}
