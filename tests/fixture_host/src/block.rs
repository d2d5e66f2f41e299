//! Disks, partitions, and what is stacked on them.

use crate::Host;

/// Where a disk hangs below its PCI function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disk {
    /// `…/nvme/nvme0/nvme0n1`
    Nvme,
    /// `…/ata1/host0/target0:0:0/0:0:0:0/block/sda`
    Sata,
    /// `…/usb1/1-1/1-1:1.0/host9/…/block/sdz`
    Usb,
    /// `…/virtio0/block/vda`
    Virtio,
}

impl Host {
    /// A disk `name` on the PCI function in `device` with partitions 1 to `partitions`; the whole
    /// disk has the device number `major:minor`, each partition the following minor.
    pub fn disk(&self, device: &str, kind: Disk, name: &str, number: (u32, u32), partitions: u32) -> &Host {
        let scsi = |host: u32| format!("host{host}/target{host}:0:0/{host}:0:0:0");
        let holder = match kind {
            Disk::Nvme => format!("{device}/nvme/{}", name.rsplit_once('n').expect("nvme0n1").0),
            Disk::Sata => format!("{device}/ata{}/{}", number.1 / 16 + 1, scsi(number.1 / 16)),
            Disk::Usb => format!("{device}/usb1/1-1/1-1:1.0/{}", scsi(90 + number.1 / 16)),
            Disk::Virtio => format!("{device}/virtio{}", number.1 / 16),
        };
        let disk = match kind {
            Disk::Nvme => format!("{holder}/{name}"),
            _ => format!("{holder}/block/{name}"),
        };
        self.folder(&holder);
        match kind {
            Disk::Nvme => {}
            Disk::Sata => {
                self.driver("scsi", &holder, "sd", "sd_mod");
            }
            Disk::Usb => {
                self.driver("scsi", &holder, "sd", "sd_mod");
                let interface = format!("{device}/usb1/1-1/1-1:1.0");
                self.driver("usb", &interface, "usb-storage", "usb_storage");
            }
            Disk::Virtio => {
                self.driver("virtio", &holder, "virtio_blk", "virtio_blk");
            }
        }
        self.block_device(&disk, number);
        self.folder(&format!("{disk}/slaves")).relative_link(&format!("{disk}/device"), &holder);
        self.relative_link(&format!("/sys/block/{name}"), &disk);
        let separator = if name.ends_with(|c: char| c.is_ascii_digit()) { "p" } else { "" };
        for n in 1..=partitions {
            let partition = format!("{disk}/{name}{separator}{n}");
            self.block_device(&partition, (number.0, number.1 + n));
            self.file(&format!("{partition}/partition"), format!("{n}\n"));
        }
        self
    }

    fn block_device(&self, path: &str, (major, minor): (u32, u32)) {
        let name = path.rsplit('/').next().unwrap_or_default();
        self.file(&format!("{path}/dev"), format!("{major}:{minor}\n"));
        self.folder(&format!("{path}/holders"));
        self.relative_link(&format!("/sys/class/block/{name}"), path);
        self.relative_link(&format!("/sys/dev/block/{major}:{minor}"), path);
    }

    fn virtual_block(&self, name: &str, number: (u32, u32), on: &[&str]) -> String {
        let path = format!("/sys/devices/virtual/block/{name}");
        self.block_device(&path, number);
        self.folder(&format!("{path}/slaves")).relative_link(&format!("/sys/block/{name}"), &path);
        for below in on {
            let slave = self.block_path(below);
            self.relative_link(&format!("{path}/slaves/{below}"), &slave);
            self.relative_link(&format!("{slave}/holders/{name}"), &path);
        }
        path
    }

    /// The folder of a block device added before.
    fn block_path(&self, name: &str) -> String {
        let target = std::fs::read_link(self.at(&format!("/sys/class/block/{name}")))
            .unwrap_or_else(|e| panic!("block device {name} is not on this host: {e}"));
        format!("/sys/{}", target.to_string_lossy().trim_start_matches("../"))
    }

    /// A device-mapper volume `dm-N`, such as an LVM volume or an opened LUKS container.
    pub fn mapper(&self, minor: u32, name: &str, on: &[&str]) -> &Host {
        let path = self.virtual_block(&format!("dm-{minor}"), (252, minor), on);
        self.file(&format!("{path}/dm/name"), format!("{name}\n"));
        self.link(&format!("/dev/mapper/{name}"), &format!("../dm-{minor}"))
    }

    /// An md array `mdN`.
    pub fn md(&self, minor: u32, level: &str, on: &[&str]) -> &Host {
        let path = self.virtual_block(&format!("md{minor}"), (9, minor), on);
        self.file(&format!("{path}/md/level"), format!("{level}\n"))
    }

    /// A loop device `loopN` on a file.
    pub fn loop_device(&self, minor: u32, file: &str) -> &Host {
        let path = self.virtual_block(&format!("loop{minor}"), (7, minor), &[]);
        self.file(&format!("{path}/loop/backing_file"), format!("{file}\n"))
    }

    /// An NVMe namespace that several controllers lead to: the disk is a virtual one of subsystem
    /// N, and each controller on the PCI functions in `devices` is a way to it.
    pub fn nvme_multipath(&self, subsystem: u32, devices: &[&str], number: (u32, u32)) -> &Host {
        let folder = format!("/sys/devices/virtual/nvme-subsystem/nvme-subsys{subsystem}");
        let name = format!("nvme{subsystem}n1");
        let disk = format!("{folder}/{name}");
        self.block_device(&disk, number);
        self.folder(&format!("{disk}/slaves")).relative_link(&format!("/sys/block/{name}"), &disk);
        self.file(&format!("{folder}/model"), "fixture\n");
        for (n, device) in devices.iter().enumerate() {
            let controller = format!("{device}/nvme/nvme{n}");
            self.folder(&format!("{controller}/nvme{subsystem}c{n}n1"));
            self.relative_link(&format!("{folder}/nvme{n}"), &controller);
        }
        self
    }

    /// A line of `/proc/self/mountinfo` and `/proc/mounts`.
    pub fn mount(&self, number: (u32, u32), source: &str, target: &str, fstype: &str) -> &Host {
        let id = 20 + target.len();
        let (major, minor) = number;
        self.line("/proc/mounts", &format!("{source} {target} {fstype} rw,relatime 0 0"));
        let line = format!("{id} 1 {major}:{minor} / {target} rw,relatime shared:1 - {fstype} {source} rw");
        self.line("/proc/self/mountinfo", &line)
    }

    /// A swap area on a device or in a file.
    pub fn swap(&self, path: &str) -> &Host {
        if !self.at("/proc/swaps").exists() {
            self.line("/proc/swaps", "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority");
        }
        let kind = if path.starts_with("/dev/") { "partition" } else { "file" };
        self.line("/proc/swaps", &format!("{path}                               {kind}\t8388604\t\t0\t\t-2"))
    }
}
