//! The modules without Ansible: who calls, what is shown where, which exit status, and that a shown diff
//! is one that `patch` applies.

mod calls;
mod diff;
mod help;
mod screen;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use proofs::binary;

/// A small host whose modules-load.d file is what the cases change.
struct Host {
    dir: tempfile::TempDir,
}

impl Host {
    fn new() -> Host {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let host = Host { dir };
        for (path, text) in [
            ("etc/modules", "# at boot\nloop\n"),
            ("etc/modprobe.d/local.conf", "options loop max_loop=8\n"),
            ("boot/vmlinuz-6.1.0-50-amd64", "kernel"),
            ("lib/modules/6.1.0-50-amd64/modules.dep", "kernel/drivers/vfio/vfio.ko:\n"),
            ("lib/modules/6.1.0-50-amd64/modules.builtin", ""),
            ("proc/cpuinfo", "processor\t: 0\nvendor_id\t: GenuineIntel\nflags\t\t: fpu vmx\n"),
        ] {
            let path = host.path(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, text).expect("a file");
        }
        host
    }

    fn path(&self, inside: &str) -> PathBuf {
        self.dir.path().join("root").join(inside)
    }

    /// `root=…`, as an argument.
    fn root(&self) -> String {
        format!("root={}", self.path("").display())
    }

    /// `vfio_modules` on this host, with the options that keep it from looking for commands.
    fn vfio_modules(&self, words: &[&str]) -> Command {
        let mut command = Command::new(binary("vfio_modules"));
        command.args([self.root().as_str(), "initramfs=no", "path=/etc/modules"]).args(words);
        command.env_remove("NO_COLOR").env("TERM", "xterm");
        command
    }
}

/// Standard output as text.
fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Standard error as text.
fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Every module that has a binary.
fn modules() -> Vec<String> {
    let dir = proofs::workspace_dir().join("modules");
    let entries = fs::read_dir(&dir).expect("the modules").map(|entry| entry.expect("a module").path());
    let mut names: Vec<String> = entries
        .filter(|path| path.join("src/main.rs").is_file())
        .filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    assert!(names.len() >= 5, "{names:?}");
    names
}
