//! What the wanted parameters depend on.

use host::kernels::{self, Kernel};
use host::{Root, kernel_config, proc};
use protocol::Failure;

use crate::{Asked, EnableParameter, Vendor};

/// The machine, apart from its boot loader.
#[derive(Debug)]
pub struct Machine {
    /// The installed kernels.
    pub kernels: Vec<Kernel>,
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

impl Machine {
    /// Reads it.
    ///
    /// # Errors
    /// What cannot be read.
    pub fn observe(asked: &Asked, root: &Root) -> Result<Machine, Failure> {
        let kernels = kernels::installed(root)?;
        let vendor = match asked.vendor {
            Vendor::Auto => proc::cpu(root).and_then(|cpu| cpu.vendor),
            Vendor::Intel => Some(proc::Vendor::Intel),
            Vendor::Amd => Some(proc::Vendor::Amd),
            Vendor::Arm => Some(proc::Vendor::Arm),
        };
        let on_by_default = asked.enable_parameter == EnableParameter::WhenNeeded
            && match vendor {
                Some(vendor) => kernel_config::all_on_by_default(root, &kernels, vendor)?,
                None => false,
            };
        Ok(Machine {
            vendor,
            on_by_default,
            cpuinfo_path: root.full("/proc/cpuinfo"),
            cmdline: proc::cmdline(root),
            root: root.path().display().to_string(),
            kernels,
        })
    }

    /// The names under which boot entries know the kernels.
    pub fn releases(&self) -> Vec<String> {
        self.kernels.iter().map(|kernel| kernel.entry_name().to_string()).collect()
    }

    /// A path, or a message that starts with one, with the root before it.
    pub fn full(&self, text: &str) -> String {
        if self.root == "/" || !text.starts_with('/') {
            return text.to_string();
        }
        format!("{}{text}", self.root.trim_end_matches('/'))
    }
}
