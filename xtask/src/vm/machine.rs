//! The emulated machine: an IOMMU of either vendor, and cards to pass through.

use std::path::Path;

use crate::vm::process;

/// The card that SSH goes over; the guest configures it alone.
pub const SSH_MAC: &str = "52:54:00:e2:e0:01";

/// Every guest's kernel messages go to the serial line by polling. QEMU's emulated AMD IOMMU loses the
/// interrupts of the IO-APIC: without `no_timer_check` Linux 6.1 panics, with `console=ttyS0` 6.12 waits half
/// a minute at every close of the console.
pub const CONSOLE: &str = "no_timer_check earlycon=uart8250,io,0x3f8 keep_bootcon";

/// Whose IOMMU the machine has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vendor {
    /// VT-d.
    Intel,
    /// AMD-Vi.
    Amd,
}

impl Vendor {
    /// As the tables show it.
    pub fn label(self) -> &'static str {
        match self {
            Vendor::Intel => "Intel",
            Vendor::Amd => "AMD",
        }
    }

    /// The parameter that the collection sets.
    pub fn parameter(self) -> &'static str {
        match self {
            Vendor::Intel => "intel_iommu=on",
            Vendor::Amd => "amd_iommu=on",
        }
    }
}

/// How the guest's disk is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disk<'a> {
    /// A qcow2 overlay; what QEMU has not written may be lost with it, which only a test of power cuts minds.
    Overlay(&'a Path),
    /// A raw file written through to this machine's page cache: what the guest was told is written stays
    /// when QEMU is killed, what it still held in its own memory is gone.
    Raw(&'a Path),
}

/// UEFI's code for the machine, and the variables that every guest begins with (Debian's package ovmf).
pub const UEFI: [&str; 2] = ["/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"];

/// A machine to switch on.
#[derive(Debug, Clone, Copy)]
pub struct Machine<'a> {
    /// Whose IOMMU it has.
    pub vendor: Vendor,
    /// Its disk.
    pub disk: Disk<'a>,
    /// UEFI with this file for its variables; a BIOS without.
    pub uefi: Option<&'a Path>,
}

/// QEMU's command line, without what belongs to a single run (console, monitor).
pub fn command(machine: Machine<'_>, port: u16) -> std::process::Command {
    let Machine { vendor, disk, uefi } = machine;
    let mut qemu = process::owned("qemu-system-x86_64");
    let (processor, iommu) = match vendor {
        Vendor::Intel => ("qemu64,vendor=GenuineIntel", "intel-iommu,intremap=on"),
        Vendor::Amd => ("qemu64,vendor=AuthenticAMD", "amd-iommu,intremap=on"),
    };
    qemu.args(["-accel", "tcg,thread=multi,tb-size=512", "-machine", "q35", "-cpu", processor]);
    qemu.args(["-smp", "1", "-m", "1024", "-nodefaults", "-display", "none", "-vga", "none"]);
    if let Some(variables) = uefi {
        let [code, _] = UEFI;
        qemu.args(["-drive", &format!("if=pflash,format=raw,readonly=on,file={code}")]);
        qemu.args(["-drive", &format!("if=pflash,format=raw,file={}", variables.display())]);
    }
    // Before the devices it stands in front of.
    qemu.args(["-device", iommu]);
    let drive = match disk {
        Disk::Overlay(path) => format!("if=none,id=hd0,format=qcow2,cache=unsafe,file={}", path.display()),
        Disk::Raw(path) => format!("if=none,id=hd0,format=raw,cache=writeback,file={}", path.display()),
    };
    qemu.args(["-drive", &drive, "-device", "virtio-blk-pci,drive=hd0,addr=02.0"]);
    qemu.args(["-netdev", &format!("user,id=n0,restrict=on,hostfwd=tcp:127.0.0.1:{port}-:22")]);
    qemu.args(["-device", &format!("virtio-net-pci,netdev=n0,mac={SSH_MAC},romfile=,addr=03.0")]);
    qemu.args(["-device", "virtio-rng-pci,addr=04.0"]);
    for device in CARDS {
        qemu.args(["-device", device]);
    }
    qemu
}

/// Cards to pass through, each kind of topology once. No NVMe: with AMD's emulated IOMMU it needs `iommu=pt`.
const CARDS: [&str; 18] = [
    // Two of the same card, each in a group of its own.
    "pcie-root-port,id=rp1,chassis=1,addr=10.0",
    "e1000e,bus=rp1,mac=52:54:00:e2:e0:11,romfile=",
    "pcie-root-port,id=rp2,chassis=2,addr=11.0",
    "e1000e,bus=rp2,mac=52:54:00:e2:e0:12,romfile=",
    "pcie-root-port,id=rp4,chassis=4,addr=13.0",
    "qemu-xhci,bus=rp4",
    // Behind a bridge to conventional PCI: one group.
    "pcie-root-port,id=rp5,chassis=5,addr=14.0",
    "pcie-pci-bridge,id=pb,bus=rp5",
    "e1000,bus=pb,addr=1.0,romfile=,mac=52:54:00:e2:e0:21",
    "e1000,bus=pb,addr=2.0,romfile=,mac=52:54:00:e2:e0:22",
    // A port without ACS shares its group with the card.
    "pcie-root-port,id=rp6,chassis=6,disable-acs=on,addr=15.0",
    "e1000e,bus=rp6,romfile=,mac=52:54:00:e2:e0:31",
    // Two ports without ACS in one slot.
    "pcie-root-port,id=rp7,chassis=7,disable-acs=on,addr=16.0,multifunction=on",
    "igb,bus=rp7,romfile=,mac=52:54:00:e2:e0:41",
    "pcie-root-port,id=rp8,chassis=8,disable-acs=on,addr=16.1",
    // Two functions of one card, display and sound, as a graphics card has them.
    "pcie-root-port,id=rp9,chassis=9,addr=17.0",
    "bochs-display,bus=rp9,addr=0.0,multifunction=on",
    "intel-hda,bus=rp9,addr=0.1",
];
