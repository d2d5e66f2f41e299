//! Reads the host. What a judgement needs and cannot be read becomes a remark `cannot_tell`.

mod binding;
mod boot;
mod iommu;

use host::{HostError, Root, interfaces, kernels, modalias, uses};
use preflight::Selector;
use preflight::check::{self, Remark, Seen};

/// The host as the check judges it.
#[derive(Debug, Default)]
pub struct Observed {
    /// All of it.
    pub host: Seen,
}

/// Notes what cannot be read.
#[derive(Debug, Default)]
pub struct Unread {
    remarks: Vec<Remark>,
}

impl Unread {
    /// The result, or its type's default and a remark. `needed` says what for, as the end of a sentence.
    fn take<T: Default>(&mut self, result: Result<T, HostError>, needed: &str) -> T {
        result.unwrap_or_else(|error| {
            self.note(&error.to_string(), needed);
            T::default()
        })
    }

    fn note(&mut self, what: &str, needed: &str) {
        let remark = Remark {
            code: "cannot_tell",
            message: format!("it cannot be told {needed}: {what}"),
            hint: "run this as root (become: true) on the running host; where it was, mend what the message names, \
                   or accept cannot_tell"
                .to_string(),
        };
        if !self.remarks.contains(&remark) {
            self.remarks.push(remark);
        }
    }
}

/// Reads all that the check of these devices needs.
pub fn observe(root: &Root, selectors: &[Selector]) -> Observed {
    let mut unread = Unread::default();
    let mut host =
        Seen { devices: unread.take(uses::devices(root), "which PCI devices there are"), ..Seen::default() };
    let links = unread.take(root.list("/sys/bus/pci/devices"), "which PCI devices there are");
    if links.len() > host.devices.len() {
        // One of them could be the member of a group that spoils it.
        let what = format!("{} of {} in /sys/bus/pci/devices can be read", host.devices.len(), links.len());
        unread.note(&what, "which PCI devices there are");
    }
    let next = boot::observe(root, &mut host, &mut unread);
    iommu::observe(root, &next, &mut host, &mut unread);
    candidates(root, selectors, &mut host, &mut unread);
    binding::observe(root, &next, &mut host, &mut unread);
    let is_running = host.evidence.in_force.is_some();
    if !check::chosen(selectors, &host.devices).is_empty() && is_running {
        of_devices(root, selectors, &mut host, &mut unread);
    }
    for card in unread.take(interfaces::missing_cards(root), "which network cards are configured") {
        host.remarks.push(Remark {
            code: "nic_renamed",
            message: format!("{}:{}: the network card {} is not there", card.file, card.line, card.name),
            hint:
                "look at ip link: a card gets another name when a card is added or moved; write the new one"
                    .to_string(),
        });
    }
    host.remarks.append(&mut unread.remarks);
    Observed { host }
}

/// The drivers that want the devices.
fn candidates(root: &Root, selectors: &[Selector], host: &mut Seen, unread: &mut Unread) {
    let chosen = check::chosen(selectors, &host.devices);
    let modaliases: Vec<&str> = chosen.iter().map(|device| device.modalias.as_str()).collect();
    if let Some(release) = kernels::running(root).filter(|_| !modaliases.is_empty()) {
        let found = modalias::candidates(root, &release, &modaliases);
        host.candidates = unread.take(found, "which drivers want the devices").unwrap_or_default();
    }
}

/// What is read for the sake of the devices alone.
fn of_devices(root: &Root, selectors: &[Selector], host: &mut Seen, unread: &mut Unread) {
    // The guards go by these tables. One that is missing would show a host that uses nothing.
    let needed = "what the host uses the devices for";
    unread.take(root.read("/proc/self/mountinfo"), needed);
    unread.take(root.read_opt("/proc/swaps"), needed);
    let routes = [root.read_opt("/proc/net/route"), root.read_opt("/proc/net/ipv6_route")];
    if routes.iter().all(|table| matches!(table, Ok(None))) {
        unread.note("there is neither /proc/net/route nor /proc/net/ipv6_route", needed);
    }
    for table in routes {
        unread.take(table, needed);
    }
    let framebuffers =
        unread.take(root.read_opt("/proc/fb"), "which framebuffers there are").unwrap_or_default();
    let text = String::from_utf8_lossy(&framebuffers).into_owned();
    host.framebuffers = text.lines().filter_map(|line| Some(line.split_once(' ')?.1.to_string())).collect();
    let groups: Vec<u32> =
        check::chosen(selectors, &host.devices).iter().filter_map(|device| device.iommu_group).collect();
    let log = host::kernel_log::iommu_lines(root);
    for group in groups {
        let known = host.regions.get(&group).is_some_and(|kinds| !kinds.is_empty());
        if !known && log.is_none() {
            let what = format!(
                "/sys/kernel/iommu_groups/{group}/reserved_regions and the kernel log cannot be read"
            );
            unread.note(&what, "whether the firmware keeps memory of the devices for itself");
        }
    }
    host.log = log.unwrap_or_default();
}
