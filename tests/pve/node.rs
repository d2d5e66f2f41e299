//! A Proxmox VE node in a folder that is the root directory of what runs in it: a host's sysfs, machines, and the
//! fake `qm`, with this machine's own /usr under it for Perl.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::Command;

use fixture_host::{Host, pve_intel_two_gpus};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use proofs::{Reply, answer, binary, need_program, need_root, workspace_dir};
use serde_json::{Value, json};

pub const CONF: &str = "/etc/pve/nodes/alpha/qemu-server/100.conf";

pub struct Node {
    _dir: tempfile::TempDir,
    pub host: Host,
}

impl Node {
    /// `None` after a word about it where this machine cannot have one. Its mounts belong to this thread.
    pub fn new(proof: &str, machine: &[u8]) -> Option<Node> {
        if !need_root(proof) {
            return None;
        }
        need_program(proof, "perl", "perl-base")?;
        let dir = tempfile::tempdir().expect("a folder");
        let host = pve_intel_two_gpus(&dir.path().join("node"));
        host.folder("/run/fake-qm").folder("/run/qemu-server").folder("/usr").folder("/dev").folder("/tmp");
        host.link("/etc/pve/local", "nodes/alpha").link("/etc/pve/qemu-server", "local/qemu-server");
        host.file(CONF, machine);
        fs::set_permissions(host.at(CONF), fs::Permissions::from_mode(0o640)).expect("a mode");
        // Programs and libraries come from this machine; the kernel's modules are not asked for.
        for name in ["bin", "sbin", "lib", "lib64"] {
            let _ = fs::remove_dir_all(host.at("/").join(name));
            symlink(format!("usr/{name}"), host.at("/").join(name)).expect("a link");
        }
        fs::copy(binary("pve_hostpci"), host.at("/module")).expect("the module");
        let none = None::<&str>;
        unshare(CloneFlags::CLONE_NEWNS).expect("root may have a mount namespace");
        mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).expect("private mounts");
        mount(Some("/usr"), &host.at("/usr"), none, MsFlags::MS_BIND, none).expect("this machine's /usr");
        mount(Some("tmpfs"), &host.at("/usr/local"), Some("tmpfs"), MsFlags::empty(), Some("mode=755"))
            .expect("a tmpfs");
        let node = Node { _dir: dir, host };
        node.host.folder("/usr/local/sbin");
        fs::copy(workspace_dir().join("tests/fakes/qm"), node.qm()).expect("the fake qm");
        fs::write(node.host.at("/dev/null"), "").expect("a file");
        Some(node)
    }

    /// Where the fake is.
    pub fn qm(&self) -> PathBuf {
        self.host.at("/usr/local/sbin/qm")
    }

    /// From now on the machine runs.
    pub fn start(&self) {
        let cmdline = "/usr/bin/kvm\0-pidfile\0/var/run/qemu-server/100.pid\0-daemonize\0";
        self.host.file("/run/qemu-server/100.pid", "4242\n").file("/proc/4242/cmdline", cmdline);
    }

    pub fn conf(&self) -> String {
        fs::read_to_string(self.host.at(CONF)).expect("the machine's file")
    }

    /// Runs the module with the node as its root directory.
    pub fn module(&self, arguments: &Value, check: bool) -> Reply {
        let mut all = json!({"vmid": 100, "_ansible_check_mode": check, "_ansible_diff": true});
        all.as_object_mut().expect("an object").extend(arguments.as_object().expect("an object").clone());
        let mut command = Command::new("chroot");
        answer(command.arg(self.host.at("/")).args(["/module", "-"]), all.to_string().as_bytes())
    }

    /// Check mode, the real run, a second run: the diff is what became of the file, the file was written in its
    /// place (by `qm`, which the cluster file system wants), and nothing lies beside it.
    pub fn rehearsed(&self, arguments: &Value) -> Reply {
        let before = self.conf();
        let inode = |node: &Node| fs::metadata(node.host.at(CONF)).expect("the file").ino();
        let was = inode(self);
        let announced = self.module(arguments, true);
        assert_eq!(self.conf(), before, "check mode wrote");
        let real = self.module(arguments, false).expect_ok();
        for key in ["changed", "diff", "value", "pending", "onboot", "problems", "index"] {
            assert_eq!(announced.json[key], real.json[key], "{key} of check mode and of the real run");
        }
        let after = self.conf();
        if real.changed() {
            assert_eq!(real.json["diff"][0]["before"], before);
            assert_eq!(real.json["diff"][0]["after"], after, "what qm made of the file was foreseen");
            assert_eq!(real.json["diff"].as_array().map(Vec::len), Some(1));
        } else {
            assert_eq!(before, after);
        }
        assert_eq!(inode(self), was, "not replaced");
        assert_eq!(self.machines(), ["100.conf"]);
        let again = self.module(arguments, false).expect_ok();
        assert!(!again.changed() && again.json["actions"] == json!([]), "a second run: {}", again.json);
        assert_eq!(self.conf(), after);
        real
    }

    /// What lies where the machines are.
    pub fn machines(&self) -> Vec<String> {
        let dir = fs::read_dir(self.host.at("/etc/pve/nodes/alpha/qemu-server")).expect("a folder");
        let names = dir.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        for path in ["/usr/local", "/usr"] {
            let _ = umount2(&self.host.at(path), MntFlags::MNT_DETACH);
        }
    }
}
