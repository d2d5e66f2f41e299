//! What the verdict is concluded from.

/// Whose IOMMU a host has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vendor {
    /// VT-d: Intel, and Zhaoxin and Centaur, whose chipsets use the same table.
    Intel,
    /// AMD-Vi: AMD, and Hygon.
    Amd,
    /// SMMU: 64-bit Arm.
    Arm,
}

impl Vendor {
    /// `intel`, `amd` or `arm`.
    pub fn as_str(self) -> &'static str {
        match self {
            Vendor::Intel => "intel",
            Vendor::Amd => "amd",
            Vendor::Arm => "arm",
        }
    }

    /// The ACPI table that announces the IOMMU.
    pub fn table(self) -> &'static str {
        match self {
            Vendor::Intel => "DMAR",
            Vendor::Amd => "IVRS",
            Vendor::Arm => "IORT",
        }
    }
}

/// Whether a kernel switches the IOMMU on without a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IommuDefault {
    /// It does.
    On,
    /// It does, except for Intel's integrated graphics (Debian's kernels).
    OnExceptIgpu,
    /// It needs `intel_iommu=on`, or has no support for it at all.
    Off,
}

impl IommuDefault {
    /// `on`, `on_except_igpu` or `off`.
    pub fn as_str(self) -> &'static str {
        match self {
            IommuDefault::On => "on",
            IommuDefault::OnExceptIgpu => "on_except_igpu",
            IommuDefault::Off => "off",
        }
    }
}

/// All that the verdict depends on. `None` is "cannot be told".
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evidence {
    /// Whose IOMMU to expect.
    pub vendor: Option<Vendor>,
    /// Whether the processor says that this is a virtual machine.
    pub virtual_machine: bool,
    /// Whether the firmware announces an IOMMU (tables DMAR, IVRS, IORT).
    pub firmware: Option<bool>,
    /// Entries of `/sys/class/iommu`.
    pub units: usize,
    /// Entries of `/sys/kernel/iommu_groups`.
    pub groups: usize,
    /// The tokens of the command line in force; `None` in a tree that is not running.
    pub in_force: Option<Vec<String>>,
    /// The tokens of each boot entry that may boot next, recovery left out.
    pub next_boot: Option<Vec<Vec<String>>>,
    /// The tokens that the boot loader's settings amount to; entries may lag behind them.
    pub settings: Option<Vec<String>>,
    /// The running kernel's default, else the one of the installed kernels.
    pub default: Option<IommuDefault>,
    /// Whether there is no boot loader at all (a container).
    pub no_boot_loader: bool,
    /// Whether vfio and vfio-pci can be loaded or are built in.
    pub vfio: Option<bool>,
    /// Whether interrupts are remapped.
    pub interrupt_remapping: Option<bool>,
    /// Whether `allow_unsafe_interrupts` was set by hand.
    pub unsafe_interrupts: bool,
}
