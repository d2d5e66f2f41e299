//! What the machine must have, and the line that gets it.

use std::path::Path;
use std::process::Command;

use crate::vm::machine;

/// A program and the Debian package it is in.
const PROGRAMS: [(&str, &str); 13] = [
    ("qemu-system-x86_64", "qemu-system-x86"),
    ("qemu-img", "qemu-utils"),
    ("mmdebstrap", "mmdebstrap"),
    ("mke2fs", "e2fsprogs"),
    ("sfdisk", "fdisk"),
    ("mformat", "mtools"),
    ("mcopy", "mtools"),
    ("unshare", "util-linux"),
    ("chroot", "coreutils"),
    ("timeout", "coreutils"),
    ("setpriv", "util-linux"),
    ("ssh", "openssh-client"),
    ("ssh-keygen", "openssh-client"),
];

/// Signs the packages that guests are made of.
pub const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// What is missing to build and boot guests, with what to do about it; nothing when all is there.
pub fn missing() -> Option<String> {
    if std::env::consts::ARCH != "x86_64" {
        return Some(format!("the guests are x86_64 machines, and this is {}", std::env::consts::ARCH));
    }
    let mut packages: Vec<&str> =
        PROGRAMS.iter().filter(|(program, _)| !on_path(program)).map(|(_, package)| *package).collect();
    if machine::UEFI.iter().any(|file| !Path::new(file).is_file()) {
        packages.push("ovmf");
    }
    if !Path::new(KEYRING).is_file() {
        packages.push("debian-archive-keyring");
    }
    packages.sort_unstable();
    packages.dedup();
    if !packages.is_empty() {
        return Some(format!("missing packages: apt-get install {}{}", suite(&packages), packages.join(" ")));
    }
    if !is_root() {
        return Some("root only: mmdebstrap and the images need files with their right owners".to_owned());
    }
    None
}

/// QEMU's packages must come from one release: where qemu-utils is a backport, so must the rest be.
fn suite(packages: &[&str]) -> &'static str {
    let asked = Command::new("dpkg-query").args(["-W", "-f=${Version}", "qemu-utils"]).output();
    let backport = asked.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("~bpo12"));
    if backport && packages.contains(&"qemu-system-x86") { "-t bookworm-backports " } else { "" }
}

fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/sbin", "/sbin"].map(std::path::PathBuf::from);
    std::env::split_paths(&path).chain(system).any(|dir| dir.join(program).is_file())
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    // The owner of a process's own entry is its effective user.
    std::fs::metadata("/proc/self").is_ok_and(|meta| meta.uid() == 0)
}
