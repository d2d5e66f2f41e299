//! The preflight and the proof after the reboot: everything that was observed, judged for the devices
//! that a task wants to pass.
//!
//! Fails closed: what a judgement needs and could not be read is itself a problem (`cannot_tell`).

mod binding;
mod boot;
mod codes;
mod device;
mod group;
mod iommu;

use std::collections::BTreeMap;

pub use binding::{Binding, Override};
pub use codes::{CODES, Code, Phase, is_code};

use crate::{Device, Evidence, Problem, Selector, Severity};

/// Something that was found in a text or could not be found out, under the code that it raises.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// One of [`CODES`].
    pub code: &'static str,
    /// What is the matter, where.
    pub message: String,
    /// What to do.
    pub hint: String,
}

/// The host, as far as the check looks at it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// What the verdict is concluded from.
    pub evidence: Evidence,
    /// The evidence about the boot loader, where it does not tell which one boots this host.
    pub unknown_loader: Option<String>,
    /// Why the boot entries do not carry what the settings say.
    pub entries_stale: Option<String>,
    /// Why the initramfs images do not hold what is configured.
    pub initramfs_stale: Option<String>,
    /// What in the binding's files or the images is newer than this boot.
    pub newer_than_boot: Option<String>,
    /// How vfio-pci gets its devices at the next boot.
    pub binding: Binding,
    /// Where `allow_unsafe_interrupts` is switched on: a file and line, or the running kernel.
    pub unsafe_interrupts: Option<String>,
    /// The names in `/proc/fb`: `EFI VGA`, `i915drmfb`, ….
    pub framebuffers: Vec<String>,
    /// The kinds of the reserved regions of each IOMMU group: `msi`, `direct`, ….
    pub regions: BTreeMap<u32, Vec<String>>,
    /// The kernel log's lines about the IOMMU; empty where they cannot be read.
    pub log: Vec<String>,
    /// Every PCI device.
    pub devices: Vec<Device>,
    /// The drivers that would take a device, by modalias.
    pub candidates: BTreeMap<String, Vec<String>>,
    /// What was found in texts, and what could not be read.
    pub remarks: Vec<Remark>,
}

/// What the functions of the themes share.
struct Context<'a> {
    seen: &'a Seen,
    phase: Phase,
    /// The devices that the task means, each once, by address.
    chosen: Vec<&'a Device>,
}

impl Context<'_> {
    fn problem(&self, code: &'static str, message: String, hint: &str) -> Problem {
        let severity = codes::severity(code, self.phase);
        Problem { code, severity, device: None, message, hint: hint.to_string() }
    }

    fn about(&self, device: &Device, code: &'static str, message: String, hint: &str) -> Problem {
        Problem { device: Some(device.address.clone()), ..self.problem(code, message, hint) }
    }

    fn is_chosen(&self, device: &Device) -> bool {
        self.chosen.iter().any(|chosen| chosen.address == device.address)
    }
}

/// The devices that the selectors mean, each once, by address. A bridge is meant only where it is named:
/// a pattern for a slot or a maker is for the devices behind it.
pub fn chosen<'a>(selectors: &[Selector], devices: &'a [Device]) -> Vec<&'a Device> {
    let means = |selector: &Selector, device: &Device| {
        selector.matches(device) && !(device.bridge && selector.is_pattern())
    };
    devices.iter().filter(|device| selectors.iter().any(|selector| means(selector, device))).collect()
}

/// Every problem, errors first; within a severity those of the host before those of devices.
pub fn check(selectors: &[Selector], phase: Phase, seen: &Seen) -> Vec<Problem> {
    let context = Context { seen, phase, chosen: chosen(selectors, &seen.devices) };
    let mut found = iommu::check(&context);
    found.extend(boot::check(&context));
    found.extend(binding::check(&context));
    found.extend(device::selected(&context, selectors));
    let guarded = group::guards(&context);
    found.extend(device::check(&context, &guarded));
    found.extend(group::check(&context));
    found.extend(guarded);
    found.sort_by_key(|problem| problem.severity != Severity::Error);
    found
}
