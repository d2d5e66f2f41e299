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

/// The first QEMU with the network card igb.
const QEMU: u32 = 8;

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
        return Some(format!("missing packages: {}", apt_line(&packages, &os_release())));
    }
    let version = qemu_version();
    if version.is_some_and(|major| major < QEMU) {
        let line = apt_line(&["qemu-system-x86", "qemu-utils"], &os_release());
        return Some(format!("the guests have cards that QEMU knows from version {QEMU} on: {line}"));
    }
    if !is_root() {
        return Some("root only: mmdebstrap and the images need files with their right owners".to_owned());
    }
    None
}

/// What gets the packages. Debian 12's own QEMU is too old, and all of QEMU's packages must come from one release.
fn apt_line(packages: &[&str], os_release: &str) -> String {
    let packages = packages.join(" ");
    if os_release.lines().any(|line| line == "VERSION_CODENAME=bookworm") && packages.contains("qemu-") {
        return format!(
            "apt-get install -t bookworm-backports {packages} (with bookworm-backports in apt's sources)"
        );
    }
    format!("apt-get install {packages}")
}

fn os_release() -> String {
    std::fs::read_to_string("/etc/os-release").unwrap_or_default()
}

/// The major version: `QEMU emulator version 10.0.2 (Debian …)` → 10.
fn qemu_version() -> Option<u32> {
    let output = Command::new("qemu-system-x86_64").arg("--version").output().ok()?;
    major(&String::from_utf8_lossy(&output.stdout))
}

fn major(version: &str) -> Option<u32> {
    version.split_once("version ")?.1.split('.').next()?.parse().ok()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_apt_line_fits_the_release() {
        let bookworm = "ID=debian\nVERSION_CODENAME=bookworm\n";
        let line = apt_line(&["mtools", "qemu-utils"], bookworm);
        assert!(line.starts_with("apt-get install -t bookworm-backports mtools qemu-utils"), "{line}");
        assert_eq!(apt_line(&["mtools"], bookworm), "apt-get install mtools");
        assert_eq!(apt_line(&["qemu-utils"], "VERSION_CODENAME=trixie\n"), "apt-get install qemu-utils");
        assert_eq!(major("QEMU emulator version 7.2.19 (Debian 1:7.2)\nmore"), Some(7));
    }
}
