//! Reads what the chosen parts need, each as far as this user may.

use std::collections::BTreeMap;

use config_text::{device_override, modprobe_d};
use host::bootloader::{self, Bootloader};
use host::firmware::{self, Firmware};
use host::iommu::{self, Group};
use host::kernels::{self, Kernel, ModuleIndex};
use host::modules_load::{self, Lists};
use host::pci::{self, PciDevice};
use host::pci_ids::{self, Names};
use host::proc::{self, Cpu};
use host::{HostError, Root, drop_in, initramfs, kernel_config, kernel_log, modalias, modprobe, uses};
use preflight::{IommuDefault, Use, Verdict};

use crate::evidence;
use crate::subset::Subset;

/// The modules that VFIO consists of; the last one was merged into the first in Linux 6.2.
pub(crate) const VFIO_MODULES: [&str; 4] = ["vfio", "vfio_iommu_type1", "vfio_pci", "vfio_virqfd"];

/// The host. What was not asked for stays empty.
#[derive(Debug, Default)]
pub(crate) struct Observed {
    pub subsets: Vec<Subset>,
    pub cpu: Option<Cpu>,
    pub firmware: Firmware,
    pub bootloader: Option<Bootloader>,
    pub running: Option<String>,
    pub cmdline: Option<String>,
    pub kernels: Option<Vec<(Kernel, Option<IommuDefault>)>>,
    pub has_sysfs: bool,
    pub units: Vec<String>,
    pub groups: Vec<Group>,
    pub interrupt_remapping: Option<bool>,
    pub log: Option<Vec<String>>,
    pub devices: Vec<PciDevice>,
    pub uses: BTreeMap<String, Vec<Use>>,
    pub names: Names,
    pub candidates: Option<BTreeMap<String, Vec<String>>>,
    pub modules: Option<ModuleIndex>,
    pub loaded: Option<Vec<(&'static str, bool)>>,
    pub listed_modules: Vec<String>,
    pub listed_ids: Vec<String>,
    pub listed_addresses: Vec<String>,
    pub verdict: Option<Verdict>,
    pub warnings: Vec<String>,
}

impl Observed {
    /// The running kernel's default, else the weakest of the installed ones.
    pub(crate) fn default_on(&self) -> Option<IommuDefault> {
        let kernels = self.kernels.as_deref().unwrap_or_default();
        kernel_config::default_in_force(self.running.as_deref(), kernels)
    }
}

/// Takes a result; what this user may not read counts as not known, any other fault is told.
fn tolerant<T: Default>(result: Result<T, HostError>, warnings: &mut Vec<String>) -> T {
    result.unwrap_or_else(|error| {
        let denied = matches!(&error, HostError::Io { source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied);
        if !denied {
            warnings.push(error.to_string());
        }
        T::default()
    })
}

/// Reads the host. Never fails: what cannot be read is null in the facts.
pub(crate) fn observe(root: &Root, subsets: &[Subset]) -> Observed {
    let wants = |any: &[Subset]| any.iter().any(|subset| subsets.contains(subset));
    let mut warnings = Vec::new();
    let mut seen = Observed { subsets: subsets.to_vec(), ..Observed::default() };
    seen.running = kernels::running(root);
    seen.cmdline = proc::cmdline(root);
    if wants(&[Subset::Cpu, Subset::Kernel, Subset::Verdict]) {
        seen.cpu = proc::cpu(root);
    }
    if wants(&[Subset::Firmware, Subset::Verdict]) {
        seen.firmware = tolerant(firmware::read(root), &mut warnings);
    }
    if wants(&[Subset::Bootloader, Subset::Verdict]) {
        seen.bootloader = tolerant(bootloader::detect(root).map(Some), &mut warnings);
    }
    if wants(&[Subset::Kernel, Subset::Verdict]) {
        let vendor = seen.cpu.as_ref().and_then(|cpu| cpu.vendor);
        seen.kernels = tolerant(kernels::installed(root).map(Some), &mut warnings).map(|kernels| {
            let with_default = |kernel: Kernel| {
                let default = vendor.map(|vendor| kernel_config::iommu_default(root, &kernel, vendor));
                (kernel, default.and_then(|default| tolerant(default, &mut warnings)))
            };
            kernels.into_iter().map(with_default).collect()
        });
    }
    if wants(&[Subset::Iommu, Subset::Verdict]) {
        seen.has_sysfs = root.is_dir("/sys/kernel") || root.is_dir("/sys/class");
        seen.units = tolerant(iommu::units(root), &mut warnings);
        seen.interrupt_remapping = iommu::interrupt_remapping(root);
    }
    if wants(&[Subset::Iommu, Subset::Groups, Subset::Verdict]) {
        seen.groups = tolerant(iommu::groups(root), &mut warnings);
    }
    if wants(&[Subset::Iommu]) {
        seen.log = kernel_log::iommu_lines(root);
    }
    if wants(&[Subset::Devices, Subset::Vfio]) {
        seen.devices = tolerant(pci::devices(root), &mut warnings);
    }
    if wants(&[Subset::Devices]) {
        seen.uses = tolerant(uses::uses(root, &seen.devices), &mut warnings);
        seen.names = tolerant(pci_ids::names(root, &seen.devices), &mut warnings);
        let aliases: Vec<&str> = seen.devices.iter().map(|device| device.modalias.as_str()).collect();
        let candidates = seen.running.as_deref().map(|release| modalias::candidates(root, release, &aliases));
        seen.candidates = candidates.and_then(|found| tolerant(found, &mut warnings));
    }
    if wants(&[Subset::Vfio, Subset::Verdict]) {
        let index = seen.running.as_deref().map(|release| kernels::modules(root, release).map(Some));
        seen.modules = index.and_then(|index| tolerant(index, &mut warnings)).filter(ModuleIndex::is_known);
        let is_live = |name: &'static str| (name, proc::is_module_live(root, name));
        seen.loaded = root.is_dir("/sys/module").then(|| VFIO_MODULES.map(is_live).to_vec());
    }
    if wants(&[Subset::Vfio]) {
        seen.listed_modules = listed(&tolerant(modules_load::read(root), &mut warnings));
        let files = modprobe::read(root);
        seen.listed_ids = ids(&tolerant(files, &mut warnings), seen.cmdline.as_deref().unwrap_or_default());
    }
    if wants(&[Subset::Vfio]) {
        for path in [initramfs::files::INIT_TOP, initramfs::files::DRACUT_SCRIPT] {
            let script = tolerant(root.read_opt(path), &mut warnings).unwrap_or_default();
            let entries = device_override::parse(&script).unwrap_or_default();
            seen.listed_addresses.extend(entries.into_iter().map(|entry| entry.address));
        }
    }
    if wants(&[Subset::Verdict]) {
        seen.verdict = Some(preflight::verdict(&evidence::collect(root, &seen)));
    }
    warnings.dedup();
    seen.warnings = warnings;
    seen
}

/// The VFIO modules that are listed to be loaded at boot.
fn listed(lists: &Lists) -> Vec<String> {
    let read_at_boot = || lists.all.iter().filter(|list| list.counts);
    let names =
        VFIO_MODULES.into_iter().filter(|name| read_at_boot().any(|list| !list.lines(name).is_empty()));
    names.map(str::to_string).collect()
}

/// The ids that vfio-pci gets: of several `ids=` the last one counts.
fn ids(files: &[drop_in::DropIn], cmdline: &str) -> Vec<String> {
    let config = modprobe::config(files, None).with_kernel_cmdline(cmdline.as_bytes());
    modprobe_d::ids_in_force(&config).map(|(_, ids)| ids).unwrap_or_default()
}
