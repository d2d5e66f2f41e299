//! What the decision depends on.

use config_text::kernel_cmdline_file::Reader;
use host::Root;
use host::bootloader::{self, Bootloader};
use host::esp::{self, Entries};
use host::kernel_cmdline::{self, KernelCmdline};
use kernel_parameters::Machine;
use protocol::Failure;

use crate::Args;

/// The host as the module sees it.
#[derive(Debug)]
pub(crate) struct Observed {
    pub machine: Machine,
    pub bootloader: Bootloader,
    /// Who makes the entries from the file.
    pub reader: Reader,
    pub cmdline: KernelCmdline,
    pub entries: Entries,
    /// Whether an ESP is mounted where entries are looked for; `None` where that is not known.
    pub esp_mounted: Option<bool>,
    /// The commands that make the entries anew, in order.
    pub refresh: Vec<Vec<String>>,
}

pub(crate) fn observe(args: &Args, root: &Root) -> Result<Observed, Failure> {
    let machine = Machine::observe(&args.asked(), root)?;
    let bootloader = bootloader::detect(root)?;
    let reader = match bootloader.proxmox_boot_tool {
        true => Reader::ProxmoxBootTool,
        false => Reader::KernelInstall,
    };
    let entries = esp::observe(root)?;
    Ok(Observed {
        cmdline: kernel_cmdline::read(root, &args.path, reader)?,
        refresh: match &args.update_command {
            Some(command) => vec![command.clone()],
            None => esp::refresh_commands(root, &machine.kernels, &entries)?,
        },
        esp_mounted: esp::is_mounted(root),
        machine,
        bootloader,
        reader,
        entries,
    })
}
