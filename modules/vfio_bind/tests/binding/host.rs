//! A host with something of everything that can be passed or must not be.

use std::fs;
use std::path::Path;

use fixture_host::{Disk, Host, Pci};
use proofs::{Reply, Snapshot, rehearsed};
use serde_json::{Value, json};

pub const OWN: &str = "/etc/modprobe.d/zz-pci-passthrough-vfio.conf";
pub const INIT_TOP: &str = "/etc/initramfs-tools/scripts/init-top/00-pci-passthrough";
pub const HOOK: &str = "/etc/initramfs-tools/hooks/pci-passthrough";
pub const RELEASE: &str = "6.8.12-1-pve";

/// The bench, in a folder of its own.
pub struct Bench {
    dir: tempfile::TempDir,
    pub host: Host,
}

/// What a kernel of the bench has built in besides pcieport.
pub const NO_BUILTIN: &[&str] = &[];
pub const VFIO_BUILTIN: &[&str] = &["drivers/vfio/pci/vfio-pci.ko"];

/// A virtual function of the bench's physical one.
pub fn virtual_function(address: &str, group: u32) -> Pci {
    let function = Pci::new(address, 0x8086, 0x10ed, 0x020000).driver("ixgbevf", "ixgbevf").group(group);
    function.virtual_of("/sys/devices/pci0000:04/0000:04:00.0")
}

impl Bench {
    pub fn new() -> Bench {
        Bench::with_builtin(NO_BUILTIN)
    }

    /// Its devices: a GPU for the console and one to pass with its audio function, the root disk's controller, two
    /// identical network cards of which one has the default route, a physical function with virtual ones, two
    /// cards in one group with a bridge, one card whose driver is built in.
    pub fn with_builtin(more: &[&str]) -> Bench {
        let dir = tempfile::tempdir().unwrap();
        let host = Host::new(dir.path());
        for folder in [
            "/etc/modprobe.d",
            "/run",
            "/etc/initramfs-tools/hooks",
            "/etc/initramfs-tools/scripts/init-top",
            "/var/lib",
        ] {
            host.folder(folder);
        }
        host.file("/usr/sbin/update-initramfs", "#!/bin/sh\nexit 0\n");
        let nic = |address, group| {
            Pci::new(address, 0x8086, 0x10d3, 0x020000).group(group).driver("e1000e", "e1000e")
        };
        let igpu =
            Pci::new("0000:00:02.0", 0x8086, 0x4690, 0x030000).driver("i915", "i915").boot_vga().group(1);
        let igpu = host.pci(&igpu);
        host.display(&igpu, "drm", "card0");
        let sata =
            host.pci(&Pci::new("0000:00:17.0", 0x8086, 0x7ae2, 0x010601).driver("ahci", "ahci").group(2));
        host.disk(&sata, Disk::Sata, "sda", (8, 0), 2).mount((8, 1), "/dev/sda1", "/", "ext4");
        let gpu = Pci::new("0000:01:00.0", 0x10de, 0x2484, 0x030000).subsystem(0x1043, 0x87b8).group(10);
        host.pci(&gpu.driver("nouveau", "nouveau"));
        let audio = Pci::new("0000:01:00.1", 0x10de, 0x228b, 0x040300).subsystem(0x1043, 0x87b8).group(10);
        host.pci(&audio.driver("snd_hda_intel", "snd_hda_intel"));
        let first = host.pci(&nic("0000:02:00.0", 11));
        host.nic(&first, "eno1").bridge("vmbr0", &["eno1"]).default_route("vmbr0");
        let second = host.pci(&nic("0000:03:00.0", 12));
        host.nic(&second, "eno2");
        let physical = Pci::new("0000:04:00.0", 0x8086, 0x10fb, 0x020000).driver("ixgbe", "ixgbe");
        host.pci(&physical.sriov(63, 4).group(13));
        host.pci(&virtual_function("0000:04:10.0", 16));
        host.pci(&Pci::new("0000:05:00.0", 0x1b36, 0x0001, 0x060400).driver("pcieport", "").group(14));
        let e1000 = |address| Pci::new(address, 0x8086, 0x100e, 0x020000).driver("e1000", "e1000").group(14);
        host.pci(&e1000("0000:06:00.0"));
        host.pci(&e1000("0000:06:01.0"));
        host.pci(&Pci::new("0000:07:00.0", 0x14e4, 0x1657, 0x020000).driver("tg3", "").group(15));
        let modules = ["drivers/vfio/pci/vfio-pci.ko"];
        let modules = if more.is_empty() { &modules[..] } else { &[] };
        let builtin = [&["drivers/net/ethernet/broadcom/tg3.ko"], more].concat();
        host.kernel(RELEASE, modules, &builtin, &[]);
        host.running(RELEASE, &[]).cmdline("root=/dev/sda1 ro quiet");
        host.aliases(
            RELEASE,
            &[
                ("pci:v000010DEd*sv*sd*bc03sc*i*", "nouveau"),
                ("pci:v*d*sv*sd*bc04sc03i00*", "snd_hda_intel"),
                ("pci:v00008086d000010D3sv*sd*bc*sc*i*", "e1000e"),
                ("pci:v00008086d0000100Esv*sd*bc*sc*i*", "e1000"),
                ("pci:v00008086d000010EDsv*sd*bc*sc*i*", "ixgbevf"),
                ("pci:v000014E4d00001657sv*sd*bc*sc*i*", "tg3"),
            ],
        );
        Bench { dir, host }
    }

    pub fn root(&self) -> &Path {
        self.dir.path()
    }

    pub fn snapshot(&self) -> Snapshot {
        Snapshot::of(self.root())
    }

    /// What differs since then, the lock file of the run left out.
    pub fn differences(&self, before: &Snapshot) -> Vec<String> {
        let mut lines = before.differences(&self.snapshot());
        lines.retain(|line| !line.starts_with("/run/pci-passthrough.lock"));
        lines
    }

    /// A rehearsed run; no initramfs is rebuilt.
    pub fn run(&self, mut arguments: Value) -> Reply {
        arguments["initramfs"] = json!(false);
        rehearsed(env!("CARGO_BIN_EXE_vfio_bind"), self.root(), &arguments)
    }

    pub fn present(&self, devices: Value) -> Reply {
        self.run(json!({"devices": devices}))
    }

    pub fn absent(&self, devices: Value) -> Reply {
        self.run(json!({"devices": devices, "state": "absent"}))
    }

    pub fn text(&self, path: &str) -> String {
        fs::read_to_string(self.host.at(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
    }

    /// The lines of a file that are no comment.
    pub fn lines(&self, path: &str) -> Vec<String> {
        self.text(path).lines().filter(|line| !line.starts_with('#')).map(str::to_string).collect()
    }

    /// The devices that the script in the initramfs takes.
    pub fn taken(&self) -> Vec<String> {
        let lines = self.text(INIT_TOP);
        lines.lines().filter(|line| line.starts_with("take ")).map(str::to_string).collect()
    }
}

/// A failed run's code.
pub fn refused(reply: &Reply) -> &str {
    assert!(reply.failed(), "must be refused: {}", reply.json);
    assert!(!reply.msg().is_empty());
    reply.json["code"].as_str().unwrap_or_default()
}

/// The warnings of a run.
pub fn warnings(reply: &Reply) -> String {
    reply.json["warnings"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect::<Vec<_>>()
        .join("\n")
}
