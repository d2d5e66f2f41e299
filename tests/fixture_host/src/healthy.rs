//! Hosts that are configured for passthrough, rebooted and in order, for `passthrough_check`: it finds
//! nothing on them, and one change brings one problem.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::samples::{grub, interrupts, main_file, modules_files, program, running};
use crate::{Disk, Host, Pci};

const KERNEL: &str = "6.8.12-4-pve";
const VFIO: [&str; 4] = [
    "drivers/vfio/vfio.ko",
    "drivers/vfio/vfio_iommu_type1.ko",
    "drivers/vfio/pci/vfio-pci-core.ko",
    "drivers/vfio/pci/vfio-pci.ko",
];

/// An Intel desktop that boots by GRUB: the integrated GPU is the host's, an NVIDIA card with its audio
/// function is bound by id, before its drivers. Root on NVMe, a bridge on the only network card.
pub fn desktop_two_gpus(dir: &Path) -> Host {
    let host = Host::new(dir);
    host.cpu("GenuineIntel", "13th Gen Intel(R) Core(TM) i7-13700", "vmx")
        .acpi_table("DMAR")
        .acpi_table("FACP");
    host.iommu_unit("dmar0").iommu_unit("dmar1");
    let own = |address, device, class, group| Pci::new(address, 0x8086, device, class).group(group);
    let port =
        |address, device, group| own(address, device, 0x060400, group).driver("pcieport", "").reset("pm");
    host.pci(&own("0000:00:00.0", 0x4650, 0x060000, 0).reset(""));
    host.pci(&port("0000:00:01.0", 0x460d, 2));
    let igpu = host.pci(&own("0000:00:02.0", 0x4690, 0x030000, 1).driver("i915", "i915").boot_vga());
    host.display(&igpu, "drm", "card0").display(&igpu, "graphics", "fb0").file("/proc/fb", "0 i915drmfb\n");
    host.pci(&own("0000:00:14.0", 0x7ae0, 0x0c0330, 3).driver("xhci_hcd", "xhci_pci"));
    host.pci(&port("0000:00:1c.0", 0x7ab8, 6));
    host.pci(&port("0000:00:1d.0", 0x7ab0, 8));
    host.pci(&own("0000:00:1f.0", 0x7a84, 0x060100, 5).reset("").driver("lpc_ich", "lpc_ich"));
    host.pci(&own("0000:00:1f.3", 0x7ad0, 0x040300, 5).driver("snd_hda_intel", "snd_hda_intel"));
    let card = |address, device, class| {
        let card = Pci::new(address, 0x10de, device, class).under(&["0000:00:01.0"]).group(2);
        card.subsystem(0x1043, 0x87b8).driver("vfio-pci", "vfio_pci").reset("bus")
    };
    host.pci(&card("0000:01:00.0", 0x2484, 0x030000));
    host.pci(&card("0000:01:00.1", 0x228b, 0x040300));
    let nic =
        host.pci(&own("0000:02:00.0", 0x15f3, 0x020000, 7).under(&["0000:00:1c.0"]).driver("igc", "igc"));
    let nvme = Pci::new("0000:03:00.0", 0x144d, 0xa80a, 0x010802).under(&["0000:00:1d.0"]).group(9);
    let nvme = host.pci(&nvme.driver("nvme", "nvme"));
    host.disk(&nvme, Disk::Nvme, "nvme0n1", (259, 0), 3).mapper(0, "pve-swap", &["nvme0n1p3"]);
    host.mapper(1, "pve-root", &["nvme0n1p3"])
        .mount((252, 1), "/dev/mapper/pve-root", "/", "ext4")
        .swap("/dev/dm-0");
    host.nic(&nic, "enp2s0").bridge("vmbr0", &["enp2s0"]).default_route("vmbr0");
    let interfaces =
        "auto lo\niface lo inet loopback\n\nauto vmbr0\niface vmbr0 inet dhcp\n\tbridge-ports enp2s0\n";
    host.file("/etc/network/interfaces", interfaces);
    let aliases = [
        ("pci:v000010DEd*sv*sd*bc03sc*i*", "nouveau"),
        ("pci:v000010DEd*sv*sd*bc04sc03i00*", "snd_hda_intel"),
        ("pci:v00008086d00004690sv*sd*bc03sc*i*", "i915"),
        ("pci:v*d*sv*sd*bc01sc08i02*", "nvme"),
    ];
    kernel(&host, &["drivers/gpu/drm/nouveau/nouveau.ko", "sound/pci/hda/snd-hda-intel.ko"], &aliases);
    let arguments = "root=/dev/mapper/pve-root ro quiet intel_iommu=on";
    host.file("/etc/default/grub", main_file("Proxmox").replace("\"quiet\"", "\"quiet intel_iommu=on\""));
    grub(&host, "Proxmox VE", &[KERNEL], arguments, "root=/dev/mapper/pve-root ro single");
    host.file(
        "/etc/modprobe.d/pci-passthrough-vfio.conf",
        "options vfio-pci ids=10de:2484,10de:228b\nsoftdep nouveau pre: vfio-pci\nsoftdep snd_hda_intel pre: vfio-pci\n",
    );
    host.file(
        "/etc/modprobe.d/pve-blacklist.conf",
        "# The console stays with the GPU driver.\nblacklist nvidiafb\n",
    );
    host.cmdline(&format!("BOOT_IMAGE=/boot/vmlinuz-{KERNEL} {arguments}"));
    booted(&host)
}

/// An AMD server with a two-port network card. The first port is the host's; of the second one the
/// virtual functions are on vfio-pci, by their id. Root on NVMe, a BMC's display.
pub fn sriov_server(dir: &Path) -> Host {
    let host = Host::new(dir);
    host.cpu("AuthenticAMD", "AMD EPYC 7302 16-Core Processor", "svm").acpi_table("IVRS").acpi_table("FACP");
    host.iommu_unit("ivhd0");
    let port =
        |address, group| Pci::new(address, 0x1022, 0x1483, 0x060400).driver("pcieport", "").group(group);
    host.pci(&port("0000:40:01.1", 40));
    host.pci(&port("0000:60:01.1", 60));
    host.pci(&port("0000:60:05.2", 61));
    let nic =
        |address, group| Pci::new(address, 0x8086, 0x1572, 0x020000).under(&["0000:40:01.1"]).group(group);
    let first = host.pci(&nic("0000:41:00.0", 41).driver("i40e", "i40e").sriov(32, 0));
    let second = host.pci(&nic("0000:41:00.1", 42).driver("i40e", "i40e").sriov(32, 2));
    for (number, address) in ["0000:41:0a.0", "0000:41:0a.1"].into_iter().enumerate() {
        let function =
            Pci::new(address, 0x8086, 0x154c, 0x020000).under(&["0000:40:01.1"]).virtual_of(&second);
        let function = host.pci(&function.group(43 + number as u32).driver("vfio-pci", "vfio_pci"));
        host.relative_link(&format!("{second}/virtfn{number}"), &function);
    }
    host.nic(&first, "enp65s0f0")
        .nic(&second, "enp65s0f1")
        .bond("bond0", &["enp65s0f0"])
        .default_route("bond0");
    let nvme = Pci::new("0000:61:00.0", 0x144d, 0xa80a, 0x010802).under(&["0000:60:01.1"]).group(62);
    let nvme = host.pci(&nvme.driver("nvme", "nvme"));
    host.disk(&nvme, Disk::Nvme, "nvme0n1", (259, 0), 2).mount((259, 2), "/dev/nvme0n1p2", "/", "xfs");
    let bmc = Pci::new("0000:62:00.0", 0x1a03, 0x2000, 0x030000).under(&["0000:60:05.2"]).group(63);
    let bmc = host.pci(&bmc.driver("ast", "ast").boot_vga().reset("bus"));
    host.display(&bmc, "drm", "card0").file("/proc/fb", "0 astdrmfb\n");
    host.swap("/swapfile");
    let aliases =
        [("pci:v00008086d0000154Csv*sd*bc*sc*i*", "iavf"), ("pci:v00008086d00001572sv*sd*bc*sc*i*", "i40e")];
    kernel(
        &host,
        &["drivers/net/ethernet/intel/iavf/iavf.ko", "drivers/net/ethernet/intel/i40e/i40e.ko"],
        &aliases,
    );
    host.file("/etc/default/grub", main_file("Debian"));
    grub(
        &host,
        "Debian GNU/Linux",
        &[KERNEL],
        "root=/dev/nvme0n1p2 ro quiet",
        "root=/dev/nvme0n1p2 ro single",
    );
    host.file("/etc/modprobe.d/vfio.conf", "options vfio-pci ids=8086:154c\nblacklist iavf\n");
    host.cmdline(&format!("BOOT_IMAGE=/boot/vmlinuz-{KERNEL} root=/dev/nvme0n1p2 ro quiet"));
    booted(&host)
}

/// An Intel server with its root on ZFS, booted by systemd-boot from two ESPs that proxmox-boot-tool
/// fills. Of two equal storage controllers the first is bound by its address; the second has the
/// host's own pool of data.
pub fn zfs_two_hbas(dir: &Path) -> Host {
    let host = Host::new(dir);
    host.cpu("GenuineIntel", "Intel(R) Xeon(R) E-2388G CPU @ 3.20GHz", "vmx")
        .acpi_table("DMAR")
        .acpi_table("FACP");
    host.iommu_unit("dmar0").file("/sys/firmware/efi/fw_platform_size", "64\n");
    host.loader_info("systemd-boot 252.22-1~deb12u1")
        .file("/etc/kernel/proxmox-boot-uuids", "ABCD-0001\nABCD-0002\n");
    let port = |address, device, group| {
        Pci::new(address, 0x8086, device, 0x060400).driver("pcieport", "").group(group)
    };
    host.pci(&port("0000:00:01.0", 0x4c01, 1));
    host.pci(&port("0000:00:01.1", 0x4c05, 2));
    host.pci(&port("0000:00:1c.0", 0x43b8, 3));
    let hba = |address, port, group| {
        Pci::new(address, 0x1000, 0x0072, 0x010700).under(&[port]).subsystem(0x1000, 0x3020).group(group)
    };
    host.pci(&hba("0000:01:00.0", "0000:00:01.0", 11).driver("vfio-pci", "vfio_pci"));
    let kept = host.pci(&hba("0000:02:00.0", "0000:00:01.1", 12).driver("mpt3sas", "mpt3sas"));
    let sata = host.pci(&Pci::new("0000:00:17.0", 0x8086, 0x43d2, 0x010601).driver("ahci", "ahci").group(4));
    host.disk(&sata, Disk::Sata, "sda", (8, 0), 3).disk(&sata, Disk::Sata, "sdb", (8, 16), 3);
    host.disk(&kept, Disk::Sata, "sdc", (8, 32), 1);
    let member = |minor: u32, pool: &str| {
        let record = format!("E:ID_FS_TYPE=zfs_member\nE:ID_FS_LABEL={pool}\n");
        host.file(&format!("/run/udev/data/b8:{minor}"), record);
    };
    member(3, "rpool");
    member(19, "rpool");
    member(33, "tank");
    host.mount((0, 28), "rpool/ROOT/pve-1", "/", "zfs")
        .mount((0, 40), "tank", "/tank", "zfs")
        .swap("/dev/sda1");
    let nic = Pci::new("0000:03:00.0", 0x8086, 0x1533, 0x020000).under(&["0000:00:1c.0"]).group(13);
    let nic = host.pci(&nic.driver("igb", "igb"));
    host.nic(&nic, "eno1").bridge("vmbr0", &["eno1"]).default_route("vmbr0");
    let aliases =
        [("pci:v00001000d00000072sv*sd*bc*sc*i*", "mpt3sas"), ("pci:v*d*sv*sd*bc01sc06i01*", "ahci")];
    kernel(&host, &["drivers/scsi/mpt3sas/mpt3sas.ko", "drivers/ata/ahci.ko"], &aliases);
    let line = "root=ZFS=rpool/ROOT/pve-1 boot=zfs intel_iommu=on";
    host.file("/etc/kernel/cmdline", format!("{line}\n"));
    for esp in ["ABCD-0001", "ABCD-0002"] {
        let entry = format!(
            "title    Proxmox Virtual Environment\nversion  {KERNEL}\noptions  {line}\n\
             linux    /EFI/proxmox/{KERNEL}/vmlinuz-{KERNEL}\ninitrd   /EFI/proxmox/{KERNEL}/initrd.img-{KERNEL}\n"
        );
        let path = format!("/var/tmp/espmounts/{esp}/loader/entries/proxmox-{KERNEL}.conf");
        host.file(&path, entry);
    }
    program(&host, "/usr/sbin/update-initramfs", "It rebuilds /boot/initrd.img-*.");
    host.file(
        "/etc/initramfs-tools/scripts/init-top/00-pci-passthrough",
        "#!/bin/sh\n# Binds PCI devices to vfio-pci by their addresses (pci.passthrough.vfio_bind).\n\
         take 0000:01:00.0 1000:0072 1000:3020\n",
    );
    host.cmdline(&format!("initrd=\\EFI\\proxmox\\{KERNEL}\\initrd.img-{KERNEL} {line}"));
    booted(&host)
}

/// The one kernel, running, with VFIO loaded. It switches Intel's IOMMU on only where it is told to.
fn kernel(host: &Host, modules: &[&str], aliases: &[(&str, &str)]) {
    let modules: Vec<&str> = VFIO.iter().chain(modules).copied().collect();
    let config = ["CONFIG_AMD_IOMMU=y", "CONFIG_INTEL_IOMMU=y", "# CONFIG_INTEL_IOMMU_DEFAULT_ON is not set"];
    host.kernel(KERNEL, &modules, &["drivers/pci/pcie/pcieportdrv.ko"], &config).aliases(KERNEL, aliases);
    running(host, KERNEL, &["vfio", "vfio_iommu_type1", "vfio_pci"]);
    host.file("/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts", "N\n");
    modules_files(host);
    interrupts(host, "IR-");
}

/// The image was built after all that goes into it, and the machine booted after that.
fn booted(host: &Host) -> Host {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_secs();
    host.time(&format!("/boot/initrd.img-{KERNEL}"), now + 3600);
    host.file("/proc/stat", format!("cpu  1 2 3\nbtime {}\n", now + 7200));
    Host::new(host.dir())
}
