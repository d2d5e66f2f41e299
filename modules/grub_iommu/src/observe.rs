//! What the decision depends on.

use host::Root;
use host::bootloader::{self, Bootloader};
use host::grub::{self, Grub};
use host::kernel_config;
use host::kernels::{self, Kernel};
use host::proc;
use protocol::Failure;

use crate::{Args, EnableParameter, Vendor};

/// The host as the module sees it.
#[derive(Debug)]
pub(crate) struct Observed {
    pub bootloader: Bootloader,
    pub grub: Grub,
    pub kernels: Vec<Kernel>,
    /// Whether there are entries in files of their own (Boot Loader Specification).
    pub bls_entries: bool,
    /// As the option says, else as the processor does.
    pub vendor: Option<proc::Vendor>,
    /// Where the processor was looked up, for messages.
    pub cpuinfo_path: String,
    /// Whether every installed kernel switches this vendor's IOMMU on by itself.
    pub on_by_default: bool,
    /// The command line in force; `None` in a tree that is not running.
    pub cmdline: Option<String>,
    /// The root before each path of a message.
    pub root: String,
}

pub(crate) fn observe(args: &Args, root: &Root) -> Result<Observed, Failure> {
    let kernels = kernels::installed(root)?;
    let vendor = match args.vendor {
        Vendor::Auto => proc::cpu(root).and_then(|cpu| cpu.vendor),
        Vendor::Intel => Some(proc::Vendor::Intel),
        Vendor::Amd => Some(proc::Vendor::Amd),
        Vendor::Arm => Some(proc::Vendor::Arm),
    };
    let on_by_default = args.enable_parameter == EnableParameter::WhenNeeded
        && match vendor {
            Some(vendor) => kernel_config::all_on_by_default(root, &kernels, vendor)?,
            None => false,
        };
    Ok(Observed {
        bootloader: bootloader::detect(root)?,
        grub: grub::observe(root, &args.path)?,
        bls_entries: root
            .list("/boot/loader/entries")?
            .iter()
            .any(|name| name.as_encoded_bytes().ends_with(b".conf")),
        vendor,
        cpuinfo_path: root.full("/proc/cpuinfo"),
        on_by_default,
        cmdline: proc::cmdline(root),
        root: root.path().display().to_string(),
        kernels,
    })
}
