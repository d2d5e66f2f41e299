//! A target of the other architecture: its programs run in QEMU's user mode, and its `uname` tells so.

use std::io::Write;
use std::process::{Child, Command};

use proofs::{need_program, not_run, target_dir};

use crate::world::{Sshd, Way, World, run, shell, within};

/// What stands at the beginning of a program for the other architecture, and which of its bytes count.
const MAGIC: &str = r"\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00";
const MASK: &str = r"\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff";

/// In a user namespace the kernel keeps a list of its own of programs that run others. `$1` is a folder, `$2` QEMU; the
/// rest is what to start.
const EMULATED: &str = r#"
set -e
read -r mapped
dir=$1 qemu=$2
shift 2
mkdir -p "$dir/binfmt"
mount -t binfmt_misc none "$dir/binfmt"
printf '%s' ":other:M::MAGIC:MASK:$qemu:F" >"$dir/binfmt/register"
printf '#!/bin/sh\necho aarch64\n' >"$dir/uname"
chmod 755 "$dir/uname"
mount --bind "$dir/uname" "$(realpath "$(command -v uname)")"
exec "$@"
"#;

/// Runs `proof` with the options that lead to a target of the other architecture.
fn on_aarch64(name: &str, version: &str, proof: impl FnOnce(&World, &str) + Send) {
    if std::env::consts::ARCH != "x86_64" {
        return not_run(name, "emulates aarch64 on x86_64");
    }
    let shipped = target_dir().join("installed/ansible_collections/pci/passthrough/plugins/bin/aarch64");
    if !shipped.is_dir() {
        return not_run(name, "the installed collection has no binaries for aarch64: run `cargo xtask dist`");
    }
    let Some(qemu) = need_program(name, "qemu-aarch64-static", "qemu-user-static") else { return };
    within(name, version, |world| {
        let script = EMULATED.replace("MAGIC", MAGIC).replace("MASK", MASK);
        let mut through = Command::new("unshare");
        through.args(["--user", "--mount", "sh", "-c", &script, "sh"]).arg(world.path("")).arg(&qemu);
        let sshd = Sshd::start(&world.path(""), &mut through, map_everyone);
        proof(world, &format!("--extra-vars=ansible_port={}", sshd.port));
    });
}

/// Gives the process's user namespace the same users as this one, once it is in it, and lets it go on.
fn map_everyone(child: &mut Child) {
    let own = std::fs::read_link("/proc/self/ns/user").expect("a namespace");
    let process = format!("/proc/{}", child.id());
    while std::fs::read_link(format!("{process}/ns/user")).expect("it runs") == own {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    for map in ["uid_map", "gid_map"] {
        std::fs::write(format!("{process}/{map}"), "0 0 65536").expect("the users are mapped");
    }
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(b"mapped\n").expect("it reads");
}

pub fn another_one_gets_its_own_binary(version: &str) {
    on_aarch64("cached::another_architecture", version, |world, there| {
        let arguments = format!("root={}", world.host("debian-amd").display());
        for rights in [&[there][..], &[there, "--become"]] {
            world.task(Way::Cached, "iommu_facts", &arguments, rights).succeeded();
            let warm = world.task(Way::Cached, "iommu_facts", &arguments, rights).succeeded();
            assert_eq!(warm.channels, ["command"], "{}", warm.text);
            assert!(warm.text.contains("pci_passthrough"), "{}", warm.text);
        }
        let machine = "od -An -tx1 -j18 -N1 /var/lib/pci-passthrough/bin/*";
        assert_eq!(shell(machine).trim(), "b7", "an aarch64 program");
    });
}

pub fn another_one_the_ordinary_way_too(version: &str) {
    on_aarch64("cached::another_architecture_ordinary", version, |world, there| {
        let root = world.host("debian-amd");
        let terminal = "--extra-vars=ansible_ssh_extra_args='-o RequestTTY=force'";
        let book = |more: &str| {
            format!(
                "- hosts: target\n  gather_facts: false\n  tasks:\n    - pci.passthrough.driver_blacklist:\n        \
                 root: {}\n        drivers: nouveau\n        initramfs: false\n{more}",
                root.display()
            )
        };
        for (more, options) in [
            ("", &[there, terminal][..]),
            ("      async: 60\n      poll: 1\n", &[there]),
            ("      async: 60\n      poll: 1\n", &[there, "--become"]),
        ] {
            let ran = world.play(Way::Cached, &book(more), options).succeeded();
            assert!(ran.files() > 0, "{:?}", ran.channels);
        }
        let written =
            run(Command::new("cat").arg(root.join("etc/modprobe.d/pci-passthrough-blacklist.conf")));
        assert!(written.contains("blacklist nouveau"), "{written}");
        assert!(!std::path::Path::new("/var/lib/pci-passthrough/bin").exists(), "nothing is cached");
    });
}
