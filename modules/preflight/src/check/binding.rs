//! How vfio-pci gets its devices: by id, by address, and before which drivers.

use super::Context;
use crate::{Device, Problem};

/// A device that is bound by its address, while the ids there are still the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Override {
    /// `0000:01:00.0`.
    pub address: String,
    /// Vendor and device that must be there.
    pub id: String,
    /// Subsystem that must be there; `0000:0000` for none.
    pub subsystem: String,
    /// The file that says so.
    pub file: String,
}

impl Override {
    fn takes(&self, device: &Device) -> bool {
        // A virtual function is made after boot: the script in the initramfs never sees it.
        device.physfn.is_none()
            && self.address == device.address
            && self.id == device.id
            && self.subsystem == device.subsystem.as_deref().unwrap_or("0000:0000")
    }
}

/// What is configured for the next boot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Binding {
    /// The elements of the `ids=` that wins: `10de:1b80`, with subsystem, class and mask where given.
    pub ids: Vec<String>,
    /// Where that `ids=` stands.
    pub ids_at: String,
    /// Devices that are bound by address.
    pub overrides: Vec<Override>,
    /// Drivers that modprobe loads vfio-pci before, or does not load by itself; `_` in the names.
    pub held_back: Vec<String>,
    /// Whether vfio-pci is a part of every installed kernel, so that it comes before all modules.
    pub builtin: bool,
    /// The line that keeps modprobe from loading vfio-pci.
    pub kept_out: Option<String>,
}

impl Binding {
    /// Whether vfio-pci takes the device at boot.
    pub fn takes(&self, device: &Device) -> bool {
        self.never_loaded().is_none() && self.is_meant(device)
    }

    /// Where vfio-pci is kept from being loaded, by which everything else is in vain.
    pub fn never_loaded(&self) -> Option<&str> {
        self.kept_out.as_deref().filter(|_| !self.builtin)
    }

    fn is_meant(&self, device: &Device) -> bool {
        self.is_overridden(device) || self.ids.iter().any(|id| matches_id(id, device))
    }

    fn is_overridden(&self, device: &Device) -> bool {
        self.overrides.iter().any(|entry| entry.takes(device))
    }

    /// The first of `drivers` that would have the device before vfio-pci.
    pub fn faster<'a>(&self, device: &Device, drivers: &'a [String]) -> Option<&'a str> {
        // An override keeps every other driver away, whichever comes first.
        if self.builtin || self.is_overridden(device) {
            return None;
        }
        drivers.iter().map(String::as_str).find(|d| !self.held_back.contains(&d.replace('-', "_")))
    }
}

/// Whether an element of `ids=` means the device, as `pci_match_one_device` in `drivers/pci/pci.h`
/// compares: vendor, device, subsystem vendor and device, class under a mask; `ffffffff` is any.
fn matches_id(id: &str, device: &Device) -> bool {
    let number = |text: &str| {
        u32::from_str_radix(text.trim().trim_start_matches("0x").trim_start_matches("0X"), 16).ok()
    };
    let fields: Option<Vec<u32>> = id.split(':').map(number).collect();
    let Some(fields) = fields.filter(|fields| (2..=6).contains(&fields.len())) else { return false };
    let full = format!("{}:{}", device.id, device.subsystem.as_deref().unwrap_or("0:0"));
    let has: Vec<Option<u32>> = full.split(':').map(number).collect();
    let same = |at: usize| {
        let wanted = fields.get(at).copied().unwrap_or(u32::MAX);
        wanted == u32::MAX || has.get(at) == Some(&Some(wanted))
    };
    let (class, mask) = (fields.get(4).copied().unwrap_or(0), fields.get(5).copied().unwrap_or(0));
    (0..4).all(same) && (class ^ device.class) & mask == 0
}

pub(super) fn check(context: &Context) -> Vec<Problem> {
    let seen = context.seen;
    let binding = &seen.binding;
    let mut problems: Vec<Problem> = leftovers(context).collect();
    for id in &binding.ids {
        let means: Vec<&Device> = seen.devices.iter().filter(|d| !d.bridge && matches_id(id, d)).collect();
        if means.is_empty() && !seen.devices.is_empty() {
            problems.push(context.problem(
                "leftover_ids",
                format!("{}: ids= lists {id}, which no device of this host has", binding.ids_at),
                "take the id out, or put the device back",
            ));
        }
        let (ours, others): (Vec<&Device>, Vec<&Device>) =
            means.into_iter().partition(|device| context.is_chosen(device));
        if let (Some(device), false) = (ours.first(), others.is_empty()) {
            let others: Vec<&str> = others.iter().map(|other| other.address.as_str()).collect();
            let hint = match &device.physfn {
                None => {
                    "bind this one by its address (vfio_bind with method: override), or list the others too"
                }
                Some(_) => {
                    "list the others too: a virtual function is made after boot and can be bound by its id alone"
                }
            };
            problems.push(context.about(
                device,
                "identical_devices",
                format!(
                    "{}: ids= with {id} takes {} as well as {}",
                    binding.ids_at,
                    others.join(", "),
                    device.address
                ),
                hint,
            ));
        }
    }
    problems
}

/// Lines that bind an address where the device is gone, or is another one by now.
fn leftovers<'a>(context: &'a Context) -> impl Iterator<Item = Problem> + 'a {
    let devices = &context.seen.devices;
    let stale = |entry: &&Override| !devices.is_empty() && !devices.iter().any(|d| entry.takes(d));
    context.seen.binding.overrides.iter().filter(stale).map(|entry| {
        let Override { address, id, file, .. } = entry;
        let now = match devices.iter().find(|device| device.address == *address) {
            Some(Device { physfn: Some(_), .. }) => {
                "this is a virtual function, which is made after the script has run".to_string()
            }
            Some(device) => format!("{} is there by now", device.id),
            None => "no device is there".to_string(),
        };
        let message = format!("{file}: {address} is bound by its address as {id}, and {now}");
        context.problem(
            "leftover_override",
            message,
            "run vfio_bind again for the devices to pass; look them up with lspci -nn",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_match_as_the_kernel_matches_them() {
        let device = Device {
            id: "10de:1b80".to_string(),
            subsystem: Some("1043:87b8".to_string()),
            class: 0x030000,
            ..Device::default()
        };
        for (id, expected) in [
            ("10de:1b80", true),
            ("10DE:1B80", true),
            ("0x10de:0x1b80", true),
            ("10de:ffffffff", true),
            ("10de:1b80:1043:87b8", true),
            ("10de:1b80:1043", true),
            ("10de:1b80:1462", false),
            ("10de:ffffffff:ffffffff:ffffffff:030000:ff0000", true),
            ("10de:ffffffff:ffffffff:ffffffff:040300:ffff00", false),
            ("10de:1b81", false),
            ("10de", false),
            ("%IDS%", false),
        ] {
            assert_eq!(matches_id(id, &device), expected, "{id}");
        }
        let plain = Device { subsystem: None, ..device };
        assert!(matches_id("10de:1b80", &plain) && !matches_id("10de:1b80:1043:87b8", &plain));
    }

    #[test]
    fn who_comes_first() {
        let device =
            Device { address: "0000:01:00.0".to_string(), id: "1:2".to_string(), ..Device::default() };
        let bound = Override {
            address: device.address.clone(),
            id: device.id.clone(),
            subsystem: "0000:0000".to_string(),
            file: String::new(),
        };
        let drivers = ["nouveau".to_string(), "nvidia-drm".to_string()];
        let mut binding = Binding { held_back: vec!["nouveau".to_string()], ..Binding::default() };
        assert_eq!(binding.faster(&device, &drivers), Some("nvidia-drm"));
        binding.held_back.push("nvidia_drm".to_string());
        assert_eq!(binding.faster(&device, &drivers), None);
        for binding in [
            Binding { builtin: true, ..Binding::default() },
            Binding { overrides: vec![bound.clone()], ..Binding::default() },
        ] {
            assert_eq!(binding.faster(&device, &drivers), None);
        }
        let kept_out = Some("/etc/modprobe.d/harden.conf:1".to_string());
        let ids = vec![device.id.clone()];
        let by_id = Binding { ids, kept_out, overrides: vec![bound.clone()], ..Binding::default() };
        assert!(!by_id.takes(&device) && Binding { builtin: true, ..by_id }.takes(&device));
        let virtual_function = Device { physfn: Some("0000:01:00.1".to_string()), ..device.clone() };
        let by_address = Binding { overrides: vec![bound.clone()], ..Binding::default() };
        assert!(by_address.takes(&device) && !by_address.takes(&virtual_function));
        assert!(by_address.faster(&virtual_function, &drivers).is_some());
        let moved = Override { id: "1:3".to_string(), ..bound };
        let binding = Binding { overrides: vec![moved], ..Binding::default() };
        assert!(!binding.takes(&device) && binding.faster(&device, &drivers).is_some());
    }
}
