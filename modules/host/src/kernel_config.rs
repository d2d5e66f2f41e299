//! What a kernel was built to do, from its config file.

use preflight::{IommuDefault, Vendor};

use crate::kernels::Kernel;
use crate::{HostError, Root};

/// Whether the kernel switches the vendor's IOMMU on without a parameter; `None` where its config
/// is not there. Options as in the kernel's `drivers/iommu/*/Kconfig`;
/// `CONFIG_INTEL_IOMMU_DEFAULT_ON_INTGPU_OFF` is Debian's.
pub fn iommu_default(
    root: &Root,
    kernel: &Kernel,
    vendor: Vendor,
) -> Result<Option<IommuDefault>, HostError> {
    let Some(path) = &kernel.config else { return Ok(None) };
    Ok(root.read_opt(path)?.map(|config| default_of(&config, vendor)))
}

/// Whether each of the kernels switches the vendor's IOMMU on for every device without a parameter.
/// A kernel whose config is not there, and one that leaves the integrated GPU out, does not.
pub fn all_on_by_default(root: &Root, kernels: &[Kernel], vendor: Vendor) -> Result<bool, HostError> {
    for kernel in kernels {
        if iommu_default(root, kernel, vendor)? != Some(IommuDefault::On) {
            return Ok(false);
        }
    }
    Ok(!kernels.is_empty())
}

/// The running kernel's default, else, in a tree that is not running, the weakest of the installed ones.
pub fn default_in_force(
    running: Option<&str>,
    kernels: &[(Kernel, Option<IommuDefault>)],
) -> Option<IommuDefault> {
    let strength = |default: &IommuDefault| match default {
        IommuDefault::Off => 0,
        IommuDefault::OnExceptIgpu => 1,
        IommuDefault::On => 2,
    };
    match running {
        Some(running) => kernels.iter().find(|(kernel, _)| kernel.release == running)?.1,
        None => kernels.iter().filter_map(|(_, default)| *default).min_by_key(strength),
    }
}

fn default_of(config: &[u8], vendor: Vendor) -> IommuDefault {
    let set = |wanted: &[&str]| {
        let names = |line: &[u8]| {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            line.strip_suffix(b"=y")
                .and_then(|l| l.strip_prefix(b"CONFIG_"))
                .is_some_and(|name| wanted.iter().any(|w| w.as_bytes() == name))
        };
        config.split(|b| *b == b'\n').any(names)
    };
    match vendor {
        Vendor::Intel if !set(&["INTEL_IOMMU"]) => IommuDefault::Off,
        Vendor::Intel if set(&["INTEL_IOMMU_DEFAULT_ON"]) => IommuDefault::On,
        Vendor::Intel if set(&["INTEL_IOMMU_DEFAULT_ON_INTGPU_OFF"]) => IommuDefault::OnExceptIgpu,
        Vendor::Amd if set(&["AMD_IOMMU"]) => IommuDefault::On,
        Vendor::Arm if set(&["ARM_SMMU", "ARM_SMMU_V3"]) => IommuDefault::On,
        _ => IommuDefault::Off,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults() {
        use IommuDefault::*;
        for (config, intel, amd, arm) in [
            ("CONFIG_AMD_IOMMU=y\nCONFIG_INTEL_IOMMU=y\nCONFIG_INTEL_IOMMU_DEFAULT_ON=y\n", On, On, Off),
            (
                "CONFIG_INTEL_IOMMU=y\n# CONFIG_INTEL_IOMMU_DEFAULT_ON is not set\n\
                 CONFIG_INTEL_IOMMU_DEFAULT_ON_INTGPU_OFF=y\n",
                OnExceptIgpu,
                Off,
                Off,
            ),
            ("CONFIG_INTEL_IOMMU=y\nCONFIG_ARM_SMMU_V3=y\n", Off, Off, On),
            ("CONFIG_INTEL_IOMMU_DEFAULT_ON=y\n", Off, Off, Off),
            ("", Off, Off, Off),
        ] {
            let found = [Vendor::Intel, Vendor::Amd, Vendor::Arm].map(|v| default_of(config.as_bytes(), v));
            assert_eq!(found, [intel, amd, arm], "{config}");
        }
    }
}
