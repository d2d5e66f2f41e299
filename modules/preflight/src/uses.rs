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
    /// The class code, 24 bits (`0x030000`: a VGA controller).
    pub class: u32,
    /// The driver bound to it.
    pub driver: Option<String>,
    /// That driver's kernel module, `_` in its name.
    pub module: Option<String>,
    /// Whether the firmware used it as the first display; `None` for other classes.
    pub boot_vga: Option<bool>,
    /// What the host uses it for.
    pub uses: Vec<Use>,
}

impl Device {
    /// Whether it is a display controller (base class 0x03).
    pub fn is_display(&self) -> bool {
        self.class >> 16 == 0x03
    }
}
