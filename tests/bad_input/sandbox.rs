//! A small Debian-like host in a folder, and a neighbour folder that nothing may reach.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use proofs::{Reply, Snapshot, answer, binary};
use serde_json::{Value, json};

/// The modules, each with arguments that succeed and change something (where it can) in the sandbox as it is
/// made. No command is run: there is none in the tree.
pub fn modules() -> [(&'static str, Value); 9] {
    [
        ("grub_iommu", json!({"vendor": "intel", "update": false})),
        // The sandbox has GRUB's files too, so it is not clear which loader boots it.
        ("systemd_boot_iommu", json!({"vendor": "intel", "update": false, "force": true})),
        ("vfio_modules", json!({"initramfs": false})),
        ("driver_blacklist", json!({"drivers": ["nouveau"], "initramfs": false})),
        ("pve_hostpci", json!({"vmid": 100, "host": ["01:00.0"]})),
        ("vfio_bind", json!({"devices": ["0000:01:00.0"], "initramfs": false})),
        ("iommu_facts", json!({})),
        ("boot_refresh", json!({"update": false, "initramfs": false})),
        // The sandbox is no host on which anything could be passed.
        ("passthrough_check", json!({"accept": ["cannot_tell", "no_boot_loader"]})),
    ]
}

const FILES: [(&str, &str); 15] = [
    (
        "etc/default/grub",
        "GRUB_DEFAULT=0\nGRUB_TIMEOUT=5\nGRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\nGRUB_CMDLINE_LINUX=\"\"\n",
    ),
    ("etc/default/grub.d/console.cfg", "GRUB_TERMINAL=console\n"),
    ("etc/kernel/cmdline", "root=/dev/sda1 ro quiet\n"),
    ("etc/modules", "# modules to load at boot\nloop\n"),
    ("etc/modprobe.d/local.conf", "options loop max_loop=8\n"),
    ("etc/modules-load.d/local.conf", "dummy\n"),
    ("etc/pve/qemu-server/100.conf", "# a machine\nmemory: 2048\nname: games\n"),
    ("boot/vmlinuz-6.1.0-50-amd64", "kernel"),
    ("boot/initrd.img-6.1.0-50-amd64", "initramfs"),
    ("boot/config-6.1.0-50-amd64", "CONFIG_INTEL_IOMMU=y\n"),
    (
        "boot/grub/grub.cfg",
        "menuentry 'Debian' {\n\tlinux\t/boot/vmlinuz-6.1.0-50-amd64 root=/dev/sda1 ro  quiet\n}\n",
    ),
    (
        "lib/modules/6.1.0-50-amd64/modules.dep",
        "kernel/drivers/vfio/vfio.ko:\nkernel/drivers/vfio/vfio_iommu_type1.ko:\n\
         kernel/drivers/vfio/pci/vfio-pci.ko:\nkernel/drivers/gpu/drm/nouveau/nouveau.ko:\n",
    ),
    ("lib/modules/6.1.0-50-amd64/modules.builtin", "kernel/fs/ext4/ext4.ko\n"),
    (
        "sys/bus/pci/devices/0000:01:00.0/uevent",
        "PCI_CLASS=20000\nPCI_ID=8086:1533\nPCI_SUBSYS_ID=8086:1533\nPCI_SLOT_NAME=0000:01:00.0\n",
    ),
    ("proc/cpuinfo", "processor\t: 0\nvendor_id\t: GenuineIntel\nflags\t\t: fpu vmx\n"),
];

/// What a neighbour keeps; a link in the tree may point to it.
pub const NEIGHBOUR: &str = "GRUB_CMDLINE_LINUX_DEFAULT=\"secret\"\n";

pub struct Sandbox {
    dir: tempfile::TempDir,
}

impl Sandbox {
    pub fn new() -> Sandbox {
        let dir = tempfile::tempdir().expect("a temporary folder");
        // Readable for everyone, so that cases may run as nobody.
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).expect("permissions");
        let sandbox = Sandbox { dir };
        sandbox.fill(&sandbox.root());
        fs::create_dir(sandbox.neighbour()).expect("the neighbour");
        fs::write(sandbox.neighbour().join("grub"), NEIGHBOUR).expect("the neighbour's file");
        sandbox
    }

    /// Writes the host's files below `root`.
    pub fn fill(&self, root: &Path) {
        for (path, text) in FILES {
            let path = root.join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(&path, text).expect("a file");
        }
    }

    pub fn root(&self) -> PathBuf {
        self.dir.path().join("root")
    }

    pub fn neighbour(&self) -> PathBuf {
        self.dir.path().join("neighbour")
    }

    /// A file of the tree, removed so that a case can put something else there.
    pub fn emptied(&self, inside: &str) -> PathBuf {
        let path = self.root().join(inside.trim_start_matches('/'));
        if path.is_dir() {
            fs::remove_dir_all(&path).expect("remove a folder");
        } else {
            let _ = fs::remove_file(&path);
        }
        path
    }

    pub fn snapshot(&self) -> Snapshot {
        Snapshot::of(self.dir.path())
    }

    /// `arguments` with this sandbox as the root, unless they name one.
    pub fn rooted(&self, arguments: &Value) -> Vec<u8> {
        let mut all = json!({"root": self.root()});
        let map = all.as_object_mut().expect("an object");
        map.extend(arguments.as_object().expect("an object").clone());
        all.to_string().into_bytes()
    }
}

/// The module's command under a time limit: what hangs is killed, gives no reply, and fails the case.
pub fn limited(module: &str) -> Command {
    let mut command = Command::new("timeout");
    command.args(["--kill-after=1", "30"]).arg(binary(module)).arg("-");
    command
}

/// Runs a module on the sandbox and holds it to what is true for every bad input: one clear message, exit
/// status 1, nothing changed. Returns the message.
pub fn refused(case: &str, sandbox: &Sandbox, command: &mut Command, arguments: &[u8]) -> String {
    let before = sandbox.snapshot();
    let reply = answer(command, arguments);
    judged(case, &before, sandbox, reply)
}

/// As [`refused`], for a run that is over.
pub fn judged(case: &str, before: &Snapshot, sandbox: &Sandbox, reply: Reply) -> String {
    println!("{case}: {}", reply.msg());
    assert_eq!(reply.code, 1, "{case}: {}", reply.json);
    assert!(!reply.changed(), "{case}: failed and changed: {}", reply.json);
    let message = reply.expect_failure();
    assert!(!message.contains("panicked"), "{case}: {message}");
    assert!(message.len() < 2000, "{case}: a message of {} bytes: {message:.300}", message.len());
    assert_eq!(before.differences(&sandbox.snapshot()), [""; 0], "{case}: changed something");
    message
}
