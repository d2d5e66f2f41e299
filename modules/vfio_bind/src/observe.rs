//! What the decision depends on.

use std::collections::BTreeMap;

use host::drop_in::{self, DropIn};
use host::initramfs::{self, InitramfsState};
use host::kernels::{self, ModuleState};
use host::vfio::{self, Holder};
use host::{Root, modalias, modprobe, modules_load, next_boot, proc, uses};
use preflight::Device;
use protocol::Failure;

use crate::{Args, State};

/// What an installed kernel has to say about vfio-pci.
#[derive(Debug, Default)]
pub struct KernelModules {
    pub release: String,
    /// Where it has vfio-pci; `None` where its tables are missing.
    pub vfio_pci: Option<ModuleState>,
    /// Its own soft dependencies (`modules.softdep`).
    pub softdeps: Vec<u8>,
}

/// A file of this module that the initramfs' generator reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    pub bytes: Vec<u8>,
    pub executable: bool,
}

/// The host as far as binding devices is concerned.
#[derive(Debug, Default)]
pub struct Observed {
    /// Every file in modprobe's directories, masked ones too.
    pub files: Vec<DropIn>,
    /// The bytes of the file to write; `None` where it is missing.
    pub at_path: Option<Vec<u8>>,
    /// Whether the file to write is a link to something that is no file, such as `/dev/null`.
    pub path_leads_nowhere: bool,
    /// The command line of the next boot as the boot loader's settings have it, else the one in force.
    pub cmdline: Vec<u8>,
    pub kernels: Vec<KernelModules>,
    /// By modalias, the drivers that any installed kernel would offer, vfio-pci and pci-stub left out.
    pub candidates: BTreeMap<String, Vec<String>>,
    /// For each driver that is built in, the installed kernels that have it so.
    pub builtin_in: BTreeMap<String, Vec<String>>,
    /// Every PCI device with what the host uses it for.
    pub devices: Vec<Device>,
    /// The `driver_override` of each device that has one.
    pub driver_overrides: BTreeMap<String, String>,
    /// The programs that hold a device of this task which is to be given back now.
    pub holders: BTreeMap<String, Holder>,
    /// Whether vfio-pci is in the running kernel.
    pub vfio_pci_live: bool,
    /// Whether a list of modules to load at boot has vfio-pci.
    pub loaded_at_boot: bool,
    /// Those that are there, by path.
    pub scripts: BTreeMap<&'static str, Script>,
    /// The images and whether they are out of date.
    pub initramfs: InitramfsState,
    /// Whether all these files and images are older than this boot, so that they are in force by now.
    pub booted_with: bool,
}

/// Reads the host.
pub fn observe(args: &Args, root: &Root) -> Result<Observed, Failure> {
    let selectors = args.selectors()?;
    place(args)?;
    let path_leads_nowhere = modprobe::leads_nowhere(root, &args.path);
    let at_path = if path_leads_nowhere { None } else { root.read_opt(&args.path)? };
    let installed = kernels::installed(root)?;
    let devices = uses::devices(root)?;
    let running = proc::cmdline(root).map(String::into_bytes);
    let mut seen = Observed {
        files: modprobe::read(root)?,
        at_path,
        path_leads_nowhere,
        cmdline: next_boot::cmdline(root)?.or(running).unwrap_or_default(),
        vfio_pci_live: proc::is_module_live(root, "vfio_pci"),
        initramfs: initramfs::observe(root, &installed)?,
        devices,
        ..Observed::default()
    };
    let lists = modules_load::read(root)?;
    seen.loaded_at_boot = lists.all.iter().any(|list| list.counts && !list.lines("vfio_pci").is_empty());
    for kernel in &installed {
        drivers(root, &kernel.release, &mut seen)?;
    }
    for path in initramfs::files::ALL {
        if let Some(bytes) = initramfs::unmasked(root, path)? {
            let executable = root.stat(path).is_some_and(|stat| stat.st_mode & 0o111 != 0);
            seen.scripts.insert(path, Script { bytes, executable });
        }
    }
    for device in &seen.devices {
        let path = format!("/sys/bus/pci/devices/{}/driver_override", device.address);
        if let Some(name) = root.text(&path).filter(|name| !name.is_empty() && name != "(null)") {
            seen.driver_overrides.insert(device.address.clone(), name);
        }
    }
    if args.now && args.state == State::Absent {
        // Any of them may be given back: bound to vfio-pci and named, or in the group of one that is.
        let named = |d: &&Device| selectors.iter().any(|s| s.matches(d));
        for device in seen.devices.iter().filter(named).filter(|d| d.driver.as_deref() == Some("vfio-pci")) {
            if let Some(holder) = vfio::holder(root, &device.address, device.iommu_group) {
                seen.holders.insert(device.address.clone(), holder);
            }
        }
    }
    // /run is filled anew at each boot: its times say nothing.
    let lasting = seen.files.iter().map(DropIn::path).filter(|path| !path.starts_with("/run/"));
    seen.booted_with = lasting
        .chain(seen.initramfs.images.iter().cloned())
        .chain(seen.scripts.keys().map(|path| path.to_string()))
        .all(|path| drop_in::newer_than_boot(root, &path) == Some(false));
    Ok(seen)
}

/// Directory and name of the file to write.
pub fn place(args: &Args) -> Result<(&'static str, &str), Failure> {
    modprobe::place(&args.path).map_err(|what| {
        let msg = format!(
            "option path: {}: {what}; give a file such as /etc/modprobe.d/zz-pci-passthrough-vfio.conf",
            args.path
        );
        Failure::coded("path_not_read", msg)
    })
}

/// Adds what one kernel says of vfio-pci and of the devices' drivers.
fn drivers(root: &Root, release: &str, seen: &mut Observed) -> Result<(), Failure> {
    let index = kernels::modules(root, release)?;
    let vfio_pci = index.is_known().then(|| index.state("vfio_pci"));
    let softdeps = root.read_opt(&format!("/lib/modules/{release}/modules.softdep"))?.unwrap_or_default();
    seen.kernels.push(KernelModules { release: release.to_string(), vfio_pci, softdeps });
    let aliases: Vec<&str> = seen.devices.iter().map(|device| device.modalias.as_str()).collect();
    for (alias, mut found) in modalias::candidates(root, release, &aliases)?.unwrap_or_default() {
        found.retain(|name| !preflight::keeps_for_guests(&name.replace('_', "-")));
        let known = seen.candidates.entry(alias).or_default();
        known.append(&mut found);
        known.sort();
        known.dedup();
    }
    let bound = seen.devices.iter().filter_map(|device| device.module.clone());
    let mut names: Vec<String> = seen.candidates.values().flatten().cloned().chain(bound).collect();
    names.sort();
    names.dedup();
    for name in names {
        if index.state(&name) == ModuleState::Builtin {
            seen.builtin_in.entry(name).or_default().push(release.to_string());
        }
    }
    Ok(())
}

impl Observed {
    /// The modules that may drive a device: those that match it, and the one that has it now.
    pub fn drivers_of(&self, device: &Device) -> Vec<String> {
        let mut names = self.candidates.get(&device.modalias).cloned().unwrap_or_default();
        if let (false, Some(module)) = (device.is_kept_for_guests(), &device.module)
            && !names.contains(module)
        {
            names.push(module.clone());
        }
        names
    }

    /// Whether every installed kernel has vfio-pci built in: modprobe.d has no say then.
    pub fn is_builtin(&self) -> bool {
        !self.kernels.is_empty()
            && self.kernels.iter().all(|kernel| kernel.vfio_pci == Some(ModuleState::Builtin))
    }

    /// The releases of the kernels that have vfio-pci in the given state.
    pub fn kernels_with(&self, state: ModuleState) -> Vec<&str> {
        let with = self.kernels.iter().filter(|kernel| kernel.vfio_pci == Some(state));
        with.map(|kernel| kernel.release.as_str()).collect()
    }
}
