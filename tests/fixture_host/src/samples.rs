//! The two sample hosts in `tests/fixtures/hosts`, which the demo copies and changes.
//!
//! `cargo run -p fixture_host --example samples` writes them anew; a test holds tree and builder
//! together.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::{Disk, Host, Pci};

const PVE_KERNELS: [&str; 2] = ["6.5.11-8-pve", "6.5.13-1-pve"];
const DEBIAN_KERNELS: [&str; 2] = ["6.1.0-17-amd64", "6.1.0-18-amd64"];

/// A Proxmox VE host with an Intel processor: VT-d is on in the firmware, the kernel does not
/// switch it on by itself. Root on LVM on NVMe, bridge `vmbr0` on the only network card, an
/// integrated GPU for the console and an NVIDIA card with its audio function to pass on. GRUB's
/// drop-ins: one overrides the main file, a later one appends.
pub fn pve_intel_two_gpus(dir: &Path) -> Host {
    let host = Host::new(dir);
    host.cpu("GenuineIntel", "12th Gen Intel(R) Core(TM) i5-12500", "vmx");
    for table in ["APIC", "DMAR", "FACP", "MCFG", "SSDT1"] {
        host.acpi_table(table);
    }
    host.file("/sys/firmware/efi/fw_platform_size", "64\n");
    host.efi_variable("SecureBoot", "8be4df61-93ca-11d2-aa0d-00e098032b8c", &[0]);

    let port =
        |address, device| Pci::new(address, 0x8086, device, 0x060400).driver("pcieport", "").reset("pm");
    host.pci(&Pci::new("0000:00:00.0", 0x8086, 0x4650, 0x060000).reset(""));
    host.pci(&port("0000:00:01.0", 0x460d));
    let igpu = Pci::new("0000:00:02.0", 0x8086, 0x4690, 0x030000).driver("i915", "i915").boot_vga();
    let igpu = host.pci(&igpu.subsystem(0x1043, 0x8882));
    host.display(&igpu, "drm", "card0").display(&igpu, "graphics", "fb0");
    host.pci(&Pci::new("0000:00:14.0", 0x8086, 0x7ae0, 0x0c0330).driver("xhci_hcd", "xhci_pci"));
    host.pci(&Pci::new("0000:00:17.0", 0x8086, 0x7ae2, 0x010601).driver("ahci", "ahci").reset("pm"));
    host.pci(&port("0000:00:1c.0", 0x7ab8));
    host.pci(&port("0000:00:1d.0", 0x7ab0));
    host.pci(&Pci::new("0000:00:1f.0", 0x8086, 0x7a84, 0x060100).reset(""));
    host.pci(
        &Pci::new("0000:00:1f.3", 0x8086, 0x7ad0, 0x040300)
            .driver("snd_hda_intel", "snd_hda_intel")
            .reset("pm"),
    );
    host.pci(&Pci::new("0000:00:1f.4", 0x8086, 0x7aa3, 0x0c0500).driver("i801_smbus", "i2c_i801").reset(""));
    let gpu =
        Pci::new("0000:01:00.0", 0x10de, 0x2484, 0x030000).under(&["0000:00:01.0"]).subsystem(0x1043, 0x87b8);
    let gpu = host.pci(&gpu.driver("nouveau", "nouveau").reset("bus"));
    host.display(&gpu, "drm", "card1");
    let audio =
        Pci::new("0000:01:00.1", 0x10de, 0x228b, 0x040300).under(&["0000:00:01.0"]).subsystem(0x1043, 0x87b8);
    host.pci(&audio.driver("snd_hda_intel", "snd_hda_intel").reset("bus"));
    let nic =
        Pci::new("0000:02:00.0", 0x8086, 0x15f3, 0x020000).under(&["0000:00:1c.0"]).driver("igc", "igc");
    let nic = host.pci(&nic);
    let nvme =
        Pci::new("0000:03:00.0", 0x144d, 0xa80a, 0x010802).under(&["0000:00:1d.0"]).driver("nvme", "nvme");
    let nvme = host.pci(&nvme);

    host.disk(&nvme, Disk::Nvme, "nvme0n1", (259, 0), 3);
    host.mapper(0, "pve-swap", &["nvme0n1p3"]).mapper(1, "pve-root", &["nvme0n1p3"]);
    host.mount((252, 1), "/dev/mapper/pve-root", "/", "ext4");
    host.mount((259, 2), "/dev/nvme0n1p2", "/boot/efi", "vfat");
    host.swap("/dev/dm-0");
    host.nic(&nic, "enp2s0").bridge("vmbr0", &["enp2s0"]).default_route("vmbr0").default_route_v6("vmbr0");
    host.file("/proc/fb", "0 i915drmfb\n");
    interrupts(&host, "");

    for release in PVE_KERNELS {
        let modules = [
            "drivers/vfio/vfio.ko",
            "drivers/vfio/vfio_iommu_type1.ko",
            "drivers/vfio/pci/vfio-pci-core.ko",
            "drivers/vfio/pci/vfio-pci.ko",
            "drivers/gpu/drm/i915/i915.ko",
            "drivers/gpu/drm/nouveau/nouveau.ko",
            "drivers/video/fbdev/nvidia/nvidiafb.ko",
            "drivers/net/ethernet/intel/igc/igc.ko",
            "drivers/nvme/host/nvme.ko",
            "drivers/ata/ahci.ko",
            "drivers/usb/host/xhci-pci.ko",
            "sound/pci/hda/snd-hda-intel.ko",
        ];
        let builtin = ["drivers/pci/pcie/pcieportdrv.ko", "drivers/video/fbdev/simplefb.ko"];
        let config = [
            "CONFIG_AMD_IOMMU=y",
            "CONFIG_INTEL_IOMMU=y",
            "# CONFIG_INTEL_IOMMU_DEFAULT_ON is not set",
            "CONFIG_IRQ_REMAP=y",
            "CONFIG_VFIO_PCI=m",
        ];
        host.kernel(release, &modules, &builtin, &config).aliases(
            release,
            &[
                ("pci:v000010DEd*sv*sd*bc03sc*i*", "nouveau"),
                ("pci:v000010DEd*sv*sd*bc03sc00i00*", "nvidiafb"),
                ("pci:v00008086d00004690sv*sd*bc03sc*i*", "i915"),
                ("pci:v00008086d000015F3sv*sd*bc*sc*i*", "igc"),
                ("pci:v*d*sv*sd*bc01sc08i02*", "nvme"),
                ("pci:v*d*sv*sd*bc01sc06i01*", "ahci"),
                ("pci:v*d*sv*sd*bc0Csc03i30*", "xhci_pci"),
                ("pci:v00008086d*sv*sd*bc04sc03i00*", "snd_hda_intel"),
                ("pci:v000010DEd*sv*sd*bc04sc03i00*", "snd_hda_intel"),
                ("vfio_pci:v*d*sv*sd*bc*sc*i*", "vfio_pci"),
            ],
        );
    }
    let loaded = ["igc", "nvme", "ahci", "xhci_pci", "i915", "nouveau", "snd_hda_intel", "i2c_i801"];
    running(&host, PVE_KERNELS[1], &loaded);
    let arguments =
        "root=/dev/mapper/pve-root ro quiet console=tty0 console=ttyS0,115200n8 crashkernel=384M-:128M";
    host.cmdline(&format!("BOOT_IMAGE=/boot/vmlinuz-{} {arguments}", PVE_KERNELS[1]));

    host.file("/etc/default/grub", main_file("Proxmox Virtual Environment"));
    host.file("/etc/default/grub.d/50-site-console.cfg", SITE_CONSOLE);
    host.file("/etc/default/grub.d/kdump-tools.cfg", KDUMP);
    grub(&host, "Proxmox VE GNU/Linux", &PVE_KERNELS, arguments, "root=/dev/mapper/pve-root ro single");
    modules_files(&host);
    host.file(
        "/etc/modprobe.d/pve-blacklist.conf",
        "# The console stays with the GPU driver.\nblacklist nvidiafb\n",
    );
    host.file(
        "/etc/os-release",
        "ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n",
    );
    host.file("/usr/share/misc/pci.ids", PCI_IDS);
    host
}

/// A Debian 12 host with an AMD processor, whose IOMMU is on without a parameter. Root on an md
/// mirror of two SATA disks, one network card without a bridge, one GPU, a storage controller to
/// pass on. No drop-ins of GRUB.
pub fn debian_amd(dir: &Path) -> Host {
    let host = Host::new(dir);
    host.cpu("AuthenticAMD", "AMD Ryzen 7 5700X 8-Core Processor", "svm");
    for table in ["APIC", "FACP", "IVRS", "MCFG"] {
        host.acpi_table(table);
    }
    host.iommu_unit("ivhd0");
    host.file("/sys/devices/virtual/iommu/ivhd0/amd-iommu/cap", "190b640f\n");

    let bridge = |address, device, class| Pci::new(address, 0x1022, device, class).reset("");
    let port = |address, device| bridge(address, device, 0x060400).driver("pcieport", "").reset("pm");
    host.pci(&bridge("0000:00:00.0", 0x1480, 0x060000));
    host.pci(&bridge("0000:00:00.2", 0x1481, 0x080600));
    host.pci(&bridge("0000:00:01.0", 0x1482, 0x060000).group(0));
    host.pci(&port("0000:00:01.2", 0x1483).group(1));
    host.pci(&port("0000:00:03.1", 0x1483).group(2));
    host.pci(&port("0000:00:03.2", 0x1483).group(3));
    host.pci(&port("0000:00:08.1", 0x1484).group(4));
    host.pci(&bridge("0000:00:14.0", 0x790b, 0x0c0500).driver("piix4_smbus", "i2c_piix4").group(5));
    host.pci(&bridge("0000:00:14.3", 0x790e, 0x060100).group(5));
    let below = |address, id: (u16, u16), class, port| Pci::new(address, id.0, id.1, class).under(&[port]);
    let nic =
        below("0000:05:00.0", (0x10ec, 0x8168), 0x020000, "0000:00:01.2").driver("r8169", "r8169").group(6);
    let nic = host.pci(&nic);
    let gpu =
        below("0000:07:00.0", (0x1002, 0x73ff), 0x030000, "0000:00:03.1").driver("amdgpu", "amdgpu").group(7);
    let gpu = host.pci(&gpu.boot_vga().reset("bus"));
    host.display(&gpu, "drm", "card0").display(&gpu, "graphics", "fb0");
    let audio = below("0000:07:00.1", (0x1002, 0xab28), 0x040300, "0000:00:03.1").reset("bus").group(8);
    host.pci(&audio.driver("snd_hda_intel", "snd_hda_intel"));
    let hba = below("0000:08:00.0", (0x1000, 0x0072), 0x010700, "0000:00:03.2").subsystem(0x1000, 0x3020);
    host.pci(&hba.driver("mpt3sas", "mpt3sas").group(9));
    let usb = below("0000:0a:00.3", (0x1022, 0x149c), 0x0c0330, "0000:00:08.1").group(10);
    host.pci(&usb.driver("xhci_hcd", "xhci_pci"));
    let sata =
        below("0000:0b:00.0", (0x1022, 0x7901), 0x010601, "0000:00:08.1").driver("ahci", "ahci").group(11);
    let sata = host.pci(&sata.reset("pm"));

    host.disk(&sata, Disk::Sata, "sda", (8, 0), 2).disk(&sata, Disk::Sata, "sdb", (8, 16), 2);
    host.md(0, "raid1", &["sda2", "sdb2"]).mount((9, 0), "/dev/md0", "/", "ext4").swap("/dev/sda1");
    host.nic(&nic, "enp5s0").default_route("enp5s0");
    host.file("/proc/fb", "0 amdgpudrmfb\n");
    interrupts(&host, "IR-");

    for release in DEBIAN_KERNELS {
        let modules = [
            "drivers/vfio/vfio.ko",
            "drivers/vfio/vfio_virqfd.ko",
            "drivers/vfio/vfio_iommu_type1.ko",
            "drivers/vfio/pci/vfio-pci-core.ko",
            "drivers/vfio/pci/vfio-pci.ko",
            "drivers/gpu/drm/amd/amdgpu/amdgpu.ko",
            "drivers/gpu/drm/radeon/radeon.ko",
            "drivers/net/ethernet/realtek/r8169.ko",
            "drivers/scsi/mpt3sas/mpt3sas.ko",
            "drivers/scsi/sd_mod.ko",
            "drivers/ata/ahci.ko",
            "drivers/usb/host/xhci-pci.ko",
            "sound/pci/hda/snd-hda-intel.ko",
        ];
        let builtin = ["drivers/pci/pcie/pcieportdrv.ko", "drivers/video/fbdev/simplefb.ko"];
        let config = [
            "CONFIG_AMD_IOMMU=y",
            "CONFIG_INTEL_IOMMU=y",
            "# CONFIG_INTEL_IOMMU_DEFAULT_ON is not set",
            "CONFIG_INTEL_IOMMU_DEFAULT_ON_INTGPU_OFF=y",
            "CONFIG_VFIO_PCI=m",
        ];
        host.kernel(release, &modules, &builtin, &config).aliases(
            release,
            &[
                ("pci:v00001002d000073FFsv*sd*bc*sc*i*", "amdgpu"),
                ("pci:v00001002d*sv*sd*bc03sc00i00*", "amdgpu"),
                ("pci:v000010ECd00008168sv*sd*bc*sc*i*", "r8169"),
                ("pci:v00001000d00000072sv*sd*bc*sc*i*", "mpt3sas"),
                ("pci:v*d*sv*sd*bc01sc06i01*", "ahci"),
                ("pci:v*d*sv*sd*bc0Csc03i30*", "xhci_pci"),
                ("pci:v00001002d0000AB28sv*sd*bc*sc*i*", "snd_hda_intel"),
            ],
        );
    }
    let loaded =
        ["amdgpu", "r8169", "mpt3sas", "sd_mod", "ahci", "xhci_pci", "snd_hda_intel", "raid1", "i2c_piix4"];
    running(&host, DEBIAN_KERNELS[1], &loaded);
    let arguments = "root=/dev/md0 ro quiet";
    host.cmdline(&format!("BOOT_IMAGE=/boot/vmlinuz-{} {arguments}", DEBIAN_KERNELS[1]));

    host.file("/etc/default/grub", main_file("Debian"));
    grub(&host, "Debian GNU/Linux", &DEBIAN_KERNELS, arguments, "root=/dev/md0 ro single");
    modules_files(&host);
    host.file("/etc/modprobe.d/local.conf", "# Quieter sound.\noptions snd_hda_intel power_save=1\n");
    host.file(
        "/etc/os-release",
        "ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n",
    );
    host.file("/usr/share/misc/pci.ids", PCI_IDS);
    host
}

pub(crate) fn main_file(distributor: &str) -> String {
    format!(
        "# Settings of GRUB. Run update-grub after a change.\n\nGRUB_DEFAULT=0\nGRUB_TIMEOUT=5\n\
         GRUB_DISTRIBUTOR=\"{distributor}\"\nGRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\nGRUB_CMDLINE_LINUX=\"\"\n\n\
         # For a graphical console:\n#GRUB_GFXMODE=640x480\n\n# GRUB_ID=`echo fixture`\n"
    )
}

const SITE_CONSOLE: &str = "# This site has serial consoles.\n\
    GRUB_CMDLINE_LINUX_DEFAULT=\"quiet console=tty0 console=ttyS0,115200n8\"\nGRUB_TERMINAL=\"console serial\"\n";
const KDUMP: &str = "GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT crashkernel=384M-:128M\"\n";

/// Generated entries of every kernel, newest first, and the programs that would generate them.
pub(crate) fn grub(host: &Host, title: &str, kernels: &[&str], arguments: &str, recovery: &str) {
    let mut text = "# Fixture: what grub-mkconfig would write.\nset timeout=5\n\n".to_string();
    let entry = |title: &str, release: &str, arguments: &str| {
        format!(
            "menuentry '{title}' --class gnu-linux --class os {{\n\tinsmod gzio\n\
             \techo\t'Loading Linux {release} ...'\n\tlinux\t/boot/vmlinuz-{release} {arguments}\n\
             \tinitrd\t/boot/initrd.img-{release}\n}}\n"
        )
    };
    for release in kernels.iter().rev() {
        text += &entry(&format!("{title}, with Linux {release}"), release, arguments);
        text += &entry(&format!("{title}, with Linux {release} (recovery mode)"), release, recovery);
    }
    host.file("/boot/grub/grub.cfg", text);
    program(
        host,
        "/usr/sbin/grub-mkconfig",
        "It sources /etc/default/grub and then ${sysconfdir}/default/grub.d/*.cfg.",
    );
    program(host, "/usr/sbin/update-grub", "It runs grub-mkconfig -o /boot/grub/grub.cfg.");
    program(host, "/usr/sbin/update-initramfs", "It rebuilds /boot/initrd.img-*.");
}

pub(crate) fn program(host: &Host, path: &str, what: &str) {
    let name = path.rsplit('/').next().unwrap_or_default();
    let text = format!(
        "#!/bin/sh\n# Fixture: stands for Debian's {name}. {what}\necho '{name}: a fixture' >&2\nexit 1\n"
    );
    host.file(path, text);
    std::fs::set_permissions(host.at(path), Permissions::from_mode(0o755)).expect("a file just written");
}

pub(crate) fn modules_files(host: &Host) {
    host.file("/etc/modules", "# Modules to load at boot, one a line.\n\n");
    host.link("/etc/modules-load.d/modules.conf", "../modules");
}

/// Loaded modules, each with a file, since git keeps no empty folder.
pub(crate) fn running(host: &Host, release: &str, modules: &[&str]) {
    host.running(release, modules);
    for module in modules {
        host.file(&format!("/sys/module/{module}/initstate"), "live\n");
    }
}

pub(crate) fn interrupts(host: &Host, remapped: &str) {
    host.file(
        "/proc/interrupts",
        format!(
            "            CPU0       CPU1\n   8:          0          1  {remapped}IO-APIC    8-edge      rtc0\n \
             120:          7          0  {remapped}PCI-MSI    0-edge      nvme0q0\n"
        ),
    );
}

/// Names of the devices on these two hosts, in the format of pci.ids(5).
const PCI_IDS: &str = "# Fixture: the devices of the sample hosts.
1000  Broadcom / LSI
\t0072  SAS2008 PCI-Express Fusion-MPT SAS-2 [Falcon]
\t\t1000 3020  9211-8i
1002  Advanced Micro Devices, Inc. [AMD/ATI]
\t73ff  Navi 23 [Radeon RX 6600/6600 XT/6600M]
\tab28  Navi 21/23 HDMI/DP Audio Controller
1022  Advanced Micro Devices, Inc. [AMD]
\t7901  FCH SATA Controller [AHCI mode]
10de  NVIDIA Corporation
\t228b  GA104 High Definition Audio Controller
\t2484  GA104 [GeForce RTX 3070]
10ec  Realtek Semiconductor Co., Ltd.
\t8168  RTL8111/8168/8411 PCI Express Gigabit Ethernet Controller
144d  Samsung Electronics Co Ltd
\ta80a  NVMe SSD Controller PM9A1/PM9A3/980PRO
8086  Intel Corporation
\t15f3  Ethernet Controller I225-V
\t4690  AlderLake-S GT1
C 01  Mass storage controller
\t06  SATA controller
\t\t01  AHCI 1.0
\t07  Serial Attached SCSI controller
\t08  Non-Volatile memory controller
\t\t02  NVM Express
C 02  Network controller
\t00  Ethernet controller
C 03  Display controller
\t00  VGA compatible controller
\t\t00  VGA controller
C 04  Multimedia controller
\t03  Audio device
C 06  Bridge
\t00  Host bridge
\t01  ISA bridge
\t04  PCI bridge
";
