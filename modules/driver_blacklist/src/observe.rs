//! What the decision depends on.

use std::collections::BTreeMap;

use host::drop_in::{self, DropIn};
use host::initramfs::{self, InitramfsState};
use host::kernels::{self, ModuleState};
use host::{Root, modprobe, proc, uses};
use preflight::Device;
use protocol::Failure;

use crate::{Args, name};

/// The host as far as a blacklist is concerned.
#[derive(Debug, Default)]
pub struct Observed {
    /// Every file in modprobe's directories, masked ones too.
    pub files: Vec<DropIn>,
    /// Files in `/etc/modprobe.d` that modprobe passes over although they look meant.
    pub unread: Vec<DropIn>,
    /// The bytes of the file to write; `None` where it is missing.
    pub at_path: Option<Vec<u8>>,
    /// dracut's settings for the blacklist; `None` where they are missing.
    pub dracut_conf: Option<Vec<u8>>,
    /// Whether the file to write is a link to something that is no file, such as `/dev/null`.
    pub path_leads_nowhere: bool,
    /// The running kernel's command line.
    pub cmdline: Option<String>,
    /// For each driver, the installed kernels that have it built in.
    pub builtin_in: BTreeMap<String, Vec<String>>,
    /// The loaded modules; `None` where that cannot be known.
    pub loaded: Option<Vec<String>>,
    /// Every PCI device with what the host uses it for.
    pub devices: Vec<Device>,
    /// The images and whether they are out of date.
    pub initramfs: InitramfsState,
    /// Whether all these files and images are older than this boot, so that they are in force by now.
    pub booted_with: bool,
}

/// Reads the host.
pub fn observe(args: &Args, root: &Root) -> Result<Observed, Failure> {
    let drivers = name::drivers(args)?;
    name::path(args)?;
    let files = modprobe::read(root)?;
    let unread = modprobe::forgotten(root);
    let path_leads_nowhere = modprobe::leads_nowhere(root, &args.path);
    let at_path = if path_leads_nowhere { None } else { root.read_opt(&args.path)? };
    let kernels = kernels::installed(root)?;
    let mut builtin_in: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for kernel in &kernels {
        let index = kernels::builtin_modules(root, &kernel.release)?;
        for driver in drivers.iter().filter(|driver| index.state(driver) == ModuleState::Builtin) {
            builtin_in.entry(driver.clone()).or_default().push(kernel.release.clone());
        }
    }
    let initramfs = initramfs::observe(root, &kernels)?;
    // /run is filled anew at each boot: its times say nothing.
    let lasting = files.iter().map(DropIn::path).filter(|path| !path.starts_with("/run/"));
    let booted_with = lasting
        .chain(initramfs.images.iter().cloned())
        .all(|path| drop_in::newer_than_boot(root, &path) == Some(false));
    Ok(Observed {
        files,
        unread,
        at_path,
        dracut_conf: initramfs::unmasked(root, initramfs::files::DRACUT_BLACKLIST)?,
        path_leads_nowhere,
        cmdline: proc::cmdline(root),
        builtin_in,
        loaded: proc::loaded_modules(root),
        devices: uses::devices(root)?,
        initramfs,
        booted_with,
    })
}
