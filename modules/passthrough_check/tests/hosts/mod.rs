//! The hosts of the codes.

use std::fs;
use std::path::Path;

use fixture_host::{Disk, Host, Pci};
use proofs::run_module;
use serde_json::{Value, json};

/// A code, and the change that brings it about on a healthy host.
#[derive(Clone, Copy)]
pub struct Case {
    pub code: &'static str,
    pub phase: &'static str,
    pub devices: &'static [&'static str],
    pub from: fn(&Path) -> Host,
    pub change: fn(&Host),
}

impl Case {
    /// The host in `dir`.
    pub fn host(&self, dir: &Path) -> Host {
        let host = (self.from)(dir);
        (self.change)(&host);
        host
    }
}

/// Runs the module as Ansible does.
pub fn check(host: &Host, phase: &str, devices: &[&str], accept: &[&str]) -> Value {
    let devices: Vec<Value> =
        devices.iter().map(|text| serde_json::from_str(text).unwrap_or(json!(text))).collect();
    let arguments = json!({ "root": host.dir(), "phase": phase, "devices": devices, "accept": accept });
    run_module("passthrough_check", &arguments).json
}

/// The codes in the reply, each once.
pub fn codes(reply: &Value) -> Vec<&str> {
    let problems = reply["problems"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut codes: Vec<&str> = problems.iter().filter_map(|problem| problem["code"].as_str()).collect();
    codes.dedup();
    codes
}

const GPU: &str = "/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0";
const AUDIO: &str = "/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.1";
const CARD: &[&str] = &["0000:01:00.0", "0000:01:00.1"];
const ESPS: [&str; 2] = [
    "/var/tmp/espmounts/ABCD-0001/loader/entries/proxmox-6.8.12-4-pve.conf",
    "/var/tmp/espmounts/ABCD-0002/loader/entries/proxmox-6.8.12-4-pve.conf",
];
const MAIN: &str = "/etc/default/grub";
const CONFIG: &str = "/boot/grub/grub.cfg";

/// On the desktop, after the reboot, for the card.
const fn card(code: &'static str, change: fn(&Host)) -> Case {
    Case { code, phase: "ready", devices: CARD, from: fixture_host::desktop_two_gpus, change }
}

/// On the desktop, after the reboot, for the host alone.
const fn alone(code: &'static str, change: fn(&Host)) -> Case {
    Case { devices: &[], ..card(code, change) }
}

/// On the ZFS host, after the reboot, for its controller.
const fn zfs(code: &'static str, change: fn(&Host)) -> Case {
    Case { devices: &["01:00"], from: fixture_host::zfs_two_hbas, ..card(code, change) }
}

/// On the desktop, before it is configured, for other devices.
const fn before(code: &'static str, devices: &'static [&'static str], change: fn(&Host)) -> Case {
    Case { phase: "configure", devices, ..card(code, change) }
}

fn replace(host: &Host, path: &str, from: &str, to: &str) {
    let text = fs::read_to_string(host.at(path)).unwrap();
    assert!(text.contains(from), "{path} has no {from}");
    // Times tell what is newer: the change is older than image and boot, as the rest.
    host.file(path, text.replace(from, to));
}

/// The IOMMU is off.
fn off(host: &Host) {
    host.remove("/sys/class/iommu").remove("/sys/kernel/iommu_groups");
}

/// What is set, in the entries, and in force.
fn parameters(host: &Host, set: &str, entries: &str, in_force: &str) {
    for (path, to) in [(MAIN, set), (CONFIG, entries), ("/proc/cmdline", in_force)] {
        replace(host, path, "intel_iommu=on", to);
    }
}

/// One more device on a root port of its own.
fn extra(host: &Host, pci: Pci) -> String {
    host.pci(&Pci::new("0000:00:1c.4", 0x8086, 0x7abc, 0x060400).driver("pcieport", "").group(20));
    host.pci(&pci.under(&["0000:00:1c.4"]))
}

fn nvme(host: &Host) {
    let disk =
        extra(host, Pci::new("0000:05:00.0", 0x144d, 0xa80a, 0x010802).group(21).driver("nvme", "nvme"));
    host.disk(&disk, Disk::Nvme, "nvme1n1", (259, 8), 1);
}

fn remove_resets(host: &Host) {
    for entry in fs::read_dir(host.at("/sys/bus/pci/devices")).unwrap() {
        let attribute = entry.unwrap().path().join("reset_method");
        if attribute.exists() {
            fs::remove_file(attribute).unwrap();
        }
    }
}

pub const CASES: &[Case] = &[
    alone("firmware_off", |host| {
        off(host);
        host.remove("/sys/firmware/acpi/tables/DMAR");
    }),
    alone("no_boot_loader", |host| {
        off(host);
        for path in [CONFIG, MAIN, "/boot/vmlinuz-6.8.12-4-pve", "/usr/sbin/grub-mkconfig"] {
            host.remove(path);
        }
    }),
    alone("no_groups", off),
    alone("not_running", |host| {
        off(host);
        host.remove("/proc").remove("/sys");
    }),
    alone("parameter_missing", |host| {
        off(host);
        parameters(host, "", "", "");
    }),
    alone("iommu_disabled_parameter", |host| {
        off(host);
        parameters(host, "intel_iommu=off", "intel_iommu=off", "iommu=off");
    }),
    card("iommu_disabled_parameter", |host| parameters(host, "iommu=off", "iommu=off", "intel_iommu=on")),
    alone("not_rebooted", |host| {
        off(host);
        parameters(host, "intel_iommu=on", "intel_iommu=on", "");
    }),
    card("reboot_required", |host| {
        parameters(host, "intel_iommu=on iommu=pt", "intel_iommu=on iommu=pt", "intel_iommu=on");
    }),
    card("reboot_required", |host| {
        host.rebind(GPU, "nouveau", "nouveau").rebind(AUDIO, "snd_hda_intel", "snd_hda_intel");
        host.file("/proc/stat", "cpu  1 2 3\nbtime 1000\n");
    }),
    Case {
        code: "reboot_required",
        devices: &["01:00"],
        from: fixture_host::zfs_two_hbas,
        ..card("", |host| {
            for path in ["/etc/kernel/cmdline", ESPS[0], ESPS[1]] {
                replace(host, path, "intel_iommu=on", "intel_iommu=on vfio-pci.disable_idle_d3=1");
            }
        })
    },
    card("boot_loader_unknown", |host| {
        host.file("/sys/firmware/efi/fw_platform_size", "64\n").loader_info("rEFInd 0.14.2");
    }),
    before("boot_loader_unknown", CARD, |host| {
        host.file("/sys/firmware/efi/fw_platform_size", "64\n").loader_info("rEFInd 0.14.2");
    }),
    card("wrong_boot_loader_file", |host| {
        host.file("/etc/kernel/cmdline", "root=/dev/mapper/pve-root intel_iommu=on iommu=pt\n");
    }),
    Case {
        devices: &["01:00"],
        from: fixture_host::zfs_two_hbas,
        ..card("wrong_boot_loader_file", |host| {
            host.file(MAIN, "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet iommu=pt\"\n");
        })
    },
    card("wrong_vendor_parameter", |host| {
        let both = "intel_iommu=on amd_iommu=on";
        parameters(host, both, both, both);
    }),
    card("parameter_overridden", |host| {
        replace(host, MAIN, "intel_iommu=on", "intel_iommu=on iommu=pt");
        host.file("/etc/default/grub.d/50-site.cfg", "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet intel_iommu=on\"\n");
    }),
    card("parameter_doubled", |host| {
        replace(host, MAIN, "GRUB_CMDLINE_LINUX=\"\"", "GRUB_CMDLINE_LINUX=\"intel_iommu=on\"");
        replace(host, CONFIG, "ro quiet", "ro intel_iommu=on quiet");
    }),
    card("boot_entries_out_of_date", |host| replace(host, MAIN, "intel_iommu=on", "intel_iommu=on iommu=pt")),
    alone("boot_entries_out_of_date", |host| {
        off(host);
        parameters(host, "intel_iommu=on", "", "");
    }),
    zfs("boot_entries_out_of_date", |host| replace(host, ESPS[1], "intel_iommu=on", "")),
    card("initramfs_out_of_date", |host| {
        host.time("/boot/initrd.img-6.8.12-4-pve", 1000);
    }),
    alone("vfio_modules_missing", |host| {
        host.file("/lib/modules/6.8.12-4-pve/modules.dep", "kernel/drivers/gpu/drm/nouveau/nouveau.ko:\n");
        host.remove("/sys/module/vfio").remove("/sys/module/vfio_pci");
    }),
    card("no_interrupt_remapping", |host| replace(host, "/proc/interrupts", "IR-", "")),
    card("unsafe_interrupts", |host| {
        host.file("/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts", "Y\n");
    }),
    before("unsafe_interrupts", CARD, |host| {
        host.file("/etc/modprobe.d/unsafe.conf", "options vfio_iommu_type1 allow_unsafe_interrupts=1\n");
    }),
    card("config_mistake", |host| {
        host.file("/etc/modprobe.d/site.conf", "options vfio-pci diable_vga=1\n");
    }),
    card("config_mistake", |host| {
        host.file("/etc/modprobe.d/blacklist", "blacklist nouveau\n");
    }),
    card("config_mistake", |host| {
        host.line("/etc/modules", "vfio_pci ids=10de:2484");
    }),
    zfs("config_mistake", |host| {
        host.line("/etc/kernel/cmdline", "iommu=pt");
    }),
    zfs("cannot_tell", |host| {
        host.remove("/var/tmp/espmounts/ABCD-0002");
    }),
    card("leftover_ids", |host| {
        replace(host, "/etc/modprobe.d/pci-passthrough-vfio.conf", "10de:228b", "10de:228b,8086:10fb");
    }),
    Case {
        code: "leftover_override",
        devices: &["01:00"],
        from: fixture_host::zfs_two_hbas,
        ..card("", |host| {
            host.line(
                "/etc/initramfs-tools/scripts/init-top/00-pci-passthrough",
                "take 0000:09:00.0 1000:0072 1000:3020",
            );
        })
    },
    card("leftover_file", |host| {
        host.file("/etc/modprobe.d/pci-passthrough-blacklist.conf", "# Drivers kept from loading.\n");
    }),
    card("nic_renamed", |host| replace(host, "/etc/network/interfaces", "enp2s0", "enp1s0")),
    card("cannot_tell", |host| {
        host.remove(CONFIG).folder(CONFIG);
    }),
    card("cannot_tell", |host| {
        host.remove(CONFIG);
    }),
    before("cannot_tell", CARD, |host| {
        host.remove("/proc/self/mountinfo");
    }),
    alone("cannot_tell", |host| {
        host.remove("/lib/modules/6.8.12-4-pve").remove("/sys/module/vfio");
    }),
    Case { devices: &["0000:01:00.0", "0000:01:00.1", "0000:09:00.0"], ..card("device_not_found", |_| {}) },
    // A pattern for bridges alone means no device.
    Case { devices: &["01:00", "8086:460?"], ..card("device_not_found", |_| {}) },
    Case {
        devices: &[r#"{"address": "01:00.0", "expect_id": "10de:1b80"}"#, "0000:01:00.1"],
        ..card("device_drifted", |_| {})
    },
    Case {
        devices: &[r#"{"address": "01:00.0", "expect_id": "10de:2484:1043:0001"}"#, "10de:228b"],
        ..card("device_drifted", |_| {})
    },
    Case { devices: &["0000:00:01.0", "01:00"], ..card("device_is_bridge", |_| {}) },
    card("host_driver_bound", |host| {
        host.rebind(GPU, "nouveau", "nouveau");
    }),
    before("host_driver_bound", CARD, |host| {
        host.rebind(GPU, "nouveau", "nouveau");
        replace(host, "/etc/modprobe.d/pci-passthrough-vfio.conf", "softdep nouveau pre: vfio-pci", "");
    }),
    // Bound by address or id, and modprobe told not to load vfio-pci.
    Case {
        code: "host_driver_bound",
        phase: "configure",
        devices: &["01:00"],
        from: fixture_host::zfs_two_hbas,
        change: |host| {
            let card = "/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0";
            host.rebind(card, "mpt3sas", "mpt3sas");
            host.file("/etc/modprobe.d/harden.conf", "install vfio-pci /bin/false\n");
        },
    },
    before("host_driver_bound", CARD, |host| {
        host.rebind(GPU, "nouveau", "nouveau");
        host.file("/etc/modprobe.d/harden.conf", "install vfio /sbin/true\n");
    }),
    // Bound by an address that is a virtual function's.
    Case {
        code: "leftover_override",
        from: fixture_host::sriov_server,
        devices: &["8086:154c"],
        ..card("", |host| {
            host.file(
                "/etc/initramfs-tools/scripts/init-top/00-pci-passthrough",
                "#!/bin/sh\n# Binds PCI devices to vfio-pci by their addresses (pci.passthrough.vfio_bind).\n\
                 take 0000:41:0a.0 8086:154c 8086:154c\n",
            );
        })
    },
    card("not_bound", |host| {
        host.rebind(GPU, "", "");
    }),
    before("group_incomplete", &["0000:01:00.0"], |host| {
        host.rebind(AUDIO, "snd_hda_intel", "snd_hda_intel");
    }),
    Case {
        devices: &["0000:01:00.0"],
        ..card("group_not_viable", |host| {
            host.rebind(AUDIO, "snd_hda_intel", "snd_hda_intel");
        })
    },
    before("group_not_viable", CARD, |host| {
        host.pci(&Pci::new("0000:00:1f.5", 0x8086, 0x7aa4, 0x060100).group(2).driver("lpc_ich", "lpc_ich"));
    }),
    Case {
        devices: &["01:00", "05:00.0"],
        ..card("group_unknown", |host| {
            extra(host, Pci::new("0000:05:00.0", 0x8086, 0x1533, 0x020000).driver("vfio-pci", "vfio_pci"));
        })
    },
    card("identical_devices", |host| {
        let twin = Pci::new("0000:05:00.0", 0x10de, 0x2484, 0x030000).group(21);
        extra(host, twin.driver("vfio-pci", "vfio_pci"));
    }),
    before("root_disk", &["0000:03:00.0"], |host| {
        host.remove("/proc/swaps");
    }),
    Case {
        code: "root_disk",
        devices: &["0000:00:17.0"],
        from: fixture_host::zfs_two_hbas,
        ..before("", &[], |host| {
            host.remove("/proc/swaps");
        })
    },
    before("default_route", &["8086:15f3"], |_| {}),
    before("swap", &["0000:05:00.0"], |host| {
        nvme(host);
        host.swap("/dev/nvme1n1p1");
    }),
    before("mount", &["0000:05:00.0"], |host| {
        nvme(host);
        host.mount((259, 9), "/dev/nvme1n1p1", "/srv", "ext4");
    }),
    before("only_display", &["0000:00:02.0"], |_| {}),
    card("boot_framebuffer", |host| {
        host.file(&format!("{GPU}/boot_vga"), "1\n").file("/proc/fb", "0 EFI VGA\n");
    }),
    Case {
        code: "sriov_active",
        devices: &["0000:41:00.1"],
        from: fixture_host::sriov_server,
        ..before("", &[], |_| {})
    },
    card("no_reset", |host| {
        host.remove(&format!("{GPU}/reset_method"));
    }),
    card("reset_unknown", remove_resets),
    card("rmrr", |host| {
        let regions =
            "0x000000008f000000 0x000000008f7fffff direct\n0x00000000fee00000 0x00000000feefffff msi\n";
        host.file("/sys/kernel/iommu_groups/2/reserved_regions", regions);
    }),
];
