//! What the host itself uses a PCI device for: the input of the guards.

use serde::Serialize;

/// What a device is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UseKind {
    /// A file system without which the host does not run: `/`, `/boot`, `/boot/efi`, `/usr`, `/var`.
    RootDisk,
    /// The way to the default route, IPv4 or IPv6.
    DefaultRoute,
    /// A swap area.
    Swap,
    /// Another mounted file system.
    Mount,
    /// A display controller that shows something: boot VGA, a DRM card, a framebuffer.
    Display,
}

impl UseKind {
    /// `root_disk`, `default_route`, `swap`, `mount` or `display`.
    pub fn as_str(self) -> &'static str {
        match self {
            UseKind::RootDisk => "root_disk",
            UseKind::DefaultRoute => "default_route",
            UseKind::Swap => "swap",
            UseKind::Mount => "mount",
            UseKind::Display => "display",
        }
    }
}

/// One use of a device.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Use {
    /// What for.
    pub kind: UseKind,
    /// Which: `/ on dm-1 over nvme0n1p3`, `vmbr0 over eno1`.
    pub what: String,
    /// The kernel modules on the way from the use down to the PCI device, `_` in their names:
    /// without any one of them the use is lost (`sd_mod`, `ahci`; `virtio_blk`, `virtio_pci`).
    pub modules: Vec<String>,
}

/// A PCI device as the guards see it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Device {
    /// `0000:01:00.0`.
    pub address: String,
    /// Vendor and device: `10de:1b80`, lower case, as `ids=` has it.
    pub id: String,
    /// Subsystem vendor and device: `1043:87b8`; `None` where the function has none.
    pub subsystem: Option<String>,
    /// What modprobe looks a driver up by.
    pub modalias: String,
    /// The class code, 24 bits (`0x030000`: a VGA controller).
    pub class: u32,
    /// Whether it is a PCI-to-PCI or CardBus bridge (header type 1 or 2).
    pub bridge: bool,
    /// The number of its IOMMU group; `None` where the IOMMU is off.
    pub iommu_group: Option<u32>,
    /// The driver bound to it.
    pub driver: Option<String>,
    /// That driver's kernel module, `_` in its name.
    pub module: Option<String>,
    /// Whether the firmware used it as the first display; `None` for other classes.
    pub boot_vga: Option<bool>,
    /// How many virtual functions it has switched on (SR-IOV); 0 where it has none.
    pub active_vfs: u32,
    /// The physical function, where this is a virtual one.
    pub physfn: Option<String>,
    /// How it can be reset, best first; empty where it cannot, `None` where the kernel does not tell.
    pub reset_methods: Option<Vec<String>>,
    /// What the host uses it for.
    pub uses: Vec<Use>,
}

impl Device {
    /// Whether it is a display controller (base class 0x03).
    pub fn is_display(&self) -> bool {
        self.class >> 16 == 0x03
    }

    /// Whether it is on a driver that keeps it for guests.
    pub fn is_kept_for_guests(&self) -> bool {
        self.driver.as_deref().is_some_and(keeps_for_guests)
    }

    /// The address without the function: `0000:01:00`.
    pub fn slot(&self) -> &str {
        self.address.rsplit_once('.').map_or(self.address.as_str(), |(slot, _)| slot)
    }
}

/// Whether a driver keeps its devices for guests: pci-stub, vfio-pci and its variants for single
/// makers (`mlx5_vfio_pci`, `nvgrace-gpu-vfio-pci`). A device on one of them serves nothing on the host.
pub fn keeps_for_guests(driver: &str) -> bool {
    driver == "pci-stub" || driver.replace('-', "_").ends_with("vfio_pci")
}
